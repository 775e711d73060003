"""Side-cars belong to the image they lie beside, or that they were handed in with; where one is missing, it is named."""

import shutil

import pytest

from shared.errors import InputError
from tests.unit.micrograph.files import bmp_bytes, noise, png_bytes, write
from tests.unit.micrograph.ser_files import emi_bytes, ser_bytes
from worker.micrograph.decode import decode
from worker.micrograph.sandbox import Decoder
from worker.micrograph.side_cars import conclude_alone

JEOL = """$SEM_DATA_VERSION 1\r\n$CM_SIGNAL_NAME SEI\r\n$CM_ACCEL_VOLT 10.00\r\n$CM_MAG {mag}\r\n$$SM_WD 10.60\r
$$SM_MICRON_BAR {bar}\r\n$$SM_MICRON_MARKER {marker}\r\n$CM_FULL_SIZE 1280 960\r\n$CM_INSTRUMENT 8530F\r\n"""

HITACHI = """[SemImageFile]\r\nInstructName=SU8000\r\nDataSize=1280x960\r\nPixelSize={size}\r\nMagnification=2000\r
AcceleratingVoltage=15000 Volt\r\nWorkingDistance=8100 um\r\nStagePositionX=57610000\r\nSignalName=SE(M)\r\n"""

TESCAN = "[MAIN]\nDevice=TESCAN VEGA\nImageStripSize=64\nPixelSizeX=0.00000005\nPixelSizeY=0.00000005\n\n[SEM]\nHV=5000.0\n"


@pytest.fixture
def image(tmp_path):
    """A function that writes an image of a size beside a side-car and decodes it."""

    def read(side_car, shape=(1024, 1280), name="image.txt", encoding="latin-1"):
        (tmp_path / name).write_bytes(side_car.encode(encoding))
        return decode(write(tmp_path, bmp_bytes(noise(shape=shape)), "image.bmp"))

    return read


@pytest.mark.parametrize(
    ("stated", "shape", "expected"),
    [
        # 120 mm / magnification / columns, the bar cut to whole pixels.
        ({"mag": 95, "bar": 101, "marker": "100um"}, (1024, 1280), 986.8421),
        ({"mag": 1000, "bar": 106, "marker": "10um"}, (1024, 1280), 93.75),
        ({"mag": 100, "bar": 106, "marker": "100um"}, (640, 800), 1500.0),
        ({"mag": 43, "bar": 45, "marker": "100um"}, (600, 800), 3488.372),
        # Newer instruments: 128 mm.
        ({"mag": 100, "bar": 100, "marker": "100um"}, (960, 1280), 1000.0),
    ],
)
def test_jeol_magnifications_are_exact_where_the_bar_confirms_them(image, stated, shape, expected) -> None:
    micrograph = image(JEOL.format(**stated), shape)
    assert micrograph.metadata.nm_per_px == pytest.approx(expected, rel=1e-5)
    assert micrograph.metadata.instrument == "JEOL 8530F"
    assert micrograph.metadata.databar_top == {1024: 960, 640: 600}.get(shape[0])
    assert micrograph.warnings == ()


@pytest.mark.parametrize(("bar", "marker"), [(50, "100um"), (0, "100um"), (106, "100"), (106, "")])
def test_a_jeol_bar_that_does_not_confirm_the_magnification_leaves_no_pixel_size(image, bar, marker) -> None:
    micrograph = image(JEOL.format(mag=95, bar=bar, marker=marker))
    assert micrograph.metadata.nm_per_px is None
    assert "SM_MICRON_BAR" in micrograph.warnings[0]


def test_a_cut_out_of_a_jeol_image_has_no_pixel_size(image) -> None:
    micrograph = image(JEOL.format(mag=95, bar=101, marker="100um"), (200, 640))
    assert micrograph.metadata.nm_per_px is None
    assert "1,280" in micrograph.warnings[0]


