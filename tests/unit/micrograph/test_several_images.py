"""Every image of a file can be had by its number, with its own statement; what is no image of its own is not counted."""

import io
import struct
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile

from shared.errors import InputError
from tests.unit.micrograph.files import noise, tiff_bytes, write
from tests.unit.micrograph.ser_files import emi_bytes, ser_bytes
from tests.unit.micrograph.stack_files import (
    VELOX_SIZE,
    add_berkeley_image,
    add_hyperspy_image,
    add_nexus_image,
    add_velox_image,
    elid_bytes,
    mrc_header,
    tvips_bytes,
)
from worker.micrograph.decode import count_images, decode
from worker.micrograph.limits import DecodeLimits
from worker.micrograph.sandbox import Decoder

STACK = noise(shape=(3, 40, 64))
DEEP_STACK = noise(np.uint16, (3, 64, 64))


def hdf5(fill):
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        fill(file)
    return stream.getvalue()


def two_detectors(file):
    add_velox_image(file, "a", np.moveaxis(DEEP_STACK[:2], 0, 2), Detector="BF", DetectorIndex="0", **VELOX_SIZE)
    add_velox_image(file, "b", DEEP_STACK[2], Detector="HAADF", DetectorIndex="1", **VELOX_SIZE)
    add_velox_image(file, "c", noise(np.float32, (64, 64)), Detector="a map of an element", **VELOX_SIZE)


FILES = {
    "tiff": (tiff_bytes(STACK, photometric="minisblack"), STACK, None),
    "big tiff": (tiff_bytes(DEEP_STACK, photometric="minisblack", bigtiff=True, compression="zlib"), DEEP_STACK, None),
    "imagej": (tiff_bytes(DEEP_STACK, imagej=True, resolution=(4, 4), metadata={"unit": "um"}), DEEP_STACK, 250.0),
    "imagej of more than 4 GB": (
        tiff_bytes(DEEP_STACK, imagej=True, resolution=(4, 4), metadata={"unit": "um"}, truncate=True), DEEP_STACK, 250.0
    ),
    "ome": (
        tiff_bytes(STACK, ome=True, photometric="minisblack",
                   metadata={"axes": "ZYX", "PhysicalSizeX": 5, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 5,
                             "PhysicalSizeYUnit": "nm"}), STACK, 5.0
    ),
    "ser": (ser_bytes(STACK, 5e-9), STACK[:, ::-1], 5.0),
    "tvips": (tvips_bytes(DEEP_STACK), DEEP_STACK, None),
    "tvips of version 1": (tvips_bytes(STACK, version=1), STACK, None),
    "mrc": (mrc_header(64, 3, 640.0) + DEEP_STACK.tobytes(), DEEP_STACK, 1.0),
    "velox": (hdf5(two_detectors), DEEP_STACK, 2.5),
    "berkeley": (hdf5(lambda file: add_berkeley_image(file, DEEP_STACK)), DEEP_STACK, 0.5),
    "nexus": (hdf5(lambda file: add_nexus_image(file, DEEP_STACK)), DEEP_STACK, 250.0),
    "hyperspy": (hdf5(lambda file: add_hyperspy_image(file, DEEP_STACK)), DEEP_STACK, 0.5),
    "elid": (elid_bytes(STACK), STACK, 20.0),
    "hyperspy without chunks": (hdf5(lambda file: add_hyperspy_image(file, DEEP_STACK, chunks=None)), DEEP_STACK, 0.5),
}  # fmt: skip


@pytest.mark.parametrize(("content", "stack", "nm_per_px"), FILES.values(), ids=FILES)
def test_each_image_is_read_by_its_number_with_its_pixel_size(tmp_path, content, stack, nm_per_px):
    path = write(tmp_path, content)
    assert count_images(path) == len(stack)
    for index, pixels in enumerate(stack):
        micrograph = decode(path, index=index)
        np.testing.assert_array_equal(micrograph.pixels, pixels)
        assert (micrograph.index, micrograph.n_images) == (index, len(stack))
        found = None if micrograph.metadata is None else micrograph.metadata.nm_per_px
        assert found == (None if nm_per_px is None else pytest.approx(nm_per_px))
        assert micrograph.warnings[0].startswith(f"The file holds 3 images; this is number {index + 1}")


