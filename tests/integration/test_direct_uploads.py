"""Files that go to a real S3 server past the portal become what they become through it, whatever ends in between."""

import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import update
from werkzeug.test import TestResponse

from shared import resumable
from shared.database import Database, database_time
from shared.errors import TransientError
from shared.s3_client import s3_client
from shared.upload_rows import UploadRow
from tests.integration.test_portal_on_s3 import portal_on
from tests.s3_server import BUCKET, S3Server
from tests.unit.cli.invocation import invoke
from tests.unit.web.opened_portal import API, MAX_UPLOAD_BYTES, Portal, error_of

CONTENT = b"a micrograph"
ORIGIN = "https://saemi.example.org"


@pytest.fixture
def portal(tmp_path: Path, s3_server: S3Server) -> Iterator[Portal]:
    """A portal whose browsers reach the S3 server."""
    yield from portal_on(tmp_path, **s3_server.settings(tmp_path.name), s3_public_url=s3_server.address)


@pytest.fixture
def inner_portal(tmp_path: Path, s3_server: S3Server) -> Iterator[Portal]:
    """A portal that alone reaches the S3 server."""
    yield from portal_on(tmp_path, **s3_server.settings(tmp_path.name))


@pytest.fixture
def folder_portal(tmp_path: Path) -> Iterator[Portal]:
    """A portal whose files lie in a folder."""
    yield from portal_on(tmp_path)


def begin(portal: Portal, submission: int, content: bytes = CONTENT, **further: object) -> TestResponse:
    body = {"name": "lot 7/粒子.tif", "n_bytes": len(content)} | further
    return portal.http.post(f"{API}/submissions/{submission}/direct-uploads", json=body)


def begun(portal: Portal, submission: int, content: bytes = CONTENT, **further: object) -> dict[str, Any]:
    answer = begin(portal, submission, content, **further)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.get_json()
    return found


def send(upload: dict[str, Any], content: bytes = CONTENT) -> int:
    return httpx.put(upload["url"], content=content, trust_env=False).status_code


def finish(portal: Portal, upload: dict[str, Any]) -> TestResponse:
    return portal.http.post(f"{API}/direct-uploads/{upload['id']}/finish")


def incoming(s3_server: S3Server, tmp_path: Path) -> list[str]:
    return s3_server.keys(f"{tmp_path.name}/incoming/")


def test_a_file_past_the_portal_becomes_the_job_that_it_becomes_through_it(
    portal: Portal, s3_server: S3Server, tmp_path: Path
) -> None:
    submission = portal.open_submission()
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    upload = begun(portal, submission, sha256=sha256)
    assert send(upload) == 200
    first = finish(portal, upload)
    assert first.status_code == 201, first.text
    assert (first.get_json()["source_name"], first.get_json()["image_sha256"]) == ("lot 7/粒子.tif", sha256)
    again = finish(portal, upload)
    assert (again.status_code, again.get_json()) == (200, first.get_json())
    assert portal.json(f"/uploads/{upload['id']}/file") == first.get_json()
    through = portal.put(submission, CONTENT, "lot 7/粒子.tif")
    assert (through.status_code, through.get_json()["id"]) == (200, first.get_json()["id"])
    with portal.store.open(sha256) as file:
        assert file.read() == CONTENT
    assert incoming(s3_server, tmp_path) == []


def test_a_side_car_belongs_to_its_image(portal: Portal) -> None:
    submission = portal.open_submission()
    upload = begun(portal, submission, name="a.txt")
    assert send(upload) == 200
    assert finish(portal, upload).get_json()["kind"] == "side_car"


def test_the_end_of_what_has_not_arrived_is_refused_until_it_has(portal: Portal) -> None:
    upload = begun(portal, portal.open_submission())
    assert error_of(finish(portal, upload), 409)["code"] == "upload_incomplete"
    assert send(upload) == 200
    assert finish(portal, upload).status_code == 201


def test_the_store_takes_no_other_number_of_bytes(portal: Portal) -> None:
    upload = begun(portal, portal.open_submission())
    assert send(upload, CONTENT + b"!") == 403
    assert error_of(finish(portal, upload), 409)["code"] == "upload_incomplete"


def test_other_bytes_than_were_announced_make_no_job_and_are_removed(
    portal: Portal, s3_server: S3Server, tmp_path: Path
) -> None:
    submission = portal.open_submission()
    upload = begun(portal, submission, sha256="0" * 64)
    assert send(upload) == 200
    error = error_of(finish(portal, upload), 422)
    assert (error["code"], error["details"]["sha256"]) == ("upload_altered", hashlib.sha256(CONTENT).hexdigest())
    assert error_of(finish(portal, upload), 404)["code"] == "upload_not_found"
    assert portal.json("/jobs", submission_id=submission)["items"] == []
    assert incoming(s3_server, tmp_path) == []


