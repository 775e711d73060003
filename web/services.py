"""What a request needs and the application was built with: database, file store, spool of uploads, settings."""

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import current_app

from shared.database import Database
from shared.settings import Settings
from shared.spool import ChunkSpool
from shared.storage import BlobStore

if TYPE_CHECKING:
    from shared.s3_uploads import S3Uploads

EXTENSION = "saemi"


@dataclass(frozen=True, slots=True)
class Services:
    """The parts behind the portal; made once by the application factory."""

    settings: Settings
    database: Database
    store: BlobStore
    spool: ChunkSpool
    # None where browsers do not reach the file store.
    signed_uploads: "S3Uploads | None"
    # Uploads on slow lines hold a thread for minutes: never all of them.
    upload_slots: threading.BoundedSemaphore


def services() -> Services:
    """Return the services of the application that answers this request."""
    found: Services = current_app.extensions[EXTENSION]
    return found
