"""Files in pieces over the tus protocol: what counts, what is refused, and that nothing is left behind."""

import hashlib
import io
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from sqlalchemy import update

from shared import resumable
from shared.database import database_time
from shared.errors import OperatorError, TransientError
from shared.models import JobRow
from shared.spool import Chunk, FolderSpool
from shared.upload_rows import UploadChunkRow, UploadRow
from tests.unit.web.opened_portal import API, MAX_UPLOAD_BYTES, Portal, error_of
from tests.unit.web.test_uploads_api import CutLine
from tests.unit.web.tus import TUS, begin_upload, checksum, chunk, creation, metadata, n_received, send
from web import resumable_uploads
from web.services import EXTENSION


def rows(portal: Portal, table: type[Any]) -> int:
    with portal.database.reading() as session:
        return session.query(table).count()


def pieces(portal: Portal) -> list[bytes]:
    """What lies in the spool."""
    return [path.read_bytes() for path in (portal.blobs / "uploads").rglob("*") if path.is_file()]


def test_the_portal_says_what_it_speaks(portal: Portal) -> None:
    answer = portal.http.options(f"{API}/uploads")
    assert answer.status_code in (200, 204)
    assert answer.headers["Tus-Resumable"] == answer.headers["Tus-Version"] == "1.0.0"
    assert answer.headers["Tus-Extension"].split(",") == ["creation", "termination", "checksum", "expiration"]
    assert answer.headers["Tus-Max-Size"] == str(MAX_UPLOAD_BYTES)
    assert answer.headers["Tus-Checksum-Algorithm"] == "sha1,sha256"


def test_a_file_that_comes_in_pieces_becomes_a_blob_and_a_job_and_nothing_else_is_left(either_portal: Portal) -> None:
    submission = either_portal.open_submission()
    opened = either_portal.http.post(f"{API}/uploads", headers=creation(submission, 9, "lot 7/日本語.tif"))
    assert opened.status_code == 201
    address = opened.headers["Location"]
    assert address == f"{API}/uploads/{opened.get_json()['id']}"
    for first_byte, content in ((0, b"one"), (3, b""), (3, b"two"), (6, b"end")):
        answer = either_portal.http.patch(address, headers=chunk(first_byte), data=content)
        assert (answer.status_code, answer.text) == (204, "")
        assert answer.headers["Upload-Offset"] == str(first_byte + len(content))
        assert answer.headers["Tus-Resumable"] == "1.0.0"
    assert [path.read_bytes() for path in either_portal.files()] == [b"onetwoend"]
    (job,) = either_portal.json("/jobs", submission_id=submission)["items"]
    sha256 = hashlib.sha256(b"onetwoend").hexdigest()
    assert (job["source_name"], job["image_sha256"], job["state"]) == ("lot 7/日本語.tif", sha256, "queued")
    assert rows(either_portal, UploadChunkRow) == 0


def test_who_lost_the_last_answer_learns_that_the_file_is_complete(portal: Portal) -> None:
    upload = begin_upload(portal, portal.open_submission())
    assert send(portal, upload, 0, b"123").status_code == 204
    head = portal.http.head(f"{API}/uploads/{upload}", headers=TUS)
    assert (head.headers["Upload-Offset"], head.headers["Upload-Length"], head.text) == ("3", "3", "")
    shown = portal.json(f"/uploads/{upload}")
    assert (shown["n_received"], shown["sha256"]) == (3, hashlib.sha256(b"123").hexdigest())
    assert send(portal, upload, 3, b"").status_code == 204
    assert rows(portal, JobRow) == 1


def test_an_upload_says_when_it_expires_and_a_piece_puts_that_off(portal: Portal) -> None:
    upload = begin_upload(portal, portal.open_submission())
    with portal.database.writing() as session:
        session.execute(update(UploadRow).values(expires_at=database_time(60)))
    before = parsedate_to_datetime(portal.get(f"/uploads/{upload}").headers["Upload-Expires"])
    after = parsedate_to_datetime(send(portal, upload, 0, b"1").headers["Upload-Expires"])
    assert after - before > timedelta(hours=23)


