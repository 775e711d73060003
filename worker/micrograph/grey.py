"""From decoded samples to one grey channel, saying what was left out on the way.

Works in blocks of rows, so that a large colour image needs no second copy of itself.
"""

from collections.abc import Iterator
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from shared.arrays import Pixels
from worker.micrograph.container import Samples

# Rec. ITU-R BT.601-7, section 2.5.1: the luminance of a colour picture, in thousandths.
RED, GREEN, BLUE = 299, 587, 114
BLOCK_PIXELS = 1 << 18

# Between the channels of a clearly coloured pixel lies this share of the brightest value; JPEG alone stays below half of it.
MIN_CHROMA = 0.12
# Coloured scale bars, letters and outlines cover less than this of a micrograph; a photograph or false colour cover more.
MIN_COLOURED_SHARE = 0.1

GREY_IN_COLOUR_WARNING = (
    "The image was stored in colour but is grey ({share:.1%} of its pixels are coloured, as annotations are); "
    "it was turned into grey by its luminance (Rec. 601)."
)
COLOUR_WARNING = (
    "The image is a colour photograph or a false-colour picture ({share:.0%} of its pixels are coloured): electron micrographs "
    "are grey, so its brightness may not be what a detector recorded. It was turned into grey by its luminance (Rec. 601)."
)
TRANSPARENCY_WARNING = "The image has a transparency channel; it was left out."


def to_grey(samples: Samples) -> tuple[Pixels, tuple[str, ...]]:
    """One grey channel in the depth of the samples.

    Parameters
    ----------
    samples : ndarray, shape (rows, columns) or (rows, columns, channels)
        1 to 4 channels: grey, grey and transparency, colour, colour and transparency.

    Returns
    -------
    pixels : ndarray, shape (rows, columns)
        The first channel where all colours are equal, else ``0.299 R + 0.587 G + 0.114 B``, rounded for integers.
    warnings : tuple of str
        Whether there was a little colour or much of it, and that a transparency is not opaque everywhere. Nothing where all
        colours are equal, since nothing is lost.
    """
    if samples.ndim == 2:
        return samples, ()
    channels = samples.shape[2]
    warnings: list[str] = []
    if channels in {2, 4} and not _is_opaque(samples[:, :, -1]):
        warnings.append(TRANSPARENCY_WARNING)
    if channels <= 2 or _is_colourless(samples):
        return cast("Pixels", np.ascontiguousarray(samples[:, :, 0])), tuple(warnings)
    share = coloured_share(samples)
    warnings.append((COLOUR_WARNING if share >= MIN_COLOURED_SHARE else GREY_IN_COLOUR_WARNING).format(share=share))
    return _luminance(samples), tuple(warnings)


def coloured_share(samples: Samples) -> float:
    """Share of the pixels that are clearly coloured.

    Parameters
    ----------
    samples : ndarray, shape (rows, columns, channels)
        Red, green, blue and what follows.

    Returns
    -------
    float
        0 to 1: of the pixels whose channels differ by ``MIN_CHROMA`` of the brightest value of the image or more.
    """
    least = MIN_CHROMA * float(samples[..., :3].max())
    coloured = sum(int(np.count_nonzero(_chroma(samples[rows]) >= least)) for rows in _row_blocks(samples))
    return coloured / float(samples.shape[0] * samples.shape[1])


def _chroma(samples: Samples) -> NDArray[Any]:
    """Distance of the brightest from the darkest channel; unsigned samples cannot underflow, as the darkest is subtracted."""
    red, green, blue = (samples[..., channel] for channel in range(3))
    lightest: NDArray[Any] = np.maximum(np.maximum(red, green), blue)
    darkest: NDArray[Any] = np.minimum(np.minimum(red, green), blue)
    chroma: NDArray[Any] = lightest - darkest
    return chroma


def _is_opaque(alpha: Samples) -> bool:
    opaque = 1.0 if alpha.dtype == np.float32 else 256**alpha.itemsize - 1
    return bool((alpha == opaque).all())


def _is_colourless(samples: Samples) -> bool:
    return all(
        bool((block[..., 0] == block[..., 1]).all() and (block[..., 0] == block[..., 2]).all())
        for block in (samples[rows] for rows in _row_blocks(samples))
    )


def _luminance(samples: Samples) -> Pixels:
    grey: Any = np.empty(samples.shape[:2], samples.dtype)
    is_float = samples.dtype == np.float32
    for rows in _row_blocks(samples):
        # 16-bit samples times 1000 fit 32 bits; floating-point ones are summed in double precision.
        block: NDArray[Any] = samples[rows].astype(np.float64 if is_float else np.uint32)
        weighted = RED * block[..., 0] + GREEN * block[..., 1] + BLUE * block[..., 2]
        grey[rows] = weighted / 1000 if is_float else (weighted + 500) // 1000
    return cast("Pixels", grey)


def _row_blocks(samples: Samples) -> Iterator[slice]:
    step = max(1, BLOCK_PIXELS // samples.shape[1])
    for top in range(0, samples.shape[0], step):
        yield slice(top, top + step)
