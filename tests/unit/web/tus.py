"""Requests of the tus protocol, written out by hand: the well-kept clients never send what is wrong."""

import base64
import hashlib
from typing import Any

from werkzeug.test import TestResponse

from tests.unit.web.opened_portal import API, Portal

TUS = {"Tus-Resumable": "1.0.0"}


def metadata(**values: str | bytes) -> str:
    """Upload-Metadata of some values."""
    encoded = {key: value if isinstance(value, bytes) else value.encode() for key, value in values.items()}
    return ",".join(f"{key} {base64.b64encode(value).decode()}" for key, value in encoded.items())


def creation(submission: int, n_bytes: int, name: str = "a.tif", **further: str) -> dict[str, str]:
    """The headers that open an upload."""
    about = metadata(submission_id=str(submission), filename=name, **further)
    return TUS | {"Upload-Length": str(n_bytes), "Upload-Metadata": about}


def chunk(first_byte: int, **further: str) -> dict[str, str]:
    """The headers of a piece."""
    return TUS | {"Upload-Offset": str(first_byte), "Content-Type": "application/offset+octet-stream"} | further


def checksum(algorithm: str, content: bytes) -> str:
    """An Upload-Checksum."""
    return f"{algorithm} {base64.b64encode(hashlib.new(algorithm, content).digest()).decode()}"


def begin_upload(portal: Portal, submission: int, n_bytes: int = 3, name: str = "a.tif", **further: str) -> str:
    """Open an upload; returns its name."""
    answer = portal.http.post(f"{API}/uploads", headers=creation(submission, n_bytes, name, **further))
    assert answer.status_code == 201, answer.text
    return str(answer.get_json()["id"])


def send(portal: Portal, upload: str, first_byte: int, content: bytes, **options: Any) -> TestResponse:
    """Send a piece."""
    headers = chunk(first_byte) | options.pop("headers", {})
    return portal.http.patch(f"{API}/uploads/{upload}", headers=headers, data=content, **options)


def n_received(portal: Portal, upload: str) -> int:
    """Ask how much is here, as a client does."""
    answer = portal.http.head(f"{API}/uploads/{upload}", headers=TUS)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    return int(answer.headers["Upload-Offset"])
