"""What the tests of work in the queue share."""

from collections.abc import Iterator

import pytest

from shared.database import Database
from shared.storage import FolderBlobStore
from tests.integration.analyses import DiscSegmenter
from tests.integration.bench import Bench
from worker.micrograph.sandbox import Decoder


@pytest.fixture(scope="module")
def shared_decoder() -> Iterator[Decoder]:
    """One decoding process for all tests of a module."""
    with Decoder() as decoder:
        yield decoder


@pytest.fixture
def upload_bench(database: Database, store: FolderBlobStore, shared_decoder: Decoder) -> Bench:
    """A bench on SQLite, and one on PostgreSQL."""
    return Bench(database, store, shared_decoder, DiscSegmenter())
