"""Searching analyses and particles through the API: both databases against the same search by Python over all rows."""

import base64
import csv
import io
import json
import operator
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from benchmarks.found_rows import make_rows
from shared.finding_rows import ParticleRow
from shared.models import AnalysisRow, JobRow, SubmissionRow
from shared.quantities import STATISTIC_QUANTITIES
from tests.unit.web.opened_portal import Portal, error_of

N_ANALYSES, N_PARTICLES = 60, 12
Test = Callable[[Any], bool]
COMPARE = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq}


@pytest.fixture
def filled(either_portal: Portal) -> Portal:
    make_rows(either_portal.database, N_ANALYSES, N_PARTICLES)
    return either_portal


def rows_of(portal: Portal, row: Any) -> list[Any]:
    with portal.database.reading() as session:
        return list(session.scalars(select(row).order_by(*row.__table__.primary_key)))


def all_items(portal: Portal, path: str, limit: int, **query: object) -> list[dict[str, Any]]:
    """Read all pages of a list."""
    items, cursor = [], {}
    while True:
        page = portal.json(path, limit=limit, **query, **cursor)
        items += page["items"]
        if page["next_cursor"] is None:
            return items
        assert len(page["items"]) == limit
        cursor = {"cursor": page["next_cursor"]}


def has(name: str, sign: str, value: float) -> Test:
    return lambda row: (found := getattr(row, name)) is not None and COMPARE[sign](found, value)


def in_order(rows: list[Any], sort: str, order: str) -> list[int]:
    """Order rows as the documentation says: those without a value last, ties by number in the same direction."""
    with_value = [row for row in rows if getattr(row, sort) is not None]
    without = [row for row in rows if getattr(row, sort) is None]
    with_value.sort(key=lambda row: (getattr(row, sort), row.id), reverse=order == "desc")
    return [row.id for row in (*with_value, *sorted(without, key=lambda row: row.id, reverse=order == "desc"))]


def test_conditions_select_and_any_statistic_sorts_from_page_to_page(filled: Portal) -> None:
    rows = rows_of(filled, AnalysisRow)
    assert 0 < sum(row.ecd_d50_nm is None for row in rows) < len(rows)
    conditions: list[tuple[list[str], list[Test]]] = [
        ([], []),
        (["ecd_d50_nm<40"], [has("ecd_d50_nm", "<", 40)]),
        (["n_particles>=400.5", "ecd_span<=1.2"], [has("n_particles", ">=", 400.5), has("ecd_span", "<=", 1.2)]),
        (["n_particles<100.5"], [has("n_particles", "<", 100.5)]),
        (["n_touching_border=10", "n_particles>1e2"], [has("n_touching_border", "=", 10), has("n_particles", ">", 100)]),
        (["n_touching_border=10.5"], [lambda _: False]),
        (["n_particles<1e300", "n_counted>-1e300"], []),
    ]
    for where, tests in conditions:
        fitting = [row for row in rows if all(test(row) for test in tests)]
        for sort, order in (("created_at", "desc"), ("created_at", "asc"), ("ecd_d50_nm", "asc"), ("ecd_d50_nm", "desc")):
            found = all_items(filled, "/analyses", 17, where=where, sort=sort, order=order)
            assert [item["id"] for item in found] == in_order(fitting, sort, order), (where, sort, order)
    for quantity in STATISTIC_QUANTITIES:
        found = all_items(filled, "/analyses", 29, sort=quantity.name)
        assert [item["id"] for item in found] == in_order(rows, quantity.name, "desc"), quantity.name


def test_analyses_are_found_by_what_was_handed_in_by_model_and_by_date(filled: Portal) -> None:
    jobs, rows = rows_of(filled, JobRow), rows_of(filled, AnalysisRow)
    (submission,) = rows_of(filled, SubmissionRow)
    every = [row.id for row in reversed(rows)]
    middle = rows[30].created_at.astimezone()
    minute = middle.strftime("%Y-%m-%dT%H:%M")
    begin, end = middle.replace(second=0, microsecond=0), middle.replace(second=59, microsecond=999_999)
    cases: list[tuple[dict[str, object], list[int]]] = [
        ({"project": submission.project.upper()[2:]}, every),
        ({"project": "nobody's"}, []),
        ({"person": "PERSON", "group": submission.group_name}, every),
        ({"group": "group %"}, []),
        ({"file_name": "IMAGE_7.tif"}, [job.analysis_id for job in jobs if "image_7.tif" in job.source_name]),
        ({"file_name": "day 1"}, [job.analysis_id for job in reversed(jobs) if "day 1" in job.source_name]),
        ({"file_name": "day_1"}, []),
        ({"model": "classical"}, [row.id for row in reversed(rows) if row.model_name == "classical"]),
        ({"model": "classical-2"}, [row.id for row in reversed(rows) if row.model_name == "classical"]),
        ({"model": "classical-1"}, []),
        ({"model": "class"}, []),
        ({"analysed_from": minute}, [row.id for row in reversed(rows) if row.created_at >= begin]),
        ({"analysed_to": minute}, [row.id for row in reversed(rows) if row.created_at <= end]),
        ({"project": submission.project, "file_name": "image_7.tif", "submission_id": 2}, []),
    ]
    for query, wanted in cases:
        assert [item["id"] for item in all_items(filled, "/analyses", 50, **query)] == wanted, query


