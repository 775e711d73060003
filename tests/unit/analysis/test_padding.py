"""What is not specimen is replaced for the segmenter and removed from its answer."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from shared.geometry import AnalysedField, Banner, Box
from worker.analysis.padding import analysed_field, cut_to_field, reflect_outside, reflect_over

SHAPES = st.tuples(st.integers(1, 12), st.integers(1, 12))


@st.composite
def banners(draw, rows):
    top = draw(st.integers(0, rows - 1))
    return Banner(top, draw(st.integers(top + 1, rows)))


@st.composite
def fields(draw):
    shape = draw(SHAPES)
    return shape, analysed_field(shape, draw(banners(shape[0])))


def test_without_a_banner_the_field_is_the_image():
    assert analysed_field((30, 40), None) == AnalysedField(0, 30, 0, 40)


def test_below_a_bottom_banner_nothing_is_analysed_even_where_the_image_shows_again():
    assert analysed_field((100, 40), Banner(80, 97)) == AnalysedField(0, 80, 0, 40)


def test_a_banner_at_the_top_leaves_the_rows_below_it():
    assert analysed_field((100, 40), Banner(0, 20)) == AnalysedField(20, 100, 0, 40)


def test_a_banner_over_everything_leaves_an_empty_field_and_no_particles():
    field = analysed_field((10, 4), Banner(0, 10))
    assert field.area_px == 0
    assert not cut_to_field(np.ones((10, 4), np.int32), field).any()
    assert reflect_outside(np.ones((10, 4), np.float32), field).all()


def test_the_row_next_to_the_banner_is_repeated_then_the_one_above_it():
    image = np.array([[1], [2], [3], [9], [9]], np.float32)
    assert reflect_outside(image, AnalysedField(0, 3, 0, 1)).ravel().tolist() == [1, 2, 3, 3, 2]


def test_a_banner_taller_than_the_field_is_filled_by_mirroring_again():
    image = np.array([[1], [2], [0], [0], [0], [0], [0]], np.float32)
    assert reflect_outside(image, AnalysedField(0, 2, 0, 1)).ravel().tolist() == [1, 2, 2, 1, 1, 2, 2]


def test_a_ring_cut_through_stays_one_particle_its_largest_piece():
    ring = np.zeros((9, 9), np.int32)
    ring[1:8, 1:8] = 5
    ring[2:7, 2:7] = 0
    cut = cut_to_field(ring, AnalysedField(0, 5, 0, 9))
    assert cut.max() == 1
    sides = cut_to_field(ring, AnalysedField(3, 5, 0, 7))
    assert sides.max() == 1
    left = cut_to_field(ring, AnalysedField(3, 5, 0, 8), [Box(3, 4, 7, 8)])
    assert np.argwhere(left).tolist() == [[3, 1], [4, 1]]


def test_touching_particles_stay_apart():
    labels = np.repeat(np.array([[3, 3, 8, 8]], np.int32), 4, axis=0)
    assert cut_to_field(labels, AnalysedField(0, 2, 0, 4))[0].tolist() == [1, 1, 2, 2]


@given(fields(), st.data())
def test_the_field_lies_beside_the_banner_and_keeps_the_larger_part(case, data):
    shape, _ = case
    banner = data.draw(banners(shape[0]))
    field = analysed_field(shape, banner)
    assert field.bottom <= banner.top or field.top >= banner.bottom
    assert field.bottom - field.top == max(banner.top, shape[0] - banner.bottom)


@given(fields(), st.data())
def test_reflection_keeps_the_field_and_equals_symmetric_padding(case, data):
    shape, field = case
    image = data.draw(arrays(np.float32, shape, elements=st.floats(0, 1, width=32)))
    before = image.copy()
    padded = reflect_outside(image, field)
    np.testing.assert_array_equal(image, before)
    assert padded.shape == shape
    if field.area_px:
        width = ((field.top, shape[0] - field.bottom), (0, 0))
        np.testing.assert_array_equal(padded, np.pad(image[field.slices], width, mode="symmetric"))


@given(fields(), st.data())
def test_labels_after_the_cut_are_consecutive_connected_and_inside_the_field(case, data):
    shape, field = case
    labels = data.draw(arrays(np.int32, shape, elements=st.integers(0, 4)))
    before = labels.copy()
    cut = cut_to_field(labels, field)
    np.testing.assert_array_equal(labels, before)
    assert cut.dtype == np.int32
    assert np.count_nonzero(cut) == np.count_nonzero(cut[field.slices])
    found = np.unique(cut[cut > 0])
    assert found.tolist() == list(range(1, len(found) + 1))
    if labels[field.slices].shape == labels.shape:
        return
    kept = np.zeros_like(labels)
    kept[field.slices] = labels[field.slices]
    assert len(found) == len(np.unique(kept[kept > 0]))
    for number in found:
        (particle,) = np.unique(kept[cut == number])
        pieces, _ = ndimage.label(kept == particle, structure=np.ones((3, 3)))
        sizes = np.bincount(pieces.ravel())[1:]
        assert np.count_nonzero(cut == number) == sizes.max()
        assert len(np.unique(pieces[cut == number])) == 1


@pytest.mark.shared_data
def test_hand_drawn_labels_lose_only_what_lies_in_the_banner(shared_data):
    labels = cv2.imread(str(shared_data / "emps" / "labels" / "fd1f58d925.png"), cv2.IMREAD_UNCHANGED).astype(np.int32)
    cut = cut_to_field(labels, analysed_field(labels.shape, Banner(482, 512)))
    np.testing.assert_array_equal(cut[:482] > 0, labels[:482] > 0)
    assert not cut[482:].any()


def test_an_annotation_is_replaced_by_the_mirror_image_of_what_lies_above_and_below_it() -> None:
    image = np.arange(10, dtype=np.uint8)[:, None].repeat(6, axis=1)
    filled = reflect_over(image, [Box(4, 8, 1, 3)], AnalysedField(0, 10, 0, 6))
    assert filled[4:8, 1].tolist() == [3, 2, 9, 8]
    outside = np.ones(image.shape, bool)
    outside[4:8, 1:3] = False
    assert (filled[outside] == image[outside]).all()


def test_an_annotation_at_the_edge_is_mirrored_from_the_side_that_has_room() -> None:
    image = np.arange(10, dtype=np.uint8)[:, None].repeat(6, axis=1)
    assert reflect_over(image, [Box(7, 10, 0, 6)], AnalysedField(0, 10, 0, 6))[7:, 0].tolist() == [6, 5, 4]
    assert reflect_over(image, [Box(0, 3, 0, 6)], AnalysedField(0, 10, 0, 6))[:3, 0].tolist() == [5, 4, 3]


def test_an_annotation_of_nearly_the_whole_height_is_mirrored_from_its_sides() -> None:
    image = np.arange(12, dtype=np.uint8)[None, :].repeat(5, axis=0)
    assert reflect_over(image, [Box(0, 5, 4, 8)], AnalysedField(0, 5, 0, 12))[2, 4:8].tolist() == [3, 2, 9, 8]


def test_one_annotation_is_never_mirrored_into_another() -> None:
    image = np.full((40, 20), 100, np.uint8)
    letters, bar = Box(10, 18, 2, 18), Box(20, 24, 2, 18)
    for box in (letters, bar):
        image[box.slices] = 255
    assert (reflect_over(image, [letters, bar], AnalysedField(0, 40, 0, 20)) == 100).all()


def test_the_banner_is_never_mirrored_into_an_annotation() -> None:
    image = np.full((40, 20), 100, np.uint8)
    image[30:] = 0
    image[26:30, 2:18] = 255
    filled = reflect_over(image, [Box(26, 30, 2, 18)], AnalysedField(0, 30, 0, 20))
    assert (filled[:30] == 100).all()


@given(boxes=st.lists(st.tuples(st.integers(0, 8), st.integers(1, 4), st.integers(0, 8), st.integers(1, 4)), max_size=3))
def test_only_annotations_change_and_the_image_itself_does_not(boxes) -> None:
    image = np.random.default_rng(0).integers(0, 255, (12, 12), dtype=np.uint8)
    before, covered = image.copy(), np.zeros((12, 12), bool)
    annotations = [Box(top, top + rows, left, left + columns) for top, rows, left, columns in boxes]
    for box in annotations:
        covered[box.slices] = True
    filled = reflect_over(image, annotations, AnalysedField(0, 12, 0, 12))
    assert (image == before).all()
    assert (filled[~covered] == image[~covered]).all()


def test_a_particle_under_an_annotation_is_cut_and_counts_once() -> None:
    labels = np.zeros((20, 30), np.int32)
    labels[5:15, 3:27] = 1
    cut = cut_to_field(labels, AnalysedField(0, 20, 0, 30), [Box(0, 20, 12, 18)])
    assert np.unique(cut).tolist() == [0, 1]
    assert cut.sum() == 10 * 9