@pytest.mark.parametrize("index", [3, -1, 10**9])
@pytest.mark.parametrize("content", [content for content, _, _ in FILES.values()], ids=FILES)
def test_an_image_that_is_not_there_is_refused_with_the_number_there_is(tmp_path, content, index):
    with pytest.raises(InputError, match="holds 3 images") as caught:
        decode(write(tmp_path, content), index=index)
    assert caught.value.code == "no_such_image"
    assert caught.value.details == {"index": index, "n_images": 3}


@pytest.mark.parametrize("content", [content for content, _, _ in FILES.values()], ids=FILES)
def test_a_file_of_more_images_than_allowed_is_refused_with_their_number(tmp_path, content):
    with pytest.raises(InputError, match="holds 3 images; at most 2") as caught:
        decode(write(tmp_path, content), DecodeLimits(max_images=2))
    assert caught.value.code == "too_many_images"


def test_the_sandbox_finds_the_same_images(tmp_path):
    path = write(tmp_path, FILES["velox"][0])
    with Decoder() as decoder:
        assert decoder.count_images(path) == 3
        found = [decoder.decode(path, index=index) for index in range(3)]
        with pytest.raises(InputError, match="holds 3 images"):
            decoder.inspect(path, index=3)
    assert [micrograph.metadata.detector for micrograph in found] == ["BF", "BF", "HAADF"]
    np.testing.assert_array_equal(np.stack([micrograph.pixels for micrograph in found]), DEEP_STACK)
    assert [(micrograph.index, micrograph.n_images) for micrograph in found] == [(0, 3), (1, 3), (2, 3)]
    assert "a map of an element" in found[0].warnings[1]


def test_the_images_of_an_emi_are_those_of_all_its_detectors(tmp_path):
    write(tmp_path, ser_bytes(STACK[:2], 5e-9), "scan_1.ser")
    write(tmp_path, ser_bytes(STACK[2:], 5e-9), "scan_2.ser")
    path = write(tmp_path, emi_bytes(), "scan.emi")
    for index, pixels in enumerate(STACK):
        micrograph = decode(path, index=index)
        np.testing.assert_array_equal(micrograph.pixels, pixels[::-1])
        assert (micrograph.index, micrograph.n_images) == (index, 3)
    assert "scan_2.ser" in micrograph.warnings[0]
    with pytest.raises(InputError, match="holds 3 images"):
        decode(path, index=3)


def pages(*images):
    """A TIFF of pages, each given by its pixels and what tifffile is told of it."""
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream) as writer:
        for pixels, options in images:
            writer.write(pixels, metadata=None, **({"photometric": "minisblack"} | options))
    return stream.getvalue()


FULL, OTHER = noise(shape=(96, 128)), noise(shape=(96, 128), seed=2)
NO_IMAGES = {
    "marked preview": (noise(shape=(80, 100)), {"subfiletype": 1}),
    "smaller copy": (noise(shape=(48, 64)), {}),
    "colour": (noise(shape=(96, 128, 3)), {"photometric": "rgb"}),
    "other depth": (noise(np.uint16, (96, 128)), {}),
}


@pytest.mark.parametrize("other", NO_IMAGES.values(), ids=NO_IMAGES)
def test_previews_masks_and_pages_of_another_kind_are_no_images(tmp_path, other):
    path = write(tmp_path, pages((FULL, {}), other, (OTHER, {})))
    for index, pixels in enumerate((FULL, OTHER)):
        micrograph = decode(path, index=index)
        np.testing.assert_array_equal(micrograph.pixels, pixels)
        assert micrograph.n_images == 2
        assert "1 further page" in micrograph.warnings[1]


