"""Bodies of requests that are files: read piece by piece, never all of one in memory, and never by all threads at once."""

from collections.abc import Iterator
from contextlib import contextmanager

from flask import request
from werkzeug.exceptions import ClientDisconnected
from werkzeug.wsgi import get_input_stream

from shared.errors import TransientError
from web.services import services

PIECE_BYTES = 2**20


class RequestBody:
    """The body of the request at hand, as it arrives; one that breaks off raises ClientDisconnected."""

    def __init__(self, max_bytes: int) -> None:
        self._stream = get_input_stream(request.environ, max_content_length=max_bytes)

    def pieces(self) -> Iterator[bytes]:
        """Yield all of it."""
        while piece := self._stream.read(PIECE_BYTES):
            yield piece


class CutBody:
    """The body of the request at hand in parts of a given size; one that breaks off ends there, and what came counts."""

    def __init__(self, max_bytes: int) -> None:
        # One byte more, so that a body that does not state its length and is too long can be told.
        self._stream = get_input_stream(request.environ, max_content_length=max_bytes + 1)
        self.is_over = False

    def part(self, n_bytes: int) -> Iterator[bytes]:
        """Yield up to so many bytes."""
        while n_bytes and (piece := self._read(min(n_bytes, PIECE_BYTES))):
            n_bytes -= len(piece)
            yield piece

    def _read(self, n_bytes: int) -> bytes:
        try:
            piece: bytes = self._stream.read(n_bytes)
        except (ClientDisconnected, OSError):
            piece = b""
        self.is_over = not piece
        return piece


@contextmanager
def upload_slot() -> Iterator[None]:
    """Hold one of the places for uploads, or answer at once that all are taken; clients come again."""
    slots = services().upload_slots
    if not slots.acquire(blocking=False):
        raise TransientError("Many files are being uploaded at the moment; this one can come again.", code="uploads_busy")
    try:
        yield
    finally:
        slots.release()
