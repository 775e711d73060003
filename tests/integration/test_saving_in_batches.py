"""Several analyses stored in one transaction: as if one by one, by few statements, and without waiting for each other."""

import threading
from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import func, select, text

from shared import bulk, results, submissions
from shared.database import Database
from shared.domain import Analysis, Micrograph, Parameters
from shared.errors import TransientError
from shared.finding_rows import ParticleRow, RecordingRow
from shared.models import AnalysisRow
from shared.results import FoundAnalysis
from shared.tables import PARTICLE_COLUMNS
from tests.conftest import fresh_postgres
from tests.databases import make_tables
from tests.integration.analyses import FILES, MODEL, SIDE, make_analysis, particle_table


def found(letter: str, analysis: Analysis, index: int = 0) -> FoundAnalysis:
    micrograph = Micrograph(np.zeros((SIDE, SIDE), dtype=np.uint8), "PNG", n_images=index + 1, index=index)
    return FoundAnalysis(letter * 64, micrograph, analysis, FILES, duration_s=0.5)


def hand_in(database: Database, letters: str) -> None:
    with database.writing() as session:
        submission = submissions.create_submission(session, "project", None, Parameters()).id
        for letter in letters:
            submissions.add_job(session, submission, letter * 64, 10, f"{letter}.png")


def save(database: Database, *several: FoundAnalysis) -> list[int]:
    with database.writing() as session:
        return results.save_analyses(session, several)


def count(database: Database, table: type) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_each_analysis_of_a_batch_has_its_own_particles_with_all_their_values(database: Database) -> None:
    hand_in(database, "abc")
    tables = [particle_table(5, 0.5, confidence=np.linspace(0, 1, 5)), particle_table(0), particle_table(3)]
    numbers = save(database, *(found(letter, make_analysis(one, 0.5)) for letter, one in zip("abc", tables, strict=True)))
    assert len(set(numbers)) == 3
    for number, letter, table in zip(numbers, "abc", tables, strict=True):
        with database.reading() as session:
            assert results.analysis(session, number).image_sha256 == letter * 64
            rows = list(results.all_particles(session, number))
        for name in PARTICLE_COLUMNS:
            column = getattr(table, name)
            assert [getattr(row, name) for row in rows] == ([None] * len(table) if column is None else column.tolist()), name


def test_what_is_stored_already_or_comes_twice_is_one_analysis_with_one_set_of_particles(database: Database) -> None:
    hand_in(database, "ab")
    same, other = make_analysis(particle_table(4)), make_analysis(particle_table(2))
    (first,) = save(database, found("a", same))
    second, again, third = save(database, found("b", other), found("a", same), found("b", other))
    assert (again, third) == (first, second)
    assert second != first
    assert (count(database, AnalysisRow), count(database, ParticleRow), count(database, RecordingRow)) == (2, 6, 2)


def test_analyses_of_one_image_by_several_models_share_its_recording(database: Database) -> None:
    hand_in(database, "a")
    analysis = make_analysis(particle_table(2))
    several = [found("a", replace(analysis, model=replace(MODEL, version=str(n)))) for n in range(3)]
    further = found("a", analysis, index=1)
    assert len(set(save(database, *several, further))) == 4
    assert (count(database, AnalysisRow), count(database, RecordingRow)) == (4, 2)


def test_nothing_to_store_is_stored_without_a_statement(database: Database) -> None:
    assert save(database) == []


def test_a_batch_is_stored_whole_or_not_at_all(database: Database) -> None:
    hand_in(database, "a")
    analysis = make_analysis(particle_table(3))
    # No image with this content was ever handed in.
    with pytest.raises(Exception, match=r"(?i)foreign key"):
        save(database, found("a", analysis), found("f", analysis))
    assert (count(database, AnalysisRow), count(database, ParticleRow), count(database, RecordingRow)) == (0, 0, 0)


def test_two_batches_of_the_same_images_in_opposite_order_store_each_once_and_never_wait_for_ever(database: Database) -> None:
    letters = "abcdef"
    hand_in(database, letters)
    batch = [found(letter, make_analysis(particle_table(50))) for letter in letters]
    together, numbers = threading.Barrier(2, timeout=30), {}

    def store(name: str, several: list[FoundAnalysis]) -> None:
        together.wait()
        numbers[name] = save(database, *several)

    threads = [threading.Thread(target=store, args=case) for case in (("there", batch), ("back", batch[::-1]))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert numbers["there"] == numbers["back"][::-1]
    assert (count(database, AnalysisRow), count(database, ParticleRow)) == (6, 300)


def test_a_server_that_goes_away_while_particles_are_copied_is_a_matter_of_time(postgres_url: str) -> None:
    with fresh_postgres(postgres_url) as database:
        make_tables(database)

        def lose_the_server_and_copy() -> None:
            with database.writing() as session:
                process_id = session.scalar(text("SELECT pg_backend_pid()"))
                with database.reading() as other:
                    other.execute(text("SELECT pg_terminate_backend(:id)"), {"id": process_id})
                bulk.add_particles(session, [(1, particle_table(3))])

        with pytest.raises(TransientError):
            lose_the_server_and_copy()
        assert count(database, ParticleRow) == 0
