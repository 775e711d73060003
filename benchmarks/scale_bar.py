"""How well scale bars are read: the texts alone, then text and bar together, by kind of bar and maker.

Usage: ``python -m benchmarks.scale_bar DATA``, where DATA holds ``ocr/truth.csv``, ``banners/manifest.csv`` and
``emps/scalebars.csv``. A bar is right where its value is exact and its length within 1.5 % or 1.5 px, wrong where its pixel
size is off by more than 5 %; the exit code is 1 where more than 1 % are wrong.
"""

import csv
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from shared.arrays import GreyImage
from shared.domain import Micrograph, ScaleBar
from worker.analysis.inscriptions import read_inscriptions
from worker.analysis.lettering import CharacterProbabilities, TextReader
from worker.analysis.scale_bar.length_text import most_likely_length, written_length
from worker.text_reader import RapidTextReader

LENGTH_SHARE, LENGTH_PX, WRONG_SHARE = 0.015, 1.5, 0.05
# A manifest marks bars by a precision of so many px whose length is not known, such as those cut by the edge.
UNKNOWN_PX = 50
VERDICTS = ("right", "near", "none", "wrong")
MAKERS = ("ZEISS", "Hitachi", "JEOL", "FEI", "TESCAN", "AMT")


@dataclass(frozen=True, slots=True)
class BarTruth:
    """What a manifest says of one image's bar; lengths in px."""

    file: str
    kind: str
    value_nm: float
    length_px: float
    precision_px: float

    @property
    def nm_per_px(self) -> float:
        """Pixel size, nm."""
        return self.value_nm / self.length_px


def bar_truths(data: Path) -> Iterator[BarTruth]:
    """Yield every bar of known length: those in and without banners of EMPS images, then those of instruments' files."""
    manifest = {row["file"]: row for row in _rows(data / "banners" / "manifest.csv")}
    named = set()
    for row in _rows(data / "emps" / "scalebars.csv"):
        named.add(row["file"])
        if float(row["precision_px"]) < UNKNOWN_PX:
            kind = _kind(manifest.get(row["file"]))
            yield BarTruth(row["file"], kind, float(row["value_nm"]), float(row["bar_px"]), float(row["precision_px"]))
    for row in manifest.values():
        if row["bar_px"] and row["file"] not in named:
            length = written_length(row["bar_text"])
            if length is None:
                raise ValueError(f"{row['file']}: {row['bar_text']} is no length")
            yield BarTruth(row["file"], _kind(row), length[1], float(row["bar_px"]), float(row["bar_precision_px"] or 1))


def read_all(data: Path, truths: Iterable[BarTruth], reader: TextReader) -> Iterator[tuple[BarTruth, ScaleBar | None, float]]:
    """Read the bar of every image as the pipeline does; with the seconds it took."""
    for truth in truths:
        pixels = _grey(data / truth.file)
        start = time.perf_counter()
        bar = read_inscriptions(Micrograph(pixels, "image"), reader).scale_bar
        yield truth, bar, time.perf_counter() - start


def verdict(truth: BarTruth, bar: ScaleBar | None) -> str:
    """``right``, ``none``, ``wrong``, or ``near`` where it is neither right nor wrong."""
    if bar is None:
        return "none"
    allowed = max(LENGTH_SHARE * truth.length_px, LENGTH_PX, truth.precision_px)
    if abs(bar.value_nm / truth.value_nm - 1) < 1e-6 and abs(bar.length_px - truth.length_px) <= allowed:
        return "right"
    return "wrong" if abs(bar.nm_per_px / truth.nm_per_px - 1) > WRONG_SHARE else "near"


