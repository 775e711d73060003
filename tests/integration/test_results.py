"""Analyses on real databases: stored once, read in pages that show every particle once, counted like numpy counts."""

import threading
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from shared import analysis_lists, results, shown_sizes
from shared.database import Database
from shared.distributions.fitness import judge
from shared.domain import Micrograph, Parameters
from shared.errors import InputError, NotFoundError
from shared.finding_rows import ParticleRow, RecordingRow
from shared.models import AnalysisRow
from shared.tables import PARTICLE_COLUMNS
from tests.integration.analyses import FILES, MODEL, SHA256, SIDE, make_analysis, particle_table, save

IN_NM = [name for name in PARTICLE_COLUMNS if name.endswith(("_nm", "_nm2"))]
# A database lives as long as its test, so that all examples of one share it: each stores an image of its own.
ON_ONE_DATABASE = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=12, deadline=None, derandomize=True
)
# Few different values, so that ties are the rule, and some that differ in the last digit only.
TIED = st.lists(st.sampled_from([0.0, 1.0, 1.0 + 2**-52, 0.1 + 0.2, 0.3, 1e-300, 1e20]), min_size=1, max_size=14)


def counted(database: Database, table: type) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def sha256(seed: object) -> str:
    import hashlib

    return hashlib.sha256(repr(seed).encode()).hexdigest()


def walk(database: Database, analysis_id: int, sort: str, limit: int, *, descending: bool) -> list[tuple[float, int]]:
    """Read page after page as a client does, each going on behind the last particle of the one before."""
    seen: list[tuple[float, int]] = []
    while True:
        with database.reading() as session:
            page = results.particles_page(
                session, analysis_id, sort=sort, descending=descending, after=seen[-1] if seen else None, limit=limit
            )
        if not page:
            return seen
        seen += [(getattr(particle, sort), particle.label) for particle in page]
        assert len(seen) < 1000, "the pages never end"


def test_an_analysis_is_stored_with_all_it_says_and_all_its_particles(database: Database) -> None:
    particles = particle_table(5, 0.5, confidence=np.array([0.9, 0.4, 0.5, 1.0, 0.0]))
    analysis_id = save(database, make_analysis(particles, 0.5))
    with database.reading() as session:
        stored = results.analysis(session, analysis_id)
        rows = list(results.all_particles(session, analysis_id))
    assert (stored.model_name, stored.model_version, stored.n_particles, stored.n_touching_border) == ("drawn", "1", 5, 2)
    assert (stored.nm_per_px, stored.calibration_source, stored.calibration_status) == (0.5, "manual", "ok")
    assert (stored.model_sha256, stored.n_low_confidence) == (MODEL.sha256, 2)
    judged = judge(particles, SIDE**2)
    assert (stored.fitness, stored.fitness_reasons) == (judged.verdict, list(judged.reasons))
    assert [row.low_confidence for row in rows] == [False, True, False, False, True]
    assert stored.warnings == ["First page only.", "One.", "Two."]
    assert Parameters(**stored.parameters) == Parameters(nm_per_px=0.5)
    for name in PARTICLE_COLUMNS:
        assert [getattr(row, name) for row in rows] == getattr(particles, name).tolist(), name


def test_the_same_analysis_stored_again_is_the_first_one_and_adds_no_particle(database: Database) -> None:
    analysis = make_analysis(particle_table(5))
    first = save(database, analysis)
    assert save(database, analysis) == first
    assert (counted(database, AnalysisRow), counted(database, ParticleRow)) == (1, 5)


def test_another_image_model_or_parameter_makes_another_analysis(database: Database) -> None:
    analysis = make_analysis(particle_table(2, 0.5), 0.5)
    others = [replace(analysis, model=replace(MODEL, version="2")), replace(analysis, parameters=Parameters(nm_per_px=0.25))]
    ids = {save(database, one) for one in (analysis, *others)} | {save(database, analysis, sha256("another"))}
    assert len(ids) == 4
    assert counted(database, ParticleRow) == 8


