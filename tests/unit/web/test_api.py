"""The API through Flask's client: what each address answers, the one shape of every error, and what a request leaves."""

import base64
import csv
import io
import json
import re
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from shared import registry
from shared.database import Database
from shared.domain import ModelIdentity
from shared.messaging import ANALYSIS_QUEUE
from shared.models import ModelRow
from shared.quantities import PARTICLE_QUANTITIES
from shared.schema import upgrade
from shared.settings import Settings
from shared.tables import PARTICLE_COLUMNS, SUMMARY_COLUMNS
from tests.conftest import fresh_postgres
from tests.models import NETWORK, card, register_models
from tests.stack import free_port
from tests.unit.web.opened_portal import API, BROKER_TIMEOUT_S, MAX_UPLOAD_BYTES, Portal, error_of, open_portal
from web.services import EXTENSION

# Handing in.


def test_a_submission_is_opened_and_shown_with_no_jobs(portal: Portal) -> None:
    answer = portal.http.post(f"{API}/submissions", json={"project": " gold ", "sample": "A1", "nm_per_px": 0.5})
    assert answer.status_code == 201
    opened = answer.get_json()
    assert (opened["project"], opened["sample"], opened["parameters"]) == (
        "gold",
        "A1",
        {"model": NETWORK.reference, "nm_per_px": 0.5, "min_confidence": 0.5},
    )
    assert set(opened["counts"].values()) == {0}
    assert opened["created_at"].endswith(("Z", "+00:00"))
    assert portal.json(f"/submissions/{opened['id']}") == opened
    assert portal.json("/submissions")["items"] == [opened]


MISFITS: list[tuple[dict[str, object], str]] = [
    ({}, "project"),
    ({"project": ""}, "project"),
    ({"project": "   "}, "project"),
    ({"project": "x" * 201}, "project"),
    ({"project": 7}, "project"),
    ({"project": "a\u0000b"}, "project"),
    ({"project": "two\nlines"}, "project"),
    ({"project": "half \ud800 a pair"}, "project"),
    ({"project": "gold", "sample": "\u0000"}, "sample"),
    ({"project": "gold", "nm_per_px": 0}, "nm_per_px"),
    ({"project": "gold", "nm_per_px": -1}, "nm_per_px"),
    ({"project": "gold", "nm_per_px": float("nan")}, "nm_per_px"),
    ({"project": "gold", "nm_per_px": float("inf")}, "nm_per_px"),
    ({"project": "gold", "nm_per_px": 1e7}, "nm_per_px"),
    ({"project": "gold", "nm_per_px": True}, "nm_per_px"),
    ({"project": "gold", "model": ""}, "model"),
    ({"project": "gold", "model": "two\nlines"}, "model"),
    ({"project": "gold", "model": "x" * 201}, "model"),
    ({"project": "gold", "min_confidence": -0.1}, "min_confidence"),
    ({"project": "gold", "min_confidence": 1.1}, "min_confidence"),
    ({"project": "gold", "min_confidence": float("nan")}, "min_confidence"),
    ({"project": "gold", "min_confidence": None}, "min_confidence"),
    ({"project": "gold", "colour": "red"}, "colour"),
]


def test_a_submission_that_does_not_fit_is_refused_and_its_field_is_named(either_portal: Portal) -> None:
    for body, field in MISFITS:
        error = error_of(either_portal.http.post(f"{API}/submissions", json=body), 422)
        assert (error["code"], list(error["details"])) == ("invalid_request", [field]), body
    assert either_portal.json("/submissions")["items"] == []


