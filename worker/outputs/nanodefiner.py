"""The size distribution as the NanoDefiner e-tool reads it: sizes in nm and the cumulative number fraction.

The tool judges materials by the EU's definition, which asks for the smallest external dimension: the minimum Feret diameter.
"""

from pathlib import Path

import numpy as np

from shared.distributions.sample import CountingRule, Sample, counted
from shared.errors import InputError
from worker.outputs.archive import Archive
from worker.outputs.content import AnalysedImage, Content, in_nanometres
from worker.outputs.formats import Progress
from worker.outputs.methods import as_text, methods

# Sizes that agree to so many decimals of a nm are one size.
DECIMALS = 6
HEADER = "minimum Feret diameter / nm\tcumulative number fraction Q0"


def write(content: Content, target: Path, progress: Progress) -> None:
    """Write ``nanodefiner.txt``, tab-separated with one header line, and ``methods.txt``, in one ZIP archive.

    Each size that occurs has a line with the share of the counted particles that are not larger; the last one is 1. Images
    without a pixel size are left out and named in the methods. The sizes of all particles are in memory, 24 bytes for each.

    Raises
    ------
    InputError
        ``not_calibrated`` where no image has a pixel size, ``no_particles`` where none of their particles counts.
    """
    pooled = in_nanometres(content)
    if not pooled.images:
        message = "None of the images has a pixel size, so that no size in nm is known. State the pixel size and ask again."
        raise InputError(message, code="not_calibrated")
    done = len(content.images) - len(pooled.images)
    samples = []
    for n_done, image in enumerate(pooled.images, start=done + 1):
        samples.append(_sizes(image, content.choices.rule))
        progress(n_done)
    sample = Sample.of_images(samples)
    if not len(sample):
        message = f"No particle counts by the rule {content.choices.rule!r}, so that there is no distribution."
        raise InputError(message, code="no_particles")
    sizes, first = np.unique(sample.sizes.round(DECIMALS), return_index=True)
    fractions = np.cumsum(np.add.reduceat(sample.weights, first))
    with Archive(target) as archive:
        with archive.member("nanodefiner", "txt") as file:
            file.write(f"{HEADER}\n".encode())
            for size, fraction in zip(sizes.tolist(), (fractions / fractions[-1]).tolist(), strict=True):
                file.write(f"{size:.{DECIMALS}f}\t{fraction:.9f}\n".encode())
        with archive.member("methods", "txt") as file:
            file.write(as_text(methods(pooled)).encode())


def _sizes(image: AnalysedImage, rule: CountingRule) -> Sample:
    particles = image.particles()
    # A table without rows does not tell whether it is in nm.
    sizes = np.empty(0) if particles.feret_min_nm is None else particles.feret_min_nm
    return counted(sizes, particles.touches_border, particles.edge_weight, rule).sample
