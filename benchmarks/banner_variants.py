"""Derived images whose banner is known: what a banner finder meets in files that are not at hand.

Every variant of an image with a banner keeps the row at which banner and picture meet; every variant of one without has none.
Random choices follow the generator that is handed in, so the same seed makes the same images.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from worker.training.synthetic_banner import FONT, banner_height_px, draw_banner

Grey = NDArray[np.uint8]

# The range of banners that the finder is asked for, rows.
MIN_ROWS, MAX_ROWS = 14, 180
# Text cannot be told from its ground below this contrast.
MIN_CONTRAST = 80
INSTRUMENT_TEXT = "SE 15.0kV 8.4mm x30.0k 12 Mar 2019 WD 7.5 Mag Det InLens"


@dataclass(frozen=True, slots=True)
class Variant:
    """An image and the row at which its banner meets the picture; None where there is no banner.

    ``scale`` is by how much the truth of the original was enlarged.
    """

    pixels: Grey | NDArray[np.uint16]
    edge: int | None
    at_top: bool = False
    scale: float = 1.0

    @property
    def is_asked_for(self) -> bool:
        """Whether its banner has a height within the range of banners asked for."""
        if self.edge is None:
            return True
        return MIN_ROWS <= (self.edge if self.at_top else self.pixels.shape[0] - self.edge) <= MAX_ROWS


Change = Callable[[np.random.Generator, Grey], Grey | NDArray[np.uint16]]
BannerChange = Callable[[np.random.Generator, Grey, int], Variant]


def invert(_random: np.random.Generator, image: Grey) -> Grey:
    """Black becomes white."""
    return (255 - image).astype(np.uint8)


def as_jpeg(random: np.random.Generator, image: Grey) -> Grey:
    """Coded as JPEG of quality 60 to 90."""
    _, coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(random.integers(60, 91))])
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), dtype=np.uint8)


def with_noise(random: np.random.Generator, image: Grey) -> Grey:
    """Gaussian noise of 1 to 3 grey levels over all, as scanning a print or converting a film adds."""
    return _clipped(image + random.normal(0, random.uniform(1, 3), image.shape))


def blurred(random: np.random.Generator, image: Grey) -> Grey:
    """Gaussian blur of 0.5 to 1.2 px."""
    return cv2.GaussianBlur(image, (0, 0), random.uniform(0.5, 1.2)).astype(np.uint8)


def sixteen_bit(random: np.random.Generator, image: Grey) -> NDArray[np.uint16]:
    """Spread over a part of 16 bits."""
    gain = int(random.integers(15, 200))
    return image.astype(np.uint16) * gain + int(random.integers(0, 65535 - 255 * gain))


def with_other_contrast(random: np.random.Generator, image: Grey) -> Grey:
    """Gamma and contrast as operators set them, up to saturation at both ends."""
    value = (image / 255.0) ** np.exp(random.uniform(-0.9, 0.9))
    return _clipped(255 * ((value - 0.5) * random.uniform(0.3, 2.0) + random.uniform(0.25, 0.75)))


def print_pipeline(random: np.random.Generator, image: Grey) -> Grey:
    """Blurred a little and coded as JPEG twice: the way of a figure through a word processor into a journal."""
    return as_jpeg(random, blurred(random, as_jpeg(random, image)))


WHOLE_IMAGE: dict[str, Change] = {
    "as it is": lambda _, image: image,
    "inverted": invert,
    "JPEG 60-90": as_jpeg,
    "noise": with_noise,
    "blur": blurred,
    "16 bit": sixteen_bit,
    "JPEG, blur, JPEG": print_pipeline,
}
SCALES = (0.5, 0.75, 1.5, 2.0)


def resized(random: np.random.Generator, image: Grey, scale: float) -> Grey:
    """Resized by one of the usual interpolations."""
    up = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)
    method = int(random.choice(up)) if scale > 1 else int(random.choice((cv2.INTER_AREA, cv2.INTER_LINEAR)))
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=method).astype(np.uint8)


def banner_variants(
    random: np.random.Generator, image: Grey, top: int, picture: Grey, other: Grey
) -> list[tuple[str, Variant]]:
    """Everything that is made of one image with a banner from ``top`` on.

    ``picture`` has no banner and gets this one pasted beneath it, as does ``other``.
    """
    made = [(kind, Variant(change(random, image), top)) for kind, change in WHOLE_IMAGE.items()]
    made += [(f"resized x{by:g}", Variant(resized(random, image, by), round(top * by), scale=by)) for by in SCALES]
    made += [(kind, banner_change(random, image, top)) for kind, banner_change in BANNER_CHANGES.items()]
    made += [("pasted beneath another", pasted(random, image[top:], below)) for below in (picture, other)]
    return [(kind, variant) for kind, variant in made if variant.is_asked_for]


def flipped(_random: np.random.Generator, image: Grey, top: int) -> Variant:
    """Upside down, the banner on top."""
    return Variant(np.ascontiguousarray(image[::-1]), len(image) - top, at_top=True)


def moved_to_top(_random: np.random.Generator, image: Grey, top: int) -> Variant:
    """The banner upright above the picture."""
    return Variant(np.vstack([image[top:], image[:top]]), len(image) - top, at_top=True)


def in_mid_grey(random: np.random.Generator, image: Grey, top: int) -> Variant:
    """The ground of the banner in any grey, its text at a contrast that can be read."""
    ground = float(random.integers(20, 236))
    inks = [ink for ink in (0.0, 255.0, float(random.integers(0, 256))) if abs(ink - ground) >= MIN_CONTRAST]
    return Variant(_recoloured(image, top, ground, float(random.choice(inks))), top)


def in_colour(random: np.random.Generator, image: Grey, top: int) -> Variant:
    """A blue, red, green, cyan or orange banner turned into grey by its luminance; its text white, yellow or black."""
    colours = np.array([(0, 0, 255), (0, 0, 128), (255, 0, 0), (0, 128, 0), (0, 160, 160), (0, 70, 140), (240, 200, 120)])
    red, green, blue = random.choice(colours)
    ground = 0.299 * red + 0.587 * green + 0.114 * blue
    inks = [ink for ink in (255.0, 226.0, 0.0) if abs(ink - ground) >= MIN_CONTRAST]
    return Variant(_recoloured(image, top, ground, float(random.choice(inks))), top)


def over_other_contrast(random: np.random.Generator, image: Grey, top: int) -> Variant:
    """The picture brighter, darker, flatter or saturated; the banner as it was."""
    return Variant(np.vstack([with_other_contrast(random, image[:top]), image[top:]]), top)


def under_white(random: np.random.Generator, image: Grey, top: int) -> Variant:
    """The picture as bright as a bright-field micrograph of an empty film."""
    bright = _clipped(255 - (255 - image[:top].astype(np.float64)) * random.uniform(0.05, 0.4))
    return Variant(np.vstack([bright, image[top:]]), top)


def under_black(random: np.random.Generator, image: Grey, top: int) -> Variant:
    """The picture as dark as a dark-field micrograph, with its noise."""
    dark = image[:top] * random.uniform(0.05, 0.4) + np.abs(random.normal(0, 3, (top, image.shape[1])))
    return Variant(np.vstack([_clipped(dark), image[top:]]), top)


def cut_at_the_bottom(random: np.random.Generator, image: Grey, top: int) -> Variant:
    """20 to 40 % of the banner are missing."""
    keep = round((len(image) - top) * random.uniform(0.6, 0.8))
    return Variant(image[: top + keep], top)


def cut_at_the_sides(random: np.random.Generator, image: Grey, top: int) -> Variant:
    """Up to 15 % of the columns are missing on either side."""
    left, right = (random.uniform(0, 0.15, 2) * image.shape[1]).astype(int)
    return Variant(np.ascontiguousarray(image[:, left : image.shape[1] - right]), top)


def with_image_shown_again(random: np.random.Generator, image: Grey, top: int) -> Variant:
    """1 to 3 rows and columns of the picture below and beside the banner, as ZEISS writes them."""
    rows, columns = random.integers(1, 4, 2)
    changed = np.vstack([image, image[top - rows : top]])
    changed[top:, -columns:] = changed[: len(changed) - top, -columns:]
    return Variant(changed, top)


BANNER_CHANGES: dict[str, BannerChange] = {
    "flipped": flipped,
    "moved to the top": moved_to_top,
    "mid grey": in_mid_grey,
    "colour turned grey": in_colour,
    "other contrast above": over_other_contrast,
    "bright picture": under_white,
    "dark picture": under_black,
    "cut at the bottom": cut_at_the_bottom,
    "cut at the sides": cut_at_the_sides,
    "image shown again": with_image_shown_again,
}


def pasted(random: np.random.Generator, banner: Grey, picture: Grey) -> Variant:
    """A banner beneath another picture, at its own aspect ratio."""
    columns = picture.shape[1]
    rows = round(len(banner) * columns / banner.shape[1])
    method = int(random.choice((cv2.INTER_AREA, cv2.INTER_LINEAR)))
    fitted = cv2.resize(banner, (columns, max(rows, 1)), interpolation=method)
    return Variant(np.vstack([picture, fitted.astype(np.uint8)]), len(picture))


def synthetic(random: np.random.Generator, picture: Grey, style: Literal["trained", "free"]) -> Variant:
    """A drawn banner beneath a picture: those of the training images, or of any colour, height and number of lines."""
    rows, columns = picture.shape
    if style == "trained":
        strip = np.zeros((banner_height_px(columns), columns), np.uint8)
        draw_banner(random, strip, columns // 8, 500.0, "sem")
    else:
        strip = _free_banner(random, columns)
    return Variant(np.vstack([picture, strip]), rows)


def _free_banner(random: np.random.Generator, columns: int) -> Grey:
    rows, lines = int(random.integers(16, 110)), int(random.integers(1, 4))
    lines = max(min(lines, rows // 14), 1)
    ground = int(random.integers(0, 256))
    ink = 255 if ground < 128 else 0
    strip = np.full((rows, columns), ground, np.uint8)
    scale = min(rows / lines / 32, columns / 900)
    for line in range(lines):
        start = int(random.integers(0, max(columns // 4, 1)))
        text = INSTRUMENT_TEXT[: int(random.integers(18, len(INSTRUMENT_TEXT)))]
        cv2.putText(strip, text, (start, round((line + 0.75) * rows / lines)), FONT, scale, ink, 1, cv2.LINE_AA)
    if random.random() < 0.5:
        thickness = int(random.integers(1, 3))
        cv2.rectangle(strip, (0, 0), (columns - 1, rows - 1), ink, thickness)
    for x in random.integers(0, columns, int(random.integers(0, 6))):
        strip[:, x] = (ground + ink) // 2
    return strip


def _recoloured(image: Grey, top: int, ground: float, ink: float) -> Grey:
    """Shift the greys of the banner so that its ground and its ink have these values."""
    banner = image[top:].astype(np.float64)
    old = float(np.median(banner))
    old_ink = 255.0 if old < 128 else 0.0
    recoloured = ground + (banner - old) * (ink - ground) / (old_ink - old)
    return np.vstack([image[:top], _clipped(recoloured)])


def _clipped(values: NDArray[np.float64]) -> Grey:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