def test_a_submission_keeps_the_model_that_was_meant_when_it_was_made(either_portal: Portal) -> None:
    def stored(**body: object) -> str:
        submission = either_portal.open_submission(**body)
        return str(either_portal.json(f"/submissions/{submission}")["parameters"]["model"])

    assert stored(model="classical") == stored(model="classical-1") == "classical-1"
    assert stored(model=None) == stored(model="particlenet") == "particlenet-1"
    before = either_portal.json("/submissions")["items"]
    newer = ModelIdentity("particlenet", "2", "e" * 64)
    with either_portal.database.writing() as session:
        registry.register(session, newer, card(newer))
        registry.follow_default(session, "particlenet")
    assert either_portal.json("/submissions")["items"] == before
    assert stored() == stored(model="particlenet") == "particlenet-2"
    assert stored(model="particlenet-1") == "particlenet-1"


def test_a_model_that_is_not_registered_is_refused_with_those_that_are(either_portal: Portal) -> None:
    for model in ("unknown", "particlenet-2", "classical-1 ; --", "é"):
        error = error_of(either_portal.http.post(f"{API}/submissions", json={"project": "gold", "model": model}), 422)
        assert error["code"] == "unknown_model"
        assert "particlenet-1, classical-1" in error["message"]
    assert either_portal.json("/submissions")["items"] == []


def test_an_installation_without_models_says_what_to_do(either_portal: Portal) -> None:
    with either_portal.database.writing() as session:
        session.execute(delete(ModelRow))
    error = error_of(either_portal.http.post(f"{API}/submissions", json={"project": "gold"}), 503)
    assert error["code"] == "no_default_model"
    assert "saemi admin db upgrade" in error["message"]


def test_the_models_are_listed_with_hash_default_and_card(either_portal: Portal) -> None:
    network, classical = either_portal.json("/models")["items"]
    assert (network["reference"], network["name"], network["version"]) == ("particlenet-1", "particlenet", "1")
    assert (network["sha256"], network["is_default"]) == (NETWORK.sha256, True)
    assert network["card"]["figures"]["dice"] == 0.9471
    assert (classical["reference"], classical["sha256"], classical["is_default"]) == ("classical-1", None, False)
    first = either_portal.json("/models", limit=1)
    assert first["items"] == [network]
    assert either_portal.json("/models", limit=1, cursor=first["next_cursor"]) == {"items": [classical], "next_cursor": None}


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b"null", b'"text"', b"\xff"])
def test_a_body_that_is_no_json_object_is_refused_in_the_one_shape(portal: Portal, body: bytes) -> None:
    answer = portal.http.post(f"{API}/submissions", data=body, content_type="application/json")
    assert answer.status_code in (400, 422)
    error_of(answer, answer.status_code)


def test_a_form_in_place_of_json_is_refused_in_the_one_shape(portal: Portal) -> None:
    answer = portal.http.post(f"{API}/submissions", data={"project": "gold"})
    assert answer.status_code in (415, 422)
    error_of(answer, answer.status_code)


def test_a_body_of_json_that_would_fill_the_memory_is_refused(portal: Portal) -> None:
    error_of(portal.http.post(f"{API}/submissions", json={"project": "x" * 2**21}), 413)


def test_a_file_is_stored_becomes_a_job_and_is_counted(portal: Portal) -> None:
    submission = portal.open_submission()
    answer = portal.put(submission, b"bytes of an image", "folder/日本語.tif")
    assert answer.status_code == 201
    job = answer.get_json()
    assert (job["state"], job["source_name"], job["submission_id"]) == ("queued", "folder/日本語.tif", submission)
    assert [path.read_bytes() for path in portal.files()] == [b"bytes of an image"]
    assert portal.json(f"/jobs/{job['id']}") == job
    assert portal.json("/jobs", submission_id=submission, state="queued")["items"] == [job]
    assert portal.json("/jobs", state="done")["items"] == []
    counts = portal.json(f"/submissions/{submission}")["counts"]
    assert counts == {"queued": 1, "running": 0, "done": 0, "failed": 0, "total": 1, "unfinished": 1}


def test_the_same_file_a_second_time_is_the_same_job(either_portal: Portal) -> None:
    submission = either_portal.open_submission()
    first, second = either_portal.put(submission), either_portal.put(submission)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.get_json() == second.get_json()
    assert either_portal.put(submission, name="b.tif").status_code == 201
    assert len(either_portal.files()) == 1


