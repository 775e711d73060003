"""Removal by age: what is old enough goes, what somebody needs stays, and database and file store agree afterwards."""

from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import func, select, text, update

from shared import actions, jobs, known_files, manifests, originals, retention, submissions, uploads
from shared.actions import Action
from shared.calibration import Choice
from shared.errors import NotFoundError
from shared.finding_rows import ParticleRow
from shared.known_files import NamedFile
from shared.leases import JobState
from shared.manifest import read_manifest
from shared.manifest_rows import ManifestEntryRow, ManifestRow, ManifestValueRow
from shared.models import AnalysisRow, ChangeRow, DecisionRow, ImageRow, JobRow, SideCarRow, SubmissionRow
from shared.retention import RetentionRule
from shared.spool import FolderSpool
from shared.storage import BlobInfo, FolderBlobStore, put_bytes
from tests.integration.aged_facility import DAYS, ORIGINALS, SUBMISSIONS, Facility, job_of, row_of
from tests.integration.bench import Bench
from worker.endings import JobEndings, Ready
from worker.housekeeper import Housekeeper
from worker.retainer import Removed, Retainer


def test_originals_go_after_their_days_and_all_that_was_found_in_them_stays(facility: Facility) -> None:
    old, job, analysis = facility.hand_in("old")
    facility.hand_in("young")
    facility.age(old)
    before = facility.counts()
    with facility.database.reading() as session:
        due = retention.survey(session, ORIGINALS)
    assert (due["images"].n, due["images"].n_bytes, due["submissions"].n) == (1, 10, 0)
    assert facility.remove(RetentionRule(0, 0)) == Removed(), "by default nothing is removed"
    assert facility.remove(ORIGINALS) == Removed(n_images=1)
    assert facility.remove(ORIGINALS) == Removed()
    assert (facility.is_stored("old"), facility.is_stored("young")) == (False, True)
    assert facility.counts() == before
    assert job_of(facility, job).analysis_id == analysis
    facility.require_agreement()
    assert not facility.store.exists(job_of(facility, job).image_sha256)
    with facility.database.reading() as session:
        told = retention.planned(session, submissions.submission(session, old), ORIGINALS)
    assert (told.n_removed, told.removed_after_days) == (1, DAYS)


@pytest.mark.parametrize("rule", [ORIGINALS, SUBMISSIONS], ids=["originals", "submissions"])
def test_what_is_kept_paused_at_work_or_young_is_not_touched(facility: Facility, rule: RetentionRule) -> None:
    names = ("kept", "paused", "at work", "young", "last")
    kept, paused, at_work, young, last = (facility.hand_in(name)[0] for name in names)
    facility.add(at_work, "another")
    facility.age(kept, paused, at_work)
    facility.age(young, days=DAYS - 1)
    with facility.database.writing() as session:
        actions.act_on_submissions(session, Action.KEEP, [kept], person="Ada")
        actions.act_on_submissions(session, Action.PAUSE, [paused])
    before = facility.counts()
    assert facility.remove(rule) == Removed()
    assert facility.counts() == before
    with facility.database.writing() as session:
        actions.act_on_submissions(session, Action.RELEASE, [kept])
        actions.act_on_submissions(session, Action.RESUME, [paused])
    removed = facility.remove(rule)
    assert removed.n_images + removed.n_submissions == 2
    assert last > young


def test_an_image_that_a_younger_submission_has_too_keeps_its_bytes(facility: Facility) -> None:
    old, *_ = facility.hand_in("shared")
    young, *_ = facility.hand_in("shared")
    facility.age(old)
    assert facility.remove(ORIGINALS) == Removed()
    facility.age(young)
    assert facility.remove(ORIGINALS) == Removed(n_images=1)


def test_the_same_image_handed_in_again_brings_its_bytes_back(facility: Facility) -> None:
    old, job, analysis = facility.hand_in("old")
    sha256 = job_of(facility, job).image_sha256
    facility.age(old)
    facility.remove(ORIGINALS)
    facility.require_agreement()
    file = NamedFile("old.tif", sha256, 10)
    with facility.database.reading() as session:
        assert known_files.known(session, [file]) == set(), "nobody may name bytes that are not here"
    again, second, found = facility.hand_in("old")
    assert facility.is_stored("old")
    assert (found, again != old, second != job) == (analysis, True, True), "its analysis is found"
    with facility.database.reading() as session:
        assert known_files.known(session, [file]) == {sha256}
    facility.age(old)
    assert facility.remove(ORIGINALS) == Removed(), "the new submission keeps it"
    facility.require_agreement()


