"""A maker's fields that end too early state the true pixel size or none, wherever they end; files that do are refused or right.

Every beginning of every text is tried, with and without the zero that ends a text in a TIFF.
"""

import csv
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.errors import InputError
from tests.unit.micrograph.files import noise, write
from tests.unit.micrograph.ser_files import ser_bytes
from tests.unit.micrograph.stack_files import mrc_header, tvips_bytes
from tests.unit.micrograph.test_side_cars import HITACHI, JEOL, TESCAN
from tests.unit.micrograph.test_tiff_metadata import FEI, ZEISS, tescan
from worker.micrograph.decode import decode, inspect
from worker.micrograph.instruments.fei import read_fei_text
from worker.micrograph.instruments.jeol import read_jeol_text
from worker.micrograph.instruments.tescan import read_tescan_tag
from worker.micrograph.instruments.tif_fields import read_imagej
from worker.micrograph.instruments.zeiss import read_zeiss
from worker.micrograph.side_cars import read_side_car_text
from worker.micrograph.statement import conclude
from worker.micrograph.texts import decode_text

ROWS, COLUMNS = 960, 1280
FIELD_M = "1.69984e-6"
FEI_TEXT = FEI.replace("HFW=0.00017", f"HFW={FIELD_M}").format(
    width="1.328e-9", height="1.328e-9", field=FIELD_M, columns="{columns}", rows=960, bar=0
)
ZEISS_TEXT = ZEISS.format(first="1.0e-008", store="{columns} * 960", reference="10.00 nm", image="8.000 nm", width="10.24 µm")
TESCAN_MAIN = b"Device=TESCAN AMBER\nPixelSizeX=0.000000012345678\nPixelSizeY=0.000000012345678\n\0"
JEOL_EXACT = (
    "$CM_FORMAT JEOL-SEM\r\n$CM_MAG 50000\r\n{first}\r\n{second}\r\n$CM_FIELD_OF_VIEW 3.2um 2.4um\r\n$CM_INSTRUMENT 7900F\r\n"
)
PIXEL_SIZE, FULL_SIZE = "$CM_PIXEL_SIZE 2.5nm", "$CM_FULL_SIZE {columns} 960"


def jeol(columns, *, size_first=True):
    lines = (PIXEL_SIZE, FULL_SIZE) if size_first else (FULL_SIZE, PIXEL_SIZE)
    return JEOL_EXACT.format(first=lines[0], second=lines[1]).format(columns=columns).encode()


def fei(data):
    return read_fei_text(decode_text(data), ROWS)


def zeiss(data):
    return read_zeiss(decode_text(data), COLUMNS)


def jeol_reader(data):
    return read_jeol_text(decode_text(data), COLUMNS, ROWS)


def side_car(data):
    return read_side_car_text(decode_text(data), COLUMNS, ROWS)


def imagej(data):
    return read_imagej(decode_text(data), 4.0, 4.0)


BLOCKS = {
    "fei": (fei, FEI_TEXT.format(columns=COLUMNS).encode(), 1.328),
    "fei, resampled": (fei, FEI_TEXT.format(columns=2560).encode(), None),
    "zeiss": (zeiss, ZEISS_TEXT.format(columns=COLUMNS).encode("latin-1"), 8.0),
    "zeiss in UTF-8": (zeiss, ZEISS_TEXT.format(columns=COLUMNS).encode(), 8.0),
    "zeiss, resampled": (zeiss, ZEISS_TEXT.format(columns=2560).encode("latin-1"), None),
    "tescan": (lambda data: read_tescan_tag(data, ROWS), tescan(TESCAN_MAIN, b"HV=1000.0\nWD=0.003847\n\0"), 12.345678),
    "jeol": (jeol_reader, jeol(COLUMNS), 2.5),
    "jeol, full size first": (jeol_reader, jeol(COLUMNS, size_first=False), 2.5),
    "jeol, saved with fewer columns": (jeol_reader, jeol(2560).replace(b"3.2um 2.4um", b""), None),
    "jeol, saved with fewer columns, full size first": (
        jeol_reader, jeol(2560, size_first=False).replace(b"$CM_FIELD", b"$CM_OTHER"), None
    ),
    "jeol in UTF-16": (jeol_reader, jeol(COLUMNS).decode().encode("utf-16-le"), 2.5),
    "jeol side-car": (side_car, JEOL.format(mag=95, bar=101, marker="100um").encode(), 986.8421),
    "hitachi": (side_car, HITACHI.format(size="49.60938").encode(), 49.60938),
    "hitachi in UTF-16": (side_car, HITACHI.format(size="49.60938").encode("utf-16"), 49.60938),
    "tescan side-car": (side_car, TESCAN.replace("0.00000005", "0.000000051234").encode(), 51.234),
    "imagej": (imagej, b"ImageJ=1.54f\nunit=micron\nspacing=2\n", 250.0),
    "imagej, mm": (imagej, b"ImageJ=1.54f\nunit=mm\nmin=0\n", 250e3),
}  # fmt: skip


