"""What all schemas check alike, and what does not fit a schema, in words for people."""

import unicodedata
from typing import Annotated, TypeVar, get_origin

from pydantic import AfterValidator, BaseModel, ValidationError
from werkzeug.datastructures import MultiDict

Query = TypeVar("Query", bound=BaseModel)

# Pydantic writes it before the words of our own validators.
PREFIX = "Value error, "


def problems_of(error: ValidationError) -> dict[str, str]:
    """Return what is wrong with each field, under its name; a problem of the whole has the name `body`."""
    return {".".join(map(str, one["loc"])) or "body": one["msg"].removeprefix(PREFIX) for one in error.errors()}


def sentence_of(problems: dict[str, str]) -> str:
    """Write all problems in one line."""
    return "; ".join(f"{name}: {problem}" for name, problem in problems.items())


def read_query(model: type[Query], arguments: MultiDict[str, str]) -> Query:
    """Read the arguments of an address, empty ones left out; raises ValidationError."""
    given = {key: value for key, value in arguments.items() if value}
    lists = (name for name, field in model.model_fields.items() if get_origin(field.annotation) is list)
    several = {name: [value for value in arguments.getlist(name) if value] for name in lists}
    return model.model_validate(given | several)


def _one_line(text: str) -> str:
    # A database holds neither NUL nor half a surrogate pair, and a list shows one line.
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        raise ValueError("control characters are not allowed")
    return text


Line = Annotated[str, AfterValidator(_one_line)]
