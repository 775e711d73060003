"""Jobs of one message that end in one transaction: all of them or none, each with what is known of it."""

from collections.abc import Callable

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from shared import jobs, results, submissions
from shared.database import Database, database_time
from shared.domain import Micrograph, Parameters
from shared.errors import LostClaimError, OutdatedClaimError, SaemiError
from shared.jobs import Claim, Done, JobState
from shared.models import JobRow
from tests.integration.analyses import FILES, draw_discs, make_analysis, particle_table


def claimed(database: Database, *job_ids: int) -> list[Claim]:
    with database.writing() as session:
        return jobs.claim(session, job_ids, lease_s=60.0, max_attempts=3)


@pytest.fixture
def held(database: Database) -> list[Claim]:
    """Three jobs in the hands of one worker."""
    with database.writing() as session:
        number = submissions.create_submission(session, "project", None, Parameters()).id
        added = [submissions.add_job(session, number, f"{n:064x}", 10, f"image_{n}.tif").row.id for n in range(3)]
    return claimed(database, *added)


def rows(database: Database, held: list[Claim]) -> list[dict[str, object]]:
    with database.reading() as session:
        found = [submissions.job(session, one.job_id) for one in held]
        return [{column.name: getattr(row, column.name) for column in JobRow.__table__.columns} for row in found]


def analysis_of(session: Session, held: Claim) -> int:
    micrograph = Micrograph(draw_discs(), "TIFF")
    return results.save_analysis(
        session, held.image_sha256, micrograph, make_analysis(particle_table(1)), FILES, duration_s=1.0
    )


def give_away(database: Database, held: Claim) -> None:
    with database.writing() as session:
        session.execute(update(JobRow).where(JobRow.id == held.job_id).values(lease_until=database_time(-1.0)))
    assert len(claimed(database, held.job_id)) == 1


def outdate(database: Database, held: Claim) -> None:
    with database.writing() as session:
        jobs.mark_outdated(session, held.submission_id, [held.source_name])


def cancel(database: Database, held: Claim) -> None:
    with database.writing() as session:
        jobs.cancel(session, JobRow.id == held.job_id)


@pytest.mark.parametrize(
    ("lose", "error"), [(give_away, LostClaimError), (cancel, LostClaimError), (outdate, OutdatedClaimError)]
)
def test_where_one_cannot_end_none_does(
    database: Database, held: list[Claim], lose: Callable[[Database, Claim], None], error: type[SaemiError]
) -> None:
    lose(database, held[1])
    before = rows(database, held)
    with database.writing() as session:
        number = analysis_of(session, held[0])
    with pytest.raises(error) as raised, database.writing() as session:
        jobs.finish_all(session, [Done(one, number) for one in held])
    assert raised.value.details == {"job_id": held[1].job_id}
    assert rows(database, held) == before


def test_each_keeps_what_is_known_of_it_and_what_was_known_before(database: Database, held: list[Claim]) -> None:
    with database.writing() as session:
        session.execute(update(JobRow).where(JobRow.id == held[1].job_id).values(n_images=7))
        number = analysis_of(session, held[0])
        jobs.finish_all(session, [Done(held[0], number, 2, {"decode_s": 0.25}), Done(held[1], number)])
    first, second, third = rows(database, held)
    for one in (first, second):
        assert (one["state"], one["analysis_id"], one["token"], one["lease_until"]) == (JobState.DONE, number, None, None)
        assert one["finished_at"] is not None
    assert (first["n_images"], first["timings"]) == (2, {"decode_s": 0.25})
    assert (second["n_images"], second["timings"]) == (7, None)
    assert (third["state"], third["token"]) == (JobState.RUNNING, held[2].token)


def test_nothing_of_an_earlier_end_is_left_on_a_job_that_begins_anew(database: Database, held: list[Claim]) -> None:
    with database.writing() as session:
        jobs.finish_unpacked(session, held[0], "12 images")
        jobs.mark_outdated(session, held[0].submission_id, [held[0].source_name])
    (row, *_) = rows(database, held)
    assert (row["state"], row["note"], row["finished_at"]) == (JobState.QUEUED, None, None)


def test_analyses_of_a_submission_are_counted_once_each_by_calibration_and_confidence(
    database: Database, held: list[Claim]
) -> None:
    with database.writing() as session:
        number = analysis_of(session, held[0])
        stored = results.analysis(session, number)
        stored.n_low_confidence, stored.n_particles = 1, 4
        unsure = results.save_analysis(
            session,
            held[1].image_sha256,
            Micrograph(draw_discs(), "TIFF"),
            make_analysis(particle_table(2, 0.5), 0.5),
            FILES,
            duration_s=1.0,
        )
        results.analysis(session, unsure).n_low_confidence = None
        jobs.finish_all(session, [Done(held[0], number), Done(held[1], unsure), Done(held[2], number)])
        other = submissions.create_submission(session, "project", None, Parameters()).id
    with database.reading() as session:
        counts = submissions.analysis_counts(session, held[0].submission_id)
        nothing = submissions.analysis_counts(session, other)
    assert (counts.calibrations.ok, counts.calibrations.missing, counts.calibrations.total) == (1, 1, 2)
    assert counts.confidence == submissions.ConfidenceCounts(1, 4)
    assert (nothing.calibrations.total, nothing.confidence) == (0, None)