def test_an_empty_file_is_a_job_too_so_that_a_folder_of_thousands_is_not_refused_for_one(portal: Portal) -> None:
    assert portal.put(portal.open_submission(), b"").status_code == 201


@pytest.mark.parametrize(
    ("name", "cleaned"),
    [
        ("../../etc/passwd", "etc/passwd"),
        ("C:\\data\\a.tif", "data/a.tif"),
        ("a\x00b\u202e.tif", "ab.tif"),
        ("[red]=1.png", "[red]=1.png"),
    ],
)
def test_names_are_cleaned(either_portal: Portal, name: str, cleaned: str) -> None:
    assert either_portal.put(either_portal.open_submission(), name=name).get_json()["source_name"] == cleaned


@pytest.mark.parametrize("name", ["", "..", "/", "x" * 2049])
def test_a_file_without_a_usable_name_is_refused_and_not_stored(portal: Portal, name: str) -> None:
    error_of(portal.put(portal.open_submission(), name=name), 422)
    assert portal.files() == []


def test_a_file_for_a_submission_that_does_not_exist_is_refused_and_not_stored(portal: Portal) -> None:
    assert error_of(portal.put(12345), 404)["code"] == "submission_not_found"
    assert portal.files() == []


def test_the_largest_file_is_taken_and_one_byte_more_is_refused_and_leaves_nothing(portal: Portal) -> None:
    submission = portal.open_submission()
    assert error_of(portal.put(submission, bytes(MAX_UPLOAD_BYTES + 1)), 413)["code"] == "file_too_large"
    assert portal.files() == []
    assert portal.json("/jobs")["items"] == []
    assert portal.put(submission, bytes(MAX_UPLOAD_BYTES)).status_code == 201


@pytest.mark.parametrize(("n_bytes", "status"), [(MAX_UPLOAD_BYTES, 201), (MAX_UPLOAD_BYTES + 1, 413), (10**7, 413)])
def test_a_file_that_does_not_state_its_length_has_the_same_limit(portal: Portal, n_bytes: int, status: int) -> None:
    submission = portal.open_submission()
    answer = portal.put(submission, environ_overrides={"wsgi.input": io.BytesIO(bytes(n_bytes)), "wsgi.input_terminated": True})
    if status == 201:
        assert answer.status_code == 201
    else:
        assert error_of(answer, 413)["code"] == "file_too_large"
        assert portal.files() == []


class CutLine(io.RawIOBase):
    """A connection that gives some bytes and breaks."""

    def __init__(self) -> None:
        self.given = False

    def readinto(self, buffer: Any) -> int:
        if self.given:
            raise ConnectionResetError("the line is cut")
        self.given = True
        buffer[:5] = b"bytes"
        return 5

    def readable(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "stated"),
    [(io.BytesIO(b"bytes"), True), (CutLine(), True), (CutLine(), False)],
    ids=["ends before the stated length", "breaks", "breaks, no length stated"],
)
def test_an_upload_that_is_cut_off_leaves_no_file_and_no_job(portal: Portal, stream: Any, stated: bool) -> None:
    submission = portal.open_submission()
    length = {"CONTENT_LENGTH": "900"} if stated else {"CONTENT_LENGTH": "", "wsgi.input_terminated": True}
    error_of(portal.put(submission, environ_overrides={"wsgi.input": stream} | length), 400)
    assert portal.files() == []
    assert portal.json("/jobs")["items"] == []


# Broker, database and disk.


def test_a_broker_that_is_away_delays_no_request_and_fails_none(portal: Portal) -> None:
    submission = portal.open_submission()
    started = time.monotonic()
    assert portal.put(submission).status_code == 201
    assert time.monotonic() - started < 3 * BROKER_TIMEOUT_S
    assert portal.json(f"/submissions/{submission}")["counts"]["queued"] == 1


