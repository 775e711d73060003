"""A backup of either database fills either database with the same rows and files, and only an empty one."""

import gzip
import json
import os
import shutil
import threading
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect, select, text

from shared import resumable, submissions
from shared.all_tables import ALL_TABLES, TABLES_OF_THE_MOMENT
from shared.backup import Manifest, write_backup
from shared.database import Database
from shared.election import SCHEDULER, hold_office
from shared.errors import OperatorError
from shared.housekeeping import survey_blobs
from shared.models import ImageRow
from shared.restore import VERSION_TABLE, newest_backup, restore_backup
from shared.schema import current_revision, downgrade, newest_revision, upgrade
from shared.storage import FolderBlobStore, put_bytes
from shared.table_files import file_sha256, write_table
from tests.conftest import fresh_database
from tests.integration.analyses import FILES
from tests.integration.laboratory import SEM, Laboratory
from tests.models import register_models
from tests.stack import wait_until
from tests.tables import table_names

# Where the two databases do not differ.
ON_SQLITE = pytest.mark.parametrize("empty_database", ["sqlite"], indirect=True)
INTO_SQLITE = pytest.mark.parametrize("emptied", ["sqlite"], indirect=True)
NOW = datetime(2026, 5, 6, 7, 8, 9, tzinfo=UTC)


def silent(_n_done: int, _n_all: int) -> None:
    pass


