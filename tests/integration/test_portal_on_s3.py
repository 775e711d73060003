"""A portal whose files lie on an S3 server: fetched there where browsers reach it, else through the portal."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from shared.database import Database
from tests.databases import make_tables
from tests.models import register_models
from tests.s3_server import S3Server
from tests.unit.web.opened_portal import Portal, error_of, open_portal
from worker.exporter import Exporter

NAME = "folder/日本語 1.tif"


def portal_on(tmp_path: Path, **settings: object) -> Iterator[Portal]:
    url = f"sqlite:///{tmp_path / 'saemi.db'}"
    database = Database(url)
    make_tables(database)
    register_models(database)
    database.dispose()
    yield from open_portal(tmp_path, url, **settings)


@pytest.fixture
def public_portal(tmp_path: Path, s3_server: S3Server) -> Iterator[Portal]:
    """A portal whose browsers reach the S3 server."""
    yield from portal_on(tmp_path, **s3_server.settings(tmp_path.name), s3_public_url=s3_server.address)


@pytest.fixture
def inner_portal(tmp_path: Path, s3_server: S3Server) -> Iterator[Portal]:
    """A portal that alone reaches the S3 server."""
    yield from portal_on(tmp_path, **s3_server.settings(tmp_path.name))


@pytest.fixture
def wrong_portal(tmp_path: Path, s3_server: S3Server) -> Iterator[Portal]:
    """A portal with the wrong key to the S3 server."""
    yield from portal_on(tmp_path, **s3_server.settings(tmp_path.name) | {"s3_secret_access_key": "wrong"})


def test_a_file_is_fetched_from_the_store_by_a_signed_address_under_the_name_of_the_image(public_portal: Portal) -> None:
    number = public_portal.analysed(name=NAME)
    answer = public_portal.get(f"/analyses/{number}/files/labels.tif")
    assert answer.status_code == 302
    assert "no-cache" in answer.headers["Cache-Control"]
    found = httpx.get(answer.location, trust_env=False)
    assert (found.status_code, found.content, found.headers["Content-Type"]) == (200, b"labels", "image/tiff")
    assert found.headers["Content-Disposition"].startswith("attachment; filename=")
    assert "filename*=UTF-8''%E6%97%A5%E6%9C%AC%E8%AA%9E%201.labels.tif" in found.headers["Content-Disposition"]


def test_a_signed_address_opens_nothing_but_its_file(public_portal: Portal) -> None:
    number = public_portal.analysed()
    labels = public_portal.get(f"/analyses/{number}/files/labels.tif").location
    overlay = public_portal.get(f"/analyses/{number}/files/overlay.png").location
    assert httpx.get(labels.split("?")[0], trust_env=False).status_code == 403
    assert httpx.get(labels.split("?")[0] + "?" + overlay.split("?")[1], trust_env=False).status_code == 403


def test_pages_may_show_pictures_of_the_store_and_send_to_it_and_have_scripts_of_nobody_else(
    public_portal: Portal, s3_server: S3Server
) -> None:
    policy = public_portal.http.get("/", buffered=True).headers["Content-Security-Policy"]
    assert f"img-src 'self' data: blob: {s3_server.address};" in policy
    assert f"connect-src 'self' {s3_server.address};" in policy
    assert policy.count(s3_server.address) == 2


def test_what_scripts_read_comes_through_the_portal(public_portal: Portal) -> None:
    number = public_portal.analysed()
    answer = public_portal.get(f"/analyses/{number}/files/outlines.json")
    assert (answer.status_code, answer.data) == (200, b"{}")


def test_a_file_that_is_set_aside_comes_through_the_portal(public_portal: Portal) -> None:
    number = public_portal.analysed()
    (overlay,) = [blob for blob in public_portal.store.blobs() if public_portal.store.open(blob.sha256).read() == b"over"]
    public_portal.store.set_aside(overlay.sha256)
    answer = public_portal.get(f"/analyses/{number}/files/overlay.png")
    assert (answer.status_code, answer.data) == (200, b"over")


def test_a_file_comes_through_the_portal_where_browsers_do_not_reach_the_store(inner_portal: Portal) -> None:
    number = inner_portal.analysed(name=NAME)
    answer = inner_portal.get(f"/analyses/{number}/files/labels.tif")
    assert (answer.status_code, answer.data) == (200, b"labels")


def test_an_upload_with_a_wrong_key_says_that_the_operator_must_act(wrong_portal: Portal) -> None:
    answer = wrong_portal.put(wrong_portal.open_submission())
    assert error_of(answer, 503)["code"] == "storage_refused"


def exported(portal: Portal) -> tuple[str, int]:
    """Make an export of an analysis; returns the address of its file and the size."""
    portal.analysed()
    number = portal.http.post("/api/v1/exports", json={"format": "csv"}).get_json()["id"]
    Exporter(portal.database, portal.store, portal.blobs.parent / "exports", lease_s=60, max_attempts=3).run(number)
    return f"/exports/{number}/file", portal.json(f"/exports/{number}")["file"]["n_bytes"]


def test_the_file_of_an_export_is_fetched_from_the_store_also_in_parts(public_portal: Portal) -> None:
    address, n_bytes = exported(public_portal)
    answer = public_portal.get(address)
    assert answer.status_code == 302
    whole = httpx.get(answer.location, trust_env=False)
    assert (whole.status_code, len(whole.content), whole.headers["Content-Type"]) == (200, n_bytes, "application/zip")
    assert "All_analyses.csv.zip" in whole.headers["Content-Disposition"]
    part = httpx.get(answer.location, headers={"Range": "bytes=100-"}, trust_env=False)
    assert (part.status_code, part.content) == (206, whole.content[100:])


def test_the_file_of_an_export_comes_through_the_portal_also_in_parts(inner_portal: Portal) -> None:
    address, n_bytes = exported(inner_portal)
    whole = inner_portal.get(address)
    assert (whole.status_code, len(whole.data)) == (200, n_bytes)
    part = inner_portal.http.get(f"/api/v1{address}", headers={"Range": "bytes=100-"}, buffered=True)
    assert (part.status_code, part.data) == (206, whole.data[100:])
