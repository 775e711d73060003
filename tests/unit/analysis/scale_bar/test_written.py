"""Lengths among lines of text: several looks must agree, and a text cut by the edge of the picture is none."""

import numpy as np
import pytest

from shared.arrays import GreyImage
from shared.geometry import Box
from tests.unit.analysis.scale_bar.drawing import canvas
from worker.analysis.lettering import CharacterProbabilities, TextLine
from worker.analysis.scale_bar.written import read_again, written_lengths

CHARACTERS = ("", *"0123456789. nµm")


class Looks:
    """A reader that says a prepared text with a prepared probability, look by look; the last one from then on."""

    def __init__(self, *looks: tuple[str, float]) -> None:
        self.left = list(looks)

    def lines(self, grey: GreyImage) -> tuple[TextLine, ...]:
        raise AssertionError("lines are handed in")

    def characters(self, grey: GreyImage) -> CharacterProbabilities:
        text, probability = self.left.pop(0) if len(self.left) > 1 else self.left[0]
        table = np.zeros((2 * len(text), len(CHARACTERS)), np.float32)
        for row, character in zip(table[::2], text, strict=True):
            row[CHARACTERS.index(character)] = probability
        table[:, 0] = 1 - table.sum(axis=1)
        return CharacterProbabilities(CHARACTERS, table)


def picture(left: int = 20) -> GreyImage:
    drawing = canvas(60, 200)
    drawing.text("2.0 um", left, 20, 16, 255)
    return drawing.pixels()


def line(text: str = "", left: int = 18) -> TextLine:
    return TextLine(Box(18, 40, left, left + 70), text, 0.9)


def test_looks_that_agree_are_believed() -> None:
    length = read_again(picture(), line("2.0 µm"), Looks(("2.0 µm", 0.99)))
    assert length is not None
    assert length.value_nm == 2000
    assert length.confidence > 0.95


@pytest.mark.parametrize(
    "looks",
    [
        [("20 µm", 0.99), ("2.0 µm", 0.7)],
        # Both usual looks lose the point; as neither is sure, more are taken.
        [("20 µm", 0.7), ("20 µm", 0.6), ("2.0 µm", 0.6)],
    ],
)
def test_a_point_that_one_look_sees_and_another_does_not_is_no_answer(looks) -> None:
    length = read_again(picture(), line(), Looks(*looks))
    assert length is not None
    assert length.confidence < 0.5


def test_the_first_reading_of_the_line_objects_too() -> None:
    length = read_again(picture(), line("2.0 µm"), Looks(("20 µm", 0.99)))
    assert length is not None
    assert length.confidence < 0.5


@pytest.mark.parametrize(("left", "is_read"), [(0, False), (12, True)])
def test_a_text_at_the_left_edge_may_have_lost_figures(left, is_read) -> None:
    found = written_lengths(picture(left), [line("2.0 µm", left=max(left - 2, 0))], Looks(("2.0 µm", 0.99)))
    assert bool(found) == is_read
