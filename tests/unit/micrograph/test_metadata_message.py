"""Metadata travel as JSON; what a hostile decoding process sends back is checked."""

import json

import pytest

from shared.domain import Metadata, Stage
from worker.micrograph.metadata_message import from_message, to_message

FULL = Metadata(
    vendor="ZEISS", model="Merlin", voltage_kv=5.0, magnification=1e4, detector="SE2", acquired_at="2020-01-02T03:04:05",
    user="Jürgen µ", working_distance_mm=4.2, stage=Stage(x_mm=1.0, tilt_deg=-3.5), nm_per_px=1.5, nm_per_px_text="1.5 nm",
    nm_per_px_tag="AP_IMAGE_PIXEL_SIZE", databar_top=700, raw={"AP_WD": "4.2 mm"},
)  # fmt: skip


@pytest.mark.parametrize("metadata", [FULL, Metadata()], ids=["full", "empty"])
def test_metadata_survive_the_way_through_json(metadata) -> None:
    assert from_message(json.loads(json.dumps(to_message(metadata)))) == metadata


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("vendor", 5), ("vendor", "x" * 10_000), ("voltage_kv", "5"), ("voltage_kv", float("nan")), ("voltage_kv", True),
        ("nm_per_px", -1.0), ("nm_per_px", 1e9), ("databar_top", -1), ("databar_top", 1.5), ("raw", []), ("raw", {"a": 1}),
        ("raw", {str(n): "x" for n in range(1000)}), ("stage", []),
    ],
)  # fmt: skip
def test_impossible_metadata_are_refused(name, value) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)):
        from_message(to_message(FULL) | {name: value})
