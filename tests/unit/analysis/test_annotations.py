"""Which readings are letters and which are particles, and how far an annotation reaches."""

import numpy as np
import pytest

from shared.geometry import Box
from tests.unit.analysis.scale_bar.drawing import specimen
from worker.analysis.annotations import MARGIN_PX, find_annotations, is_annotation
from worker.analysis.lettering import TextLine

FIELD = Box(0, 400, 0, 600)
PLACE = Box(20, 60, 30, 90)


@pytest.mark.parametrize(
    ("text", "score", "is_text"),
    [
        ("100 nm", 0.95, True), ("(a)", 0.95, True), ("SiO2", 0.92, True), ("A", 0.995, True), ("b)", 0.99, True),
        ("100 nm", 0.6, False), ("0", 0.99, False), ("O", 1.0, False), ("00", 0.99, False), ("8980", 0.99, False),
        ("口", 0.99, False), ("A", 0.9, False), ("--", 0.99, False), ("", 1.0, False), ("  ", 1.0, False),
    ],
)  # fmt: skip
def test_round_particles_are_no_letters_and_one_letter_must_be_sure(text, score, is_text) -> None:
    assert is_annotation(TextLine(PLACE, text, score), rows=400) is is_text


def test_a_letter_of_half_the_picture_is_a_particle() -> None:
    assert not is_annotation(TextLine(Box(0, 200, 0, 300), "AB", 0.99), rows=400)


def test_an_annotation_has_a_margin_and_stays_in_the_field() -> None:
    pixels = specimen(400, 600)
    pixels[20:60, 30:90:5] = 255
    boxes = find_annotations(pixels, [TextLine(PLACE, "(a)", 0.99)], [Box(395, 400, 0, 50)], FIELD)
    assert boxes[0] == Box(20 - MARGIN_PX, 60 + MARGIN_PX, 30 - MARGIN_PX, 86 + MARGIN_PX)
    assert boxes[1] == Box(395 - MARGIN_PX, 400, 0, 50 + MARGIN_PX)


def test_what_lies_in_the_banner_is_no_annotation_of_the_field() -> None:
    field = Box(0, 300, 0, 600)
    assert find_annotations(specimen(400, 600), [TextLine(Box(310, 340, 30, 90), "10 kV", 0.99)], [], field) == ()


def test_the_box_that_is_drawn_behind_a_text_belongs_to_it() -> None:
    pixels = specimen(400, 600)
    pixels[10:75, 20:110] = 255
    pixels[30:50, 40:80:3] = 0
    (box,) = find_annotations(pixels, [TextLine(PLACE, "100 nm", 0.99)], [], FIELD)
    assert (box.top, box.bottom) == (10 - MARGIN_PX, 75 + MARGIN_PX)
    assert (box.left, box.right) == (20 - MARGIN_PX, 110 + MARGIN_PX)


def test_an_even_background_is_no_box() -> None:
    pixels = np.zeros((400, 600), np.uint8)
    pixels[30:50, 40:80:3] = 255
    (box,) = find_annotations(pixels, [TextLine(PLACE, "100 nm", 0.99)], [], FIELD)
    # No larger than the letters with their margin, though the text reader's box is.
    assert box == Box(30 - MARGIN_PX, 50 + MARGIN_PX, 40 - MARGIN_PX, 80 + MARGIN_PX)
