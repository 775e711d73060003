"""Outlines enclose their particles, overlays mark them, previews and thumbnails show them."""

import cv2
import numpy as np
import pytest

from shared.arrays import FloatArray, Labels
from worker.analysis.rendering import OKABE_ITO_RGB, THIN_OUTLINE_SIDE_PX, outlines, overlay, preview, thumbnail


def disc_map(*discs: tuple[float, float, float], shape: tuple[int, int] = (80, 120)) -> Labels:
    labels = np.zeros(shape, dtype=np.int32)
    y, x = np.mgrid[: shape[0], : shape[1]]
    for number, (centre_y, centre_x, radius) in enumerate(discs, start=1):
        labels[np.hypot(y - centre_y, x - centre_x) <= radius] = number
    return labels


def pixel_edges(mask: np.ndarray) -> FloatArray:
    """Points (x, y) along the edges between the particle and the rest, a quarter of a pixel apart."""
    framed, steps = np.pad(mask, 1), np.linspace(-0.5, 0.5, 5)
    y, x = np.nonzero(framed[1:-1, :-1] != framed[1:-1, 1:])
    upright = [np.stack([x - 0.5, y + step], axis=1) for step in steps]
    y, x = np.nonzero(framed[:-1, 1:-1] != framed[1:, 1:-1])
    return np.concatenate(upright + [np.stack([x + step, y - 0.5], axis=1) for step in steps])


def points_along(polygon: FloatArray) -> FloatArray:
    side = np.roll(polygon, -1, axis=0) - polygon
    return (polygon[:, None] + side[:, None] * np.linspace(0, 1, 30)[None, :, None]).reshape(-1, 2)


def test_no_point_of_an_outline_is_more_than_half_a_pixel_from_the_edge_of_the_particle() -> None:
    labels = disc_map((20.3, 21.1, 15.2), (50.6, 30.2, 3.4), (40.0, 80.5, 27.0))
    for label, polygon in outlines(labels):
        edges, line = pixel_edges(labels == label), points_along(polygon)
        distance = np.hypot(*(line[:, None] - edges[None]).transpose(2, 0, 1)).min(axis=1)
        # Points of the edge are a quarter of a pixel apart, so that up to 0.125 px is added.
        assert distance.max() <= 0.5 + 0.125


def test_an_outline_encloses_the_area_of_its_particle() -> None:
    labels = disc_map((20.3, 21.1, 15.2), (40.0, 80.5, 27.0))
    for label, polygon in outlines(labels):
        # Simplifying the steps of a slanting edge favours their outer corners, by 0.1 px on average: 2 % at 15 px.
        assert cv2.contourArea(polygon.astype(np.float32)) == pytest.approx((labels == label).sum(), rel=0.03)


def test_a_rectangle_has_its_four_corners_at_pixel_edges() -> None:
    labels = np.zeros((10, 12), dtype=np.int32)
    labels[2:5, 3:9] = 8
    ((label, polygon),) = outlines(labels)
    assert label == 8
    assert sorted(polygon.tolist()) == [[2.5, 1.5], [2.5, 4.5], [8.5, 1.5], [8.5, 4.5]]


def test_a_single_pixel_has_a_square_outline() -> None:
    ((_, polygon),) = outlines(np.array([[1]], dtype=np.int32))
    assert sorted(polygon.tolist()) == [[-0.5, -0.5], [-0.5, 0.5], [0.5, -0.5], [0.5, 0.5]]


def test_a_hole_follows_its_particle_as_a_second_polygon() -> None:
    labels = np.pad(np.full((9, 9), 2, dtype=np.int32), 1)
    labels[5, 5] = 0
    (first, outer), (second, hole) = outlines(labels)
    assert (first, second) == (2, 2)
    assert cv2.contourArea(outer.astype(np.float32)) == 81
    # Around a hole of one pixel the four inner corners are cut, or the hole is its full pixel.
    assert 0.5 <= cv2.contourArea(hole.astype(np.float32)) <= 1
    assert np.abs(hole - 5).max() <= 0.5


def test_outlines_of_lines_and_nested_rings_come_in_the_order_of_the_labels() -> None:
    labels = np.zeros((20, 20), dtype=np.int32)
    labels[1, 1:19] = 30
    labels[4:18, 4:18] = 7
    labels[6:16, 6:16] = 0
    labels[8:14, 8:14] = 9
    assert [outline.label for outline in outlines(labels)] == [7, 7, 9, 30]
    assert all(len(outline.polygon) >= 3 for outline in outlines(labels))


def test_an_empty_map_has_no_outlines_and_a_grey_overlay() -> None:
    empty, grey = np.zeros((5, 6), dtype=np.int32), np.full((5, 6), 90, dtype=np.uint8)
    assert outlines(empty) == ()
    assert np.array_equal(overlay(grey, empty), np.full((5, 6, 3), 90))


def test_the_overlay_colours_the_rim_of_each_particle_and_nothing_else() -> None:
    labels = disc_map((20.3, 21.1, 15.2), (40.0, 80.5, 27.0))
    grey = np.full(labels.shape, 90, dtype=np.uint8)
    coloured = (overlay(grey, labels) != 90).any(axis=2)
    inner = cv2.erode((labels > 0).astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))) > 0
    assert np.array_equal(coloured, (labels > 0) & ~inner)
    assert {tuple(rgb) for rgb in overlay(grey, labels)[coloured].tolist()} <= set(OKABE_ITO_RGB)
    assert (grey == 90).all()


