"""What a portal answers, as the client takes it: JSON, or an error by who must act."""

from typing import Any
from urllib.parse import urlsplit

import httpx

from cli.patience import LONGEST_PAUSE_S
from shared.errors import InputError, NotFoundError, SaemiError, TransientError
from web.schemas import ErrorAnswer


def is_address(server: str) -> bool:
    """Tell whether a text is the address of a server."""
    try:
        parts = urlsplit(server)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets or a port that are none
        return False


def error_of(response: httpx.Response) -> SaemiError | None:
    """Return the error that an answer is, by who must act; None for a good one."""
    if response.is_success:
        return None
    try:
        error = ErrorAnswer.model_validate(response.json()).error
    except ValueError:
        # A gateway in front of the portal, which is away at the moment, speaks for itself.
        kind = TransientError if response.status_code in (502, 503, 504, 507) else SaemiError
        return kind(f"The server answered {response.status_code} without saying why.", code="unexpected_answer")
    return _kind_of(response.status_code)(error.message, code=error.code, **error.details)


def _kind_of(status: int) -> type[SaemiError]:
    if status == httpx.codes.NOT_FOUND:
        return NotFoundError
    if status in (httpx.codes.SERVICE_UNAVAILABLE, httpx.codes.INSUFFICIENT_STORAGE):
        return TransientError
    return InputError if status < 500 else SaemiError


def retry_after_s(response: httpx.Response) -> float:
    """Return how long the server wishes to be left alone; a gateway may write a date, which is left out."""
    text = response.headers.get("Retry-After", "")
    return min(float(text), LONGEST_PAUSE_S) if text.isascii() and text.isdigit() else 0.0


def json_of(response: httpx.Response) -> Any:
    """Return what an answer says, None where it says nothing; raises SaemiError for what is no answer of a portal."""
    try:
        return response.json() if response.status_code != httpx.codes.NO_CONTENT else None
    except ValueError as error:
        raise SaemiError(f"{response.url.host} answers, but is no SAEMI portal.", code="unexpected_answer") from error
