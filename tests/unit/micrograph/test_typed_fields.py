"""Voltage, magnification, detector, date, stage and user arrive in their units, whatever the maker writes them in."""

from pathlib import Path

import h5py
import pytest

from tests.unit.micrograph.files import bmp_bytes, noise, write
from tests.unit.micrograph.stack_files import add_berkeley_image, add_hyperspy_image, elid_bytes, tvips_bytes
from worker.micrograph.decode import decode, inspect
from worker.micrograph.statement import kilovolts, moment

KILOVOLTS = [
    ("15000 Volt", 1e-3, 15.0), ("5000.0", 1e-3, 5.0), ("2.00 kV", 1e-3, 2.0), ("10.00", 1.0, 10.0), ("200000 V", 1.0, 200.0),
    ("0", 1.0, None), ("-5", 1.0, None), ("5 nA", 1.0, None), ("", 1.0, None), (None, 1.0, None),
]  # fmt: skip
MOMENTS = [
    (("13.06.2016 17:06:40",), "2016-06-13T17:06:40"),
    (("2020/08/31", "15:32:31"), "2020-08-31T15:32:31"),
    (("16 Jan 2019", "18:02:26"), "2019-01-16T18:02:26"),
    (("2019-11-27T16:11:26.6205405+09:00",), "2019-11-27T16:11:26.620540+09:00"),
    (("Sun Feb 21 17:50:18 2016",), "2016-02-21T17:50:18"),
    (("7/20/2015", "6:48:25 PM"), "2015-07-20T18:48:25"),
    (("27/08/2016", "20:52:30"), "2016-08-27T20:52:30"),
    (("8/8/2016", "4:26:37 PM"), "2016-08-08T16:26:37"),
    # Day or month first: nobody can tell, so nothing is told.
    (("03/04/2016", "10:00:00"), "03/04/2016 10:00:00"),
    (("31/31/2016", "10:00:00"), "31/31/2016 10:00:00"),
    (("yesterday",), "yesterday"),
    ((None, ""), None),
]


@pytest.mark.parametrize(("text", "per_unit", "expected"), KILOVOLTS)
def test_voltages_are_kilovolts_by_their_unit_or_that_of_the_format(text, per_unit, expected):
    assert kilovolts(text, per_unit) == expected


@pytest.mark.parametrize(("values", "expected"), MOMENTS)
def test_dates_are_iso_8601_where_day_and_month_are_certain(values, expected):
    assert moment(*values) == expected


def hdf5(tmp_path, fill):
    with h5py.File(tmp_path / "image.h5", "w") as file:
        fill(file)
    return tmp_path / "image.h5"


def test_a_berkeley_emd_says_what_its_microscope_and_user_groups_say(tmp_path):
    def fill(file):
        add_berkeley_image(file, noise(shape=(8, 6)))
        microscope = {"high tension": 200000.0, "magnification": 5.1e6, "name": "TEAM 0.5"}
        file.create_group("microscope").attrs.update(microscope)
        file.create_group("user").attrs["User name"] = "Ada"

    metadata = decode(hdf5(tmp_path, fill)).metadata
    assert (metadata.voltage_kv, metadata.magnification, metadata.instrument) == (200.0, 5.1e6, "TEAM 0.5")
    assert (metadata.user, metadata.nm_per_px) == ("Ada", pytest.approx(0.5))


def test_hyperspys_own_tree_is_read_in_its_units(tmp_path):
    def fill(file):
        add_hyperspy_image(file, noise(shape=(8, 6)), title="lamella")
        general = file["Experiments/lamella/metadata/General"].attrs
        general.update({"date": "2020-01-02", "time": "03:04:05", "authors": "Ada"})
        sem = file.create_group("Experiments/lamella/metadata/Acquisition_instrument/SEM")
        sem.attrs.update({"beam_energy": 15.0, "magnification": 2000.0, "microscope": "Merlin", "working_distance": 4.5})
        sem.create_group("Stage").attrs.update({"x": 1.5, "tilt_alpha": -3.0})

    metadata = decode(hdf5(tmp_path, fill)).metadata
    assert (metadata.voltage_kv, metadata.magnification, metadata.working_distance_mm) == (15.0, 2000.0, 4.5)
    assert (metadata.model, metadata.user, metadata.acquired_at) == ("Merlin", "Ada", "2020-01-02T03:04:05")
    assert (metadata.stage.x_mm, metadata.stage.tilt_deg) == (1.5, -3.0)


