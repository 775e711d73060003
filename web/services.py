"""What a request needs and the application was built with: database, file store, spool of uploads, settings."""

import threading
from dataclasses import dataclass

from flask import current_app

from shared.database import Database
from shared.settings import Settings
from shared.spool import ChunkSpool
from shared.storage import BlobStore

EXTENSION = "saemi"


@dataclass(frozen=True, slots=True)
class Services:
    """The parts behind the portal; made once by the application factory."""

    settings: Settings
    database: Database
    store: BlobStore
    spool: ChunkSpool
    # Uploads on slow lines hold a thread for minutes: never all of them.
    upload_slots: threading.BoundedSemaphore


def services() -> Services:
    """Return the services of the application that answers this request."""
    found: Services = current_app.extensions[EXTENSION]
    return found