def test_particles_side_by_side_have_different_colours() -> None:
    labels = (np.arange(60)[:, None] // 6 * 10 + np.arange(60)[None, :] // 6 + 1).astype(np.int32)
    coloured = overlay(np.zeros(labels.shape, dtype=np.uint8), labels)
    corners = coloured[5::6, 5::6]  # each particle's lower right pixel lies on its rim unless the image ends there
    inside = corners[:9, :9].astype(int)
    assert (np.abs(np.diff(inside, axis=0)).sum(axis=2) > 0).all()
    assert (np.abs(np.diff(inside, axis=1)).sum(axis=2) > 0).all()


def test_outlines_are_two_pixels_wide_in_large_pictures() -> None:
    labels = np.zeros((20, THIN_OUTLINE_SIDE_PX + 1), dtype=np.int32)
    labels[5:15, 30:60] = 3
    coloured = overlay(np.zeros(labels.shape, dtype=np.uint8), labels).any(axis=2)
    assert coloured[10, 28:34].tolist() == [False, False, True, True, False, False]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_a_preview_spans_the_grey_scale(dtype: type) -> None:
    ramp = np.linspace(10, 200, 10_000).reshape(100, 100).astype(dtype)
    shown = preview(ramp)
    assert shown.dtype == np.uint8
    assert (int(shown.min()), int(shown.max())) == (0, 255)
    assert (np.diff(shown.ravel().astype(int)) >= 0).all()


def test_a_hot_pixel_takes_no_contrast_from_the_rest() -> None:
    pixels = np.tile(np.arange(100, dtype=np.uint16), (100, 1))
    pixels[50, 50] = 65535
    assert preview(pixels)[0, 95] > 230


@pytest.mark.parametrize("value", [0, 7, 255])
def test_a_constant_image_is_shown_mid_grey(value: int) -> None:
    assert (preview(np.full((4, 5), value, dtype=np.uint8)) == 128).all()


def test_two_values_are_told_apart_even_if_one_is_rare() -> None:
    pixels = np.zeros((100, 100), dtype=np.uint8)
    pixels[0, 0] = 3
    assert (preview(pixels)[0, 0], preview(pixels)[1, 1]) == (255, 0)


def test_values_that_are_not_finite_are_shown_black() -> None:
    pixels = np.linspace(1, 2, 100, dtype=np.float32).reshape(10, 10)
    pixels[0, :3] = np.nan, np.inf, -np.inf
    assert preview(pixels)[0, :3].tolist() == [0, 0, 0]
    assert (preview(np.full((2, 2), np.nan, dtype=np.float32)) == 0).all()


def test_the_whole_range_of_float32_is_shown() -> None:
    largest = np.finfo(np.float32).max
    assert preview(np.array([[-largest, largest]], dtype=np.float32)).tolist() == [[0, 255]]


@pytest.mark.parametrize(("shape", "expected"), [((768, 1024), (192, 256)), ((1000, 10), (256, 3)), ((3, 5000), (1, 256))])
def test_a_thumbnail_keeps_the_proportions(shape: tuple[int, int], expected: tuple[int, int]) -> None:
    assert thumbnail(np.zeros(shape, dtype=np.uint8), 256).shape == expected


def test_a_thumbnail_is_the_mean_of_what_it_covers_and_never_enlarged() -> None:
    board = (np.indices((64, 64)).sum(axis=0) % 2 * 255).astype(np.uint8)
    assert np.abs(thumbnail(board, 32).astype(int) - 127.5).max() <= 0.5
    assert thumbnail(board, 500).shape == (64, 64)


@pytest.mark.parametrize("side", [400, THIN_OUTLINE_SIDE_PX + 100], ids=["thin", "thick"])
def test_the_outlines_of_some_particles_are_dotted_all_round_and_the_others_stay_whole(side: int) -> None:
    labels = disc_map((80, 80, 40), (80, 200, 40), shape=(160, side))
    rows, columns = np.mgrid[:160, :side]
    labels[np.abs(rows - 80 + (columns - 330)) + np.abs(rows - 80 - (columns - 330)) <= 100] = 7  # a square, its sides straight
    black = np.zeros(labels.shape, dtype=np.uint8)
    whole = overlay(black, labels).any(axis=2)
    dotted = overlay(black, labels, np.array([2, 7])).any(axis=2)
    assert np.array_equal(whole[labels == 1], dotted[labels == 1])
    assert not (dotted & ~whole).any()
    for label in (2, 7):
        drawn, all_drawn = dotted & (labels == label), whole & (labels == label)
        # Dots and gaps are equally long; a gap of a thick outline is a pixel wider at both ends.
        assert 0.2 <= drawn.sum() / all_drawn.sum() <= 0.6
        middle = np.argwhere(labels == label).mean(axis=0)
        quarter = (rows - middle[0] + columns - middle[1] > 0) * 2 + (rows - middle[0] - columns + middle[1] > 0)
        for number in range(4):
            part = quarter == number
            # No side is left out as a whole, and none is drawn through, whichever way it runs.
            assert 0.15 <= (drawn & part).sum() / (all_drawn & part).sum() <= 0.7


def test_a_dotted_outline_of_nothing_or_of_a_pixel_does_no_harm() -> None:
    labels = np.zeros((5, 6), dtype=np.int32)
    grey = np.full((5, 6), 90, dtype=np.uint8)
    assert np.array_equal(overlay(grey, labels, np.array([1])), overlay(grey, labels))
    labels[2, 3] = 4
    assert np.array_equal(overlay(grey, labels, np.array([], dtype=np.int64)), overlay(grey, labels))
    assert (overlay(grey, labels, np.array([4]))[2, 3] != 90).any(), "a particle of one pixel is still seen"
