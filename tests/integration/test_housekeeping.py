"""Blobs that no row names go, in two steps a day apart; whatever a row names stays, whoever uploads meanwhile."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from shared import submissions
from shared.database import Database
from shared.domain import Parameters
from shared.housekeeping import (
    GRACE,
    NO_BLOB_COLUMNS,
    BlobSurvey,
    NamedBlob,
    clean_blobs,
    matched,
    named_hashes,
    survey_blobs,
)
from shared.models import Base
from shared.storage import BlobInfo, FolderBlobStore, StoredBlob, put_bytes

SOON = timedelta(minutes=1)


def now() -> datetime:
    """The time at which the stores write; not that of the import, which is minutes ago in a long run."""
    return datetime.now(UTC)


@pytest.fixture
def submission(database: Database) -> int:
    with database.writing() as session:
        return submissions.create_submission(session, "project", None, Parameters(), "first").id


def add_row(database: Database, submission: int, blob: BlobInfo) -> None:
    with database.writing() as session:
        submissions.add_job(session, submission, blob.sha256, blob.n_bytes, "a.tif")


def age(store_root: Path, sha256: str, days: float) -> None:
    """Let a stored blob be so old."""
    (path,) = list(store_root.rglob(sha256))
    os.utime(path, (now().timestamp() - days * 86_400,) * 2)


def clean(database: Database, store: FolderBlobStore, now: datetime) -> BlobSurvey:
    with database.reading() as session:
        survey = survey_blobs(session, store, now)
    clean_blobs(store, survey, now)
    return survey


def read(store: FolderBlobStore, sha256: str) -> bytes:
    with store.open(sha256) as file:
        return file.read()


def listed(store: FolderBlobStore) -> tuple[list[str], list[str]]:
    return [blob.sha256 for blob in store.blobs()], [blob.sha256 for blob in store.blobs_set_aside()]


def test_a_blob_that_no_row_names_is_set_aside_after_a_day_and_gone_after_another(
    database: Database, store: FolderBlobStore, submission: int
) -> None:
    kept = store.put([b"named"])
    add_row(database, submission, kept)
    orphan = put_bytes(store, b"orphan")
    clean(database, store, now() + GRACE - SOON)
    assert listed(store) == (sorted([kept.sha256, orphan]), [])
    survey = clean(database, store, now() + GRACE + SOON)
    assert ([blob.sha256 for blob in survey.orphans], survey.n_blobs, survey.missing) == ([orphan], 2, ())
    assert listed(store) == ([kept.sha256], [orphan])
    clean(database, store, now() + GRACE - SOON)
    assert listed(store) == ([kept.sha256], [orphan])
    survey = clean(database, store, now() + GRACE + SOON)
    assert [blob.sha256 for blob in survey.to_discard] == [orphan]
    assert listed(store) == ([kept.sha256], [])


def test_an_upload_that_found_its_bytes_stored_before_they_were_set_aside_loses_nothing(
    database: Database, store: FolderBlobStore, tmp_path: Path, submission: int
) -> None:
    """The worst moment: the bytes are there, so they are not written; then they are set aside; then the row is committed."""
    put_bytes(store, b"content")
    age(tmp_path / "blobs", put_bytes(store, b"content"), days=3)
    with database.reading() as session:
        survey = survey_blobs(session, store, now())
    blob = store.put([b"content"])
    clean_blobs(store, survey, now())
    add_row(database, submission, blob)
    assert read(store, blob.sha256) == b"content"
    survey = clean(database, store, now() + 2 * GRACE)
    assert ([found.sha256 for found in survey.to_bring_back], survey.missing) == ([blob.sha256], ())
    assert listed(store) == ([blob.sha256], [])


def test_an_upload_after_its_bytes_were_set_aside_has_its_own_copy(
    database: Database, store: FolderBlobStore, tmp_path: Path, submission: int
) -> None:
    age(tmp_path / "blobs", put_bytes(store, b"content"), days=3)
    clean(database, store, now())
    with database.reading() as session:
        survey = survey_blobs(session, store, now() + 2 * GRACE)
    blob = store.put([b"content"])
    add_row(database, submission, blob)
    clean_blobs(store, survey, now() + 2 * GRACE)
    assert listed(store) == ([blob.sha256], [])
    assert read(store, blob.sha256) == b"content"


def test_a_row_whose_blob_is_nowhere_is_named_with_its_column(
    database: Database, store: FolderBlobStore, submission: int
) -> None:
    add_row(database, submission, BlobInfo("a" * 64, 1))
    with database.reading() as session:
        survey = survey_blobs(session, store, now())
    assert [blob.sha256 for blob in survey.missing] == ["a" * 64]
    assert survey.missing[0].named_by in ("image.sha256", "job.image_sha256")


def test_every_hash_in_the_tables_counts_as_a_blob_or_is_known_to_be_none(database: Database) -> None:
    with database.reading() as session:
        query = str(named_hashes(session).compile(compile_kwargs={"literal_binds": True}))
    names = {(of.name, found.name) for of in Base.metadata.sorted_tables for found in of.columns if "sha256" in found.name}
    assert ("analysis", "labels_sha256") in names
    assert ("model", "sha256") in names
    references = {(key.parent.table.name, key.parent.name) for of in Base.metadata.sorted_tables for key in of.foreign_keys}
    for of, name in names:
        assert (f"'{of}.{name}'" in query) != (name in NO_BLOB_COLUMNS or (of, name) in references), (of, name)


def test_a_table_that_this_release_does_not_know_protects_its_blobs(database: Database, store: FolderBlobStore) -> None:
    sha256 = put_bytes(store, b"report")
    with database.writing() as session:
        session.execute(text("CREATE TABLE report (id INTEGER PRIMARY KEY, pdf_sha256 TEXT)"))
        session.execute(text("INSERT INTO report VALUES (1, :sha256)"), {"sha256": sha256})
    survey = clean(database, store, now() + 3 * GRACE)
    assert (survey.orphans, listed(store)) == ((), ([sha256], []))


@given(st.sets(st.integers(0, 30)), st.sets(st.integers(0, 30)))
def test_two_ordered_streams_are_paired_by_their_hashes(left: set[int], right: set[int]) -> None:
    blobs = [StoredBlob(f"{n:02}", 1, now()) for n in sorted(left)]
    named = [NamedBlob(f"{n:02}", "") for n in sorted(right)]
    pairs = [(blob and int(blob.sha256), name and int(name.sha256)) for blob, name in matched(blobs, named)]
    assert pairs == [(n if n in left else None, n if n in right else None) for n in sorted(left | right)]
