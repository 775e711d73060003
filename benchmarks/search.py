"""How fast past analyses are found: first pages of searches, particles by their columns, and pools of sizes.

usage: python -m benchmarks.search [--analyses N] [--particles N] [--requests N] [--databases NAME...]

Makes analyses with so many particles each, on PostgreSQL 20 million by default, and asks for each kind of search so many times,
with other values each time, in this process, as a browser and a client do.
"""

import argparse
import logging
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

import structlog
from sqlalchemy import text

from benchmarks.dashboard import application, measure
from benchmarks.found_rows import make_rows
from benchmarks.servers import database_in, vacuum
from shared.database import Database
from shared.schema import upgrade

# Different values of one kind of search.
VALUES = 10


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="How fast past analyses are found.")
    parser.add_argument("--analyses", type=int, default=100_000)
    parser.add_argument("--particles", type=int, default=200, help="of each analysis")
    parser.add_argument("--requests", type=int, default=40)
    parser.add_argument("--databases", nargs="+", choices=("sqlite", "postgresql"), default=["postgresql"])
    arguments = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    for name in arguments.databases:
        with tempfile.TemporaryDirectory(prefix="saemi-bench-") as folder, database_in(Path(folder), name) as database:
            started = time.perf_counter()
            fill(database, arguments.analyses, arguments.particles)
            made = f"{arguments.analyses} analyses and {arguments.analyses * arguments.particles} particles"
            print(f"{name}: {made} made in {time.perf_counter() - started:.0f} s; ms a request")
            measure(application(Path(folder), database), searches(), arguments.requests)


def fill(database: Database, n_analyses: int, n_particles: int) -> None:
    """Make tables and rows, and have the planner know them."""
    upgrade(database)
    if database.dialect == "postgresql":
        _without_log(database)
    make_rows(database, n_analyses, n_particles)
    vacuum(database, "analysis")


def searches() -> dict[str, list[str]]:
    """Return the addresses of each kind of search."""
    kinds: dict[str, Callable[[int], list[tuple[str, str]]]] = {
        "newest": lambda _: [],
        "project": lambda i: [("project", f"project {i}")],
        "sample": lambda i: [("sample", f"sample {i + 2}")],
        "tag": lambda i: [("metadata", f"batch:{i + 2}")],
        "file name": lambda i: [("file_name", f"image_{977 * (i + 1)}")],
        "file name that is nowhere": lambda i: [("file_name", f"nothing {i}")],
        "text in the metadata": lambda i: [("text", f"grid {i + 1}")],
        "text in the metadata that is nowhere": lambda i: [("text", f"nothing {i}")],
        "instrument and operator": lambda i: [("instrument", f"model {i % 9}"), ("operator", f"operator {i}")],
        "taken in a month": lambda i: [("acquired_from", f"20{15 + i}-03"), ("acquired_to", f"20{15 + i}-03")],
        "analysed in a year": lambda _: [("analysed_from", "2026-01"), ("analysed_to", "2026-12")],
        "model": lambda _: [("model", "classical-2")],
        "pixel size in conflict": lambda _: [("calibration_status", "conflict")],
        "D50 under 40 nm": lambda i: [("where", f"ecd_d50_nm<{40 + i}")],
        "D50 under 2.2 nm, which are few": lambda i: [("where", f"ecd_d50_nm<{2.2 + i / 100}")],
        "more than 500 particles, span over 1.5": lambda i: [("where", f"n_particles>{500 + i}"), ("where", "ecd_span>1.5")],
        "by D50": lambda _: [("sort", "ecd_d50_nm"), ("order", "asc")],
        "by number of particles": lambda _: [("sort", "n_particles")],
        "by coverage, which has no index of its own": lambda _: [("sort", "coverage")],
        "of a project, D50 under 40 nm, by D50": lambda i: [
            ("project", f"project {i}"),
            ("where", "ecd_d50_nm<40"),
            ("sort", "ecd_d50_nm"),
        ],
        "of an instrument, span over 2, by coverage": lambda i: [
            ("instrument", f"model {i % 9}"),
            ("where", "ecd_span>2"),
            ("sort", "coverage"),
        ],
    }
    found = {name: [_address("/api/v1/analyses", kind(i)) for i in range(VALUES)] for name, kind in kinds.items()}
    found["the page, D50 under 40 nm"] = [_address("/analyses", [("where", "ecd_d50_nm<40")])]
    large = [("where", "feret_max_nm>200"), ("where", "circularity<0.5")]
    of_project = [[("project", f"project {i}"), *large] for i in range(VALUES)]
    rare = [("where", "feret_max_nm>700"), ("where", "circularity<0.45")]
    found["particles over 200 nm of circularity under 0.5"] = [_address("/api/v1/particles", large)]
    found["the same of a project"] = [_address("/api/v1/particles", query) for query in of_project]
    found["particles that are rare: until 3 s are over"] = [_address("/api/v1/particles", rare)]
    # A project is a tenth of all: of 100,000 analyses 10,000.
    pooled = [[("project", f"project {i}"), ("made_from", "analyses")] for i in range(VALUES)]
    found["pooled distribution of a project"] = [_address("/api/v1/distribution", query) for query in pooled]
    return found


def _address(path: str, query: list[tuple[str, str]]) -> str:
    return f"{path}?{urlencode(query)}"


def _without_log(database: Database) -> None:
    """Have particles stored without a log for the case of a crash, which takes twice the disk; they are read alike."""
    with database.writing() as session:
        leaves = session.scalars(text("SELECT relid::regclass::text FROM pg_partition_tree('particle') WHERE isleaf")).all()
        for leaf in leaves:
            session.execute(text(f"ALTER TABLE {leaf} SET UNLOGGED"))


if __name__ == "__main__":
    main()
