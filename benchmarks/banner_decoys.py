"""Images that have no banner and look as if they had one: boxes, overlays, margins, dark and bright pictures."""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.banner_variants import INSTRUMENT_TEXT, SCALES, WHOLE_IMAGE, Grey, resized, with_other_contrast
from worker.training.synthetic_banner import FONT

Decoy = Callable[[np.random.Generator, Grey], Grey]


def decoys(random: np.random.Generator, image: Grey) -> list[tuple[str, Grey | NDArray[np.uint16]]]:
    """Everything that is made of one image without a banner; none of it has one."""
    made = [(kind, change(random, image)) for kind, change in WHOLE_IMAGE.items()]
    scale = float(random.choice(SCALES))
    made += [("resized", resized(random, image, scale)), ("other contrast", with_other_contrast(random, image))]
    return made + [(kind, decoy(random, image)) for kind, decoy in DECOYS.items()]


def turned(_random: np.random.Generator, image: Grey) -> Grey:
    """A quarter turn."""
    return np.ascontiguousarray(np.rot90(image))


def saturated(random: np.random.Generator, image: Grey) -> Grey:
    """The darker or the brighter half is cut off at one exact value, as a detector's offset does."""
    level = float(np.percentile(image, random.uniform(30, 70)))
    clipped = np.maximum(image, level) if random.random() < 0.5 else np.minimum(image, level)
    return clipped.astype(np.uint8)


def floating_box(random: np.random.Generator, image: Grey) -> Grey:
    """An opaque box with text, inside the picture or in a corner, up to 85 % of its width."""
    rows, columns = image.shape
    height, width = int(random.integers(20, 80)), int(columns * random.uniform(0.15, 0.85))
    box = written_strip(random, height, width)
    right = int(random.choice([0, 0, random.integers(0, columns - width)]))
    below = int(random.choice([0, 0, random.integers(0, min(60, rows - height))]))
    boxed = image.copy()
    boxed[rows - below - height : rows - below, columns - right - width : columns - right] = box
    return boxed


def wide_floating_box(random: np.random.Generator, image: Grey) -> Grey:
    """A box over nearly the whole width with the picture on both sides and below."""
    rows, columns = image.shape
    height = int(random.integers(20, 60))
    side, below = max(round(0.03 * columns), 5), int(random.integers(5, 20))
    boxed = image.copy()
    boxed[rows - below - height : rows - below, side : columns - side] = written_strip(random, height, columns - 2 * side)
    return boxed


def overlay(random: np.random.Generator, image: Grey) -> Grey:
    """One or two lines of instrument text and a bar written on the picture."""
    written = image.copy()
    rows, columns = image.shape
    ink = int(random.choice([0, 255]))
    for line in range(int(random.integers(1, 3))):
        cv2.putText(written, INSTRUMENT_TEXT, (4, rows - 8 - 26 * line), FONT, columns / 1100, ink, 1, cv2.LINE_AA)
    written[-16:-12, -columns // 4 : -20] = ink
    return written


def transparent_strip(random: np.random.Generator, image: Grey) -> Grey:
    """The picture shines through a darkened or brightened strip with text."""
    rows = int(random.integers(24, 70))
    shaded = image.copy()
    opacity, ink = random.uniform(0.3, 0.7), int(random.choice([0, 255]))
    shaded[-rows:] = (image[-rows:] * (1 - opacity) + (255 - ink) * opacity).astype(np.uint8)
    cv2.putText(shaded, INSTRUMENT_TEXT, (4, len(image) - rows // 3), FONT, image.shape[1] / 1100, ink, 1, cv2.LINE_AA)
    return shaded


def plain_margin(random: np.random.Generator, image: Grey) -> Grey:
    """A strip of one grey without any text, as cropping and padding leave it."""
    margin = np.full((int(random.integers(4, 60)), image.shape[1]), int(random.choice([0, 255, 128])), np.uint8)
    return np.vstack([image, margin])


def lettered_margin(random: np.random.Generator, image: Grey) -> Grey:
    """Two panels side by side under a white margin with their letters."""
    pair = np.hstack([image, np.full((len(image), 8), 255, np.uint8), image[:, ::-1]])
    margin = np.full((int(random.integers(20, 34)), pair.shape[1]), 255, np.uint8)
    for letter, x in (("a", 4), ("b", image.shape[1] + 12)):
        cv2.putText(margin, f"({letter})", (x, len(margin) - 8), FONT, 0.6, 0, 1, cv2.LINE_AA)
    return np.vstack([margin, pair])


def written_strip(random: np.random.Generator, rows: int, columns: int) -> Grey:
    """An opaque strip with one line of text."""
    ground = int(random.choice([0, 255, int(random.integers(0, 256))]))
    strip = np.full((rows, columns), ground, np.uint8)
    ink = 255 if ground < 128 else 0
    cv2.putText(strip, INSTRUMENT_TEXT, (4, round(0.7 * rows)), FONT, min(rows / 40, columns / 1000), ink, 1, cv2.LINE_AA)
    return strip


DECOYS: dict[str, Decoy] = {
    "flipped": lambda _, image: np.ascontiguousarray(image[::-1]),
    "turned": turned,
    "saturated": saturated,
    "floating box": floating_box,
    "wide floating box": wide_floating_box,
    "overlay": overlay,
    "transparent strip": transparent_strip,
    "plain margin": plain_margin,
    "lettered margin": lettered_margin,
}