def test_a_new_job_is_announced_once_and_after_its_row_can_be_read(broker_url: str, database: Database, tmp_path: Path) -> None:
    with redis.Redis.from_url(broker_url.replace("redis+socket", "unix")) as broker:
        broker.flushall()
        register_models(database)
        for portal in open_portal(tmp_path, database.engine.url.render_as_string(hide_password=False), broker_url):
            submission = portal.open_submission()
            job = portal.put(submission).get_json()
            portal.put(submission)
        messages = [json.loads(message) for message in broker.lrange(ANALYSIS_QUEUE, 0, -1)]
        broker.flushall()
    assert [json.loads(base64.b64decode(message["body"]))[0] for message in messages] == [[[job["id"]]]]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_a_database_that_is_away_is_said_with_a_time_to_try_again(tmp_path: Path, method: str) -> None:
    for portal in open_portal(tmp_path, f"postgresql://nobody@127.0.0.1:{free_port()}/saemi"):
        path = {"GET": "/analyses", "POST": "/submissions", "PUT": "/submissions/1/files?name=a.tif"}[method]
        answer = portal.http.open(API + path, method=method, json={"project": "gold"} if method == "POST" else None)
        error = error_of(answer, 503)
        assert (error["code"], len(error["reference"])) == ("database_unavailable", 8)
        assert portal.http.get("/healthz").status_code == 503


def test_a_database_that_goes_away_between_two_requests_is_said(postgres_url: str, tmp_path: Path) -> None:
    with fresh_postgres(postgres_url) as database:
        upgrade(database)
        register_models(database)
        name, url = database.engine.url.database, database.engine.url.render_as_string(hide_password=False)
        for portal in open_portal(tmp_path, url):
            portal.open_submission()
            database.dispose()
            with psycopg.connect(postgres_url, autocommit=True) as server:
                server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
                error_of(portal.get("/submissions"), 503)
                server.execute(f'CREATE DATABASE "{name}"')
            upgrade(database)
            assert portal.json("/submissions")["items"] == [], "it goes on once the database is back"


def test_a_full_disk_is_said_and_nothing_is_lost(tmp_path: Path, portal: Portal) -> None:
    submission = portal.open_submission()
    portal.store._min_free_bytes = 2**62
    answer = portal.put(submission)
    assert error_of(answer, 507)["code"] == "storage_full"
    assert answer.headers["Retry-After"]
    assert portal.json("/jobs")["items"] == []