@pytest.mark.parametrize(("tag", "mark"), [(254, 4), (254, 1), (255, 2)])
def test_a_page_is_told_by_its_mark_in_old_and_new_files(tmp_path, tag, mark):
    marked = struct.pack("<HHII", 254, 4, 1, 2)
    content = pages((FULL, {}), (OTHER, {"subfiletype": 2}))
    assert count_images(write(tmp_path, content)) == 2
    assert content.count(marked) == 1
    assert count_images(write(tmp_path, content.replace(marked, struct.pack("<HHII", tag, 4, 1, mark)))) == 1


@pytest.mark.parametrize("name", ["marked preview", "smaller copy"])
def test_a_preview_before_the_image_is_not_taken_for_it(tmp_path, name):
    micrograph = decode(write(tmp_path, pages(NO_IMAGES[name], (FULL, {}))))
    np.testing.assert_array_equal(micrograph.pixels, FULL)
    assert micrograph.n_images == 1


def test_a_pyramid_is_one_image(tmp_path):
    levels = [(FULL[::step, ::step].copy(), {}) for step in (1, 2, 4, 8)]
    micrograph = decode(write(tmp_path, pages(*levels)))
    np.testing.assert_array_equal(micrograph.pixels, FULL)
    assert micrograph.n_images == 1


def test_micrographs_of_different_sizes_are_images_and_do_not_share_a_pixel_size(tmp_path):
    description = b"ImageJ=1.54f\nunit=um\n"
    options = {"description": description, "resolution": (4, 4), "resolutionunit": "NONE"}
    path = write(tmp_path, pages((FULL, options), (noise(shape=(90, 100)), {}), (OTHER, {"resolution": (4, 4)})))
    sizes = [decode(path, index=index).metadata for index in range(3)]
    assert [metadata and metadata.nm_per_px for metadata in sizes] == [250, None, 250]


OME = """<OME xmlns="urn:ome">
<Image ID="Image:0"><Pixels ID="Pixels:0" PhysicalSizeX="5" PhysicalSizeXUnit="nm">{first}</Pixels></Image>
<Image ID="Image:1"><Pixels ID="Pixels:1" PhysicalSizeX="80" PhysicalSizeXUnit="nm">{second}</Pixels></Image></OME>"""


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ('<TiffData IFD="0"/>', '<TiffData IFD="1"/>', [5, 80]),
        ('<TiffData IFD="1" PlaneCount="1"/>', '<TiffData IFD="0" PlaneCount="1"/>', [80, 5]),
        ("", "", [None, None]),
        ("<TiffData/>", "<TiffData/>", [None, None]),
        ('<TiffData IFD="0" PlaneCount="2"/>', '<TiffData IFD="1"/>', [5, None]),
    ],
)
def test_each_page_has_the_pixel_size_of_its_own_image_in_the_ome_xml(tmp_path, first, second, expected):
    description = OME.format(first=first, second=second).encode()
    path = write(tmp_path, pages((FULL, {"description": description}), (OTHER, {})))
    found = [decode(path, index=index) for index in range(2)]
    assert [micrograph.metadata and micrograph.metadata.nm_per_px for micrograph in found] == expected
    assert [any("OME-XML" in warning for warning in micrograph.warnings) for micrograph in found] == [
        size is None for size in expected
    ]


def test_images_that_imagej_announces_and_the_file_does_not_hold_are_missed(tmp_path):
    content = tiff_bytes(DEEP_STACK, imagej=True, truncate=True)
    micrograph = decode(write(tmp_path, content.replace(b"images=3", b"images=4")))
    assert micrograph.n_images == 1
    assert "announces 4 images" in micrograph.warnings[0]


def peak_bytes(decoder):
    status = Path(f"/proc/{decoder.process_id}/status").read_text()
    return 1024 * int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])