@pytest.mark.parametrize(("unit", "size"), [("nm", 0.5), ("µm", 500.0), ("1/nm", None), ("", None), ("px", None)])
def test_a_scale_in_a_hyperspy_file_counts_with_a_unit_of_length_only(tmp_path, unit, size):
    path = hdf5(tmp_path, lambda file: add_hyperspy_image(file, noise(shape=(8, 6)), unit=unit))
    metadata = decode(path).metadata
    assert (metadata and metadata.nm_per_px) == (None if size is None else pytest.approx(size))


@pytest.mark.parametrize(
    ("size", "unit", "expected"), [("20", "nm", 20.0), ("20", "um", 2e4), ("20", "px", None), ("-2", "nm", None)]
)
def test_a_phenom_project_states_the_pixel_size_by_its_own_unit(tmp_path, size, unit, expected):
    metadata = decode(write(tmp_path, elid_bytes([noise(shape=(12, 10))], size, unit))).metadata
    assert metadata.nm_per_px == (None if expected is None else pytest.approx(expected))
    assert (metadata.instrument, metadata.voltage_kv, metadata.acquired_at) == ("Phenom ProX", 15.0, "2020-01-02T03:04:05")


@pytest.mark.parametrize("padding", [b"TVIPS ", b"HYPERSPY "])
def test_a_tvips_recording_says_when_and_how_but_not_how_large_a_pixel_is(tmp_path, padding):
    path = write(tmp_path, tvips_bytes(noise(shape=(2, 12, 10)), padding=padding))
    metadata = decode(path, index=1).metadata
    assert (metadata.voltage_kv, metadata.magnification, metadata.nm_per_px) == (200.0, 5000.0, None)
    assert metadata.acquired_at == "2020-09-13T12:26:41+00:00"
    assert "camera" in decode(path).warnings[1]


def test_a_diffraction_pattern_in_a_tvips_recording_has_no_magnification(tmp_path):
    micrograph = decode(write(tmp_path, tvips_bytes(noise(shape=(1, 12, 10)), mode=2)))
    assert micrograph.metadata.magnification is None
    assert "diffraction" in micrograph.warnings[0]


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "shift-jis", "utf-16", "utf-16-le", "utf-16-be"])
def test_lengths_and_names_in_a_side_car_survive_the_encoding_of_its_country(tmp_path, encoding):
    micro = "μ" if encoding == "shift-jis" else "µ"
    text = (
        "[SemImageFile]\r\nInstructName=SU8000\r\nDataSize=128x96\r\nPixelSize=49.5\r\n"
        f"WorkingDistance=8100 {micro}m\r\nAcceleratingVoltage=15000 Volt\r\nCondition=Vacc=15kV\r\n"
    )
    (tmp_path / "image.txt").write_bytes(text.encode(encoding))
    metadata = decode(write(tmp_path, bmp_bytes(noise(shape=(96, 128))), "image.bmp")).metadata
    assert (metadata.nm_per_px, metadata.voltage_kv, metadata.working_distance_mm) == (49.5, 15.0, pytest.approx(8.1))