def test_two_that_store_the_same_analysis_at_the_same_time_store_it_once(database: Database) -> None:
    analysis = make_analysis(particle_table(500))
    save(database, replace(analysis, parameters=Parameters(nm_per_px=9)))  # the image is there
    together, ids = threading.Barrier(2, timeout=30), []

    def store() -> None:
        together.wait()
        ids.append(save(database, analysis))

    threads = [threading.Thread(target=store) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(ids) == 2
    assert len(set(ids)) == 1
    with database.reading() as session:
        assert len(list(results.all_particles(session, ids[0]))) == 500


def test_a_stored_analysis_is_found_by_image_model_and_parameters_alone(database: Database) -> None:
    analysis_id = save(database, make_analysis(particle_table(1)))
    with database.reading() as session:
        found = results.find_analyses(session, [SHA256, sha256("other")])
        assert results.find_analyses(session, [sha256("other")]) == {}
    assert found == {results.identity(SHA256, MODEL, Parameters()): analysis_id}
    assert results.identity(SHA256, replace(MODEL, version="2"), Parameters()) not in found
    assert results.identity(SHA256, MODEL, Parameters(nm_per_px=1)) not in found


def test_an_analysis_without_particles_is_stored_listed_and_counted(database: Database) -> None:
    analysis_id = save(database, make_analysis(particle_table(0)))
    assert walk(database, analysis_id, "ecd_px", 5, descending=False) == []
    with database.reading() as session:
        assert [row.id for row in analysis_lists.analyses_page(session, limit=5)] == [analysis_id]


@given(values=TIED, limit=st.integers(1, 5), descending=st.booleans())
@ON_ONE_DATABASE
def test_the_pages_show_every_particle_once_in_order_also_among_equal_values(
    database: Database, values: list[float], limit: int, descending: bool
) -> None:
    analysis = make_analysis(particle_table(len(values), nnd_px=np.array(values)))
    analysis_id = save(database, analysis, sha256(values))
    expected = sorted(zip(values, range(1, len(values) + 1), strict=True), reverse=descending)
    assert walk(database, analysis_id, "nnd_px", limit, descending=descending) == expected


def test_the_pages_can_be_in_the_order_of_every_column_in_both_directions(database: Database) -> None:
    tied = np.repeat([3.0, 1.0, 2.0], 3)
    columns = {name: tied for name in PARTICLE_COLUMNS if name.endswith("_px")}
    particles = particle_table(9, 0.5, **columns, confidence=tied / 4)
    analysis_id = save(database, make_analysis(particles, 0.5))
    for sort in PARTICLE_COLUMNS:
        expected = sorted(zip(getattr(particles, sort).tolist(), range(1, 10), strict=True))
        assert walk(database, analysis_id, sort, 2, descending=False) == expected, sort
        assert walk(database, analysis_id, sort, 2, descending=True) == expected[::-1], sort


@pytest.mark.parametrize("column", ["confidence", "low_confidence"])
def test_without_confidence_particles_have_no_order_and_no_distribution_of_it(database: Database, column: str) -> None:
    analysis_id = save(database, make_analysis(particle_table(3)))
    with database.reading() as session:
        for ask in (
            lambda: results.particles_page(session, analysis_id, sort=column, descending=False, after=None, limit=2),
            lambda: shown_sizes.read_analysis(session, analysis_id, column, "all"),
        ):
            with pytest.raises(InputError) as caught:
                ask()
            assert caught.value.code == "no_confidence"
        assert [row.confidence for row in results.all_particles(session, analysis_id)] == [None] * 3


def test_without_a_calibration_the_columns_in_nanometres_are_empty_and_asking_for_them_is_refused(database: Database) -> None:
    analysis_id = save(database, make_analysis(particle_table(3)))
    with database.reading() as session:
        stored = results.analysis(session, analysis_id)
        assert (stored.nm_per_px, stored.calibration_source, stored.calibration_status) == (None, None, "missing")
        for row in results.all_particles(session, analysis_id):
            assert [getattr(row, name) for name in IN_NM] == [None] * len(IN_NM)
        for name in IN_NM:
            with pytest.raises(InputError) as caught:
                shown_sizes.read_analysis(session, analysis_id, name, "all")
            assert caught.value.code == "not_calibrated"
            with pytest.raises(InputError) as caught:
                results.particles_page(session, analysis_id, sort=name, descending=False, after=None, limit=5)
            assert caught.value.code == "not_calibrated"


def test_a_quantity_that_does_not_exist_is_refused_and_never_read_from_the_row(database: Database) -> None:
    analysis_id = save(database, make_analysis(particle_table(3)))
    with database.reading() as session:
        for name in ("analysis_id", "metadata", "__class__", ""):
            with pytest.raises(InputError) as caught:
                shown_sizes.read_analysis(session, analysis_id, name, "all")
            assert caught.value.code == "unknown_quantity"


def test_what_does_not_exist_is_named(database: Database) -> None:
    analysis_id = save(database, make_analysis(particle_table(3)))
    with database.reading() as session:
        assert results.particle(session, analysis_id, 3).label == 3
        for look in (
            lambda: results.analysis(session, 10**9),
            lambda: results.particle(session, analysis_id, 4),
            lambda: results.particle(session, 10**9, 1),
            lambda: results.source_name(session, 10**9),
        ):
            with pytest.raises(NotFoundError):
                look()


def test_further_images_of_a_file_and_other_side_cars_make_analyses_and_recordings_of_their_own(database: Database) -> None:
    analysis, first = make_analysis(particle_table(2)), Micrograph(np.zeros((SIDE, SIDE), dtype=np.uint8), "TIFF", n_images=2)
    save(database, analysis)  # the image is there
    cases = [(replace(first, index=1), ""), (first, "c" * 64), (replace(first, index=1), "c" * 64), (first, "")]

    def store(micrograph: Micrograph, side_cars_sha256: str) -> int:
        options = {"duration_s": 0.5, "side_cars_sha256": side_cars_sha256}
        with database.writing() as session:
            return results.save_analysis(session, SHA256, micrograph, analysis, FILES, **options)

    ids = [store(*case) for case in cases]
    assert len(set(ids)) == 4
    assert [store(*case) for case in cases] == ids
    assert (counted(database, AnalysisRow), counted(database, RecordingRow)) == (4, 4)
    with database.reading() as session:
        place = {"image_index": 1, "side_cars_sha256": "c" * 64}
        assert results.find_analyses(session, [SHA256])[results.identity(SHA256, MODEL, Parameters(), **place)] == ids[2]
