"""Pixels come out exactly as they were stored, or not at all."""

import struct
import zlib
from functools import partial

import imagecodecs
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from shared.domain import Micrograph
from shared.errors import InputError
from tests.unit.micrograph.files import (
    bmp_bytes,
    grey_tags,
    interlaced_png,
    jpeg_bytes,
    noise,
    png_bytes,
    raw_png,
    raw_tiff,
    tiff_bytes,
    write,
)
from worker.micrograph.decode import decode
from worker.micrograph.limits import DecodeLimits

SMALL = DecodeLimits(max_pixels=1_000_000)


@pytest.fixture
def decoded(tmp_path):
    """The micrograph in a file of the given content."""
    return lambda content: decode(write(tmp_path, content))


@pytest.fixture
def refusal(tmp_path):
    """The code of the InputError that a file of the given content causes."""

    def refuse(content):
        with pytest.raises(InputError) as caught:
            decode(write(tmp_path, content))
        return caught.value.code

    return refuse


def luminance(rgb):
    """Rec. 601 by another route than the code's: exact integers of any size."""
    return sum(weight * rgb[..., i].astype(object) for i, weight in enumerate((299, 587, 114)))


LOSSLESS = {
    "png": png_bytes,
    "interlaced png": interlaced_png,
    "bmp": bmp_bytes,
    "tiff": tiff_bytes,
    "big tiff": partial(tiff_bytes, bigtiff=True),
    "big-endian tiff": partial(tiff_bytes, byteorder=">"),
    "strips": partial(tiff_bytes, rowsperstrip=5),
    "tiles": partial(tiff_bytes, tile=(16, 32)),
    "lzw": partial(tiff_bytes, compression="lzw", rowsperstrip=5),
    "lzw predictor": partial(tiff_bytes, compression="lzw", predictor=True),
    "deflate": partial(tiff_bytes, compression="zlib", rowsperstrip=8),
    "deflate tiles predictor": partial(tiff_bytes, compression="zlib", predictor=True, tile=(16, 16)),
    "big-endian predictor": partial(tiff_bytes, compression="zlib", predictor=True, byteorder=">"),
    "packbits": partial(tiff_bytes, compression="packbits", rowsperstrip=5),
}


@pytest.mark.parametrize("encode", LOSSLESS.values(), ids=LOSSLESS)
def test_8_bit_pixels_come_back_exactly(decoded, encode):
    micrograph = decoded(encode(noise()))
    assert micrograph.pixels.dtype == np.uint8
    np.testing.assert_array_equal(micrograph.pixels, noise())
    assert micrograph.warnings == ()


@pytest.mark.parametrize("name", [name for name in LOSSLESS if name not in {"bmp", "interlaced png"}])
def test_16_bit_pixels_come_back_exactly(decoded, name):
    micrograph = decoded(LOSSLESS[name](noise(np.uint16)))
    assert micrograph.bit_depth == 16
    np.testing.assert_array_equal(micrograph.pixels, noise(np.uint16))


@pytest.mark.parametrize("name", [name for name in LOSSLESS if name not in {"png", "interlaced png", "bmp"}])
def test_floating_point_pixels_come_back_exactly(decoded, name):
    micrograph = decoded(LOSSLESS[name](noise(np.float32)))
    assert micrograph.bit_depth == 32
    np.testing.assert_array_equal(micrograph.pixels, noise(np.float32))


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.uint32])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_whole_numbers_as_digital_micrograph_writes_them_become_floating_point(decoded, dtype, byteorder):
    pixels = noise(np.int16).astype(dtype) if np.dtype(dtype).kind == "i" else noise(np.uint16).astype(dtype)
    micrograph = decoded(tiff_bytes(pixels, byteorder=byteorder, compression="lzw", predictor=True))
    assert micrograph.bit_depth == 32
    np.testing.assert_array_equal(micrograph.pixels, pixels)