def pixel_size(reader, data):
    statement = reader(data)
    return None if statement is None else conclude(statement, COLUMNS, ROWS).metadata.nm_per_px


@pytest.mark.parametrize(("reader", "block", "true_nm"), BLOCKS.values(), ids=BLOCKS)
def test_every_beginning_of_a_makers_text_states_the_true_pixel_size_or_none(reader, block, true_nm):
    assert pixel_size(reader, block) == (None if true_nm is None else pytest.approx(true_nm, rel=1e-6))
    for length in range(len(block)):
        for end in (b"", b"\0"):
            found = pixel_size(reader, block[:length] + end)
            assert found is None or (true_nm is not None and found == pytest.approx(true_nm, rel=1e-6)), block[:length][-40:]


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([name for name, (_, _, true_nm) in BLOCKS.items() if true_nm is not None]), st.data())
def test_a_stretch_of_zeros_or_of_rubbish_in_a_makers_text_never_makes_another_pixel_size(name, data):
    """Where a copy has holes, whole lines are lost with the hole; what is left of a line does not become a number."""
    reader, block, true_nm = BLOCKS[name]
    start = data.draw(st.integers(0, len(block)))
    hole = data.draw(st.sampled_from([b"\0", b"\xff", b"?"])) * (len(block) - start)
    found = pixel_size(reader, block[:start] + hole)
    assert found is None or found == pytest.approx(true_nm, rel=1e-6)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([name for name, (_, _, true_nm) in BLOCKS.items() if true_nm is not None]), st.data())
def test_a_hole_of_zeros_inside_a_makers_text_never_makes_another_pixel_size(name, data):
    reader, block, true_nm = BLOCKS[name]
    start = data.draw(st.integers(0, len(block)))
    length = data.draw(st.integers(1, 60))
    found = pixel_size(reader, block[:start] + bytes(min(length, len(block) - start)) + block[start + length :])
    assert found is None or found == pytest.approx(true_nm, rel=1e-6)


BINARY = {
    "ser": (ser_bytes(noise(shape=(12, 10)), 5e-9), 5.0),
    "mrc": (mrc_header(16, 1, 160.0) + noise(shape=(16, 32)).tobytes(), 1.0),
    "tvips": (tvips_bytes(noise(shape=(1, 12, 10))), None),
}


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(list(BINARY)), st.floats(0, 0.9999))
def test_a_binary_file_that_ends_too_early_is_refused(tmp_path, name, share):
    content, _ = BINARY[name]
    with pytest.raises(InputError) as caught:
        decode(write(tmp_path, content[: int(share * len(content))], f"cut.{name}"))
    assert caught.value.code in {"truncated_file", "damaged_file", "empty_file", "unsupported_format"}


@pytest.mark.shared_data
@pytest.mark.parametrize("share", [0.1, 0.37, 0.62, 0.85, 0.97, 0.999])
def test_no_instruments_file_that_ends_too_early_states_another_pixel_size(shared_data: Path, tmp_path, share):
    with (shared_data / "vendor" / "manifest.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    for row in rows:
        content = (shared_data / row["file"]).read_bytes()
        path = write(tmp_path, content[: int(share * len(content))], Path(row["file"]).name)
        try:
            metadata = inspect(path).metadata
        except InputError:
            continue
        if metadata is not None and metadata.nm_per_px is not None:
            assert metadata.nm_per_px == pytest.approx(float(row["pixel_size_nm"]), rel=1e-3), row["file"]
