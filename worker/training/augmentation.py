"""Crops as other microscopes, operators and printers would have made them: geometry, contrast, noise and burnt-in annotations.

Every function is pure: image, labels and a source of chance in, new arrays out.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from shared.arrays import FloatImage, Labels, Mask

Random = np.random.Generator
Bytes = NDArray[np.uint8]

# A crop shows one of its particles at a diameter drawn between these, px: the network sees sizes it can overlook, and
# inference brings every micrograph to them.
DIAMETERS_PX = (10.0, 150.0)
SCALES = (0.2, 4.0)
# A micrograph that is small at the drawn scale is mostly enlarged until it fills so much of the crop's side: beyond its edges
# nothing can be learnt. Now and then it stays small, as in the first look of an analysis.
MIN_COVER = 0.8
SMALL_VIEW_RATE = 0.15
SMALL_ROTATION_DEG = 12.0
MAX_STRETCH = 1.15

ANNOTATION_RATE = 0.45
FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_PLAIN,
)
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
BAR_VALUES = (1, 2, 5, 10, 20, 50, 100, 200, 500)
INSTRUMENT_WORDS = (
    "SEI",
    "TEM",
    "20.0 kV",
    "X50,000",
    "WD 8.2mm",
    "15.0kV x40.0k SE(L)",
    "HAADF",
    "II",
    "IV",
    "d = 3.2 nm",
    "Control",
)


@dataclass(frozen=True, slots=True)
class Crop:
    """A picture to learn from, all arrays of shape (rows, columns).

    Attributes
    ----------
    image : ndarray of float32
        Grey values.
    labels : ndarray of int32
        0 is background.
    distance : ndarray of float32
        As `worker.training.targets.normalised_distance` gives it for the whole particle, of which the crop may show a part.
    valid : ndarray of bool
        False where the labels say nothing.
    """

    image: FloatImage
    labels: Labels
    distance: FloatImage
    valid: Mask


def augmented(whole: Crop, size_px: int, random: Random) -> Crop:
    """Cut a square out of a micrograph at a random place and scale, and change how it was recorded.

    Parameters
    ----------
    whole : Crop
        The micrograph, grey values in 0..1.
    size_px : int
        Side of the square.
    random : Generator
        The only source of chance.

    Returns
    -------
    Crop
        Grey values about 0..1.
    """
    crop = cut(whole, size_px, random)
    image = with_contrast(crop.image, random)
    image, drawn = with_annotations(image, random)
    image = with_noise(with_charging(image, random), random)
    # What an annotation hides can be neither found nor ruled out.
    return Crop(image, crop.labels, crop.distance, crop.valid & ~(drawn & (crop.labels > 0)))


def cut(whole: Crop, size_px: int, random: Random) -> Crop:
    """Cut a square at a random scale, turned by any quarter and a little more, mirrored and stretched.

    Parameters
    ----------
    whole : Crop
        The micrograph.
    size_px : int
        Side of the square; beyond the picture it goes on by reflection.
    random : Generator
        The only source of chance.

    Returns
    -------
    Crop
    """
    scale, (y, x) = _view(whole.labels, size_px, random)
    shrunk, factor = _shrunk(whole, scale)
    rest = scale / factor
    angle = np.deg2rad(90 * random.integers(4) + random.normal(0, SMALL_ROTATION_DEG))
    stretch = MAX_STRETCH ** random.uniform(-1, 1)
    mirror = random.choice((-1.0, 1.0))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = rest * turn @ np.diag([mirror * stretch, 1 / stretch])
    offset = np.full(2, size_px / 2) - linear @ np.array([x * factor, y * factor])
    matrix = np.column_stack([linear, offset])

    def warped(array: FloatImage, interpolation: int, border: int = cv2.BORDER_REFLECT_101) -> FloatImage:
        made = cv2.warpAffine(array, matrix, (size_px, size_px), flags=interpolation, borderMode=border)
        return made.astype(np.float32, copy=False)

    # OpenCV warps no int32; float32 holds every label below 2^24 exactly.
    labels = warped(shrunk.labels.astype(np.float32), cv2.INTER_NEAREST).astype(np.int32)
    distance = np.where(labels > 0, warped(shrunk.distance, cv2.INTER_LINEAR), 0).astype(np.float32)
    # A particle and its mirror image would count as one: nothing is asked of the network beyond the picture.
    valid = warped(shrunk.valid.astype(np.float32), cv2.INTER_NEAREST, cv2.BORDER_CONSTANT) > 0
    return Crop(warped(shrunk.image, cv2.INTER_LINEAR), labels, distance, valid)


def with_contrast(image: FloatImage, random: Random) -> FloatImage:
    """Change polarity, gamma, contrast and brightness, and let the brightness drift over the picture.

    Parameters
    ----------
    image : ndarray of float32, shape (rows, columns)
        Grey values in 0..1.
    random : Generator
        The only source of chance.

    Returns
    -------
    ndarray of float32, shape (rows, columns)
    """
    made = np.clip(image, 0, 1)
    if random.random() < 0.2:
        made = 1 - made
    if random.random() < 0.6:
        made = made ** np.float32(np.exp(random.normal(0, 0.35)))
    if random.random() < 0.4:
        y, x = np.mgrid[-1 : 1 : complex(image.shape[0]), -1 : 1 : complex(image.shape[1])].astype(np.float32)
        slope_y, slope_x, bowl = random.normal(0, 0.12, 3)
        made = made + slope_y * y + slope_x * x + bowl * (x * x + y * y)
    return np.asarray(made * np.exp(random.normal(0, 0.2)) + random.normal(0, 0.08), dtype=np.float32)


def with_charging(image: FloatImage, random: Random) -> FloatImage:
    """Sometimes add bright or dark streaks along the scan lines, as a charged specimen gives.

    Parameters
    ----------
    image : ndarray of float32, shape (rows, columns)
        Grey values about 0..1.
    random : Generator
        The only source of chance.

    Returns
    -------
    ndarray of float32, shape (rows, columns)
    """
    if random.random() >= 0.1:
        return image
    rows, columns = image.shape
    made = image.copy()
    for _ in range(int(random.integers(1, 5))):
        row, height = int(random.integers(rows)), int(random.integers(1, 6))
        start = int(random.integers(columns))
        fading = np.exp(-np.arange(columns - start, dtype=np.float32) / np.float32(columns * random.uniform(0.1, 0.8)))
        made[row : row + height, start:] += np.float32(random.normal(0, 0.25)) * fading
    return made


def with_noise(image: FloatImage, random: Random) -> FloatImage:
    """Blur or sharpen, add shot and line noise, and compress as JPEG, each sometimes.

    Parameters
    ----------
    image : ndarray of float32, shape (rows, columns)
        Grey values about 0..1.
    random : Generator
        The only source of chance.

    Returns
    -------
    ndarray of float32, shape (rows, columns)
        Clipped to 0..1.
    """
    made = image
    if random.random() < 0.3:
        made = cv2.GaussianBlur(made, (0, 0), random.uniform(0.5, 1.6)).astype(np.float32, copy=False)
    elif random.random() < 0.2:
        made = made + np.float32(random.uniform(0.3, 1.0)) * (made - cv2.GaussianBlur(made, (0, 0), 1.5))
    made = np.clip(made, 0, 1)
    if random.random() < 0.4:
        # The normal limit of the Poisson law of the electrons counted in a pixel.
        electrons = np.exp(random.uniform(np.log(25), np.log(1000)))
        made = made + np.sqrt((made + 0.02) / electrons) * random.standard_normal(made.shape, dtype=np.float32)
    if random.random() < 0.1:
        made = made + np.float32(random.uniform(0.01, 0.06)) * random.standard_normal((made.shape[0], 1), dtype=np.float32)
    made = np.clip(made, 0, 1).astype(np.float32)
    if random.random() < 0.25:
        quality = int(random.integers(25, 90))
        encoded = cv2.imencode(".jpg", np.rint(made * 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        made = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE), dtype=np.float32) / np.float32(255)
    return made


def with_annotations(image: FloatImage, random: Random) -> tuple[FloatImage, Mask]:
    """Sometimes write text, scale bars, boxes and arrows over the picture, which are not particles.

    Parameters
    ----------
    image : ndarray of float32, shape (rows, columns)
        Grey values about 0..1.
    random : Generator
        The only source of chance.

    Returns
    -------
    image : ndarray of float32, shape (rows, columns)
        A new array.
    drawn : ndarray of bool, shape (rows, columns)
        Where something was written.
    """
    made, drawn = image.copy(), np.zeros(image.shape, dtype=np.uint8)
    if random.random() >= ANNOTATION_RATE:
        return made, drawn > 0
    for _ in range(int(random.integers(1, 4))):
        shape: Bytes = np.zeros(image.shape, dtype=np.uint8)
        _draw_one(shape, random)
        ink = float(random.choice((0.0, 1.0, random.random())))
        if random.random() < 0.2:
            box = _around(shape)
            made[box], drawn[box] = 1 - ink, 1
        made[shape > 0], drawn[shape > 0] = ink, 1
    return made, drawn > 0


def _view(labels: Labels, size_px: int, random: Random) -> tuple[float, tuple[float, float]]:
    """Scale of a crop and its centre (y, x) in the picture, px, chosen by one of the particles."""
    area = np.bincount(labels.ravel())
    area[0] = 0
    present = np.flatnonzero(area)
    rows, columns = labels.shape
    anywhere = random.uniform(0, rows), random.uniform(0, columns)
    wanted_px = np.exp(random.uniform(*np.log(DIAMETERS_PX)))
    if not present.size:
        return float(np.clip(wanted_px / 50, *SCALES)), anywhere
    # Half of the choices by number, half by area, so that neither the few large nor the many small are left out.
    weights = area[present] / area.sum() if random.random() < 0.5 else None
    chosen = int(random.choice(present, p=weights))
    scale = float(np.clip(wanted_px / np.sqrt(4 * area[chosen] / np.pi), *SCALES))
    if random.random() >= SMALL_VIEW_RATE:
        scale = max(scale, min(MIN_COVER * size_px / min(rows, columns), SCALES[1]))
    y, x = (float(values[random.integers(values.size)]) for values in (np.nonzero(labels == chosen)))
    if random.random() < 0.25:
        y, x = anywhere
    reach = size_px / (2 * scale)
    jitter_y, jitter_x = random.uniform(-0.7, 0.7, 2) * reach
    return scale, (_held(y + jitter_y, reach, rows), _held(x + jitter_x, reach, columns))


def _held(centre: float, reach: float, length: int) -> float:
    """Move a centre so that its crop stays inside the picture, or in its middle where the picture is smaller."""
    return float(np.clip(centre, reach, length - reach)) if 2 * reach < length else length / 2


def _shrunk(whole: Crop, scale: float) -> tuple[Crop, float]:
    """Shrink by averaging before warping, which would skip pixels; returns the crop and the factor applied."""
    if scale >= 0.85:
        return whole, 1.0
    rows, columns = (max(round(length * scale), 8) for length in whole.image.shape)
    size = (columns, rows)
    image = cv2.resize(whole.image, size, interpolation=cv2.INTER_AREA).astype(np.float32, copy=False)
    distance = cv2.resize(whole.distance, size, interpolation=cv2.INTER_AREA).astype(np.float32, copy=False)
    labels = cv2.resize(whole.labels.astype(np.float32), size, interpolation=cv2.INTER_NEAREST_EXACT).astype(np.int32)
    valid = cv2.resize(whole.valid.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST_EXACT) > 0
    return Crop(image, labels, distance, valid), columns / whole.image.shape[1]


def _draw_one(shape: Bytes, random: Random) -> None:
    """Draw a word, a bar, a box or an arrow into an empty mask."""
    rows, columns = shape.shape
    x, y = int(random.integers(columns)), int(random.integers(rows))
    kind = random.random()
    thickness = int(random.integers(1, 5))
    if kind < 0.5:
        _write(shape, _word(random), (x - 40, y), random)
    elif kind < 0.8:
        cv2.rectangle(shape, (x, y), (x + int(random.integers(20, 160)), y + int(random.integers(1, 14))), 1, -1)
    elif kind < 0.9:
        cv2.rectangle(shape, (x, y), (x + int(random.integers(20, 120)), y + int(random.integers(20, 120))), 1, thickness)
    else:
        cv2.arrowedLine(shape, (x, y), (int(random.integers(columns)), int(random.integers(rows))), 1, thickness)


def _word(random: Random) -> str:
    """Draw a panel's letter, a scale, a number or what an instrument writes."""
    kind = random.random()
    if kind < 0.4:
        letter = LETTERS[int(random.integers(len(LETTERS)))]
        return str(random.choice(("{}", "({})", "{})", "[{}]", "{}.", "{}1"))).format(letter)
    if kind < 0.7:
        unit = random.choice(("nm", "um", "µm", "mm"))
        return f"{random.choice(BAR_VALUES)}{random.choice(('', ' '))}{unit}"
    if kind < 0.8:
        return str(random.integers(1, 10000))
    return INSTRUMENT_WORDS[int(random.integers(len(INSTRUMENT_WORDS)))]


def _write(shape: Bytes, word: str, place: tuple[int, int], random: Random) -> None:
    """Write a word with the strokes of a plotter, as instruments do, or in a printed letter, light or bold, as authors do."""
    if random.random() < 0.4:
        font, size = FONTS[int(random.integers(len(FONTS)))], random.uniform(0.4, 2.2)
        cv2.putText(shape, word.replace("µ", "u"), place, font, size, 1, max(round(size * 1.5), 1))
        return
    height_px = float(np.exp(random.uniform(np.log(10), np.log(64))))
    page = Image.fromarray(shape)
    bold_px = int(random.integers(0, 2 + round(height_px / 24)))
    ImageDraw.Draw(page).text(place, word, fill=1, font=ImageFont.load_default(height_px), stroke_width=bold_px)
    shape[...] = np.asarray(page)


def _around(shape: Bytes) -> tuple[slice, slice]:
    x, y, width, height = cv2.boundingRect(shape)
    return slice(max(y - 4, 0), y + height + 4), slice(max(x - 4, 0), x + width + 4)
