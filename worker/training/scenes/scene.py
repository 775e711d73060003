"""A scene: particles of one or two kinds arranged on a ground, drawn from below upwards.

Its labels are exact: what is seen of each particle, in one piece.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.arrays import FloatImage, Labels, Mask
from worker.training.scenes import ground as grounds
from worker.training.scenes.arrangement import Arrangement, lattice, propose
from worker.training.scenes.body import Body, Pose
from worker.training.scenes.kinds import Kind, random_kind
from worker.training.scenes.noise import Random
from worker.training.scenes.recording import recorded
from worker.training.scenes.sem import SemLook, paint_sem, random_sem_look
from worker.training.scenes.tem import TemLook, paint_tem, random_tem_look
from worker.training.synthetic import MIN_VISIBLE_PX, Style

# Share of its own area that a particle at least shows.
MIN_VISIBLE_SHARE = {"sem": 0.3, "tem": 0.6}
RADII_PX = (5.0, 90.0)
COVERAGE = (0.05, 0.6)
MAX_PARTICLES = 160
TRIES_PER_PARTICLE = 8
FAINT_RATE = 0.15
BED_RATE = 0.2
MIN_BED_RADIUS_PX = 20.0
# Some pictures are out of focus, by this share of the radius of their particles.
DEFOCUS_RATE = 0.2
DEFOCUS_SHARE = (0.04, 0.12)

Window = tuple[slice, slice]


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a scene shows.

    Attributes
    ----------
    style : {"sem", "tem"}
        The instrument.
    ground : callable
        Makes the ground.
    kinds : tuple of Kind
        One kind, or two mixed.
    arrangement : {"scattered", "agglomerates", "packed", "side by side", "bed"}
        How the particles gather.
    radius_px, sigma_ln : float
        Median radius, px, and standard deviation of ln(radius).
    count : int
        Particles wanted; fewer are drawn where no more find room.
    contrast : float
        Difference of brightness from the ground (SEM), or −ln of the transmission (TEM).
    """

    style: Style
    ground: grounds.Maker
    kinds: tuple[Kind, ...]
    arrangement: Arrangement
    radius_px: float
    sigma_ln: float
    count: int
    contrast: float


