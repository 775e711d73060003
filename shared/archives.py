"""What comes out of an archive that was handed in: jobs of its images, side-cars, and a failure for each file refused.

Functions take the session first and never commit. All of an archive is added in one transaction, so that a worker that dies
leaves nothing half done, and an archive that is unpacked again adds nothing twice.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from shared import jobs, manifests, originals, side_cars
from shared.database import database_time, insert_of
from shared.job_contents import JobContent
from shared.leases import JobState
from shared.models import JobRow, SideCarRow
from shared.side_car_names import is_side_car, side_cars_of, split_name
from shared.storage import BlobInfo

Value = TypeVar("Value")

# Names in one question; SQLite takes 32,766 parameters.
CHUNK = 5_000


@dataclass(frozen=True, slots=True)
class StoredMember:
    """A member whose bytes are in the store, under its name in the submission."""

    name: str
    blob: BlobInfo


@dataclass(frozen=True, slots=True)
class RefusedMember:
    """A member that was refused, under a name to show, and why."""

    name: str
    code: str
    message: str


def add_members(
    session: Session,
    submission_id: int,
    archive_sha256: str,
    stored: Sequence[StoredMember],
    refused: Sequence[RefusedMember],
) -> None:
    """Add what came out of an archive to its submission; what is there already stays as it is."""
    side_cars.hold_submission(session, submission_id)
    beside = [member for member in stored if is_side_car(member.name)]
    images = [member for member in stored if not is_side_car(member.name)]
    owners = _owners(images)
    # An `.emi` holds no pixels, but alone it means an image: its job says what is missing.
    alone = [member for member in beside if split_name(member.name)[1] == ".emi" and _key(member.name) not in owners]
    new_images = _add_jobs(session, submission_id, [*images, *alone])
    new_side_cars, differing = _add_side_cars(session, submission_id, beside, owners)
    _run_again(session, submission_id, owners, new_images, new_side_cars)
    _add_refused(session, submission_id, archive_sha256, [*refused, *differing])
    manifests.note_files(session, submission_id, {*(one.name for one in stored), *(one.name for one in refused)})


def _owners(images: Iterable[StoredMember]) -> dict[str, list[str]]:
    """Return the images that each side-car would belong to, by the name of the side-car with its ending in small letters."""
    owners: dict[str, list[str]] = {}
    for image in images:
        for name in side_cars_of(image.name):
            owners.setdefault(name, []).append(image.name)
    return owners


def _key(side_car: str) -> str:
    return "".join(split_name(side_car))


def _add_jobs(session: Session, submission_id: int, members: Sequence[StoredMember]) -> set[str]:
    """Add images and their jobs; returns the names of those that are new."""
    if not members:
        return set()
    known = _names(session, JobRow.source_name, submission_id, [member.name for member in members])
    originals.add_images(session, [(member.blob.sha256, member.blob.n_bytes) for member in members])
    insert, connection = insert_of(session), session.connection()
    values = {"submission_id": submission_id, "state": JobState.QUEUED, "attempts": 0, "created_at": database_time()}
    rows = [{"source_name": member.name, "image_sha256": member.blob.sha256} for member in members]
    connection.execute(insert(JobRow).values(values).on_conflict_do_nothing(), rows)
    return {member.name for member in members} - known


def _add_side_cars(
    session: Session, submission_id: int, members: Sequence[StoredMember], owners: dict[str, list[str]]
) -> tuple[set[str], list[RefusedMember]]:
    """Add side-cars; returns the names of those that are new, and those that the submission holds with another content."""
    if not members:
        return set(), []
    known: dict[str, str] = {}
    for names in _chunks([member.name for member in members]):
        query = select(SideCarRow.name, SideCarRow.sha256).where(
            SideCarRow.submission_id == submission_id, SideCarRow.name.in_(names)
        )
        known.update((name, sha256) for name, sha256 in session.execute(query))
    side_cars.bring_back(session, submission_id, {member.name: member.blob.sha256 for member in members})
    new = [member for member in members if member.name not in known]
    rows: list[dict[str, Any]] = [
        {"name": one.name, "sha256": one.blob.sha256, "n_bytes": one.blob.n_bytes, "has_image": _key(one.name) in owners}
        for one in new
    ]
    if rows:
        values = {"submission_id": submission_id, "created_at": database_time()}
        session.connection().execute(insert_of(session)(SideCarRow).values(values).on_conflict_do_nothing(), rows)
    message = "The submission holds another file of this name: which of the two belongs to the image cannot be told."
    differing = [one.name for one in members if known.get(one.name, one.blob.sha256) != one.blob.sha256]
    return {member.name for member in new}, [RefusedMember(name, "side_car_differs", message) for name in differing]


def _run_again(
    session: Session, submission_id: int, owners: dict[str, list[str]], new_images: set[str], new_side_cars: set[str]
) -> None:
    """Have images analysed again that were there before their side-cars; note of other side-cars that their image is there."""
    new_keys = {_key(name) for name in new_side_cars}
    late = {image for key in new_keys for image in owners.get(key, ()) if image not in new_images}
    if late:
        jobs.mark_outdated(session, submission_id, sorted(late))
    waiting = select(SideCarRow).where(SideCarRow.submission_id == submission_id, SideCarRow.has_image.is_(False))
    found = [row for row in session.scalars(waiting) if _key(row.name) in owners]
    for ids in _chunks([row.id for row in found]):
        session.execute(update(SideCarRow).where(SideCarRow.id.in_(ids)).values(has_image=True))


def _add_refused(session: Session, submission_id: int, archive_sha256: str, refused: Sequence[RefusedMember]) -> None:
    if not refused:
        return
    times = {"created_at": database_time(), "finished_at": database_time()}
    values = {"submission_id": submission_id, "image_sha256": archive_sha256, "content": JobContent.REFUSED, **times}
    rows = [{"source_name": one.name, "error_code": one.code, "error_message": one.message} for one in refused]
    insert = insert_of(session)(JobRow).values(values | {"state": JobState.FAILED, "attempts": 0}).on_conflict_do_nothing()
    session.connection().execute(insert, rows)


def _names(session: Session, column: Any, submission_id: int, names: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for chunk in _chunks(names):
        found.update(session.scalars(select(column).where(JobRow.submission_id == submission_id, column.in_(chunk))))
    return found


def _chunks(values: Sequence[Value]) -> Iterator[Sequence[Value]]:
    return (values[first : first + CHUNK] for first in range(0, len(values), CHUNK))
