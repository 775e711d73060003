"""What the header of a file tells, and which files are refused for it."""

import bz2
import io
import struct
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image

from shared.errors import InputError, NotFoundError
from tests.unit.micrograph.files import (
    bmp_bytes,
    grey_tags,
    jpeg_bytes,
    noise,
    png_bytes,
    png_chunk,
    raw_png,
    raw_tiff,
    tiff_bytes,
    write,
)
from worker.micrograph.limits import DecodeLimits
from worker.micrograph.readers import read_header


@pytest.fixture
def refusal(tmp_path):
    """The InputError that a file's content causes."""

    def refuse(content, name="image.tif", limits=None):
        with pytest.raises(InputError) as caught:
            read_header(write(tmp_path, content, name), limits)
        return caught.value

    return refuse


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (png_bytes(noise()), ("PNG", 53, 37, 1, 8)),
        (png_bytes(noise(np.uint16)), ("PNG", 53, 37, 1, 16)),
        (jpeg_bytes(noise(shape=(37, 53, 3))), ("JPEG", 53, 37, 3, 8)),
        (bmp_bytes(noise()), ("BMP", 53, 37, 3, 8)),
        (tiff_bytes(noise(np.uint16)), ("TIFF", 53, 37, 1, 16)),
        (tiff_bytes(noise(np.float32)), ("TIFF", 53, 37, 1, 32)),
        (tiff_bytes(noise(shape=(37, 53, 3)), photometric="rgb"), ("TIFF", 53, 37, 3, 8)),
    ],
)
def test_the_header_states_format_size_channels_and_depth(tmp_path, content, expected):
    header = read_header(write(tmp_path, content, "wrong_name.gif"))
    assert (header.format, header.width_px, header.height_px, header.channels, header.bit_depth) == expected
    assert header.n_images == 1


def test_the_header_counts_the_pages_of_a_stack(tmp_path):
    stack = tiff_bytes(noise(shape=(5, 37, 53)), photometric="minisblack", metadata=None)
    assert read_header(write(tmp_path, stack)).n_images == 5


def test_an_empty_file_is_refused(refusal):
    assert refusal(b"").code == "empty_file"


def test_a_missing_file_is_said_to_be_missing(tmp_path):
    with pytest.raises(NotFoundError, match=r"There is no file gone\.tif"):
        read_header(tmp_path / "gone.tif")


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(InputError) as caught:
        read_header(tmp_path)
    assert caught.value.code == "unreadable_file"


@pytest.mark.parametrize(
    ("content", "seems_to_be"),
    [
        (b"%PDF-1.7\n%more", "PDF"),
        (b"GIF89a" + bytes(100), "GIF"),
        (b"<!DOCTYPE html><html>", "HTML"),
        (b"\xef\xbb\xbf  <?xml version='1.0'?>", "XML"),
        (b"sample,diameter\n", "text"),
        (bz2.compress(b"a tar archive"), "bzip2"),
        (bytes(4096), "zero bytes"),
        (b"\x01\x02\x03\x04 whatever", "none of the formats"),
    ],
)
def test_a_renamed_file_of_another_kind_is_refused_by_what_it_is(refusal, content, seems_to_be):
    error = refusal(content, "micrograph.tif")
    assert error.code == "unsupported_format"
    assert seems_to_be in error.message


def test_an_hdf5_file_without_content_is_damaged(refusal):
    error = refusal(b"\x89HDF\r\n\x1a\n" + bytes(100), "micrograph.emd")
    assert error.code == "damaged_file"
    assert "HDF5" in error.message


def test_a_zip_bomb_is_refused_unopened(refusal):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.tif", bytes(10_000_000))
    error = refusal(stream.getvalue(), "bomb.tif")
    assert error.code == "unsupported_format"
    assert "ZIP" in error.message


def test_a_file_that_is_only_the_beginning_of_a_signature_is_truncated(refusal):
    assert refusal(b"\x89PN").code == "truncated_file"


@pytest.mark.parametrize("kept", [0.02, 0.5, 0.999])
@pytest.mark.parametrize(
    "content",
    [
        png_bytes(noise()),
        jpeg_bytes(noise()),
        bmp_bytes(noise()),
        tiff_bytes(noise()),
        tiff_bytes(noise(), compression="zlib"),
        tiff_bytes(noise(), tile=(16, 16)),
    ],
    ids=["png", "jpeg", "bmp", "tiff", "deflate_tiff", "tiled_tiff"],
)
def test_a_file_that_was_cut_off_is_refused(refusal, content, kept):
    assert refusal(content[: int(len(content) * kept)]).code == "truncated_file"


def test_a_40000_px_png_in_two_kilobytes_is_refused_by_its_size(refusal):
    error = refusal(raw_png(40_000, 40_000, bytes(2000)))
    assert error.code == "too_many_pixels"
    assert "40,000 × 40,000" in error.message
    assert "400,000,000" in error.message