def test_a_bug_is_said_with_a_reference_and_no_traceback(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash() -> None:
        raise RuntimeError("secret")

    portal.app.config["PROPAGATE_EXCEPTIONS"] = False
    monkeypatch.setitem(portal.app.view_functions, "api_analyses.list_quantities", crash)
    answer = portal.get("/quantities")
    error = error_of(answer, 500)
    assert (error["code"], len(error["reference"])) == ("internal_error", 8)
    assert "secret" not in answer.text


# Results.


def test_an_analysis_is_shown_with_all_that_a_number_needs(either_portal: Portal) -> None:
    number = either_portal.analysed()
    analysis = either_portal.json(f"/analyses/{number}")
    assert (analysis["statistics"]["n_particles"], analysis["nm_per_px"], analysis["calibration_source"]) == (7, 0.5, "manual")
    assert analysis["banner"] is None
    assert analysis["field"] == {"top": 0, "bottom": 128, "left": 0, "right": 128}
    for name in ("model_name", "model_version", "parameters_sha256", "software_version", "counting_rule"):
        assert analysis[name]
    assert either_portal.json("/analyses")["items"] == [analysis]
    assert either_portal.json("/jobs", state="done")["items"][0]["analysis_id"] == number


def test_the_particles_are_shown_alone_in_pages_and_as_a_table(either_portal: Portal) -> None:
    number = either_portal.analysed()
    particles = either_portal.json(f"/analyses/{number}/particles")["items"]
    assert [particle["label"] for particle in particles] == [1, 2, 3, 4, 5, 6, 7]
    assert list(particles[0]) == list(PARTICLE_COLUMNS)
    assert either_portal.json(f"/analyses/{number}/particles/3") == particles[2]
    table = either_portal.get(f"/analyses/{number}/particles.csv")
    assert table.mimetype == "text/csv"
    rows = list(csv.DictReader(io.StringIO(table.text)))
    assert list(rows[0]) == list(PARTICLE_COLUMNS)
    assert [float(row["ecd_nm"]) for row in rows] == [particle["ecd_nm"] for particle in particles]
    assert [row["touches_border"] for row in rows] == [str(particle["touches_border"]).lower() for particle in particles]


def test_without_a_calibration_values_in_nanometres_are_null_in_answers_and_empty_in_tables(portal: Portal) -> None:
    number = portal.analysed(nm_per_px=None)
    assert portal.json(f"/analyses/{number}/particles/1")["ecd_nm"] is None
    (first, *_) = csv.DictReader(io.StringIO(portal.get(f"/analyses/{number}/particles.csv").text))
    assert (first["ecd_nm"], first["area_nm2"]) == ("", "")
    for path in (f"/analyses/{number}/histogram?quantity=ecd_nm", f"/analyses/{number}/particles?sort=ecd_nm"):
        assert error_of(portal.http.get(API + path), 422)["code"] == "not_calibrated"


def test_without_a_model_that_gives_it_confidence_is_null_empty_and_no_order_of_a_list(portal: Portal) -> None:
    number = portal.analysed()
    assert portal.json(f"/analyses/{number}")["statistics"]["n_low_confidence"] is None
    particle = portal.json(f"/analyses/{number}/particles/1")
    assert (particle["confidence"], particle["low_confidence"]) == (None, None)
    (first, *_) = csv.DictReader(io.StringIO(portal.get(f"/analyses/{number}/particles.csv").text))
    assert (first["confidence"], first["low_confidence"]) == ("", "")
    for path in (f"/analyses/{number}/histogram?quantity=confidence", f"/analyses/{number}/particles?sort=low_confidence"):
        assert error_of(portal.http.get(API + path), 422)["code"] == "no_confidence"


def test_particles_of_low_confidence_are_marked_and_counted(portal: Portal) -> None:
    number = portal.analysed(n=5, has_confidence=True)
    statistics = portal.json(f"/analyses/{number}")["statistics"]
    assert (statistics["n_particles"], statistics["n_low_confidence"]) == (5, 2)
    particles = portal.json(f"/analyses/{number}/particles", sort="confidence")["items"]
    assert [particle["confidence"] for particle in particles] == [0, 0.25, 0.5, 0.75, 1]
    assert [particle["low_confidence"] for particle in particles] == [True, True, False, False, False]


def test_the_summary_of_a_submission_has_one_row_for_each_file(portal: Portal) -> None:
    portal.analysed(name='quoted, "strange"\u00fc.tif')
    submission = portal.json("/submissions")["items"][0]["id"]
    portal.put(submission, b"waits", "waits.tif")
    table = portal.get(f"/submissions/{submission}/summary.csv")
    rows = list(csv.DictReader(io.StringIO(table.text)))
    assert list(rows[0]) == list(SUMMARY_COLUMNS)
    assert [(row["file"], row["state"]) for row in rows] == [('quoted, "strange"ü.tif', "done"), ("waits.tif", "queued")]


@pytest.mark.parametrize("name", ["gold.tif", "日本語.tif", 'a"b\\c;d.tif', "%41.tif", "x" * 300 + ".tif"])
def test_a_download_has_a_header_that_any_name_fits_into(portal: Portal, name: str) -> None:
    number = portal.analysed(name=name)
    for path in ("particles.csv", "files/labels.tif"):
        header = portal.get(f"/analyses/{number}/{path}").headers["Content-Disposition"]
        assert header.startswith("attachment")
        assert header.isascii()
        assert not set("\r\n") & set(header)


@pytest.mark.parametrize(
    ("file", "mimetype", "content"),
    [
        ("labels.tif", "image/tiff", b"labels"),
        ("outlines.json", "application/json", b"{}"),
        ("overlay.png", "image/png", b"over"),
        ("preview.png", "image/png", b"pre"),
        ("thumbnail.png", "image/png", b"thumb"),
    ],
)
def test_a_file_of_an_analysis_is_sent_once_and_then_known_by_its_tag(
    portal: Portal, file: str, mimetype: str, content: bytes
) -> None:
    number = portal.analysed()
    first = portal.get(f"/analyses/{number}/files/{file}")
    assert (first.status_code, first.mimetype, first.data) == (200, mimetype, content)
    again = portal.http.get(
        f"{API}/analyses/{number}/files/{file}", headers={"If-None-Match": first.headers["ETag"]}, buffered=True
    )
    assert (again.status_code, again.data) == (304, b"")


def test_a_file_that_has_vanished_from_the_store_is_said(portal: Portal) -> None:
    number = portal.analysed()
    for path in portal.files():
        path.unlink()
    assert error_of(portal.get(f"/analyses/{number}/files/overlay.png"), 404)["code"] == "blob_not_found"


def test_a_histogram_has_its_unit_and_counts_every_particle(either_portal: Portal) -> None:
    number = either_portal.analysed(has_confidence=True)
    histogram = either_portal.json(f"/analyses/{number}/histogram", quantity="ecd_nm", bins=4)
    assert (histogram["quantity"], histogram["unit"], sum(histogram["counts"]), len(histogram["edges"])) == (
        "ecd_nm",
        "nm",
        7,
        5,
    )
    for quantity in PARTICLE_QUANTITIES:
        shown = either_portal.json(f"/analyses/{number}/histogram", quantity=quantity.name)
        assert (shown["unit"], sum(shown["counts"])) == (quantity.unit, 7)


def test_the_quantities_are_listed_with_unit_and_definition(portal: Portal) -> None:
    listed = portal.json("/quantities")
    assert [quantity["name"] for quantity in listed["particle"]] == list(PARTICLE_COLUMNS)
    assert all(quantity["definition"] for kind in listed.values() for quantity in kind)


def test_an_answer_has_a_tag_and_is_not_sent_again_until_it_changes(portal: Portal) -> None:
    submission = portal.open_submission()
    path = f"{API}/submissions/{submission}"
    tag = {"If-None-Match": portal.http.get(path).headers["ETag"]}
    unchanged = portal.http.get(path, headers=tag)
    assert (unchanged.status_code, unchanged.data) == (304, b"")
    portal.put(submission)
    assert portal.http.get(path, headers=tag).status_code == 200


# Lists.


@pytest.mark.parametrize("path", ["/submissions", "/jobs", "/analyses"])
def test_the_pages_of_a_list_show_everything_once_the_newest_first(portal: Portal, path: str) -> None:
    for number in range(5):
        portal.analysed(name=f"{number}.tif")
    seen, cursor = [], {}
    while True:
        page = portal.json(path, limit=2, **cursor)
        seen += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert len(seen) == 5
    assert seen == sorted(set(seen), reverse=True)
    assert portal.json(path, limit=5)["next_cursor"] is None


def test_the_pages_of_particles_go_on_where_the_page_before_ended(either_portal: Portal) -> None:
    number = either_portal.analysed(has_confidence=True)
    for sort in ("label", "touches_border", "ecd_px", "area_px", "solidity", "confidence", "low_confidence"):
        for order in ("asc", "desc"):
            seen: list[tuple[float, int]] = []
            cursor: dict[str, str] = {}
            while True:
                page = either_portal.json(f"/analyses/{number}/particles", sort=sort, order=order, limit=2, **cursor)
                seen += [(particle[sort], particle["label"]) for particle in page["items"]]
                if page["next_cursor"] is None:
                    break
                cursor = {"cursor": page["next_cursor"]}
            assert seen == sorted(set(seen), reverse=order == "desc"), (sort, order)
            assert len(seen) == 7


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


NO_CURSORS = [
    "", "x", "%", "é", "=====", "\x00", encoded([]), encoded({}), encoded(None), encoded("1"), encoded(["1", "2"]),
    encoded([None, None]), encoded([1, 2, 3]), encoded([float("nan")] * 2), encoded([float("inf"), 1]), encoded([10**400, 1]),
    encoded([1, 1.5]), encoded([1, True]), encoded([1, -1]), encoded([1, 2**63]), encoded([2**64, 1]), encoded([[1], 1]),
    base64.urlsafe_b64encode(b"[" * 3000).decode(),
]  # fmt: skip


def test_a_cursor_that_was_tampered_with_is_refused_in_the_one_shape(either_portal: Portal) -> None:
    number = either_portal.analysed()
    for path in ("/submissions", "/jobs", "/analyses", f"/analyses/{number}/particles"):
        for cursor in NO_CURSORS:
            assert error_of(either_portal.get(path, cursor=cursor), 422)["code"] == "invalid_cursor", (path, cursor[:50])


@given(
    label=st.integers(0, 2**63 - 1),
    value=st.one_of(st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False)),
    sort=st.sampled_from(PARTICLE_COLUMNS),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None, derandomize=True)