def rows_of(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    with database.reading() as session:
        tables = ImageRow.metadata.sorted_tables
        return {of.name: [tuple(row) for row in session.execute(select(of).order_by(*of.primary_key))] for of in tables}


def stored_files(store: FolderBlobStore) -> Any:
    """The files of an analysis, which lie in a store."""
    return replace(FILES, **{name: put_bytes(store, name.encode()) for name in FILE_COLUMNS})


FILE_COLUMNS = ("labels_sha256", "outlines_sha256", "overlay_sha256", "preview_sha256", "thumbnail_sha256")


@pytest.fixture
def filled(database: Database, store: FolderBlobStore) -> Database:
    """A database with analyses, a decision that changed one, a job that waits, and models without weights."""
    register_models(database)
    with database.writing() as session:
        session.execute(text("UPDATE model SET sha256 = NULL"))
    laboratory = Laboratory(database)
    submission = laboratory.submit(stated=0.25)
    for image in ("gold", "silver", "日本語"):
        put_bytes(store, image.encode())
        laboratory.analyse(laboratory.add(submission, image), SEM, files=stored_files(store))
    waiting = put_bytes(store, b"waiting")
    with database.writing() as session:
        submissions.add_job(session, submission, waiting, 7, "waiting.tif")
        session.execute(text("UPDATE analysis SET model_sha256 = NULL"))
    laboratory.decide_for_submission(submission, 0.5)
    return database


@pytest.fixture(params=["sqlite", "postgresql"])
def emptied(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database without tables to restore into, of the same kind as the first and of the other."""
    with fresh_database(request, tmp_path / "restored.db") as database:
        yield database


@pytest.fixture
def other_store(tmp_path: Path) -> FolderBlobStore:
    return FolderBlobStore(tmp_path / "other")


@pytest.fixture
def backed_up(filled: Database, store: FolderBlobStore, tmp_path: Path) -> Path:
    return write_backup(filled, store, tmp_path / "backups", NOW, silent)[0]


def test_a_restored_system_has_the_same_rows_and_files_and_goes_on_numbering(
    filled: Database, backed_up: Path, emptied: Database, other_store: FolderBlobStore
) -> None:
    steps: list[tuple[int, int]] = []
    manifest = restore_backup(emptied, other_store, backed_up, lambda n_done, n_all: steps.append((n_done, n_all)))
    before = rows_of(filled)
    assert rows_of(emptied) == before
    assert {of.name: of.n_rows for of in manifest.tables}.items() <= {name: len(rows) for name, rows in before.items()}.items()
    assert min(len(before[name]) for name in ("image", "job", "analysis", "particle", "recording", "model")) >= 2
    with emptied.reading() as session:
        survey = survey_blobs(session, other_store, NOW)
    assert (survey.missing, survey.n_blobs) == ((), manifest.n_blobs)
    assert steps == [(n, manifest.n_blobs) for n in range(1, manifest.n_blobs + 1)]
    laboratory = Laboratory(emptied)
    assert laboratory.add(laboratory.submit(), "new") == max(row[0] for row in rows_of(filled)["job"]) + 1


def test_a_backup_shows_one_moment_while_others_write(
    database: Database, store: FolderBlobStore, emptied: Database, tmp_path: Path
) -> None:
    """An image and its job come in one transaction: as many of the one as of the other, however many there are."""
    laboratory, stop, n_written = Laboratory(database), threading.Event(), 0
    submission = laboratory.submit()

    def write() -> None:
        nonlocal n_written
        while not stop.is_set():
            laboratory.add(submission, f"image {n_written}")
            n_written += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        wait_until(lambda: n_written > 5, "something is written")
        backups = []
        for n in range(5):
            before = n_written
            backups.append(write_backup(database, store, tmp_path / "backups", NOW + timedelta(seconds=n), silent))
            wait_until(lambda before=before: n_written > before, "more is written")
    finally:
        stop.set()
        writer.join()
    counts = [{of.name: of.n_rows for of in manifest.tables} for _, manifest in backups]
    assert all(found["image"] == found["job"] for found in counts)
    assert counts[0]["job"] < counts[-1]["job"] <= n_written
    restore_backup(emptied, store, backups[-1][0], silent)
    assert len(rows_of(emptied)["job"]) == counts[-1]["job"]


def test_every_table_of_the_database_is_in_a_backup(filled: Database, backed_up: Path) -> None:
    with filled.reading() as session:
        names = table_names(session.connection())
    written = {of.name for of in Manifest.read(backed_up).tables}
    assert names == written | TABLES_OF_THE_MOMENT | {VERSION_TABLE}
    assert not written & TABLES_OF_THE_MOMENT


@ON_SQLITE
@INTO_SQLITE
def test_what_an_earlier_release_wrote_of_its_moment_is_not_restored(
    filled: Database, backed_up: Path, emptied: Database, other_store: FolderBlobStore
) -> None:
    with filled.writing() as session:
        resumable.begin(session, 1, "half.tif", 10)
        hold_office(session, SCHEDULER, "holder", 60)
        found = [write_table(session, ALL_TABLES.tables[name], backed_up) for name in ("upload", "leader")]
    assert [of.n_rows for of in found] == [1, 1]
    manifest = json.loads((backed_up / "manifest.json").read_text())
    (backed_up / "manifest.json").write_text(json.dumps(manifest | {"tables": [*manifest["tables"], *map(asdict, found)]}))
    restore_backup(emptied, other_store, backed_up, silent)
    restored = rows_of(emptied)
    assert (restored["upload"], restored["leader"]) == ([], [])
    assert restored["job"] == rows_of(filled)["job"]


@ON_SQLITE
def test_all_of_a_backup_is_on_the_disk_before_it_counts(
    filled: Database, store: FolderBlobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synchronised: list[str] = []
    fsync = os.fsync

    def noting_fsync(descriptor: int) -> None:
        synchronised.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noting_fsync)
    target, manifest = write_backup(filled, store, tmp_path / "backups", NOW, silent)
    manifest_at = synchronised.index(str(target / "manifest.part"))
    assert {str(target / name) for name in ("blobs.txt", *(of.file for of in manifest.tables))} <= {*synchronised[:manifest_at]}
    assert {str(target), str(target.parent)} <= {*synchronised[manifest_at:]}


def test_a_system_with_rows_is_left_as_it_is(
    filled: Database, backed_up: Path, store: FolderBlobStore, other_store: FolderBlobStore
) -> None:
    before = rows_of(filled)
    with pytest.raises(OperatorError) as caught:
        restore_backup(filled, other_store, backed_up, silent)
    assert caught.value.code == "system_not_empty"
    assert "analysis" in caught.value.message
    assert (rows_of(filled), list(other_store.blobs())) == (before, [])


@ON_SQLITE
def test_a_system_that_was_set_up_and_never_used_counts_as_empty(
    filled: Database, backed_up: Path, emptied: Database, other_store: FolderBlobStore
) -> None:
    upgrade(emptied)
    register_models(emptied)
    restore_backup(emptied, other_store, backed_up, silent)
    assert rows_of(emptied) == rows_of(filled)


def damage_table(backup: Path) -> None:
    with gzip.open(backup / "image.jsonl.gz", "at") as file:
        file.write("[]\n")


def damage_blob(backup: Path) -> None:
    path = max(path for path in (backup.parent / "blobs").rglob("*") if path.is_file())
    path.write_bytes(b"altered")


def lose_blob(backup: Path) -> None:
    max(path for path in (backup.parent / "blobs").rglob("*") if path.is_file()).unlink()


def cut_manifest(backup: Path) -> None:
    path = backup / "manifest.json"
    path.write_bytes(path.read_bytes()[:-20])


@ON_SQLITE
@INTO_SQLITE
@pytest.mark.parametrize("damage", [damage_table, damage_blob, lose_blob, cut_manifest])
def test_a_damaged_backup_brings_no_row_and_can_be_followed_by_a_good_one(
    damage: Any, filled: Database, backed_up: Path, emptied: Database, other_store: FolderBlobStore
) -> None:
    good = shutil.copytree(backed_up.parent, backed_up.parent.with_name("good")) / backed_up.name
    damage(backed_up)
    with pytest.raises(OperatorError) as caught:
        restore_backup(emptied, other_store, backed_up, silent)
    assert caught.value.code == "backup_damaged"
    if current_revision(emptied) is not None:
        assert all(not rows for rows in rows_of(emptied).values())
    restore_backup(emptied, other_store, good, silent)
    assert rows_of(emptied) == rows_of(filled)


@ON_SQLITE
def test_a_backup_of_an_earlier_release_is_led_to_this_one(
    filled: Database, backed_up: Path, emptied: Database, other_store: FolderBlobStore
) -> None:
    """As release 0003 wrote it: without the columns and the table that came after it."""
    manifest = json.loads((backed_up / "manifest.json").read_text())
    downgrade(filled, "0003")
    with filled.reading() as session:
        there = {
            name: inspect(session.connection()).get_columns(name) for name in inspect(session.connection()).get_table_names()
        }
    tables = [written for written in manifest["tables"] if written["name"] in there]
    for written in tables:
        keep = {column["name"] for column in there[written["name"]]}
        rewrite(backed_up, written, keep)
    (backed_up / "manifest.json").write_text(json.dumps(manifest | {"tables": tables, "revision": "0003"}))
    restore_backup(emptied, other_store, backed_up, silent)
    upgrade(filled)
    assert current_revision(emptied) == newest_revision()
    assert rows_of(emptied) == rows_of(filled)


def rewrite(backup: Path, written: dict[str, Any], keep: set[str]) -> None:
    """Leave some columns of a written table out."""
    path = backup / written["file"]
    places = [place for place, column in enumerate(written["columns"]) if column["name"] in keep]
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps([row[place] for place in places]) + "\n" for row in rows)
    written["columns"] = [written["columns"][place] for place in places]
    written["sha256"] = file_sha256(path)


@ON_SQLITE
def test_a_second_backup_copies_only_what_is_new_and_the_newest_is_restored(
    filled: Database, backed_up: Path, store: FolderBlobStore, tmp_path: Path
) -> None:
    kept = {path: path.stat().st_mtime_ns for path in (backed_up.parent / "blobs").rglob("*") if path.is_file()}
    laboratory = Laboratory(filled)
    new = put_bytes(store, b"copper")
    laboratory.add(laboratory.submit(), "copper")
    second, manifest = write_backup(filled, store, backed_up.parent, NOW + timedelta(days=1), silent)
    now = {path: path.stat().st_mtime_ns for path in (backed_up.parent / "blobs").rglob("*") if path.is_file()}
    assert {path.name for path in now.keys() - kept.keys()} == {new}
    assert {path: now[path] for path in kept} == kept
    assert manifest.missing == ()
    assert newest_backup(backed_up.parent) == second
    assert newest_backup(backed_up) == backed_up


@ON_SQLITE
@INTO_SQLITE
def test_a_blob_that_the_store_has_lost_is_named_and_the_rest_is_backed_up(
    filled: Database, store: FolderBlobStore, tmp_path: Path, emptied: Database, other_store: FolderBlobStore
) -> None:
    lost, altered = (put_bytes(store, name) for name in (b"gold", b"silver"))
    for path in (tmp_path / "blobs").rglob(lost):
        path.unlink()
    for path in (tmp_path / "blobs").rglob(altered):
        path.write_bytes(b"something else")
    target, manifest = write_backup(filled, store, tmp_path / "backups", NOW, silent)
    assert set(manifest.missing) == {lost, altered}
    restore_backup(emptied, other_store, target, silent)
    assert rows_of(emptied) == rows_of(filled)
    assert {blob.sha256 for blob in other_store.blobs()}.isdisjoint(manifest.missing)


@ON_SQLITE
def test_a_file_that_was_cut_to_nothing_takes_no_file_with_it_that_is_rightly_empty(
    filled: Database, store: FolderBlobStore, tmp_path: Path
) -> None:
    laboratory, empty = Laboratory(filled), put_bytes(store, b"")
    laboratory.add(laboratory.submit(), "")
    (cut,) = (tmp_path / "blobs").rglob(put_bytes(store, b"gold"))
    cut.write_bytes(b"")
    target, manifest = write_backup(filled, store, tmp_path / "backups", NOW, silent)
    assert manifest.missing == (cut.name,)
    assert FolderBlobStore(target.parent / "blobs").exists(empty)


@ON_SQLITE
def test_a_backup_that_breaks_off_leaves_no_backup(filled: Database, store: FolderBlobStore, tmp_path: Path) -> None:
    def break_off(_n_done: int, _n_all: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_backup(filled, store, tmp_path / "backups", NOW, break_off)
    with pytest.raises(OperatorError) as caught:
        newest_backup(tmp_path / "backups")
    assert caught.value.code == "no_backup"
    assert write_backup(filled, store, tmp_path / "backups", NOW, silent)[1].missing == ()