def test_a_40000_px_tiff_in_two_kilobytes_is_refused_by_its_size(refusal):
    assert refusal(raw_tiff(grey_tags(40_000, 40_000, 2000, t259=8), bytes(2000))).code == "too_many_pixels"


def test_the_limit_of_pixels_can_be_set(refusal):
    assert refusal(png_bytes(noise()), limits=DecodeLimits(max_pixels=1000)).code == "too_many_pixels"


def test_the_limit_of_bytes_can_be_set(refusal):
    assert refusal(png_bytes(noise()), limits=DecodeLimits(max_file_bytes=1000)).code == "file_too_large"


def test_a_png_that_would_explode_is_refused(refusal):
    packed = zlib.compress(bytes(10_001 * 10_000), 9)
    assert refusal(raw_png(10_000, 10_000, packed)).code == "suspicious_compression"


def test_a_tiff_that_would_explode_is_refused(refusal):
    packed = zlib.compress(bytes(100_000_000), 9)
    assert refusal(raw_tiff(grey_tags(10_000, 10_000, len(packed), t259=8), packed)).code == "suspicious_compression"


@pytest.mark.parametrize(
    "content",
    [
        raw_png(0, 10, b"x"),
        raw_tiff(grey_tags(0, 10, 1), b"xx"),
        raw_tiff(grey_tags(10, 0, 1), b"xx"),
        jpeg_bytes(noise()).replace(b"\x08\x00\x25\x00\x35", b"\x08\x00\x25\x00\x00", 1),
        bmp_bytes(noise())[:18] + struct.pack("<i", 0) + bmp_bytes(noise())[22:],
    ],
    ids=["png", "tiff_width", "tiff_height", "jpeg", "bmp"],
)
def test_an_image_without_width_or_height_is_refused(refusal, content):
    assert refusal(content).code == "zero_size"


@pytest.mark.parametrize("offset", [0, 3, 999_999])
def test_a_tiff_whose_first_page_lies_nowhere_is_damaged(refusal, offset):
    assert refusal(raw_tiff(grey_tags(4, 4, 16), bytes(16), first_ifd=offset)).code == "damaged_file"


def test_a_tiff_whose_pages_run_in_a_circle_is_damaged(refusal):
    error = refusal(raw_tiff(grey_tags(4, 4, 16), bytes(range(16)), next_ifd=-1))
    assert error.code == "damaged_file"
    assert "circle" in error.message


@pytest.mark.parametrize("bits", [0, 12, 64, 65_535])
def test_a_tiff_of_an_unknown_number_of_bits_is_refused(refusal, bits):
    error = refusal(raw_tiff(grey_tags(4, 4, 16, t258=bits), bytes(range(16))))
    assert error.code == "unsupported_pixel_type"
    assert f"{bits:,}-bit" in error.message


@pytest.mark.parametrize("dtype", [np.int8, np.uint64, np.float64, np.float16, np.complex64])
def test_a_tiff_of_an_unusual_type_is_refused(refusal, dtype):
    assert refusal(tiff_bytes(np.ones((4, 4), dtype))).code == "unsupported_pixel_type"


def test_a_cmyk_tiff_is_refused(refusal):
    error = refusal(tiff_bytes(noise(shape=(9, 9, 4)), photometric="separated"))
    assert error.code == "unsupported_pixel_type"
    assert "CMYK" in error.message


def test_a_cmyk_jpeg_is_refused(refusal):
    error = refusal(jpeg_bytes(Image.new("CMYK", (20, 20))))
    assert error.code == "unsupported_pixel_type"
    assert "CMYK" in error.message


def test_a_lab_tiff_is_refused(refusal):
    assert refusal(tiff_bytes(noise(shape=(9, 9, 3)), photometric="cielab")).code == "unsupported_pixel_type"


@pytest.mark.parametrize("compression", ["zstd", "lzma", "jpeg2000"])
def test_a_tiff_with_a_compression_that_is_not_listed_is_refused(refusal, compression):
    assert refusal(tiff_bytes(noise(), compression=compression)).code == "unsupported_compression"


def test_a_run_length_bmp_is_refused(refusal):
    content = bmp_bytes(noise())
    assert refusal(content[:30] + struct.pack("<I", 1) + content[34:]).code == "unsupported_compression"


def test_a_tiff_with_too_few_strips_is_damaged(refusal):
    assert refusal(raw_tiff(grey_tags(4, 4, 16, t278=2), bytes(range(16)))).code == "damaged_file"


def test_a_tiff_with_enormous_tiles_is_damaged(refusal):
    tags = grey_tags(4, 4, 16, t322=2**31, t323=2**31, t324=8, t325=16)
    assert refusal(raw_tiff(tags, bytes(range(16)))).code == "damaged_file"


def test_a_png_without_pixels_is_damaged(refusal):
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 4, 8, 0, 0, 0, 0))
    assert refusal(b"\x89PNG\r\n\x1a\n" + header + png_chunk(b"IEND", b"")).code == "damaged_file"
