"""Metadata as JSON, and back. What comes back is checked: the decoding process may be whatever a hostile file made of it."""

import math
from collections.abc import Mapping
from dataclasses import asdict
from types import MappingProxyType
from typing import Any

from shared.domain import MAX_NM_PER_PX, MIN_NM_PER_PX, Metadata, Stage
from worker.micrograph.texts import MAX_FIELDS, MAX_NAME_CHARACTERS, MAX_VALUE_CHARACTERS

TEXTS = ("vendor", "model", "detector", "acquired_at", "user", "nm_per_px_text", "nm_per_px_tag")
NUMBERS = ("voltage_kv", "magnification", "working_distance_mm", "nm_per_px")
AXES = ("x_mm", "y_mm", "z_mm", "tilt_deg", "rotation_deg")


def to_message(metadata: Metadata) -> dict[str, Any]:
    """Metadata as a JSON object."""
    flat = {name: getattr(metadata, name) for name in (*TEXTS, *NUMBERS, "databar_top")}
    stage = None if metadata.stage is None else asdict(metadata.stage)
    return flat | {"stage": stage, "raw": dict(metadata.raw)}


def from_message(message: Mapping[str, Any]) -> Metadata:
    """Metadata from a JSON object; raises ValueError, TypeError or KeyError where it is not one of ours."""
    stage, top = message["stage"], message["databar_top"]
    if top is not None and (type(top) is not int or top < 0):
        raise ValueError("databar_top")
    texts: dict[str, Any] = {name: _text(message[name]) for name in TEXTS}
    numbers: dict[str, Any] = {name: _number(message[name]) for name in NUMBERS}
    metadata = Metadata(
        **texts,
        **numbers,
        stage=None if stage is None else Stage(**{name: _number(stage[name]) for name in AXES}),
        databar_top=top,
        raw=_raw(message["raw"]),
    )
    if metadata.nm_per_px is not None and not MIN_NM_PER_PX <= metadata.nm_per_px <= MAX_NM_PER_PX:
        raise ValueError("nm_per_px")
    return metadata


def _text(value: Any) -> str | None:
    if value is not None and (not isinstance(value, str) or len(value) > MAX_VALUE_CHARACTERS):
        raise ValueError("text")
    return value


def _number(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError("number")
    return float(value)


def _raw(fields: Any) -> Mapping[str, str]:
    if not isinstance(fields, dict) or len(fields) > MAX_FIELDS:
        raise TypeError("raw")
    for name, value in fields.items():
        if not isinstance(value, str) or len(name) > MAX_NAME_CHARACTERS or len(value) > MAX_VALUE_CHARACTERS:
            raise ValueError("raw")
    return MappingProxyType(fields)
