"""Discs, ellipses, rectangles and rings from 4 to 200 px radius, at random sub-pixel positions and angles, against geometry.

The limits are those of the mean over positions and angles: of a single particle of 8 px radius one row of pixels is 6 %.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from shared.arrays import Mask
from tests.unit.analysis.test_measurement import disc, drawn, ellipse, rectangle, ring

SMALL_RADIUS_PX = 8
RADII = (4, 8, 10.3, 25, 80, 200)
# Relative limits from 8 px radius on, and below.
LIMITS = {
    "ecd_px": (0.01, 0.01),
    **dict.fromkeys(("feret_max_px", "feret_min_px", "feret_mean_px"), (0.02, 0.05)),
    "aspect_ratio": (0.02, 0.05),
    "circularity": (0.02, 0.02),
    **dict.fromkeys(("major_axis_px", "minor_axis_px"), (0.015, 0.04)),
    # Roundness has the square of a width in it, extent the product of two.
    **dict.fromkeys(("roundness", "extent"), (0.04, 0.1)),
    "convexity": (0.02, 0.03),
    "solidity": (0.005, 0.02),
}


@dataclass(frozen=True)
class Shape:
    """How a shape is drawn, half its smallest width, and what geometry says of it."""

    draw: Callable[[np.random.Generator], Mask]
    radius: float
    truth: dict[str, float]


def a_disc(radius: float) -> Shape:
    widths = ("ecd_px", "feret_max_px", "feret_min_px", "feret_mean_px", "major_axis_px", "minor_axis_px")
    ratios = ("circularity", "aspect_ratio", "roundness", "convexity", "solidity")
    truth = {**dict.fromkeys(widths, 2 * radius), **dict.fromkeys(ratios, 1.0), "extent": np.pi / 4}
    return Shape(lambda random: disc(random, radius), radius, truth)


def an_ellipse(b: float, ratio: float) -> Shape:
    a = b * ratio
    truth = {
        "ecd_px": 2 * np.sqrt(a * b),
        **dict.fromkeys(("feret_max_px", "major_axis_px"), 2 * a),
        **dict.fromkeys(("feret_min_px", "minor_axis_px"), 2 * b),
        **dict.fromkeys(("aspect_ratio", "roundness"), 1 / ratio),
        **dict.fromkeys(("convexity", "solidity"), 1.0),
        "extent": np.pi / 4,
    }
    return Shape(lambda random: ellipse(random, a, b), b, truth)


def a_rectangle(half: float, ratio: float) -> Shape:
    short, long = 2 * half, 2 * half * ratio
    diagonal = np.hypot(short, long)
    truth = {
        "ecd_px": np.sqrt(4 * short * long / np.pi),
        "feret_max_px": diagonal,
        "feret_min_px": short,
        "feret_mean_px": 2 * (short + long) / np.pi,
        "aspect_ratio": short / diagonal,
        "roundness": 4 * short * long / (np.pi * diagonal**2),
        # Those of a uniform plate: its variance along a side is the square of the side over 12.
        "major_axis_px": 2 * long / np.sqrt(3),
        "minor_axis_px": 2 * short / np.sqrt(3),
        **dict.fromkeys(("solidity", "extent", "convexity"), 1.0),
    }
    return Shape(lambda random: rectangle(random, long, short), half, truth)


def a_ring(outer: float, share: float) -> Shape:
    inner = share * outer
    truth = {
        "ecd_px": 2 * np.sqrt(outer**2 - inner**2),
        **dict.fromkeys(("feret_max_px", "feret_min_px"), 2 * outer),
        **dict.fromkeys(("major_axis_px", "minor_axis_px"), 2 * np.sqrt(outer**2 + inner**2)),
        "aspect_ratio": 1.0,
        # The rim of the hole belongs to the perimeter.
        "circularity": (outer - inner) / (outer + inner),
        "convexity": outer / (outer + inner),
        **dict.fromkeys(("solidity", "roundness"), 1 - share**2),
        "extent": np.pi / 4 * (1 - share**2),
    }
    return Shape(lambda random: ring(random, outer, inner), outer, truth)


SHAPES = {
    **{f"disc {radius}": a_disc(radius) for radius in RADII},
    **{f"ellipse {b} × {ratio}": an_ellipse(b, ratio) for b, ratio in ((4, 2), (8, 1.3), (8, 3), (25, 2), (100, 2))},
    **{f"rectangle {b} × {ratio}": a_rectangle(b, ratio) for b, ratio in ((4, 2), (8, 1), (8, 3), (25, 1.5), (100, 2))},
    **{f"ring {outer} × {share}": a_ring(outer, share) for outer, share in ((8, 0.5), (25, 0.8), (200, 0.5))},
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_a_drawn_shape_measures_what_geometry_says(shape: Shape) -> None:
    table = drawn(shape.draw)
    errors = {name: float(getattr(table, name).mean()) / truth - 1 for name, truth in shape.truth.items()}
    is_small = shape.radius < SMALL_RADIUS_PX
    assert {name: error for name, error in errors.items() if abs(error) > LIMITS[name][is_small]} == {}


@pytest.mark.parametrize(("b", "ratio", "limit"), [(4, 2, 0.01), (8, 1.3, 0.01), (25, 2, 0.003), (60, 2, 0.001)])
def test_the_eccentricity_of_an_ellipse_is_that_of_its_axes(b: float, ratio: float, limit: float) -> None:
    found = drawn(lambda random: ellipse(random, b * ratio, b)).eccentricity
    assert float(found.mean()) == pytest.approx(np.sqrt(1 - ratio**-2), abs=limit)
