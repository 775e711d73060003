"""What instruments leave in a JPEG: JEOL's MakerNote in the Exif segment, the XML of a Phenom in a segment or behind the image.

The image is intact where this is called; metadata that is not says nothing.
"""

import io
from collections.abc import Iterator

from shared.errors import InputError
from worker.micrograph.container import Header, Source
from worker.micrograph.instruments.fei import read_fei_xml
from worker.micrograph.jpeg import EXIF_PREFIX, EXIF_SEGMENT, START_OF_SCAN, walk_segments
from worker.micrograph.statement import Statement
from worker.micrograph.texts import decode_text
from worker.micrograph.tiff_directory import TiffDirectories
from worker.micrograph.tiff_metadata import EXIF, read_exif_statement
from worker.micrograph.xml_text import parse_xml

PHENOM_ROOT = "FeiImage"
# Metadata stand before the image or behind it.
SEARCHED_BYTES = 1 << 19


def read_jpeg_statement(source: Source, header: Header) -> Statement:
    """The statement of a JPEG; an empty one where no instrument left any."""
    start = source.read_up_to(0, SEARCHED_BYTES)
    for segment in _exif_segments(start):
        try:
            directories = TiffDirectories(Source(io.BytesIO(segment)))
            page = directories.read(directories.first_offset)
            offset = page.integer(EXIF, 0)
            found = read_exif_statement(directories.read(offset), header.width_px, header.height_px) if offset else None
        except (InputError, ValueError):
            return Statement(warnings=("The Exif fields of the file are damaged and were not read.",))
        if found is not None:
            return found
    end = source.read_up_to(max(len(start), source.size_bytes - SEARCHED_BYTES), SEARCHED_BYTES)
    for part in (start, end):
        if b"<FeiImage" in part:
            document = parse_xml(decode_text(part[part.index(b"<FeiImage") :]), PHENOM_ROOT)
            if document is not None:
                return read_fei_xml(document, header.height_px)
    return Statement()


def _exif_segments(start: bytes) -> Iterator[bytes]:
    try:
        for marker, segment in walk_segments(start):
            if marker == START_OF_SCAN:
                return
            if marker == EXIF_SEGMENT and segment.startswith(EXIF_PREFIX):
                yield segment.removeprefix(EXIF_PREFIX)
    except InputError:
        return  # the part looked at ends within a segment