def test_an_empty_file_is_complete_when_it_is_opened(portal: Portal) -> None:
    upload = begin_upload(portal, portal.open_submission(), 0)
    assert portal.json(f"/uploads/{upload}")["completed_at"]
    assert rows(portal, JobRow) == 1
    assert pieces(portal) == []


def test_a_side_car_in_pieces_is_kept_as_a_side_car(portal: Portal) -> None:
    submission = portal.open_submission()
    send(portal, begin_upload(portal, submission, name="a.hdr"), 0, b"123")
    assert [one["name"] for one in portal.json(f"/submissions/{submission}/side-cars")["items"]] == ["a.hdr"]
    assert rows(portal, JobRow) == 0


def test_a_request_longer_than_a_chunk_counts_chunk_by_chunk(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resumable_uploads, "CHUNK_BYTES", 10)
    upload = begin_upload(portal, portal.open_submission(), 100)
    assert send(portal, upload, 0, b"x" * 35).headers["Upload-Offset"] == "35"
    assert sorted(map(len, pieces(portal))) == [5, 10, 10, 10]
    assert send(portal, upload, 35, b"y" * 65).status_code == 204
    assert [path.read_bytes() for path in portal.files()] == [b"x" * 35 + b"y" * 65]


@pytest.mark.parametrize("states_length", [True, False])
def test_what_came_before_the_line_broke_counts(portal: Portal, states_length: bool) -> None:
    upload = begin_upload(portal, portal.open_submission(), 900)
    length = {"CONTENT_LENGTH": "900"} if states_length else {"CONTENT_LENGTH": "", "wsgi.input_terminated": True}
    send(portal, upload, 0, b"", environ_overrides={"wsgi.input": CutLine()} | length)
    assert n_received(portal, upload) == 5
    assert pieces(portal) == [b"bytes"]
    assert send(portal, upload, 5, b"x" * 895).status_code == 204
    assert rows(portal, JobRow) == 1


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_a_piece_whose_checksum_differs_does_not_count(portal: Portal, algorithm: str) -> None:
    upload = begin_upload(portal, portal.open_submission(), 6)
    right = {"Upload-Checksum": checksum(algorithm, b"abc")}
    assert error_of(send(portal, upload, 0, b"abX", headers=right), 460)["code"] == "checksum_differs"
    assert error_of(send(portal, upload, 0, b"ab", headers=right), 460)["code"] == "checksum_differs"
    assert (n_received(portal, upload), pieces(portal)) == (0, [])
    assert send(portal, upload, 0, b"abc", headers=right).status_code == 204
    assert n_received(portal, upload) == 3


@pytest.mark.parametrize("stated", ["md5 AAAA", "sha1", "sha1 §", ""])
def test_a_checksum_that_is_none_is_refused(portal: Portal, stated: str) -> None:
    upload = begin_upload(portal, portal.open_submission())
    answer = send(portal, upload, 0, b"123", headers={"Upload-Checksum": stated})
    assert answer.status_code in (400, 460)
    assert n_received(portal, upload) == 0


def test_a_piece_at_the_wrong_place_is_refused_and_told_where_to_go_on(portal: Portal) -> None:
    upload = begin_upload(portal, portal.open_submission(), 6)
    send(portal, upload, 0, b"123")
    for wrong in (0, 2, 4, 6, 10**15):
        error = error_of(send(portal, upload, wrong, b"456"), 409)
        assert (error["code"], error["details"]) == ("upload_offset_differs", {"offset": 3})
    for no_number in ("-1", "x", ""):
        error_of(send(portal, upload, 0, b"456", headers={"Upload-Offset": no_number}), 422)
    assert (n_received(portal, upload), pieces(portal)) == (3, [b"123"])


