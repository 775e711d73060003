"""Between which points of its drawing a bar counts, by maker."""

import pytest

from worker.analysis.scale_bar.bars import Bar
from worker.analysis.scale_bar.conventions import length_by_convention
from worker.analysis.scale_bar.strokes import Ink

TICKED = Bar("ticks", 101.0, 200.0, 10.0, 1, Ink(255, 0), outer=(99.5, 201.5))
BLOCK = Bar("solid", 99.5, 201.5, 10.0, 14, Ink(255, 0))


@pytest.mark.parametrize("vendor", [None, "ZEISS", "TESCAN", "FEI", "JEOL", "Hitachi"])
def test_a_bar_with_ticks_counts_from_centre_to_centre(vendor) -> None:
    assert length_by_convention(TICKED, vendor) == 99


def test_tvips_counts_from_edge_to_edge() -> None:
    assert length_by_convention(TICKED, "TVIPS") == 102


@pytest.mark.parametrize("true_length", [28.7, 45.9, 101.3, 106.7])
def test_a_block_of_jeol_is_right_within_half_a_pixel(true_length) -> None:
    drawn = Bar("solid", -0.5, int(true_length) + 0.5, 10.0, 14, Ink(255, 0))
    assert length_by_convention(drawn, "JEOL") == pytest.approx(true_length, abs=0.5)


def test_the_block_of_a_maker_that_is_not_known_counts_as_it_is_drawn() -> None:
    assert length_by_convention(BLOCK, None) == 102
