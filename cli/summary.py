"""One row for each image, as `summary.csv` and `summary.json` hold it: the same keys whether it was analysed or failed."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cli.images import ImageOfFile
from cli.inputs import readable
from shared.tables import SUMMARY_COLUMNS, csv_lines


def analysed(image: ImageOfFile, values: Mapping[str, Any], scale_bar: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the row of an image that was analysed; what `values` does not name is None."""
    return _row(image, "done") | {name: values[name] for name in SUMMARY_COLUMNS if name in values} | {"scale_bar": scale_bar}


def failed(image: ImageOfFile, code: str, message: str) -> dict[str, Any]:
    """Return the row of an image that was not analysed, with the reason."""
    return _row(image, "failed") | {"error_code": code, "error_message": message}


def write_summary(out: Path, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Write `summary.csv` and `summary.json` and return the rows as the latter has them, rectangles as objects."""
    (out / "summary.csv").write_text("".join(csv_lines(SUMMARY_COLUMNS, rows)), encoding="utf-8")
    nested = [_nested(row) for row in rows]
    (out / "summary.json").write_text(json.dumps(nested, ensure_ascii=False, indent=2), encoding="utf-8")
    return nested


def _row(image: ImageOfFile, state: str) -> dict[str, Any]:
    return dict.fromkeys(SUMMARY_COLUMNS) | {"file": readable(image.path), "state": state} | image.place


def _nested(row: Mapping[str, Any]) -> dict[str, Any]:
    flat = {name: value for name, value in row.items() if not name.startswith(("banner_", "field_"))}
    rectangles = {
        "banner": _rectangle(row, "banner", ("top", "bottom")),
        "field": _rectangle(row, "field", ("top", "bottom", "left", "right")),
    }
    return {"scale_bar": None} | flat | rectangles | {"warnings": row["warnings"] or []}


def _rectangle(row: Mapping[str, Any], name: str, sides: Sequence[str]) -> dict[str, int] | None:
    if row[f"{name}_top"] is None:
        return None
    return {side: row[f"{name}_{side}"] for side in sides}
