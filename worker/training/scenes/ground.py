"""What particles lie on: plain and grainy substrates, scratches, membranes, film edges, holey films.

None of it is a particle.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from shared.arrays import FloatImage, Mask
from worker.training.scenes.noise import Random, smooth_noise, wall_distance


@dataclass(frozen=True, slots=True)
class Ground:
    """The empty specimen.

    Attributes
    ----------
    light : ndarray of float32, shape (rows, columns)
        Relative brightness; 1 is white.
    holds : ndarray of bool, shape (rows, columns)
        Where a particle can lie: not in a hole.
    """

    light: FloatImage
    holds: Mask


Maker = Callable[[Random, tuple[int, int], float], Ground]


def plain(random: Random, shape: tuple[int, int], level: float) -> Ground:
    """An even substrate with a hint of grain."""
    return _solid(random, shape, level, fine=0.02, coarse=0.02)


def grainy(random: Random, shape: tuple[int, int], level: float) -> Ground:
    """Sputtered metal in SEM, amorphous carbon in TEM: speckle of a few pixels."""
    ground = _solid(random, shape, level, fine=0.0, coarse=0.03)
    scale = float(random.uniform(0.7, 1.3))
    # The contrast transfer of a microscope suppresses what is coarse: speckle is a band of frequencies.
    speckle = smooth_noise(random, shape, scale) - np.float32(0.7) * smooth_noise(random, shape, 2 * scale)
    return Ground(ground.light * (1 + np.float32(random.uniform(0.02, 0.07)) * speckle), ground.holds)


def blotchy(random: Random, shape: tuple[int, int], level: float) -> Ground:
    """Residue of a solvent, or film of uneven thickness."""
    ground = _solid(random, shape, level, fine=0.03, coarse=0.0)
    stain = smooth_noise(random, shape, float(random.uniform(8, 50))) + 0.5 * smooth_noise(random, shape, 5)
    return Ground(ground.light * (1 + np.float32(random.uniform(0.03, 0.09)) * np.tanh(stain)), ground.holds)


def scratched(random: Random, shape: tuple[int, int], level: float) -> Ground:
    """Polished metal: lines in one direction."""
    ground = _solid(random, shape, level, fine=0.03, coarse=0.03)
    long = cv2.resize(smooth_noise(random, (2 * max(shape), 6), 1.0), (2 * max(shape), 2 * max(shape)))
    turn = cv2.getRotationMatrix2D((float(max(shape)), float(max(shape))), float(random.uniform(0, 180)), 1.0)
    turn[:, 2] = turn[:, 2] - max(shape) / 2
    lines = cv2.warpAffine(long, turn, (shape[1], shape[0]), borderMode=cv2.BORDER_REFLECT)
    return Ground(ground.light * (1 + np.float32(random.uniform(0.05, 0.2)) * np.tanh(lines)), ground.holds)


def cracked(random: Random, shape: tuple[int, int], level: float) -> Ground:
    """A coating with fine dark cracks, or the grains of a polished metal."""
    ground = _solid(random, shape, level, fine=0.04, coarse=0.03)
    walls = _bent(random, wall_distance(random, shape, float(random.uniform(50, 140))))
    crack = np.exp(-((walls / np.float32(random.uniform(1.0, 2.0))) ** 2))
    return Ground(ground.light * (1 - np.float32(random.uniform(0.1, 0.5)) * crack), ground.holds)


def membrane(random: Random, shape: tuple[int, int], level: float) -> Ground:
    """A filter with round pores, dark with a bright rim; particles lie between and over them."""
    ground = _solid(random, shape, level, fine=0.04, coarse=0.04)
    inward_px = -_outside_discs(random, shape, float(random.uniform(8, 30)), float(random.uniform(0.03, 0.15)))
    pore = _step(inward_px, 0.8)
    light = ground.light * (1 - np.float32(random.uniform(0.6, 0.9)) * pore)
    rim = np.exp(-(((inward_px + np.float32(1.0)) / np.float32(1.3)) ** 2))
    return Ground(light * (1 + np.float32(random.uniform(0, 0.4)) * rim), ground.holds)


def step_edge(random: Random, shape: tuple[int, int], level: float) -> Ground:
    """Two materials that meet along a ragged bright line."""
    ground = _solid(random, shape, level, fine=0.04, coarse=0.03)
    side = _half_plane(random, shape)
    change = np.float32(random.uniform(0.55, 0.85))
    line = np.float32(random.uniform(0, 0.5)) * np.exp(-((side / np.float32(1.5)) ** 2))
    return Ground(ground.light * (change + (1 - change) * _step(side, 1.0) + line), ground.holds)


def film_edge(random: Random, shape: tuple[int, int], level: float) -> Ground:
    """A carbon film that ends in the picture: beyond is vacuum, brighter and without grain, where nothing can lie."""
    film = grainy(random, shape, level)
    side = _half_plane(random, shape)
    return _torn(random, film, side, level)


def holey(random: Random, shape: tuple[int, int], level: float) -> Ground:
    """A carbon film with round holes."""
    film = grainy(random, shape, level)
    radius = float(random.uniform(30, 130))
    side = _outside_discs(random, shape, radius, float(random.uniform(0.12, 0.4)))
    return _torn(random, film, side, level)


def wrinkled(random: Random, shape: tuple[int, int], level: float) -> Ground:
    """A film with folds: thin dark curved lines."""
    film = grainy(random, shape, level)
    made = film.light
    for _ in range(int(random.integers(1, 4))):
        field = smooth_noise(random, shape, float(random.uniform(40, 120)))
        slope = np.hypot(*np.gradient(field)) + np.float32(1e-4)
        fold = np.exp(-((field / slope / np.float32(random.uniform(1.5, 8))) ** 2))
        made = made * (1 - np.float32(random.uniform(0.03, 0.14)) * fold)
    return Ground(made, film.holds)


def flaked(random: Random, shape: tuple[int, int], level: float) -> Ground:
    """Thin sheets, as of graphene, that lie over one another on the film."""
    film = plain(random, shape, level)
    made = film.light
    for _ in range(int(random.integers(2, 6))):
        field = smooth_noise(random, shape, float(random.uniform(50, 140)))
        side = (field + np.float32(0.06) * smooth_noise(random, shape, 8)) / np.float32(0.02)
        edge = np.exp(-((side / np.float32(1.2)) ** 2))
        step = _step(np.asarray(side, dtype=np.float32), 1.0)
        sheet = np.float32(random.uniform(0.02, 0.1)) * step
        made = np.asarray(made * (1 - sheet - np.float32(0.04) * edge), dtype=np.float32)
    return Ground(made, film.holds)


SEM_GROUNDS: tuple[Maker, ...] = (plain, plain, grainy, blotchy, scratched, cracked, membrane, step_edge)
TEM_GROUNDS: tuple[Maker, ...] = (plain, grainy, grainy, blotchy, film_edge, holey, wrinkled, flaked)


def _solid(random: Random, shape: tuple[int, int], level: float, *, fine: float, coarse: float) -> Ground:
    light = np.full(shape, level, dtype=np.float32)
    if fine > 0:
        light *= 1 + np.float32(fine) * smooth_noise(random, shape, 1.6)
    if coarse > 0:
        light *= 1 + np.float32(coarse) * smooth_noise(random, shape, 60)
    return Ground(light, np.ones(shape, dtype=np.bool_))


def _torn(random: Random, film: Ground, side_px: FloatImage, level: float) -> Ground:
    """Cut a film away where the distance from its edge is negative; the edge is thick or has a fringe."""
    vacuum = np.float32(min(level * random.uniform(1.1, 1.35), 0.98))
    share = _step(side_px, 0.9)
    light = film.light * share + vacuum * (1 - share)
    inner = np.exp(-((side_px - 3) ** 2) / np.float32(random.uniform(6, 40)))
    fringe = np.exp(-((side_px + np.float32(2)) ** 2) / 3)
    light *= 1 - np.float32(random.uniform(0, 0.25)) * inner + np.float32(random.uniform(0, 0.06)) * fringe
    return Ground(np.asarray(light, dtype=np.float32), film.holds & (side_px > 2))


def _half_plane(random: Random, shape: tuple[int, int]) -> FloatImage:
    """Distance from a ragged line through the picture, px, negative beyond it."""
    rows, columns = shape
    angle, past = random.uniform(0, 2 * np.pi), random.uniform(-0.25, 0.4) * min(shape)
    y, x = np.mgrid[:rows, :columns].astype(np.float32)
    side = (y - rows / 2) * np.float32(np.sin(angle)) + (x - columns / 2) * np.float32(np.cos(angle)) + np.float32(past)
    ragged = 12 * smooth_noise(random, shape, 40) * np.float32(random.uniform(0.1, 1.5)) + 1.2 * smooth_noise(random, shape, 4)
    return np.asarray(side + ragged, dtype=np.float32)


def _outside_discs(random: Random, shape: tuple[int, int], radius_px: float, cover: float) -> FloatImage:
    """Distance from the nearest of a few rounded holes, px, negative inside."""
    rows, columns = shape
    solid = np.ones(shape, dtype=np.uint8)
    spread = float(random.choice((0.03, 0.3)))
    made: list[tuple[int, int, float]] = []
    for _ in range(max(int(cover * rows * columns / (np.pi * radius_px**2)), 1)):
        size = radius_px * np.exp(spread * random.standard_normal())
        centre = (int(random.integers(columns)), int(random.integers(rows)))
        # Walls of film remain between the holes.
        if any(np.hypot(centre[0] - x, centre[1] - y) < 1.1 * (size + other) for x, y, other in made):
            continue
        made.append((*centre, size))
        axes = (max(int(size), 2), max(int(size * random.uniform(0.85, 1.0)), 2))
        cv2.ellipse(solid, centre, axes, float(random.uniform(0, 180)), 0, 360, 0, -1)
    outward = cv2.distanceTransform(solid, cv2.DIST_L2, 5) - cv2.distanceTransform(1 - solid, cv2.DIST_L2, 5)
    return _wavy(random, outward)


def _bent(random: Random, field: FloatImage) -> FloatImage:
    """Move the pixels of a field a little, so that its straight lines bend."""
    rows, columns = field.shape
    y, x = (axis.astype(np.float32) for axis in np.mgrid[:rows, :columns])
    shift_y, shift_x = (np.float32(5) * smooth_noise(random, field.shape, 16) for _ in range(2))
    return cv2.remap(field, x + shift_x, y + shift_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT).astype(np.float32)


def _wavy(random: Random, distance_px: FloatImage) -> FloatImage:
    """Move the lines of equal distance a little, as real edges are."""
    return np.asarray(distance_px + np.float32(0.8) * smooth_noise(random, distance_px.shape, 6), dtype=np.float32)


def _step(side_px: FloatImage, width_px: float) -> FloatImage:
    """0 on the negative side, 1 on the positive, smooth between."""
    return np.asarray(1 / (1 + np.exp(-np.clip(side_px / np.float32(width_px), -30, 30))), dtype=np.float32)
