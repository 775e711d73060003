"""The tables of outputs, read by other libraries than wrote them."""

import csv
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyarrow import parquet
from python_calamine import CalamineWorkbook

from shared.domain import Calibration
from shared.quantities import PARTICLE_QUANTITIES
from shared.tables import PARTICLE_COLUMNS, SUBMISSION_COLUMNS
from tests.unit.outputs.made import COMMAND, analysed_image, content, drawn_labels, written
from worker.outputs import workbook
from worker.outputs.content import AnalysedImage, Content, LeftOut
from worker.outputs.methods import as_json, as_text, methods

KEYS = ["file", "image", "sample", "stem"]
FORMULA = "=1+1.tif"
NAME = "Gold µ/日本 <&>.tif"


@pytest.fixture(scope="module")
def mixed() -> Content:
    """Two images with particles, one calibrated and one not, of strange names, and one without particles."""
    labels = drawn_labels()
    return content(
        analysed_image(labels, FORMULA, FORMULA[:-4], sample="S1", confidence=np.linspace(0.3, 0.9, 7)),
        analysed_image(
            labels, NAME, "日本", calibrated=Calibration.conflict(), warnings=["One.", "Two."], **{"metadata: lot": "=12"}
        ),
        analysed_image(np.zeros_like(labels), "empty.tif", "empty", calibrated=Calibration.missing()),
        left_out=[LeftOut("broken.tif", "It is cut off.")],
    )


def expected_rows(of: Content) -> list[list[Any]]:
    """The particles as plain values, taken from the tables themselves."""
    return [row for image in of.images for row in expected_of(image)]


def expected_of(image: AnalysedImage) -> list[list[Any]]:
    particles = image.particles()
    keys = [image.name, 1, image.record["sample"], image.stem]
    columns = [getattr(particles, name) for name in PARTICLE_COLUMNS]
    return [[*keys, *(None if column is None else column[i].item() for column in columns)] for i in range(len(particles))]


def test_csv_tables_hold_every_particle_and_image_and_the_methods(mixed: Content, tmp_path: Path) -> None:
    assert written("csv", mixed, tmp_path / "o.zip") == [1, 2, 3]
    with zipfile.ZipFile(tmp_path / "o.zip") as archive:
        assert archive.testzip() is None
        texts = {name: archive.read(name).decode() for name in archive.namelist()}
    assert list(texts) == ["particles.csv", "summary.csv", "methods.txt"]
    header, *rows = csv.reader(io.StringIO(texts["particles.csv"], newline=""))
    assert header == [*KEYS, *PARTICLE_COLUMNS]
    assert rows == [[as_cell(value) for value in row] for row in expected_rows(mixed)]
    summary = list(csv.DictReader(io.StringIO(texts["summary.csv"], newline="")))
    assert list(summary[0]) == ["stem", *SUBMISSION_COLUMNS, "metadata: lot"]
    found = [(row["stem"], row["file"], row["n_particles"], row["nm_per_px"], row["metadata: lot"]) for row in summary]
    assert found == [("=1+1", FORMULA, "7", "0.5", ""), ("日本", NAME, "7", "", "=12"), ("empty", "empty.tif", "0", "", "")]
    assert summary[1]["warnings"] == "One.; Two."
    assert texts["methods.txt"] == as_text(methods(mixed))
    assert f"Command that makes this again: {COMMAND}" in texts["methods.txt"]


