"""Files whose bytes are known: adding them together comes to the same as adding each by itself, on either database."""

import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from shared import known_files, submissions, uploads
from shared.database import Database
from shared.domain import Parameters
from shared.errors import InputError
from shared.known_files import NamedFile
from shared.leases import JobState
from shared.models import ImageRow, JobRow, SideCarRow
from shared.storage import BlobInfo

# Images and side-cars of every kind of kinship: by stem, by ending in the name, numbered, in folders, in capitals.
NAMES = (
    *("a.tif", "a.bmp", "A.tif", "a-tif.bmp", "a.txt", "a.TXT", "a.hdr", "a-tif.hdr"),
    *("b_1.ser", "b_2.ser", "b.emi", "b.EMI", "c.emi", "lot/a.tif", "lot/a.txt", "lot/b.emi"),
)
FILES = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from("12")), max_size=9)


def named(name: str, content: str = "1") -> NamedFile:
    return NamedFile(name, hashlib.sha256(content.encode()).hexdigest(), len(content))


def open_submission(database: Database) -> int:
    with database.writing() as session:
        return submissions.create_submission(session, "project", None, Parameters()).id


def add_one_by_one(database: Database, submission: int, files: Sequence[NamedFile]) -> list[str]:
    """Add each file in a transaction of its own; returns the names of those that were refused."""
    refused = []
    for file in files:
        try:
            with database.writing() as session:
                uploads.add_file(session, submission, BlobInfo(file.sha256, file.n_bytes), file.name)
        except InputError:
            refused.append(file.name)
    return refused


def add_together(database: Database, submission: int, files: Sequence[NamedFile]) -> list[str]:
    with database.writing() as session:
        added = known_files.add_known_files(session, submission, files)
    return [one.file.name for one in added.refused]


def set_states(database: Database, submission: int) -> None:
    """Let half of the jobs run and the others be done."""
    with database.writing() as session:
        here = JobRow.submission_id == submission
        session.execute(update(JobRow).where(here, JobRow.source_name < "a.t").values(state=JobState.RUNNING, token="t"))
        session.execute(update(JobRow).where(here, JobRow.source_name >= "a.t").values(state=JobState.DONE))


def state_of(database: Database, submission: int) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    with database.reading() as session:
        jobs = session.query(JobRow).filter_by(submission_id=submission)
        beside = session.query(SideCarRow).filter_by(submission_id=submission)
        return (
            sorted((row.source_name, row.image_sha256, row.state, row.is_outdated, row.attempts) for row in jobs),
            sorted((row.name, row.sha256, row.n_bytes, row.has_image) for row in beside),
        )


@given(before=FILES, then=FILES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
def test_files_added_together_come_to_the_same_as_one_by_one(
    database: Database, before: list[tuple[str, str]], then: list[tuple[str, str]]
) -> None:
    first, second = open_submission(database), open_submission(database)
    for submission in (first, second):
        add_one_by_one(database, submission, [named(*file) for file in before])
        set_states(database, submission)
    files = [named(*file) for file in then]
    assert sorted(add_together(database, second, files)) == sorted(add_one_by_one(database, first, files))
    assert state_of(database, second) == state_of(database, first)
    again = add_together(database, second, files)
    assert sorted(again) == sorted(add_one_by_one(database, first, files))
    assert state_of(database, second) == state_of(database, first), "a second time changes nothing"


def test_only_files_of_the_same_hash_and_size_are_known(database: Database) -> None:
    add_one_by_one(database, open_submission(database), [named("a.tif", "image"), named("a.txt", "side-car")])
    wanted = [named("x", "image"), named("y", "side-car"), named("z", "nobody's")]
    with database.reading() as session:
        assert known_files.known(session, wanted) == {wanted[0].sha256, wanted[1].sha256}
        assert known_files.known(session, [NamedFile("x", wanted[0].sha256, 4)]) == set()
        assert known_files.known(session, []) == set()


def test_the_jobs_have_the_order_in_which_the_files_were_named(database: Database) -> None:
    submission = open_submission(database)
    files = [named(f"{number * 7919 % 3000}.tif", str(number)) for number in range(3000)]
    add_together(database, submission, files)
    with database.reading() as session:
        found = session.query(JobRow.source_name).order_by(JobRow.id).all()
        assert [name for (name,) in found] == [file.name for file in files]
        assert session.query(ImageRow).count() == 3000


def test_the_same_content_under_a_thousand_names_is_one_image_with_a_thousand_jobs(database: Database) -> None:
    submission = open_submission(database)
    files = [named(f"{number}.tif") for number in range(1000)]
    with database.writing() as session:
        assert known_files.add_known_files(session, submission, [*files, *files]).n_new == 1000
    with database.reading() as session:
        assert (session.query(ImageRow).count(), session.query(JobRow).count()) == (1, 1000)


def test_nothing_is_added_where_the_request_fails(database: Database) -> None:
    submission = open_submission(database)

    def cut_off() -> None:
        with database.writing() as session:
            known_files.add_known_files(session, submission, [named("a.tif"), named("a.txt")])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cut_off()
    assert state_of(database, submission) == ([], [])
