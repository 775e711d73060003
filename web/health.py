"""Addresses for those who keep the portal running: whether it lives, and whether it can do its work."""

from flask import Blueprint

from shared.schema import require_current
from web.services import services

# Any name will do: a store that answers says that it has no such file.
NO_FILE = "0" * 64

probes = Blueprint("probes", __name__)


@probes.get("/healthz")
def healthz() -> dict[str, str]:
    """Answer as long as this process lives; a database that is away is no reason to start it anew."""
    return {"status": "ok"}


@probes.get("/readyz")
def readyz() -> dict[str, str]:
    """Answer when database, schema and file store are there; until then requests had better go elsewhere."""
    services().database.check()
    require_current(services().database)
    services().store.exists(NO_FILE)
    return {"status": "ready"}
