"""Rounded particles: spheres, ellipsoids, uneven grains, and rods, straight or bent."""

import numpy as np

from shared.arrays import FloatImage
from worker.training.scenes.body import Body, Grid, Pose, body_on, grid_around
from worker.training.scenes.noise import Random

# Share of the radius that the outline of an uneven grain waves, for 2..7 waves around it.
WAVE_SHARES = (0.045, 0.04, 0.028, 0.018, 0.012, 0.008)


def sphere(pose: Pose) -> Body:
    """Make a sphere; its mask holds the pixels whose centres lie within the radius.

    Parameters
    ----------
    pose : Pose
        The angle is of no effect.

    Returns
    -------
    Body
    """
    return ellipsoid(pose, 1.0)


def ellipsoid(pose: Pose, elongation: float) -> Body:
    """Make an ellipsoid of revolution that lies on its side, with the projected area of the sphere of the same radius.

    Parameters
    ----------
    pose : Pose
        Centre, radius and direction of the long axis.
    elongation : float
        Long over short axis, at least 1.

    Returns
    -------
    Body
    """
    reach_px = float(pose.radius_px * np.sqrt(elongation))
    grid = grid_around(pose, reach_px, reach_px)
    along, across = _turned(grid, pose.angle)
    stretch = np.float32(np.sqrt(elongation))
    return _domed(grid, np.hypot(along / stretch, across * stretch), pose.radius_px)


def grain(random: Random, pose: Pose) -> Body:
    """Make a roundish particle whose outline waves around an ellipse.

    Parameters
    ----------
    random : Generator
        Chooses the waves and an elongation of mostly below 1.3.
    pose : Pose
        Centre, mean radius and direction of the long axis.

    Returns
    -------
    Body
    """
    stretch = np.float32(np.sqrt(1 + random.gamma(1.5, 0.1)))
    reach_px = pose.radius_px * float(stretch) * 1.2
    grid = grid_around(pose, reach_px, reach_px)
    along, across = _turned(grid, pose.angle)
    along, across = along / stretch, across * stretch
    direction = np.arctan2(across, along)
    wave = np.ones_like(direction)
    for order, share in enumerate(WAVE_SHARES, start=2):
        wave += np.float32(random.normal(0, share)) * np.cos(order * direction + np.float32(random.uniform(0, 2 * np.pi)))
    return _domed(grid, np.asarray(np.hypot(along, across) / wave, dtype=np.float32), pose.radius_px)


def rod(pose: Pose, aspect: float, bend: float) -> Body:
    """Make a rod of round ends, along an arc of a circle.

    Parameters
    ----------
    pose : Pose
        Centre, radius of the rod's cross-section, and direction of its axis.
    aspect : float
        Length over width, at least 1; the round ends count.
    bend : float
        Angle by which the axis turns from end to end, rad, below π; 0 is straight.

    Returns
    -------
    Body
    """
    half_px = pose.radius_px * (aspect - 1)
    # A bent axis leaves its chord by half its length times half its angle at most.
    bow_px = pose.radius_px + half_px * abs(bend) / 2
    sine, cosine = abs(np.sin(pose.angle)), abs(np.cos(pose.angle))
    grid = grid_around(pose, half_px * sine + bow_px, half_px * cosine + bow_px)
    along, across = _turned(grid, pose.angle)
    if abs(bend) * half_px < 0.5:
        past_end = np.maximum(np.abs(along) - np.float32(half_px), np.float32(0))
        return _domed(grid, np.hypot(past_end, across).astype(np.float32), pose.radius_px)
    arc_px = 2 * half_px / bend
    # Of a point inside the arc's angle the distance counts to the circle, of others to the nearer end.
    angle = np.arctan2(np.abs(along), (np.float32(arc_px) - across) * np.float32(np.sign(bend)))
    to_circle = np.abs(np.hypot(along, across - np.float32(arc_px)) - np.float32(abs(arc_px)))
    end_along, end_across = abs(arc_px) * np.sin(abs(bend) / 2), arc_px * (1 - np.cos(bend / 2))
    to_end = np.hypot(np.abs(along) - np.float32(end_along), across - np.float32(end_across))
    return _domed(grid, np.where(angle <= abs(bend) / 2, to_circle, to_end), pose.radius_px)


def _turned(grid: Grid, angle: float) -> tuple[FloatImage, FloatImage]:
    """Coordinates along and across a direction, px."""
    cosine, sine = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    return grid.x * cosine + grid.y * sine, grid.y * cosine - grid.x * sine


def _domed(grid: Grid, distance_px: FloatImage, radius_px: float) -> Body:
    """A body of round cross-section whose axis is so far from each pixel."""
    height = np.sqrt(np.maximum(np.float32(radius_px**2) - distance_px**2, 0))
    return body_on(grid, distance_px <= radius_px, height, 2 * height)