def test_the_last_image_of_a_stack_of_2_gb_is_read_by_its_offset(tmp_path):
    first, last = noise(np.uint16, (1024, 1024)), noise(np.uint16, (1024, 1024), seed=2)
    description = b"ImageJ=1.54f\nimages=1024\nslices=1024\nunit=nm\n"
    content = pages((first, {"description": description, "resolution": (2, 2), "resolutionunit": "NONE"}))
    path = tmp_path / "stack.tif"
    with path.open("wb") as file:
        file.write(content)
        file.seek(content.index(first.tobytes()) + 1023 * first.nbytes)
        file.write(last.tobytes())
    assert path.stat().st_size > 2**31
    with Decoder() as decoder:
        micrograph = decoder.decode(path, index=1023)
        assert peak_bytes(decoder) < 200 * 2**20
    np.testing.assert_array_equal(micrograph.pixels, last)
    assert (micrograph.n_images, micrograph.metadata.nm_per_px) == (1024, 0.5)


def test_the_last_image_of_an_mrc_stack_of_2_gb_is_read_by_its_offset(tmp_path):
    last = noise(np.uint16, (1024, 1024))
    path = tmp_path / "stack.mrc"
    with path.open("wb") as file:
        file.write(mrc_header(1024, 1024, 2048.0))
        file.seek(1023 * last.nbytes, 1)
        file.write(last.tobytes())
    with Decoder() as decoder:
        micrograph = decoder.decode(path, index=1023)
        assert peak_bytes(decoder) < 500_000_000  # the library alone takes half of it
    np.testing.assert_array_equal(micrograph.pixels, last)


@pytest.mark.parametrize("add", [add_berkeley_image, add_nexus_image, add_hyperspy_image])
def test_the_last_image_of_an_hdf5_stack_of_2_gb_is_read_alone(tmp_path, add):
    last = noise(np.uint16, (1024, 1024))
    path = tmp_path / "stack.h5"
    with h5py.File(path, "w") as file:
        add(file, np.zeros((2, 1024, 1024), np.uint16))
        place = next(name for name in ("data/image/data", "entry/data/image", "Experiments/image/data") if name in file)
        attributes = dict(file[place].attrs)
        del file[place]
        # Chunks that were never written take no room on the disk.
        stack = file.create_dataset(place, (1000, 1024, 1024), np.uint16, chunks=(1, 1024, 1024))
        stack.attrs.update(attributes)
        stack[999] = last
        for name in ("data/image/dim1", "entry/data/z"):
            if name in file:
                kept = dict(file[name].attrs)
                del file[name]
                file[name] = np.arange(1000.0)
                file[name].attrs.update(kept)
        if "Experiments/image/axis-0" in file:
            file["Experiments/image/axis-0"].attrs["size"] = 1000
    with Decoder(DecodeLimits(memory_bytes=2 * 2**30)) as decoder:
        micrograph = decoder.decode(path, index=999)
        assert peak_bytes(decoder) < 500_000_000
    np.testing.assert_array_equal(micrograph.pixels, last)
    assert micrograph.n_images == 1000


def test_ten_thousand_pages_are_walked_in_a_moment(tmp_path):
    tags = {256: 2, 257: 2, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: 2, 279: 4}
    n_pages, page_bytes = 10_000, 2 + 12 * len(tags) + 4
    content = bytearray(struct.pack("<2sHI", b"II", 42, 12) + bytes([1, 2, 3, 4]))
    for number in range(n_pages):
        following = 0 if number == n_pages - 1 else 12 + (number + 1) * page_bytes
        content += struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", tag, 4, 1, tags[tag]) for tag in tags)
        content += struct.pack("<I", following)
    path = write(tmp_path, bytes(content))
    assert decode(path, index=9_999).n_images == n_pages
    with pytest.raises(InputError) as caught:
        decode(path, DecodeLimits(max_images=9_999))
    assert caught.value.code == "too_many_images"
