"""A particle as the beam meets it: outline, relief and thickness in a small window, whatever its shape."""

from dataclasses import dataclass

import cv2
import numpy as np

from shared.arrays import FloatImage, Mask

# Beyond the outline a window goes on so far, for shadow and fringe.
MARGIN_PX = 8
MARGIN_SHARE = 0.35


@dataclass(frozen=True, slots=True)
class Pose:
    """Where a particle lies and how large it is.

    Attributes
    ----------
    y, x : float
        Centre in the picture, px; whole numbers are centres of pixels.
    radius_px : float
        Half its typical width, px.
    angle : float
        Direction of its long axis in the picture, rad.
    """

    y: float
    x: float
    radius_px: float
    angle: float


@dataclass(frozen=True, slots=True)
class Body:
    """A particle in its window, all arrays of shape (rows, columns).

    Attributes
    ----------
    top, left : int
        First row and column of the window in the picture, which it may leave.
    mask : ndarray of bool
        The silhouette.
    height : ndarray of float32
        Upper surface, px. Goes on beyond the outline, so that its slope is defined there.
    thickness : ndarray of float32
        Matter along the beam, px; 0 outside.
    tone : ndarray of float32
        Brightness of the material in SEM, 1 where nothing special is.
    """

    top: int
    left: int
    mask: Mask
    height: FloatImage
    thickness: FloatImage
    tone: FloatImage


@dataclass(frozen=True, slots=True)
class Grid:
    """Window around a pose: its place in the picture, and the distance of each pixel from the centre, px."""

    top: int
    left: int
    y: FloatImage
    x: FloatImage


def grid_around(pose: Pose, reach_y_px: float, reach_x_px: float) -> Grid:
    """Lay a window around a pose, wide enough for a particle of this reach and what it does to its surroundings."""
    reach_y, reach_x = (int(np.ceil(reach + MARGIN_SHARE * pose.radius_px)) + MARGIN_PX for reach in (reach_y_px, reach_x_px))
    top, left = int(np.floor(pose.y)) - reach_y, int(np.floor(pose.x)) - reach_x
    down = np.arange(2 * reach_y + 2, dtype=np.float32) + np.float32(top - pose.y)
    across = np.arange(2 * reach_x + 2, dtype=np.float32) + np.float32(left - pose.x)
    y, x = np.meshgrid(down, across, indexing="ij")
    return Grid(top, left, y, x)


def body_on(grid: Grid, mask: Mask, height: FloatImage, thickness: FloatImage) -> Body:
    """Make a body of plain material, in a window no larger than needed."""
    box = _box(mask)
    thin = np.where(mask, thickness, 0).astype(np.float32)
    tone = np.ones(mask[box].shape, dtype=np.float32)
    top, left = grid.top + box[0].start, grid.left + box[1].start
    return Body(top, left, mask[box], height[box].astype(np.float32), thin[box], tone)


def radius_of(body: Body) -> float:
    """Radius of the disc of the body's area, px."""
    return float(np.sqrt(np.count_nonzero(body.mask) / np.pi))


def _box(mask: Mask) -> tuple[slice, slice]:
    x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))
    margin = MARGIN_PX + int(MARGIN_SHARE * np.sqrt(np.count_nonzero(mask) / np.pi))
    return (
        slice(max(y - margin, 0), min(y + height + margin, mask.shape[0])),
        slice(max(x - margin, 0), min(x + width + margin, mask.shape[1])),
    )