@pytest.mark.parametrize("part", ["web.direct_uploads.uploads.add_file", "shared.s3_uploads.S3Uploads.discard"])
def test_who_is_cut_off_tells_the_end_once_more(portal: Portal, monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    submission = portal.open_submission()
    upload = begun(portal, submission)
    assert send(upload) == 200

    def fail(*_: object) -> None:
        raise TransientError("cut off")

    with monkeypatch.context() as patch:
        patch.setattr(part, fail)
        error_of(finish(portal, upload), 503)
    answer = finish(portal, upload)
    assert answer.status_code in (200, 201)
    assert [job["id"] for job in portal.json("/jobs", submission_id=submission)["items"]] == [answer.get_json()["id"]]


def test_of_several_that_tell_the_end_at_once_one_makes_the_job(portal: Portal) -> None:
    upload = begun(portal, portal.open_submission())
    assert send(upload) == 200
    together = threading.Barrier(3, timeout=30)
    answers: list[TestResponse] = []

    def tell() -> None:
        client = portal.app.test_client()
        together.wait()
        answers.append(client.post(f"{API}/direct-uploads/{upload['id']}/finish"))

    threads = [threading.Thread(target=tell) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(answer.status_code for answer in answers) == [200, 200, 201]
    assert len({answer.get_json()["id"] for answer in answers}) == 1


def expire(database: Database) -> None:
    with database.writing() as session:
        session.execute(update(UploadRow).values(expires_at=database_time(-1)))


def test_an_upload_without_its_end_expires_and_its_row_is_removed(portal: Portal) -> None:
    upload = begun(portal, portal.open_submission())
    assert send(upload) == 200
    expire(portal.database)
    assert error_of(finish(portal, upload), 410)["code"] == "upload_expired"
    with portal.database.writing() as session:
        assert resumable.remove_expired(session, portal.app.extensions["saemi"].spool) == 1
    assert error_of(finish(portal, upload), 404)["code"] == "upload_not_found"


def test_what_cannot_go_past_the_portal_is_refused_before_it_is_sent(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    submission = portal.open_submission()
    assert error_of(begin(portal, submission, n_bytes=MAX_UPLOAD_BYTES + 1), 413)["code"] == "file_too_large"
    monkeypatch.setattr("shared.s3_uploads.S3Uploads.MAX_BYTES", 500)
    error = error_of(begin(portal, submission, n_bytes=501), 413)
    assert (error["code"], "in pieces" in error["message"]) == ("too_large_for_store", True)
    assert error_of(begin(portal, 77), 404)["code"] == "submission_not_found"
    for wrong in ({"n_bytes": -1}, {"name": ""}, {"sha256": "x"}, {"further": 1}):
        assert error_of(begin(portal, submission, **wrong), 422)["code"] == "invalid_request"
    assert error_of(finish(portal, {"id": "0" * 32}), 404)["code"] == "upload_not_found"
    assert error_of(finish(portal, {"id": "../blobs"}), 404)


@pytest.mark.parametrize("kind", ["inner_portal", "folder_portal"])
def test_where_browsers_do_not_reach_the_store_files_go_through_the_portal(kind: str, request: pytest.FixtureRequest) -> None:
    portal: Portal = request.getfixturevalue(kind)
    assert error_of(begin(portal, portal.open_submission()), 409)["code"] == "no_public_store"
    assert error_of(finish(portal, {"id": "0" * 32}), 409)["code"] == "no_public_store"
    assert 'data-max-direct-bytes="0"' in portal.http.get("/").text


def test_the_page_is_told_how_much_may_go_to_the_store(portal: Portal) -> None:
    assert 'data-max-direct-bytes="5000000000"' in portal.http.get("/").text


def test_the_bucket_takes_files_from_pages_of_the_portal_once_it_is_told_so(
    s3_server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**s3_server.settings(tmp_path.name), "s3_public_url": s3_server.address}.items():
        monkeypatch.setenv(f"SAEMI_{name.upper()}", value)
    client = s3_client(s3_server.access, s3_server.address)
    foreign = {"AllowedOrigins": ["https://viewer.example.org"], "AllowedMethods": ["GET"], "AllowedHeaders": ["*"]}
    client.put_bucket_cors(Bucket=BUCKET, CORSConfiguration={"CORSRules": [foreign]})
    assert invoke("admin", "cors", "https://another.example.org").exit_code == 0
    refused = invoke("admin", "cors", "--check", ORIGIN)
    assert (refused.exit_code, "takes nothing from pages" in str(refused.exception)) == (1, True)
    for further in ((), ("--check",)):
        allowed = invoke("admin", "cors", *further, ORIGIN)
        assert allowed.exit_code == 0, allowed.output
    assert invoke("admin", "cors", "--check", "https://another.example.org").exit_code == 1, "the rule of before is replaced"
    rules = client.get_bucket_cors(Bucket=BUCKET)["CORSRules"]
    assert [rule["AllowedOrigins"] for rule in rules] == [["https://viewer.example.org"], [ORIGIN]]
    client.delete_bucket_cors(Bucket=BUCKET)  # others use this bucket
    assert invoke("admin", "cors", "saemi.example.org/portal").exit_code == 2
    monkeypatch.setenv("SAEMI_S3_PUBLIC_URL", "")
    assert "SAEMI_S3_PUBLIC_URL is empty" in str(invoke("admin", "cors", ORIGIN).exception)