@pytest.mark.parametrize("text", ["2.5nm", "0.0025um", "0,0025µm [2.5nm]"])
def test_a_jeol_side_car_with_a_pixel_size_is_exact(image, text) -> None:
    lines = f"$CM_FORMAT JEOL-SEM\r\n$CM_FULL_SIZE 1280 960\r\n$CM_PIXEL_SIZE {text}\r\n$CM_FIELD_OF_VIEW 3.2um 2.4um\r\n"
    assert image(lines).metadata.nm_per_px == pytest.approx(2.5)


def test_a_pixel_size_without_the_columns_it_belongs_to_does_not_count(image) -> None:
    for side_car, field in (
        ("$CM_FORMAT JEOL-SEM\r\n$CM_PIXEL_SIZE 2.5nm\r\n", "$CM_FULL_SIZE"),
        (HITACHI.format(size="49.6").replace("DataSize=1280x960\r\n", ""), "DataSize"),
    ):
        micrograph = image(side_car)
        assert micrograph.metadata.nm_per_px is None
        assert field in micrograph.warnings[0]


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8-sig", "utf-16"])
def test_hitachi_side_cars_are_read_in_every_encoding(image, encoding) -> None:
    metadata = image(HITACHI.format(size="49.60938"), (960, 1280), encoding=encoding).metadata
    assert metadata.nm_per_px == pytest.approx(49.60938)
    assert (metadata.instrument, metadata.voltage_kv, metadata.working_distance_mm) == (
        "Hitachi SU8000",
        15.0,
        pytest.approx(8.1),
    )
    assert metadata.stage.x_mm == pytest.approx(57.61)


def test_a_hitachi_image_resampled_afterwards_has_no_pixel_size(image) -> None:
    micrograph = image(HITACHI.format(size="49.6"), (480, 640))
    assert micrograph.metadata.nm_per_px is None
    assert "1,280" in micrograph.warnings[0]


@pytest.mark.parametrize("name", ["image.hdr", "image-bmp.hdr"])
def test_a_tescan_side_car_states_pixel_size_and_banner(image, name) -> None:
    metadata = image(TESCAN, name=name).metadata
    assert (metadata.nm_per_px, metadata.databar_top, metadata.voltage_kv) == (pytest.approx(50), 960, 5.0)


def test_an_image_whose_name_has_no_room_for_an_ending_has_no_side_car(tmp_path) -> None:
    assert decode(write(tmp_path, bmp_bytes(noise()), "x" * 251 + ".bmp")).metadata is None


def test_notes_beside_an_image_say_nothing(image) -> None:
    micrograph = image("pixel size: 5 nm, I think")
    assert micrograph.metadata is None
    assert micrograph.warnings == ()


def test_a_side_car_alone_states_what_it_can(tmp_path) -> None:
    alone = conclude_alone(write(tmp_path, TESCAN.encode(), "sample.hdr"))
    assert alone.metadata.nm_per_px == pytest.approx(50)
    jeol = "$CM_FORMAT JEOL-SEM\r\n$CM_FULL_SIZE 1280 960\r\n$CM_PIXEL_SIZE 2.5nm\r\n"
    for text, nm_per_px in ((jeol, 2.5), (HITACHI.format(size="49.6"), 49.6)):
        alone = conclude_alone(write(tmp_path, text.encode(), "sample.txt"))
        assert alone.metadata.nm_per_px == pytest.approx(nm_per_px)
        assert "1,280 columns" in alone.warnings[0], "the image may have been saved with others"
    assert conclude_alone(write(tmp_path, b"just notes", "notes.txt")) is None


def test_side_cars_handed_in_under_other_places_keep_their_names(tmp_path) -> None:
    content = write(tmp_path, bmp_bytes(noise(shape=(1024, 1280))), "4f2a")
    side_car = write(tmp_path, JEOL.format(mag=95, bar=101, marker="100um").encode(), "77b1")
    with Decoder() as decoder:
        metadata = decoder.decode(content, {"image000.txt": side_car}).metadata
        assert decoder.decode(content, {}).metadata is None
    assert metadata.nm_per_px == pytest.approx(986.8421)


