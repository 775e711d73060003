"""How well the verdict on fitness for sizing tells particles from fibres, films, sponges and patterned surfaces.

usage: python -m benchmarks.fitness DATA [--model NAME] [--images N] [--structures N] [--from-seed N] [--results FOLDER]

DATA holds `emps/images` and `emps/labels`, micrographs of particles; the last N of them by name are judged. The other kinds are
drawn (`benchmarks/drawn_structures.py`), with other seeds than those that the limits were chosen by. FOLDER keeps what was
analysed: what is there is not analysed again.
"""

import argparse
import csv
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import cv2
import numpy as np

from benchmarks.drawn_structures import STRUCTURES, drawn_structure
from cli.label_files import read_labels
from shared.arrays import Labels
from shared.distributions.fitness import VERDICTS, Fitness, judge
from shared.geometry import AnalysedField
from shared.quantities import ParticleTable
from worker.analysis.measurement.particles import measure

PARTICLES = "particles"
# The limits were chosen by the first 258 of the 366 labelled micrographs, and by 24 drawn structures of each kind.
UNSEEN_IMAGES, UNSEEN_SEED = 108, 24
LOGICAL = ("touches_border", "low_confidence")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Judge micrographs of particles, and drawn ones of what is none.")
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", default="particlenet")
    parser.add_argument("--images", type=int, default=UNSEEN_IMAGES)
    parser.add_argument("--structures", type=int, default=6)
    parser.add_argument("--from-seed", type=int, default=UNSEEN_SEED)
    parser.add_argument("--results", type=Path)
    arguments = parser.parse_args()
    images = sorted((arguments.data / "emps" / "images").glob("*.png"))[-arguments.images :]
    seeds = range(arguments.from_seed, arguments.from_seed + arguments.structures)
    with tempfile.TemporaryDirectory(prefix="saemi-bench-") as temporary:
        kept = arguments.results or Path(temporary)
        micrographs = dict.fromkeys(images, PARTICLES) | dict(_drawn(kept / "structures", seeds))
        _analyse(micrographs, kept / arguments.model, arguments.model)
        _print_table(f"segmented by {arguments.model}", _judged(micrographs, kept / arguments.model))
    labels = arguments.data / "emps" / "labels"
    truth = [(PARTICLES, _judge_labels(read_labels(labels / path.name))) for path in images]
    truth += [(kind, _judge_labels(drawn_structure(kind, seed).labels)) for kind in STRUCTURES for seed in seeds]
    _print_table("segmented by hand, or as drawn", truth)


def _drawn(folder: Path, seeds: range) -> Iterator[tuple[Path, str]]:
    folder.mkdir(parents=True, exist_ok=True)
    for kind in STRUCTURES:
        for seed in seeds:
            path = folder / f"{kind.replace(' ', '-')}_{seed:03d}.png"
            cv2.imwrite(str(path), drawn_structure(kind, seed).pixels)
            yield path, kind


def _analyse(micrographs: dict[Path, str], out: Path, model: str) -> None:
    """Analyse those of which nothing is there."""
    missing = [path for path in micrographs if not (out / f"{path.stem}.field.json").exists()]
    with tempfile.TemporaryDirectory(prefix="saemi-bench-") as made:
        if not missing:
            return
        command = [sys.executable, "-m", "cli.main", "analyze", *map(str, missing), "--out", made]
        command += ["--model", model, "--no-scale-bar"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        out.mkdir(parents=True, exist_ok=True)
        for row in json.loads((Path(made) / "summary.json").read_text()):
            stem = Path(row["file"]).stem
            (out / f"{stem}.particles.csv").write_text((Path(made) / f"{stem}.particles.csv").read_text())
            (out / f"{stem}.field.json").write_text(json.dumps(row["field"]))


def _judged(micrographs: dict[Path, str], out: Path) -> list[tuple[str, Fitness]]:
    found = []
    for path, kind in micrographs.items():
        field = AnalysedField(**json.loads((out / f"{path.stem}.field.json").read_text()))
        found.append((kind, judge(_table(out / f"{path.stem}.particles.csv"), field.area_px)))
    return found


def _table(path: Path) -> ParticleTable:
    """Read a table of particles back, so that a change of the rule needs no other analysis."""
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    columns = {}
    for name in (field.name for field in fields(ParticleTable)):
        texts = [row[name] for row in rows]
        read = np.array([text == "true" for text in texts], dtype=np.bool_) if name in LOGICAL else None
        columns[name] = None if texts and not all(texts) else np.array(texts, dtype=np.float64) if read is None else read
    return ParticleTable(**columns)


def _judge_labels(labels: Labels) -> Fitness:
    rows, columns = labels.shape
    return judge(measure(labels, AnalysedField(0, rows, 0, columns), nm_per_px=None), labels.size)


def _print_table(title: str, judged: list[tuple[str, Fitness]]) -> None:
    print(f"\n{title}\n| kind | images | {' | '.join(VERDICTS)} |\n|---|---:|{'---:|' * len(VERDICTS)}")
    for kind in (PARTICLES, *STRUCTURES):
        found = Counter(fitness.verdict for of_kind, fitness in judged if of_kind == kind)
        shares = " | ".join(f"{found[verdict]} ({found[verdict] / found.total():.0%})" for verdict in VERDICTS)
        print(f"| {kind} | {found.total()} | {shares} |")


if __name__ == "__main__":
    main()
