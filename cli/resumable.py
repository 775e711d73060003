"""A large file in pieces, by the tus protocol 1.0: what the portal has of it is never sent again.

A broken line, a portal that restarts and a command that was killed all go on from the byte that the portal misses next. It is
asked for it after everything that did not come to an end, because only the portal knows what counts.
"""

import base64
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from io import BufferedReader

from cli.bulk.unfinished import UnfinishedUploads, upload_key
from cli.connection import Connection, json_of, timeout
from shared.errors import InputError, SaemiError, TransientError
from web.upload_schemas import Upload

# As much as the portal counts at a time: a connection that breaks loses no more.
PIECE_BYTES = 16 * 2**20
READ_BYTES = 2**20
# The portal reads and stores the whole file before it answers the last piece; a slow disk does this with so much in a second.
SLOWEST_STORING_BYTES_PER_S = 20e6
# Uploads that a portal loses again and again are no chance any more.
MAX_BEGINNINGS = 3
TUS = {"Tus-Resumable": "1.0.0"}
LOST = ("upload_not_found", "upload_expired")


class PieceByPiece:
    """One file on its way into a submission.

    Parameters
    ----------
    file
        The open file, read from wherever the portal needs it.
    sha256
        Of its content; the portal compares.
    on_bytes
        Hears how much more the portal has or is being sent, and how much to take back.
    """

    def __init__(
        self,
        connection: Connection,
        submission_id: int,
        file: BufferedReader,
        *,
        name: str,
        sha256: str,
        on_bytes: Callable[[int], None],
    ) -> None:
        self._connection = connection
        self._submission_id = submission_id
        self._file = file
        self._name = name
        self._sha256 = sha256
        self._on_bytes = on_bytes
        self._found = self._looks()
        self._n_bytes = self._found[0]
        self._n_received = 0
        self._n_told = 0
        # Whether the portal may have more of the file than we know of.
        self._is_unsure = True

    def send(self, uploads: UnfinishedUploads) -> str:
        """Bring all of the file to the portal, from where an earlier attempt ended; returns the name of the upload.

        Raises
        ------
        InputError
            ``file_changed``, ``upload_altered`` where the file is written meanwhile, and whatever the portal refuses.
        SaemiError
            When the portal cannot go on now, TransientError after all patience; another call goes on where this one ended.
        """
        key = upload_key(self._connection.server, self._submission_id, self._name, self._sha256)
        for n_left in reversed(range(MAX_BEGINNINGS)):
            upload_id = uploads.find(key) or self._begin(uploads, key)
            try:
                self._send_all(f"/uploads/{upload_id}")
            except InputError as error:
                uploads.forget(key)
                if error.code not in LOST or not n_left:
                    self._discard(upload_id)
                    raise
            else:
                uploads.forget(key)
                return upload_id
        raise AssertionError("the last beginning returns or raises")

    def _begin(self, uploads: UnfinishedUploads, key: str) -> str:
        about = {"submission_id": str(self._submission_id), "filename": self._name, "sha256": self._sha256}
        encoded = ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in about.items())
        headers = TUS | {"Upload-Length": str(self._n_bytes), "Upload-Metadata": encoded}
        upload = Upload.model_validate(self._connection.ask("POST", "/uploads", headers=headers))
        uploads.remember(key, upload.id)
        return upload.id

    def _send_all(self, path: str) -> None:
        self._is_unsure = True
        while self._is_unsure or self._n_received < self._n_bytes:
            # With whatever the portal has gained, patience begins anew.
            self._connection.patiently(lambda: self._advance(path))

    def _advance(self, path: str) -> None:
        """Find out that the portal has gained something, or send the next piece."""
        if self._is_unsure:
            n_before = self._n_received
            self._n_received = Upload.model_validate(json_of(self._connection.ask_once("GET", path))).n_received
            self._is_unsure = False
            self._tell(self._n_received)
            if self._n_received != n_before:
                return
        self._require_unchanged()
        self._is_unsure = True
        try:
            self._n_received = self._send_piece(path)
        except SaemiError as error:
            self._tell(self._n_received)
            if error.code != "upload_offset_differs":
                raise
            raise TransientError("Another command brings the same file.", code="upload_busy") from error
        self._is_unsure = False
        self._tell(self._n_received)

    def _send_piece(self, path: str) -> int:
        """Send what the portal misses next; returns how much it has then."""
        n_left = self._n_bytes - self._n_received
        n_bytes = min(PIECE_BYTES, n_left)
        headers = TUS | {
            "Content-Type": "application/offset+octet-stream",
            "Content-Length": str(n_bytes),
            "Upload-Offset": str(self._n_received),
        }
        storing_s = self._n_bytes / SLOWEST_STORING_BYTES_PER_S if n_bytes == n_left else 0.0
        body = self._piece(n_bytes)
        response = self._connection.ask_once("PATCH", path, headers=headers, content=body, timeout=timeout(storing_s))
        try:
            return int(response.headers["Upload-Offset"])
        except (KeyError, ValueError) as error:
            raise SaemiError("The server answers, but does not speak the tus protocol.", code="unexpected_answer") from error

    def _piece(self, n_bytes: int) -> Iterator[bytes]:
        self._file.seek(self._n_received)
        while n_bytes and (read := self._file.read(min(READ_BYTES, n_bytes))):
            self._connection.require_not_given_up()
            yield read
            n_bytes -= len(read)
            self._tell(self._n_told + len(read))

    def _discard(self, upload_id: str) -> None:
        """Let the portal forget what nobody goes on with; where it does not, it does so a day later."""
        with suppress(SaemiError):
            self._connection.ask_once("DELETE", f"/uploads/{upload_id}", headers=TUS)

    def _tell(self, n_bytes: int) -> None:
        self._on_bytes(n_bytes - self._n_told)
        self._n_told = n_bytes

    def _require_unchanged(self) -> None:
        if self._looks() != self._found:
            raise InputError("The file changed while it was uploaded.", code="file_changed")

    def _looks(self) -> tuple[int, int]:
        status = os.fstat(self._file.fileno())
        return status.st_size, status.st_mtime_ns
