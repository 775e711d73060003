"""How fast the portal shows an installation with years of work: pages and lists of the API over a million jobs.

usage: python -m benchmarks.dashboard [--jobs N] [--requests N]

Makes submissions of 10,000 jobs each on SQLite and on PostgreSQL, most of them done, a hundredth failed, the last two under
way, every tenth with a manifest, and asks for each address so many times, in this process, as a browser and a client do.
"""

import argparse
import logging
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice
from pathlib import Path

import structlog
from flask import Flask
from sqlalchemy import TextClause, bindparam, text

from benchmarks.servers import database_in, vacuum
from shared.database import Database, UtcTime
from shared.schema import upgrade
from shared.settings import Settings
from web.app import create_app
from web.services import EXTENSION

JOBS_OF_SUBMISSION = 10_000
# Images that were handed in again and again: what is stored of each is of no matter here.
IMAGES = 100_000
# Jobs of today, 15,000 of them still to be done; all others ended long ago.
LATELY = 50_000

SUBMISSIONS = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :submissions)
INSERT INTO submission (id, project, sample, parameters, images, person, group_name, priority, created_at)
SELECT i, 'project ' || (i % 7), 'lot ' || (i % 20),
    '{"model": "particlenet-2", "nm_per_px": null, "min_confidence": 0.5}', 'first',
    'person ' || (i % 5), 'group ' || (i % 3), 'normal', CURRENT_TIMESTAMP FROM n
"""
IMAGE_ROWS = """
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < :images - 1)
INSERT INTO image (sha256, n_bytes, created_at) SELECT 'sha256 of image ' || i, 1000000, CURRENT_TIMESTAMP FROM n
"""
ANALYSES = """
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < :images - 1)
INSERT INTO analysis (id, image_sha256, model_name, model_version, parameters, parameters_sha256, software_version, created_at,
    duration_s, format, bit_depth, width_px, height_px, field_top, field_bottom, field_left, field_right, nm_per_px,
    calibration_status, counting_rule, warnings, n_particles, n_touching_border, n_low_confidence, ecd_mean_nm, ecd_sd_nm,
    labels_sha256, outlines_sha256, overlay_sha256, preview_sha256, thumbnail_sha256)
SELECT i + 1, 'sha256 of image ' || i, 'particlenet', '2', '{"model": "particlenet-2"}', 'digest', '1', CURRENT_TIMESTAMP,
    1.0, 'TIFF', 8, 1024, 768, 0, 700, 0, 1024, 0.5, CASE i % 9 WHEN 0 THEN 'missing' ELSE 'ok' END, 'all', '[]', 200, 10, 5,
    40.0, 5.0, 'a', 'b', 'c', 'd', 'e' FROM n
"""
# The last two submissions are under way: the first of them in the middle, the other one waits.
JOBS = """
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < :jobs - 1),
kinds AS (SELECT i, CASE WHEN i >= :jobs - 15000 THEN 'queued' WHEN i >= :jobs - 15008 THEN 'running'
    WHEN i % 100 = 0 THEN 'failed' ELSE 'done' END AS state FROM n)
INSERT INTO job (submission_id, image_sha256, source_name, image_index, is_outdated, state, attempts, created_at,
    started_at, finished_at, analysis_id, error_code, error_message)
SELECT i / 10000 + 1, 'sha256 of image ' || (i % :images), 'folder/image ' || i || '.tif', 0, :no, state,
    CASE state WHEN 'queued' THEN 0 ELSE 1 END, CURRENT_TIMESTAMP,
    CASE state WHEN 'queued' THEN NULL ELSE CURRENT_TIMESTAMP END,
    CASE WHEN state IN ('done', 'failed') THEN CASE WHEN i < :jobs - :lately THEN :long_ago ELSE CURRENT_TIMESTAMP END END,
    CASE state WHEN 'done' THEN i % :images + 1 END,
    CASE state WHEN 'failed' THEN 'reason_' || (i / 100 % 6) END, CASE state WHEN 'failed' THEN 'It is cut short.' END
