"""Faceted particles: convex solids as sets of half-spaces, turned and projected."""

from dataclasses import dataclass
from itertools import product

import cv2
import numpy as np
from scipy.spatial.transform import Rotation

from shared.arrays import FloatArray, FloatImage
from worker.training.scenes.body import Body, Pose, body_on, grid_around
from worker.training.scenes.noise import Random

# Facets this steep are seen from the side: they bound the outline and show no surface.
STEEP = 0.03
# An edge is rounded over this share of the particle's radius; grown crystals have no edges of one atom at our scale.
ROUNDING = (0.015, 0.12)
# Blurring over less changes no pixel.
MIN_ROUNDING_PX = 0.4


@dataclass(frozen=True, slots=True)
class Solid:
    """Points p with n·p ≤ d for every facet, of normals n, shape (facets, 3), in x, y, z, and distances d, shape (facets,)."""

    normals: FloatArray
    distances: FloatArray


def cube(truncation: float = 0.0) -> Solid:
    """Make a cube with edges of length 2, whose corners are cut: 0 leaves them, 1 makes an octahedron of it."""
    axes = np.concatenate([np.eye(3), -np.eye(3)])
    if truncation == 0:
        return Solid(axes, np.ones(6))
    corners = np.array(list(product((-1.0, 1.0), repeat=3))) / np.sqrt(3)
    # A plane at √3 touches the corners of the cube; one at 1/√3 of the octahedron's 1 leaves nothing of its faces.
    distances = np.concatenate([np.ones(6), np.full(8, np.sqrt(3) - truncation * (np.sqrt(3) - 1 / np.sqrt(3)))])
    return Solid(np.concatenate([axes, corners]), distances)


def octahedron(truncation: float = 0.1) -> Solid:
    """Make an octahedron whose corners are cut a little; radius of its corners about 1.4."""
    # Of a cube with cut corners, of which the corner faces are the nearest.
    normals = cube(1.0).normals
    return Solid(normals, np.concatenate([np.full(6, 1.42 * (1 - truncation)), np.full(8, 0.82)]))


def icosahedron() -> Solid:
    """Make an icosahedron with faces at distance 1."""
    golden = (1 + np.sqrt(5)) / 2
    corners = [(0, a / golden, b * golden) for a, b in product((-1.0, 1.0), repeat=2)]
    cyclic = [tuple(np.roll(corner, shift)) for corner in corners for shift in range(3)]
    normals = np.array([*product((-1.0, 1.0), repeat=3), *cyclic]) / np.sqrt(3)
    return Solid(normals, np.ones(len(normals)))


def plate(sides: int, half_thickness: float) -> Solid:
    """Make a regular prism of so many sides at distance 1, flat side up."""
    angles = 2 * np.pi * np.arange(sides) / sides
    walls = np.column_stack([np.cos(angles), np.sin(angles), np.zeros(sides)])
    return Solid(np.concatenate([walls, [[0, 0, 1], [0, 0, -1]]]), np.append(np.ones(sides), [half_thickness] * 2))


def prism(aspect: float, tip_angle: float) -> Solid:
    """Make a hexagonal prism along x, with pointed ends: 0 makes them flat, else facets lean back by the angle, rad."""
    angles = 2 * np.pi * (np.arange(6) + 0.5) / 6
    walls = np.column_stack([np.zeros(6), np.cos(angles), np.sin(angles)])
    ends = np.array([[end, 0, 0] for end in (-1.0, 1.0)])
    normals, distances = np.concatenate([walls, ends]), np.append(np.ones(6), [aspect] * 2)
    if tip_angle > 0:
        tips = np.concatenate([np.sin(tip_angle) * walls + np.cos(tip_angle) * end for end in ends])
        normals = np.concatenate([normals, tips])
        distances = np.append(distances, [aspect * np.cos(tip_angle)] * 12)
    return Solid(normals, distances)


def lying(random: Random, angle: float, tilt_sd: float) -> FloatArray:
    """Turn a solid in the plane, and tip it a little off it; matrix of shape (3, 3)."""
    tilts = random.normal(0, tilt_sd, 2)
    return np.asarray(Rotation.from_euler("xyz", [tilts[0], tilts[1], angle]).as_matrix(), dtype=np.float64)


def about_x(angle: float) -> FloatArray:
    """Roll a solid about its long axis; matrix of shape (3, 3)."""
    return np.asarray(Rotation.from_euler("x", angle).as_matrix(), dtype=np.float64)


def tumbled(random: Random) -> FloatArray:
    """Turn a solid any way; matrix of shape (3, 3)."""
    return np.asarray(Rotation.from_quat(random.standard_normal(4)).as_matrix(), dtype=np.float64)


def projected(solid: Solid, rotation: FloatArray, pose: Pose, rounding: float, reach: tuple[float, float]) -> Body:
    """Look at a solid from above.

    Parameters
    ----------
    solid : Solid
        Of unit size.
    rotation : ndarray, shape (3, 3)
        Turns it.
    pose : Pose
        Centre, and what its unit becomes, px. The angle is not used.
    rounding : float
        Share of the unit over which edges are rounded.
    reach : tuple of float
        Distances of its farthest corners down and across the picture, in its units.

    Returns
    -------
    Body
    """
    grid = grid_around(pose, pose.radius_px * reach[0], pose.radius_px * reach[1])
    normals = (solid.normals @ rotation.T).astype(np.float32)
    distances = (solid.distances * pose.radius_px).astype(np.float32)
    # Rows and columns apart: their sum is the only work on all pixels.
    rows, columns = grid.y[:, :1], grid.x[:1]
    mask = np.ones(grid.y.shape, dtype=np.bool_)
    upper, lower = np.full(grid.y.shape, np.inf, dtype=np.float32), np.full(grid.y.shape, -np.inf, dtype=np.float32)
    for (across, down, lean), distance in zip(normals, distances, strict=True):
        if abs(lean) <= STEEP:
            mask &= (distance - across * columns) - down * rows >= 0
        else:
            height = (distance - across * columns) / lean - (down / lean) * rows
            if lean > 0:
                np.minimum(upper, height, out=upper)
            else:
                np.maximum(lower, height, out=lower)
    mask &= upper > lower
    soft_px = rounding * pose.radius_px
    if soft_px < MIN_ROUNDING_PX:
        return body_on(grid, mask, upper, upper - lower)
    mask = _blurred(mask.astype(np.float32), soft_px) > 0.5
    upper, lower = _blurred(upper, soft_px), _blurred(lower, soft_px)
    return body_on(grid, mask, upper, np.maximum(upper - lower, 0))


def _blurred(field: FloatImage, sigma_px: float) -> FloatImage:
    return cv2.GaussianBlur(field, (0, 0), sigma_px).astype(np.float32, copy=False)
