"""The width of the field is found by the names that makers give it, and nothing else is taken for it."""

import pytest

from shared.geometry import Box
from worker.analysis.lettering import TextLine
from worker.analysis.scale_bar.field_width import field_widths_nm


def line(text: str, top: int = 0, left: int = 0, score: float = 0.99) -> TextLine:
    return TextLine(Box(top, top + 20, left, left + 12 * len(text)), text, score)


@pytest.mark.parametrize(
    ("text", "width_nm"),
    [
        ("HFW 19.9 µm", 19_900), ("HFW: 592 nm", 592), ("View field: 3.306 µm", 3306), ("Width = 12.3 um", 12_300),
        ("FW: 89.5 μm", 89_500), ("FOV: 268 µm, Mode: 15kV", 268_000), ("WD: 5 mm View field: 1,49 mm", 1_490_000),
    ],
)  # fmt: skip
def test_a_stated_field_is_read_in_every_spelling(text, width_nm) -> None:
    assert field_widths_nm([line(text)]) == [pytest.approx(width_nm)]


@pytest.mark.parametrize("text", ["WD 5.4 mm", "5 µm", "line width 20 nm", "HFWM 20 nm", "Field: 5 kV", "HFW 20 kV", "HFW"])
def test_other_lengths_are_no_field(text) -> None:
    assert field_widths_nm([line(text)]) == []


def test_the_number_may_stand_below_its_name() -> None:
    lines = [line("HFW", left=200), line("WD"), line("5.1 mm", top=26), line("20.7 µm", top=26, left=196)]
    assert field_widths_nm(lines) == [20_700]


def test_a_number_far_away_or_badly_read_is_not_the_field() -> None:
    assert field_widths_nm([line("HFW"), line("20.7 µm", top=80)]) == []
    assert field_widths_nm([line("HFW"), line("20.7 µm", top=26, score=0.7)]) == []
    assert field_widths_nm([line("HFW 20.7 µm", score=0.8)]) == []


def test_a_unit_that_was_found_apart_belongs_to_its_number() -> None:
    assert field_widths_nm([line("HFW 1.52"), line("mm", left=100)]) == [1_520_000]
    assert field_widths_nm([line("HFW"), line("3.15", top=26), line("mm", top=26, left=52)]) == [3_150_000]
    assert field_widths_nm([line("HFW 1.52"), line("mm", left=300)]) == []
