"""What is not specimen is replaced for the segmenter and removed from its answer."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from shared.domain import AnalysedField, Banner
from worker.analysis.padding import analysed_field, cut_to_field, reflect_outside

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


def test_a_ring_cut_through_becomes_two_particles():
    ring = np.zeros((9, 9), np.int32)
    ring[1:8, 1:8] = 5
    ring[2:7, 2:7] = 0
    cut = cut_to_field(ring, AnalysedField(0, 5, 0, 9))
    assert cut.max() == 1
    sides = cut_to_field(ring, AnalysedField(3, 5, 0, 9))
    assert sides.max() == 2
    assert sides[3, 1] != sides[3, 7]


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
    np.testing.assert_array_equal(cut[field.slices] > 0, labels[field.slices] > 0)
    assert np.count_nonzero(cut) == np.count_nonzero(cut[field.slices])
    found = np.unique(cut[cut > 0])
    assert found.tolist() == list(range(1, len(found) + 1))
    for number in found:
        assert ndimage.label(cut == number, structure=np.ones((3, 3)))[1] == 1


@pytest.mark.shared_data
def test_hand_drawn_labels_lose_only_what_lies_in_the_banner(shared_data):
    labels = cv2.imread(str(shared_data / "emps" / "labels" / "fd1f58d925.png"), cv2.IMREAD_UNCHANGED).astype(np.int32)
    cut = cut_to_field(labels, analysed_field(labels.shape, Banner(482, 512)))
    np.testing.assert_array_equal(cut[:482] > 0, labels[:482] > 0)
    assert not cut[482:].any()