def test_a_worker_says_that_the_original_was_removed(upload_bench: Bench) -> None:
    submission = upload_bench.open()
    upload_bench.add(submission, b"never analysed", "a.tif")
    (job,) = upload_bench.jobs(submission)
    with upload_bench.database.writing() as session:
        actions.act_on_submissions(session, Action.CANCEL, [submission])
    facility = Facility(upload_bench.database, FolderBlobStore(Path("/nowhere")))
    facility.age(submission)
    assert facility.remove(ORIGINALS) == Removed(n_images=1)
    with upload_bench.database.writing() as session:
        actions.act_on_submissions(session, Action.RETRY, [submission], retried="cancelled")
    upload_bench.run(job.id)
    (job,) = upload_bench.jobs(submission)
    assert (job.state, job.error_code) == (JobState.FAILED, "original_removed")
    assert "kept for 30 days" in (job.error_message or "")
    upload_bench.add(submission, b"never analysed", "a.tif")
    with upload_bench.database.writing() as session:
        actions.retry_job(session, job.id)
        originals.require_image(session, job.image_sha256)


def test_side_cars_go_with_their_images_and_come_back_as_they_do(facility: Facility) -> None:
    submission, job, analysis = facility.hand_in("a")
    beside = BlobInfo(put_bytes(facility.store, b"PixelSize=2"), 11)
    with facility.database.writing() as session:
        uploads.add_side_car(session, submission, beside, "b.txt")
    facility.age(submission)
    assert facility.remove(ORIGINALS) == Removed(n_images=1, n_side_cars=1)
    facility.require_agreement()
    assert not facility.store.exists(beside.sha256)
    with facility.database.writing() as session:
        uploads.add_side_car(session, submission, BlobInfo("e" * 64, 3), "a.txt")
    assert (job_of(facility, job).state, job_of(facility, job).analysis_id) == (JobState.DONE, analysis), "no bytes, no new run"
    put_bytes(facility.store, b"PixelSize=2")
    with facility.database.writing() as session:
        uploads.add_side_car(session, submission, beside, "b.txt")
        row = session.scalars(select(SideCarRow).filter_by(name="b.txt")).one()
        originals.require_side_cars(session, [row.id])


def test_a_whole_submission_goes_with_what_no_other_one_shares(facility: Facility, store: FolderBlobStore) -> None:
    if facility.database.dialect == "postgresql":
        with facility.database.writing() as session:  # into the third partition of the particles
            session.execute(text("ALTER SEQUENCE analysis_id_seq RESTART WITH 250000"))
    old, _, alone = facility.hand_in("alone")
    *_, shared = facility.hand_in("shared", old)
    *_, decided = facility.hand_in("decided", old)
    with facility.database.writing() as session:
        uploads.add_side_car(session, old, BlobInfo(put_bytes(store, b"beside"), 6), "lost.txt")
        manifests.put(session, old, "m.csv", read_manifest(b"file,batch\nalone.tif,7\n"))
    about_image = facility.decide_for_image(decided, 2.0)
    about_old = facility.decide_for_submission(old, 3.0)
    facility.apply(about_image, about_old)
    facility.hand_in("shared")
    facility.hand_in("last")
    facility.age(old)
    assert facility.remove(SUBMISSIONS) == Removed(), "a decision about it holds for an image that the other one shares"
    with facility.database.writing() as session:
        session.execute(update(DecisionRow).where(DecisionRow.id == about_old).values(submission_id=None))
    assert facility.remove(SUBMISSIONS) == Removed(n_submissions=1)
    with facility.database.reading() as session:
        with pytest.raises(NotFoundError):
            submissions.submission(session, old)
        numbers = set(session.scalars(select(AnalysisRow.id)))
        assert {alone, decided} & numbers == set()
        assert shared in numbers
        assert set(session.scalars(select(ParticleRow.analysis_id))) == numbers
        assert {change.analysis_id for change in session.scalars(select(ChangeRow))} <= numbers
        assert session.scalar(select(func.count()).select_from(DecisionRow)) == 2, "who decided what stays"
        for table in (SideCarRow, ManifestRow, ManifestEntryRow, ManifestValueRow):
            assert session.scalar(select(func.count()).select_from(table)) == 0
        images = {row.sha256: row.removed_at for row in session.scalars(select(ImageRow))}
        assert sum(removed_at is not None for removed_at in images.values()) == 1, "the one that somebody decided about"
        assert len(images) == 3
    facility.require_agreement()