def test_a_cursor_of_another_list_is_an_answer_or_an_error_of_the_user_never_of_ours(
    either_portal: Portal, value: float, label: int, sort: str
) -> None:
    listed = either_portal.json("/analyses")["items"]
    number = listed[0]["id"] if listed else either_portal.analysed()
    answer = either_portal.get(f"/analyses/{number}/particles", sort=sort, cursor=encoded([value, label]))
    assert answer.status_code in (200, 422), answer.text


MISFIT_QUERIES: list[tuple[str, dict[str, object]]] = [
    ("/submissions", {"limit": 0}),
    ("/submissions", {"limit": 501}),
    ("/submissions", {"limit": "many"}),
    ("/submissions", {"unknown": 1}),
    ("/jobs", {"state": "lost"}),
    ("/jobs", {"submission_id": 0}),
    ("/jobs", {"submission_id": 2**63}),
    ("/jobs", {"submission_id": "a"}),
    ("/analyses/1/particles", {"sort": "analysis_id"}),
    ("/analyses/1/particles", {"order": "sideways"}),
    ("/analyses/1/histogram", {"bins": 0}),
    ("/analyses/1/histogram", {"bins": 501}),
    ("/analyses/1/histogram", {"quantity": "size"}),
    ("/analyses/1/files/passwd", {}),
    ("/analyses/0", {}),
    (f"/analyses/{2**63}", {}),
]


