"""What the portal answers to the question which files it has."""

from pydantic import BaseModel


class KnownFiles(BaseModel):
    """Names of the files whose content the portal does not have; it has added all others."""

    missing: list[str]
