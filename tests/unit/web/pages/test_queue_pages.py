"""What pages say of work under way: who holds it up, what failed and why, what can be done, and who uses what."""

import re

from flask.testing import FlaskClient

from shared import actions, election, submissions, workers
from shared.actions import Action
from shared.database import Database
from shared.domain import PIPELINE_VERSION, Parameters
from shared.jobs import JobState
from shared.queues import QUEUES
from shared.workers import WorkerDescription
from tests.unit.web.pages.rows import add_job, page
from web.pages.standing import about

WORKER = WorkerDescription("saemi@here", "microscope-pc", "1", PIPELINE_VERSION, "cpu", list(QUEUES), 2)


def start_processes(database: Database) -> None:
    with database.writing() as session:
        workers.register(session, WORKER)
        election.hold_office(session, election.SCHEDULER, "me", 60.0)


def buttons(html: str) -> list[str]:
    return re.findall(r'data-act="([^"]+)"', html)


def test_a_submission_that_nobody_works_on_says_so(client: FlaskClient, portal_database: Database) -> None:
    add_job(portal_database, "a.png")
    assert "No worker lives that takes this work." in page(client.get("/submissions/1"))
    start_processes(portal_database)
    html = page(client.get("/submissions/1"))
    assert "It waits for its turn." in html
    assert "left." not in html, "nothing has ended, so no time is promised"


def test_a_paused_submission_names_who_paused_it_and_can_be_resumed(client: FlaskClient, portal_database: Database) -> None:
    add_job(portal_database, "a.png")
    with portal_database.writing() as session:
        actions.act_on_submissions(session, Action.PAUSE, [1], person="<Ada>")
    html = page(client.get("/submissions/1"))
    assert "Paused by &lt;Ada&gt; on " in html
    assert "/submissions/1/resume" in buttons(html)
    assert "/submissions/1/pause" not in buttons(html)
    assert "paused, 0 of 1" in page(client.get("/submissions"))


def test_failures_are_grouped_by_reason_and_each_group_is_a_link(client: FlaskClient, portal_database: Database) -> None:
    add_job(portal_database, "a.png", JobState.FAILED, error_code="file_truncated", error_message="It is cut.")
    add_job(portal_database, "b.png", JobState.FAILED, submission=1, error_code="no_image", error_message="It is none.")
    html = page(client.get("/submissions/1"))
    assert "2 failed, for 2 reasons" in html
    (address,) = re.findall(r'id="reason-no_image" href="([^"]+)"', html)
    of_reason = page(client.get(address.replace("&amp;", "&")))
    assert "b.png" in of_reason
    assert "a.png" not in of_reason
    assert "/api/v1/submissions/1/failures.csv" in html


def test_what_can_be_done_follows_from_the_state(client: FlaskClient, portal_database: Database) -> None:
    add_job(portal_database, "queued.png")
    for state in (JobState.RUNNING, JobState.DONE, JobState.FAILED, JobState.CANCELLED):
        add_job(portal_database, f"{state}.png", state, submission=1)
    html = page(client.get("/submissions/1"))
    assert set(buttons(html)) == {
        "/submissions/1/pause", "/submissions/1/cancel", "/submissions/1/retry", "/submissions/1/retry?state=cancelled",
        "/jobs/1/cancel", "/jobs/2/cancel", "/jobs/4/retry", "/jobs/5/retry",
    }  # fmt: skip
    assert "Cancel what is left of submission 1? 2 images will not be analysed" in html


def test_the_queue_shows_workers_and_who_uses_what(client: FlaskClient, portal_database: Database) -> None:
    empty = page(client.get("/queue"))
    assert "No worker lives" in empty
    assert "No scheduler runs" in empty
    start_processes(portal_database)
    add_job(portal_database, "a.png", JobState.RUNNING, owner=WORKER.name)
    with portal_database.writing() as session:
        submissions.create_submission(session, "Gold", None, Parameters(), person="Ada", group="Catalysis")
    add_job(portal_database, "b.png", submission=2)
    html = page(client.get("/queue"))
    for text in ("microscope-pc", "1 alive, 2 processes", "a.png", "Ada", "Catalysis", "not named"):
        assert text in html


def test_a_guess_of_a_time_is_written_as_one() -> None:
    said = {20: "less than a minute", 61: "about 1 min", 5000: "about 83 min", 6000: "about 2 h", 200_000: "about 2 days"}
    assert {seconds: about(seconds) for seconds in said} == said
