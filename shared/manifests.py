"""Manifests of submissions in the database: kept whole or not at all, and matched with files in whatever order both come.

An entry means the file that it names in full, else the one whose name ends with it, folder by folder, where just one file of
the submission does; a file belongs to the entry that names most of it. Functions take the session first and never commit.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from sqlalchemy import ColumnElement, and_, delete, distinct, func, insert, select, union, update
from sqlalchemy.orm import Session

from shared import side_cars
from shared.database import database_time
from shared.errors import NotFoundError
from shared.job_contents import JobContent
from shared.manifest import Manifest, folded, tails
from shared.manifest_rows import ManifestEntryRow, ManifestRow, ManifestValueRow
from shared.models import JobRow, SideCarRow, SubmissionRow

Value = TypeVar("Value")

# Values of one question; SQLite takes 32,766 parameters.
CHUNK = 10_000

MEANS_A_JOB = and_(ManifestEntryRow.submission_id == JobRow.submission_id, ManifestEntryRow.source_name == JobRow.source_name)


class EntryState(StrEnum):
    """Whether the file that an entry names is ``here``, ``missing``, or one of several whose names end so."""

    HERE = "here"
    MISSING = "missing"
    AMBIGUOUS = "ambiguous"


CONDITIONS: Mapping[EntryState, ColumnElement[bool]] = {
    EntryState.HERE: ManifestEntryRow.source_name.is_not(None),
    EntryState.MISSING: and_(ManifestEntryRow.source_name.is_(None), ManifestEntryRow.is_ambiguous.is_(False)),
    EntryState.AMBIGUOUS: ManifestEntryRow.is_ambiguous.is_(True),
}


@dataclass(frozen=True, slots=True)
class Match:
    """The file that an entry means: None where none has come, or several have."""

    source_name: str | None = None
    is_ambiguous: bool = False


@dataclass(frozen=True, slots=True)
class SampleData:
    """Sample and metadata of one file; the sample is the submission's where the manifest names none."""

    sample: str | None
    metadata: dict[str, str]


@dataclass(frozen=True, slots=True)
class ManifestCounts:
    """Number of entries in each state, and of images' files that no entry means."""

    here: int
    missing: int
    ambiguous: int
    files_without_entry: int

    @property
    def total(self) -> int:
        """All entries."""
        return self.here + self.missing + self.ambiguous


@dataclass(frozen=True, slots=True)
class ListedEntry:
    """An entry with its metadata, as far as it has values."""

    row: ManifestEntryRow
    metadata: dict[str, str]

    @property
    def state(self) -> EntryState:
        """Whether its file is here."""
        if self.row.is_ambiguous:
            return EntryState.AMBIGUOUS
        return EntryState.MISSING if self.row.source_name is None else EntryState.HERE


def matches(entries: Mapping[str, Match], names: Iterable[str]) -> dict[str, Match]:
    """Return what changes for entries, by what they call their files, when files of these names come.

    The result is the same in whatever order and portions files come, and for those that come again.
    """
    changed: dict[str, Match] = {}
    for name in names:
        meant = next((tail for tail in tails(name) if tail in entries), None)
        if meant is None:
            continue
        before = changed.get(meant, entries[meant])
        if name == meant:
            after = Match(name)
        elif before.source_name is None:
            after = before if before.is_ambiguous else Match(name)
        else:
            after = before if before.source_name in (name, meant) else Match(None, is_ambiguous=True)
        if after != before:
            changed[meant] = after
    return changed


def put(session: Session, submission_id: int, name: str, manifest: Manifest) -> None:
    """Give a submission its manifest, in the place of the one that it had."""
    side_cars.hold_submission(session, submission_id)
    session.execute(delete(ManifestRow).filter_by(submission_id=submission_id))
    session.execute(
        insert(ManifestRow).values(submission_id=submission_id, name=name, keys=list(manifest.keys), created_at=database_time())
    )
    found = matches({entry.file_name: Match() for entry in manifest.entries}, _names(session, submission_id))
    entries = [
        {
            "line": entry.line,
            "file_name": entry.file_name,
            "sample": entry.sample,
            **_columns(found.get(entry.file_name, Match())),
        }
        for entry in manifest.entries
    ]
    keys = [folded(key) for key in manifest.keys]
    values = [
        {"line": entry.line, "position": position, "key": keys[position], "value": value}
        for entry in manifest.entries
        for position, value in enumerate(entry.values)
        if value
    ]
    for table, rows in ((ManifestEntryRow, entries), (ManifestValueRow, values)):
        if rows:
            session.connection().execute(insert(table).values(submission_id=submission_id), rows)


def remove(session: Session, submission_id: int) -> None:
    """Take a submission's manifest away; without one nothing happens."""
    side_cars.hold_submission(session, submission_id)
    session.execute(delete(ManifestRow).filter_by(submission_id=submission_id))