@dataclass(frozen=True, slots=True)
class Scene:
    """A picture without banner and its truth, both of shape (rows, columns).

    Attributes
    ----------
    pixels : ndarray of uint8
        Grey values.
    labels : ndarray of int32
        0 in the background, particles 1..n: of each the visible part, in one piece.
    recipe : Recipe
        What was drawn.
    """

    pixels: NDArray[np.uint8]
    labels: Labels
    recipe: Recipe


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A particle that lies in the scene: the window that holds its pixels, and their number before others covered it."""

    window: Window
    area_px: int


def random_recipe(random: Random, shape: tuple[int, int]) -> Recipe:
    """Choose what a scene of this shape shows."""
    style: Style = "sem" if random.random() < 0.5 else "tem"
    radius_px = float(np.exp(random.uniform(*np.log(RADII_PX))))
    kinds: tuple[Kind, ...] = (random_kind(random, radius_px),)
    if random.random() < 0.12:
        kinds = (*kinds, random_kind(random, radius_px))
    length = max(kind.half_length for kind in kinds)
    # A rod as wide as the largest sphere would cross the whole picture.
    radius_px /= np.sqrt(length)
    arrangement = _random_arrangement(random, kinds, style, radius_px)
    broad = arrangement == "agglomerates" and random.random() < 0.7
    sigma_ln = 0.03 if arrangement == "packed" else float(random.uniform(0.3, 0.6) if broad else random.uniform(0.03, 0.3))
    area_px = np.pi * radius_px**2 * length * np.exp(2 * sigma_ln**2)
    # Overlapping particles fill less than their areas add up to; islands and beds leave no gaps.
    coverage = random.uniform(*COVERAGE) * {"agglomerates": 1.4, "packed": 1.6, "bed": 4.0}.get(arrangement, 1.0)
    count = int(np.clip(coverage * shape[0] * shape[1] / area_px, 1, MAX_PARTICLES))
    choices = grounds.SEM_GROUNDS if style == "sem" else grounds.TEM_GROUNDS
    ground = choices[int(random.integers(len(choices)))]
    return Recipe(style, ground, kinds, arrangement, radius_px, sigma_ln, count, _random_contrast(random, style, arrangement))


def synthetic_scene(seed: int | tuple[int, ...], shape: tuple[int, int] = (512, 512), recipe: Recipe | None = None) -> Scene:
    """Draw a scene.

    Parameters
    ----------
    seed : int or tuple of int
        The only source of chance.
    shape : tuple of int
        Rows and columns, px.
    recipe : Recipe, optional
        What to show; chosen by chance without.

    Returns
    -------
    Scene
    """
    random = np.random.default_rng(seed)
    chosen = recipe or random_recipe(random, shape)
    level = float(random.uniform(0.06, 0.45) if chosen.style == "sem" else random.uniform(0.55, 0.85))
    ground = chosen.ground(random, shape, level)
    light, labels = np.ascontiguousarray(ground.light, dtype=np.float32), np.zeros(shape, dtype=np.int32)
    _draw_particles(random, chosen, level, (light, labels), ground.holds)
    defocus = random.uniform(*DEFOCUS_SHARE) * chosen.radius_px if random.random() < DEFOCUS_RATE else 0.0
    return Scene(recorded(random, light, chosen.style, defocus), labels, chosen)


def _random_arrangement(random: Random, kinds: tuple[Kind, ...], style: Style, radius_px: float) -> Arrangement:
    # In TEM a bed lets no electron through; of small particles it would take too many.
    if style == "sem" and radius_px > MIN_BED_RADIUS_PX and random.random() < BED_RATE:
        return "bed"
    if kinds[0].half_length >= 1.5:
        return "side by side" if random.random() < 0.5 else "scattered"
    chance = random.random()
    if chance < 0.15 and len(kinds) == 1:
        return "packed"
    return "agglomerates" if chance < 0.5 else "scattered"


def _random_contrast(random: Random, style: Style, arrangement: Arrangement) -> float:
    if random.random() < FAINT_RATE:
        return float(random.uniform(0.06, 0.14) if style == "sem" else random.uniform(0.18, 0.32))
    if style == "sem":
        return float(random.uniform(0.12, 0.45))
    # Where particles lie over one another, darker ones would leave one black heap.
    return float(random.uniform(0.4, 1.2 if arrangement == "agglomerates" else 2.2))


def _draw_particles(random: Random, recipe: Recipe, level: float, picture: tuple[FloatImage, Labels], holds: Mask) -> None:
    """Draw the particles into light and labels, both of shape (rows, columns) and both changed."""
    light, labels = picture
    look = _random_look(random, recipe, level)
    drawn: list[_Drawn] = []
    placed: list[Pose] = []
    for kind, pose in _places(random, recipe, placed, holds.shape):
        body = kind.make(random, pose)
        window, inner = _windows(body, labels.shape)
        if holds[window][body.mask[inner]].all() and _fits(
            body.mask[inner], window, labels, drawn, MIN_VISIBLE_SHARE[recipe.style]
        ):
            labels[window][body.mask[inner]] = len(drawn) + 1
            drawn.append(_Drawn(window, int(np.count_nonzero(body.mask[inner]))))
            placed.append(pose)
            _paint(random, light[window], _cropped(body, inner), look)


def _random_look(random: Random, recipe: Recipe, level: float) -> SemLook | TemLook:
    if recipe.style == "sem":
        return random_sem_look(random, level, recipe.contrast)
    return random_tem_look(random, recipe.radius_px, recipe.contrast, crystalline=recipe.kinds[0].crystalline)


def _places(random: Random, recipe: Recipe, placed: list[Pose], shape: tuple[int, ...]) -> Iterator[tuple[Kind, Pose]]:
    """Kinds and poses to try, until there are enough particles; `placed` grows meanwhile."""
    field = (shape[0], shape[1])
    if recipe.arrangement == "packed":
        poses = lattice(random, recipe.radius_px, field)
        yield from ((recipe.kinds[0], pose) for pose, _ in zip(poses, range(recipe.count), strict=False))
        return
    for _ in range(recipe.count):
        kind = recipe.kinds[int(random.integers(len(recipe.kinds)))]
        radius_px = max(kind.min_radius_px, recipe.radius_px * float(np.exp(recipe.sigma_ln * random.standard_normal())))
        before = len(placed)
        for _ in range(TRIES_PER_PARTICLE):
            yield kind, propose(random, recipe.arrangement, placed, field, radius_px=radius_px, half_length=kind.half_length)
            if len(placed) > before:
                break


def _windows(body: Body, shape: tuple[int, ...]) -> tuple[Window, Window]:
    """The part of the picture that the body's window covers, and the part of the window inside the picture."""
    outer, inner = [], []
    for start, length, end in zip((body.top, body.left), body.mask.shape, shape, strict=True):
        low, high = min(max(start, 0), end), max(min(start + length, end), 0)
        outer.append(slice(low, max(high, low)))
        inner.append(slice(low - start, max(high, low) - start))
    return (outer[0], outer[1]), (inner[0], inner[1])


def _cropped(body: Body, inner: Window) -> Body:
    top, left = body.top + inner[0].start, body.left + inner[1].start
    return Body(top, left, body.mask[inner], body.height[inner], body.thickness[inner], body.tone[inner])


def _fits(mask: Mask, window: Window, labels: Labels, drawn: list[_Drawn], visible_share: float) -> bool:
    """Whether a particle there is one piece, and leaves enough of every one below it in one visible piece."""
    if np.count_nonzero(mask) < MIN_VISIBLE_PX or not _one_piece(mask):
        return False
    for covered in np.unique(labels[window][mask]):
        if covered == 0:
            continue
        below = drawn[covered - 1]
        before = labels[below.window] == covered
        remaining = before & ~_seen_from(below.window, mask, window)
        seen = int(np.count_nonzero(remaining))
        if seen < max(MIN_VISIBLE_PX, visible_share * below.area_px) or not _one_piece(remaining):
            return False
    return True


def _seen_from(other: Window, mask: Mask, window: Window) -> Mask:
    """A mask of one window as it lies in another one."""
    made = np.zeros([side.stop - side.start for side in other], dtype=np.bool_)
    common = [slice(max(a.start, b.start), min(a.stop, b.stop)) for a, b in zip(other, window, strict=True)]
    if all(side.start < side.stop for side in common):
        target = tuple(slice(side.start - a.start, side.stop - a.start) for side, a in zip(common, other, strict=True))
        source = tuple(slice(side.start - b.start, side.stop - b.start) for side, b in zip(common, window, strict=True))
        made[target] = mask[source]
    return made


def _one_piece(mask: Mask) -> bool:
    return bool(cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)[0] == 2)


def _paint(random: Random, light: FloatImage, body: Body, look: SemLook | TemLook) -> None:
    if isinstance(look, SemLook):
        paint_sem(random, light, body, look)
    else:
        paint_tem(random, light, body, look)
