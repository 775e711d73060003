"""What the bytes are that a job is about."""

from enum import StrEnum

from shared.archive_names import is_archive


class JobContent(StrEnum):
    """An image to analyse, an archive to unpack, or an archive out of which the file of the job was refused."""

    IMAGE = "image"
    ARCHIVE = "archive"
    REFUSED = "refused"


def content_of(name: str) -> JobContent:
    """Tell by the name of a file that was handed in what it is."""
    return JobContent.ARCHIVE if is_archive(name) else JobContent.IMAGE
