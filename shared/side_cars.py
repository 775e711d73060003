"""Side-cars in the database: what was handed in beside images, which image it belongs to, and which belongs to none.

Functions take the session first and never commit. Whoever adds a file to a submission holds the submission first, so that an
image and its side-car find each other in whatever order they come.
"""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Select, case, distinct, func, select, update
from sqlalchemy.orm import Session

from shared.database import database_time
from shared.errors import InputError, NotFoundError
from shared.models import JobRow, SideCarRow, SubmissionRow
from shared.side_car_names import common_start, relation, side_cars_of, spellings


@dataclass(frozen=True, slots=True)
class BelongingSideCar:
    """A side-car of one image: its name without folders, how that follows from the image's, its content and its row."""

    name: str
    relation: str
    sha256: str
    id: int


@dataclass(frozen=True, slots=True)
class SideCarCounts:
    """Number of side-cars, and of those that belong to no image."""

    total: int
    without_image: int


def hold_submission(session: Session, submission_id: int) -> None:
    """Let nobody else add to a submission or remove it until this transaction ends; raises NotFoundError where there is none.

    On PostgreSQL a job that is inserted meanwhile waits as well, because its foreign key locks the submission.
    """
    here = select(SubmissionRow.id).where(SubmissionRow.id == submission_id, SubmissionRow.removed_at.is_(None))
    if session.scalar(here.with_for_update()) is None:
        raise NotFoundError(f"There is no submission {submission_id}.", code="submission_not_found")


def belonging(session: Session, submission_id: int, source_name: str) -> tuple[BelongingSideCar, ...]:
    """Return the side-cars that were handed in with an image, those first that count first.

    Raises
    ------
    InputError
        ``ambiguous_side_car`` where two different files of the image's name were handed in: nobody can tell whose it is.
    """
    order = list(side_cars_of(source_name).values())
    rows = session.scalars(_rows_for(submission_id, source_name)).all()
    found = [
        BelongingSideCar(row.name.rpartition("/")[2], related, row.sha256, row.id)
        for row in rows
        if (related := relation(row.name, source_name)) is not None
    ]
    if found:
        _refuse_namesakes(session, submission_id, source_name, found[0].name)
    return tuple(sorted(found, key=lambda one: (order.index(one.relation), one.name)))


def submissions_with_any(session: Session, submission_ids: Collection[int]) -> set[int]:
    """Return those of several submissions that side-cars were handed in with."""
    asked = set(submission_ids)
    return set(session.scalars(select(SideCarRow.submission_id).distinct().where(SideCarRow.submission_id.in_(asked))))


def digest(given: Sequence[BelongingSideCar]) -> str:
    """Return the SHA-256 over side-cars as an analysis was made with them, hexadecimal; empty where there were none."""
    content = sorted((one.relation, one.sha256) for one in given)
    return hashlib.sha256(json.dumps(content).encode()).hexdigest() if content else ""


def bring_back(session: Session, submission_id: int, contents: Mapping[str, str]) -> None:
    """Note of side-cars of a submission, by name and SHA-256, that their bytes are here again after they were removed."""
    removed = select(SideCarRow).where(SideCarRow.submission_id == submission_id, SideCarRow.removed_at.is_not(None))
    for row in session.scalars(removed) if contents else ():
        if contents.get(row.name) == row.sha256:
            row.created_at = session.scalars(select(database_time())).one()
            row.removed_at = row.removed_after_days = None
    session.flush()


def note_image(session: Session, submission_id: int, source_name: str) -> bool:
    """Note of an image's side-cars that it has come; tells whether there are any."""
    rows = session.scalars(_rows_for(submission_id, source_name)).all()
    session.execute(update(SideCarRow).where(SideCarRow.id.in_([row.id for row in rows])).values(has_image=True))
    return bool(rows)


def images_of(session: Session, submission_id: int, name: str) -> list[str]:
    """Return the names of the files of a submission that a side-car belongs to."""
    start = JobRow.source_name.startswith(common_start(name), autoescape=True)
    named = session.scalars(select(JobRow.source_name).distinct().where(JobRow.submission_id == submission_id, start))
    return [source_name for source_name in named if relation(name, source_name) is not None]


def counts_of(session: Session, submission_ids: Sequence[int]) -> dict[int, SideCarCounts]:
    """Count the side-cars of several submissions, in one query."""
    without = func.count(case((SideCarRow.has_image.is_(False), 1)))
    query = select(SideCarRow.submission_id, func.count(), without).where(SideCarRow.submission_id.in_(submission_ids))
    rows = session.execute(query.group_by(SideCarRow.submission_id))
    found = {number: SideCarCounts(total, alone) for number, total, alone in rows}
    return {number: found.get(number, SideCarCounts(0, 0)) for number in submission_ids}


def side_cars_page(
    session: Session, submission_id: int, *, before: int | None, limit: int, has_image: bool | None = None
) -> list[SideCarRow]:
    """Return up to ``limit`` side-cars of a submission, the newest first; with or without an image where that is asked."""
    query = select(SideCarRow).filter_by(submission_id=submission_id).order_by(SideCarRow.id.desc()).limit(limit)
    if has_image is not None:
        query = query.where(SideCarRow.has_image.is_(has_image))
    if before is not None:
        query = query.where(SideCarRow.id < before)
    return list(session.scalars(query))


def _rows_for(submission_id: int, source_name: str) -> Select[SideCarRow]:
    names = [spelt for name in side_cars_of(source_name) for spelt in spellings(name)]
    return select(SideCarRow).where(SideCarRow.submission_id == submission_id, SideCarRow.name.in_(names))


def _refuse_namesakes(session: Session, submission_id: int, source_name: str, side_car: str) -> None:
    n_files = select(func.count(distinct(JobRow.image_sha256))).filter_by(submission_id=submission_id, source_name=source_name)
    if (session.scalar(n_files) or 0) > 1:
        raise InputError(
            f"Two different files called {source_name} were handed in together, and {side_car}, which belongs to one of them: "
            "nobody can tell to which. Hand them in separately, or in folders of their own.",
            code="ambiguous_side_car",
            side_car=side_car,
        )
