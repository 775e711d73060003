"""What each maker writes into a TIFF is read as meant; what lies, is cut short or wrongly encoded is missing, not guessed."""

import io
import struct

import numpy as np
import pytest
import tifffile
from PIL import Image

from tests.unit.micrograph.files import noise, write
from worker.micrograph.decode import decode

BYTE, ASCII, LONG, UNDEFINED, DOUBLE = 1, 2, 4, 7, 12
EXIF, MAKER_NOTE = 34665, 37500

FEI = """[User]\r\nDate=06/13/2016\r\nUser=supervisor\r\n\r\n[System]\r\nSystemType=Helios NanoLab\r\n\r\n[Beam]\r\nHV=5000
Beam=EBeam\r\n\r\n[EBeam]\r\nWD=0.004\r\nHFW=0.00017\r\n\r\n[Scan]\r\nPixelWidth={width}\r\nPixelHeight={height}
HorFieldsize={field}\r\n\r\n[Image]\r\nResolutionX={columns}\r\nResolutionY={rows}\r\nMagCanvasRealWidth=0.2\r\n\r\n[Detectors]
Name=ETD\r\n\r\n[PrivateFei]\r\nDatabarHeight={bar}\r\nTimeOfCreation=13.06.2016 17:06:40\r\n"""

ZEISS = """0\r\n0\r\n0\r\n{first}\r\n100\r\nDP_SEM\r\nSem = Merlin\r\nDP_IMAGE_STORE\r\nStore resolution = {store}\r\nAP_WD\r
WD = 4.6 mm\r\nAP_MAG\r\nMag = 50.00 K X\r\nAP_PIXEL_SIZE\r\nPixel Size = {reference}\r\nAP_IMAGE_PIXEL_SIZE\r
Image Pixel Size = {image}\r\nAP_WIDTH\r\nWidth = {width}\r\nAP_ACTUALKV\r
EHT = 2.00 kV\r\nAP_TIME\r\nTime :14:28:23\r\nAP_DATE\r
Date :15 Apr 2014\r\nSV_USER_NAME\r\nUser Name = STEFFEN\r\n"""


def tiff(shape=(96, 128), tags=(), **options):
    """A grey TIFF with private tags, given as (code, type, value)."""
    stream = io.BytesIO()
    extra = [(code, kind, 1 if kind == DOUBLE else len(value), value, True) for code, kind, value in tags]
    tifffile.imwrite(stream, noise(shape=shape), photometric="minisblack", metadata=None, extratags=extra, **options)
    return stream.getvalue()


@pytest.fixture
def stated(tmp_path):
    """Metadata and warnings of the TIFF in these bytes."""

    def read(content, name="image.tif"):
        micrograph = decode(write(tmp_path, content, name))
        return micrograph.metadata, micrograph.warnings

    return read


def fei(**changes):
    values = {"width": "1.328e-9", "height": "1.328e-9", "field": "170e-9", "columns": 128, "rows": 80, "bar": 16} | changes
    return tiff(tags=[(34682, ASCII, FEI.format(**values).encode("latin-1"))])


def test_fei_states_pixel_size_banner_and_instrument(stated) -> None:
    metadata, warnings = stated(fei())
    assert metadata.nm_per_px == pytest.approx(1.328)
    assert (metadata.nm_per_px_text, metadata.nm_per_px_tag) == ("1.328e-9 m", "[Scan] PixelWidth")
    assert metadata.databar_top == 80
    assert metadata.instrument == "FEI Helios NanoLab"
    assert (metadata.voltage_kv, metadata.working_distance_mm) == (5.0, pytest.approx(4.0))
    assert (metadata.detector, metadata.user, metadata.acquired_at) == ("ETD", "supervisor", "2016-06-13T17:06:40")
    assert metadata.raw["Image.ResolutionX"] == "128"
    assert warnings == ()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"width": "0"}, "PixelWidth"),
        ({"width": "-1e-9"}, "PixelWidth"),
        ({"width": "nan"}, "PixelWidth"),
        ({"width": "1.328"}, "PixelWidth"),
        ({"columns": 256, "field": "340e-9"}, "256"),
        ({"field": "340e-9"}, "contradicts HorFieldsize"),
    ],
)
def test_fei_metadata_that_lie_give_no_pixel_size_and_name_the_tag(stated, changes, said) -> None:
    metadata, warnings = stated(fei(**changes))
    assert metadata.nm_per_px is None
    assert len(warnings) == 1
    assert said in warnings[0]


def test_fei_pixel_sizes_without_the_columns_they_belong_to_do_not_count(stated) -> None:
    text = FEI.format(width="1.328e-9", height="1.328e-9", field="170e-9", columns=128, rows=80, bar=16)
    metadata, warnings = stated(tiff(tags=[(34682, ASCII, text.replace("ResolutionX=128\r\n", "").encode())]))
    assert metadata.nm_per_px is None
    assert "ResolutionX" in warnings[0]


