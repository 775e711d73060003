"""The bytes of what was handed in: they come with an image or a side-car, may be removed by age, and come with it again.

A row whose ``removed_at`` is set names no bytes any more; all that was found in the image stays. Functions take the session
first and never commit. Who removes originals locks their rows, and so does everybody who brings or needs them.
"""

from collections.abc import Collection, Iterable

from sqlalchemy import ColumnElement, TextClause, select
from sqlalchemy.orm import Session

from shared.database import database_time, insert_of
from shared.errors import InputError
from shared.models import ImageRow, JobRow, SideCarRow

# What a row has whose bytes are there.
STORED = {"removed_at": None, "removed_after_days": None}


def add_images(session: Session, images: Iterable[tuple[str, int]]) -> None:
    """Add images by SHA-256 and number of bytes; known ones stay, and have their bytes again where these were removed.

    Known ones are locked, so that nobody removes them before what they are added for is seen.
    """
    # In one order for all, so that two that add the same images never wait for each other.
    rows = [{"sha256": sha256, "n_bytes": n_bytes} for sha256, n_bytes in sorted(dict(images).items())]
    if not rows:
        return
    added = insert_of(session)(ImageRow).values(created_at=database_time())
    back = {**STORED, "created_at": database_time()}
    statement = added.on_conflict_do_update(index_elements=["sha256"], set_=back, where=ImageRow.removed_at.is_not(None))
    session.connection().execute(statement, rows)


def hold(session: Session, *which: ColumnElement[bool] | TextClause) -> None:
    """Let nobody remove the originals of jobs until this transaction ends, for jobs that are about to need them."""
    images = select(ImageRow.sha256).where(ImageRow.sha256.in_(select(JobRow.image_sha256).where(*which)))
    session.execute(images.order_by(ImageRow.sha256).with_for_update(read=True, key_share=True)).all()


def removed_images() -> ColumnElement[bool]:
    """Tell jobs whose original was removed."""
    return JobRow.image_sha256.in_(select(ImageRow.sha256).where(ImageRow.removed_at.is_not(None)))


def removed_among(session: Session, images_sha256: Collection[str]) -> set[str]:
    """Return those of several images whose bytes were removed."""
    removed = select(ImageRow.sha256).where(ImageRow.sha256.in_(images_sha256), ImageRow.removed_at.is_not(None))
    return set(session.scalars(removed))


def require_image(session: Session, sha256: str) -> None:
    """Raise InputError ``original_removed`` where the bytes of an image were removed."""
    row = session.get_one(ImageRow, sha256)
    if row.removed_at is not None:
        raise _removed(row)


def require_side_cars(session: Session, ids: Iterable[int]) -> None:
    """Raise InputError ``original_removed`` where the bytes of one of several side-cars were removed."""
    removed = select(SideCarRow).where(SideCarRow.id.in_(list(ids)), SideCarRow.removed_at.is_not(None)).limit(1)
    row = session.scalar(removed)
    if row is not None:
        raise _removed(row)


def removal_rule(days: int | None) -> str:
    """Name the rule by which an original was removed."""
    return f"originals are kept for {days} days after the last analysis of their submissions"


def _removed(row: ImageRow | SideCarRow) -> InputError:
    what = "image" if isinstance(row, ImageRow) else f"side-car {row.name}"
    on = "" if row.removed_at is None else f" on {row.removed_at:%Y-%m-%d}"
    return InputError(
        f"The bytes of the {what} were removed{on}: {removal_rule(row.removed_after_days)}. Hand the same file in again.",
        code="original_removed",
        sha256=row.sha256,
    )
