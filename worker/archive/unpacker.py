"""An archive becomes jobs: its members go to the store one after the other, and into the submission together."""

from collections.abc import Callable
from dataclasses import dataclass, field

from shared import archives, jobs
from shared.archive_names import is_any_archive, member_name, shown_member_name
from shared.archives import RefusedMember, StoredMember
from shared.database import Database
from shared.errors import InputError
from shared.image_names import is_image
from shared.jobs import Claim
from shared.log import get_logger
from shared.side_car_names import is_side_car
from shared.storage import BlobStore
from worker.archive.limits import ArchiveError, ArchiveLimits, Budget
from worker.archive.member import Member
from worker.archive.members import members

# Of the files that are no images, so many are named.
NAMED = 5

logger = get_logger(__name__)


@dataclass
class Unpacked:
    """What came out of an archive so far; ``problem`` ended it before its end."""

    stored: dict[str, StoredMember] = field(default_factory=dict)
    refused: dict[str, RefusedMember] = field(default_factory=dict)
    passed_over: list[str] = field(default_factory=list)
    problem: ArchiveError | None = None

    def note(self) -> str:
        """Say for people what was in the archive."""
        n_side_cars = sum(is_side_car(name) for name in self.stored)
        parts = [_count(len(self.stored) - n_side_cars, "image")]
        if n_side_cars:
            parts.append(_count(n_side_cars, "side-car"))
        if self.refused:
            parts.append(f"{len(self.refused):,} refused")
        if self.passed_over:
            named = ", ".join(self.passed_over[:NAMED]) + (", …" if len(self.passed_over) > NAMED else "")
            parts.append(f"{len(self.passed_over):,} that are no images passed over ({named})")
        return f"Unpacked: {'; '.join(parts)}."


class Unpacker:
    """Unpacks the archives of jobs."""

    def __init__(self, database: Database, store: BlobStore, limits: ArchiveLimits) -> None:
        self._database = database
        self._store = store
        self._limits = limits

    def unpack(self, claim: Claim, require: Callable[[], None]) -> None:
        """Bring the members of an archive into its submission and end the job, in one transaction.

        Done again, after whatever end, it comes to the same: bytes are stored under their hash, and rows that are there stay.

        Parameters
        ----------
        require
            Called before each member; raises where the job was lost or cancelled.

        Raises
        ------
        InputError
            For an archive that is refused as a whole.
        """
        unpacked = self._read(claim, require)
        with self._database.writing() as session:
            archives.add_members(
                session,
                claim.submission_id,
                claim.image_sha256,
                list(unpacked.stored.values()),
                list(unpacked.refused.values()),
            )
            if unpacked.problem is None:
                jobs.finish_unpacked(session, claim, unpacked.note())
            else:
                jobs.fail(session, claim, unpacked.problem.code, unpacked.problem.message)
        logger.info("archive_unpacked", stored=len(unpacked.stored), refused=len(unpacked.refused))

    def _read(self, claim: Claim, require: Callable[[], None]) -> Unpacked:
        unpacked = Unpacked()
        with self._store.local_path(claim.image_sha256) as path, path.open("rb") as file:
            budget = Budget(self._limits, path.stat().st_size)
            try:
                for number, member in enumerate(members(file, claim.source_name, budget), 1):
                    require()
                    self._take(claim.source_name, number, member, unpacked)
            except ArchiveError as error:
                if error.code != "archive_damaged":
                    raise
                unpacked.problem = error
        return unpacked

    def _take(self, archive_name: str, number: int, member: Member, unpacked: Unpacked) -> None:
        try:
            name = _accepted_name(archive_name, member, unpacked)
            if _is_passed_over(member.name):
                unpacked.passed_over.append(member.name)
            else:
                unpacked.stored[name] = StoredMember(name, self._store.put(member.chunks(), self._limits.member_bytes))
        except ArchiveError:
            raise
        except InputError as error:
            shown = shown_member_name(archive_name, member.name, number)
            unpacked.refused.setdefault(shown, RefusedMember(shown, error.code, error.message))


def _accepted_name(archive_name: str, member: Member, unpacked: Unpacked) -> str:
    """Return the name of a member in the submission, or raise why it is refused."""
    name = member_name(archive_name, member.name)
    if member.refusal is not None:
        raise member.refusal
    if is_any_archive(name):
        raise InputError("Archives in archives are not unpacked: hand it in by itself.", code="nested_archive")
    if name in unpacked.stored:
        raise InputError("The archive holds several files of this name; the first one counts.", code="duplicate_member")
    return name


def _is_passed_over(name: str) -> bool:
    """Tell files that nobody means as images: notes, and what macOS writes beside each file."""
    parts = name.split("/")
    hidden = any(part.startswith(".") for part in parts) or "__MACOSX" in parts
    return hidden or not (is_image(name) or is_side_car(name))


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