VENDOR_FIELDS = {
    "vendor/16x16_STEM_BF_DF_acquire_1.ser": {
        "model": "Tecnai 200 kV D2267 SuperTwin", "voltage_kv": 200, "magnification": 1e4, "user": "ERIC",
        "acquired_at": "2016-02-21T17:53:06", "x_mm": -0.000158,
    },
    "vendor/64x64_TEM_images_acquire.emi": {"vendor": "FEI", "detector": "WA-Orius", "magnification": 19500, "y_mm": 1.8e-5},
    "vendor/Acquisition_18.emd": {"model": "TEAM 0.5", "voltage_kv": 200, "magnification": 5.1e6, "user": "Peter Ercius"},
    "vendor/FEI-Helios-navcam-with-no-IRBeam.tif": {
        "detector": "Nav-Cam", "voltage_kv": None, "working_distance_mm": None, "x_mm": 69.9197, "rotation_deg": 61.80725,
    },
    "banners/FEI-Helios-Ebeam-8bits.tif": {
        "vendor": "FEI", "voltage_kv": 5, "magnification": 120, "detector": "ETD", "acquired_at": "2016-06-13T17:06:40",
        "user": "supervisor", "working_distance_mm": 4.03466, "x_mm": 0.02576, "z_mm": 7.965, "rotation_deg": -135.28107,
    },
    "vendor/thermofisher_SEM_Image-SliceImage-001.tif": {
        "model": "Helios G4 PFIB CXe", "voltage_kv": 15, "detector": "ETD", "acquired_at": "2020-08-18T13:40:03",
        "working_distance_mm": 4.02349, "tilt_deg": 19.30014, "rotation_deg": 37.13448,
    },
    "vendor/Fei_HAADF-UK_location.dm3": {
        "model": "FEI Titan", "voltage_kv": 200, "magnification": 1.3e6, "acquired_at": "2016-08-27T19:52:30+00:00",
        "x_mm": -0.469983, "tilt_deg": -0.000976,
    },
    "vendor/test_dm_image_um_unit.dm3": {"magnification": 51, "acquired_at": "2015-07-20T18:48:25", "detector": "BM-UltraScan"},
    "vendor/JEOL-SightX-TEM-mag-dummy.tif": {
        "model": "JEM-ARM200F", "voltage_kv": 200, "magnification": 150e3, "detector": "EM-LargeScreenCamera", "user": "JEOL",
    },
    "vendor/Test_SI_16x16_ReducedData_215_kx.emd": {
        "model": "Themis", "voltage_kv": 300, "magnification": 225e3, "detector": "HAADF", "user": "Thorsten",
        "acquired_at": "2024-02-29T06:58:04+00:00", "x_mm": -0.416119, "tilt_deg": 0.00511327,
    },
    "vendor/fei_example_tem_stack.emd": {"detector": "BM-Ceta", "magnification": 1271519.155, "tilt_deg": -12.58637},
    "vendor/olympus_SIS.tif": {"vendor": "Olympus SIS", "model": None, "detector": "Quemesa", "magnification": 6e5},
    "vendor/zeiss_no_banner.tif": {
        "model": "Auriga", "voltage_kv": 2, "magnification": 704, "detector": "SESI", "user": "STEFFEN",
        "acquired_at": "2014-04-15T14:28:23", "working_distance_mm": 4.6, "x_mm": 48.8984, "tilt_deg": 0.7,
        "rotation_deg": 348.8,
    },
    "vendor/HAADFscan.mrc": {"model": "Spectra", "voltage_kv": 300, "x_mm": 0.0238563, "tilt_deg": 0.00811612},
    "banners/Zeiss_1.tif": {"model": "NVision 40", "voltage_kv": 1, "magnification": 5e4, "working_distance_mm": 2.8},
    "banners/Tescan_1.TIF": {
        "model": "TESCAN AMBER", "voltage_kv": 1, "magnification": 59999.85, "detector": "E-T", "user": "TeplonogovaM",
        "acquired_at": "2023-03-24T08:08:25", "working_distance_mm": 3.847444, "x_mm": 0.00145, "rotation_deg": 30.001,
    },
    "banners/jeol8530F_image000.tif": {
        "model": "8530F", "voltage_kv": 7, "magnification": 95, "detector": "SEI", "acquired_at": "2020-08-31T15:32:31",
        "user": "UMNUser", "working_distance_mm": 10.52, "x_mm": 30.6525, "z_mm": 10.5465,
    },
}  # fmt: skip


@pytest.mark.shared_data
@pytest.mark.parametrize(("name", "expected"), VENDOR_FIELDS.items(), ids=VENDOR_FIELDS)
def test_the_fields_of_an_instruments_file_are_those_in_its_tags(shared_data: Path, name, expected):
    """The expected values were read from the raw tags by a person."""
    metadata = inspect(shared_data / name).metadata
    found = {field: getattr(metadata if hasattr(metadata, field) else metadata.stage, field) for field in expected}
    assert found == {
        field: pytest.approx(value, rel=1e-5) if isinstance(value, (int, float)) else value for field, value in expected.items()
    }
