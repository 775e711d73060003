"""What does not fit a schema, in words for people."""

from pydantic import ValidationError

# Pydantic writes it before the words of our own validators.
PREFIX = "Value error, "


def problems_of(error: ValidationError) -> dict[str, str]:
    """Return what is wrong with each field, under its name; a problem of the whole has the name `body`."""
    return {".".join(map(str, one["loc"])) or "body": one["msg"].removeprefix(PREFIX) for one in error.errors()}


def sentence_of(problems: dict[str, str]) -> str:
    """Write all problems in one line."""
    return "; ".join(f"{name}: {problem}" for name, problem in problems.items())
