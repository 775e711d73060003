"""Handing in over the API: submissions, files, and what is refused."""

import io
from typing import Any

import pytest
from sqlalchemy import delete

from shared import registry
from shared.domain import ModelIdentity
from shared.model_rows import ModelRow
from shared.settings import Settings
from tests.models import NETWORK, card
from tests.unit.web.opened_portal import API, MAX_UPLOAD_BYTES, Portal, error_of
from web.services import EXTENSION


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
    not_in_lists = {"calibration_counts": None, "fitness_counts": None, "retention": None}
    assert portal.json("/submissions")["items"] == [opened | not_in_lists]


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
    assert counts == {"queued": 1, "running": 0, "done": 0, "failed": 0, "cancelled": 0, "total": 1, "unfinished": 1}


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
