"""JPEG: the markers are checked up to the end of the image, then libjpeg-turbo decodes.

libjpeg fills what is missing with grey and says nothing, so the end-of-image marker is looked for here.
Source: ITU-T T.81 (1992), annex B.
"""

import io
import re
import struct
from collections.abc import Iterator

import imagecodecs

from shared.errors import InputError
from worker.micrograph.container import Header, Samples, Source, damaged, truncated, unsupported_compression, unsupported_pixels
from worker.micrograph.tiff_directory import TiffDirectories

START_OF_SCAN = 0xDA
END_OF_IMAGE = 0xD9
EXIF_SEGMENT = 0xE1
EXIF_PREFIX = b"Exif\0\0"
ORIENTATION_TAG = 274
# Huffman-coded sequential and progressive; arithmetic and lossless coding are rare and rarely tested in decoders.
READABLE_FRAMES = frozenset({0xC0, 0xC1, 0xC2})
ALL_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
STANDALONE = frozenset({0x01, *range(0xD0, 0xD9)})
# Inside coded data 0xFF is followed by 0 (stuffing), a restart marker or a filling 0xFF; anything else ends the scan.
SCAN_END = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]", re.DOTALL)


def read_jpeg_header(source: Source) -> Header:
    """The header of a JPEG file; raises InputError where it is damaged, cut off or of another kind."""
    return parse_jpeg(source.read(0, source.size_bytes))


def decode_jpeg(source: Source, header: Header) -> Samples:
    """The samples of a JPEG as stored, shape (rows, columns) or (rows, columns, 3); an EXIF orientation is not applied."""
    samples: Samples = imagecodecs.jpeg8_decode(source.read(0, source.size_bytes))
    if samples.shape[:2] != (header.height_px, header.width_px):
        raise damaged("the pixels of the JPEG do not fit its header")
    return samples


def parse_jpeg(data: bytes) -> Header:
    """The header of a complete JPEG stream, also of one inside a TIFF."""
    frame: tuple[int, int, int] | None = None
    orientation, position, scans = 1, 2, 0
    while True:
        marker, position = _next_marker(data, position)
        if marker == END_OF_IMAGE:
            break
        if marker in STANDALONE:
            continue
        segment = _segment(data, position)
        position += 2 + len(segment)
        if marker in ALL_FRAMES and frame is None:
            frame = _frame(marker, segment)
        elif marker == EXIF_SEGMENT and segment.startswith(EXIF_PREFIX):
            orientation = _exif_orientation(segment.removeprefix(EXIF_PREFIX))
        elif marker == START_OF_SCAN:
            position, scans = _scan_end(data, position), scans + 1
    if frame is None or not scans:
        raise damaged("the JPEG holds no image")
    height, width, channels = frame
    return Header("JPEG", width, height, channels, 8, 1, len(data), orientation)


def walk_segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Marker and content of each segment up to the first scan; raises InputError where the data end before."""
    position = 2
    while True:
        marker, position = _next_marker(data, position)
        if marker == END_OF_IMAGE:
            return
        if marker in STANDALONE:
            continue
        segment = _segment(data, position)
        position += 2 + len(segment)
        yield marker, segment
        if marker == START_OF_SCAN:
            return


def _next_marker(data: bytes, position: int) -> tuple[int, int]:
    while data[position : position + 1] == b"\xff" and data[position + 1 : position + 2] == b"\xff":
        position += 1
    if position + 2 > len(data):
        raise truncated(position + 2, len(data))
    if data[position] != 0xFF:
        raise damaged(f"at byte {position:,} something other than a JPEG marker was found")
    return data[position + 1], position + 2


def _segment(data: bytes, position: int) -> bytes:
    if position + 2 > len(data):
        raise truncated(position + 2, len(data))
    length = int.from_bytes(data[position : position + 2], "big")
    if length < 2:
        raise damaged("a JPEG segment has no length")
    if position + length > len(data):
        raise truncated(position + length, len(data))
    return data[position + 2 : position + length]


def _frame(marker: int, segment: bytes) -> tuple[int, int, int]:
    """Rows, columns and channels from a start-of-frame segment."""
    if marker not in READABLE_FRAMES:
        raise unsupported_compression(f"JPEG process {marker - 0xC0} (arithmetic or lossless coding)")
    if len(segment) < 6:
        raise damaged("the frame header of the JPEG is too short")
    depth, height, width, channels = struct.unpack(">BHHB", segment[:6])
    if depth != 8:
        raise unsupported_pixels(f"{depth} bits per sample in a JPEG")
    if channels == 4:
        raise unsupported_pixels("the printing colours CMYK")
    if channels not in {1, 3}:
        raise unsupported_pixels(f"{channels} channels in a JPEG")
    return height, width, channels


def _scan_end(data: bytes, position: int) -> int:
    found = SCAN_END.search(data, position)
    if found is None:
        raise truncated(len(data) + 2, len(data))
    return found.start()


def _exif_orientation(exif: bytes) -> int:
    """What the metadata says; damaged metadata beside an intact image says nothing."""
    try:
        directories = TiffDirectories(Source(io.BytesIO(exif)))
        return directories.read(directories.first_offset).integer(ORIENTATION_TAG, 1)
    except InputError:
        return 1