@pytest.mark.parametrize(("power", "size"), [("", 2.5), (' unitPrefixPower="1"', 2.5), (' unitPrefixPower="-9"', None)])
def test_a_power_that_nobody_explains_leaves_no_pixel_size(stated, power, size) -> None:
    side = f'<X unit="nm"{power}>2.5</X><Y unit="nm"{power}>2.5</Y>'
    xml = f"<Metadata><BinaryResult><ImageSize><X>128</X></ImageSize><PixelSize>{side}</PixelSize></BinaryResult></Metadata>"
    metadata, _ = stated(tiff(tags=[(34683, ASCII, xml.encode())]))
    assert (metadata and metadata.nm_per_px) == size


def test_a_banner_that_does_not_fit_the_image_is_not_believed(stated) -> None:
    assert stated(fei(rows=90))[0].databar_top is None
    assert stated(fei(bar=0))[0].databar_top is None
    assert stated(fei(bar="twelve"))[0].databar_top is None


def test_fei_pixels_that_are_not_square_are_resampled_and_said_so(tmp_path) -> None:
    micrograph = decode(write(tmp_path, fei(height="0.664e-9", bar=0, rows=96)))
    assert micrograph.pixels.shape == (48, 128)
    assert micrograph.metadata.nm_per_px == pytest.approx(1.328)
    assert "not square" in micrograph.warnings[0]


def test_thermo_fisher_xml_is_read(stated) -> None:
    xml = (
        "<?xml version='1.0'?><Metadata><Instrument><InstrumentClass>Apreo</InstrumentClass></Instrument><BinaryResult>"
        "<PixelSize><X unit='nm'>2.5</X><Y unit='nm'>2.5</Y></PixelSize></BinaryResult></Metadata>"
    )
    metadata, _ = stated(tiff(tags=[(34683, ASCII, xml.encode())]))
    assert (metadata.nm_per_px, metadata.instrument) == (2.5, "Thermo Fisher Apreo")


def test_xml_cut_short_is_damaged_metadata_beside_an_intact_image(stated) -> None:
    metadata, warnings = stated(tiff(tags=[(34683, ASCII, b"<Metadata><BinaryResult><PixelSize>")]))
    assert metadata is None
    assert "Thermo Fisher" in warnings[0]


def test_entities_that_unfold_are_not_parsed(stated) -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa">]><FeiImage><pixelWidth unit="nm">2</pixelWidth></FeiImage>'
    assert stated(tiff(tags=[(34683, ASCII, bomb)]))[0] is None


def test_phenom_states_unit_and_banner(stated) -> None:
    sides = b'<pixelWidth unit="um">0.5</pixelWidth><pixelHeight unit="um">0.5</pixelHeight>'
    xml = b"<FeiImage><databarHeight>16</databarHeight>" + sides + b"</FeiImage>"
    metadata, _ = stated(tiff(tags=[(34683, ASCII, xml)]))
    assert (metadata.nm_per_px, metadata.databar_top, metadata.vendor) == (500.0, 80, "Phenom")
    without_unit = xml.replace(b' unit="um"', b"")
    metadata, warnings = stated(tiff(tags=[(34683, ASCII, without_unit)]))
    assert metadata.nm_per_px is None
    assert "no unit" in warnings[0]


def zeiss(columns=512, **changes):
    values = {
        "first": "1.0e-008", "store": f"{columns} * 96", "reference": "10.00 nm", "image": f"{10 * 1024 / columns:.4g} nm",
        "width": "10.24 µm",
    } | changes  # fmt: skip
    return tiff((96, columns), [(34118, ASCII, ZEISS.format(**values).encode("latin-1"))])


@pytest.mark.parametrize("columns", [512, 1024, 2048])
def test_zeiss_pixel_sizes_stand_for_the_columns_of_the_image(stated, columns) -> None:
    metadata, warnings = stated(zeiss(columns))
    assert metadata.nm_per_px == pytest.approx(10 * 1024 / columns)
    assert warnings == ()
    assert metadata.instrument == "ZEISS Merlin"
    assert (metadata.magnification, metadata.voltage_kv, metadata.working_distance_mm) == (50_000, 2.0, pytest.approx(4.6))
    assert (metadata.acquired_at, metadata.user) == ("2014-04-15T14:28:23", "STEFFEN")


def test_zeiss_decimal_commas_and_a_micro_sign_in_utf_8_are_read(stated) -> None:
    text = ZEISS.format(first="1,0e-008", store="512 * 96", reference="10,00 nm", image="0,02 µm", width="10,24 μm")
    metadata, _ = stated(tiff((96, 512), [(34118, ASCII, text.encode())]))
    assert metadata.nm_per_px == pytest.approx(20)


