"""How the scale-bar reader fares with images it has never seen: derived from real ones, drawn in makers' layouts, and traps.

Usage: ``python -m benchmarks.scale_bar_variants DATA [derived|drawn|traps|all] [COUNT] [SEED]``, COUNT being how many of each
kind. The truth is known by construction; the same seed makes the same images. Exit code 1 where more than 1 % are wrong.
"""

import csv
import sys
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from benchmarks.banner_variants import as_jpeg, blurred, invert, print_pipeline, resized, sixteen_bit, with_noise
from benchmarks.drawn_banners import LAYOUTS, SIZES, burnt_in, with_banner
from benchmarks.drawn_sheet import FONTS, Drawn, Grey, Sheet
from benchmarks.scale_bar import BarTruth, bar_truths, verdict
from benchmarks.scale_bar_traps import TRAPS, trap
from shared.domain import Micrograph, ScaleBar
from worker.analysis.inscriptions import read_inscriptions
from worker.text_reader import RapidTextReader

VERDICTS = ("right", "near", "none", "wrong", "refused", "invented")
# Images that show a second bar, which stays when the first one is cut off.
HAVE_TWO = frozenset({"7ecd3c2ab9", "a492171fa8", "e853d120fa", "fd1f58d925", "fcc97c015c", "ae001af29f"})


@dataclass(frozen=True, slots=True)
class Case:
    """One image with its kind and name, and what its bar may deviate by."""

    kind: str
    name: str
    drawn: Drawn
    precision_px: float = 1.0


def cases(data: Path, part: str, count: int, seed: int) -> Iterator[Case]:
    """Yield the images of a part, or of all."""
    pictures = _pictures(data)
    if part in ("drawn", "all"):
        yield from _drawn(pictures, count, seed)
    if part in ("traps", "all"):
        for kind, draw in TRAPS.items():
            for number in range(4 * count):
                yield Case(f"trap: {kind}", f"{number}", trap(_random(seed, kind, number), draw, pictures))
    if part in ("derived", "all"):
        yield from _derived(data, count, seed)


def _drawn(pictures: list[Grey], count: int, seed: int) -> Iterator[Case]:
    """Every layout at every size, and bars on the picture itself."""
    for kind, draw in LAYOUTS.items():
        for size in SIZES:
            for number in range(count):
                random = _random(seed, kind, size[0], number)
                yield Case(f"{kind} {size[0]}", f"{number}", with_banner(random, draw, size, pictures))
    for size in SIZES:
        for number in range(2 * count):
            yield Case(f"burnt in {size[0]}", f"{number}", burnt_in(_random(seed, "burnt", size[0], number), size, pictures))


def _derived(data: Path, count: int, seed: int) -> Iterator[Case]:
    """Every image with a known bar, changed in some ways, a different choice for each."""
    places = {row["file"]: row for row in _rows(data / "emps" / "scalebars.csv")}
    for truth in bar_truths(data):
        pixels = cv2.imread(str(data / truth.file), cv2.IMREAD_GRAYSCALE)
        if pixels is None:
            raise OSError(f"{truth.file}: not readable")
        grey = pixels.astype(np.uint8)
        random = _random(seed, truth.file)
        kinds = list(CHANGES)
        if truth.file in places and Path(truth.file).stem not in HAVE_TWO:
            kinds += list(CUTS)
        for kind in random.permutation(kinds).tolist()[: 2 * count]:
            if kind in CUTS:
                yield Case(f"derived: {kind}", truth.file, Drawn(CUTS[kind](random, grey, places[truth.file]), None))
            else:
                drawn = CHANGES[kind](random, grey, truth)
                scale = drawn.length_px / truth.length_px
                yield Case(f"derived: {kind}", truth.file, drawn, max(truth.precision_px, 1.0) * max(scale, 1.0))


Change = Callable[[np.random.Generator, Grey, BarTruth], Drawn]


def _kept(change: Callable[[np.random.Generator, Grey], Grey]) -> Change:
    """A change that leaves the bar where it is."""
    return lambda random, grey, truth: Drawn(change(random, grey), truth.value_nm, truth.length_px)


def _scaled(random: np.random.Generator, grey: Grey, truth: BarTruth) -> Drawn:
    by = float(np.exp(random.uniform(np.log(0.6), np.log(2.5))))
    return Drawn(resized(random, grey, by), truth.value_nm, truth.length_px * by)


def _gamma(random: np.random.Generator, grey: Grey) -> Grey:
    return np.rint(255 * (grey / 255.0) ** np.exp(random.uniform(-0.7, 0.7))).astype(np.uint8)


def _flat(random: np.random.Generator, grey: Grey) -> Grey:
    gain = random.uniform(0.4, 0.8)
    return np.rint(grey * gain + random.uniform(0, 255 * (1 - gain))).astype(np.uint8)