@pytest.mark.parametrize("states_length", [True, False])
def test_more_bytes_than_the_file_was_to_have_are_refused(portal: Portal, states_length: bool) -> None:
    upload = begin_upload(portal, portal.open_submission(), 3)
    body: dict[str, Any] = {"environ_overrides": {"wsgi.input": io.BytesIO(b"1234"), "wsgi.input_terminated": True}}
    answer = send(portal, upload, 0, b"1234") if states_length else send(portal, upload, 0, b"", **body)
    assert error_of(answer, 413)["code"] == "upload_too_long"
    assert (n_received(portal, upload), pieces(portal), rows(portal, JobRow)) == (0, [], 0)


def test_a_file_that_is_too_large_is_refused_before_its_first_byte(portal: Portal) -> None:
    submission = portal.open_submission()
    answer = portal.http.post(f"{API}/uploads", headers=creation(submission, MAX_UPLOAD_BYTES + 1))
    assert error_of(answer, 413)["code"] == "file_too_large"
    assert rows(portal, UploadRow) == 0


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Upload-Length": "-1"}, 422, "invalid_request"),
        ({"Upload-Length": "many"}, 422, "invalid_request"),
        ({"Upload-Metadata": ""}, 422, "invalid_metadata"),
        ({"Upload-Metadata": metadata(submission_id="1")}, 422, "invalid_name"),
        ({"Upload-Metadata": metadata(filename="a.tif")}, 422, "invalid_metadata"),
        ({"Upload-Metadata": metadata(filename="a.tif", submission_id="one")}, 422, "invalid_metadata"),
        ({"Upload-Metadata": metadata(filename="..", submission_id="1")}, 422, "invalid_name"),
        ({"Upload-Metadata": metadata(filename=b"\xff", submission_id="1")}, 422, "invalid_metadata"),
        ({"Upload-Metadata": "filename §§§"}, 422, "invalid_metadata"),
        ({"Upload-Metadata": metadata(filename="a", submission_id="1", sha256="A" * 64)}, 422, "invalid_metadata"),
        ({"Upload-Metadata": metadata(filename="a", submission_id="12345")}, 404, "submission_not_found"),
        ({"Tus-Resumable": "0.2.2"}, 412, "tus_version"),
    ],
)
def test_an_upload_that_does_not_fit_is_not_opened(portal: Portal, headers: dict[str, str], status: int, code: str) -> None:
    assert portal.open_submission() == 1
    answer = portal.http.post(f"{API}/uploads", headers=creation(1, 3) | headers)
    assert error_of(answer, status)["code"] == code
    assert answer.headers["Tus-Resumable"] == "1.0.0"
    assert rows(portal, UploadRow) == 0


def test_a_request_without_the_protocol_is_refused_and_told_the_version(portal: Portal) -> None:
    upload = begin_upload(portal, portal.open_submission())
    for method in ("HEAD", "PATCH", "DELETE"):
        answer = portal.http.open(f"{API}/uploads/{upload}", method=method, headers={"Upload-Offset": "0"})
        assert (answer.status_code, answer.headers["Tus-Version"]) == (412, "1.0.0")
    error_of(send(portal, upload, 0, b"123", headers={"Content-Type": "text/plain"}), 415)
    assert n_received(portal, upload) == 0


@pytest.mark.parametrize("upload", ["0" * 32, "A" * 32, "..", "x", "%00"])
def test_an_unknown_upload_is_not_found(portal: Portal, upload: str) -> None:
    for method in ("GET", "PATCH", "DELETE"):
        answer = portal.http.open(f"{API}/uploads/{upload}", method=method, headers=chunk(0), data=b"")
        assert answer.status_code in (404, 422)
        error_of(answer, answer.status_code)
    assert not (portal.blobs / "uploads").exists()


def test_control_characters_leave_the_name(portal: Portal) -> None:
    upload = begin_upload(portal, portal.open_submission(), name="../a\x00b\u202e\n.tif")
    assert portal.json(f"/uploads/{upload}")["name"] == "ab.tif"


