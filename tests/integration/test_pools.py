"""Sizes of a selection on real databases: from rows and from particles, and what is left out of a pool is named."""

import numpy as np
import pytest
from sqlalchemy import update

from shared import pools
from shared.analysis_filter import AnalysisFilter
from shared.database import Database
from shared.distributions.pooled import summarise_pooled
from shared.distributions.sample import COUNTING_RULES, CountingRule, counted
from shared.distributions.summary import summarise
from shared.errors import InputError
from shared.finding_rows import ParticleRow
from shared.models import AnalysisRow
from shared.quantities import ParticleTable
from shared.selection import Excluded, Selection
from tests.integration.analyses import make_analysis, particle_table, save

EVERYTHING = Selection()


def table(seed: int, nm_per_px: float | None, n: int = 400) -> ParticleTable:
    random = np.random.default_rng(seed)
    return particle_table(n, nm_per_px, ecd_px=random.lognormal(np.log(25), 0.4, n), edge_weight=1 + random.random(n))


def store(database: Database, tables: list[tuple[ParticleTable, float | None]]) -> list[int]:
    return [save(database, make_analysis(found, nm), f"{number:064d}") for number, (found, nm) in enumerate(tables)]


@pytest.mark.parametrize("rule", COUNTING_RULES)
def test_rows_and_particles_give_the_same_pool(database: Database, rule: CountingRule) -> None:
    tables = [(table(seed, nm), nm) for seed, nm in enumerate([1.0, 1.25, 0.8])]
    store(database, tables)
    with database.reading() as session:
        exact = pools.population(session, EVERYTHING, "ecd_nm", rule)
        stored = pools.stored_pool(session, EVERYTHING, rule)
    sizes = np.sort(np.concatenate([counted(t.ecd_nm, t.touches_border, t.edge_weight, rule).sample.sizes for t, _ in tables]))
    assert exact.sample.sizes.tolist() == sizes.tolist()
    assert (exact.sample.n_images, exact.n_particles, exact.smallest_reliable) == (3, 1200, 8 * 1.25)
    assert np.bincount(exact.sample.image).tolist() == [len(sizes) // 3] * 3
    assert (stored.n_particles, stored.n_counted, stored.n_small) == (1200, len(sizes), exact.n_small)
    by_rows = summarise_pooled(stored.bins.histogram, stored.sums, stored.n_counted, "number")
    by_particles = summarise(exact.sample, "number")
    assert (by_rows.mean, by_rows.sd) == pytest.approx((by_particles.mean, by_particles.sd))
    assert by_rows.d50 == pytest.approx(by_particles.d50, rel=0.012)


def test_images_without_nanometres_are_left_out_of_a_pool_in_nanometres_and_named(database: Database) -> None:
    tables = [(table(1, 2.0), 2.0), (table(2, None), None), (table(3, None), None)]
    calibrated, missing, conflict = store(database, tables)
    with database.writing() as session:
        session.execute(update(AnalysisRow).where(AnalysisRow.id == conflict).values(calibration_status="conflict"))
    left_out = (Excluded(missing, "no pixel size"), Excluded(conflict, "pixel size in conflict"))
    with database.reading() as session:
        in_nm = pools.population(session, EVERYTHING, "feret_min_nm", "all")
        in_px = pools.population(session, EVERYTHING, "feret_min_px", "all")
        stored = pools.stored_pool(session, EVERYTHING, "all")
        one = pools.population(session, Selection(analysis_ids=(calibrated,)), "circularity", "all")
    assert (in_nm.excluded, in_nm.sample.n_images, len(in_nm.sample)) == (left_out, 1, 400)
    assert (in_px.excluded, in_px.sample.n_images, len(in_px.sample)) == ((), 3, 1200)
    assert (stored.excluded, stored.bins.n_images) == (left_out, 1)
    assert (one.sample.n_images, one.smallest_reliable) == (1, None)


def test_what_a_release_before_did_not_measure_is_left_out_and_named(database: Database) -> None:
    _, old = store(database, [(table(1, 2.0), 2.0), (table(2, 2.0), 2.0)])
    with database.writing() as session:
        session.execute(update(ParticleRow).where(ParticleRow.analysis_id == old).values(edge_weight=None, extent=None))
        session.execute(update(AnalysisRow).where(AnalysisRow.id == old).values(ecd_bins=None, ecd_sums=None))
    left_out = (Excluded(old, "not measured"),)
    with database.reading() as session:
        assert pools.population(session, EVERYTHING, "ecd_nm", "exclude-border-weighted").excluded == left_out
        assert pools.population(session, EVERYTHING, "extent", "all").excluded == left_out
        assert pools.population(session, EVERYTHING, "ecd_nm", "exclude-border").excluded == ()
        assert pools.stored_pool(session, EVERYTHING, "all").excluded == left_out


def test_an_image_without_particles_is_one_of_the_images(database: Database) -> None:
    store(database, [(table(1, 2.0), 2.0), (table(2, 2.0, n=0), 2.0)])
    with database.reading() as session:
        exact = pools.population(session, EVERYTHING, "ecd_nm", "all")
        stored = pools.stored_pool(session, EVERYTHING, "all")
    assert (exact.sample.n_images, len(exact.sample), stored.bins.n_images) == (2, 400, 2)


def test_a_selection_of_nothing_is_a_pool_of_nothing(database: Database) -> None:
    nothing = Selection(AnalysisFilter(instrument="no such instrument"))
    with database.reading() as session:
        exact = pools.population(session, nothing, "ecd_nm", "all")
        stored = pools.stored_pool(session, nothing, "all")
    assert (len(exact.sample), exact.sample.n_images, exact.smallest_reliable, exact.excluded) == (0, 0, None, ())
    assert (stored.n_counted, stored.bins.n_images) == (0, 0)


def test_more_particles_than_can_be_read_at_once_are_refused(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    store(database, [(table(1, 2.0), 2.0)])
    monkeypatch.setattr(pools, "MOST_PARTICLES", 399)
    with database.reading() as session, pytest.raises(InputError, match="400 particles, and 399") as caught:
        pools.population(session, EVERYTHING, "ecd_nm", "all")
    assert caught.value.code == "too_many_particles"
    with database.reading() as session, pytest.raises(InputError, match="no quantity 'colour'"):
        pools.population(session, EVERYTHING, "colour", "all")