def _contradicted(random: np.random.Generator, grey: Grey, truth: BarTruth) -> Drawn:
    """Another bar with another length in the upper part of the image."""
    columns, height = grey.shape[1], max(round(0.035 * grey.shape[1]), 14)
    x, y = round(0.08 * columns), round(0.1 * grey.shape[0])
    pixels = grey.copy()
    pixels[y - height : y + 4 * height, x - height // 2 : x + round(0.35 * columns)] = 0
    sheet = Sheet(pixels, FONTS[0], 255)
    sheet.text("200 nm", x, y, height)
    px = round(200 / truth.nm_per_px * random.choice([0.3, 0.5, 0.8, 1.2]))
    px = px if 2 * height < px < 0.3 * columns else round(0.2 * columns)
    sheet.block(x, x + px, y + round(1.6 * height), y + 2 * height)
    return Drawn(sheet.pixels, None)


def _crop_right(random: np.random.Generator, grey: Grey, place: dict[str, str]) -> Grey:
    share = random.uniform(0.2, 0.9)
    end = float(place["x_left"]) + share * (float(place["x_right"]) - float(place["x_left"]))
    return np.ascontiguousarray(grey[:, : round(end)])


def _crop_left(random: np.random.Generator, grey: Grey, place: dict[str, str]) -> Grey:
    share = random.uniform(0.1, 0.8)
    start = float(place["x_left"]) + share * (float(place["x_right"]) - float(place["x_left"]))
    return np.ascontiguousarray(grey[:, round(start) :])


def _crop_bottom(_random: np.random.Generator, grey: Grey, place: dict[str, str]) -> Grey:
    # The thickest half of a bar is 12 px; ticks of rulers stand above their middle row.
    return np.ascontiguousarray(grey[: max(round(float(place["y_row"])) - 13, 64)])


CHANGES: dict[str, Change] = {
    "resized": _scaled, "JPEG 60-90": _kept(as_jpeg), "blur": _kept(blurred), "noise": _kept(with_noise),
    "inverted": _kept(invert), "gamma": _kept(_gamma), "flat": _kept(_flat), "16 bit": _kept(sixteen_bit),  # type: ignore[arg-type]
    "print": _kept(print_pipeline), "contradicted": _contradicted,
}  # fmt: skip
CUTS: dict[str, Callable[[np.random.Generator, Grey, dict[str, str]], Grey]] = {
    "cut at the right": _crop_right, "cut at the left": _crop_left, "cut at the bottom": _crop_bottom,
}  # fmt: skip


def outcome(case: Case, bar: ScaleBar | None) -> str:
    """The verdict on a bar; ``refused`` where there is none to read and none was, ``invented`` where one was read."""
    if case.drawn.value_nm is None:
        return "refused" if bar is None else "invented"
    return verdict(BarTruth(case.name, case.kind, case.drawn.value_nm, case.drawn.length_px, case.precision_px), bar)


def main() -> int:
    """Print the table by kind and everything that was not right; 1 where more than one in a hundred is wrong."""
    data, part = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "all"
    count, seed = int(sys.argv[3]) if len(sys.argv) > 3 else 2, int(sys.argv[4]) if len(sys.argv) > 4 else 0
    reader, kinds, seconds = RapidTextReader(threads=2), dict[str, Counter[str]](), []
    for case in cases(data, part, count, seed):
        start = time.perf_counter()
        bar = read_inscriptions(Micrograph(case.drawn.pixels, "image"), reader).scale_bar
        seconds.append(time.perf_counter() - start)
        result = outcome(case, bar)
        kinds.setdefault(case.kind, Counter())[result] += 1
        if result not in ("right", "refused"):
            truth = (
                "no bar" if case.drawn.value_nm is None else f"{case.drawn.value_nm:g} nm over {case.drawn.length_px:.1f} px"
            )
            read = (
                ""
                if bar is None
                else f", read {bar.text} over {bar.length_px:.1f} px at {bar.x0:.0f}, {bar.y:.0f} ({bar.confidence:.2f})"
            )
            print(f"{result}: {case.kind} / {case.name} has {truth}{read}", flush=True)
    print("| kind | images | " + " | ".join(VERDICTS) + " |\n|---|---|" + "---|" * len(VERDICTS))
    for kind, counts in kinds.items():
        print(f"| {kind} | {sum(counts.values())} | " + " | ".join(str(counts[v]) for v in VERDICTS) + " |")
    total = sum(kinds.values(), Counter[str]())
    print(f"| **all** | {sum(total.values())} | " + " | ".join(str(total[v]) for v in VERDICTS) + " |")
    print(f"seconds an image: median {np.median(seconds):.2f}, slowest {max(seconds):.2f}")
    return int(total["wrong"] + total["invented"] > 0.01 * sum(total.values()))


def _pictures(data: Path) -> list[Grey]:
    """Parts without labels of EMPS images whose only bar is in the banner."""
    rows = [row for row in _rows(data / "emps" / "scalebars.csv") if row["where"] == "in banner"]
    stems = [row["file"] for row in rows if Path(row["file"]).stem not in HAVE_TWO]
    return [np.asarray(cv2.imread(str(data / stem), cv2.IMREAD_GRAYSCALE))[110:380, 20:-20] for stem in stems]


def _random(*seeds: int | str) -> np.random.Generator:
    return np.random.default_rng([seed if isinstance(seed, int) else zlib.crc32(seed.encode()) for seed in seeds])


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        yield from csv.DictReader(stream)


if __name__ == "__main__":
    sys.exit(main())
