"""The picture of a training: both losses in their colours, round numbers at the axes."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from worker.training.curves import CURVES, drawn_curves, round_ticks, write_curves
from worker.training.loop import EpochReport

NAN = float("nan")


def report(step: int, training: float, validation: float) -> EpochReport:
    return EpochReport(step, 1e-3, training, validation, 0.1, 0.1, 0.1)


def columns_of(picture: np.ndarray, name: str) -> np.ndarray:
    """Columns of the axes in which a curve's colour is seen; the legend lies above row 60."""
    return np.unique(np.nonzero((picture[60:] == CURVES[name][1]).all(axis=2))[1])


def test_both_losses_are_drawn_from_their_first_to_their_last_step() -> None:
    picture = drawn_curves([report(step, 2 / step, 3 / step) for step in range(1, 11)])
    assert picture.shape == (540, 900, 3)
    for name in CURVES:
        drawn = columns_of(picture, name)
        # Step 1 of 10 lies a tenth to the right of the axis, which spans columns 92 to 870.
        assert drawn.min() == pytest.approx(170, abs=4)
        assert drawn.max() == pytest.approx(870, abs=4)


def test_a_training_without_validation_has_one_curve_and_one_epoch_is_a_dot(tmp_path: Path) -> None:
    picture = drawn_curves([report(5, 1.0, NAN)])
    assert len(columns_of(picture, "training")) >= 5
    assert len(columns_of(picture, "validation")) == 0
    write_curves(tmp_path / "curves.png", [report(5, 1.0, NAN)])
    with Image.open(tmp_path / "curves.png") as written:
        assert np.array_equal(np.asarray(written), picture)
    write_curves(tmp_path / "none.png", [])
    assert [path.name for path in tmp_path.iterdir()] == ["curves.png"]


@pytest.mark.parametrize(("highest", "last", "n"), [(2.3, 2.5, 6), (7000, 8000, 5), (0.04, 0.04, 5), (1, 1, 6)])
def test_axes_end_at_the_first_round_number_above(highest: float, last: float, n: int) -> None:
    ticks = round_ticks(highest)
    assert (ticks[-1], len(ticks)) == (pytest.approx(last), n)