def test_the_zeiss_reading_that_others_contradict_is_not_taken(stated) -> None:
    metadata, _ = stated(zeiss(512, first="3.0e-008"))
    assert (metadata.nm_per_px, metadata.nm_per_px_tag) == (pytest.approx(20), "AP_IMAGE_PIXEL_SIZE")
    metadata, warnings = stated(zeiss(512, first="3.0e-008", image="70 nm", width="99 µm", reference="1 nm"))
    assert metadata.nm_per_px is None
    assert "contradict" in warnings[0]


def test_a_single_zeiss_statement_is_a_text_cut_short(stated) -> None:
    metadata, warnings = stated(tiff((96, 512), [(34118, ASCII, b"0\r\n0\r\n0\r\n1.0e-008\r\n100\r\n\0")]))
    assert metadata.nm_per_px is None
    assert "cut short" in warnings[0]


def test_a_zeiss_image_resampled_afterwards_has_no_pixel_size(stated) -> None:
    metadata, warnings = stated(zeiss(512, store="1024 * 768"))
    assert metadata.nm_per_px is None
    assert "1,024" in warnings[0]


def tescan(*texts):
    thumbnail = b"\0\0\0\x0cjP  \r\n\x87\n="
    blocks = [struct.pack("<IH", 2 + len(text), kind) + text for kind, text in enumerate((thumbnail, *texts), 1)]
    return b"".join(blocks) + struct.pack("<IH", 2, 0)


def test_tescan_states_pixel_size_and_banner(stated) -> None:
    main = b"Device=TESCAN AMBER\nImageStripSize=16\nPixelSizeX=0.000000004537772\nPixelSizeY=0.000000004537772\n\0"
    metadata, warnings = stated(tiff(tags=[(50431, BYTE, tescan(main, b"HV=1000.0\nWD=0.003847\nStageX=0.001\n\0"))]))
    assert metadata.nm_per_px == pytest.approx(4.537772)
    assert (metadata.databar_top, metadata.voltage_kv, metadata.stage.x_mm) == (80, 1.0, pytest.approx(1.0))
    assert metadata.instrument == "TESCAN AMBER"
    assert warnings == ()


def test_a_tescan_block_that_is_cut_short_states_what_is_left(stated) -> None:
    data = tescan(b"Device=TESCAN AMBER\nPixelSizeX=\n")
    metadata, _ = stated(tiff(tags=[(50431, BYTE, data[:-4])]))
    assert metadata.nm_per_px is None


@pytest.mark.parametrize(
    ("unit", "size"), [(b"\xb5m\0", 250.0), ("µm\0".encode(), 250.0), (b"nm\0", 0.25), (b"1/nm\0", None), (b"\0", None)]
)
def test_gatan_tags_are_read_in_latin_1_and_utf_8(stated, unit, size) -> None:
    tags = [(65003, ASCII, unit), (65004, ASCII, unit), (65009, DOUBLE, 0.25), (65010, DOUBLE, 0.25)]
    metadata, warnings = stated(tiff(tags=tags))
    assert metadata.nm_per_px == size
    assert bool(warnings) == (size is None)


@pytest.mark.parametrize("unit", ["um", "micron", "µm", "\\u00B5m"])
def test_the_resolution_counts_where_imagej_gives_its_unit(stated, unit) -> None:
    metadata, _ = stated(tiff(description=f"ImageJ=1.54f\nunit={unit}\n".encode(), resolution=(4, 4), resolutionunit="NONE"))
    assert metadata.nm_per_px == pytest.approx(250)


def test_imagej_may_give_the_other_side_a_unit_of_its_own(tmp_path) -> None:
    description = b"ImageJ=1.54f\nunit=um\nyunit=nm\n"
    content = tiff(description=description, resolution=(4, 0.008), resolutionunit="NONE")
    micrograph = decode(write(tmp_path, content))
    assert micrograph.metadata.nm_per_px == pytest.approx(250)
    assert "height / width = 0.5" in micrograph.warnings[0]


@pytest.mark.parametrize("text", ["<OME><Image><Pixels PhysicalSizeX='5'", "<?xml version='1.0'?><TemReporter><Eos>"])
def test_a_description_in_xml_that_is_cut_short_is_said_to_be_damaged(stated, text) -> None:
    metadata, warnings = stated(tiff(description=text, resolution=(93, 93), resolutionunit="INCH"))
    assert metadata is None
    assert "damaged" in warnings[0]


