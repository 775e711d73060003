"""Exports on real databases: what a file shows, how it comes to be whatever happens meanwhile, and when it goes."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from shared import decisions, exports
from shared.analysis_filter import AnalysisFilter
from shared.backup import blob_list, write_backup
from shared.calibration import Choice
from shared.database import Database, database_time
from shared.errors import InputError, NotFoundError, TransientError
from shared.export_choices import ExportChoices
from shared.finding_rows import ParticleRow
from shared.housekeeping import survey_blobs
from shared.leases import JobState
from shared.models import AnalysisRow
from shared.output_formats import OUTPUT_FORMATS
from shared.selection import Selection
from shared.storage import FolderBlobStore
from tests.databases import make_tables
from tests.integration.analyses import DiscSegmenter
from tests.integration.bench import Bench
from tests.integration.exports import LEASE_S, MAX_ATTEMPTS, PARTICLES, ExportOffice
from tests.stack import PROJECT, wait_until
from worker import exporter
from worker.micrograph.sandbox import Decoder
from worker.outputs import csv_tables
from worker.outputs.stored import stored_content
from worker.recalibrator import Recalibrator


@pytest.fixture
def office(database: Database, store: FolderBlobStore, tmp_path: Path) -> ExportOffice:
    return ExportOffice.with_rows(database, store, tmp_path / "exports")


@pytest.fixture
def drawn(tmp_path: Path, store: FolderBlobStore, shared_decoder: Decoder) -> Iterator[ExportOffice]:
    """Images with pictures, on SQLite alone: the database has no part in them."""
    database = Database(f"sqlite:///{tmp_path / 'drawn.db'}")
    make_tables(database)
    yield ExportOffice.with_pictures(Bench(database, store, shared_decoder, DiscSegmenter()), tmp_path / "exports")
    database.dispose()


# What a file shows.


def test_a_file_shows_the_images_by_name_with_particles_and_says_what_is_left_out_and_why(office: ExportOffice) -> None:
    number = office.ask(choices=ExportChoices(counting_rule="all"), person="Ada")
    office.make(number)
    row = office.row(number)
    assert (row.n_images, row.n_done, row.person, row.file_name) == (3, 3, "Ada", "Submission_1_project.csv.zip")
    assert [line["file"] for line in office.table(number, "summary.csv")] == ["a.png", "b.png", "other/B.png"]
    particles = office.table(number, "particles.csv")
    assert len(particles) == sum(PARTICLES.values())
    methods = office.members(number)["methods.txt"].decode()
    assert "saemi export --format csv --submission 1 --counting-rule all" in methods
    assert "broken.tif: The file is cut short." in methods


def test_stems_differ_also_where_upper_and_lower_case_are_the_same_and_pictures_are_those_of_the_image(
    drawn: ExportOffice,
) -> None:
    with drawn.database.reading() as session:
        row = exports.ask(session, exports.ExportRequest("csv", f"submission_id={drawn.submission}", drawn.selection()))
        content = stored_content(drawn.database, drawn.store, row)
    assert [image.stem for image in content.images] == ["a", "b", "B_2"]
    assert [(one.name, bool(one.reason)) for one in content.left_out] == [("broken.tif", True)]
    for image in content.images:
        particles, labels = image.particles(), image.labels()
        assert len(particles) == PARTICLES[image.name] == labels.max()
        assert (labels > 0).sum() == particles.area_px.sum()
        assert image.preview().shape == labels.shape
        assert image.preview()[labels > 0].min() > image.preview()[labels == 0].max()
        assert particles.ecd_nm is None
        assert image.parameters is not None


def test_particles_are_in_the_nanometres_of_their_record_also_when_a_decision_comes_while_the_file_is_made(
    office: ExportOffice,
) -> None:
    decide(office, 2.0)
    with office.database.reading() as session:
        row = exports.ask(session, exports.ExportRequest("csv", f"submission_id={office.submission}", office.selection()))
        content = stored_content(office.database, office.store, row)
    decide(office, 3.0)
    for image in content.images:
        particles = image.particles()
        assert image.record["nm_per_px"] == 2.0
        assert particles.ecd_nm is not None
        assert (particles.ecd_nm == 2.0 * particles.ecd_px).all()


def decide(office: ExportOffice, nm_per_px: float) -> None:
    with office.database.writing() as session:
        target = decisions.target_submission(session, office.submission)
        number = decisions.decide(session, target, "Ada", Choice.MANUAL, nm_per_px).id
    Recalibrator(office.database, lease_s=LEASE_S, max_attempts=MAX_ATTEMPTS).run(number)


def test_chosen_analyses_alone_are_shown_and_named(office: ExportOffice) -> None:
    with office.database.reading() as session:
        ids = session.scalars(select(AnalysisRow.id).order_by(AnalysisRow.id).limit(2)).all()
    one = office.ask(selection=Selection(analysis_ids=(ids[0],)))
    two = office.ask("json", selection=Selection(analysis_ids=tuple(ids)))
    office.make(one, two)
    assert (office.row(one).n_images, office.row(two).n_images, office.row(two).title) == (1, 2, "2 chosen analyses")
    assert office.row(one).title in PARTICLES
    assert (office.row(one).file_name, office.row(two).file_name) == ("b.csv.zip", "2_chosen_analyses.json")


def test_every_format_is_made_of_what_is_stored(drawn: ExportOffice) -> None:
    decide(drawn, 2.0)
    numbers = {name: drawn.ask(name) for name in OUTPUT_FORMATS}
    drawn.make(*numbers.values())
    ended = {name: drawn.row(number) for name, number in numbers.items()}
    assert {name: row.error_message for name, row in ended.items() if row.state != JobState.DONE} == {}
    assert {name: row.n_done for name, row in ended.items()} == dict.fromkeys(OUTPUT_FORMATS, len(PARTICLES))
    for name, row in ended.items():
        assert str(row.file_name).endswith(f".{OUTPUT_FORMATS[name].extension}")
        with drawn.store.open(str(row.sha256)) as file:
            assert len(file.read()) == row.n_bytes


# What is refused.


def test_selections_that_give_no_file_are_refused_with_the_reason(
    office: ExportOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = AnalysisFilter(instrument="none of this name")
    assert office.refused(lambda: office.ask(selection=Selection(empty))).code == "nothing_selected"
    missing = office.refused(lambda: office.ask(selection=Selection(analysis_ids=(1, 999))))
    assert (missing.code, type(missing), "999" in missing.message) == ("analysis_not_found", NotFoundError, True)
    for name in ("MOST_IMAGES", "MOST_PARTICLES"):
        with monkeypatch.context() as patch:
            patch.setattr(exports, name, 2)
            too_large = office.refused(office.ask)
        assert (too_large.code, too_large.details) == ("selection_too_large", {"n_images": 3, "n_particles": 10})
    assert office.rows() == []


def test_an_equal_request_that_waits_is_the_answer_and_later_ones_are_made_anew(office: ExportOffice) -> None:
    first = office.ask()
    assert office.ask() == first
    others = [office.ask("json"), office.ask(choices=ExportChoices(bins=7)), office.ask(person="Ada")]
    assert len({first, *others}) == 4
    office.make(first)
    again = office.ask()
    assert again not in {first, *others}


# Whatever happens meanwhile.


def test_a_message_that_comes_again_makes_nothing_twice(office: ExportOffice) -> None:
    number = office.ask()
    office.make(number)
    made = office.row(number)
    office.make(number, number)
    assert office.row(number).finished_at == made.finished_at
    assert list(office.folder.iterdir()) == [], "nothing is left where it was written"


# What a worker does, slowly, so that it can be killed among the images.
WORKER = """
import sys, time
from pathlib import Path
from shared.database import Database
from shared.storage import FolderBlobStore
from worker import exporter
from worker.outputs import csv_tables
real = csv_tables.write
def slow(content, target, progress):
    def wait(n):
        progress(n)
        time.sleep(0.2 if n < len(content.images) else 60)
    real(content, target, wait)
