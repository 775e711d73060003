"""Rows of earlier releases on the way to this one and back: all of them stay, and what refers to them still does."""

import pytest
from sqlalchemy import text

from shared import results, schema
from shared.database import Database
from shared.models import AnalysisRow
from tests.integration.laboratory import Laboratory

NOW = "2024-05-06 07:08:09.000000"
# An analysis as release 0002 has it, with the file's pixel size; what it says in nanometres are numbers to recognise.
ANALYSIS = {
    "id": 5, "image_sha256": "a" * 64, "model_name": "classical", "model_version": "1", "parameters": '{"nm_per_px": null}',
    "parameters_sha256": "p", "software_version": "0", "created_at": NOW, "duration_s": 1.0, "format": "TIFF", "bit_depth": 8,
    "width_px": 10, "height_px": 10, "field_top": 0, "field_bottom": 10, "field_left": 0, "field_right": 10, "nm_per_px": 2.0,
    "calibration_source": "metadata", "calibration_status": "ok", "counting_rule": "all", "warnings": "[]", "n_particles": 2,
    "n_touching_border": 0, "ecd_mean_px": 3.0, "ecd_mean_nm": 6.0, "labels_sha256": "l", "outlines_sha256": "o",
    "overlay_sha256": "v", "preview_sha256": "w", "thumbnail_sha256": "t",
}  # fmt: skip
PARTICLE = {
    "analysis_id": 5, "centroid_y_px": 1.0, "centroid_x_px": 1.0, "area_px": 7, "area_nm2": 28.0, "ecd_px": 3.0, "ecd_nm": 6.0,
    "perimeter_px": 9.0, "perimeter_nm": 18.0, "feret_max_px": 3.0, "feret_max_nm": 6.0, "feret_min_px": 3.0,
    "feret_min_nm": 6.0, "aspect_ratio": 1.0, "circularity": 1.0, "solidity": 1.0, "touches_border": False,
}  # fmt: skip


def insert(database: Database, table: str, **values: object) -> None:
    columns, names = ", ".join(values), ", ".join(f":{name}" for name in values)
    with database.writing() as session:
        session.execute(text(f"INSERT INTO {table} ({columns}) VALUES ({names})"), values)


@pytest.fixture
def with_rows(empty_database: Database) -> Database:
    """A database of revision 0002 with one of everything and two particles."""
    schema.upgrade(empty_database, "0002")
    insert(empty_database, "image", sha256="a" * 64, n_bytes=1, created_at=NOW)
    insert(empty_database, "submission", project="old", parameters='{"nm_per_px": null}', created_at=NOW)
    insert(empty_database, "analysis", **ANALYSIS)
    for label in (1, 2):
        insert(empty_database, "particle", label=label, **PARTICLE)
    job = {"submission_id": 1, "image_sha256": "a" * 64, "source_name": "a.tif", "state": "done", "attempts": 1}
    insert(empty_database, "job", analysis_id=5, created_at=NOW, **job)
    return empty_database


def counted(database: Database) -> dict[str, int]:
    tables = ("image", "submission", "job", "analysis", "particle")
    with database.reading() as session:
        return {table: session.scalar(text(f"SELECT count(*) FROM {table}")) for table in tables}


def test_all_rows_stay_on_the_way_up_down_and_up_again(with_rows: Database) -> None:
    before = counted(with_rows)
    assert before["particle"] == 2
    for revision in ("head", "0002", "head"):
        (schema.downgrade if revision == "0002" else schema.upgrade)(with_rows, revision)
        assert counted(with_rows) == before, revision
    with with_rows.reading() as session:
        row = results.analysis(session, 5)
        assert (row.image_index, row.side_cars_sha256, row.recording_id, row.decision_id) == (0, "", None, None)
        assert (row.nm_per_px, row.ecd_mean_nm, row.recording, row.n_images) == (2.0, 6.0, None, None)


def test_particles_still_belong_to_their_analysis_afterwards(with_rows: Database) -> None:
    schema.upgrade(with_rows)
    with pytest.raises(Exception, match=r"(?i)foreign key"):
        insert(with_rows, "particle", label=3, **PARTICLE | {"analysis_id": 99})
    with pytest.raises(Exception, match=r"(?i)unique"):
        insert(with_rows, "analysis", **ANALYSIS | {"id": 6})
    insert(with_rows, "analysis", **ANALYSIS | {"id": 6, "image_index": 1})


def test_analyses_of_an_earlier_release_can_be_decided_about(with_rows: Database) -> None:
    schema.upgrade(with_rows)
    lab = Laboratory(with_rows)
    decision = lab.decide_for_submission(1, 5.0)
    lab.apply(decision)
    assert lab.held(5).nm_per_px == 5.0
    assert [particle.area_nm2 for particle in lab.particles(5)] == [175.0, 175.0]
    assert lab.changes(5) == [(decision, 2.0, 5.0)]


def test_a_database_that_the_older_tables_cannot_hold_does_not_go_back(with_rows: Database) -> None:
    schema.upgrade(with_rows)
    insert(with_rows, "analysis", **ANALYSIS | {"id": 6, "image_index": 1})
    with pytest.raises(RuntimeError, match="1 analyses of further images"):
        schema.downgrade(with_rows, "0002")
    assert schema.current_revision(with_rows) == schema.newest_revision()
    with with_rows.reading() as session:
        assert session.get(AnalysisRow, 6) is not None


def test_a_downgrade_forgets_decisions_and_keeps_the_numbers_that_they_led_to(with_rows: Database) -> None:
    schema.upgrade(with_rows)
    lab = Laboratory(with_rows)
    lab.apply(lab.decide_for_submission(1, 5.0))
    schema.downgrade(with_rows, "0002")
    with with_rows.reading() as session:
        assert session.scalar(text("SELECT nm_per_px FROM analysis")) == 5.0
        assert session.scalar(text("SELECT min(ecd_nm) FROM particle")) == 15.0


def test_side_cars_are_forgotten_on_the_way_back_and_jobs_of_further_images_forbid_it(with_rows: Database) -> None:
    schema.upgrade(with_rows)
    insert(with_rows, "side_car", submission_id=1, name="a.txt", sha256="b" * 64, n_bytes=1, has_image=True, created_at=NOW)
    job = {"submission_id": 1, "image_sha256": "a" * 64, "source_name": "a.tif", "state": "queued", "attempts": 0}
    insert(with_rows, "job", created_at=NOW, image_index=1, **job)
    with pytest.raises(RuntimeError, match="1 jobs of further images"):
        schema.downgrade(with_rows, "0003")
    assert schema.current_revision(with_rows) == schema.newest_revision()
    with with_rows.writing() as session:
        session.execute(text("DELETE FROM job WHERE image_index = 1"))
    before = counted(with_rows)
    schema.downgrade(with_rows, "0003")
    assert counted(with_rows) == before
    schema.upgrade(with_rows)
    with with_rows.reading() as session:
        (row,) = session.execute(text("SELECT images FROM submission")).scalars()
        assert (row, session.scalar(text("SELECT count(*) FROM side_car"))) == ("first", 0)
