"""What becomes of a file that was uploaded: an image is work to do, a side-car waits for its image.

Functions take the session first and never commit.
"""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared import jobs, manifests, side_cars, submissions
from shared.database import database_time, insert_of
from shared.errors import InputError, NotFoundError
from shared.models import JobRow, SideCarRow
from shared.side_car_names import is_side_car, split_name
from shared.storage import BlobInfo
from shared.submissions import AddedJob


@dataclass(frozen=True, slots=True)
class AddedSideCar:
    """A stored side-car, whether this call stored it, and the job that an ``.emi`` has while its images are missing."""

    row: SideCarRow
    is_new: bool
    job: AddedJob | None


def add_file(session: Session, submission_id: int, blob: BlobInfo, name: str) -> AddedJob | AddedSideCar:
    """Add a stored file to a submission: a side-car, told by its name, or an image, which gets a job."""
    if is_side_car(name):
        return add_side_car(session, submission_id, blob, name)
    return submissions.add_job(session, submission_id, blob.sha256, blob.n_bytes, name)


def added_file(session: Session, submission_id: int, sha256: str, name: str) -> JobRow | SideCarRow:
    """Return what `add_file` made of a file; raises NotFoundError where that is gone."""
    found: JobRow | SideCarRow | None
    if is_side_car(name):
        found = session.scalar(select(SideCarRow).filter_by(submission_id=submission_id, name=name, sha256=sha256))
    else:
        key = {"submission_id": submission_id, "image_sha256": sha256, "source_name": name, "image_index": 0}
        found = session.scalar(select(JobRow).filter_by(**key))
    if found is None:
        raise NotFoundError(f"Submission {submission_id} has no such file {name} any more.", code="file_not_found")
    return found


def add_side_car(session: Session, submission_id: int, blob: BlobInfo, name: str) -> AddedSideCar:
    """Add a stored side-car to a submission, and have the analyses that were made without it made again.

    The same file under the same name a second time changes nothing. An ``.emi`` holds no pixels, but a person who hands it in
    alone means an image: until a ``.ser`` of its acquisition comes it has a job, which fails and says what is missing.

    Raises
    ------
    InputError
        ``side_car_differs`` where the submission holds another file of this name.
    """
    side_cars.hold_submission(session, submission_id)
    images = side_cars.images_of(session, submission_id, name)
    key = {"submission_id": submission_id, "name": name}
    values = {"sha256": blob.sha256, "n_bytes": blob.n_bytes, "has_image": bool(images), "created_at": database_time()}
    insert = insert_of(session)(SideCarRow).values(key | values).on_conflict_do_nothing()
    is_new = session.scalar(insert.returning(SideCarRow.id)) is not None
    row = session.query(SideCarRow).filter_by(**key).one()
    if row.sha256 != blob.sha256:
        raise side_car_differs(name, row.sha256)
    if not is_new:
        side_cars.bring_back(session, submission_id, {name: blob.sha256})
    if is_new:
        jobs.mark_outdated(session, submission_id, images)
        manifests.note_files(session, submission_id, [name])
    is_alone = split_name(name)[1] == ".emi" and not images
    job = submissions.add_job(session, submission_id, blob.sha256, blob.n_bytes, name) if is_alone else None
    return AddedSideCar(row, is_new, job)


def side_car_differs(name: str, sha256: str) -> InputError:
    """Return the error of a side-car where the submission holds another file of its name."""
    return InputError(
        f"The submission holds another file called {name}: which of the two belongs to the image cannot be told. "
        "Open another submission for this one.",
        code="side_car_differs",
        sha256=sha256,
    )
