"""How well and how fast the instrument's banner is found: per maker, and per kind of derived image with a known banner.

Usage: ``python -m benchmarks.banner DATA [--misses]``, where DATA holds ``banners/manifest.csv`` and ``emps/images``.
Every miss of an original is named; ``--misses`` names those of the derived images as well.
"""

import csv
import sys
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from benchmarks.banner_decoys import decoys
from benchmarks.banner_variants import Grey, Variant, banner_variants, synthetic
from shared.arrays import Pixels
from shared.geometry import Banner
from worker.analysis.banner import find_banner
from worker.analysis.banner_strip import MAX_ROWS_BELOW

TOLERANCE_PX = 3.0
UNDECIDED = "none or partial"
SEED = 20
# They have a banner that the manifest does not list, so they count on neither side.
UNLISTED_BANNERS = frozenset({"07330c8ea1.png", "39dda96b25.png", "af124a45d9.png"})
MAKERS = ("ZEISS", "JEOL", "Hitachi TEM", "Hitachi", "FEI", "Tescan", "AMT", "old SEM", "multi-panel")


@dataclass(frozen=True, slots=True)
class Labelled:
    """An image of the data folder; ``top`` is None where there is no banner."""

    path: Path
    maker: str
    top: int | None
    precision_px: float


@dataclass(frozen=True, slots=True)
class Finding:
    """Truth and answer for one image, original or derived."""

    name: str
    kind: str
    variant: Variant
    precision_px: float
    found: Banner | None
    seconds: float

    @property
    def has_banner(self) -> bool:
        """Whether there is one to be found."""
        return self.variant.edge is not None

    @property
    def is_right(self) -> bool:
        """Whether no banner was claimed, or the row where it meets the picture is within the tolerance."""
        edge = self.variant.edge
        if edge is None or self.found is None:
            return edge is None and self.found is None
        is_at_top = self.found.top <= MAX_ROWS_BELOW
        row = self.found.bottom if is_at_top else self.found.top
        tolerance = max(TOLERANCE_PX, self.precision_px * self.variant.scale)
        return is_at_top == self.variant.at_top and abs(row - edge) <= tolerance


def originals(data: Path) -> list[tuple[Labelled, Pixels]]:
    """Every image of the manifest and every EMPS image that it does not name."""
    return [(image, _read(image.path)) for image in _truth(data)]


def find_all(images: list[tuple[Labelled, Pixels]]) -> Iterator[Finding]:
    """Run the search on the images as they are, their maker being their kind."""
    for image, pixels in images:
        yield _find(image, image.maker, Variant(pixels, image.top))  # type: ignore[arg-type]


def find_derived(images: list[tuple[Labelled, Pixels]]) -> Iterator[Finding]:
    """Run the search on everything that can be made of the images."""
    plain = [(image, to_8_bit(pixels)) for image, pixels in images if image.top is None and image.maker == "EMPS"]
    for number, (image, pixels) in enumerate(images):
        random = np.random.default_rng((SEED, zlib.crc32(image.path.name.encode())))
        if image.top is not None:
            pictures = [plain[(7 * number + step) % len(plain)][1] for step in (0, 3)]
            made = banner_variants(random, to_8_bit(pixels), image.top, pictures[0], pictures[1])
        else:
            made = [(kind, Variant(decoy, None)) for kind, decoy in decoys(random, to_8_bit(pixels))]
        for kind, variant in made:
            yield _find(image, kind, variant)
    for image, pixels in plain[::3]:
        random = np.random.default_rng((SEED, zlib.crc32(image.path.name.encode())))
        yield _find(image, "drawn as for training", synthetic(random, pixels, "trained"))
        yield _find(image, "drawn freely", synthetic(random, pixels, "free"))


def report(results: list[Finding], title: str) -> str:
    """Write the figures as one table, a row per kind."""
    lines = [f"{title:28}{'found':>14}{'claimed wrongly':>20}"]
    kinds = dict.fromkeys(r.kind for r in results)
    lines += [f"{kind:28}" + _shares([r for r in results if r.kind == kind]) for kind in kinds]
    lines.append(f"{'all':28}" + _shares(results))
    return "\n".join(lines)


def misses(results: list[Finding]) -> str:
    """Name every image that was answered wrongly."""
    wrong = [r for r in results if not r.is_right]
    return "\n".join(f"miss: {r.kind}: {r.name} {r.variant.pixels.shape} truth {r.variant.edge} found {r.found}" for r in wrong)


def speed(results: list[Finding]) -> str:
    """Write the time that the search takes."""
    per_mpx = [r.seconds * 1e3 / (r.variant.pixels.size / 1e6) for r in results]
    seconds = [r.seconds for r in results]
    return (
        f"ms per image: median {np.median(seconds) * 1e3:.1f}, slowest {max(seconds) * 1e3:.1f}; "
        f"per megapixel: median {np.median(per_mpx):.1f}"
    )


def _find(image: Labelled, kind: str, variant: Variant) -> Finding:
    start = time.perf_counter()
    found = find_banner(variant.pixels)
    return Finding(image.path.name, kind, variant, image.precision_px, found, time.perf_counter() - start)


def _shares(results: list[Finding]) -> str:
    with_banner = [r for r in results if r.has_banner]
    without = [r for r in results if not r.has_banner]
    right, wrong = sum(r.is_right for r in with_banner), sum(not r.is_right for r in without)
    found = f"{right}/{len(with_banner)} {right / len(with_banner):6.1%}" if with_banner else "-"
    claimed = f"{wrong}/{len(without)} {wrong / len(without):6.2%}" if without else "-"
    return f"{found:>14}{claimed:>20}"


def _truth(data: Path) -> Iterator[Labelled]:
    named = set(UNLISTED_BANNERS)
    with (data / "banners" / "manifest.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            path = data / row["file"]
            named.add(path.name)
            if row["banner_top_row"] == UNDECIDED:
                continue
            maker = next((maker for maker in MAKERS if maker.lower() in row["shows"].lower()), "others")
            if row["banner_top_row"] == "none":
                yield Labelled(path, maker if maker == "multi-panel" else "no banner: boxes, overlays", None, 0.0)
            else:
                yield Labelled(path, maker, int(row["banner_top_row"]), float(row["banner_top_precision_px"]))
    for path in sorted((data / "emps" / "images").glob("*.png")):
        if path.name not in named:
            yield Labelled(path, "EMPS", None, 0.0)


def _read(path: Path) -> Pixels:
    pixels = cv2.imread(str(path), cv2.IMREAD_ANYDEPTH | cv2.IMREAD_GRAYSCALE)
    if pixels is None:
        sys.exit(f"{path}: not readable")
    return pixels.astype(pixels.dtype if pixels.dtype in (np.uint8, np.uint16) else np.float32)


def to_8_bit(pixels: Pixels) -> Grey:
    """Drop the lower byte of deep images."""
    return pixels.astype(np.uint8) if pixels.dtype == np.uint8 else (pixels // 257).astype(np.uint8)


def main(arguments: list[str]) -> None:
    """Print the tables for the folder named on the command line."""
    if len(arguments) not in {1, 2} or arguments[1:] not in ([], ["--misses"]):
        sys.exit(__doc__)
    cv2.setNumThreads(1)
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
    images = originals(Path(arguments[0]))
    found = list(find_all(images))
    print(report(found, "originals, by maker"), misses(found), speed(found), sep="\n")
    derived = list(find_derived(images))
    print("", report(derived, "derived images"), sep="\n")
    if len(arguments) == 2:
        print(misses(derived))


if __name__ == "__main__":
    main(sys.argv[1:])
