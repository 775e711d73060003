"""Manifests through the API: taken whole or not at all, matched whenever files come, looked for; on both databases alike."""

import csv
import io
from typing import Any

import pytest
from werkzeug.test import TestResponse

from shared import archives
from shared.archives import RefusedMember, StoredMember
from shared.spreadsheets import MAX_BYTES
from shared.storage import BlobInfo, put_bytes
from tests.unit.web.opened_portal import API, Portal, error_of
from tests.unit.web.test_known_files_api import ask, described

TABLE = b"file;Sample;Batch;Note\nday 1\\a.tif;S1;12;first\nb.tif;;12;\nc.tif;S3;;12\n"


def put(portal: Portal, submission: int, content: bytes = TABLE, name: str = "lot.csv") -> TestResponse:
    return portal.http.put(f"{API}/submissions/{submission}/manifest", query_string={"name": name}, data=content)


def states(portal: Portal, submission: int) -> dict[str, str | None]:
    """What each entry means, or why it means nothing."""
    items = portal.json(f"/submissions/{submission}/manifest")["items"]
    return {item["file"]: item["source_name"] or item["state"] for item in items}


def said_of(portal: Portal, submission: int) -> dict[str, tuple[Any, Any]]:
    """Sample and metadata of each file by its job."""
    items = portal.json("/jobs", submission_id=submission)["items"]
    return {job["source_name"]: (job["sample"], job["metadata"]) for job in items}


SAID = {
    "day 1/a.tif": ("S1", {"Batch": "12", "Note": "first"}),
    "lot/b.tif": ("lot sample", {"Batch": "12"}),
    "d.tif": ("lot sample", {}),
}


@pytest.mark.parametrize("is_first", [True, False], ids=["before", "after"])
def test_a_manifest_says_the_same_whether_it_comes_before_the_files_or_after(either_portal: Portal, is_first: bool) -> None:
    submission = either_portal.open_submission(sample="lot sample")
    if is_first:
        assert put(either_portal, submission).status_code == 200
    jobs = {name: either_portal.put(submission, name.encode(), name).get_json() for name in SAID}
    if not is_first:
        assert put(either_portal, submission).status_code == 200
    assert said_of(either_portal, submission) == SAID
    assert states(either_portal, submission) == {"day 1/a.tif": "day 1/a.tif", "b.tif": "lot/b.tif", "c.tif": "missing"}
    shown = either_portal.json(f"/submissions/{submission}/manifest")
    assert shown["counts"] == {"total": 3, "here": 2, "missing": 1, "ambiguous": 0, "files_without_entry": 1}
    assert (shown["name"], shown["keys"]) == ("lot.csv", ["Batch", "Note"])
    assert either_portal.json(f"/jobs/{jobs['day 1/a.tif']['id']}")["sample"] == "S1"
    if is_first:
        assert jobs["day 1/a.tif"]["metadata"] == {"Batch": "12", "Note": "first"}


