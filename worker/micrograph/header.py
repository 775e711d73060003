"""Judges an uploaded file before a pixel is decoded: what it is, and how large it would become."""

from shared.errors import InputError
from worker.micrograph.container import Format, Header, Source
from worker.micrograph.limits import DecodeLimits
from worker.micrograph.signatures import READABLE, SIGNATURE_BYTES, guess_foreign, readable_format

# Below this size even a perfect bomb is harmless.
HARMLESS_BYTES = 64 * 1024**2
# The noise of a detector leaves at least half a bit per 8-bit pixel, a ratio of 16; a JPEG block of 64 colour pixels takes at
# least 6 bits, a ratio of 256 only where the whole image is flat. Deflate reaches 1032, and only on constant data.
MAX_COMPRESSION_RATIO = 200


def identify(source: Source, limits: DecodeLimits) -> Format:
    """The format of an open file, told by its content; raises InputError for those that are not read."""
    if source.size_bytes == 0:
        raise InputError("The file is empty (0 bytes). Copy it again from the instrument.", code="empty_file")
    if source.size_bytes > limits.max_file_bytes:
        raise InputError(
            f"The file has {source.size_bytes:,} bytes; at most {limits.max_file_bytes:,} are read.",
            code="file_too_large",
            size_bytes=source.size_bytes,
            limit_bytes=limits.max_file_bytes,
        )
    start = source.read_up_to(0, SIGNATURE_BYTES)
    found = readable_format(start)
    if found is not None:
        return found
    if any(magic.startswith(start) for magic, _ in READABLE):
        raise InputError(
            f"The file has only {source.size_bytes} bytes: the image is missing. Copy it again from the instrument.",
            code="truncated_file",
            present_bytes=source.size_bytes,
        )
    guess = guess_foreign(start)
    raise InputError(
        f"The file is not an image that SAEMI reads, whatever its name says: it seems to be {guess}.",
        code="unsupported_format",
        seems_to_be=guess,
    )


def check_size(header: Header, limits: DecodeLimits) -> None:
    """Refuse an image without pixels, with too many, or packed too well to be one; raises InputError."""
    width, height = header.width_px, header.height_px
    if width == 0 or height == 0:
        raise InputError(
            f"The image is {width} × {height} pixels large: it has no content. Export it once more.",
            code="zero_size",
            width_px=width,
            height_px=height,
        )
    if width * height > limits.max_pixels:
        raise InputError(
            f"The image is {width:,} × {height:,} pixels large, {width * height:,} in all; the limit is {limits.max_pixels:,}. "
            "Cut it into smaller images.",
            code="too_many_pixels",
            width_px=width,
            height_px=height,
            limit_px=limits.max_pixels,
        )
    _check_ratio(header)


def check_index(index: int, n_images: int, limits: DecodeLimits) -> None:
    """Refuse an image that a file does not hold, and a file that holds too many; raises InputError.

    Parameters
    ----------
    index : int
        Which image is asked for, from 0.
    n_images : int
        Images of the file.
    limits : DecodeLimits
        Ceilings, of which the number of images counts.
    """
    if n_images > limits.max_images:
        raise InputError(
            f"The file holds {n_images:,} images; at most {limits.max_images:,} are read from one file. "
            "Export those you want to measure.",
            code="too_many_images",
            n_images=n_images,
            limit=limits.max_images,
        )
    if not 0 <= index < n_images:
        held = "one image" if n_images == 1 else f"{n_images:,} images"
        raise InputError(
            f"The file holds {held}; there is no image {index + 1:,}.", code="no_such_image", index=index, n_images=n_images
        )


def _check_ratio(header: Header) -> None:
    if header.decoded_bytes > max(HARMLESS_BYTES, MAX_COMPRESSION_RATIO * header.stored_bytes):
        raise InputError(
            f"{header.stored_bytes:,} bytes would unpack to {header.decoded_bytes:,}: no micrograph compresses that well. "
            "If the image is real, save it without compression.",
            code="suspicious_compression",
            stored_bytes=header.stored_bytes,
            decoded_bytes=header.decoded_bytes,
        )
