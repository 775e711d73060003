"""Searches that are too much for one look: they end early and go on, or say that they are too wide."""

import pytest
from sqlalchemy import select, text

from benchmarks.found_rows import make_rows
from shared import particle_search
from shared.analysis_filter import EVERY_ANALYSIS
from shared.conditions import read_condition
from shared.database import Database
from shared.errors import InputError
from shared.finding_rows import ParticleRow
from shared.particle_search import BEGIN, Seen, particles_page
from shared.quantities import PARTICLE_QUANTITIES
from shared.searching import patiently


def test_a_page_of_particles_ends_early_where_it_takes_long(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    make_rows(database, 40, 6)
    monkeypatch.setattr(particle_search, "FIRST_LOOK", 3)
    monkeypatch.setattr(particle_search, "LONGEST_LOOK", 5)
    monkeypatch.setattr(particle_search, "SELECTED", 7)
    where = [read_condition("ecd_px>220", PARTICLE_QUANTITIES)]
    found: list[tuple[int, int]] = []
    lengths = []
    seen: Seen | None = BEGIN
    with database.reading() as session:
        wanted = session.execute(
            select(ParticleRow.analysis_id, ParticleRow.label)
            .where(ParticleRow.ecd_px > 220)
            .order_by(ParticleRow.analysis_id, ParticleRow.label)
        ).all()
        while seen is not None:
            page = particles_page(session, EVERY_ANALYSIS, where, after=seen, limit=4, looked_s=0)
            found += [(row.analysis_id, row.label) for row in page.particles]
            lengths.append(len(page.particles))
            seen = page.seen
    assert found == [tuple(row) for row in wanted]
    assert found
    assert 0 in lengths[:-1], "an empty page is not the end"
    assert max(lengths) <= 4


def test_a_search_that_the_database_gives_up_is_too_wide_and_no_failure_of_the_database(postgres_url: str) -> None:
    database = Database(postgres_url, statement_timeout_s=0.2)
    with pytest.raises(InputError, match="Narrow it") as caught, database.reading() as session, patiently():
        session.execute(text("SELECT pg_sleep(5)"))
    assert caught.value.code == "search_too_wide"
    database.dispose()
