"""The kind of a micrograph follows from what it shows."""

import numpy as np
import pytest

from worker.training.kinds import figures_by_kind, kinds
from worker.training.scoring import score_image


def squares(n, pitch):
    labels = np.zeros((12 * pitch, 12 * pitch), dtype=np.int32)
    for number in range(n):
        row, column = divmod(number, 11)
        labels[row * pitch : row * pitch + 8, column * pitch : column * pitch + 8] = number + 1
    return labels


@pytest.mark.parametrize(
    ("n", "pitch", "grey", "expected"),
    [
        (9, 20, 200, ("bright_particles", "separate", "few_particles")),
        (9, 8, 20, ("dark_particles", "touching", "few_particles")),
        (60, 20, 20, ("dark_particles", "separate", "many_particles")),
    ],
)
def test_contrast_contact_and_number_make_the_kind(n, pitch, grey, expected):
    labels = squares(n, pitch)
    assert kinds(np.where(labels > 0, grey, 100).astype(np.uint8), labels) == expected


def test_a_picture_without_particles_or_without_background_has_a_kind():
    empty = np.zeros((5, 5), dtype=np.int32)
    assert kinds(empty.astype(np.uint8), empty)[1:] == ("separate", "few_particles")
    assert kinds(empty.astype(np.uint8), empty + 1)[0] == "bright_particles"


def test_figures_are_taken_over_the_images_of_the_kind_alone():
    labels = squares(9, 20)
    good, bad = score_image(labels, labels), score_image(labels, np.zeros_like(labels))
    found = {figure.name: figure for figure in figures_by_kind([good, bad, good], [("x",), ("y",), ("x", "z")])}
    assert (found["map_of_x"].value, found["map_of_x"].n) == (1.0, 2)
    assert (found["f1_of_y"].value, found["f1_of_y"].n) == (0.0, 1)
    assert found["median_ecd_error_of_z"].value == 0.0
