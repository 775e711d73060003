"""Selections as lists: analyses by what was found, and their particles by what was measured."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flask import render_template, url_for
from sqlalchemy.orm import Session

from shared import audit, job_lists, recordings, registry
from shared.analysis_lists import CREATED_AT
from shared.conditions import Condition, read_condition
from shared.errors import InputError
from shared.quantities import PARTICLE_QUANTITIES, STATISTIC_QUANTITIES, Quantity
from shared.searching import TOO_WIDE
from web.pages import found_particles, pixel_size, selection
from web.pages.exports import export_form
from web.pages.lists import analysis_line
from web.pages.selection import Chip, Form
from web.pages.statistics import extra_columns, sort_heads
from web.selection_schemas import ANY_QUANTITIES
from web.selections import analyses_of, first_names, particles_of
from web.services import services
from web.views.addresses import ROWS, AnalysisListQuery, ParticleListQuery, asked

ON_ANALYSES = [("Statistics of the analysis", STATISTIC_QUANTITIES)]
ON_PARTICLES = [("Of the particle", PARTICLE_QUANTITIES), *ON_ANALYSES]
# So many criteria are tried to find one without which something fits.
MOST_TRIED = 8


def analyses_page() -> str:
    """Show the analyses that fit the query of the address, in its order."""
    query = asked(AnalysisListQuery)
    wanted = _given(query)
    criteria = {name: value for name, value in wanted.items() if name not in ("sort", "order")}
    conditions = [read_condition(text, STATISTIC_QUANTITIES) for text in query.where]
    chips = selection.chips(wanted, conditions, lambda without: url_for("portal.analyses_page", **without))
    with services().database.reading() as session:
        rows, cursor = analyses_of(session, query, ROWS)
        origins = job_lists.origins_of(session, [row.id for row in rows])
        counts = audit.calibration_counts(session)
        form = _form(session, criteria, conditions, ON_ANALYSES)
        helpful = [] if rows or query.cursor else list(_loosened(session, chips))
    columns = extra_columns(query.sort, conditions)
    return render_template(
        "analyses.html",
        lines=[analysis_line(row, origins[row.id]) for row in rows],
        columns=columns,
        values=[[column.written(row) for column in columns] for row in rows],
        heads=sort_heads(query.sort, query.order, lambda way: url_for("portal.analyses_page", **{**wanted, **way})),
        wanted=wanted,
        criteria=criteria,
        form=form,
        chips=chips,
        helpful=helpful,
        counts=counts,
        calibration_states=pixel_size.STATUS_TEXT,
        sorts=[selection.choice(quantity) for quantity in STATISTIC_QUANTITIES],
        created_at=CREATED_AT,
        export_form=export_form(),
        cursor=query.cursor,
        further=cursor,
    )


def particles_page() -> str:
    """Show the particles that fit the query of the address, by analysis and label."""
    query = asked(ParticleListQuery)
    wanted = _given(query)
    conditions = [read_condition(text, ANY_QUANTITIES) for text in query.where]
    chips = selection.chips(wanted, conditions, lambda without: url_for("portal.particles_page", **without))
    with services().database.reading() as session:
        rows, cursor = particles_of(session, query, ROWS)
        names = first_names(session, [row.analysis_id for row in rows])
        form = _form(session, wanted, conditions, ON_PARTICLES)
    about_analyses = [text for text in query.where if text not in map(str, query.about_particles)]
    columns = found_particles.columns(query.about_particles)
    return render_template(
        "particles.html",
        columns=columns,
        lines=[found_particles.line(row, names.get(row.analysis_id), columns) for row in rows],
        wanted=wanted,
        of_analyses={**wanted, "where": about_analyses},
        form=form,
        chips=chips,
        cursor=query.cursor,
        further=cursor,
        ended_early=cursor is not None and len(rows) < ROWS,
    )


def _given(query: AnalysisListQuery | ParticleListQuery) -> dict[str, Any]:
    """Return what a query asks for, as an address writes it."""
    given: dict[str, Any] = query.model_dump(mode="json", exclude={"cursor", "limit"}, exclude_defaults=True)
    return given


def _form(
    session: Session,
    criteria: Mapping[str, Any],
    conditions: Sequence[Condition],
    quantities: Sequence[tuple[str, Sequence[Quantity]]],
) -> Form:
    suggestions = {name: recordings.newest_values(session, name) for name in ("instrument", "operator", "detector")}
    models = [registry.identity(row).reference for row in registry.models(session)]
    return selection.form(criteria, conditions, quantities, suggestions | {"model": models})


def _loosened(session: Session, chips: Sequence[Chip]) -> Iterator[Chip]:
    """Yield the criteria without which, all others kept, something would fit."""
    for chip in chips[:MOST_TRIED]:
        try:
            rows, _ = analyses_of(session, AnalysisListQuery.model_validate(chip.without), 1)
        except InputError as error:
            if error.code != TOO_WIDE:
                raise
            session.rollback()  # a statement that was given up ends its transaction
            continue
        if rows:
            yield chip