def test_whole_numbers_that_floating_point_would_round_are_refused(refusal):
    pixels = noise().astype(np.int32)
    pixels[0, 0] = 2**24 + 1
    assert refusal(tiff_bytes(pixels)) == "unsupported_pixel_type"


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("options", [{}, {"compression": "lzw", "predictor": True}, {"tile": (16, 16)}])
def test_colour_tiffs_become_their_luminance_with_a_warning(decoded, planar, dtype, options):
    rgb = noise(dtype, (37, 53, 3))
    stored = rgb if planar == "contig" else np.moveaxis(rgb, 2, 0).copy()
    micrograph = decoded(tiff_bytes(stored, photometric="rgb", planarconfig=planar, **options))
    np.testing.assert_array_equal(micrograph.pixels, (luminance(rgb) + 500) // 1000)
    assert any("colour" in warning for warning in micrograph.warnings)


@pytest.mark.parametrize("encode", [png_bytes, bmp_bytes, partial(tiff_bytes, photometric="rgb")])
def test_colour_with_equal_channels_is_that_channel_without_a_warning(decoded, encode):
    micrograph = decoded(encode(np.stack([noise()] * 3, axis=2)))
    np.testing.assert_array_equal(micrograph.pixels, noise())
    assert micrograph.warnings == ()


def test_a_white_is_zero_tiff_is_inverted(decoded):
    np.testing.assert_array_equal(decoded(tiff_bytes(noise(), photometric="miniswhite")).pixels, 255 - noise())
    inverted = decoded(tiff_bytes(noise(np.uint16), photometric="miniswhite"))
    np.testing.assert_array_equal(inverted.pixels, 65535 - noise(np.uint16))


def test_a_grey_palette_is_applied(decoded):
    ramp = np.arange(255, -1, -1, dtype=np.uint16) * 257
    content = tiff_bytes(noise(), photometric="palette", colormap=np.stack([ramp] * 3))
    np.testing.assert_array_equal(decoded(content).pixels, 255 - noise())


def test_a_palette_png_is_applied(decoded):
    image = Image.fromarray(noise()).convert("P")
    np.testing.assert_array_equal(decoded(png_bytes(image)).pixels, np.asarray(image.convert("RGB"))[..., 0])


def test_a_jpeg_comes_back_as_another_decoder_sees_it(decoded, tmp_path):
    content = jpeg_bytes(noise(), quality=90)
    np.testing.assert_array_equal(decoded(content).pixels, np.asarray(Image.open(write(tmp_path, content, "other"))))


@pytest.mark.parametrize("options", [{"progressive": True}, {"restart_marker_rows": 1}])
def test_progressive_and_restarted_jpegs_are_read(decoded, options):
    assert decoded(jpeg_bytes(noise(), **options)).pixels.shape == (37, 53)


@pytest.mark.parametrize("shape", [(48, 64), (48, 64, 3)])
def test_a_tiff_with_jpeg_blocks_is_read(decoded, shape):
    # Smooth content survives JPEG at this quality within a few grey levels.
    rows, columns = np.mgrid[:48, :64]
    smooth = (2 * rows + columns).astype(np.uint8)
    pixels = smooth if len(shape) == 2 else np.stack([smooth] * 3, axis=2)
    micrograph = decoded(tiff_bytes(pixels, compression="jpeg", compressionargs={"level": 98}, tile=(16, 16)))
    assert np.abs(micrograph.pixels.astype(int) - smooth).max() <= 4


def test_bytes_behind_the_end_of_a_jpeg_do_not_matter(decoded):
    assert decoded(jpeg_bytes(noise()) + b"vendor metadata").pixels.shape == (37, 53)


def test_an_orientation_is_reported_and_not_applied(decoded):
    exif = Image.Exif()
    exif[274] = 6
    micrograph = decoded(jpeg_bytes(noise(), exif=exif))
    assert micrograph.pixels.shape == (37, 53)
    assert any("orientation 6" in warning for warning in micrograph.warnings)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [2, 4])