def test_a_query_that_does_not_fit_is_refused_and_said(either_portal: Portal) -> None:
    for path, query in MISFIT_QUERIES:
        assert error_of(either_portal.get(path, **query), 422)["code"] == "invalid_request", (path, query)


MISSING = [
        "/unknown", "/submissions/x", "/submissions/-1", "/analyses/1/particles/x",
        "/submissions/99", "/submissions/99/summary.csv", "/jobs/99", "/analyses/99", "/analyses/99/particles",
        "/analyses/99/particles/1", "/analyses/99/histogram", "/analyses/99/particles.csv", "/analyses/99/files/overlay.png",
        f"/analyses/{2**63 - 1}",
]  # fmt: skip


def test_what_does_not_exist_is_not_found_in_the_one_shape(either_portal: Portal) -> None:
    for path in MISSING:
        error_of(either_portal.get(path), 404)


def test_an_address_outside_the_api_answers_people_with_a_page(portal: Portal) -> None:
    answer = portal.http.get("/nowhere")
    assert (answer.status_code, answer.mimetype) == (404, "text/html")


def test_a_method_that_is_not_allowed_is_said_with_those_that_are(portal: Portal) -> None:
    answer = portal.http.delete(f"{API}/submissions")
    error_of(answer, 405)
    assert {"GET", "POST"} <= set(answer.headers["Allow"].split(", "))


# The description.


