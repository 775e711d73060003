"""The questions by which KEDA scales workers, asked of a real database with work in every state."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text, update

from shared import decisions, submissions
from shared.calibration import Choice
from shared.database import Database, database_time
from shared.domain import Parameters
from shared.export_rows import ExportRow
from shared.leases import JobState
from shared.models import JobRow
from shared.queues import QUEUES
from shared.turns import Priority
from tests.conftest import fresh_postgres
from tests.databases import make_tables
from tests.deployment.chart import LEAST, of_kind, render

JOBS_PER_POD, MAX_REPLICAS = 2, 3
N_WAITING, N_RUNNING, N_ENDED = 2, 1, 4


@pytest.fixture
def facility(postgres_url: str) -> Iterator[Database]:
    """A database with a submission of each priority, a paused one, a decision that waits, and exports in every state."""
    with fresh_postgres(postgres_url) as database:
        make_tables(database)
        for number, priority in enumerate(Priority):
            add_submission(database, priority, number)
        paused = add_submission(database, Priority.NORMAL, len(Priority))
        with database.writing() as session:
            submissions.pause(session, paused)
            decisions.decide(session, decisions.target_submission(session, paused), "A. Person", Choice.AUTOMATIC)
            asked = {"selection": "", "wanted": {}, "title": "All analyses", "format": "csv", "choices": {}, "n_done": 0}
            times = {"attempts": 0, "created_at": database_time()}
            session.add_all([ExportRow(**asked, **times, state=state) for state in JobState])
        yield database


def add_submission(database: Database, priority: Priority, number: int) -> int:
    """Add a submission with jobs in every state."""
    states = [JobState.QUEUED] * N_WAITING + [JobState.RUNNING] * N_RUNNING
    states += [state for state in JobState if state not in states] * (N_ENDED // 2)
    with database.writing() as session:
        submission = submissions.create_submission(session, "scaling", None, Parameters("classical"), priority=priority).id
        for position, state in enumerate(states):
            job = submissions.add_job(session, submission, f"{number:032}{position:032}", 1, f"{position}.tif").row.id
            session.execute(update(JobRow).where(JobRow.id == job).values(state=state))
    return submission


def ask(database: Database, queue: str) -> int:
    """Ask what KEDA asks for a kind of worker that takes from a queue."""
    scaling = {
        "minReplicas": 0,
        "maxReplicas": MAX_REPLICAS,
        "jobsPerPod": JOBS_PER_POD,
        "pollingIntervalSeconds": 1,
        "cooldownSeconds": 1,
    }
    resources = render({**LEAST, "workers": {"gpu": {"queues": [queue], "scaling": scaling}}})
    (scaled,) = of_kind(resources, "ScaledObject")
    (trigger,) = scaled["spec"]["triggers"]
    with database.reading() as session:
        return session.scalar(text(trigger["metadata"]["query"])) or 0


@pytest.mark.parametrize(
    ("queue", "expected"),
    [
        ("interactive", N_WAITING + N_RUNNING),
        # Of normal and of bulk submissions; what is paused wants no pod.
        ("analysis", 2 * (N_WAITING + N_RUNNING)),
        ("decisions", 1),
        ("exports", 2),
    ],
)
def test_work_that_waits_or_runs_is_counted_and_nothing_else(facility: Database, queue: str, expected: int) -> None:
    assert ask(facility, queue) == expected


def test_every_queue_has_its_question() -> None:
    assert set(QUEUES) == {"interactive", "analysis", "decisions", "exports"}


def test_counting_ends_where_all_pods_are_wanted(facility: Database) -> None:
    for number in range(10, 13):
        add_submission(facility, Priority.BULK, number)
    assert ask(facility, "analysis") == MAX_REPLICAS * JOBS_PER_POD


def test_nobody_is_wanted_where_all_work_has_ended(facility: Database) -> None:
    with facility.writing() as session:
        session.execute(update(JobRow).values(state=JobState.DONE))
    assert ask(facility, "analysis") == 0
