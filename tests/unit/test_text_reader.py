"""The text reader with its own trained models."""

import socket

import numpy as np
import pytest

from tests.unit.analysis.scale_bar.drawing import canvas
from worker.analysis.scale_bar.length_text import most_likely_length
from worker.text_reader import RapidTextReader


@pytest.fixture(scope="module")
def reader() -> RapidTextReader:
    return RapidTextReader()


def page() -> np.ndarray:
    picture = canvas(200, 500)
    picture.text("EHT = 5.00 kV", 30, 30, 18, 255)
    picture.text("500 nm", 300, 120, 24, 255)
    return picture.pixels()


def test_lines_are_found_where_they_stand_and_read(reader) -> None:
    lines = {line.text.replace(" ", ""): line for line in reader.lines(page())}
    assert set(lines) == {"EHT=5.00kV", "500nm"}
    box = lines["500nm"].box
    assert 110 <= box.top <= 125
    assert 140 <= box.bottom <= 160
    assert 290 <= box.left <= 302
    assert all(line.score > 0.9 for line in lines.values())


def test_the_same_image_gives_the_same_lines(reader) -> None:
    assert reader.lines(page()) == reader.lines(page())


def test_the_characters_of_a_line_are_probabilities(reader) -> None:
    seen = reader.characters(page()[110:160, 285:400])
    assert seen.probabilities.shape[1] == len(seen.characters)
    assert seen.characters[0] == ""
    assert seen.probabilities.sum(axis=1) == pytest.approx(1, abs=1e-3)
    length = most_likely_length(seen)
    assert length is not None
    assert length.value_nm == 500


@pytest.mark.parametrize("shape", [(5, 5), (30, 2000), (2000, 30), (1, 1), (600, 800)])
def test_an_empty_image_of_any_shape_has_no_lines(reader, shape) -> None:
    assert reader.lines(np.zeros(shape, np.uint8)) == ()


def test_nothing_is_asked_of_the_network(monkeypatch) -> None:
    def refuse(*_args, **_kwargs):
        raise AssertionError("the text reader opened a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    assert RapidTextReader().lines(page())
