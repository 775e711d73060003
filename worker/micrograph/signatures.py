"""What a file is, told from its first bytes and never from its name.

The magic numbers are those of the formats' own specifications; the list of foreign formats holds what people upload by mistake.
"""

from worker.micrograph.container import Format

SIGNATURE_BYTES = 512

READABLE: tuple[tuple[bytes, Format], ...] = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"II\x97\x01", "SER"),
    (b"JK\0\x02", "EMI"),
    (b"\0\0\0\x03", "DM3"),
    (b"\0\0\0\x04", "DM4"),
    (b"\x89HDF\r\n\x1a\n", "HDF5"),
    (b"BZh", "ELID"),
)
# Marks that do not stand at the beginning: MRC 2014, words 53 and 54; the fixed size of a TVIPS header and its padding.
MRC_MARK_AT, MRC_MARKS = 208, (b"MAP ", b"MAP\0")
# HyperSpy writes the same recordings with a padding of its own.
TVIPS_START, TVIPS_PADDINGS = (256).to_bytes(4, "little"), (b"TVIPS", b"HYPERSPY")

FOREIGN: tuple[tuple[int, bytes, str], ...] = (
    (0, b"%PDF", "a PDF document"),
    (0, b"PK\x03\x04", "a ZIP archive (or a Word, Excel or PowerPoint document)"),
    (0, b"PK\x05\x06", "an empty ZIP archive"),
    (0, b"GIF8", "a GIF image"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (0, b"Rar!", "a RAR archive"),
    (257, b"ustar", "a tar archive"),
    (0, b"8BPS", "a Photoshop document"),
    (0, b"\0\0\0\x0cjP  ", "a JPEG 2000 image"),
    (8, b"WEBP", "a WebP image"),
    (4, b"ftyp", "a HEIC, AVIF or MP4 file"),
    (0, b"\xd0\xcf\x11\xe0", "an old Microsoft Office document"),
    (0, b"MZ", "a Windows program"),
    (0, b"\x7fELF", "a Linux program"),
    (0, b"%!PS", "a PostScript document"),
)

MARKUP: tuple[tuple[bytes, str], ...] = (
    (b"<!doctype html", "an HTML page"),
    (b"<html", "an HTML page"),
    (b"<svg", "an SVG drawing"),
    (b"<?xml", "an XML file"),
)


def readable_format(start: bytes) -> Format | None:
    """The format that SAEMI can read, or None for any other."""
    for magic, name in READABLE:
        if start.startswith(magic):
            return name
    if start[MRC_MARK_AT:].startswith(MRC_MARKS):
        return "MRC"
    is_tvips = start.startswith(TVIPS_START) and any(padding in start[:256] for padding in TVIPS_PADDINGS)
    return "TVIPS" if is_tvips else None


def guess_foreign(start: bytes) -> str:
    """What else the file seems to be, in words that end the sentence "it seems to be …"."""
    for offset, magic, name in FOREIGN:
        if start[offset:].startswith(magic):
            return name
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for opening, name in MARKUP:
        if text.startswith(opening):
            return name
    if not start.strip(b"\0"):
        return "empty space (only zero bytes), as a failed copy leaves it"
    if all(byte >= 32 or byte in b"\t\n\r" for byte in start):
        return "a text file"
    return "none of the formats known here"
