"""Rows of an installation with years of results: analyses with their statistics, and their particles, made by the database."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
from sqlalchemy import text

from shared.arrays import FloatArray
from shared.database import Database
from shared.distributions.stored import pack_bins, pack_sums

ANALYSES_OF_SUBMISSION = 1000
# Analyses whose particles are made in one transaction.
IN_ONE_TRANSACTION = 5000

# As long as the real ones, so that rows are.
_HASH = "substr('0000000000000000000000000000000000000000000000000000000000000000' || i, -64)"
# Numbers that look drawn by chance and are the same in every run and on every database: multiples of large primes.
_NUMBERS = "WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < :last)"
IMAGES = f"{_NUMBERS} INSERT INTO image (sha256, n_bytes, created_at) SELECT {_HASH}, 1000000, CURRENT_TIMESTAMP FROM n"
SUBMISSIONS = f"""
{_NUMBERS}
INSERT INTO submission (id, project, sample, parameters, images, person, group_name, priority, created_at)
SELECT i, 'project ' || (i % 10), 'lot ' || (i % 50), '{{"model": "particlenet-2"}}', 'first', 'person ' || (i % 30),
    'group ' || (i % 7), 'normal', CURRENT_TIMESTAMP FROM n
"""
# Fields as an instrument writes them: :fields is the inside of a JSON object, two values differ from file to file.
RECORDINGS = f"""
{_NUMBERS}
INSERT INTO recording (id, image_sha256, image_index, side_cars_sha256, pipeline_version, vendor, model, instrument,
    voltage_kv, magnification, detector, acquired_at, operator, fields, annotations)
SELECT i, {_HASH}, 0, '', 5, 'Maker ' || (i % 4), 'Model ' || (i % 9), 'Maker ' || (i % 4) || ' Model ' || (i % 9),
    5 * (1 + i % 6), 1000 * (1 + i % 50), 'Detector ' || (i % 5),
    (2015 + i % 11) || '-' || substr('0' || (1 + i % 12), -2) || '-' || substr('0' || (1 + i % 28), -2) || 'T10:20:30',
    'operator ' || (i % 40),
    CAST('{{"Holder": "grid ' || (i % 977) || '", "Serial": "run ' || i || '", ' || :fields || '}}' AS JSON_TYPE), '[]' FROM n
"""
ANALYSES = f"""
{_NUMBERS},
drawn AS (SELECT i, CAST(i * 7919 % 10007 AS DOUBLE PRECISION) / 10007 AS a,
    CAST(i * 104729 % 99991 AS DOUBLE PRECISION) / 99991 AS b, i % 13 <> 0 AS is_calibrated FROM n),
sized AS (SELECT i, b, is_calibrated, 10 + 190 * a * a AS px, CASE WHEN is_calibrated THEN 0.2 + 1.8 * b END AS nm_per_px
    FROM drawn)
INSERT INTO analysis (id, image_sha256, recording_id, model_name, model_version, model_sha256, parameters, parameters_sha256,
    software_version, created_at, duration_s, format, bit_depth, width_px, height_px, field_top, field_bottom, field_left,
    field_right, nm_per_px, calibration_source, calibration_status, counting_rule, warnings, labels_sha256, outlines_sha256,
    overlay_sha256, preview_sha256, thumbnail_sha256, n_particles, n_touching_border, n_low_confidence, n_counted, n_small,
    capped_share, coverage, ecd_span, ecd_gsd, STATISTICS)
SELECT i, {_HASH}, i, CASE i % 5 WHEN 0 THEN 'classical' ELSE 'particlenet' END, '2', {_HASH},
    '{{"model": "particlenet-2", "nm_per_px": null, "min_confidence": 0.5}}', {_HASH}, '1', CREATED_AT, 1.0, 'TIFF', 8, 1024,
    768, 0, 700, 0, 1024, nm_per_px,
    CASE WHEN is_calibrated THEN CASE i % 3 WHEN 0 THEN 'scale_bar' ELSE 'metadata' END END,
    CASE WHEN is_calibrated THEN 'ok' WHEN i % 2 = 0 THEN 'missing' ELSE 'conflict' END,
    'exclude-border-weighted', '[]', {_HASH}, {_HASH}, {_HASH}, {_HASH}, {_HASH}, CAST(5 + 995 * b * b AS INTEGER), 10, 5,
    CAST(4 + 900 * b * b AS INTEGER), 3, 0.01, 0.5 * b, 0.2 + 2 * b, 1 + b, VALUES FROM sized