@pytest.mark.parametrize(
    "description", ["", "ImageJ=1.54f\nunit=inch\n", "ImageJ=1.54f\nunit=cm\n", "ImageJ=1.54f\n", "A sample"]
)
@pytest.mark.parametrize("resolution", [72, 254, 96])
def test_a_print_resolution_is_never_a_pixel_size(stated, description, resolution) -> None:
    metadata, _ = stated(tiff(description=description, resolution=(resolution, resolution), resolutionunit="INCH"))
    assert metadata is None or metadata.nm_per_px is None


@pytest.mark.parametrize(
    ("attributes", "size"),
    [
        ('PhysicalSizeX="0.5" PhysicalSizeY="0.5"', 500.0),
        ('PhysicalSizeX="5" PhysicalSizeXUnit="nm" PhysicalSizeY="5" PhysicalSizeYUnit="nm"', 5.0),
        ('PhysicalSizeX="5" PhysicalSizeXUnit="pixel"', None),
        ('SizeX="256" PhysicalSizeX="5"', None),
    ],
)
def test_ome_xml_is_read_with_its_default_unit(stated, attributes, size) -> None:
    xml = f'<OME xmlns="urn:ome"><Image ID="Image:0"><Pixels ID="Pixels:0" {attributes}/></Image></OME>'
    assert stated(tiff(description=xml))[0].nm_per_px == size


def maker_note(lines, file_format):
    """An image with a JEOL MakerNote in UTF-16 in its Exif directory."""
    note = "\r\n".join(lines).encode("utf-16-le")
    if file_format == "JPEG":
        exif = Image.Exif()
        exif.get_ifd(EXIF)[MAKER_NOTE] = note
        stream = io.BytesIO()
        Image.fromarray(noise(shape=(96, 128))).save(stream, "JPEG", exif=exif)
        return stream.getvalue()
    # tifffile writes no Exif pointer: a tag beside it becomes one.
    content = bytearray(tiff(tags=[(EXIF + 1, DOUBLE, 0.0)]))
    content += bytes(len(content) % 2)
    entry = content.index(struct.pack("<HHI", EXIF + 1, DOUBLE, 1))
    content[entry : entry + 12] = struct.pack("<HHII", EXIF, LONG, 1, len(content))
    directory = struct.pack("<HHHIII", 1, MAKER_NOTE, UNDEFINED, len(note), len(content) + 18, 0)
    return bytes(content) + directory + note


@pytest.mark.parametrize("file_format", ["TIFF", "JPEG"])
def test_the_jeol_maker_note_states_the_exact_pixel_size(stated, file_format) -> None:
    lines = [
        "$CM_FORMAT JEOL-SEM",
        "$CM_INSTRUMENT JSM-7900F",
        "$CM_MAG 50000",
        "$CM_FULL_SIZE 128 80",
        "$CM_PIXEL_SIZE 1.875nm",
    ]
    metadata, _ = stated(maker_note(lines, file_format))
    assert (metadata.nm_per_px, metadata.nm_per_px_tag) == (1.875, "$CM_PIXEL_SIZE")
    assert (metadata.instrument, metadata.databar_top) == ("JEOL JSM-7900F", 80)


def test_a_jeol_image_saved_with_fewer_columns_needs_a_field_of_view(stated) -> None:
    lines = ["$CM_FORMAT JEOL-SEM", "$CM_FULL_SIZE 256 192", "$CM_PIXEL_SIZE 2nm"]
    metadata, warnings = stated(maker_note(lines, "TIFF"))
    assert metadata.nm_per_px is None
    assert "$CM_PIXEL_SIZE" in warnings[-1]
    metadata, _ = stated(maker_note([*lines, "$CM_FIELD_OF_VIEW 0.512um 0.384um"], "TIFF"))
    assert metadata.nm_per_px == pytest.approx(4.0)


def test_private_fields_that_point_behind_the_file_leave_the_image_readable(tmp_path) -> None:
    content = bytearray(tiff(tags=[(34118, ASCII, b"x" * 400)]))
    at = content.index(struct.pack("<HH", 34118, ASCII)) + 8
    content[at : at + 4] = struct.pack("<I", len(content) - 3)
    micrograph = decode(write(tmp_path, bytes(content)))
    assert micrograph.metadata is None
    assert "ZEISS" in micrograph.warnings[0]
    np.testing.assert_array_equal(micrograph.pixels, noise(shape=(96, 128)))


def test_a_colour_photograph_is_named_as_such_and_has_no_pixel_size(tmp_path) -> None:
    stream = io.BytesIO()
    colours = np.random.default_rng(1).integers(0, 255, (64, 80, 3), dtype=np.uint8)
    Image.fromarray(colours).save(stream, "JPEG", dpi=(300, 300))
    micrograph = decode(write(tmp_path, stream.getvalue(), "photo.jpg"))
    assert micrograph.metadata is None
    assert "colour" in micrograph.warnings[0]
