"""The work of applying decisions on real databases: nothing stops it, nothing repeats it, and it may meet analyses halfway."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from shared import analysis_lists, decisions, recalibration
from shared.database import Database
from shared.errors import TransientError
from shared.jobs import JobState
from tests.integration.laboratory import LEASE_S, MAX_ATTEMPTS, SEM, Held, Laboratory
from tests.stack import PROJECT, free_port, wait_until
from worker.recalibrator import Recalibrator


@pytest.fixture
def lab(database: Database) -> Laboratory:
    return Laboratory(database)


def manual(nm_per_px: float, decision: int | None) -> Held:
    return Held(nm_per_px, "manual", "ok", decision)


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recalibration, "CHUNK_ANALYSES", 2)


@pytest.mark.usefixtures("small_chunks")
def test_a_message_that_comes_again_changes_nothing_more(lab: Laboratory) -> None:
    submission = lab.submit()
    for image in "abcde":
        lab.analyse(lab.add(submission, image))
    decision = lab.decide_for_submission(submission, 0.5)
    lab.apply(decision)
    once = lab.everything()
    lab.apply(decision, decision)
    lab.begin_again(decision)
    lab.apply(decision)
    assert lab.everything() == once
    assert (lab.decision(decision).n_changed, lab.decision(decision).state) == (5, JobState.DONE)


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("n_committed", [0, 1, 2, 3])
def test_work_that_is_killed_between_chunks_goes_on_where_it_was(
    lab: Laboratory, monkeypatch: pytest.MonkeyPatch, n_committed: int
) -> None:
    submission = lab.submit()
    analyses = [lab.analyse(lab.add(submission, image)) for image in "abcde"]
    decision = lab.decide_for_submission(submission, 0.5)
    calls = iter(range(100))
    real = decisions.note_progress

    def die(*arguments: object) -> None:
        real(*arguments)  # type: ignore[arg-type]
        if next(calls) == n_committed:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(decisions, "note_progress", die)
        with pytest.raises(KeyboardInterrupt):
            lab.apply(decision)
    assert lab.decision(decision).n_changed == min(2 * n_committed, 5)
    lab.apply(decision)
    assert lab.decision(decision).state == JobState.RUNNING, "its lease still runs"
    lab.begin_again(decision)
    lab.apply(decision)
    assert [lab.held(one) for one in analyses] == [manual(0.5, decision)] * 5
    assert [lab.changes(one) for one in analyses] == [[(decision, None, 0.5)]] * 5
    assert (lab.decision(decision).state, lab.decision(decision).n_changed) == (JobState.DONE, 5)


# What a worker does, in chunks of one analysis, so that it can be killed among them.
WORKER = """
import sys
from shared import recalibration
from shared.database import Database
from worker.recalibrator import Recalibrator
recalibration.CHUNK_ANALYSES = 1
Recalibrator(Database(sys.argv[1]), lease_s=60, max_attempts=3).run(int(sys.argv[2]))
"""


def test_a_worker_that_is_killed_at_any_moment_loses_nothing_and_repeats_nothing(lab: Laboratory) -> None:
    submission = lab.submit()
    analyses = [lab.analyse(lab.add(submission, f"image {n}")) for n in range(60)]
    decision = lab.decide_for_submission(submission, 0.5)
    url = lab.database.engine.url.render_as_string(hide_password=False)
    seen = 0
    for _ in range(2):
        process = subprocess.Popen([sys.executable, "-c", WORKER, url, str(decision)], cwd=PROJECT)
        wait_until(lambda seen=seen: lab.decision(decision).n_changed > seen, "some analyses are changed")
        process.kill()
        process.wait(30)
        seen = lab.decision(decision).n_changed
        assert seen == sum(lab.held(one).decision_id == decision for one in analyses)
        if lab.decision(decision).state == JobState.DONE:
            break
        lab.begin_again(decision)
    lab.apply(decision)
    assert [lab.changes(one) for one in analyses] == [[(decision, None, 0.5)]] * 60
    assert (lab.decision(decision).state, lab.decision(decision).n_changed) == (JobState.DONE, 60)


def test_chunks_are_cut_by_their_particles_as_well(lab: Laboratory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recalibration, "CHUNK_PARTICLES", 10)
    submission = lab.submit()
    analyses = [lab.analyse(lab.add(submission, image), n=n) for image, n in (("a", 30), ("b", 5), ("c", 5), ("d", 1))]
    decision = lab.decide_for_submission(submission, 0.5)
    seen, last = [], 0
    while last is not None:
        with lab.database.writing() as session:
            chunk = recalibration.apply_chunk(session, decision, last)
        last = chunk.last_id
        seen.append(chunk.n_changed)
    assert seen == [1, 2, 1, 0]
    assert [lab.held(one).nm_per_px for one in analyses] == [0.5] * 4


def test_a_worker_whose_lease_was_given_away_changes_nothing(lab: Laboratory, monkeypatch: pytest.MonkeyPatch) -> None:
    analysis = lab.analysed("a")
    decision = lab.decide_for_image(analysis, 2.0)
    real = recalibration.apply_chunk

    def slow(*arguments: object) -> recalibration.Chunk:
        monkeypatch.setattr(recalibration, "apply_chunk", real)
        lab.begin_again(decision)
        lab.apply(decision)
        return real(*arguments)  # type: ignore[arg-type]

    if lab.database.dialect == "postgresql":  # on SQLite nobody writes meanwhile
        monkeypatch.setattr(recalibration, "apply_chunk", slow)
    lab.apply(decision)
    assert lab.changes(analysis) == [(decision, None, 2.0)]
    assert (lab.decision(decision).state, lab.decision(decision).n_changed) == (JobState.DONE, 1)


def test_a_database_that_goes_away_gives_the_decision_back_and_a_bug_fails_it_with_a_reference(
    lab: Laboratory, monkeypatch: pytest.MonkeyPatch
) -> None:
    analysis = lab.analysed("a")
    decision, bug = lab.decide_for_image(analysis, 2.0), lab.decide_for_image(analysis, 3.0)
    away = Database(f"postgresql://nobody@127.0.0.1:{free_port()}/saemi")
    Recalibrator(away, lease_s=LEASE_S, max_attempts=MAX_ATTEMPTS).run(decision)
    assert lab.decision(decision).state == JobState.QUEUED
    for number, error in ((decision, TransientError("It restarts.")), (bug, RuntimeError("secret /internal/path"))):

        def fail(*_: object, error: Exception = error) -> None:
            raise error

        monkeypatch.setattr(recalibration, "apply_chunk", fail)
        lab.apply(number)
    given_back, failed = lab.decision(decision), lab.decision(bug)
    assert (given_back.state, given_back.attempts, given_back.token) == (JobState.QUEUED, 0, None)
    assert given_back.not_before is not None
    assert (failed.state, failed.error_code, len(failed.error_reference or "")) == (JobState.FAILED, "internal_error", 8)
    assert "secret" not in (failed.error_message or "")


def test_a_decision_whose_workers_keep_dying_is_set_aside(lab: Laboratory) -> None:
    decision = lab.decide_for_image(lab.analysed("a"), 2.0)
    for _ in range(MAX_ATTEMPTS):
        with lab.database.writing() as session:
            assert decisions.ERRANDS.claim(session, decision, lease_s=-1, max_attempts=MAX_ATTEMPTS) is not None
    with lab.database.writing() as session:
        assert decisions.ERRANDS.claim(session, decision, lease_s=-1, max_attempts=MAX_ATTEMPTS) is None
        assert decisions.ERRANDS.set_aside_exhausted(session, MAX_ATTEMPTS) == 1
    row = lab.decision(decision)
    assert (row.state, row.error_code) == (JobState.FAILED, "attempts_exhausted")
    assert "Decide again" in (row.error_message or "")


# Decisions and analyses at the same time.


def test_a_decision_made_while_an_analysis_is_stored_reaches_it_whichever_comes_first(lab: Laboratory) -> None:
    """The analysis has asked what was decided and has not committed: a decision must not slip in between."""
    like = lab.analysed("a", SEM)
    submission = lab.submit()
    job = lab.add(submission, "b")
    made: list[int] = []
    begun = threading.Event()

    def decide() -> None:
        begun.set()
        made.append(lab.decide_for_instrument(like, 4.0))
        lab.apply(*made)

    other = threading.Thread(target=decide)

    def decide_meanwhile() -> None:
        other.start()
        assert begun.wait(30)
        other.join(0.5)
        assert not made, "who decides waits for those that store"

    analysis = lab.analyse(job, SEM, before_commit=decide_meanwhile)
    other.join(60)
    assert lab.held(analysis) == Held(4.0, "instrument_default", "ok", made[0])


def test_decisions_and_analyses_that_come_all_at_once_end_with_the_newest_decision(lab: Laboratory) -> None:
    submission = lab.submit()
    job_ids = [lab.add(submission, f"image {n}") for n in range(12)]
    first = lab.analyse(job_ids[0])
    made: list[int] = []

    def analyse() -> None:
        for job_id in job_ids[1:]:
            lab.analyse(job_id)

    def decide(*values: float) -> None:
        for value in values:
            number = lab.decide_for_submission(submission, value) if value > 3 else lab.decide_for_image(first, value)
            made.append(number)
            lab.apply(number)

    with ThreadPoolExecutor(3) as pool:
        futures = [pool.submit(analyse), pool.submit(decide, 4.0, 1.0, 5.0), pool.submit(decide, 2.0, 6.0, 7.0)]
        for future in futures:
            future.result(120)
    last = lab.decision(max(made))
    assert last.scope == "submission"
    with lab.database.reading() as session:
        analyses = [row.id for row in analysis_lists.analyses_page(session, limit=50)]
    assert [lab.held(one) for one in analyses] == [manual(last.nm_per_px or 0, last.id)] * 12
    for one in analyses:
        assert all(particle.ecd_nm == particle.ecd_px * (last.nm_per_px or 0) for particle in lab.particles(one))
        assert lab.changes(one)[-1][2] == last.nm_per_px
