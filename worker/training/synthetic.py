"""Synthetic micrographs with exact labels, for demonstrations, tests and training. The same seed gives the same picture.

The physics is a caricature that keeps what matters for finding and measuring particles: edge brightening, shadowing, thickness
contrast, shot noise, scan lines, blur, uneven illumination and the instrument's banner.
"""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from shared.arrays import FloatArray, Labels
from shared.geometry import Banner
from worker.training.synthetic_banner import banner_height_px, draw_banner

Style = Literal["sem", "tem"]

# Share of its own or of another particle's pixels that a particle may cover: a little, as in a sparse monolayer. In TEM both
# show through, so that no pixel would belong to one alone: there particles only touch.
MAX_OVERLAP = {"sem": 0.12, "tem": 0.02}
# A particle that shows fewer pixels than this is not seen as one.
MIN_VISIBLE_PX = 24
TRIES_PER_PARTICLE = 60
# Share of the particles that are put beside another one, so that they touch.
TOUCHING_SHARE = 0.45
# Scale bars as instruments choose them, nm, and the share of the image width they fill.
BAR_VALUES_NM = {"sem": (100, 200, 500, 1000, 2000), "tem": (20, 50, 100, 200)}
BAR_SHARE = (0.08, 0.19)


@dataclass(frozen=True, slots=True)
class SyntheticMicrograph:
    """A picture and its truth.

    Attributes
    ----------
    pixels : ndarray of uint8, shape (rows, columns)
        Grey values, banner included.
    labels : ndarray of int32, shape (rows, columns)
        0 in the background and in the banner, particles 1..n. Where two overlap, the upper one hides the lower.
    banner : Banner or None
        Rows of the banner.
    nm_per_px : float
        Pixel size that the scale bar states, nm.
    """

    pixels: NDArray[np.uint8]
    labels: Labels
    banner: Banner | None
    nm_per_px: float


@dataclass(frozen=True, slots=True)
class _Blob:
    """A particle's outline: an ellipse of given mean radius, px, whose radius waves a little around it."""

    y: float
    x: float
    radius: float
    elongation: float
    angle: float
    waves: FloatArray
    phases: FloatArray


def synthetic_micrograph(
    seed: int,
    shape: tuple[int, int] = (768, 1024),
    n_particles: int = 60,
    style: Style = "sem",
    *,
    banner: bool = True,
    coverage: float = 0.22,
    sigma_ln: float = 0.28,
) -> SyntheticMicrograph:
    """Draw a micrograph of roundish particles with log-normal sizes.

    Parameters
    ----------
    seed : int
        The only source of chance.
    shape : tuple of int
        Rows and columns of the picture, banner included, px.
    n_particles : int
        Particles wanted. Fewer are drawn where no more find room.
    style : {"sem", "tem"}
        Bright particles with brighter edges on a dark ground, or dark ones on a bright film.
    banner : bool
        Whether the instrument's banner with its scale bar fills the lowest rows.
    coverage : float
        Share of the field that `n_particles` of the wanted sizes fill.
    sigma_ln : float
        Standard deviation of ln(radius).

    Returns
    -------
    SyntheticMicrograph
    """
    random = np.random.default_rng(seed)
    rows, columns = shape
    field_rows = rows - (banner_height_px(columns) if banner else 0)
    bar_value_nm = float(random.choice(BAR_VALUES_NM[style]))
    bar_px = int(random.uniform(*BAR_SHARE) * columns)
    median_px = np.sqrt(coverage * field_rows * columns / (n_particles * np.pi)) / np.exp(sigma_ln**2) if n_particles else 0.0
    radii = median_px * np.exp(sigma_ln * random.standard_normal(n_particles))
    light = _ground(random, (field_rows, columns), style)
    labels = np.zeros(shape, dtype=np.int32)
    _place_particles(random, radii, light, labels[:field_rows], style)
    pixels = np.zeros(shape, dtype=np.uint8)
    pixels[:field_rows] = _record(random, light, style)
    if banner:
        draw_banner(random, pixels[field_rows:], bar_px, bar_value_nm, style)
    return SyntheticMicrograph(
        pixels=pixels,
        labels=_renumbered(labels),
        banner=Banner(field_rows, rows) if banner else None,
        nm_per_px=bar_value_nm / bar_px,
    )