FROM kinds
"""
# Every tenth submission has a manifest, which names a sample for every other file.
MANIFESTS = """
INSERT INTO manifest (submission_id, name, keys, created_at)
SELECT id, 'lot.csv', '["batch", "operator"]', CURRENT_TIMESTAMP FROM submission WHERE id % 10 = 0
"""
ENTRIES = """
INSERT INTO manifest_entry (submission_id, line, file_name, sample, source_name, is_ambiguous)
SELECT submission_id, id, source_name, CASE id % 2 WHEN 0 THEN 'sample ' || (id % 1000) END, source_name, :no
FROM job WHERE submission_id % 10 = 0
"""
VALUES = """
INSERT INTO manifest_value (submission_id, line, position, key, value)
SELECT submission_id, line, 0, 'batch', '' || (line % 500) FROM manifest_entry
UNION ALL SELECT submission_id, line, 1, 'operator', 'Ada' FROM manifest_entry
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="How fast the portal shows a million jobs.")
    parser.add_argument("--jobs", type=int, default=1_000_000)
    parser.add_argument("--requests", type=int, default=40)
    parser.add_argument("--databases", nargs="+", choices=("sqlite", "postgresql"), default=["sqlite", "postgresql"])
    arguments = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    for name in arguments.databases:
        with tempfile.TemporaryDirectory(prefix="saemi-bench-") as folder, database_in(Path(folder), name) as database:
            started = time.perf_counter()
            make_rows(database, arguments.jobs)
            print(f"{name}: {arguments.jobs} jobs made in {time.perf_counter() - started:.0f} s; ms a request")
            newest = arguments.jobs // JOBS_OF_SUBMISSION
            measure(application(Path(folder), database), {each: [each] for each in addresses(newest)}, arguments.requests)


def make_rows(database: Database, n_jobs: int) -> None:
    """Store the submissions."""
    upgrade(database)
    values = {"jobs": n_jobs, "images": IMAGES, "submissions": n_jobs // JOBS_OF_SUBMISSION, "no": False}
    values |= {"lately": LATELY, "long_ago": datetime.now(UTC) - timedelta(days=100)}
    with database.writing() as session:
        for statement in (SUBMISSIONS, IMAGE_ROWS, ANALYSES, JOBS, MANIFESTS, ENTRIES, VALUES):
            session.execute(_typed(statement), values)
    vacuum(database)


def _typed(statement: str) -> TextClause:
    """Have times written as the tables hold them."""
    found = text(statement)
    return found.bindparams(bindparam("long_ago", type_=UtcTime())) if ":long_ago" in statement else found


def application(folder: Path, database: Database) -> Flask:
    """Build the portal over the database."""
    url = database.engine.url.render_as_string(hide_password=False)
    app = create_app(Settings(data_dir=folder, database_url=url))
    app.extensions[EXTENSION].database.check()
    return app


def measure(app: Flask, asked: Mapping[str, Sequence[str]], n_requests: int) -> None:
    """Ask for addresses, those of a name in turn, and print median, 95th percentile and the longest time of each name."""
    client = app.test_client()
    for name, addresses in asked.items():
        taken_ms = []
        for address in islice(cycle(addresses), n_requests):
            started = time.perf_counter()
            answer = client.get(address)
            taken_ms.append(1000 * (time.perf_counter() - started))
            if answer.status_code != 200:
                raise SystemExit(f"{address}: {answer.status_code} {answer.text}")
        taken_ms.sort()
        p95 = taken_ms[int(0.95 * (n_requests - 1) + 0.5)]
        print(f"  {name:<52}{taken_ms[n_requests // 2]:>8.1f} p95 {p95:>8.1f} max {taken_ms[-1]:>8.1f}", flush=True)


def addresses(newest: int) -> list[str]:
    """Return what is asked for: the pages, their filters, and the lists of the API."""
    under_way = newest - 1
    return [
        "/jobs",
        "/jobs?state=failed",
        "/jobs?state=cancelled",
        f"/jobs?submission={under_way}",
        "/queue",
        "/submissions",
        f"/submissions/{under_way}",
        f"/submissions/{newest // 2}",
        f"/submissions/{newest // 2}?state=failed&error_code=reason_3",
        "/metrics",
        "/api/v1/jobs",
        "/api/v1/jobs?state=failed",
        f"/api/v1/jobs?submission_id={newest // 2}&state=failed",
        "/api/v1/submissions",
        f"/api/v1/submissions/{under_way}",
        f"/submissions/{newest // 20 * 10}",
        f"/api/v1/submissions/{newest // 20 * 10}/manifest",
        "/api/v1/jobs?sample=sample 8",
        "/api/v1/jobs?sample=lot 7",
        "/api/v1/jobs?sample=nobody's",
        "/api/v1/jobs?metadata=batch:12",
        "/api/v1/jobs?metadata=operator:Ada&metadata=batch:12",
        "/api/v1/jobs?metadata=operator:Ada",
        "/api/v1/analyses?sample=sample 8",
        "/api/v1/analyses?sample=lot 7",
        "/api/v1/analyses?metadata=operator:Ada&metadata=batch:12",
        "/analyses",
    ]


if __name__ == "__main__":
    main()
