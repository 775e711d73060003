"""Particles by their quantities, within a selection of analyses."""

from collections.abc import Iterator
from typing import Any

from flask import Response
from sqlalchemy.orm import Session

from shared.particle_search import BEGIN, all_particles, particles_page
from shared.tables import FOUND_PARTICLE_COLUMNS, found_particle_record
from web.analysis_schemas import FoundParticle
from web.api.blueprint import answer, api_blueprint, as_csv
from web.paging import Page
from web.selection_schemas import ParticleSearchQuery, ParticleSelection
from web.selections import first_names, particles_of
from web.services import services

api = api_blueprint("particles", "What was found, particle by particle.")


@api.get("/particles", responses={200: Page[FoundParticle]})
def search_particles(query: ParticleSearchQuery) -> Response:
    """List the particles that fit all that is asked for, by analysis and label.

    Particles are looked through analysis after analysis. A page that would take longer than people wait ends early, with
    fewer items or none; `next_cursor` goes on, and only null is the end.
    """
    with services().database.reading() as session:
        rows, cursor = particles_of(session, query, query.limit)
        names = first_names(session, [row.analysis_id for row in rows])
        items = [FoundParticle.of_analysis(row, names.get(row.analysis_id)) for row in rows]
    return answer(Page[FoundParticle](items=items, next_cursor=cursor))


@api.get("/particles.csv", responses={200: {"content": {"text/csv": {}}}})
def download_found_particles(query: ParticleSelection) -> Response:
    """Download all particles that fit all that is asked for, by analysis and label, as CSV."""
    with services().database.reading() as session:  # a question that the database gives up is no file that breaks off
        particles_page(session, query.filter, query.about_particles, after=BEGIN, limit=1, looked_s=0)
    return as_csv(FOUND_PARTICLE_COLUMNS, lambda session: _found_records(session, query), "particles.csv")


def _found_records(session: Session, query: ParticleSelection) -> Iterator[dict[str, Any]]:
    for rows in all_particles(session, query.filter, query.about_particles):
        names = first_names(session, [row.analysis_id for row in rows])
        for row in rows:
            yield found_particle_record(row, names.get(row.analysis_id))
