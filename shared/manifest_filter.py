"""Which jobs are looked for by sample and metadata. Every way begins at an index of what is asked for, never at all jobs."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, CompoundSelect, Select, and_, func, or_, select, union_all
from sqlalchemy.orm import InstrumentedAttribute, aliased

from shared.manifest import folded
from shared.manifest_rows import ManifestEntryRow, ManifestValueRow
from shared.manifests import MEANS_A_JOB
from shared.models import JobRow, SubmissionRow

SEPARATOR = ":"


@dataclass(frozen=True, slots=True)
class ManifestFilter:
    """Conditions on what files are said to be; all of them together.

    Attributes
    ----------
    sample : str or None
        The sample of the file, else that of its submission; exactly.
    metadata : tuple of str
        ``key:value`` each, the key in any case, the value exactly.
    """

    sample: str | None = None
    metadata: tuple[str, ...] = ()

    @property
    def asks_for_nothing(self) -> bool:
        """Whether every job fits."""
        return self.sample is None and not self.metadata


ANY_FILE = ManifestFilter()


def matching(
    column: InstrumentedAttribute[Any], wanted: ManifestFilter, *about_job: ColumnElement[bool]
) -> Select[Any] | CompoundSelect[Any]:
    """Return the query of a column of the jobs that fit a filter that asks for something, and further conditions on jobs."""
    jobs = select(column).where(*about_job)
    by_entry = jobs.join(ManifestEntryRow, MEANS_A_JOB)
    of_submission = SubmissionRow.id == JobRow.submission_id
    if wanted.metadata:
        for pair in wanted.metadata:
            value = aliased(ManifestValueRow)
            same = and_(value.submission_id == ManifestEntryRow.submission_id, value.line == ManifestEntryRow.line)
            by_entry = by_entry.join(value, same).where(or_(*_readings(value, pair)))
        if wanted.sample is None:
            return by_entry
        sample = func.coalesce(ManifestEntryRow.sample, SubmissionRow.sample)
        return by_entry.join(SubmissionRow, of_submission).where(sample == wanted.sample)
    own = by_entry.where(ManifestEntryRow.sample == wanted.sample)
    inherited = (
        jobs.join(SubmissionRow, of_submission)
        .outerjoin(ManifestEntryRow, MEANS_A_JOB)
        .where(SubmissionRow.sample == wanted.sample, ManifestEntryRow.sample.is_(None))
    )
    return union_all(own, inherited)


def _readings(value: type[ManifestValueRow], pair: str) -> Iterator[ColumnElement[bool]]:
    """Yield what a pair may ask for: a key may hold colons, and so may a value."""
    parts = pair.split(SEPARATOR)
    for n in range(1, len(parts)):
        key, text = SEPARATOR.join(parts[:n]).strip(), SEPARATOR.join(parts[n:]).strip()
        yield and_(value.key == folded(key), value.value == text)
