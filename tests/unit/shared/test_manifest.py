"""Reading manifests: what people's spreadsheets write comes back as it was, and whatever is wrong is named by its line."""

import csv
import datetime
import io
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from shared import manifest as limits
from shared import spreadsheets
from shared.errors import InputError
from shared.image_names import clean_name
from shared.manifest import ManifestEntry, read_manifest


def xlsx(rows: Sequence[Sequence[Any]], *, first_row: int = 0, first_column: int = 0, empty_sheets: int = 0) -> bytes:
    """A workbook whose last sheet holds a table."""
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"default_date_format": "yyyy-mm-dd hh:mm"}) as workbook:
        for _ in range(empty_sheets):
            workbook.add_worksheet()
        sheet = workbook.add_worksheet()
        for number, row in enumerate(rows):
            sheet.write_row(first_row + number, first_column, row)
    return content.getvalue()


def with_sheet(inner: str) -> bytes:
    """A workbook whose sheet data are written by hand."""
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(xlsx([["file"]]))) as made, zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in made.namelist():
            text = made.read(name)
            if name == "xl/worksheets/sheet1.xml":
                head, _, rest = text.partition(b"<sheetData>")
                text = head + b"<sheetData>" + inner.encode() + b"</sheetData>" + rest.partition(b"</sheetData>")[2]
            archive.writestr(name, text)
    return changed.getvalue()


def problems(content: bytes) -> list[tuple[int, str]]:
    with pytest.raises(InputError) as caught:
        read_manifest(content)
    assert caught.value.code == "manifest_refused"
    assert caught.value.details["n_problems"] >= len(caught.value.details["problems"])
    return [(problem["line"], problem["message"]) for problem in caught.value.details["problems"]]


def refusal(content: bytes) -> str:
    with pytest.raises(InputError) as caught:
        read_manifest(content)
    return f"{caught.value.code}: {caught.value.message}"


# What a cell may hold and is shown in one line; a name with a drive or dots is another one afterwards.
CELLS = st.text(st.characters(exclude_categories=("C", "Z")), max_size=12) | st.sampled_from(
    ["a,b", "a;b", 'say "Au"', "a  b", "=1+1", "µm", "12,5", "日本語"]
)
NAMES = CELLS.map(lambda text: f"lot 1/{text}.tif").filter(lambda name: clean_name(name) == name)


@given(
    names=st.lists(NAMES, min_size=1, max_size=6, unique=True),
    cells=st.lists(st.tuples(CELLS, CELLS), min_size=6, max_size=6),
    delimiter=st.sampled_from(",;\t"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    line_end=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
@settings(max_examples=50, deadline=None)
def test_what_the_csv_module_writes_is_read_back(
    *, names: list[str], cells: list[tuple[str, str]], delimiter: str, encoding: str, line_end: str, quoting: Any
) -> None:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=line_end, quoting=quoting)
    rows = [(name, *two) for name, two in zip(names, cells, strict=False)]
    writer.writerows([("file", "sample", "Größe"), *rows])
    read = read_manifest(text.getvalue().encode(encoding))
    assert read.keys == ("Größe",)
    assert [(entry.file_name, entry.sample, *entry.values) for entry in read.entries] == [
        (name, sample.strip() or None, value.strip()) for name, sample, value in rows
    ]


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=300) | st.text(max_size=100).map(lambda text: f"file,{text}".encode(errors="replace")))
def test_whatever_bytes_come_are_read_or_refused_by_an_error_of_the_user(content: bytes) -> None:
    for body in (content, b"PK\x03\x04" + content):
        with suppress(InputError):
            read_manifest(body)


def test_cells_of_a_workbook_are_read_as_a_person_would_write_them() -> None:
    day = datetime.datetime(2024, 5, 6)  # noqa: DTZ001 - a cell knows no time zone
    row = ["a.tif", "S1", 12, 0.1 + 0.2, True, day, day.replace(hour=7, minute=8), datetime.time(7, 8, 9), " two\nlines ", None]
    header = ["File", "SAMPLE", "n", "x", "ok", "day", "taken", "at", "note", "empty"]
    content = xlsx([header, row], first_row=2, first_column=1, empty_sheets=2)
    (entry,) = read_manifest(content).entries
    values = ("12", "0.3", "TRUE", "2024-05-06", "2024-05-06 07:08", "07:08:09", "two lines", "")
    assert entry == ManifestEntry(4, "a.tif", "S1", values)


@pytest.mark.parametrize("header", ["FILE", "Filename", "file name", "file_name", "Path", "image", "name"])
def test_the_column_of_the_files_has_several_names(header: str) -> None:
    assert read_manifest(f"batch,{header}\n12,lot\\a.tif\n".encode()).entries[0].file_name == "lot/a.tif"


def test_of_several_such_columns_one_names_the_files_and_the_others_are_metadata() -> None:
    read = read_manifest(b"name,file\nAda,a.tif\n")
    assert (read.keys, read.entries[0].file_name, read.entries[0].values) == (("name",), "a.tif", ("Ada",))


def test_a_list_of_names_alone_keeps_their_commas_and_excels_own_line_of_the_separator_counts() -> None:
    assert read_manifest(b"file\na,b.tif\n").entries[0].file_name == "a,b.tif"
    (entry,) = read_manifest(b'sep=;\r\nfile;note\r\n"a;b.tif";x\r\n').entries
    assert (entry.line, entry.file_name, entry.values) == (3, "a;b.tif", ("x",))