def report_texts(data: Path, reader: RapidTextReader) -> str:
    """Read the crops of scale texts and say how many were right, wrong and not read."""
    counts, misses = Counter[str](), []
    for row in _rows(data / "ocr" / "truth.csv"):
        seen = reader.characters(_grey(data / "ocr" / row["file"]).astype(np.uint8))
        found, plain = most_likely_length(seen), written_length(_best_characters(seen))
        truth = next(length for part in _candidates(row["text"]) if (length := written_length(part)) is not None)
        outcome = _outcome(None if found is None else found.value_nm, truth[1])
        counts[outcome] += 1
        counts[f"plain {_outcome(None if plain is None else plain[1], truth[1])}"] += 1
        if outcome != "right":
            misses.append(f"{outcome}: {row['file']} says {row['text']!r}, read {found and found.text!r}")
    lines = [
        f"{name}: {counts[f'{key}right']} right, {counts[f'{key}wrong']} wrong, {counts[f'{key}none']} none"
        for name, key in (("texts, the most likely characters alone", "plain "), ("texts, the most likely length", ""))
    ]
    return "\n".join([*lines, *misses])


def report_bars(results: list[tuple[BarTruth, ScaleBar | None, float]]) -> str:
    """Write the table by kind, every bar that is not right, and the times."""
    kinds: dict[str, Counter[str]] = {}
    misses = []
    for truth, bar, _ in results:
        outcome = verdict(truth, bar)
        kinds.setdefault(truth.kind, Counter())[outcome] += 1
        if outcome != "right":
            read = "" if bar is None else f", read {bar.text} over {bar.length_px:.1f} px (confidence {bar.confidence:.2f})"
            misses.append(f"{outcome}: {truth.file} has {truth.value_nm:g} nm over {truth.length_px:.1f} px{read}")
    lines = ["| banner or place | bars | " + " | ".join(VERDICTS) + " |", "|---|---|" + "---|" * len(VERDICTS)]
    for kind, counts in sorted(kinds.items(), key=lambda item: -sum(item[1].values())):
        lines.append(f"| {kind} | {sum(counts.values())} | " + " | ".join(str(counts[v]) for v in VERDICTS) + " |")
    total = sum(kinds.values(), Counter[str]())
    lines.append(f"| **all** | {len(results)} | " + " | ".join(str(total[v]) for v in VERDICTS) + " |")
    seconds = [second for *_, second in results]
    lines.append(f"seconds an image, two threads: median {np.median(seconds):.2f}, slowest {max(seconds):.2f}")
    return "\n".join([*lines, *misses])


def main() -> int:
    """Print both tables; 1 where more than one bar in a hundred is wrong."""
    data = Path(sys.argv[1])
    before_mib = _peak_mib()
    reader = RapidTextReader(threads=2)
    loaded_mib = _peak_mib() - before_mib
    print(report_texts(data, reader))
    results = list(read_all(data, bar_truths(data), reader))
    print(report_bars(results))
    print(f"memory: {loaded_mib:.0f} MiB for the reader, {_peak_mib() - before_mib:.0f} MiB at most with images of every size")
    return int(sum(verdict(truth, bar) == "wrong" for truth, bar, _ in results) > 0.01 * len(results))


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _best_characters(seen: CharacterProbabilities) -> str:
    """The most likely character of each step, repetitions and blanks left out: what a recogniser says by itself."""
    best = seen.probabilities.argmax(axis=1).tolist()
    return "".join(seen.characters[now] for before, now in pairwise([-1, *best]) if now != before)


def _outcome(found_nm: float | None, truth_nm: float) -> str:
    if found_nm is None:
        return "none"
    return "right" if abs(found_nm / truth_nm - 1) < 1e-6 else "wrong"


def _kind(row: dict[str, str] | None) -> str:
    """The maker of a banner, or that there is none."""
    if row is None:
        return "burnt into the picture"
    if row["shows"] == "tricky":
        return "overlay, box or floating block"
    return next((maker for maker in MAKERS if maker.casefold() in row["shows"].casefold()), "banner of another maker")


def _candidates(text: str) -> Iterator[str]:
    """A text, and the length within it where more stands around it."""
    words = text.rstrip("*").split()
    yield " ".join(words)
    yield from (" ".join(pair) for pair in pairwise(words))


def _grey(path: Path) -> GreyImage:
    pixels = cv2.imread(str(path), cv2.IMREAD_ANYDEPTH | cv2.IMREAD_GRAYSCALE)
    if pixels is None:
        sys.exit(f"{path}: not readable")
    return pixels  # type: ignore[return-value]  # 16-bit images keep their depth


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        yield from csv.DictReader(stream)


if __name__ == "__main__":
    sys.exit(main())