def note_files(session: Session, submission_id: int, names: Collection[str]) -> None:
    """Note that files have come; the caller holds the submission."""
    if not names or find(session, submission_id) is None:
        return
    wanted = list({tail for name in names for tail in tails(name)})
    lines: dict[str, int] = {}
    before: dict[str, Match] = {}
    for some in _chunks(wanted):
        query = select(ManifestEntryRow).where(
            ManifestEntryRow.submission_id == submission_id, ManifestEntryRow.file_name.in_(some)
        )
        for row in session.scalars(query):
            lines[row.file_name] = row.line
            before[row.file_name] = Match(row.source_name, row.is_ambiguous)
    changed = [
        {"submission_id": submission_id, "line": lines[file_name], **_columns(match)}
        for file_name, match in matches(before, names).items()
    ]
    if changed:
        session.execute(update(ManifestEntryRow), changed)


def find(session: Session, submission_id: int) -> ManifestRow | None:
    """Return the manifest of a submission, if it has one."""
    return session.get(ManifestRow, submission_id)


def manifest(session: Session, submission_id: int) -> ManifestRow:
    """Return the manifest of a submission or raise NotFoundError."""
    row = find(session, submission_id)
    if row is None:
        raise NotFoundError(f"Submission {submission_id} has no manifest.", code="manifest_not_found")
    return row


def counts(session: Session, submission_id: int) -> ManifestCounts:
    """Count what a manifest has matched."""
    of_submission = select(func.count()).select_from(ManifestEntryRow).where(ManifestEntryRow.submission_id == submission_id)
    by_state = {state: session.scalar(of_submission.where(condition)) or 0 for state, condition in CONDITIONS.items()}
    meant = select(ManifestEntryRow.line).where(MEANS_A_JOB).exists()
    without = select(func.count(distinct(JobRow.source_name))).where(
        JobRow.submission_id == submission_id, JobRow.content == JobContent.IMAGE, ~meant
    )
    return ManifestCounts(**by_state, files_without_entry=session.scalar(without) or 0)


def entries_page(
    session: Session, of: ManifestRow, *, state: EntryState | None = None, after: int = 0, limit: int
) -> list[ListedEntry]:
    """Return up to ``limit`` entries of a manifest in the order of its lines, from those behind line ``after`` on."""
    here = (ManifestEntryRow.submission_id == of.submission_id, ManifestEntryRow.line > after)
    query = select(ManifestEntryRow).where(*here).order_by(ManifestEntryRow.line).limit(limit)
    if state is not None:
        query = query.where(CONDITIONS[state])
    rows = list(session.scalars(query))
    metadata = _metadata_of(session, {(row.submission_id, row.line) for row in rows})
    return [ListedEntry(row, metadata.get((row.submission_id, row.line), {})) for row in rows]


def sample_data_of(session: Session, jobs: Sequence[JobRow]) -> dict[int, SampleData]:
    """Return sample and metadata of the files of jobs, by the number of the job."""
    return {number: data for some in _chunks(jobs) for number, data in _sample_data_of(session, some).items()}


def _sample_data_of(session: Session, jobs: Sequence[JobRow]) -> dict[int, SampleData]:
    named = (
        select(
            JobRow.id, JobRow.submission_id, SubmissionRow.sample, ManifestEntryRow.sample.label("own"), ManifestEntryRow.line
        )
        .join(SubmissionRow, SubmissionRow.id == JobRow.submission_id)
        .outerjoin(ManifestEntryRow, MEANS_A_JOB)
        .where(JobRow.id.in_([job.id for job in jobs]))
    )
    rows = session.execute(named).all()
    metadata = _metadata_of(session, {(row.submission_id, row.line) for row in rows if row.line is not None})
    return {row.id: SampleData(row.own or row.sample, metadata.get((row.submission_id, row.line), {})) for row in rows}


def _metadata_of(session: Session, entries: Collection[tuple[int, int]]) -> dict[tuple[int, int], dict[str, str]]:
    """Return the metadata of entries, named by submission and line."""
    if not entries:
        return {}
    submission_ids = {submission_id for submission_id, _ in entries}
    of_submissions = select(ManifestRow).where(ManifestRow.submission_id.in_(submission_ids))
    keys = {row.submission_id: row.keys for row in session.scalars(of_submissions)}
    place = (ManifestValueRow.submission_id, ManifestValueRow.line)
    # SQLite looks through the whole table for a list of pairs. These are some more, of few submissions.
    near = (place[0].in_(submission_ids), place[1].in_({line for _, line in entries}))
    query = select(*place, ManifestValueRow.position, ManifestValueRow.value).where(*near)
    found: dict[tuple[int, int], dict[str, str]] = defaultdict(dict)
    for submission_id, line, position, value in session.execute(query.order_by(*place, ManifestValueRow.position)):
        if (submission_id, line) in entries:
            found[submission_id, line][keys[submission_id][position]] = value
    return found


def _names(session: Session, submission_id: int) -> Iterator[str]:
    """Yield the names of all files of a submission."""
    of_jobs = select(JobRow.source_name).where(JobRow.submission_id == submission_id)
    of_side_cars = select(SideCarRow.name).where(SideCarRow.submission_id == submission_id)
    yield from session.scalars(union(of_jobs, of_side_cars))


def _columns(match: Match) -> dict[str, str | bool | None]:
    return {"source_name": match.source_name, "is_ambiguous": match.is_ambiguous}


def _chunks(values: Sequence[Value]) -> Iterator[Sequence[Value]]:
    return (values[first : first + CHUNK] for first in range(0, len(values), CHUNK))
