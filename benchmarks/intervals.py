"""How often the bootstrap's intervals cover the truth, and how long a distribution with its intervals takes.

usage: python -m benchmarks.intervals [--samples N]

Samples are of images whose log-normal particles have means that differ from image to image, so that the particles of one image
resemble each other; the truth is the distribution over all images that could have been taken.
"""

import argparse
import time
from dataclasses import fields

import numpy as np

from shared.distributions.bootstrap import Intervals, intervals
from shared.distributions.describe import Look, describe
from shared.distributions.fits import FAMILIES
from shared.distributions.sample import Sample
from shared.distributions.summary import POWERS, moments, summarise

# Images, particles of each, SD of the logarithms between images and within one.
DESIGNS = ((10, 30, 0.15, 0.3), (20, 30, 0.15, 0.3), (50, 100, 0.1, 0.4), (20, 30, 0.0, 0.4))
MEDIAN_NM = 40.0
Z90 = 1.281552
N_PARTICLES, N_IMAGES = 1_000_000, 100


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Coverage and time of the bootstrap's intervals.")
    parser.add_argument("--samples", type=int, default=1_000)
    arguments = parser.parse_args()
    print(f"share of {arguments.samples} samples whose 95 % interval covers the truth")
    names = [field.name for field in fields(Intervals)]
    print(f"{'images × particles, SD between, within':42}" + "".join(f"{name:>15}" for name in names))
    for design in DESIGNS:
        images, particles, between, within = design
        shares = coverage(arguments.samples, *design)
        print(
            f"{f'{images} × {particles}, {between:g}, {within:g}':42}" + "".join(f"{share:15.3f}" for share in shares.values())
        )
    print_times()


def coverage(n_samples: int, n_images: int, n_particles: int, between: float, within: float) -> dict[str, float]:
    """Share of samples whose interval covers the truth, for each statistic by number."""
    sd = float(np.hypot(between, within))
    truth = {
        "mean": MEDIAN_NM * np.exp(sd**2 / 2),
        **{name: MEDIAN_NM * np.exp(z * sd) for name, z in (("d10", -Z90), ("d50", 0.0), ("d90", Z90))},
        "geometric_mean": MEDIAN_NM,
        "gsd": np.exp(sd),
    }
    hits = dict.fromkeys(truth, 0)
    for seed in range(n_samples):
        random = np.random.default_rng(seed)
        means = random.normal(np.log(MEDIAN_NM), between, n_images)
        sizes = np.exp(random.normal(means[:, None], within, (n_images, n_particles))).ravel()
        found = intervals(Sample.of(sizes, None, np.repeat(np.arange(n_images), n_particles), n_images), "number")
        for name, value in truth.items():
            ends = getattr(found, name)
            hits[name] += ends.low <= value <= ends.high
    return {name: n / n_samples for name, n in hits.items()}


def print_times() -> None:
    """Print how long the parts of a distribution of a million particles take."""
    random = np.random.default_rng(0)
    sizes, image = np.exp(random.normal(3, 0.4, N_PARTICLES)), random.integers(0, N_IMAGES, N_PARTICLES)
    print(f"{N_PARTICLES:,} particles of {N_IMAGES} images, s")
    started = time.perf_counter()
    sample = Sample.of(sizes, None, image, N_IMAGES)
    print(f"{'ordered':42}{time.perf_counter() - started:15.2f}")
    for weighting in POWERS:
        started = time.perf_counter()
        summarise(sample, weighting)
        moments(sample)
        intervals(sample, weighting)
        print(f"{f'statistics and intervals by {weighting}':42}{time.perf_counter() - started:15.2f}")
    for name, look in (("without", Look(with_intervals=True)), ("with", Look(with_intervals=True, families=FAMILIES))):
        started = time.perf_counter()
        describe(sample, look)
        print(f"{f'distribution with intervals, {name} fits':42}{time.perf_counter() - started:15.2f}")


if __name__ == "__main__":
    main()