def write_samples(folder: Path, count: int) -> list[Path]:
    """Write ``sample_01.png`` … and ``truth.csv``, the same ones every time.

    Parameters
    ----------
    folder : Path
        Made if it is missing; files of the same names are replaced.
    count : int
        Number of micrographs. Every third is in TEM style.

    Returns
    -------
    list of Path
        The pictures. ``truth.csv`` has the columns file, n_particles, nm_per_px and ecd_mean_nm.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    with (folder / "truth.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "n_particles", "nm_per_px", "ecd_mean_nm"])
        for number in range(1, count + 1):
            made = synthetic_micrograph(number, n_particles=40 + 17 * number % 60, style="tem" if number % 3 == 0 else "sem")
            path = folder / f"sample_{number:02d}.png"
            Image.fromarray(made.pixels).save(path)
            areas = np.bincount(made.labels.ravel())[1:]
            ecd_nm = np.sqrt(4 * areas / np.pi) * made.nm_per_px
            writer.writerow([path.name, len(areas), f"{made.nm_per_px:.6g}", f"{ecd_nm.mean():.6g}"])
            paths.append(path)
    return paths


def _place_particles(random: np.random.Generator, radii: FloatArray, light: FloatArray, labels: Labels, style: Style) -> None:
    """Draw the particles into the light, float64, and the labels of the field, both (rows, columns) and both changed."""
    placed: list[_Blob] = []
    for radius in radii:
        for _ in range(TRIES_PER_PARTICLE):
            blob = _random_blob(random, float(radius), placed, labels.shape)
            reach = int(1.6 * radius) + 8
            window = _window(blob.y, reach, labels.shape[0]), _window(blob.x, reach, labels.shape[1])
            distance = _distances(blob, window)
            if _fits(distance <= 1, labels[window], MAX_OVERLAP[style]):
                labels[window][distance <= 1] = len(placed) + 1
                paint = _paint_sem if style == "sem" else _paint_tem
                paint(random, light[window], distance, float(radius))
                placed.append(blob)
                break


def _random_blob(random: np.random.Generator, radius: float, placed: list[_Blob], shape: tuple[int, ...]) -> _Blob:
    """A particle somewhere in the field or beside one that is already there."""
    y, x = random.uniform(0, shape[0]), random.uniform(0, shape[1])
    if placed and random.random() < TOUCHING_SHARE:
        beside = placed[int(random.integers(len(placed)))]
        direction, distance = random.uniform(0, 2 * np.pi), (beside.radius + radius) * random.uniform(0.86, 1.02)
        y, x = beside.y + distance * np.sin(direction), beside.x + distance * np.cos(direction)
    waves = random.normal(0, 1, 5) * np.array([0.022, 0.022, 0.016, 0.011, 0.008])
    phases, elongation, angle = random.uniform(0, 2 * np.pi, 5), 1 + random.gamma(1.5, 0.06), random.uniform(0, np.pi)
    return _Blob(float(y), float(x), radius, float(elongation), float(angle), waves, phases)


def _window(centre: float, reach: int, end: int) -> slice:
    """Rows or columns within reach of a centre, as far as the field goes, px."""
    return slice(min(end, max(0, int(centre) - reach)), min(end, max(0, int(centre) + reach)))


def _distances(blob: _Blob, window: tuple[slice, slice]) -> FloatArray:
    """Distance of each pixel of the window from the blob's centre, 1 on its outline; shape of the window."""
    y, x = np.mgrid[window] - np.array([blob.y, blob.x])[:, None, None]
    stretch = np.sqrt(blob.elongation)
    along = (x * np.cos(blob.angle) + y * np.sin(blob.angle)) / stretch
    across = (y * np.cos(blob.angle) - x * np.sin(blob.angle)) * stretch
    direction = np.arctan2(across, along)
    order = np.arange(2, 7)[:, None, None]
    wave = (blob.waves[:, None, None] * np.cos(order * direction + blob.phases[:, None, None])).sum(axis=0)
    return np.asarray(np.hypot(along, across) / (blob.radius * (1 + wave)), dtype=np.float64)


def _fits(mask: NDArray[np.bool_], labels: Labels, max_overlap: float) -> bool:
    """Whether a particle there overlaps the others only a little and leaves every one of them in one visible piece."""
    area = int(mask.sum())
    if area < MIN_VISIBLE_PX:
        return False
    for covered in np.unique(labels[mask & (labels != 0)]):
        before = labels == covered
        hidden = int((mask & before).sum())
        if hidden > max_overlap * min(area, int(before.sum())):
            return False
        remaining = (before & ~mask).astype(np.uint8)
        if int(remaining.sum()) < MIN_VISIBLE_PX or cv2.connectedComponents(remaining, connectivity=8)[0] != 2:
            return False
    return bool(cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)[0] == 2)


