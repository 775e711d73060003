"""Where particles lie: apart, in agglomerates, in close-packed islands, side by side, or as a bed that covers the ground."""

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np

from worker.training.scenes.body import Pose
from worker.training.scenes.noise import Random

Arrangement = Literal["scattered", "agglomerates", "packed", "side by side", "bed"]

# Distance of neighbours in units of the sum of their radii: agglomerated ones lie over one another, packed ones touch.
AGGLOMERATE_SPACING = (0.55, 1.02)
PACKED_SPACING = (0.97, 1.06)
# Share of scattered particles that come to lie beside another one.
MEETING_SHARE = 0.25
# A new agglomerate, or row, begins so often.
NEW_START_RATE = 0.06


def propose(
    random: Random,
    arrangement: Arrangement,
    placed: Sequence[Pose],
    shape: tuple[int, int],
    *,
    radius_px: float,
    half_length: float,
) -> Pose:
    """Propose a place for the next particle; whether there is room is not known here.

    Parameters
    ----------
    random : Generator
        The only source of chance.
    arrangement : {"scattered", "agglomerates", "packed", "side by side", "bed"}
        How particles gather. Packed ones have their places in advance, see `lattice`.
    placed : sequence of Pose
        Those that are there.
    shape : tuple of int
        Rows and columns of the picture, px.
    radius_px : float
        Radius of the particle, px.
    half_length : float
        Half the particle's length, in units of its radius.

    Returns
    -------
    Pose
    """
    # Operators bring the first particle, often the only one, into the picture.
    low, high = (0.0, 1.0) if placed else (0.15, 0.85)
    y, x = (float(random.uniform(low, high) * length) for length in shape)
    alone = Pose(y, x, radius_px, float(random.uniform(0, 2 * np.pi)))
    if not placed or arrangement == "bed" or random.random() < NEW_START_RATE:
        return alone
    beside = placed[int(random.integers(len(placed)))]
    if arrangement == "side by side":
        return _alongside(random, beside, radius_px, half_length)
    if arrangement == "agglomerates":
        return _against(random, beside, radius_px, AGGLOMERATE_SPACING)
    if half_length < 1.5 and random.random() < MEETING_SHARE:
        return _against(random, beside, radius_px, (0.88, 1.03))
    return alone


def lattice(random: Random, radius_px: float, shape: tuple[int, int]) -> Iterator[Pose]:
    """Give the places of a close-packed island of particles, with its defects, from its middle outwards."""
    spacing = 2 * radius_px * float(random.uniform(*PACKED_SPACING))
    turn, disorder = random.uniform(0, np.pi / 3), float(random.choice((0.02, 0.08))) * radius_px
    middle = np.array([random.uniform(0.2, 0.8) * length for length in shape])
    count = int(np.hypot(*shape) / spacing) + 2
    first, second = np.mgrid[-count : count + 1, -count : count + 1].reshape(2, -1)
    across, along = first + second / 2, second * np.sqrt(0.75)
    y = middle[0] + spacing * (np.sin(turn) * across + np.cos(turn) * along)
    x = middle[1] + spacing * (np.cos(turn) * across - np.sin(turn) * along)
    inside = (y > -radius_px) & (y < shape[0] + radius_px) & (x > -radius_px) & (x < shape[1] + radius_px)
    vacancies = random.random(y.size) < random.choice((0.02, 0.12))
    chosen = np.flatnonzero(inside & ~vacancies)
    for number in chosen[np.argsort(np.hypot(y - middle[0], x - middle[1])[chosen])]:
        dy, dx = random.normal(0, disorder, 2)
        yield Pose(float(y[number] + dy), float(x[number] + dx), radius_px, float(random.uniform(0, 2 * np.pi)))


def _against(random: Random, beside: Pose, radius_px: float, spacing: tuple[float, float]) -> Pose:
    """A pose in contact with another one, in any direction."""
    direction, distance = random.uniform(0, 2 * np.pi), (beside.radius_px + radius_px) * random.uniform(*spacing)
    y, x = beside.y + distance * np.sin(direction), beside.x + distance * np.cos(direction)
    return Pose(float(y), float(x), radius_px, float(random.uniform(0, 2 * np.pi)))


def _alongside(random: Random, beside: Pose, radius_px: float, half_length: float) -> Pose:
    """A pose parallel to another one, shifted along it a little; sometimes behind its end."""
    angle = beside.angle + random.normal(0, 0.06)
    across = (beside.radius_px + radius_px) * random.uniform(0.97, 1.1) * random.choice((-1, 1))
    along = radius_px * half_length * random.normal(0, 0.15)
    if random.random() < 0.2:
        across, along = across * 0.1, 2.05 * radius_px * half_length * random.choice((-1, 1))
    y = beside.y + along * np.sin(beside.angle) + across * np.cos(beside.angle)
    x = beside.x + along * np.cos(beside.angle) - across * np.sin(beside.angle)
    return Pose(float(y), float(x), radius_px, float(angle))
