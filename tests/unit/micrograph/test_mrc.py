"""MRC files: kinds of numbers, byte orders, and the pixel size by the cell and by the extended header."""

from pathlib import Path

import numpy as np
import pytest

from shared.errors import InputError
from tests.unit.micrograph.files import noise, write
from tests.unit.micrograph.stack_files import fei_extended_header, mrc_header
from worker.micrograph.decode import decode
from worker.micrograph.sandbox import Decoder

IMOD = int.from_bytes(b"IMOD", "little")


@pytest.mark.parametrize(("cell", "size"), [(640.0, 1.0), (64.0, None), (0.0, None), (float("nan"), None), (-640.0, None)])
def test_an_mrc_states_its_pixel_size_by_its_cell_and_one_angstrom_is_none(tmp_path, cell, size) -> None:
    pixels = noise(np.uint16, (64, 64))
    micrograph = decode(write(tmp_path, mrc_header(64, 1, cell) + pixels.tobytes(), "image.mrc"))
    np.testing.assert_array_equal(micrograph.pixels, pixels)
    assert micrograph.metadata.nm_per_px == (None if size is None else pytest.approx(size))
    assert len(micrograph.warnings) == (size is None)


def test_of_a_large_mrc_stack_only_the_first_image_is_loaded(tmp_path) -> None:
    path = tmp_path / "stack.mrc"
    first = noise(np.uint16, (1024, 1024))
    with path.open("wb") as file:
        file.write(mrc_header(1024, 1000, 2048.0) + first.tobytes())
        file.truncate(1024 + 1000 * first.nbytes)
    with Decoder() as decoder:
        micrograph = decoder.decode(path)
        status = Path(f"/proc/{decoder.process_id}/status").read_text()
    np.testing.assert_array_equal(micrograph.pixels, first)
    assert micrograph.metadata.nm_per_px == pytest.approx(0.2)
    peak_kb = int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])
    assert peak_kb < 500_000


@pytest.mark.parametrize(
    ("mode", "stored", "words", "dtype"),
    [
        (0, np.int8, {}, np.float32), (0, np.uint8, {"w38": IMOD}, np.uint8), (0, np.int8, {"w38": IMOD, "w39": 1}, np.float32),
        (1, np.int16, {}, np.float32), (2, np.float32, {}, np.float32), (6, np.uint16, {}, np.uint16),
        (12, np.float16, {}, np.float32),
    ],
)  # fmt: skip
@pytest.mark.parametrize("order", ["<", ">"])
def test_every_kind_of_number_is_read_in_both_byte_orders(tmp_path, mode, stored, words, dtype, *, order) -> None:
    pixels = noise(stored, (16, 16))
    header = mrc_header(16, 1, 160.0, order=order, w3=mode, **words)
    micrograph = decode(write(tmp_path, header + pixels.astype(pixels.dtype.newbyteorder(order)).tobytes(), "image.mrc"))
    assert micrograph.pixels.dtype == dtype
    np.testing.assert_array_equal(micrograph.pixels, pixels)
    assert micrograph.metadata.nm_per_px == pytest.approx(1.0)


@pytest.mark.parametrize("mode", [3, 4, 5, 16, 101, -1])
def test_complex_and_unknown_numbers_are_refused(tmp_path, mode) -> None:
    with pytest.raises(InputError) as caught:
        decode(write(tmp_path, mrc_header(16, 1, 160.0, w3=mode) + bytes(4096), "image.mrc"))
    assert caught.value.code == "unsupported_pixel_type"


@pytest.mark.parametrize(
    ("words", "code"),
    [({"w0": -5}, "damaged_file"), ({"w2": 0}, "no_image"), ({"w0": 0}, "zero_size"), ({"w23": 10**6}, "truncated_file")],
)
def test_a_header_that_cannot_be_is_refused(tmp_path, words, code) -> None:
    with pytest.raises(InputError) as caught:
        decode(write(tmp_path, mrc_header(16, 1, 160.0, **words) + bytes(512), "image.mrc"))
    assert caught.value.code == code


@pytest.mark.parametrize("grid", [0, -16])
def test_a_cell_without_a_grid_states_no_pixel_size(tmp_path, grid) -> None:
    pixels = noise(np.uint16, (16, 16))
    micrograph = decode(write(tmp_path, mrc_header(16, 1, 160.0, w7=grid) + pixels.tobytes(), "image.mrc"))
    assert micrograph.metadata.nm_per_px is None
    assert "grid" in micrograph.warnings[0]


def test_sides_of_different_length_are_those_of_their_axes(tmp_path) -> None:
    pixels = noise(np.uint16, (16, 16))
    # Twice as many points along y: pixels half as high as wide. Then columns lie along y.
    found = [
        decode(write(tmp_path, mrc_header(16, 1, 160.0, w8=32, **words) + pixels.tobytes(), "image.mrc"))
        for words in ({}, {"w16": 2, "w17": 1})
    ]
    assert [micrograph.metadata.nm_per_px for micrograph in found] == pytest.approx([1.0, 0.5])
    assert [micrograph.pixels.shape for micrograph in found] == [(8, 16), (32, 16)]


@pytest.mark.parametrize(
    ("cell", "size_m", "expected"),
    [(160.0, 1e-9, 1.0), (16.0, 2e-9, 2.0), (160.0, 2e-9, None), (160.0, 0.0, 1.0), (160.0, float("nan"), 1.0)],
    ids=["agreeing", "cell unknown", "contradicting", "header without", "header damaged"],
)
def test_the_extended_header_confirms_the_cell_or_stands_in_for_it(tmp_path, cell, size_m, expected) -> None:
    stack = noise(np.uint16, (2, 16, 16))
    extended = fei_extended_header(2, size_m)
    header = mrc_header(16, 2, cell, w23=len(extended), w26=int.from_bytes(b"FEI2", "little"))
    micrograph = decode(write(tmp_path, header + extended + stack.tobytes(), "image.mrc"), index=1)
    np.testing.assert_array_equal(micrograph.pixels, stack[1])
    metadata = micrograph.metadata
    assert metadata.nm_per_px == (None if expected is None else pytest.approx(expected))
    assert any("contradict" in warning for warning in micrograph.warnings) == (expected is None)
    assert (metadata.instrument, metadata.voltage_kv, metadata.magnification) == ("FEI Titan", 300.0, 22_500.0)
    assert (metadata.detector, metadata.stage.x_mm, metadata.stage.tilt_deg) == ("Ceta", 1.5, -12.5)


def test_the_older_extended_header_is_read_and_that_of_other_programs_is_not(tmp_path) -> None:
    pixels = noise(np.uint16, (16, 16))
    extended = bytearray(128 * 1024)
    extended[44:48] = np.float32(2e-9).tobytes()
    for kind, size in ((0, 2.0), (int.from_bytes(b"SERI", "little"), None)):
        header = mrc_header(16, 1, 16.0, w23=len(extended), w26=kind)
        metadata = decode(write(tmp_path, header + bytes(extended) + pixels.tobytes(), "image.mrc")).metadata
        assert metadata.nm_per_px == (None if size is None else pytest.approx(size))
