"""What every format module works on and hands over: the file as a bounded source of bytes, and the header read from it.

Reading is by offset and never beyond the end, so that no declared length is believed before it is checked.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray

from shared.errors import InputError, NotFoundError, TransientError

Format = Literal[
    "PNG", "JPEG", "BMP", "TIFF", "SER", "EMI", "DM3", "DM4", "EMD", "NeXus", "HyperSpy", "HDF5", "MRC", "TVIPS", "ELID"
]
Samples = NDArray[np.uint8] | NDArray[np.uint16] | NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says about one of its images.

    Attributes
    ----------
    format : str
        Name of the format, such as ``"TIFF"``.
    width_px, height_px : int
        Columns and rows, as stored.
    channels : int
        1 grey, 2 grey and transparency, 3 colour, 4 colour and transparency; a palette counts as colour.
    bit_depth : int
        Bits of one decoded sample: 8, 16 or 32 (floating point).
    n_images : int
        Images of the file: pages of a TIFF, frames of a stack, detectors, else 1.
    stored_bytes : int
        Bytes that the pixels take in the file.
    orientation : int
        How viewers are asked to turn the image (EXIF 2.3, tag 274): 1 not at all. SAEMI never turns an image.
    n_left_out : int
        Pages that are no images of their own: previews, masks, further frames of an animation.
    """

    format: Format
    width_px: int
    height_px: int
    channels: int
    bit_depth: int
    n_images: int
    stored_bytes: int
    orientation: int = 1
    n_left_out: int = 0

    @property
    def decoded_bytes(self) -> int:
        """Bytes of all samples of the image."""
        return self.width_px * self.height_px * self.channels * self.bit_depth // 8


class Source:
    """The bytes of one file, read by offset.

    Parameters
    ----------
    stream : file object
        Open for reading in binary mode, seekable.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self.size_bytes = stream.seek(0, os.SEEK_END)

    def read(self, offset: int, count: int) -> bytes:
        """Exactly ``count`` bytes; raises InputError ``truncated_file`` where the file ends before."""
        if offset + count > self.size_bytes:
            raise truncated(offset + count, self.size_bytes)
        data = self.read_up_to(offset, count)
        if len(data) < count:
            raise truncated(offset + count, offset + len(data))
        return data

    def read_up_to(self, offset: int, count: int) -> bytes:
        """At most ``count`` bytes, fewer at the end of the file."""
        try:
            self.stream.seek(offset)
            return self.stream.read(count)
        except OSError as error:
            raise TransientError(f"The file could not be read ({error.strerror}).", code="storage_unreadable") from error


@contextmanager
def open_source(path: Path) -> Iterator[Source]:
    """Open a file as a source; raises NotFoundError, or InputError ``unreadable_file``."""
    try:
        # Opening a pipe would wait for ever.
        if path.exists() and not path.is_file():
            raise InputError("This is a folder or a device, not a file.", code="unreadable_file")
        stream = path.open("rb")
    except FileNotFoundError as error:
        raise NotFoundError(f"There is no file {path.name}.") from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError(f"The file cannot be opened: {reason}.", code="unreadable_file") from error
    with stream:
        yield Source(stream)


def truncated(needed_bytes: int, present_bytes: int) -> InputError:
    """The refusal of a file that ends before its image does."""
    return InputError(
        f"The file ends too early: it needs at least {needed_bytes:,} bytes and has {present_bytes:,}. "
        "It was probably cut off while it was copied or uploaded; copy it again from the instrument.",
        code="truncated_file",
        needed_bytes=needed_bytes,
        present_bytes=present_bytes,
    )


def damaged(reason: str) -> InputError:
    """The refusal of a file whose content contradicts itself."""
    return InputError(
        f"The file is damaged: {reason}. Copy it again from the instrument, or export the image once more.",
        code="damaged_file",
        reason=reason,
    )


def unsupported_pixels(what: str) -> InputError:
    """The refusal of an intact image whose kind of pixels has no meaning for a size analysis."""
    return InputError(
        f"The image holds {what}. Export it as a grey image with 8 or 16 bits per pixel.",
        code="unsupported_pixel_type",
        found=what,
    )


def unsupported_compression(what: str) -> InputError:
    """The refusal of an intact image that is packed in a way SAEMI does not read."""
    return InputError(
        f"The image is compressed with {what}. Save it without compression, or with LZW or Deflate.",
        code="unsupported_compression",
        found=what,
    )