def test_all_hits_come_as_csv_in_the_same_order(filled: Portal) -> None:
    query = {"where": ["n_particles>100"], "sort": "ecd_d50_nm", "order": "asc"}
    answer = filled.get("/analyses.csv", **query)
    assert answer.mimetype == "text/csv"
    records = list(csv.DictReader(io.StringIO(answer.text)))
    listed = all_items(filled, "/analyses", 500, **query)
    assert [int(record["analysis"]) for record in records] == [item["id"] for item in listed]
    first = records[0]
    assert (first["file"], first["submission"]) == (listed[0]["origins"][0]["source_name"], "1")
    assert float(first["ecd_d50_nm"]) == listed[0]["statistics"]["ecd_d50_nm"]
    assert error_of(filled.get("/analyses.csv", limit=5), 422)["details"].keys() == {"limit"}


def test_particles_are_found_by_their_columns_within_a_selection(filled: Portal) -> None:
    analyses = {row.id: row for row in rows_of(filled, AnalysisRow)}
    particles = rows_of(filled, ParticleRow)
    cases: list[tuple[list[str], Test]] = [
        ([], lambda _: True),
        (["feret_max_nm>60", "circularity<0.8"], lambda p: has("feret_max_nm", ">", 60)(p) and p.circularity < 0.8),
        (["touches_border=true"], lambda p: p.touches_border),
        (["touches_border=false", "area_px<=500"], lambda p: not p.touches_border and p.area_px <= 500),
        (["label=3", "ecd_d50_nm<40"], lambda p: p.label == 3 and has("ecd_d50_nm", "<", 40)(analyses[p.analysis_id])),
        (["ecd_px>1e9"], lambda _: False),
    ]
    for where, test in cases:
        wanted = [(p.analysis_id, p.label) for p in particles if test(p)]
        for selected, in_selection in (({}, lambda _: True), ({"model": "classical"}, lambda a: a % 5 == 0)):
            found = all_items(filled, "/particles", 200, where=where, **selected)
            assert [(p["analysis_id"], p["label"]) for p in found] == [key for key in wanted if in_selection(key[0])], where
    page = filled.json("/particles", where=["label=3"], limit=2)
    assert page["items"][0]["file"] == "day 1/sample_1_image_1.tif"
    answer = filled.get("/particles.csv", where=["feret_max_nm>60"], model="classical")
    records = list(csv.DictReader(io.StringIO(answer.text)))
    listed = all_items(filled, "/particles", 500, where=["feret_max_nm>60"], model="classical")
    assert [(int(r["analysis"]), int(r["label"]), r["file"]) for r in records] == [
        (p["analysis_id"], p["label"], p["file"]) for p in listed
    ]


@pytest.mark.parametrize(
    ("path", "query", "field", "said"),
    [
        ("/analyses", {"where": ["n_particles>5", "ecd_d5_nm<4"]}, "where.1", "Did you mean ecd_d50_nm?"),
        ("/analyses", {"where": "circularity<0.5"}, "where.0", "There is no quantity 'circularity' here"),
        ("/analyses", {"where": "ecd_d50_nm<nan"}, "where.0", "is no number"),
        ("/particles", {"where": "touches_border>true"}, "where.0", "touches_border=true or touches_border=false is needed"),
        ("/analyses", {"where": ["n_particles>5"] * 21}, "where", "at most 20"),
        ("/analyses", {"sort": "colour"}, "sort", "Input should be"),
        ("/analyses", {"order": "up"}, "order", "Input should be"),
        ("/analyses", {"analysed_from": "2024-02-31"}, "analysed_from", "2024-02-31 is in no calendar"),
        ("/particles", {"sort": "ecd_nm"}, "sort", "Extra inputs"),
        ("/analyses", {"project": ""}, "project", "at least 1 item"),
    ],
)
def test_a_search_that_is_none_names_what_is_wrong(portal: Portal, path: str, query: Any, field: str, said: str) -> None:
    error = error_of(portal.get(path, **query), 422)
    assert error["code"] == "invalid_request"
    assert said in error["details"][field]


def test_a_cursor_of_another_order_is_refused_and_named(filled: Portal) -> None:
    by_size = filled.json("/analyses", sort="ecd_d50_nm", limit=2)["next_cursor"]
    newest = filled.json("/analyses", limit=2)["next_cursor"]
    particles = filled.json("/particles", limit=2)["next_cursor"]
    for query in (
        {"cursor": by_size},
        {"cursor": by_size, "sort": "n_particles"},
        {"cursor": by_size, "sort": "ecd_d50_nm", "order": "asc"},
        {"cursor": newest, "sort": "ecd_d50_nm"},
        {"cursor": particles},
    ):
        error = error_of(filled.get("/analyses", **query), 422)
        assert error["code"] == "invalid_cursor", query
    assert error_of(filled.get("/particles", cursor=newest), 422)["code"] == "invalid_cursor"
    kinds: dict[str, list[object]] = {
        "created_at": [1.5, "2024", True, 2**62, [1], float("inf")],
        "n_particles": [1.5, 2**31, True, "1"],
        "ecd_d50_nm": [float("nan"), "1", False, {}],
    }
    for sort, values in kinds.items():
        for value in values:
            tampered = base64.urlsafe_b64encode(json.dumps([sort, "desc", value, 1]).encode()).decode()
            assert error_of(filled.get("/analyses", sort=sort, cursor=tampered), 422)["code"] == "invalid_cursor", (sort, value)