def test_the_summary_has_the_sample_and_a_column_for_each_key(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.manifests.CHUNK", 2)  # so that three files are more than one question
    submission = portal.open_submission(sample="lot sample")
    for name in SAID:
        portal.put(submission, name.encode(), name)
    put(portal, submission)
    rows = csv.DictReader(io.StringIO(portal.http.get(f"{API}/submissions/{submission}/summary.csv").text))
    found = {row["file"]: (row["sample"], row["metadata: Batch"], row["metadata: Note"]) for row in rows}
    assert found == {
        "day 1/a.tif": ("S1", "12", "first"),
        "lot/b.tif": ("lot sample", "12", ""),
        "d.tif": ("lot sample", "", ""),
    }


def test_files_are_matched_by_whatever_way_they_come(either_portal: Portal) -> None:
    either_portal.put(either_portal.open_submission(), b"bytes", "elsewhere.tif")
    submission = either_portal.open_submission()
    names = ("known.tif", "side.txt", "day 1/member.tif", "bad.exe")
    put(either_portal, submission, "\n".join(["file,sample", *(f"{name},of {name}" for name in names)]).encode())
    ask(either_portal, submission, described("lot/known.tif"))
    either_portal.put(submission, b"text", "side.txt")
    blob = BlobInfo(put_bytes(either_portal.store, b"member"), 6)
    archive = either_portal.put(submission, b"archive", "lot.zip").get_json()["image_sha256"]
    with either_portal.database.writing() as session:
        stored = [StoredMember("lot.zip/day 1/member.tif", blob)]
        archives.add_members(session, submission, archive, stored, [RefusedMember("lot.zip/bad.exe", "refused", "It is bad.")])
    wanted = ("lot/known.tif", "side.txt", "lot.zip/day 1/member.tif", "lot.zip/bad.exe")
    assert states(either_portal, submission) == dict(zip(names, wanted, strict=True))
    assert said_of(either_portal, submission)["lot.zip/day 1/member.tif"][0] == "of day 1/member.tif"


def test_a_name_that_several_files_end_with_counts_for_none_of_them(either_portal: Portal) -> None:
    submission = either_portal.open_submission()
    put(either_portal, submission, b"file,sample\na.tif,S1\n")
    either_portal.put(submission, b"one", "day 1/a.tif")
    assert said_of(either_portal, submission) == {"day 1/a.tif": ("S1", {})}
    either_portal.put(submission, b"two", "day 2/a.tif")
    assert said_of(either_portal, submission) == {"day 1/a.tif": (None, {}), "day 2/a.tif": (None, {})}
    (entry,) = either_portal.json(f"/submissions/{submission}/manifest", state="ambiguous")["items"]
    assert (entry["line"], entry["state"], entry["source_name"]) == (2, "ambiguous", None)


def test_another_manifest_takes_the_place_of_the_first_and_the_same_one_changes_nothing(either_portal: Portal) -> None:
    submission = either_portal.open_submission(sample="lot sample")
    for name in SAID:
        either_portal.put(submission, name.encode(), name)
    for _ in range(2):
        put(either_portal, submission)
        assert said_of(either_portal, submission) == SAID
    put(either_portal, submission, b"name,Batch\nd.tif,13\n", "second.csv")
    assert said_of(either_portal, submission)["d.tif"] == ("lot sample", {"Batch": "13"})
    assert said_of(either_portal, submission)["day 1/a.tif"] == ("lot sample", {})
    assert either_portal.json("/jobs", metadata="batch:12")["items"] == []
    for _ in range(2):
        assert either_portal.http.delete(f"{API}/submissions/{submission}/manifest").status_code == 204
    assert said_of(either_portal, submission)["d.tif"] == ("lot sample", {})
    assert error_of(either_portal.get(f"/submissions/{submission}/manifest"), 404)["code"] == "manifest_not_found"


def test_a_manifest_with_wrong_lines_is_refused_whole_and_all_of_them_are_named(portal: Portal) -> None:
    submission = portal.open_submission()
    put(portal, submission)
    bad = b"file,sample\na.tif,S1\n,S2\na.tif,S3\n..,S4\n"
    for answer in (put(portal, submission, bad), portal.http.post(f"{API}/manifest-checks", data=bad)):
        error = error_of(answer, 422)
        assert (error["code"], error["details"]["n_problems"]) == ("manifest_refused", 3)
        assert [problem["line"] for problem in error["details"]["problems"]] == [3, 4, 5]
    assert len(states(portal, submission)) == 3, "the manifest that was there holds"


def test_what_is_no_table_or_too_large_is_refused_with_one_clear_error(portal: Portal) -> None:
    submission = portal.open_submission()
    assert error_of(put(portal, submission, b"\x89PNG\r\n\x1a\n\0\0"), 422)["code"] == "table_unreadable"
    assert error_of(put(portal, submission, b"x" * (MAX_BYTES + 1)), 413)["code"] == "table_too_large"
    assert error_of(put(portal, 12345), 404)["code"] == "submission_not_found"
    assert error_of(put(portal, submission, name="a\nb"), 422)["code"] == "invalid_request"


def test_a_manifest_is_checked_without_being_kept(portal: Portal) -> None:
    answer = portal.http.post(f"{API}/manifest-checks", data=TABLE)
    assert answer.get_json() == {"n_entries": 3, "keys": ["Batch", "Note"], "n_samples": 2}


def test_entries_come_in_pages_and_the_download_can_be_handed_in_again(portal: Portal) -> None:
    submission = portal.open_submission()
    put(portal, submission)
    first = portal.json(f"/submissions/{submission}/manifest", limit=2)
    rest = portal.json(f"/submissions/{submission}/manifest", limit=2, cursor=first["next_cursor"])
    assert [item["line"] for page in (first, rest) for item in page["items"]] == [2, 3, 4]
    assert rest["next_cursor"] is None
    content = portal.get(f"/submissions/{submission}/manifest.csv")
    assert content.text == "file,sample,Batch,Note\nday 1/a.tif,S1,12,first\nb.tif,,12,\nc.tif,S3,,12\n"
    put(portal, submission, content.data)
    assert portal.get(f"/submissions/{submission}/manifest.csv").data == content.data


FOUND: list[tuple[dict[str, Any], set[str]]] = [
    ({"sample": "S1"}, {"day 1/a.tif"}),
    ({"sample": "lot sample"}, {"lot/b.tif", "d.tif"}),
    ({"sample": "other"}, {"e.tif"}),
    ({"sample": "s1"}, set()),
    ({"metadata": "batch:12"}, {"day 1/a.tif", "lot/b.tif"}),
    ({"metadata": " BATCH : 12 "}, {"day 1/a.tif", "lot/b.tif"}),
    ({"metadata": "batch:1"}, set()),
    ({"metadata": "note:12"}, set()),
    ({"metadata": ["batch:12", "note:first"]}, {"day 1/a.tif"}),
    ({"metadata": "batch:12", "sample": "lot sample"}, {"lot/b.tif"}),
    ({"metadata": "batch:12", "sample": "S3"}, set()),
    ({"metadata": "taken: at:10:30"}, {"e.tif"}),
]


def test_jobs_and_analyses_are_found_by_sample_and_metadata(either_portal: Portal) -> None:
    submission = either_portal.open_submission(sample="lot sample")
    put(either_portal, submission)
    other = either_portal.open_submission(sample="other")
    put(either_portal, other, b"file,taken: at\ne.tif,10:30\n")
    for name in SAID:
        either_portal.put(submission, name.encode(), name)
    either_portal.put(other, b"e", "e.tif")
    for query, wanted in FOUND:
        items = either_portal.json("/jobs", **query)["items"]
        assert {job["source_name"] for job in items} == wanted, query
    assert len(either_portal.json("/jobs", sample="lot sample", state="queued", submission_id=submission)["items"]) == 2
    assert either_portal.json("/jobs", sample="lot sample", submission_id=other)["items"] == []


def test_an_analysis_that_submissions_share_is_found_by_what_each_of_them_says(either_portal: Portal) -> None:
    number = either_portal.analysed(name="a.tif")
    (job,) = either_portal.json("/jobs")["items"]
    put(either_portal, job["submission_id"], b"file,sample,batch\na.tif,S1,12\n")
    either_portal.analysed(name="other.tif")
    for query in ({"sample": "S1"}, {"metadata": "batch:12"}, {"sample": "S1", "submission_id": job["submission_id"]}):
        (found,) = either_portal.json("/analyses", **query)["items"]
        assert found["id"] == number
        (origin,) = found["origins"]
        assert origin == {
            "job_id": job["id"],
            "submission_id": job["submission_id"],
            "source_name": "a.tif",
            "sample": "S1",
            "metadata": {"batch": "12"},
        }
    assert either_portal.json("/analyses", sample="S1", submission_id=job["submission_id"] + 1)["items"] == []
    assert either_portal.json(f"/analyses/{number}")["origins"][0]["sample"] == "S1"


@pytest.mark.parametrize("query", [{"metadata": "batch"}, {"metadata": ":12"}, {"metadata": "batch: "}, {"sample": ""}])
def test_a_condition_that_is_none_is_refused(portal: Portal, query: dict[str, str]) -> None:
    for path in ("/jobs", "/analyses"):
        assert error_of(portal.get(path, **query), 422)["code"] == "invalid_request"