def as_cell(value: Any) -> str:
    """A value as CSV has it, where numbers are the shortest text that gives them again."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return repr(value) if isinstance(value, float) else str(value)


def test_a_workbook_has_texts_as_texts_numbers_as_numbers_and_the_methods(mixed: Content, tmp_path: Path) -> None:
    assert written("xlsx", mixed, tmp_path / "o.xlsx") == [1, 2, 3]
    sheets = sheets_of(tmp_path / "o.xlsx")
    assert list(sheets) == ["Summary", "Particles", "Methods"]
    header, *rows = sheets["Particles"]
    assert header == [*KEYS, *PARTICLE_COLUMNS]
    # A workbook has 16 digits of a number and no empty cells but empty texts.
    for row, expected in zip(rows, expected_rows(mixed), strict=True):
        assert row == [
            pytest.approx(one, rel=1e-15) if isinstance(one, float) else "" if one is None else one for one in expected
        ]
    header, first, second, third = sheets["Summary"]
    assert header == ["stem", *SUBMISSION_COLUMNS, "metadata: lot"]
    assert [row[1] for row in (first, second, third)] == [FORMULA, NAME, "empty.tif"]
    assert (first[header.index("n_particles")], third[header.index("ecd_mean_px")]) == (7, "")
    assert second[-1] == "=12"
    told = [(section.title, fact.name, fact.value) for section in methods(mixed) for fact in section.facts]
    assert [tuple(row) for row in sheets["Methods"][1:]] == told


def test_no_cell_of_a_workbook_is_a_formula(mixed: Content, tmp_path: Path) -> None:
    written("xlsx", mixed, tmp_path / "o.xlsx")
    with zipfile.ZipFile(tmp_path / "o.xlsx") as archive:
        sheets = [archive.read(name) for name in archive.namelist() if name.startswith("xl/worksheets/")]
    assert len(sheets) == 3
    assert not any(b"<f>" in sheet for sheet in sheets)


def test_what_fills_a_sheet_goes_on_in_the_next_one(mixed: Content, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "MAX_ROWS", 5)
    written("xlsx", mixed, tmp_path / "o.xlsx")
    sheets = sheets_of(tmp_path / "o.xlsx")
    particles = [name for name in sheets if name.startswith("Particles")]
    assert particles == ["Particles", "Particles 2", "Particles 3", "Particles 4"]
    assert all(sheets[name][0] == [*KEYS, *PARTICLE_COLUMNS] for name in particles)
    numbers = [row[KEYS.index("stem") + 1] for name in particles for row in sheets[name][1:]]
    assert numbers == [row[len(KEYS)] for row in expected_rows(mixed)]


def test_a_text_that_no_cell_can_hold_is_cut_and_control_characters_do_no_harm(tmp_path: Path) -> None:
    image = analysed_image(drawn_labels(), warnings=["x" * 40_000], sample="bell \a")
    written("xlsx", content(image), tmp_path / "o.xlsx")
    header, row = sheets_of(tmp_path / "o.xlsx")["Summary"]
    warning = row[header.index("warnings")]
    assert (len(warning), warning[-1]) == (32_767, "…")
    assert row[header.index("sample")] == "bell \a"


def sheets_of(path: Path) -> dict[str, list[list[Any]]]:
    with CalamineWorkbook.from_path(path) as book:
        return {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}


def test_parquet_has_types_units_definitions_and_the_methods(mixed: Content, tmp_path: Path) -> None:
    assert written("parquet", mixed, tmp_path / "o.parquet") == [1, 2, 3]
    table = parquet.read_table(tmp_path / "o.parquet")
    assert table.column_names == [*KEYS, *PARTICLE_COLUMNS]
    assert [list(row.values()) for row in table.to_pylist()] == expected_rows(mixed)
    types = {name: str(table.schema.field(name).type) for name in ("label", "area_px", "ecd_nm", "touches_border", "file")}
    assert types == {"label": "int64", "area_px": "int64", "ecd_nm": "double", "touches_border": "bool", "file": "string"}
    for quantity in PARTICLE_QUANTITIES:
        said = table.schema.field(quantity.name).metadata
        assert (said[b"unit"].decode(), said[b"definition"].decode()) == (quantity.unit, quantity.definition)
    assert json.loads(table.schema.metadata[b"saemi.methods"]) == as_json(methods(mixed))
    assert table.schema.metadata[b"saemi.title"].decode() == mixed.title


def test_parquet_of_many_particles_has_row_groups_that_fit_into_memory(
    mixed: Content, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.outputs.parquet.ROWS_IN_MEMORY", 10)
    written("parquet", content(*mixed.images, *mixed.images), tmp_path / "o.parquet")
    read = parquet.ParquetFile(tmp_path / "o.parquet").metadata
    assert [read.row_group(i).num_rows for i in range(read.num_row_groups)] == [14, 14]


def test_a_json_document_holds_images_with_their_particles_and_the_methods(mixed: Content, tmp_path: Path) -> None:
    assert written("json", mixed, tmp_path / "o.json") == [1, 2, 3]
    document = json.loads((tmp_path / "o.json").read_text(encoding="utf-8"))
    assert list(document) == ["title", "methods", "quantities", "left_out", "images"]
    assert document["methods"] == as_json(methods(mixed))
    assert document["left_out"] == [{"name": "broken.tif", "reason": "It is cut off."}]
    assert document["quantities"]["ecd_nm"] == {"unit": "nm", "definition": "Equivalent circular diameter √(4A/π)."}
    assert [image["file"] for image in document["images"]] == [FORMULA, NAME, "empty.tif"]
    for image, source in zip(document["images"], mixed.images, strict=True):
        assert list(image["particles"]) == list(PARTICLE_COLUMNS)
        rows = [list(row) for row in zip(*image["particles"].values(), strict=True)]
        assert rows == [row[len(KEYS) :] for row in expected_of(source)]
    assert document["images"][1]["warnings"] == ["One.", "Two."]


@pytest.mark.parametrize("name", ["csv", "xlsx", "parquet", "json"])
def test_a_number_that_is_none_is_an_empty_cell_in_every_table(tmp_path: Path, name: str) -> None:
    image = analysed_image(drawn_labels())
    particles = image.particles()
    for column, value in (("solidity", np.nan), ("extent", np.inf)):
        values = getattr(particles, column).copy()
        values[0] = value
        object.__setattr__(particles, column, values)
    target = tmp_path / "o"
    written(name, content(image), target)
    solidity, extent = (PARTICLE_COLUMNS.index(column) for column in ("solidity", "extent"))
    row = first_particle(name, target)
    assert row[solidity] in {None, ""}
    assert row[extent] in {None, ""}
    assert float(row[PARTICLE_COLUMNS.index("convexity")]) == pytest.approx(particles.convexity[0])


def first_particle(name: str, path: Path) -> list[Any]:
    match name:
        case "csv":
            with zipfile.ZipFile(path) as archive:
                rows = list(csv.reader(io.StringIO(archive.read("particles.csv").decode(), newline="")))
            return rows[1][len(KEYS) :]
        case "xlsx":
            return sheets_of(path)["Particles"][1][len(KEYS) :]
        case "parquet":
            return list(parquet.read_table(path).to_pylist()[0].values())[len(KEYS) :]
        case _:
            return [column[0] for column in json.loads(path.read_text())["images"][0]["particles"].values()]


@pytest.mark.parametrize("name", ["csv", "xlsx", "parquet", "json"])
def test_tables_of_no_image_and_of_one_particle_are_tables(tmp_path: Path, name: str) -> None:
    labels = np.zeros((20, 20), dtype=np.int32)
    labels[5:9, 5:9] = 3
    written(name, content(analysed_image(labels)), tmp_path / "one")
    assert float(first_particle(name, tmp_path / "one")[PARTICLE_COLUMNS.index("area_nm2")]) == 4.0
    assert written(name, content(left_out=[LeftOut("a.tif", "It failed.")]), tmp_path / "none") == []
    assert (tmp_path / "none").stat().st_size > 0
