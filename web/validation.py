"""What all schemas check alike, and what does not fit a schema, in words for people."""

import unicodedata
from typing import Annotated

from pydantic import AfterValidator, ValidationError

# Pydantic writes it before the words of our own validators.
PREFIX = "Value error, "


def problems_of(error: ValidationError) -> dict[str, str]:
    """Return what is wrong with each field, under its name; a problem of the whole has the name `body`."""
    return {".".join(map(str, one["loc"])) or "body": one["msg"].removeprefix(PREFIX) for one in error.errors()}


def sentence_of(problems: dict[str, str]) -> str:
    """Write all problems in one line."""
    return "; ".join(f"{name}: {problem}" for name, problem in problems.items())


def _one_line(text: str) -> str:
    # A database holds neither NUL nor half a surrogate pair, and a list shows one line.
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        raise ValueError("control characters are not allowed")
    return text


Line = Annotated[str, AfterValidator(_one_line)]