csv_tables.write = slow
exporter.PROGRESS_INTERVAL_S = 0
url, blobs, folder, number = sys.argv[1:]
made = exporter.Exporter(Database(url), FolderBlobStore(Path(blobs)), Path(folder), lease_s=60, max_attempts=3)
made.run(int(number))
"""


def test_a_worker_that_is_killed_among_the_images_loses_nothing_and_the_next_one_begins_anew(
    office: ExportOffice, tmp_path: Path
) -> None:
    number = office.ask()
    url = office.database.engine.url.render_as_string(hide_password=False)
    arguments = [url, str(tmp_path / "blobs"), str(office.folder), str(number)]
    process = subprocess.Popen([sys.executable, "-c", WORKER, *arguments], cwd=PROJECT)
    wait_until(lambda: office.row(number).n_done > 0, "an image is written")
    process.kill()
    process.wait(30)
    assert (office.row(number).state, office.row(number).n_images) == (JobState.RUNNING, 3)
    office.make(number)
    assert office.row(number).state == JobState.RUNNING, "its lease still runs"
    office.let_lease_run_out(number)
    office.make(number)
    row = office.row(number)
    assert (row.state, row.attempts, row.n_done) == (JobState.DONE, 2, 3)
    assert len(office.table(number, "particles.csv")) == sum(PARTICLES.values())


def test_what_killed_workers_left_is_removed_after_a_day(office: ExportOffice) -> None:
    left, fresh = office.folder / "7-of-yesterday", office.folder / "8-of-now"
    for folder in (left, fresh):
        folder.mkdir(parents=True)
        (folder / "made.csv.zip").write_bytes(b"half")
    long_ago = (datetime.now(UTC) - timedelta(days=2)).timestamp()
    os.utime(left, (long_ago, long_ago))
    office.make(office.ask())
    assert list(office.folder.iterdir()) == [fresh]


def test_trouble_gives_it_back_bad_input_fails_it_with_the_reason_and_a_bug_with_a_reference(
    office: ExportOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors = (TransientError("It restarts."), InputError("No such sizes.", code="no_sizes"), RuntimeError("/internal/path"))
    numbers = [office.ask(person=str(error)) for error in errors]
    for number, error in zip(numbers, errors, strict=True):

        def fail(*_: object, error: Exception = error) -> None:
            raise error

        monkeypatch.setattr(csv_tables, "write", fail)
        office.make(number)
    given_back, refused, crashed = (office.row(number) for number in numbers)
    assert (given_back.state, given_back.attempts, given_back.token) == (JobState.QUEUED, 0, None)
    assert given_back.not_before is not None
    assert (refused.state, refused.error_code, refused.error_message) == (JobState.FAILED, "no_sizes", "No such sizes.")
    assert (crashed.state, crashed.error_code, len(crashed.error_reference or "")) == (JobState.FAILED, "internal_error", 8)
    assert "internal/path" not in (crashed.error_message or "")
    monkeypatch.undo()
    office.change(given_back.id, not_before=None)
    office.make(given_back.id)
    assert office.row(given_back.id).state == JobState.DONE


def test_a_worker_that_is_told_to_stop_gives_its_export_back(office: ExportOffice) -> None:
    number = office.ask()
    office.make(number, must_stop=lambda: True)
    assert (office.row(number).state, office.row(number).attempts) == (JobState.QUEUED, 0)


@pytest.mark.parametrize("when", ["waiting", "being made"])
def test_an_export_that_is_cancelled_leaves_nothing(office: ExportOffice, monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    number = office.ask()
    real = csv_tables.write

    def cancel() -> None:
        with office.database.writing() as session:
            assert exports.cancel(session, number).state == JobState.CANCELLED

    def cancelled(content: object, target: object, progress: object) -> None:
        cancel()
        real(content, target, progress)  # type: ignore[arg-type]

    if when == "waiting":
        cancel()
    else:
        monkeypatch.setattr(csv_tables, "write", cancelled)
        monkeypatch.setattr(exporter, "PROGRESS_INTERVAL_S", 0)
    office.make(number)
    row = office.row(number)
    assert (row.state, row.sha256, row.token, row.error_code) == (JobState.CANCELLED, None, None, None)
    cancel()  # once more: it is so already
    with office.database.reading() as session, pytest.raises(InputError, match="no file"):
        exports.made_file(session, number)


def test_an_export_that_is_made_cannot_be_cancelled(office: ExportOffice) -> None:
    number = office.ask()
    office.make(number)
    with office.database.writing() as session, pytest.raises(InputError, match="done"):
        exports.cancel(session, number)
    assert office.row(number).sha256


def test_an_analysis_that_is_removed_while_the_file_is_made_gives_the_export_back(
    office: ExportOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = office.ask()
    real = csv_tables.write

    def removed(content: object, target: object, progress: object) -> None:
        with office.database.writing() as session:
            session.execute(delete(ParticleRow))
        real(content, target, progress)  # type: ignore[arg-type]

    monkeypatch.setattr(csv_tables, "write", removed)
    office.make(number)
    assert (office.row(number).state, office.row(number).attempts) == (JobState.QUEUED, 0)


def test_an_export_over_which_workers_keep_dying_is_set_aside(office: ExportOffice) -> None:
    number = office.ask()
    for _ in range(MAX_ATTEMPTS):
        with office.database.writing() as session:
            assert exports.ERRANDS.claim(session, number, lease_s=-1, max_attempts=MAX_ATTEMPTS) is not None
    with office.database.writing() as session:
        assert exports.ERRANDS.set_aside_exhausted(session, MAX_ATTEMPTS) == 1
    row = office.row(number)
    assert (row.state, row.error_code) == (JobState.FAILED, "attempts_exhausted")
    assert f"{MAX_ATTEMPTS} attempts" in (row.error_message or "")


# How long files are kept.


def test_files_go_after_their_days_and_rows_say_so(office: ExportOffice) -> None:
    old, young, waiting = office.ask(), office.ask("json"), office.ask("parquet")
    office.make(old, young)
    office.change(old, finished_at=database_time(-31 * 86_400))
    with office.database.writing() as session:
        due = exports.aged(session, 30)
        assert (due.n, due.n_bytes) == (1, office.row(old).n_bytes)
        assert exports.aged(session, 0).n == 0
        assert exports.remove_aged(session, 30) == 1
        assert exports.remove_aged(session, 30) == 0
    row = office.row(old)
    assert (row.removed_after_days, row.state, row.removed_at is None) == (30, JobState.DONE, False)
    assert [office.row(number).removed_at for number in (young, waiting)] == [None, None]
    with office.database.reading() as session:
        with pytest.raises(InputError, match="kept for 30 days"):
            exports.made_file(session, old)
        later = survey_blobs(session, office.store, datetime.now(UTC) + timedelta(days=3))
    orphans = {blob.sha256 for blob in later.orphans}
    assert row.sha256 in orphans
    assert office.row(young).sha256 not in orphans


def test_a_backup_leaves_exports_out(office: ExportOffice, tmp_path: Path) -> None:
    number = office.ask()
    office.make(number)
    target, manifest = write_backup(office.database, office.store, tmp_path / "backups", datetime.now(UTC), lambda *_: None)
    assert "export" not in {table.name for table in manifest.tables}
    assert office.row(number).sha256 not in set(blob_list(target))
    assert office.row(number).sha256 not in manifest.missing
