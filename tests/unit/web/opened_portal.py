"""The application with the real parts behind it, for the tests of what its addresses answer."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from shared import jobs
from shared.database import Database
from shared.results import AnalysisFiles, save_analysis
from shared.settings import Settings
from shared.storage import BlobStore, put_bytes
from tests.integration.analyses import Micrograph, draw_discs, make_analysis, particle_table
from web.app import create_app
from web.services import EXTENSION

API = "/api/v1"
MAX_UPLOAD_BYTES = 1000
BROKER_TIMEOUT_S = 0.5


@dataclass
class Portal:
    """The application and the real parts behind it."""

    app: Flask
    http: FlaskClient
    database: Database
    store: BlobStore
    blobs: Path

    def get(self, path: str, **query: object) -> TestResponse:
        return self.http.get(API + path, query_string=query or None, buffered=True)

    def json(self, path: str, **query: object) -> Any:
        answer = self.get(path, **query)
        assert answer.status_code == 200, answer.text
        return answer.get_json()

    def open_submission(self, **body: object) -> int:
        answer = self.http.post(f"{API}/submissions", json={"project": "gold"} | body)
        assert answer.status_code == 201, answer.text
        return int(answer.get_json()["id"])

    def put(self, submission: int, content: bytes = b"bytes", name: str = "a.tif", **options: Any) -> TestResponse:
        return self.http.put(f"{API}/submissions/{submission}/files", query_string={"name": name}, data=content, **options)

    def files(self) -> list[Path]:
        return [path for path in self.blobs.rglob("*") if path.is_file()]

    def analysed(
        self, n: int = 7, nm_per_px: float | None = 0.5, name: str = "folder/日本語 1.tif", *, has_confidence: bool = False
    ) -> int:
        """Hand in a file and do a worker's work on it; returns the analysis."""
        job = self.put(self.open_submission(nm_per_px=nm_per_px), name.encode(), name).get_json()
        contents = AnalysisFiles(*(put_bytes(self.store, kind) for kind in (b"labels", b"{}", b"over", b"pre", b"thumb")))
        with self.database.writing() as session:
            (held,) = jobs.claim(session, [job["id"]], lease_s=60, max_attempts=3)
            micrograph = Micrograph(draw_discs(), "TIFF")
            columns = {"confidence": np.linspace(0, 1, n)} if has_confidence else {}
            analysis = make_analysis(particle_table(n, nm_per_px, **columns), nm_per_px)
            number = save_analysis(session, held.image_sha256, micrograph, analysis, contents, duration_s=1.0)
            jobs.finish(session, held, number)
        return number


def open_portal(
    folder: Path, database_url: str, broker_url: str = "redis+socket:///nobody.sock", **settings: Any
) -> Iterator[Portal]:
    values = {"data_dir": folder, "database_url": database_url, "broker_url": broker_url, "min_free_bytes": 0, **settings}
    app = create_app(Settings(**values, max_upload_bytes=MAX_UPLOAD_BYTES, broker_timeout_s=BROKER_TIMEOUT_S))
    behind = app.extensions[EXTENSION]
    yield Portal(app, app.test_client(), behind.database, behind.store, folder / "blobs")
    behind.database.dispose()


def shown(portal: Portal, address: str, status: int = 200) -> str:
    """Open a page; white space counts as little as in a browser."""
    answer = portal.http.get(address)
    assert answer.status_code == status, answer.text
    return re.sub(r"[ \n]+", " ", answer.text)


def error_of(answer: TestResponse, status: int) -> dict[str, Any]:
    """Check the one shape of every error and return what it says."""
    assert answer.status_code == status, answer.text
    assert answer.is_json
    body = answer.get_json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message", "details", "reference"}
    assert re.fullmatch("[a-z_]+", body["error"]["code"])
    assert body["error"]["message"]
    for inside in ("Traceback", "sqlalchemy", "psycopg", "sqlite3", 'File "'):
        assert inside not in answer.text
    if status == 503:
        assert int(answer.headers["Retry-After"]) > 0
    error: dict[str, Any] = body["error"]
    return error
