"""Specimens without particles, drawn with their labels: fibres, films, sponges and patterned surfaces.

What is drawn varies in scale, density, contrast and instrument. It is no photograph: a figure measured on it has to say so.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.arrays import FloatImage, Labels, Mask
from worker.training.scenes.noise import Random, smooth_noise, wall_distance
from worker.training.scenes.recording import recorded
from worker.training.synthetic import Style

SHAPE = (512, 640)


@dataclass(frozen=True, slots=True)
class Structure:
    """A picture and its labels, both of shape (rows, columns); each piece of material that one would outline has a number."""

    kind: str
    pixels: NDArray[np.uint8]
    labels: Labels


@dataclass(frozen=True, slots=True)
class _Drawing:
    """Brightness, 1 is white, and the pieces of material by number; both of shape (rows, columns)."""

    light: FloatImage
    labels: Labels


Maker = Callable[[Random, tuple[int, int]], _Drawing]


def drawn_structure(kind: str, seed: int, shape: tuple[int, int] = SHAPE) -> Structure:
    """Draw a structure of a kind of `STRUCTURES`; the same seed gives the same picture."""
    random = np.random.default_rng((seed, *kind.encode()))
    drawing = STRUCTURES[kind](random, shape)
    # In transmission what is bright here is dark.
    style: Style = "tem" if kind in TRANSMITTED and random.random() < 0.4 else "sem"
    light = drawing.light if style == "sem" else 0.85 - 0.75 * drawing.light
    defocus_px = float(random.uniform(0.5, 2)) if random.random() < 0.2 else 0.0
    return Structure(kind, recorded(random, light.astype(np.float32), style, defocus_px), drawing.labels)


def _fibre_mat(random: Random, shape: tuple[int, int]) -> _Drawing:
    """Spun fibres over one another, down to a dark ground or none."""
    width_px = float(np.exp(random.uniform(np.log(5), np.log(45))))
    length = 0.5 * sum(shape)
    count = int(np.clip(random.uniform(0.5, 2.5) * shape[0] * shape[1] / (length * width_px), 4, 260))
    curl = float(random.uniform(0, 1.5))
    paths = [_curve(random, shape, random.uniform(0, np.pi), curl) for _ in range(count)]
    return _strands(random, shape, paths, width_px, spread=0.25)


def _wires(random: Random, shape: tuple[int, int]) -> _Drawing:
    """Some wires or tubes, apart, nearly all from border to border."""
    width_px = float(np.exp(random.uniform(np.log(5), np.log(40))))
    preferred = random.uniform(0, np.pi)
    angles = preferred + random.normal(0, random.uniform(0.03, 0.6), int(random.integers(2, 14)))
    paths = [_curve(random, shape, angle, float(random.uniform(0, 0.4))) for angle in angles]
    return _strands(random, shape, paths, width_px, spread=0.1)


def _curve(random: Random, shape: tuple[int, int], angle: float, curl: float) -> NDArray[np.int32]:
    """Points (x, y) of a curve that crosses the picture, in sixteenths of a px."""
    reach = float(np.hypot(*shape))
    along = np.linspace(-reach, reach, 160)
    waves = sum(
        random.normal(0, 0.06 / n) * np.sin(np.pi * n * along / reach + random.uniform(0, 2 * np.pi)) for n in (1, 2, 3, 5)
    )
    across = curl * reach * waves
    y, x = random.uniform(0, shape[0]), random.uniform(0, shape[1])
    points = [x + along * np.cos(angle) - across * np.sin(angle), y + along * np.sin(angle) + across * np.cos(angle)]
    return np.rint(16 * np.column_stack(points)).astype(np.int32)


def _strands(
    random: Random, shape: tuple[int, int], paths: list[NDArray[np.int32]], width_px: float, spread: float
) -> _Drawing:
    """Lay round strands over one another, the lower ones darker."""
    ground = float(random.uniform(0.03, 0.3))
    light = ground * (1 + 0.1 * smooth_noise(random, shape, 20))
    labels = np.zeros(shape, dtype=np.int32)
    top = float(random.uniform(ground + 0.2, 0.8))
    for number, path in enumerate(paths, start=1):
        thickness = max(2, round(width_px * float(np.exp(spread * random.standard_normal()))))
        strand = np.zeros(shape, dtype=np.uint8)
        cv2.polylines(strand, [path], isClosed=False, color=1, thickness=thickness, lineType=cv2.LINE_8, shift=4)
        inside = strand > 0
        depth = cv2.distanceTransform(strand, cv2.DIST_L2, 3) / (0.5 * thickness)
        height = 0.35 + 0.65 * number / len(paths)
        # Round strands are brighter at their edges.
        shade = height * (top * (0.7 + 0.5 * (1 - np.clip(depth, 0, 1)) ** 2) + 0.02 * smooth_noise(random, shape, 3))
        beside = np.exp(-cv2.distanceTransform(1 - strand, cv2.DIST_L2, 3) / max(1.5, 0.15 * thickness))
        light *= 1 - 0.4 * beside
        light[inside] = shade[inside]
        labels[inside] = number
    return _Drawing(light.astype(np.float32), _pieces(labels))


def _film(random: Random, shape: tuple[int, int]) -> _Drawing:
    """A film: smooth, wrinkled, rough, or torn by cracks."""
    tone = float(random.uniform(0.2, 0.6))
    look = int(random.integers(4))
    light = np.full(shape, tone, dtype=np.float32) * (1 + 0.05 * smooth_noise(random, shape, 80))
    material = np.ones(shape, dtype=np.bool_)
    if look == 1:
        ridges = np.exp(-np.abs(smooth_noise(random, shape, float(random.uniform(10, 50)))) / float(random.uniform(0.05, 0.3)))
        light = light * (0.8 + float(random.uniform(0.3, 0.8)) * ridges)
    elif look == 2:
        scale = float(np.exp(random.uniform(np.log(1.5), np.log(12))))
        light = light * (1 + float(random.uniform(0.05, 0.3)) * smooth_noise(random, shape, scale))
    elif look == 3:
        wall = wall_distance(random, shape, float(random.uniform(90, 260)))
        wall += float(random.uniform(0, 2)) * smooth_noise(random, shape, 6)
        material = wall > float(random.uniform(1, 7))
        light = np.where(material, light * (1 + 0.5 * np.exp(-wall / 5)), 0.05)
    return _Drawing(light.astype(np.float32), _pieces(material.astype(np.int32)))


def _sponge(random: Random, shape: tuple[int, int]) -> _Drawing:
    """Struts and pores: a foam of cells, or a network as of two liquids that have parted."""
    scale = float(np.exp(random.uniform(np.log(5), np.log(40))))
    if random.random() < 0.5:
        wall = wall_distance(random, shape, 4 * scale) + 0.15 * scale * smooth_noise(random, shape, scale)
        inward = float(random.uniform(0.25, 0.8)) * scale - wall
    else:
        field = smooth_noise(random, shape, scale)
        inward = scale * (field - float(random.uniform(-0.6, 0.4)))
    material = inward > 0
    below = 0.25 + 0.15 * smooth_noise(random, shape, 0.7 * scale)
    tone = float(random.uniform(0.4, 0.7))
    edge = np.exp(-np.abs(inward) / max(2.0, 0.15 * scale))
    light = np.where(material, tone * (0.75 + 0.6 * edge), np.clip(below, 0.02, 0.4) * (1 - 0.6 * edge))
    light = light * (1 + 0.04 * smooth_noise(random, shape, 2))
    return _Drawing(light.astype(np.float32), _pieces(material.astype(np.int32)))


def _pattern(random: Random, shape: tuple[int, int]) -> _Drawing:
    """A structured surface: lines, a grid of lines, holes, or the paths of a circuit."""
    look = int(random.integers(4))
    pitch = float(np.exp(random.uniform(np.log(14), np.log(150))))
    duty = float(random.uniform(0.3, 0.65))
    turn = float(random.choice([0, np.pi / 2, random.uniform(0, np.pi)]))
    y, x = np.mgrid[: shape[0], : shape[1]]
    u, v = (x * np.cos(turn) + y * np.sin(turn)) / pitch, (y * np.cos(turn) - x * np.sin(turn)) / pitch
    if look == 0:
        material = u % 1 < duty
    elif look == 1:
        material = (u % 1 < 0.6 * duty) | (v % 1 < 0.6 * duty)
    elif look == 2:
        material = np.hypot(u % 1 - 0.5, v % 1 - 0.5) > 0.6 * duty
    else:
        material = _circuit(random, shape)
    inside = material.astype(np.uint8)
    edge = np.exp(-np.minimum(_distance(inside), 50) / 2.0) * inside
    bright, dark = sorted(random.uniform(0.1, 0.7, 2), reverse=True)
    light = np.where(material, max(bright, dark + 0.12), dark) * (1 + 0.03 * smooth_noise(random, shape, 4))
    light = light + float(random.uniform(0, 0.35)) * edge
    return _Drawing(light.astype(np.float32), _pieces(material.astype(np.int32)))


def _circuit(random: Random, shape: tuple[int, int]) -> Mask:
    """Broad straight paths with pads, all leading out of the picture."""
    drawn = np.zeros(shape, dtype=np.uint8)
    width = int(random.integers(12, 60))
    for _ in range(int(random.integers(3, 9))):
        y, x = int(random.integers(shape[0])), int(random.integers(shape[1]))
        end = [(x, 0), (x, shape[0]), (0, y), (shape[1], y)][int(random.integers(4))]
        cv2.line(drawn, (x, y), end, 1, width)
        pad = int(random.uniform(0.6, 2.5) * width)
        cv2.rectangle(drawn, (x - pad, y - pad), (x + pad, y + pad), 1, cv2.FILLED)
    return drawn > 0


def _distance(inside: NDArray[np.uint8]) -> FloatImage:
    return np.asarray(cv2.distanceTransform(inside, cv2.DIST_L2, 3), dtype=np.float32)


def _pieces(labels: Labels) -> Labels:
    """Number the connected pieces of each number anew."""
    made = np.zeros_like(labels)
    n_pieces = 0
    for number in np.unique(labels[labels > 0]):
        count, parts = cv2.connectedComponents((labels == number).astype(np.uint8), connectivity=8)
        made = np.where(parts > 0, parts + n_pieces, made)
        n_pieces += count - 1
    return made.astype(np.int32)


STRUCTURES: dict[str, Maker] = {
    "fibre mat": _fibre_mat,
    "wires": _wires,
    "film": _film,
    "sponge": _sponge,
    "pattern": _pattern,
}
# Thin enough to be seen in transmission too.
TRANSMITTED = ("fibre mat", "wires")
