"""What the API answers where side-cars come with images, and what it takes for files with several images."""

import pytest

from shared.leases import JobState
from shared.models import JobRow
from tests.unit.web.opened_portal import Portal, error_of


def test_a_side_car_is_stored_without_a_job_and_answers_what_it_is(either_portal: Portal) -> None:
    submission = either_portal.open_submission()
    answers = [either_portal.put(submission, b"$CM_FORMAT", "lot/a.TXT") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 200]
    first, second = (answer.get_json() for answer in answers)
    assert first == second
    assert (first["kind"], first["name"], first["n_bytes"], first["has_image"]) == ("side_car", "lot/a.TXT", 10, False)
    assert either_portal.store.exists(first["sha256"])
    shown = either_portal.json(f"/submissions/{submission}")
    assert (shown["counts"]["total"], shown["side_car_counts"]) == (0, {"total": 1, "without_image": 1})


def test_an_image_answers_that_it_is_a_job_and_its_side_car_then_has_an_image(either_portal: Portal) -> None:
    submission = either_portal.open_submission()
    either_portal.put(submission, b"text", "a.hdr")
    job = either_portal.put(submission, b"image", "a.tif").get_json()
    assert (job["kind"], job["state"], job["image_index"], job["n_images"]) == ("job", "queued", 0, None)
    (listed,) = either_portal.json("/submissions")["items"]
    assert listed["side_car_counts"] == {"total": 1, "without_image": 0}


def test_another_side_car_of_the_same_name_is_a_conflict(either_portal: Portal) -> None:
    submission = either_portal.open_submission()
    either_portal.put(submission, b"one", "a.txt")
    error = error_of(either_portal.put(submission, b"two", "a.txt"), 409)
    assert error["code"] == "side_car_differs"
    assert "a.txt" in error["message"]


def test_side_cars_are_listed_in_pages_and_those_without_an_image_by_themselves(portal: Portal) -> None:
    submission = portal.open_submission()
    for name in ("a.txt", "b.txt", "c.txt"):
        portal.put(submission, name.encode(), name)
    portal.put(submission, b"image", "b.tif")
    first = portal.json(f"/submissions/{submission}/side-cars", limit=2)
    rest = portal.json(f"/submissions/{submission}/side-cars", limit=2, cursor=first["next_cursor"])
    assert [item["name"] for item in first["items"] + rest["items"]] == ["c.txt", "b.txt", "a.txt"]
    assert rest["next_cursor"] is None
    for has_image, names in (("false", ["c.txt", "a.txt"]), ("true", ["b.txt"])):
        found = portal.json(f"/submissions/{submission}/side-cars", has_image=has_image)
        assert [item["name"] for item in found["items"]] == names
    error_of(portal.get("/submissions/99/side-cars"), 404)


def test_an_emi_waits_as_a_job_until_its_ser_comes(either_portal: Portal) -> None:
    submission = either_portal.open_submission()
    assert either_portal.put(submission, b"emi", "x.emi").get_json()["kind"] == "side_car"
    (job,) = either_portal.json("/jobs", submission_id=submission)["items"]
    assert (job["source_name"], job["state"]) == ("x.emi", "queued")
    either_portal.put(submission, b"ser", "x_1.ser")
    (job,) = either_portal.json("/jobs", submission_id=submission)["items"]
    assert job["source_name"] == "x_1.ser"
    assert either_portal.put(submission, b"emi", "x.emi").status_code == 200
    assert either_portal.json(f"/submissions/{submission}")["counts"]["total"] == 1


@pytest.mark.parametrize(("body", "images"), [({}, "first"), ({"images": "first"}, "first"), ({"images": "all"}, "all")])
def test_a_submission_takes_the_first_image_of_a_file_or_all(either_portal: Portal, body: dict[str, str], images: str) -> None:
    submission = either_portal.open_submission(**body)
    assert either_portal.json(f"/submissions/{submission}")["images"] == images


def test_other_choices_of_images_are_refused(portal: Portal) -> None:
    error_of(portal.http.post("/api/v1/submissions", json={"project": "gold", "images": "last"}), 422)


def test_the_submit_page_offers_each_image_and_keeps_the_choice_of_a_link(portal: Portal) -> None:
    assert '<option value="all">each image</option>' in portal.http.get("/").text
    assert '<option value="all" selected>each image</option>' in portal.http.get("/?images=all").text


def test_the_page_of_a_submission_counts_side_cars_and_names_those_of_no_image(portal: Portal) -> None:
    submission = portal.open_submission()
    assert "Side-cars" not in portal.http.get(f"/submissions/{submission}").text
    portal.put(submission, b"image", "a.tif")
    portal.put(submission, b"text", "a.txt")
    assert "to no image" not in portal.http.get(f"/submissions/{submission}").text
    portal.put(submission, b"diary", "<notes>.txt")
    page = portal.http.get(f"/submissions/{submission}").text
    assert "2 <small>1 belongs to no image: &lt;notes&gt;.txt</small>" in page
    for number in range(11):
        portal.put(submission, b"diary", f"{number}.txt")
    assert "12 belong to no image: 10.txt, 9.txt" in portal.http.get(f"/submissions/{submission}").text


def test_pages_and_the_summary_name_which_image_of_a_file_it_is(portal: Portal) -> None:
    submission = portal.open_submission(images="all")
    first = portal.put(submission, b"image", "stack.tif").get_json()
    with portal.database.writing() as session:
        values = {"submission_id": submission, "image_sha256": first["image_sha256"], "source_name": "stack.tif"}
        ended = {"state": JobState.FAILED, "attempts": 1, "created_at": session.get_one(JobRow, first["id"]).created_at}
        session.add(JobRow(**values, **ended, image_index=2, n_images=12))
    assert "stack.tif, image 3 of 12" in portal.http.get(f"/submissions/{submission}").text
    rows = portal.get(f"/submissions/{submission}/summary.csv").text.splitlines()
    assert [row.split(",")[-4:-2] for row in rows] == [["image", "n_images"], ["1", ""], ["3", "12"]]