def test_transparency_of_a_png_is_left_out_with_a_warning(decoded, dtype, channels):
    pixels = np.concatenate([np.stack([noise(dtype)] * (channels - 1), 2), noise(dtype, seed=2)[..., None]], axis=2)
    micrograph = decoded(imagecodecs.png_encode(pixels))
    np.testing.assert_array_equal(micrograph.pixels, noise(dtype))
    assert any("transparency" in warning for warning in micrograph.warnings)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_transparency_of_a_tiff_is_left_out_with_a_warning(decoded, dtype):
    pixels = np.concatenate([np.stack([noise(dtype)] * 3, 2), noise(dtype, seed=2)[..., None]], axis=2)
    micrograph = decoded(tiff_bytes(pixels, photometric="rgb", extrasamples=["unassalpha"]))
    np.testing.assert_array_equal(micrograph.pixels, noise(dtype))
    assert any("transparency" in warning for warning in micrograph.warnings)


def test_full_opacity_is_left_out_silently(decoded):
    pixels = np.stack([noise(np.uint16)] * 3 + [np.full((37, 53), 65535, np.uint16)], axis=2)
    assert decoded(imagecodecs.png_encode(pixels)).warnings == ()


def test_of_an_animated_png_the_first_frame_is_read(decoded):
    content = png_bytes(noise(), save_all=True, append_images=[Image.fromarray(noise(seed=2))])
    micrograph = decoded(content)
    np.testing.assert_array_equal(micrograph.pixels, noise())
    assert micrograph.n_images == 1
    assert "animation" in micrograph.warnings[0]


@pytest.mark.parametrize("shape", [(1, 2), (2, 1), (2, 2), (1, 3000)])
@pytest.mark.parametrize("name", ["png", "tiff", "lzw", "tiles"])
def test_tiny_images_are_decoded(decoded, shape, name):
    pixels = np.arange(shape[0] * shape[1], dtype=np.uint16).reshape(shape)
    np.testing.assert_array_equal(decoded(LOSSLESS[name](pixels)).pixels, pixels)


@pytest.mark.parametrize("encode", [png_bytes, jpeg_bytes, bmp_bytes, tiff_bytes])
def test_a_single_pixel_is_refused_in_so_many_words(tmp_path, encode):
    with pytest.raises(InputError, match="single pixel") as caught:
        decode(write(tmp_path, encode(np.full((1, 1), 7, np.uint8))))
    assert caught.value.code == "constant_image"


@pytest.mark.parametrize("encode", [png_bytes, jpeg_bytes, bmp_bytes, tiff_bytes])
def test_a_constant_image_is_refused(refusal, encode):
    assert refusal(encode(np.full((20, 30), 128, np.uint8))) == "constant_image"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused(refusal, value):
    pixels = noise(np.float32)
    pixels[3, 4] = value
    assert refusal(tiff_bytes(pixels)) == "not_finite"


def test_colour_that_is_not_finite_is_refused(refusal):
    pixels = noise(np.float32, (37, 53, 3))
    pixels[3, 4, 1] = np.nan
    assert refusal(tiff_bytes(pixels, photometric="rgb")) == "not_finite"


