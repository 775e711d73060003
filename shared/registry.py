"""The models that analyses can name: registered once, never changed, one of them the default.

A model is its name, its version and the SHA-256 of its weights, which lie in the blob store. Functions take the session first
and never commit.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from shared.database import database_time
from shared.domain import ModelIdentity
from shared.errors import InputError, OperatorError
from shared.model_rows import ModelRow

# A reference is split at its last hyphen, so that only names may hold one.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._]{0,49}")
REFERENCE = re.compile(r"[A-Za-z0-9._-]{1,151}")


def register(session: Session, model: ModelIdentity, card: Mapping[str, Any]) -> ModelRow:
    """Register a model; the same name, version and hash a second time find what is there, and its card stays.

    Parameters
    ----------
    session
        Of a transaction that writes; it waits for others that register or choose.
    model
        The weights of a hash must lie in the blob store already.
    card
        What is known about the model, as JSON values.

    Raises
    ------
    InputError
        ``invalid_model_name``; ``model_exists`` where that name and version has other weights.
    """
    if not NAME.fullmatch(model.name) or not VERSION.fullmatch(model.version):
        message = (
            f"{model.name!r}, version {model.version!r}, cannot name a model: letters, digits, dots and underscores, "
            "in the name hyphens too."
        )
        raise InputError(message, code="invalid_model_name")
    _wait_for_others(session)
    row = _exact(session, model.name, model.version)
    if row is None:
        row = ModelRow(
            name=model.name,
            version=model.version,
            sha256=model.sha256,
            card=dict(card),
            is_default=False,
            added_at=database_time(),
        )
        session.add(row)
        session.flush()
        session.refresh(row)
    elif row.sha256 != model.sha256:
        message = (
            f"There is another {model.reference} already (SHA-256 {_short(row.sha256)}, this one {_short(model.sha256)}). "
            "Analyses name it, so it stays: give yours another version."
        )
        raise InputError(message, code="model_exists")
    return row


def identity(row: ModelRow) -> ModelIdentity:
    """Return what analyses by a model store of it."""
    return ModelIdentity(row.name, row.version, row.sha256)


def find(session: Session, model: ModelIdentity) -> ModelRow | None:
    """Return the row of exactly this model, hash included, or None."""
    row = _exact(session, model.name, model.version)
    return row if row is not None and row.sha256 == model.sha256 else None


def models(session: Session) -> list[ModelRow]:
    """Return all models, the newest first."""
    return models_page(session, before=None, limit=None)


def models_page(session: Session, *, before: int | None, limit: int | None) -> list[ModelRow]:
    """Return up to ``limit`` models, the newest first, those with a smaller number than ``before`` only."""
    query = select(ModelRow).order_by(ModelRow.id.desc()).limit(limit)
    if before is not None:
        query = query.where(ModelRow.id < before)
    return list(session.scalars(query))


def resolve(session: Session, reference: str) -> ModelRow:
    """Return the model of a reference: name and version, such as ``particlenet-1``, or a name for its newest version.

    Raises
    ------
    InputError
        ``unknown_model``, with the models that there are.
    """
    row = None
    # What no model can be called is not looked for: a database refuses some texts, and says so in its own way.
    if REFERENCE.fullmatch(reference):
        name, _, version = reference.rpartition("-")
        row = _exact(session, name, version) or _newest(session, reference)
    if row is None:
        raise unknown_model(reference, [identity(row).reference for row in models(session)])
    return row


def default(session: Session) -> ModelRow:
    """Return the model of those who choose none; raises OperatorError ``no_default_model`` where none was registered."""
    row = session.scalars(select(ModelRow).where(ModelRow.is_default)).one_or_none()
    if row is None:
        message = "No model is the default: run `saemi admin db upgrade`, or choose one with `saemi models default`."
        raise OperatorError(message, code="no_default_model")
    return row


def choose_default(session: Session, reference: str) -> ModelRow:
    """Make a model the default because a person says so; from now on no release changes it."""
    _wait_for_others(session)
    row = resolve(session, reference)
    _make_default(session, row)
    row.chosen_at = database_time()
    session.flush()
    session.refresh(row)
    return row


def follow_default(session: Session, name: str) -> None:
    """Make the newest version of a name the default, unless a person has ever chosen one or there is no such model."""
    _wait_for_others(session)
    if session.scalar(select(func.count()).select_from(ModelRow).where(ModelRow.chosen_at.is_not(None))):
        return
    row = _newest(session, name)
    if row is not None and not row.is_default:
        _make_default(session, row)


def version_order(version: str) -> tuple[int, int, str]:
    """Sort key of versions: whole numbers by their value, after all others, which are ordered as text."""
    if version.isascii() and version.isdigit():
        return (1, int(version), version)
    return (0, 0, version)


def unknown_model(reference: str, known: Sequence[str]) -> InputError:
    """Return the error of a model that is not there, which names those that are."""
    return InputError(f"There is no model {reference!r}; there are: {', '.join(known) or 'none'}.", code="unknown_model")


def _exact(session: Session, name: str, version: str) -> ModelRow | None:
    return session.scalars(select(ModelRow).filter_by(name=name, version=version)).one_or_none()


def _newest(session: Session, name: str) -> ModelRow | None:
    versions = session.scalars(select(ModelRow).filter_by(name=name)).all()
    return max(versions, key=lambda row: version_order(row.version), default=None)


def _make_default(session: Session, row: ModelRow) -> None:
    session.execute(update(ModelRow).where(ModelRow.is_default).values(is_default=False))
    row.is_default = True
    session.flush()


def _wait_for_others(session: Session) -> None:
    """Hold the table against other writers until the transaction ends; readers go on. SQLite has one writer anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("LOCK TABLE model IN SHARE ROW EXCLUSIVE MODE"))


def _short(sha256: str | None) -> str:
    return "none" if sha256 is None else f"{sha256[:12]}…"