"""
JOBS = """
INSERT INTO job (id, submission_id, image_sha256, source_name, image_index, is_outdated, state, attempts, created_at,
    started_at, finished_at, analysis_id)
SELECT id, 1 + (id - 1) / :of_submission, image_sha256,
    'day ' || (id % 300) || '/sample_' || (id % 4001) || '_image_' || id || '.tif', 0, :no, 'done', 1, created_at, created_at,
    created_at, id FROM analysis
"""
MANIFESTS = """
INSERT INTO manifest (submission_id, name, keys, created_at)
SELECT id, 'lot.csv', '["batch"]', created_at FROM submission WHERE id % 2 = 0
"""
ENTRIES = """
INSERT INTO manifest_entry (submission_id, line, file_name, sample, source_name, is_ambiguous)
SELECT submission_id, id, source_name, 'sample ' || (id % 1000), source_name, :no FROM job WHERE submission_id % 2 = 0
"""
VALUES = """
INSERT INTO manifest_value (submission_id, line, position, key, value)
SELECT submission_id, line, 0, 'batch', '' || (line % 500) FROM manifest_entry
"""
# Sizes within an analysis spread about its median as `_diameters` says too; shape factors lie between a half and one.
PARTICLES = f"""
{_NUMBERS},
drawn AS (SELECT id, i, nm_per_px, CAST((id * 7919 + i * 104729) % 10007 AS DOUBLE PRECISION) / 10007 AS a,
    CAST((id * 15485863 + i * 32452843) % 9973 AS DOUBLE PRECISION) / 9973 AS b, ecd_d50_px AS median
    FROM analysis, n WHERE id BETWEEN :first_analysis AND :last_analysis),
