"""A large file from a real browser to a real S3 server: its bytes do not pass through the portal, and it becomes a job."""

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from cli.client import Saemi
from shared.s3_uploads import S3Uploads
from shared.settings import Settings
from shared.stores import signed_uploads
from tests.browser import open_browser
from tests.chaos.line import Line
from tests.s3_server import S3Server
from tests.web_process import WebProcess, start_web

N_BYTES = 20 * 2**20


@pytest.fixture
def store(s3_server: S3Server, tmp_path: Path) -> S3Uploads:
    return signed_uploads(Settings(**s3_server.settings(tmp_path.name), s3_public_url=s3_server.address))


@pytest.fixture
def web(s3_server: S3Server, tmp_path: Path) -> Iterator[WebProcess]:
    """A portal whose browsers reach the S3 server."""
    where = s3_server.settings(tmp_path.name) | {"s3_public_url": s3_server.address}
    with start_web(tmp_path / "data", min_free_bytes=0, **where) as process:
        yield process


@pytest.fixture
def lot(tmp_path: Path) -> Path:
    """A folder with a large file and a small one."""
    folder = tmp_path / "lot"
    folder.mkdir()
    (folder / "stack 粒子.tif").write_bytes(os.urandom(N_BYTES))
    (folder / "small.tif").write_bytes(b"small")
    return folder


def test_a_large_file_goes_past_the_portal_as_soon_as_the_store_takes_it_from_its_pages(
    chromium: str, line: Line, s3_server: S3Server, store: S3Uploads, lot: Path
) -> None:
    portal = f"http://127.0.0.1:{line.port}"
    store.let_pages_send("https://another.example.org")
    complaints: list[str] = []
    with open_browser(chromium, portal, complaints) as page:
        page.goto("/")
        page.get_by_label("Project").fill("Direct")
        page.locator("#files input[webkitdirectory]").set_input_files(lot)
        page.get_by_role("button", name="Analyse 2 files").click()
        expect(page.get_by_role("status")).to_contain_text("takes nothing from pages of this portal. Sending again in 2 s.")
        store.let_pages_send(portal)
        expect(page).to_have_url(re.compile(r"/submissions/\d+$"))
        number = int(page.url.rpartition("/")[2])
    assert line.n_bytes_sent < N_BYTES / 20
    with Saemi(portal) as saemi:
        jobs = {job.source_name: (job.image_sha256, job.state) for job in saemi.jobs(number)}
    hashes = {f"lot/{path.name}": hashlib.sha256(path.read_bytes()).hexdigest() for path in lot.iterdir()}
    assert jobs == {name: (sha256, "queued") for name, sha256 in hashes.items()}
    assert s3_server.keys(f"{lot.parent.name}/incoming/") == []
    # What the browser itself says of the store that refused, and the requests to it, are expected; nothing else is.
    expected = re.compile(f"{re.escape(s3_server.address)}|ERR_|network error", re.IGNORECASE)
    assert [complaint for complaint in complaints if not expected.search(complaint)] == []