def test_an_upload_that_is_given_up_is_gone_with_all_that_came(portal: Portal) -> None:
    upload = begin_upload(portal, portal.open_submission())
    send(portal, upload, 0, b"12")
    assert portal.http.delete(f"{API}/uploads/{upload}", headers=TUS).status_code == 204
    for answer in (send(portal, upload, 2, b"3"), portal.get(f"/uploads/{upload}")):
        assert error_of(answer, 404)["code"] == "upload_not_found"
    error_of(portal.http.delete(f"{API}/uploads/{upload}", headers=TUS), 404)
    assert (pieces(portal), rows(portal, UploadRow), rows(portal, JobRow)) == ([], 0, 0)


def test_an_upload_that_has_expired_goes_on_no_more(portal: Portal) -> None:
    upload = begin_upload(portal, portal.open_submission())
    send(portal, upload, 0, b"12")
    with portal.database.writing() as session:
        session.execute(update(UploadRow).values(expires_at=database_time(-1)))
    assert error_of(send(portal, upload, 2, b"3"), 410)["code"] == "upload_expired"
    assert portal.http.head(f"{API}/uploads/{upload}", headers=TUS).status_code == 410
    with portal.database.writing() as session:
        assert resumable.remove_expired(session, portal.app.extensions[EXTENSION].spool) == 1
    assert (pieces(portal), rows(portal, UploadRow), rows(portal, JobRow)) == ([], 0, 0)


def test_a_file_that_is_not_the_one_that_was_announced_is_refused_with_all_that_came(portal: Portal) -> None:
    submission = portal.open_submission()
    upload = begin_upload(portal, submission, 6, sha256=hashlib.sha256(b"123456").hexdigest())
    send(portal, upload, 0, b"123")
    assert error_of(send(portal, upload, 3, b"45X"), 422)["code"] == "upload_altered"
    assert (pieces(portal), rows(portal, UploadRow), rows(portal, JobRow)) == ([], 0, 0)
    again = begin_upload(portal, submission, 6, sha256=hashlib.sha256(b"123456").hexdigest())
    assert send(portal, again, 0, b"123456").status_code == 204


class FullSpool(FolderSpool):
    """A disk on which nothing more fits."""

    def write(self, upload_id: str, pieces: object) -> Chunk:
        raise OperatorError("The disk of the file store is full.", code="storage_full")


def test_a_full_disk_is_said_and_the_upload_goes_on_when_there_is_room(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = begin_upload(portal, portal.open_submission())
    send(portal, upload, 0, b"12")
    with monkeypatch.context() as full:
        full.setattr(FolderSpool, "write", FullSpool.write)
        assert error_of(send(portal, upload, 2, b"3"), 507)["code"] == "storage_full"
    assert n_received(portal, upload) == 2
    assert send(portal, upload, 2, b"3").status_code == 204


def test_a_database_that_goes_away_at_the_last_moment_costs_the_last_piece_at_most(
    portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = begin_upload(portal, portal.open_submission(), 6)
    send(portal, upload, 0, b"123")

    def away(*_: object) -> None:
        raise TransientError("The database does not answer at the moment.", code="database_unavailable")

    with monkeypatch.context() as outage:
        outage.setattr(resumable, "complete", away)
        error_of(send(portal, upload, 3, b"456"), 503)
    assert (n_received(portal, upload), rows(portal, JobRow)) == (3, 0)
    assert send(portal, upload, 3, b"456").status_code == 204
    assert rows(portal, JobRow) == 1
    assert [path.read_bytes() for path in portal.files()] == [b"123456"]


def test_pieces_take_the_places_that_uploads_have(portal: Portal) -> None:
    upload = begin_upload(portal, portal.open_submission())
    slots = portal.app.extensions[EXTENSION].upload_slots
    while slots.acquire(blocking=False):
        pass
    assert error_of(send(portal, upload, 0, b"123"), 503)["code"] == "uploads_busy"
    slots.release()
    assert send(portal, upload, 0, b"123").status_code == 204