sized AS (SELECT id, i, nm_per_px, a, b, median * (0.5 + 1.2 * a * a) AS px FROM drawn)
INSERT INTO particle (analysis_id, label, COLUMNS)
SELECT id, i, VALUES FROM sized
"""
# Of what px is the diameter, a and b are drawn between 0 and 1.
LENGTHS = {"ecd": "px", "perimeter": "px * 3.3", "feret_max": "px * (1.05 + 0.4 * b)", "feret_min": "px * 0.95"}
LENGTHS |= {"feret_mean": "px * 1.05", "major_axis": "px * 1.1", "minor_axis": "px * 0.9", "nnd": "px * 2", "nn_gap": "px * a"}
OTHERS = {"centroid_y_px": "700 * a", "centroid_x_px": "1024 * b", "area_px": "CAST(px * px * 0.785 AS INTEGER)"}
OTHERS |= {
    "area_nm2": "px * px * 0.785 * nm_per_px * nm_per_px",
    "orientation_deg": "180 * a - 90",
    "aspect_ratio": "1 - 0.5 * b",
}
OTHERS |= {"elongation": "0.5 * b", "circularity": "1.02 - 0.6 * b * b", "roundness": "1 - 0.6 * b", "solidity": "1 - 0.2 * b"}
OTHERS |= {
    "convexity": "1 - 0.1 * b",
    "extent": "0.78",
    "eccentricity": "b",
    "mean_intensity": "200 * a",
    "sd_intensity": "9 * b",
}
OTHERS |= {"touches_border": "i % 12 = 0", "edge_weight": "1.1", "confidence": "1 - 0.5 * a", "low_confidence": "a > 0.9"}
STATISTICS = {"mean": "1.1", "sd": "0.3", "d10": "0.6", "d50": "1.0", "d90": "1.6"}


def make_rows(database: Database, n_analyses: int, n_particles: int) -> None:
    """Store analyses, handed in by submissions of a thousand, with so many particles each, in a database with all tables."""
    n_submissions = 1 + (n_analyses - 1) // ANALYSES_OF_SUBMISSION
    _execute(database, IMAGES, last=n_analyses)
    _execute(database, SUBMISSIONS, last=n_submissions)
    _execute(database, RECORDINGS.replace("JSON_TYPE", _json_type(database)), last=n_analyses, fields=_fields())
    _execute(database, _analyses(database.dialect), last=n_analyses)
    _execute(database, JOBS, of_submission=ANALYSES_OF_SUBMISSION, no=False)
    _execute(database, MANIFESTS)
    _execute(database, ENTRIES, no=False)
    _execute(database, VALUES)
    for first in range(1, n_analyses + 1, IN_ONE_TRANSACTION):
        numbers = {"first_analysis": first, "last_analysis": min(first + IN_ONE_TRANSACTION - 1, n_analyses)}
        _pack(database, numbers, n_particles)
        _execute(database, _particles(), last=n_particles, **numbers)


def _pack(database: Database, numbers: dict[str, int], n_particles: int) -> None:
    """Store for pooling what the particles will be."""
    query = text(
        "SELECT id, nm_per_px, ecd_d50_px FROM analysis WHERE id BETWEEN :first_analysis AND :last_analysis AND nm_per_px > 0"
    )
    at_border = np.arange(1, n_particles + 1) % 12 == 0
    weights = np.full(n_particles, 1.1)
    with database.writing() as session:
        packed = []
        for number, nm_per_px, median in session.execute(query, numbers).all():
            px = _diameters(number, median, n_particles)
            bins, sums = pack_bins(px * nm_per_px, at_border, weights), pack_sums(px, at_border, weights)
            packed.append({"number": number, "bins": bins, "sums": sums})
        session.execute(text("UPDATE analysis SET ecd_bins = :bins, ecd_sums = :sums WHERE id = :number"), packed)


def _diameters(analysis_id: int, median: float, n: int) -> FloatArray:
    drawn = (analysis_id * 7919 + np.arange(1, n + 1) * 104729) % 10007 / 10007
    return np.asarray(median * (0.5 + 1.2 * drawn**2), dtype=np.float64)


def _execute(database: Database, statement: str, **values: Any) -> None:
    with database.writing() as session:
        if database.dialect == "postgresql":
            # What refers to what is right by the way it is made: 20 million rows need not be asked one by one.
            session.execute(text("SET LOCAL session_replication_role = replica"))
        session.execute(text(statement), values)


def _json_type(database: Database) -> str:
    return "TEXT" if database.dialect == "sqlite" else "JSONB"


def _analyses(dialect: str) -> str:
    """Return what stores analyses, made one every ten minutes up to now."""
    statistics = {f"ecd_{name}_px": f"px * {factor}" for name, factor in STATISTICS.items()}
    statistics |= {f"ecd_{name}_nm": f"px * {factor} * nm_per_px" for name, factor in STATISTICS.items()}
    created_at = {
        "sqlite": "strftime('%Y-%m-%d %H:%M:%f000', 'now', (10 * (i - :last)) || ' minutes')",
        "postgresql": "CURRENT_TIMESTAMP + (i - :last) * INTERVAL '10 minutes'",
    }[dialect]
    filled = ANALYSES.replace("STATISTICS", ", ".join(statistics)).replace("VALUES", ", ".join(statistics.values()))
    return filled.replace("CREATED_AT", created_at)


def _particles() -> str:
    columns = {f"{name}_px": value for name, value in LENGTHS.items()}
    columns |= {f"{name}_nm": f"{value} * nm_per_px" for name, value in LENGTHS.items()} | OTHERS
    return PARTICLES.replace("COLUMNS", ", ".join(columns)).replace("VALUES", ", ".join(columns.values()))


def _fields() -> str:
    """Return the inside of a JSON object of forty fields."""
    return json.dumps(dict(_of_an_instrument()))[1:-1]


def _of_an_instrument() -> Iterator[tuple[str, str]]:
    for part in ("Beam", "Stage", "Image", "Vacuum"):
        for number in range(10):
            yield f"{part}.Setting {number}", f"{part.lower()} value {number * 37}"
