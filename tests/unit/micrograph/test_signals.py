"""Formats of the optional part, and those built on HDF5: the choice among several images, stacks that stay on the disk."""

import contextlib
import importlib.util
import subprocess
import sys

import h5py
import numpy as np
import pytest

from shared.errors import InputError
from tests.unit.micrograph.files import noise, write
from tests.unit.micrograph.stack_files import (
    VELOX_SIZE,
    add_berkeley_image,
    add_nexus_image,
    add_velox_image,
)
from worker.micrograph.decode import decode
from worker.micrograph.rosetta import READERS
from worker.micrograph.samples import to_samples


def axes(scale=0.5, unit="nm", n_frames=0):
    stack = [{"name": "Time", "size": n_frames, "scale": 1.0, "units": "s", "navigate": True}] if n_frames else []
    plane = [{"name": name, "size": 0, "scale": scale, "units": unit, "navigate": False} for name in "yx"]
    return stack + plane


class Dask:
    """Stands in for the library below RosettaSciIO, which is asked for one chunk."""

    class config:  # noqa: N801
        set = staticmethod(contextlib.nullcontext)


@pytest.fixture(autouse=True)
def dask(monkeypatch):
    if importlib.util.find_spec("dask") is None:
        monkeypatch.setitem(sys.modules, "dask", Dask)


@pytest.fixture
def library(monkeypatch):
    """A function that lets RosettaSciIO's reader for DM3 answer with these signals."""

    class Reader:
        answer = ()

        @classmethod
        def file_reader(cls, filename, lazy):
            assert lazy, "nothing is loaded before it is chosen"
            if isinstance(cls.answer, Exception):
                raise cls.answer
            return cls.answer

    monkeypatch.setitem(sys.modules, "rsciio.digitalmicrograph", Reader)

    def answer(signals):
        Reader.answer = signals

    return answer


@pytest.fixture
def dm3(tmp_path):
    return write(tmp_path, b"\0\0\0\x03" + bytes(100), "image.dm3")


def signal(data, title="", original=None, **axis):
    n_frames = data.shape[0] if data.ndim > 2 else 0
    return {
        "data": data,
        "axes": axes(n_frames=n_frames, **axis),
        "metadata": {"General": {"title": title}},
        "original_metadata": original or {},
    }


def test_without_the_optional_part_a_file_is_refused_and_the_part_is_named(monkeypatch, dm3) -> None:
    monkeypatch.setitem(sys.modules, "rsciio.digitalmicrograph", None)
    with pytest.raises(InputError) as caught:
        decode(dm3)
    assert caught.value.code == "format_not_installed"
    assert "RosettaSciIO" in caught.value.message


def test_the_single_image_is_chosen_before_a_stack_and_spectra_are_none(library, dm3) -> None:
    library(
        [
            {"data": np.zeros(9), "axes": [{"scale": 1, "units": "eV"}]},
            signal(noise(np.uint16, (4, 12, 10)), "movie"),
            signal(noise(np.uint16, (6, 5)), "survey"),
        ]
    )
    micrograph = decode(dm3)
    np.testing.assert_array_equal(micrograph.pixels, noise(np.uint16, (6, 5)))
    assert micrograph.metadata.nm_per_px == 0.5
    assert micrograph.warnings == ("The file holds 5 images; this is number 1 (survey).",)
    for frame in range(4):
        micrograph = decode(dm3, index=frame + 1)
        np.testing.assert_array_equal(micrograph.pixels, noise(np.uint16, (4, 12, 10))[frame])
        assert (micrograph.n_images, micrograph.index) == (5, frame + 1)


def test_a_scan_with_a_pattern_for_each_point_is_left_out_beside_its_survey_image(library, dm3) -> None:
    patterns = signal(np.broadcast_to(noise(shape=(2, 2)), (10_001, 2, 2)), "patterns")
    library([patterns, signal(noise(shape=(6, 5)), "survey")])
    micrograph = decode(dm3)
    assert (micrograph.n_images, micrograph.pixels.shape) == (1, (6, 5))
    assert "10,001 images (patterns)" in micrograph.warnings[0]
    library([patterns])
    with pytest.raises(InputError, match="10,001 images") as caught:
        decode(dm3)
    assert caught.value.code == "too_many_images"