def test_every_address_of_the_api_is_described_and_every_described_one_answers(portal: Portal) -> None:
    document = portal.json("/openapi.json")
    assert document["openapi"].startswith("3.")
    assert document["info"]["title"] == "SAEMI"
    served = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in portal.app.url_map.iter_rules()
        if rule.rule.startswith(API) and rule.endpoint.startswith("api_")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    described = {(path, method) for path, operations in document["paths"].items() for method in operations}
    assert described == served
    number = portal.analysed()
    submission = portal.json("/submissions")["items"][0]["id"]
    decided = {"person": "Ada", "scope": "image", "analysis_id": number, "choice": "automatic"}
    decision = portal.http.post(f"{API}/calibration-decisions", json=decided).get_json()["id"]
    for path, method in described:
        address = path.replace("{label}", "1").replace("{file}", "overlay.png")
        kind = next(kind for kind in ("analyses", "decisions", "") if kind in path)
        address = address.replace("{id}", str({"analyses": number, "decisions": decision}.get(kind, submission)))
        content = decided if kind == "decisions" else {"project": "gold"}
        body = {"json": content} if method == "post" else {"query_string": {"name": "b"}} if method == "put" else {}
        answer = portal.http.open(address, method=method.upper(), buffered=True, **body)
        documented = document["paths"][path][method]["responses"]
        assert str(answer.status_code) in documented, (path, method, answer.status_code)
        assert answer.status_code < 300
        assert {"404", "422", "503"} <= set(documented)


def test_every_reference_of_the_description_leads_somewhere_and_everything_is_explained(portal: Portal) -> None:
    document = portal.json("/openapi.json")
    for reference in re.findall(r'"\$ref": ?"#/([^"]+)"', json.dumps(document)):
        target: Any = document
        for part in reference.split("/"):
            target = target[part]
        assert target
    for operations in document["paths"].values():
        for operation in operations.values():
            assert operation["summary"]
            for parameter in operation.get("parameters", []):
                assert parameter["in"] in ("path", "query")
                assert parameter["schema"]
    assert set(document["components"]["schemas"]["ErrorBody"]["properties"]) == {"code", "message", "details", "reference"}


def test_no_answer_lets_a_browser_guess_its_type_or_run_scripts_of_others(portal: Portal) -> None:
    for path in (f"{API}/submissions", f"{API}/unknown", "/healthz"):
        headers = portal.http.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'self'" in headers["Content-Security-Policy"]


def test_uploads_never_take_every_thread(portal: Portal) -> None:
    submission = portal.open_submission()
    slots = portal.app.extensions[EXTENSION].upload_slots
    taken = 0
    while slots.acquire(blocking=False):
        taken += 1
    assert taken == Settings().web_threads - 2
    refused = portal.put(submission)
    assert (refused.status_code, refused.get_json()["error"]["code"]) == (503, "uploads_busy")
    assert int(refused.headers["Retry-After"]) > 0
    slots.release()
    assert portal.put(submission).status_code == 201
    assert slots.acquire(blocking=False), "an upload that is over gives its place back"


def test_files_are_asked_for_again_because_numbers_begin_anew_in_a_new_data_folder(portal: Portal) -> None:
    path = f"/analyses/{portal.analysed()}/files/preview.png"
    first = portal.get(path)
    assert first.cache_control.no_cache
    assert not first.cache_control.public
    again = portal.http.get(API + path, headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304


def test_a_download_is_named_after_the_job_it_is_downloaded_for(portal: Portal) -> None:
    analysis = portal.analysed(name="first.tif")
    job = portal.json("/jobs")["items"][0]
    named = portal.get(f"/analyses/{analysis}/particles.csv", job=job["id"])
    assert "first.particles.csv" in named.headers["Content-Disposition"]
    foreign = portal.get(f"/analyses/{analysis}/particles.csv", job=job["id"] + 1)
    assert (foreign.status_code, foreign.get_json()["error"]["code"]) == (404, "job_not_found")
