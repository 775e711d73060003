"""The members of an archive one after the other, each with a stream of its bytes; nothing is written anywhere."""

from collections.abc import Iterator
from typing import BinaryIO

from shared.archive_names import ZIP_ENDINGS
from worker.archive.limits import Budget
from worker.archive.member import Member
from worker.archive.tar_members import tar_members
from worker.archive.zip_members import zip_members


def members(file: BinaryIO, name: str, budget: Budget) -> Iterator[Member]:
    """Yield the members of an archive, folders left out; each is read, if at all, before the next one is asked for.

    Raises
    ------
    ArchiveError
        ``archive_damaged``, ``archive_too_large`` or ``too_many_members``, also after some members.
    """
    found = zip_members(file, budget) if name.lower().endswith(ZIP_ENDINGS) else tar_members(file, name, budget)
    for member in found:
        budget.count_member()
        if member is not None:
            yield member
