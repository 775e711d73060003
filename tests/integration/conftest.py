"""What the tests of work in the queue share."""

from collections.abc import Iterator

import pytest
import redis

from shared.database import Database
from shared.messaging import JobSender
from shared.storage import FolderBlobStore
from tests.integration.aged_facility import Facility
from tests.integration.analyses import DiscSegmenter
from tests.integration.bench import Bench
from worker.micrograph.sandbox import Decoder

BROKER_TIMEOUT_S = 1.0


@pytest.fixture(scope="module")
def shared_decoder() -> Iterator[Decoder]:
    """One decoding process for all tests of a module."""
    with Decoder() as decoder:
        yield decoder


@pytest.fixture
def upload_bench(database: Database, store: FolderBlobStore, shared_decoder: Decoder) -> Bench:
    """A bench on SQLite, and one on PostgreSQL."""
    return Bench(database, store, shared_decoder, DiscSegmenter())


@pytest.fixture
def broker(broker_url: str) -> Iterator[redis.Redis]:
    """The broker, with nothing in it."""
    with redis.Redis.from_url(broker_url.replace("redis+socket", "unix")) as client:
        client.flushall()
        yield client
        client.flushall()


@pytest.fixture
def sender(broker_url: str, broker: redis.Redis) -> Iterator[JobSender]:
    """One that gives up soon where the broker is away."""
    sender = JobSender(broker_url, BROKER_TIMEOUT_S)
    yield sender
    sender.close()


@pytest.fixture
def facility(database: Database, store: FolderBlobStore) -> Facility:
    """A laboratory that looks back on years, on SQLite and on PostgreSQL."""
    return Facility(database, store)