def test_a_decision_about_a_removed_submission_stays_without_it(facility: Facility) -> None:
    old, *_ = facility.hand_in("a")
    decision = facility.decide_for_submission(old, 3.0)
    facility.hand_in("last")
    facility.age(old)
    assert facility.remove(SUBMISSIONS) == Removed(), "it is still to be applied"
    facility.apply(decision)
    assert facility.remove(SUBMISSIONS) == Removed(n_submissions=1)
    row = row_of(facility.database, DecisionRow, decision)
    assert isinstance(row, DecisionRow)
    assert (row.submission_id, row.choice, row.n_changed) == (None, Choice.MANUAL, 1)


def test_cut_off_after_any_step_the_next_round_goes_on(facility: Facility) -> None:
    old = facility.submit()
    for name in "abc":
        facility.hand_in(name, old)
    with facility.database.writing() as session:
        uploads.add_side_car(session, old, BlobInfo(put_bytes(facility.store, b"beside"), 6), "lost.txt")
    facility.hand_in("last")
    facility.age(old)
    retainer = Retainer(facility.database, SUBMISSIONS)
    n_steps = 0
    while row_of(facility.database, SubmissionRow, old) is not None:
        n_steps += 1
        assert n_steps < 20
        left = iter([True] * n_steps)
        retainer.run(lambda left=left: next(left, False))
        with facility.database.reading() as session, suppress(NotFoundError):
            assert submissions.submission(session, old).removed_at is None
            assert submissions.counts(session, old).total == 3, "what people see is whole or not there"
    assert n_steps > 2
    assert facility.counts() == {"submission": 1, "job": 1, "image": 1, "analysis": 1, "particle": 5, "recording": 1}
    facility.require_agreement()


def test_a_submission_that_is_being_removed_takes_nothing_more(facility: Facility) -> None:
    old, job, _ = facility.hand_in("a")
    facility.hand_in("last")
    facility.age(old)
    with facility.database.writing() as session:
        assert retention.mark_submissions(session, DAYS) == 1
    for act in (Action.KEEP, Action.RETRY, Action.PAUSE):
        with pytest.raises(NotFoundError), facility.database.writing() as session:
            actions.act_on_submissions(session, act, [old])
    with pytest.raises(NotFoundError), facility.database.writing() as session:
        actions.retry_job(session, job)
    with pytest.raises(NotFoundError):
        facility.add(old, "b")
    with facility.database.reading() as session:
        assert old not in [row.id for row in submissions.submissions_page(session, before=None, limit=9)]


def test_the_submission_of_the_newest_rows_stays_so_that_no_number_is_given_twice(facility: Facility) -> None:
    first, _, analysis = facility.hand_in("a")
    facility.age(first)
    assert facility.remove(SUBMISSIONS) == Removed()
    *_, second = facility.hand_in("b")
    assert facility.remove(SUBMISSIONS) == Removed(n_submissions=1)
    assert facility.hand_in("c")[2] > second > analysis


def test_a_job_whose_stored_analysis_is_removed_at_that_moment_is_given_back(facility: Facility) -> None:
    _, job, analysis = facility.hand_in("a")
    second = facility.add(facility.submit(), "a")
    with facility.database.writing() as session:
        (held,) = jobs.claim(session, [second], lease_s=60, max_attempts=3)
        row = session.get_one(JobRow, job)
        row.analysis_id = None
        session.flush()
        session.delete(session.get_one(AnalysisRow, analysis))
    JobEndings(facility.database, lambda _: 1).save([Ready(held, 1, analysis)])
    row = job_of(facility, second)
    assert (row.state, row.attempts, row.error_code) == (JobState.QUEUED, 0, None)


def test_the_housekeeper_removes_by_age_while_its_process_leads(facility: Facility, tmp_path: Path) -> None:
    old, *_ = facility.hand_in("old")
    facility.age(old)
    retainer, spool = Retainer(facility.database, ORIGINALS), FolderSpool(tmp_path / "spool", 0)
    for leads in (False, True):
        keeper = Housekeeper(facility.database, facility.store, spool, retainer, interval_s=1, leads=lambda leads=leads: leads)
        keeper.clean()
        assert facility.is_stored("old") != leads