def test_lines_are_counted_as_the_file_has_them_and_the_same_row_twice_is_one() -> None:
    read = read_manifest(b'file,note\n\na.tif,"two\nlines"\nb.tif,x\nb.tif,x\n,\n')
    assert [(entry.line, entry.values) for entry in read.entries] == [(3, ("two lines",)), (5, ("x",))]


def test_all_lines_that_are_wrong_are_named_at_once() -> None:
    long_sample, long_value = "s" * 201, "v" * 2001
    rows = [
        ",S1,",
        "a.tif,S1,",
        "a.tif,S2,",
        "../..,,",
        f"b.tif,{long_sample},",
        f"c.tif,,{long_value}",
        "d.tif,,\x07",
        "e,,,,x",
    ]
    found = problems("\n".join(["file,sample,batch", *rows]).encode())
    assert [line for line, _ in found] == [2, 4, 5, 6, 7, 8, 9]
    for (_, message), part in zip(
        found, ("names no file", "line 3 already", "no name", "200 char", "2,001 bytes", "control", "Column E"), strict=True
    ):
        assert part in message


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (b"sample,batch", "No column names the files"),
        (b"file,batch,Batch", "Two columns are called"),
        (b"file,File", "Two columns are called"),
        (b"file," + b"k" * 201, "201 bytes"),
        (b"file," + b",".join(b"k%d" % number for number in range(101)), "100 columns"),
        (b"", "empty"),
        (b"\n\n", "empty"),
    ],
)
def test_a_header_that_cannot_be_used_is_named(header: bytes, message: str) -> None:
    assert any(message in said for _, said in problems(header + b"\n"))


def test_so_many_problems_are_told_and_the_others_counted() -> None:
    with pytest.raises(InputError) as caught:
        read_manifest(b"file,x\n" + b",1\n" * 1000)
    assert (len(caught.value.details["problems"]), caught.value.details["n_problems"]) == (limits.NAMED_PROBLEMS, 1000)


def test_rows_and_cells_beyond_the_limits_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_ROWS", 2)
    assert problems(b"file\na.tif\nb.tif\nc.tif\n") == [(4, "A manifest has 2 rows at most.")]
    monkeypatch.setattr(spreadsheets, "MAX_CELLS", 1000)
    assert "table_too_large" in refusal((b"file" + b",a" * 99 + b"\n") * 11)
    assert "table_too_large" in refusal(b"file\n" + b"a" * spreadsheets.MAX_BYTES)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"file,note\na.tif,\xb5m\n", "Line 2 is no Unicode"),
        (bytes.fromhex("d0cf11e0a1b11ae1") + b"old", "Excel before 2007"),
        (b"\x89PNG\r\n\x1a\n\0\0\0", "no Unicode"),
        (b"file\0\n", "neither CSV nor XLSX"),
        (b'file,x\na.tif,"open\n', "Line 2 cannot be read"),
        (b"PK\x03\x04 and then nothing", "damaged"),
        (b"\xff\xfef", "no Unicode"),
    ],
)
def test_what_is_no_table_is_refused_with_the_reason(content: bytes, reason: str) -> None:
    assert refusal(content).startswith("table_unreadable")
    assert reason in refusal(content)


def test_an_archive_of_something_else_is_refused() -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("content.xml", "<office/>")
    assert "no workbook of Excel" in refusal(content.getvalue())
    whole = xlsx([["file"], ["a.tif"]])
    assert refusal(whole[: len(whole) // 2]).startswith("table_unreadable")


@pytest.mark.parametrize(
    "inner",
    [
        '<row r="1"><c r="A1" t="inlineStr"><is><t>file</t></is></c><c r="XFD1048576"><v>1</v></c></row>',
        '<row r="1048576"><c r="A1"><v>1</v></c><c><v>1</v></c></row>',
        '<row r="1"><c r="XFD1048576"><c r="A1"/><v>1</v></c></row>',
        "<x:row xmlns:x='x' r='1048576'><x:c r='XFD1048576'><x:v>1</x:v></x:c></x:row>",
    ],
)
def test_a_cell_in_the_far_corner_takes_no_memory(inner: str) -> None:
    assert refusal(with_sheet(inner)).startswith("table_too_large")


@pytest.mark.parametrize("inner", ['<row r="x"/>', '<c r="1A"><v>1</v></c>', "<row><c></row>"])
def test_a_sheet_that_is_none_is_refused(inner: str) -> None:
    assert refusal(with_sheet(inner)).startswith("table_unreadable")


def test_styled_cells_without_content_are_no_reason_to_refuse() -> None:
    inner = '<row r="1"><c r="A1" t="inlineStr"><is><t>file</t></is></c><c r="XFD1" s="0"/></row><row r="1048576" s="0"/>'
    assert read_manifest(with_sheet(inner)).entries == ()


def test_a_workbook_that_unpacks_to_too_much_is_refused_before_that() -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/sharedStrings.xml", b" " * (spreadsheets.MAX_UNPACKED_BYTES + 1))
    assert len(content.getvalue()) < 2**20
    assert "64 MiB" in refusal(content.getvalue())
