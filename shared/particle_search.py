"""Particles by their quantities within a selection of analyses. Functions take the session first and never commit.

No index knows all quantities of hundreds of millions of particles, so analysis after analysis is looked through. A page that
takes longer than people wait ends early and says where to go on; a list of all goes through to the end.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from sqlalchemy import Select, select, tuple_
from sqlalchemy.orm import Session

from shared.analysis_filter import AnalysisFilter, narrowed
from shared.conditions import Condition
from shared.finding_rows import ParticleRow
from shared.models import AnalysisRow
from shared.searching import fits, patiently

# Analyses of the first look, which finds enough where hits are frequent, and of the longest.
FIRST_LOOK, LONGEST_LOOK = 50, 1000
# Numbers of selected analyses that are asked for at once: what is asked of them may take the database its time.
SELECTED = 20_000
LOOKED_S = 3.0
# No label comes behind it.
LAST_LABEL = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Seen:
    """How far a search has come: all of the analyses before this one, and of this one the labels up to this."""

    analysis_id: int
    label: int


BEGIN = Seen(0, 0)


@dataclass(frozen=True, slots=True)
class FoundParticles:
    """One page of particles; ``seen`` is where the search goes on, None at its end.

    It may hold fewer than were asked for, also none, before the end.
    """

    particles: list[ParticleRow]
    seen: Seen | None


def particles_page(
    session: Session, wanted: AnalysisFilter, where: Sequence[Condition], *, after: Seen, limit: int, looked_s: float = LOOKED_S
) -> FoundParticles:
    """Return up to ``limit`` particles that fit all conditions, by analysis and label, of the analyses that fit a filter.

    Ends early after ``looked_s``; raises InputError ``search_too_wide`` where the analyses alone take the database too long.
    """
    end = time.monotonic() + looked_s
    found: list[ParticleRow] = []
    for seen, particles in _looks(session, wanted, where, after, limit + 1):
        found += particles
        if len(found) > limit:
            last = found[limit - 1]
            return FoundParticles(found[:limit], Seen(last.analysis_id, last.label))
        if time.monotonic() > end:
            return FoundParticles(found, seen)
    return FoundParticles(found, None)


def all_particles(session: Session, wanted: AnalysisFilter, where: Sequence[Condition]) -> Iterator[list[ParticleRow]]:
    """Yield all particles that fit in batches, by analysis and label, without holding them all."""
    for _, particles in _looks(session, wanted, where, BEGIN, None):
        yield particles
        session.expunge_all()


def _looks(
    session: Session, wanted: AnalysisFilter, where: Sequence[Condition], after: Seen, limit: int | None
) -> Iterator[tuple[Seen, list[ParticleRow]]]:
    """Yield what each look at some analyses finds, up to a limit of each, and how far it has come."""
    numbers, n, seen = _selected(session, wanted, after), FIRST_LOOK, after
    with patiently():
        while some := list(islice(numbers, n)):
            particles = list(session.scalars(_among(some, where, after).limit(limit)))
            seen = Seen(some[-1], LAST_LABEL)
            yield seen, particles
            n = min(2 * n, LONGEST_LOOK)


def _selected(session: Session, wanted: AnalysisFilter, after: Seen) -> Iterator[int]:
    """Yield the numbers of the selected analyses in their order."""
    selected = narrowed(select(AnalysisRow.id), wanted, session.get_bind().dialect).order_by(AnalysisRow.id).limit(SELECTED)
    first = after.analysis_id if after.label < LAST_LABEL else after.analysis_id + 1
    while numbers := session.scalars(selected.where(AnalysisRow.id >= first)).all():
        yield from numbers
        first = numbers[-1] + 1


def _among(numbers: Sequence[int], where: Sequence[Condition], after: Seen) -> Select[ParticleRow]:
    key = tuple_(ParticleRow.analysis_id, ParticleRow.label)
    return (
        select(ParticleRow)
        .where(ParticleRow.analysis_id.in_(numbers), *(fits(condition, ParticleRow) for condition in where))
        .where(key > (after.analysis_id, after.label))
        .order_by(ParticleRow.analysis_id, ParticleRow.label)
    )
