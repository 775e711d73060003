"""Files that a browser stores on a real S3 server itself become blobs under the hash of what really arrived."""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.errors import InputError, NotFoundError, OperatorError
from shared.s3_store import S3BlobStore
from shared.s3_uploads import S3Uploads
from shared.settings import Settings
from shared.stores import signed_uploads
from tests.s3_server import BUCKET, S3Server


@pytest.fixture
def store(s3_server: S3Server, tmp_path: Path) -> S3BlobStore:
    return S3BlobStore(s3_server.access, BUCKET, tmp_path.name)


@pytest.fixture
def uploads(s3_server: S3Server, tmp_path: Path) -> S3Uploads:
    return signed_uploads(Settings(**s3_server.settings(tmp_path.name), s3_public_url=s3_server.address))


NAME = "0123456789abcdef" * 2


def send(url: str, content: bytes) -> int:
    return httpx.put(url, content=content, trust_env=False).status_code


def test_what_was_sent_to_a_signed_address_becomes_a_blob_under_its_hash(uploads: S3Uploads, store: S3BlobStore) -> None:
    content = bytes(range(256)) * 40_000
    assert send(uploads.address(NAME, len(content)), content) == 200
    assert list(store.blobs()) == []
    for _ in range(2):  # whoever is cut off begins again
        blob = uploads.take_in(NAME)
        assert (blob.sha256, blob.n_bytes) == (hashlib.sha256(content).hexdigest(), len(content))
    uploads.discard(NAME)
    with store.open(blob.sha256) as file:
        assert file.read() == content
    with pytest.raises(NotFoundError):
        uploads.take_in(NAME)


def test_an_address_takes_the_number_of_bytes_that_it_was_signed_for(uploads: S3Uploads, store: S3BlobStore) -> None:
    assert send(uploads.address(NAME, 100), b"x" * 101) == 403
    with pytest.raises(NotFoundError):
        uploads.take_in(NAME)


def test_a_file_that_is_too_large_never_becomes_a_blob(uploads: S3Uploads, store: S3BlobStore) -> None:
    assert send(uploads.address(NAME, 100), b"x" * 100) == 200
    with pytest.raises(InputError) as caught:
        uploads.take_in(NAME, max_bytes=99)
    assert caught.value.code == "file_too_large"
    assert list(store.blobs()) == []


def test_a_file_that_is_written_again_while_it_is_hashed_never_becomes_a_blob(
    uploads: S3Uploads, store: S3BlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = uploads.address(NAME, 5)
    assert send(url, b"first") == 200
    copy = uploads._copy

    def copy_later(*arguments: Any) -> None:
        assert send(url, b"other") == 200
        copy(*arguments)

    monkeypatch.setattr(uploads, "_copy", copy_later)
    with pytest.raises(InputError) as caught:
        uploads.take_in(NAME)
    assert caught.value.code == "upload_altered"
    assert list(store.blobs()) == []


@pytest.mark.parametrize("name", ["", "../blobs/aa", "A" * 32, "a" * 31])
def test_a_name_that_was_never_given_is_not_found(uploads: S3Uploads, name: str) -> None:
    with pytest.raises(NotFoundError):
        uploads.take_in(name)


def test_what_nobody_takes_in_is_discarded_a_day_later(
    uploads: S3Uploads, store: S3BlobStore, s3_server: S3Server, tmp_path: Path
) -> None:
    assert send(uploads.address(NAME, 1), b"x") == 200
    now = datetime.now(UTC)
    store.discard_incomplete(before=now - timedelta(days=1))
    assert len(s3_server.keys(f"{tmp_path.name}/")) == 1
    store.discard_incomplete(before=now + timedelta(seconds=2))
    assert s3_server.keys(f"{tmp_path.name}/") == []


def test_without_a_server_that_browsers_reach_there_are_no_signed_uploads(s3_server: S3Server) -> None:
    for settings in (Settings(), Settings(**s3_server.settings("prefix"))):
        with pytest.raises(OperatorError) as caught:
            signed_uploads(settings)
        assert caught.value.code == "no_public_store"
