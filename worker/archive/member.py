"""One file in an archive."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from shared.errors import InputError

CHUNK_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive: the name it has there, why it is refused, if it is, and its bytes.

    ``chunks`` raises InputError ``member_damaged``, and ArchiveError where the archive costs too much.
    """

    name: str
    refusal: InputError | None
    chunks: Callable[[], Iterator[bytes]]


def refused(reason: str, code: str = "unsafe_member") -> InputError:
    """Return the error of a member that is something else than a file to read."""
    return InputError(f"Archives may hold files only, and this is {reason}.", code=code)
