"""Requests to one portal: errors that say who must act, and patience while the portal or the line cannot take a request."""

import itertools
import threading
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import httpx

from cli.patience import LONGEST_PAUSE_S, SHORT_PATIENCE_S, pauses
from shared.errors import InputError, NotFoundError, SaemiError, TransientError
from web.schemas import ErrorAnswer

Result = TypeVar("Result")

WITHOUT_PROXY: dict[str, None] = {"all://127.0.0.1": None, "all://localhost": None, "all://[::1]": None}
CONNECT_TIMEOUT_S = 5.0
TIMEOUT_S = 60.0


class Connection:
    """A connection to one portal, which threads may share.

    Raises InputError for what the user must mend, TransientError when nobody answers for longer than ``patience_s``.
    """

    def __init__(self, server: str = "http://127.0.0.1:8000", patience_s: float = SHORT_PATIENCE_S) -> None:
        self.server = server.rstrip("/")
        # How long a request is tried again while the server or the line cannot take it.
        self.patience_s = patience_s
        self._gave_up = threading.Event()
        if not _is_address(self.server):
            raise InputError(f"{server} is no address of a portal, such as http://127.0.0.1:8000.", code="invalid_server")
        # A proxy of the environment leads out of the house; this machine is reached without.
        self._http = httpx.Client(base_url=f"{self.server}/api/v1", timeout=timeout(), mounts=WITHOUT_PROXY)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self._http.close()

    def give_up(self) -> None:
        """Let the requests of other threads that are tried again, or send a file, end now, with a TransientError."""
        self._gave_up.set()

    def require_not_given_up(self) -> None:
        """Raise TransientError once somebody gave up."""
        if self._gave_up.is_set():
            raise _given_up()

    def patiently(self, action: Callable[[], Result]) -> Result:
        """Do something again after a pause while it raises TransientError and patience lasts."""
        for pause_s in itertools.chain(pauses(self.patience_s), [None]):
            try:
                return action()
            except TransientError as error:
                if pause_s is None:
                    raise
                wished_s = error.details.get("retry_after_s", 0.0)
            if self._gave_up.wait(max(pause_s, wished_s)):
                raise _given_up()
        raise AssertionError("the last try returns or raises")

    def ask(self, method: str, path: str, *, content: Callable[[], Iterator[bytes]] | None = None, **options: Any) -> Any:
        """Send a request, patiently, and return the JSON of its answer."""
        return json_of(self.patiently(lambda: self.ask_once(method, path, content=content() if content else None, **options)))

    def open_stream(self, path: str, headers: dict[str, str]) -> httpx.Response:
        """Ask for a file, wherever the portal leads to; returns the answer, which is no error, before its content was read.

        The caller closes it.
        """
        try:
            request = self._http.build_request("GET", path, headers=headers)
            response = self._http.send(request, stream=True, follow_redirects=True)
            if not response.is_success:
                response.read()
        except httpx.TransportError as problem:
            raise TransientError(f"{self.server} does not answer: {problem}", code="server_unreachable") from problem
        if not response.is_success:
            raise _error_of(response)
        return response

    def text_of(self, path: str, **options: Any) -> Iterator[str]:
        """Yield the text of an answer of any length in pieces; raises TransientError where it breaks off."""
        try:
            with self._http.stream("GET", path, **options) as response:
                if not response.is_success:
                    response.read()
                    raise _error_of(response)
                yield from response.iter_text()
        except httpx.TransportError as problem:
            raise TransientError(f"{self.server} does not answer: {problem}", code="server_unreachable") from problem

    def ask_once(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request and return its answer, which is no error."""
        try:
            response = self._http.request(method, path, **options)
        except httpx.LocalProtocolError as problem:
            raise InputError("The file became longer or shorter while it was uploaded.", code="file_changed") from problem
        except httpx.TransportError as problem:
            raise TransientError(f"{self.server} does not answer: {problem}", code="server_unreachable") from problem
        if not response.is_success:
            raise _error_of(response)
        return response


def timeout(longer_s: float = 0.0) -> httpx.Timeout:
    """Return the time limits of a request; an answer that takes the portal its time may take longer."""
    return httpx.Timeout(TIMEOUT_S, connect=CONNECT_TIMEOUT_S, read=TIMEOUT_S + longer_s)


def json_of(response: httpx.Response) -> Any:
    """Return the JSON of an answer, None where it says nothing; raises SaemiError where the server is no portal."""
    try:
        return response.json() if response.status_code != httpx.codes.NO_CONTENT else None
    except ValueError as error:
        raise SaemiError(f"{response.url.host} answers, but is no SAEMI portal.", code="unexpected_answer") from error


def _is_address(server: str) -> bool:
    try:
        parts = urlsplit(server)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets or a port that are none
        return False


def _error_of(response: httpx.Response) -> SaemiError:
    wished = {"retry_after_s": wished_s} if (wished_s := _retry_after_s(response)) else {}
    try:
        error = ErrorAnswer.model_validate(response.json()).error
    except ValueError:
        # A gateway in front of the portal, which is away at the moment, speaks for itself.
        kind = TransientError if response.status_code in (502, 503, 504, 507) else SaemiError
        return kind(f"The server answered {response.status_code} without saying why.", code="unexpected_answer", **wished)
    return _kind_of(response.status_code)(error.message, code=error.code, **error.details | wished)


def _kind_of(status: int) -> type[SaemiError]:
    if status == httpx.codes.NOT_FOUND:
        return NotFoundError
    if status in (httpx.codes.SERVICE_UNAVAILABLE, httpx.codes.INSUFFICIENT_STORAGE):
        return TransientError
    return InputError if status < 500 else SaemiError


def _retry_after_s(response: httpx.Response) -> float:
    """Return how long the server wishes to be left alone; a gateway may write a date, which is left out."""
    text = response.headers.get("Retry-After", "")
    return min(float(text), LONGEST_PAUSE_S) if text.isascii() and text.isdigit() else 0.0


def _given_up() -> TransientError:
    return TransientError("The upload was interrupted.", code="interrupted")