def test_a_changed_bit_in_a_png_is_damage(refusal):
    content = bytearray(png_bytes(noise()))
    content[len(content) // 2] ^= 1
    assert refusal(bytes(content)) == "damaged_file"


def test_a_png_with_fewer_rows_than_declared_is_damaged(refusal):
    assert refusal(raw_png(40, 40, zlib.compress(bytes(41 * 10)))) == "damaged_file"


@pytest.mark.parametrize("compression", [5, 8, 32773])
def test_a_tiff_strip_with_fewer_rows_than_declared_is_damaged(refusal, compression):
    encode = {5: imagecodecs.lzw_encode, 8: zlib.compress, 32773: imagecodecs.packbits_encode}[compression]
    packed = encode(noise(shape=(10, 40)).tobytes())
    assert refusal(raw_tiff(grey_tags(40, 40, len(packed), t259=compression), packed)) == "damaged_file"


def test_a_tiff_strip_that_would_unpack_to_more_than_declared_is_damaged(refusal):
    packed = zlib.compress(bytes(1_000_000))
    assert refusal(raw_tiff(grey_tags(40, 40, len(packed), t259=8), packed)) == "damaged_file"


def test_an_uncompressed_strip_that_is_too_short_is_damaged(refusal):
    assert refusal(raw_tiff(grey_tags(40, 40, 100), noise(shape=(100,)).tobytes())) == "damaged_file"


def test_a_last_strip_padded_to_full_height_is_read(decoded):
    padded = np.vstack([noise(), noise(shape=(3, 53))])
    first, last = zlib.compress(padded[:20].tobytes()), zlib.compress(padded[20:].tobytes())
    strips = {273: (8, 8 + len(first)), 279: (len(first), len(last))}
    micrograph = decoded(raw_tiff(grey_tags(53, 37, 0, t259=8, t278=20) | strips, first + last))
    np.testing.assert_array_equal(micrograph.pixels, noise())


def test_a_long_unicode_name_does_not_matter(tmp_path):
    # 300 characters as a path; a file system allows 255 bytes for one name.
    folder = tmp_path / ("粒子" * 40)
    folder.mkdir()
    path = write(folder, png_bytes(noise()), "Größe µm ✓ " + "ä" * 110 + ".tif")
    assert len(str(path)) > 200
    np.testing.assert_array_equal(decode(path).pixels, noise())


def test_a_name_longer_than_the_file_system_allows_is_refused_as_input(tmp_path):
    with pytest.raises(InputError):
        decode(tmp_path / ("粒" * 300))


SEEDS = [
    png_bytes(noise(shape=(16, 16))),
    imagecodecs.png_encode(noise(np.uint16, (16, 16, 4))),
    jpeg_bytes(noise(shape=(16, 16, 3))),
    bmp_bytes(noise(shape=(16, 16))),
    tiff_bytes(noise(np.uint16, (16, 16)), compression="lzw", predictor=True),
    tiff_bytes(noise(np.float32, (16, 16)), compression="zlib", predictor=True),
    tiff_bytes(noise(shape=(3, 16, 16)), photometric="rgb", planarconfig="separate"),
    tiff_bytes(noise(shape=(32, 32, 3)), photometric="rgb", compression="jpeg", tile=(16, 16)),
    tiff_bytes(noise(shape=(16, 16)), bigtiff=True, byteorder=">"),
]
# Ten times what the slowest case takes on a busy machine; a hang or an explosion takes far longer.
FUZZING = settings(max_examples=300, deadline=5000, suppress_health_check=[HealthCheck.function_scoped_fixture])


def decodes_or_refuses(tmp_path, content):
    try:
        micrograph = decode(write(tmp_path, content), SMALL)
    except InputError:
        return
    assert isinstance(micrograph, Micrograph)
    assert micrograph.pixels.ndim == 2


@FUZZING
@given(seed=st.sampled_from(SEEDS), flips=st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 7)), min_size=1, max_size=8))
def test_files_with_flipped_bits_decode_or_are_refused(tmp_path, seed, flips):
    content = bytearray(seed)
    for where, bit in flips:
        content[int(where * len(content))] ^= 1 << bit
    decodes_or_refuses(tmp_path, bytes(content))


@FUZZING
@given(seed=st.sampled_from(SEEDS[4:]), where=st.floats(0, 0.999), value=st.sampled_from([0, 1, 255, 2**16, 2**31, 2**32 - 1]))
def test_tiffs_with_a_nonsense_number_anywhere_decode_or_are_refused(tmp_path, seed, where, value):
    content = bytearray(seed)
    at = int(where * (len(content) - 4))
    content[at : at + 4] = struct.pack("<I", value)
    decodes_or_refuses(tmp_path, bytes(content))


@FUZZING
@given(
    start=st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"BM", b"II*\0", b"MM\0+"]), rest=st.binary(max_size=400)
)
def test_random_bytes_behind_any_signature_decode_or_are_refused(tmp_path, start, rest):
    decodes_or_refuses(tmp_path, start + rest)
