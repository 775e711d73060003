"""Models for tests of what names them: registered by their cards, without weights that anybody would load."""

from typing import Any

from shared import registry
from shared.database import Database
from shared.domain import DEFAULT_MODEL, ModelIdentity
from worker.shipped import CLASSICAL, require_shipped, shipped_references

# What the release brings: the default, and all references as a message lists them, the newest first.
NEWEST = require_shipped(DEFAULT_MODEL).identity
LISTED = ", ".join(reversed(shipped_references()))

NETWORK = ModelIdentity(DEFAULT_MODEL, "1", "c0ffee" * 10 + "0123")


def card(model: ModelIdentity, **facts: Any) -> dict[str, Any]:
    """A card that identifies a model, and what else it shall say."""
    architecture = {"architecture": "particlenet-lite0", "architecture_version": "1"}
    return {"name": model.name, "version": model.version, "sha256": model.sha256, **architecture, **facts}


def register_models(database: Database) -> None:
    """The classical method and a network, which is the default."""
    with database.writing() as session:
        registry.register(session, CLASSICAL.identity, CLASSICAL.card)
        registry.register(session, NETWORK, card(NETWORK, figures={"dice": 0.9471, "ap50": 0.8153, "map": 0.674, "f1": 0.8737}))
        registry.follow_default(session, DEFAULT_MODEL)
