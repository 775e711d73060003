"""A portal without workers on a real socket, which can be stopped and started, and made to fail."""

import socket
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import select
from werkzeug.serving import BaseWSGIServer, make_server
from werkzeug.wrappers import Request, Response

from shared.database import Database
from shared.models import JobRow, SideCarRow, SubmissionRow
from shared.settings import Settings
from tests.databases import make_tables
from tests.models import register_models
from web.app import create_app
from web.services import EXTENSION, Services

Environment = dict[str, Any]
Start = Callable[..., Any]


class ServedPortal:
    """The application behind a socket, and what it was asked.

    ``faults`` holds statuses that the next uploads are answered with instead; 0 closes the connection without a word.
    ``pieces`` holds where the pieces of large files began, in their order.
    """

    def __init__(self, folder: Path) -> None:
        url = f"sqlite:///{folder / 'portal.db'}"
        self.database = Database(url)
        make_tables(self.database)
        register_models(self.database)
        settings = Settings(data_dir=folder, database_url=url, broker_url="redis+socket:///nobody.sock", min_free_bytes=0)
        self.app = create_app(settings)
        self.services: Services = self.app.extensions[EXTENSION]
        self.faults: deque[int] = deque()
        self.n_uploads: Counter[str] = Counter()
        self.pieces: list[int] = []
        self.on_upload: Callable[[str], None] = lambda _: None
        self._server = self._listen(0)
        self.port: int = self._server.port
        self.address = f"http://127.0.0.1:{self.port}"

    def __call__(self, environ: Environment, start_response: Start) -> Iterable[bytes]:
        request = Request(environ)
        if request.method == "PUT" and request.path.endswith("/files"):
            name = request.args["name"]
            self.n_uploads[name] += 1
        elif request.method == "PATCH":
            name = request.path.rpartition("/")[2]
            self.pieces.append(int(request.headers["Upload-Offset"]))
        else:
            return self.app(environ, start_response)
        self.on_upload(name)
        if self.faults:
            return self._fail(self.faults.popleft(), environ, start_response)
        return self.app(environ, start_response)

    def stop(self) -> None:
        """Be away, as a server that restarts."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def start(self) -> None:
        """Be there again, under the same address."""
        self._server = self._listen(self.port)

    def close(self) -> None:
        self.stop()
        self.services.database.dispose()
        self.database.dispose()

    def submissions(self) -> list[SubmissionRow]:
        with self.database.reading() as session:
            return list(session.scalars(select(SubmissionRow).order_by(SubmissionRow.id)))

    def names(self, submission: int | None = None) -> list[str]:
        """Names of the images and side-cars that the portal has, sorted; one that is there twice twice."""
        with self.database.reading() as session:
            rows = [*session.scalars(select(JobRow)), *session.scalars(select(SideCarRow))]
        of_interest = [row for row in rows if submission in (None, row.submission_id)]
        return sorted(row.name if isinstance(row, SideCarRow) else row.source_name for row in of_interest)

    def _listen(self, port: int) -> BaseWSGIServer:
        server = make_server("127.0.0.1", port, self, threaded=True)
        self._thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, name="portal")
        self._thread.start()
        return server

    def _fail(self, status: int, environ: Environment, start_response: Start) -> Iterable[bytes]:
        if not status:
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            raise ConnectionError
        Request(environ).get_data()  # an unread body would be taken for the next request
        return Response(status=status, headers={"Retry-After": "0"})(environ, start_response)


@contextmanager
def serve_portal(folder: Path) -> Iterator[ServedPortal]:
    """Serve a portal while the block lasts."""
    portal = ServedPortal(folder)
    try:
        yield portal
    finally:
        portal.close()
