"""Asking which files need no upload: what is known becomes a job at once, the rest is named, and bad names stop nothing."""

import hashlib
from typing import Any

import pytest

from tests.unit.web.opened_portal import API, Portal, error_of

JSON = "application/json"


def described(name: str, content: bytes = b"bytes") -> dict[str, Any]:
    return {"name": name, "sha256": hashlib.sha256(content).hexdigest(), "n_bytes": len(content)}


def ask(portal: Portal, submission: int, *files: dict[str, Any]) -> Any:
    answer = portal.http.post(f"{API}/submissions/{submission}/known-files", json={"files": files})
    assert answer.status_code == 200, answer.text
    return answer.get_json()


def test_what_is_known_becomes_a_job_and_the_rest_is_named(either_portal: Portal) -> None:
    either_portal.put(either_portal.open_submission(), b"bytes", "elsewhere.tif")
    submission = either_portal.open_submission()
    answer = ask(either_portal, submission, described("new.tif", b"new"), described("lot/a.tif"), described("b.tif"))
    assert answer == {"n_added": 2, "missing": ["new.tif"], "missing_positions": [0], "refused": []}
    items = either_portal.json("/jobs", submission_id=submission)["items"]
    assert sorted(job["source_name"] for job in items) == ["b.tif", "lot/a.tif"]
    assert {job["state"] for job in items} == {"queued"}
    assert len(either_portal.files()) == 1


def test_the_same_question_again_changes_nothing_and_an_upload_afterwards_finds_the_job(portal: Portal) -> None:
    portal.put(portal.open_submission(), b"bytes")
    submission = portal.open_submission()
    assert ask(portal, submission, described("a.tif"))["n_added"] == 1
    before = portal.json("/jobs", submission_id=submission)
    assert ask(portal, submission, described("a.tif"))["n_added"] == 0
    assert portal.put(submission, b"bytes", "a.tif").status_code == 200
    assert portal.json("/jobs", submission_id=submission) == before


def test_side_cars_are_known_as_well_and_find_their_images(portal: Portal) -> None:
    first = portal.open_submission()
    portal.put(first, b"side-car", "a.txt")
    portal.put(first, b"bytes", "a.tif")
    submission = portal.open_submission()
    assert ask(portal, submission, described("b.tif"), described("b.txt", b"side-car"))["n_added"] == 2
    (side_car,) = portal.json(f"/submissions/{submission}/side-cars")["items"]
    assert (side_car["name"], side_car["has_image"]) == ("b.txt", True)
    assert portal.json(f"/submissions/{submission}")["counts"]["total"] == 1


def test_an_image_waits_for_its_side_car_that_is_still_to_be_sent(portal: Portal) -> None:
    portal.put(portal.open_submission(), b"bytes")
    submission = portal.open_submission()
    question = (described("a.tif"), described("a.txt", b"side-car"), described("b.tif"))
    answer = ask(portal, submission, *question)
    assert (answer["n_added"], answer["missing_positions"]) == (1, [0, 1]), "analysed now, the image would be so twice"
    portal.put(submission, b"side-car", "a.txt")
    assert ask(portal, submission, *question)["missing"] == []
    assert portal.json(f"/submissions/{submission}")["counts"]["total"] == 2


def test_a_file_of_another_size_is_not_the_one_that_is_known(portal: Portal) -> None:
    portal.put(portal.open_submission(), b"bytes")
    assert ask(portal, portal.open_submission(), described("a.tif") | {"n_bytes": 4})["missing"] == ["a.tif"]


def test_a_file_that_the_store_has_lost_is_to_be_uploaded(portal: Portal) -> None:
    portal.put(portal.open_submission(), b"bytes")
    for path in portal.files():
        path.unlink()
    submission = portal.open_submission()
    assert ask(portal, submission, described("a.tif"))["missing"] == ["a.tif"]
    assert portal.put(submission, b"bytes", "a.tif").status_code == 201
    assert len(portal.files()) == 1


def test_a_bad_file_among_many_is_named_with_its_reason_and_the_others_go_on(portal: Portal) -> None:
    first = portal.open_submission()
    portal.put(first, b"bytes")
    portal.put(first, b"one", "a.txt")
    portal.put(first, b"two", "b.txt")
    submission = portal.open_submission()
    portal.put(submission, b"one", "a.txt")
    names = ("", "..", "x" * 3000, "good.tif", "half \ud800 a pair.tif", "con\x00trol\n.tif")
    answer = ask(portal, submission, *(described(name) for name in names), described("a.txt", b"two"))
    assert [(one["position"], one["code"]) for one in answer["refused"]] == [
        (0, "invalid_name"),
        (1, "invalid_name"),
        (2, "invalid_name"),
        (6, "side_car_differs"),
    ]
    assert (answer["n_added"], answer["missing"]) == (3, [])
    found = {job["source_name"] for job in portal.json("/jobs", submission_id=submission)["items"]}
    assert found == {"good.tif", "half  a pair.tif", "control.tif"}


def test_missing_files_are_named_as_the_portal_shows_them(portal: Portal) -> None:
    answer = ask(portal, portal.open_submission(), described("C:\\lot\\e\u0301.tif"), described("../\u202eb.tif"))
    assert (answer["missing"], answer["missing_positions"]) == (["lot/é.tif", "b.tif"], [0, 1])


@pytest.mark.parametrize(
    "file",
    [
        {"name": "a.tif"},
        described("a.tif") | {"sha256": "A" * 64},
        described("a.tif") | {"sha256": "a" * 63},
        described("a.tif") | {"sha256": "../" + "a" * 61},
        described("a.tif") | {"n_bytes": -1},
        described("a.tif") | {"n_bytes": 2**70},
        described("a.tif") | {"colour": "red"},
    ],
)
def test_a_question_that_does_not_fit_is_refused(portal: Portal, file: dict[str, Any]) -> None:
    answer = portal.http.post(f"{API}/submissions/{portal.open_submission()}/known-files", json={"files": [file]})
    assert error_of(answer, 422)["code"] == "invalid_request"


def test_five_thousand_files_are_one_question_and_one_more_is_refused(portal: Portal) -> None:
    submission = portal.open_submission()
    files = [described(f"{'folder of a long name/' * 8}{number}.tif", b"%d" % number) for number in range(5001)]
    assert len(ask(portal, submission, *files[:5000])["missing"]) == 5000
    answer = portal.http.post(f"{API}/submissions/{submission}/known-files", json={"files": files})
    assert error_of(answer, 422)["code"] == "invalid_request"
    error_of(portal.http.post(f"{API}/submissions/{submission}/known-files", data=b"[" * 9 * 2**20, content_type=JSON), 413)


def test_a_submission_that_does_not_exist_gets_nothing(portal: Portal) -> None:
    portal.put(portal.open_submission(), b"bytes")
    answer = portal.http.post(f"{API}/submissions/12345/known-files", json={"files": [described("a.tif")]})
    assert error_of(answer, 404)["code"] == "submission_not_found"
