"""What the portal answers to the question which files it has."""

from pydantic import BaseModel


class RefusedFile(BaseModel):
    """A file that the portal does not take, by its place in the question, and why."""

    position: int
    message: str


class KnownFiles(BaseModel):
    """Places in the question of the files whose content the portal does not have; it has added all others but the refused."""

    missing_positions: list[int]
    refused: list[RefusedFile]
