"""The queue by the API: what its page shows, for programs."""

from sqlalchemy import update

from shared import jobs, turns, workers
from shared.domain import PIPELINE_VERSION
from shared.election import SCHEDULER, hold_office
from shared.models import SubmissionRow
from shared.queues import ANALYSIS_QUEUE
from shared.workers import WorkerDescription
from tests.unit.web.opened_portal import Portal


def test_an_empty_queue_has_nobody_in_it(either_portal: Portal) -> None:
    queue = either_portal.json("/queue")
    assert queue.pop("ended_since")
    assert queue == {"is_led": False, "jobs_per_min": None, "workers": [], "open": [], "ended": [], "weights": {}}


def test_the_queue_tells_who_works_at_what_and_who_waits(either_portal: Portal) -> None:
    submission = either_portal.open_submission()
    for name in ("a.tif", "b.tif", "c.tif"):
        either_portal.put(submission, name.encode(), name)
    first, second, _ = sorted(job["id"] for job in either_portal.json("/jobs", submission_id=submission)["items"])
    with either_portal.database.writing() as session:
        session.execute(update(SubmissionRow).values(group_name="metals", person="Müller"))
        turns.set_group_weight(session, "metals", 2.0)
        hold_office(session, SCHEDULER, "holder", 60)
        workers.register(session, WorkerDescription("w", "host", "1", PIPELINE_VERSION, "cpu", [ANALYSIS_QUEUE], 2))
        held = jobs.claim(session, [first, second], lease_s=60, max_attempts=3, owner="w")
        jobs.fail(session, held[1], "code", "message")
    queue = either_portal.json("/queue")
    (worker,), (waiting,) = queue["workers"], queue["open"]
    assert (queue["is_led"], queue["weights"]) == (True, {"metals": 2.0})
    assert (worker["name"], worker["queues"], worker["n_processes"]) == ("w", [ANALYSIS_QUEUE], 2)
    assert [(job["id"], job["source_name"]) for job in worker["jobs"]] == [(first, "a.tif")]
    assert (waiting["group"], waiting["person"], waiting["priority"]) == ("metals", "Müller", "normal")
    assert (waiting["n_queued"], waiting["n_running"], waiting["n_paused"]) == (1, 1, 0)
    assert queue["ended"] == [{"group": "metals", "person": "Müller", "n_done": 0, "n_failed": 1}]