def test_a_file_of_spectra_holds_no_image(library, dm3) -> None:
    library([{"data": np.zeros(9), "axes": [{"scale": 1, "units": "eV"}]}])
    with pytest.raises(InputError) as caught:
        decode(dm3)
    assert caught.value.code == "no_image"


@pytest.mark.parametrize(
    "error", [ValueError("bad"), KeyError("tag"), RecursionError(), UnicodeDecodeError("utf-8", b"", 0, 1, "x")]
)
def test_whatever_the_library_trips_over_is_a_damaged_file(library, dm3, error) -> None:
    library(error)
    with pytest.raises(InputError) as caught:
        decode(dm3)
    assert caught.value.code == "damaged_file"


@pytest.mark.parametrize(
    ("unit", "size"), [("µm", 500.0), ("A", 0.05), ("[n_m]", 0.5), ("1/nm", None), ("", None), (None, None), ("s", None)]
)
def test_the_scale_of_an_axis_counts_with_a_unit_of_length_only(library, dm3, unit, size) -> None:
    library([signal(noise(), unit=unit)])
    micrograph = decode(dm3)
    assert micrograph.metadata.nm_per_px == (None if size is None else pytest.approx(size))
    assert bool(micrograph.warnings) == (size is None)


def test_digital_micrograph_tags_are_read_with_decimal_commas(library, dm3) -> None:
    microscope = {"Voltage": "200000,0", "Indicated Magnification": "1,3e6", "Stage Position": {"Stage X": "-469,983"}}
    tags = {"Microscope Info": microscope, "Session Info": {"Microscope": "FEI Titan", "Operator": []}}
    library([signal(noise(), original={"ImageList": {"TagGroup0": {"ImageTags": tags}}})])
    metadata = decode(dm3).metadata
    assert (metadata.voltage_kv, metadata.magnification, metadata.model) == (200.0, 1.3e6, "FEI Titan")
    assert metadata.stage.x_mm == pytest.approx(-0.469983)
    assert metadata.user is None


@pytest.mark.parametrize(
    ("stored", "dtype"),
    [
        (np.int16, np.uint16), (np.int8, np.uint8), (np.int32, np.float32), (np.uint32, np.float32), (np.float64, np.float32),
        (bool, np.uint8), (">u2", np.uint16),
    ],
)  # fmt: skip
def test_stored_numbers_become_grey_values_without_loss(stored, dtype) -> None:
    values = (noise(shape=(5, 4)) // 2).astype(stored)
    found = to_samples(values)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, values)


def test_negative_whole_numbers_become_floating_point_and_complex_ones_are_refused() -> None:
    assert to_samples(np.array([[-1, 2]], np.int16)).dtype == np.float32
    with pytest.raises(InputError, match="complex"):
        to_samples(np.zeros((2, 2), np.complex64))


def test_every_reader_of_the_library_exists() -> None:
    for name, _ in READERS.values():
        assert callable(importlib.import_module(f"rsciio.{name}").file_reader)


# HDF5


@pytest.fixture
def hdf5(tmp_path):
    """A function that writes an HDF5 file and returns its path."""

    def create(fill):
        with h5py.File(tmp_path / "image.emd", "w") as file:
            fill(file)
        return tmp_path / "image.emd"

    return create


def test_of_a_velox_file_the_image_of_a_detector_is_read_not_a_map(hdf5) -> None:
    def fill(file):
        add_velox_image(file, "a", noise(np.float32, (8, 6)), Detector="SuperX", **VELOX_SIZE)
        add_velox_image(file, "b", noise(np.uint16, (8, 6)), Detector="HAADF", DetectorIndex="5", **VELOX_SIZE)

    micrograph = decode(hdf5(fill))
    np.testing.assert_array_equal(micrograph.pixels, noise(np.uint16, (8, 6)))
    assert (micrograph.metadata.nm_per_px, micrograph.metadata.detector) == (pytest.approx(2.5), "HAADF")
    assert "SuperX" in micrograph.warnings[0]


