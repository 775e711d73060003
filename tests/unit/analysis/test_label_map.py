"""Which arrays are accepted as label maps, what is said about the others, and the runs of a map."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from shared.arrays import Labels
from shared.errors import InputError
from worker.analysis.label_map import labels_from_array, numbered_as_before, particle_runs

NUMBERED = [[0, 3, 3], [0, 0, 0], [7, 0, 100]]


@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f2", "f4", "f8", ">u2", ">i4"])
def test_whole_numbers_of_any_type_are_kept_as_they_are(dtype: str) -> None:
    labels = labels_from_array(np.array(NUMBERED, dtype=dtype))
    assert labels.dtype == np.int32
    assert labels.tolist() == NUMBERED


def test_the_parts_of_a_mask_become_particles() -> None:
    mask = np.array([[1, 0, 0, 1], [0, 1, 0, 1]], dtype=bool)
    # Pixels that share a corner belong together.
    assert labels_from_array(mask).tolist() == [[1, 0, 0, 2], [0, 1, 0, 2]]


def test_parts_are_numbered_as_the_particles_they_come_from_and_further_ones_as_no_other() -> None:
    before = np.array([[9, 9, 9, 9], [0, 0, 0, 0], [1, 0, 4, 4]], dtype=np.int32)
    parts = np.array([[1, 0, 2, 2], [0, 0, 0, 0], [3, 0, 4, 4]], dtype=np.int32)
    assert numbered_as_before(parts, before).tolist() == [[9, 0, 2, 2], [0, 0, 0, 0], [1, 0, 4, 4]]
    assert numbered_as_before(np.zeros_like(before), before).tolist() == np.zeros_like(before).tolist()


@pytest.mark.parametrize("shape", [(1, 3, 3), (3, 3, 1), (1, 1, 3, 3)])
def test_a_stack_of_one_image_is_that_image(shape: tuple[int, ...]) -> None:
    assert labels_from_array(np.array(NUMBERED).reshape(shape)).tolist() == NUMBERED
    assert labels_from_array(np.array([[1, 0, 2]])).tolist() == [[1, 0, 2]], "a map of one row keeps it"


def test_an_all_background_map_is_accepted() -> None:
    assert labels_from_array(np.zeros((2, 3), dtype=np.uint8)).tolist() == [[0, 0, 0], [0, 0, 0]]


@pytest.mark.parametrize(
    ("array", "code"),
    [
        (np.zeros((2, 2, 3), dtype=np.uint8), "labels_rgb"),
        (np.zeros((5, 20, 30), dtype=np.uint8), "labels_several_images"),
        (np.zeros((2, 5, 20, 30), dtype=np.uint8), "labels_several_images"),
        (np.zeros(4, dtype=np.uint8), "labels_not_2d"),
        (np.zeros((0, 4), dtype=np.uint8), "labels_empty"),
        (np.array([["a"]]), "labels_not_numeric"),
        (np.array([[1 + 1j]]), "labels_not_numeric"),
        (np.array([[0.0, np.nan]]), "labels_not_finite"),
        (np.array([[0.0, np.inf]]), "labels_not_finite"),
        (np.array([[0.0, 1.5]]), "labels_not_whole"),
        (np.array([[0, -1]], dtype=np.int8), "labels_negative"),
        (np.array([[0.0, -1.0]]), "labels_negative"),
        (np.array([[0, 2**31]], dtype=np.uint32), "labels_too_large"),
        (np.array([[0, 2**64 - 1]], dtype=np.uint64), "labels_too_large"),
        (np.array([[0, 1e30]]), "labels_too_large"),
    ],
)
def test_an_array_that_is_no_label_map_is_refused_with_its_code(array: np.ndarray, code: str) -> None:
    with pytest.raises(InputError) as caught:
        labels_from_array(array)
    assert caught.value.code == code


def test_the_largest_int32_is_a_label() -> None:
    assert labels_from_array(np.array([[0, 2**31 - 1]], dtype=np.uint64)).max() == 2**31 - 1


def test_a_label_with_two_parts_is_refused_and_named() -> None:
    with pytest.raises(InputError, match=r"several parts: 4, 9\.") as caught:
        labels_from_array(np.array([[4, 0, 4, 5], [9, 0, 0, 9]]))
    assert caught.value.code == "labels_not_contiguous"
    assert caught.value.details["labels"] == [4, 9]


def test_parts_that_touch_at_a_corner_are_one_particle() -> None:
    assert labels_from_array(np.array([[4, 0], [0, 4]])).tolist() == [[4, 0], [0, 4]]


def test_a_particle_between_two_parts_does_not_join_them() -> None:
    with pytest.raises(InputError, match="several parts: 4"):
        labels_from_array(np.array([[4, 5, 4]]))


def test_a_long_list_of_broken_labels_is_cut_in_the_message_only() -> None:
    row = np.arange(1, 31)
    with pytest.raises(InputError, match="8, 9, 10 and others") as caught:
        labels_from_array(np.stack([row, np.zeros(30, dtype=int), row]))
    assert len(caught.value.details["labels"]) == 30


@given(arrays(np.int32, array_shapes(min_dims=2, max_dims=2, max_side=9), elements=st.integers(0, 3)))
def test_the_runs_rebuild_the_map(labels: Labels) -> None:
    runs = particle_runs(labels)
    rebuilt = np.zeros_like(labels)
    for particle, row, start, stop in zip(runs.particle, runs.row, runs.start, runs.stop, strict=True):
        assert (rebuilt[row, start:stop] == 0).all()
        rebuilt[row, start:stop] = runs.numbers[particle]
    assert np.array_equal(rebuilt, labels)
