"""Files whose bytes are here already: thousands of them become part of a submission at once, by their hashes.

What comes of it is the same as if each had been added by itself (`shared.uploads`), with a few statements for all of them.
Functions take the session first and never commit.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select, union_all, update
from sqlalchemy.orm import Session

from shared import jobs, manifests, originals, side_cars, tracing
from shared.database import database_time, insert_of
from shared.job_contents import content_of
from shared.leases import JobState
from shared.models import ImageRow, JobRow, SideCarRow
from shared.side_car_names import is_side_car, side_cars_of, split_name
from shared.uploads import side_car_differs

# Rows of one statement; SQLite takes 32,766 parameters at most.
CHUNK = 10_000


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A file by its name in the submission and its content."""

    name: str
    sha256: str
    n_bytes: int


@dataclass(frozen=True, slots=True)
class RefusedFile:
    """A file that could not be added, and why."""

    file: NamedFile
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class AddedFiles:
    """What became of files that were added together: the number of those that are new, and those that were refused."""

    n_new: int
    refused: tuple[RefusedFile, ...]


def known(session: Session, files: Sequence[NamedFile]) -> set[str]:
    """Return the hashes of those files, size included, that images or side-cars of any submission have, unless removed."""
    wanted = list({file.sha256 for file in files})
    sizes: dict[str, int] = {}
    for first in range(0, len(wanted), CHUNK):
        some = wanted[first : first + CHUNK]
        stored = ((row, row.sha256.in_(some), row.removed_at.is_(None)) for row in (ImageRow, SideCarRow))
        tables = (select(row.sha256, row.n_bytes).where(*which) for row, *which in stored)
        sizes |= {row.sha256: row.n_bytes for row in session.execute(union_all(*tables))}
    return {file.sha256 for file in files if sizes.get(file.sha256) == file.n_bytes}


def awaiting_side_cars(files: Iterable[NamedFile], missing: Iterable[NamedFile]) -> set[NamedFile]:
    """Return the images among files of which a side-car is missing: analysed before it comes, they are analysed twice."""
    by_key = _by_key(file.name for file in missing if is_side_car(file.name))
    return {file for file in files if not is_side_car(file.name) and _belonging(file.name, by_key)}


def add_known_files(session: Session, submission_id: int, files: Sequence[NamedFile]) -> AddedFiles:
    """Add files whose bytes are in the store; what the submission holds already stays as it is."""
    side_cars.hold_submission(session, submission_id)
    held_jobs = _held_jobs(session, submission_id)
    held_side_cars = _held_side_cars(session, submission_id)
    beside, refused = _new_side_cars((file for file in files if is_side_car(file.name)), held_side_cars)
    images = list(dict.fromkeys(file for file in files if not is_side_car(file.name)))
    side_cars.bring_back(session, submission_id, {file.name: file.sha256 for file in files if is_side_car(file.name)})
    new = [file for file in images if (file.name, file.sha256) not in held_jobs]

    arrived = {file.name for file in beside}
    by_key = _by_key([*held_side_cars, *arrived])
    new_names = {file.name for file in new}
    names = new_names | {name for name, _ in held_jobs} if by_key else set()
    pairs = {name: _belonging(name, by_key) for name in names}
    # Where an image or a side-car of it is new: its jobs read other side-cars from now on.
    changed = {name: found for name, found in pairs.items() if found and (name in new_names or found & arrived)}
    with_image = set().union(*changed.values())

    _insert_side_cars(session, submission_id, beside, with_image)
    alone = [file for file in beside if split_name(file.name)[1] == ".emi" and file.name not in with_image]
    # Also those that the submission holds: their bytes may have been removed.
    originals.add_images(session, [(file.sha256, file.n_bytes) for file in [*images, *alone]])
    _insert_jobs(session, submission_id, [*new, *alone])
    _give_images(session, submission_id, with_image - arrived)
    manifests.note_files(session, submission_id, new_names | arrived)
    for some in _chunks(sorted(changed)):
        jobs.mark_outdated(session, submission_id, some)
    return AddedFiles(len(new) + len(beside), tuple(refused))


def _held_jobs(session: Session, submission_id: int) -> set[tuple[str, str]]:
    query = select(JobRow.source_name, JobRow.image_sha256).filter_by(submission_id=submission_id, image_index=0)
    return {(name, sha256) for name, sha256 in session.execute(query)}


def _held_side_cars(session: Session, submission_id: int) -> dict[str, str]:
    query = select(SideCarRow.name, SideCarRow.sha256).filter_by(submission_id=submission_id)
    return {row.name: row.sha256 for row in session.execute(query)}


def _new_side_cars(files: Iterable[NamedFile], held: dict[str, str]) -> tuple[list[NamedFile], list[RefusedFile]]:
    """Part side-cars into those that are new and those that contradict what is there."""
    new: dict[str, NamedFile] = {}
    refused = []
    for file in files:
        sha256 = held.get(file.name) or (new[file.name].sha256 if file.name in new else None)
        if sha256 is None:
            new[file.name] = file
        elif sha256 != file.sha256:
            error = side_car_differs(file.name, sha256)
            refused.append(RefusedFile(file, error.code, error.message))
    return list(new.values()), refused


def _by_key(names: Iterable[str]) -> dict[str, set[str]]:
    """Sort side-cars by what an image's names of its side-cars are compared with: the ending in small letters."""
    found: dict[str, set[str]] = defaultdict(set)
    for name in names:
        stem, ending = split_name(name)
        found[f"{stem}{ending}"].add(name)
    return found


def _belonging(image_name: str, by_key: dict[str, set[str]]) -> set[str]:
    return {name for key in side_cars_of(image_name) for name in by_key.get(key, ())}


def _insert_side_cars(session: Session, submission_id: int, files: Sequence[NamedFile], with_image: Collection[str]) -> None:
    if not files:
        return
    rows = [{"name": f.name, "sha256": f.sha256, "n_bytes": f.n_bytes, "has_image": f.name in with_image} for f in files]
    same = {"submission_id": submission_id, "created_at": database_time()}
    session.connection().execute(insert_of(session)(SideCarRow).values(same), rows)


def _insert_jobs(session: Session, submission_id: int, files: Sequence[NamedFile]) -> None:
    if not files:
        return
    insert = insert_of(session)
    now = {"created_at": database_time()}
    same = {"submission_id": submission_id, "image_index": 0, "state": JobState.QUEUED, "attempts": 0} | now
    same["traceparent"] = tracing.traceparent()
    rows = [{"image_sha256": file.sha256, "source_name": file.name, "content": content_of(file.name)} for file in files]
    session.connection().execute(insert(JobRow).values(same).on_conflict_do_nothing(), rows)


def _give_images(session: Session, submission_id: int, names: Collection[str]) -> None:
    """Note of side-cars that their image has come; the job that an ``.emi`` had without it is of no more use."""
    for some in _chunks(sorted(names)):
        here = (SideCarRow.submission_id == submission_id, SideCarRow.name.in_(some))
        session.execute(update(SideCarRow).where(*here).values(has_image=True))
        session.execute(delete(JobRow).where(JobRow.submission_id == submission_id, JobRow.source_name.in_(some)))


def _chunks(names: Sequence[str]) -> Iterable[Sequence[str]]:
    return (names[first : first + CHUNK] for first in range(0, len(names), CHUNK))