def test_an_emi_without_its_ser_says_which_file_is_missing(tmp_path) -> None:
    with pytest.raises(InputError) as caught:
        decode(write(tmp_path, emi_bytes(), "sample.emi"))
    assert caught.value.code == "missing_side_car"
    assert "sample_1.ser" in caught.value.message


def test_the_original_name_counts_where_a_file_lies_under_another_one(tmp_path) -> None:
    emi = write(tmp_path, emi_bytes("TEM uP SA Zoom Image") + emi_bytes("TEM uP SA Zoom Diffraction"), "b10b")
    ser = write(tmp_path, ser_bytes(noise(shape=(12, 10)), 5e-9), "5e12")
    with Decoder() as decoder:
        first = decoder.decode(ser, {"x.emi": emi}, name="x_1.ser")
        second = decoder.decode(ser, {"x.emi": emi}, name="x_2.ser")
        with pytest.raises(InputError, match=r"sample_1\.ser"):
            decoder.decode(emi, {}, name="sample.emi")
    assert first.metadata.nm_per_px == pytest.approx(5)
    assert second.metadata.nm_per_px is None, "the second image of the acquisition is a diffraction pattern"


def test_emi_and_ser_belong_together(tmp_path) -> None:
    pixels = noise(shape=(12, 10))
    ser = write(tmp_path, ser_bytes(pixels, 5e-9), "sample_1.ser")
    assert decode(ser).metadata.nm_per_px == pytest.approx(5)
    emi = write(tmp_path, emi_bytes("TEM uP SA Zoom Image"), "sample.emi")
    for path in (ser, emi):
        micrograph = decode(path)
        # The lowest row is stored first.
        assert (micrograph.pixels == pixels[::-1]).all()
        assert micrograph.metadata.nm_per_px == pytest.approx(5)
        assert (micrograph.metadata.voltage_kv, micrograph.metadata.user) == (200.0, "ERIC")
    shutil.copy(ser, tmp_path / "sample_2.ser")
    assert "2 images" in decode(emi).warnings[0]


def test_a_diffraction_pattern_in_a_ser_has_no_length(tmp_path) -> None:
    ser = write(tmp_path, ser_bytes(noise(shape=(12, 10)), 5e7), "sample_1.ser")
    assert decode(ser).metadata is None, "50 million metres"
    write(tmp_path, emi_bytes("TEM uP SA Zoom Diffraction"), "sample.emi")
    micrograph = decode(ser)
    assert micrograph.metadata.nm_per_px is None
    assert "diffraction" in micrograph.warnings[0]


def test_of_a_ser_series_only_the_first_image_is_read(tmp_path) -> None:
    pixels = noise(shape=(12, 10))
    path = write(tmp_path, ser_bytes(pixels, 5e-9, n_images=1000), "series_1.ser")
    micrograph = decode(path)
    assert (micrograph.pixels == pixels[::-1]).all()
    assert "1,000" in micrograph.warnings[0]


def test_a_ser_that_is_cut_off_is_refused(tmp_path) -> None:
    content = ser_bytes(noise(shape=(12, 10)), 5e-9)
    for length in (6, 40, len(content) - 20):
        with pytest.raises(InputError) as caught:
            decode(write(tmp_path, content[:length], "cut_1.ser"))
        assert caught.value.code in {"truncated_file", "damaged_file"}


def test_an_image_that_states_its_own_pixel_size_needs_no_side_car(tmp_path) -> None:
    write(tmp_path, JEOL.format(mag=95, bar=101, marker="100um").encode(), "own.txt")
    assert decode(write(tmp_path, png_bytes(noise(shape=(960, 1280))), "own.png")).metadata.vendor == "JEOL"