def test_a_velox_diffraction_pattern_has_no_length(hdf5) -> None:
    stated = {"PixelSize": {"width": "2.5e7", "height": "2.5e7"}, "PixelUnitX": "1/m", "PixelUnitY": "1/m"}
    micrograph = decode(hdf5(lambda file: add_velox_image(file, "a", noise(shape=(8, 6)), Detector="Ceta", **stated)))
    assert micrograph.metadata.nm_per_px is None
    assert "diffraction" in micrograph.warnings[0]


def test_of_a_large_stack_only_the_first_image_is_loaded(tmp_path) -> None:
    """2 GB of frames on the disk, decoded by a process that may not have 1.5 GB."""
    path = tmp_path / "stack.emd"
    with h5py.File(path, "w") as file:
        add_velox_image(file, "a", noise(np.uint16, (64, 64)), Detector="Ceta", DetectorIndex="0", **VELOX_SIZE)
        del file["Data/Image/a/Data"]
        # Chunks that were never written take no room on the disk.
        stack = file.create_dataset("Data/Image/a/Data", (1024, 1024, 1000), np.uint16, chunks=(1024, 1024, 1))
        stack[:, :, 0] = noise(np.uint16, (1024, 1024))
    program = (
        "import sys; from pathlib import Path; from worker.micrograph.limits import DecodeLimits\n"
        "from worker.micrograph.sandbox import Decoder\n"
        "with Decoder(DecodeLimits(memory_bytes=1500 * 2**20)) as decoder:\n"
        "    print(decoder.decode(Path(sys.argv[1])).pixels.shape)\n"
    )
    outcome = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=False)
    assert outcome.stdout.strip() == "(1024, 1024)", outcome.stderr


@pytest.mark.parametrize("name", ["numbers", "table"])
def test_an_hdf5_file_of_another_kind_is_refused(hdf5, name) -> None:
    with pytest.raises(InputError) as caught:
        decode(hdf5(lambda file: file.create_dataset(name, data=np.zeros((4, 4)))))
    assert caught.value.code == "unsupported_format"


@pytest.mark.parametrize("n_frames", [1, 5])
def test_a_berkeley_emd_is_read_with_rows_as_rows(hdf5, n_frames) -> None:
    stack = noise(np.uint16, (n_frames, 8, 6))

    micrograph = decode(hdf5(lambda file: add_berkeley_image(file, stack if n_frames > 1 else stack[0])))
    np.testing.assert_array_equal(micrograph.pixels, stack[0])
    assert micrograph.metadata.nm_per_px == pytest.approx(0.5)
    assert bool(micrograph.warnings) == (n_frames > 1)


def test_a_colour_image_that_the_library_cannot_leave_on_the_disk_is_read(monkeypatch, dm3) -> None:
    colours = np.zeros((6, 5), [("R", "u1"), ("G", "u1"), ("B", "u1"), ("A", "u1")])
    for name in "RGB":
        colours[name] = noise(shape=(6, 5))

    class Reader:
        @staticmethod
        def file_reader(filename, lazy):
            if lazy:
                raise ValueError("Lazy loading of RGBA images is not supported.")
            return [signal(colours)]

    monkeypatch.setitem(sys.modules, "rsciio.digitalmicrograph", Reader)
    np.testing.assert_array_equal(decode(dm3).pixels, noise(shape=(6, 5)))


def test_a_nexus_signal_is_read_with_its_unit(hdf5) -> None:
    micrograph = decode(hdf5(lambda file: add_nexus_image(file, noise(np.uint16, (8, 6)))))
    np.testing.assert_array_equal(micrograph.pixels, noise(np.uint16, (8, 6)))
    assert micrograph.metadata.nm_per_px == pytest.approx(250)
