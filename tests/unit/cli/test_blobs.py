"""`saemi admin blobs`: what is missing or belongs to nothing is said, and removed unless only a check is asked for."""

import json
import os
from pathlib import Path

import pytest

from shared.storage import FolderBlobStore, put_bytes
from tests.unit.cli.invocation import invoke


@pytest.fixture
def store(tmp_path: Path) -> FolderBlobStore:
    """The file store of a database with the models of the release, and an old file that belongs to nothing."""
    assert invoke("admin", "db", "upgrade").exit_code == 0
    root = tmp_path / "data" / "blobs"
    store = FolderBlobStore(root)
    orphan = put_bytes(store, b"orphan")
    (path,) = root.rglob(orphan)
    os.utime(path, (0, 0))
    return store


def test_a_check_names_what_is_wrong_and_changes_nothing(store: FolderBlobStore, tmp_path: Path) -> None:
    before = {blob.sha256 for blob in store.blobs()}
    for _ in range(2):
        result = invoke("admin", "blobs", "--check", "--json")
        assert result.exit_code == 0, result.output
        said = json.loads(result.stdout)
        assert (said["n_blobs"], said["orphans"], said["missing"]) == (len(before), {"n_blobs": 1, "n_bytes": 6}, [])
    assert {blob.sha256 for blob in store.blobs()} == before


def test_without_check_what_belongs_to_nothing_is_set_aside(store: FolderBlobStore) -> None:
    result = invoke("admin", "blobs")
    assert result.exit_code == 0, result.output
    assert "belong to nothing: set aside" in result.output
    (aside,) = store.blobs_set_aside()
    with store.open(aside.sha256) as file:
        assert file.read() == b"orphan"


def test_missing_files_are_named_and_end_with_1(store: FolderBlobStore, tmp_path: Path) -> None:
    weights = max(store.blobs(), key=lambda blob: blob.n_bytes).sha256
    (path,) = (tmp_path / "data" / "blobs").rglob(weights)
    path.unlink()
    result = invoke("admin", "blobs", "--check")
    assert result.exit_code == 1
    assert f"missing: {weights}, named by model.sha256" in result.output
