"""Outputs through a portal: asked for, waited for, downloaded. An interrupted download goes on where it was."""

import hashlib
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import httpx

from cli.connection import Connection
from shared.errors import InputError, TransientError
from shared.leases import JobState
from web.export_schemas import Export, ExportBody, ExportFile

POLL_INTERVAL_S = 0.5
ENDED = (JobState.DONE, JobState.FAILED, JobState.CANCELLED)


def ask_for_export(portal: Connection, body: ExportBody) -> Export:
    """Ask for an output; a worker of the portal then makes its file."""
    return Export.model_validate(portal.ask("POST", "/exports", json=body.model_dump(mode="json")))


def wait_for_export(portal: Connection, export_id: int, on_progress: Callable[[Export], None] = lambda _: None) -> Export:
    """Wait until the file of an export is made, or never will be."""
    while True:
        current = Export.model_validate(portal.ask("GET", f"/exports/{export_id}"))
        on_progress(current)
        if current.state in ENDED:
            return current
        time.sleep(POLL_INTERVAL_S)


def download_export(portal: Connection, export: Export, target: Path, on_bytes: Callable[[int], None] = lambda _: None) -> Path:
    """Download the file of an export; returns where it lies, whole, with the SHA-256 that the portal told.

    Parameters
    ----------
    target : Path
        The file, or a folder in which it gets its own name; one of that name is written over.
    on_bytes
        Hears how much came, and of a download that begins anew how much to take back.

    Raises
    ------
    InputError
        ``export_not_made``, ``export_removed``, ``no_folder``, or ``download_differs`` where other bytes arrive than were
        stored.
    """
    if export.file is None:
        raise InputError(f"Export {export.id} is {export.state}: it has no file.", code="export_not_made")
    path = target / export.file.name if target.is_dir() else target
    require_folder(path)
    # Named by its content: what is left of another file is never gone on with.
    part = path.with_name(f".{path.name}.{export.file.sha256[:16]}.part")
    portal.patiently(lambda: _receive(portal, export, part, on_bytes))
    _require_same(part, export.file)
    part.replace(path)
    return path


def require_folder(path: Path) -> None:
    """Raise InputError ``no_folder`` where the folder of a file does not exist."""
    if not path.absolute().parent.is_dir():
        raise InputError(f"There is no folder {path.absolute().parent}.", code="no_folder")


def _receive(portal: Connection, export: Export, part: Path, on_bytes: Callable[[int], None]) -> None:
    n_here = part.stat().st_size if part.exists() else 0
    n_bytes = export.file.n_bytes if export.file else 0
    if n_here == n_bytes > 0:
        return
    headers = {"Range": f"bytes={n_here}-"} if 0 < n_here < n_bytes else {}
    with closing(portal.open_stream(f"/exports/{export.id}/file", headers)) as response:
        goes_on = response.status_code == httpx.codes.PARTIAL_CONTENT
        if goes_on:
            on_bytes(n_here)
        with part.open("ab" if goes_on else "wb") as file:
            n_written = 0
            try:
                for chunk in response.iter_bytes():
                    file.write(chunk)
                    n_written += len(chunk)
                    on_bytes(len(chunk))
            except httpx.TransportError as problem:
                on_bytes(-(n_written + (n_here if goes_on else 0)))
                raise TransientError(f"{portal.server} broke off: {problem}", code="server_unreachable") from problem


def _require_same(part: Path, file: ExportFile) -> None:
    with part.open("rb") as opened:
        sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
    if sha256 != file.sha256:
        part.unlink()
        raise InputError("Other bytes arrived than the portal stored: download the file again.", code="download_differs")