def _paint_sem(random: np.random.Generator, light: FloatArray, distance: FloatArray, radius: float) -> None:
    """Draw a particle as secondary electrons show it, into the light."""
    mask = distance <= 1
    # What lies beside a particle sees less of the detector: ground and lower particles darken towards it.
    shadow = cv2.GaussianBlur(mask.astype(np.float64), (0, 0), max(2.0, 0.16 * radius))
    light *= 1 - 0.55 * shadow
    # Electrons leave a tilted surface more easily, as 1/cos of the tilt; the offset stands for the finite escape depth.
    tilt = 1 / np.sqrt(np.clip(1 - distance**2, 0, 1) + 0.05) - 1
    down, across = np.gradient(distance)
    towards_detector = -(0.6 * down + 0.8 * across) * radius * np.clip(distance, 0, 1)
    grain = _smooth_noise(random, mask.shape, max(1.0, 0.07 * radius))
    body = random.normal(0.40, 0.04) * (1 + 0.36 * tilt + 0.13 * towards_detector) + 0.022 * grain
    light[mask] = body[mask]


def _paint_tem(random: np.random.Generator, light: FloatArray, distance: FloatArray, radius: float) -> None:
    """Draw a particle as transmitted electrons show it, into the light: absorption by thickness, and a fringe of defocus."""
    mask = distance <= 1
    thickness = np.sqrt(np.clip(1 - distance**2, 0, 1))
    # Crystals near a zone axis scatter more: particles of one size differ in darkness.
    absorption = random.uniform(0.55, 1.15) * (1 + 0.05 * _smooth_noise(random, mask.shape, max(1.0, 0.15 * radius)))
    light *= np.where(mask, np.exp(-absorption * (0.25 + 0.75 * thickness)), 1)
    outside_px = (distance - 1) * radius
    light *= 1 + np.where(outside_px > 0, 0.09 * np.exp(-((outside_px - 1.5) ** 2) / 2), 0)


def _ground(random: np.random.Generator, shape: tuple[int, int], style: Style) -> FloatArray:
    """The empty specimen, relative brightness: substrate of fine grain (SEM) or amorphous film (TEM)."""
    fine, coarse = _smooth_noise(random, shape, 1.6), _smooth_noise(random, shape, 14)
    if style == "tem":
        return np.asarray(0.72 * (1 + 0.018 * fine + 0.012 * coarse), dtype=np.float64)
    return np.asarray(random.uniform(0.13, 0.21) * (1 + 0.07 * fine + 0.06 * coarse), dtype=np.float64)


def _record(random: np.random.Generator, light: FloatArray, style: Style) -> NDArray[np.uint8]:
    """What the detector makes of the light, 8 bit: uneven illumination, blur, shot noise and, when scanned, line noise."""
    rows, columns = light.shape
    y, x = np.mgrid[-1 : 1 : complex(rows), -1 : 1 : complex(columns)]
    slope_y, slope_x, bowl = random.normal(0, 0.05, 3)
    lit = light * (1 + slope_y * y + slope_x * x - abs(bowl) * (x**2 + y**2))
    blurred = cv2.GaussianBlur(lit, (0, 0), random.uniform(0.8, 1.2))
    electrons = random.uniform(180, 420) if style == "sem" else random.uniform(250, 600)
    recorded = random.poisson(np.clip(blurred, 0, None) * electrons) / electrons
    if style == "sem":
        drift = cv2.GaussianBlur(random.normal(0, 1, (rows, 1)), (1, 0), 1.0, sigmaY=1.2)
        recorded = recorded * (1 + 0.012 * random.normal(0, 1, (rows, 1))) + 0.006 * drift
    # A detector with a little bandwidth smears neighbouring pixels of a line.
    recorded = cv2.GaussianBlur(recorded, (3, 1), 0.55)
    return np.asarray(np.clip(recorded * 255, 0, 255).round(), dtype=np.uint8)


def _smooth_noise(random: np.random.Generator, shape: tuple[int, ...], scale_px: float) -> FloatArray:
    """Gaussian noise correlated over a length, with standard deviation about 1."""
    # Blurring white noise with a Gaussian divides its standard deviation by 2·√π·σ.
    blurred = cv2.GaussianBlur(random.standard_normal(shape), (0, 0), scale_px)
    return np.asarray(blurred * 2 * np.sqrt(np.pi) * scale_px, dtype=np.float64)


def _renumbered(labels: Labels) -> Labels:
    """The same particles numbered 1..n without gaps."""
    _, consecutive = np.unique(labels, return_inverse=True)
    return np.asarray(consecutive.reshape(labels.shape), dtype=np.int32)
