"""Names of images as people see them: cleaned when they come in, numbered where a file holds several images."""

import re
import unicodedata
from pathlib import PurePosixPath
from typing import Literal

from shared.errors import InputError

# A row of PostgreSQL's index over submission, name and image holds 2,704 bytes.
MAX_NAME_BYTES = 2048
DRIVE = re.compile(r"[A-Za-z]:")

# Files that a folder or an archive is searched for; a file that is handed in by itself may be called anything.
IMAGE_ENDINGS = frozenset(
    {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".dm3", ".dm4", ".emd", ".ser", ".emi", ".mrc", ".tvips", ".elid",
     ".nxs", ".hspy"}
)  # fmt: skip

# Of a file with several images: which are analysed.
WhichImages = Literal["first", "all"]
# In tables: which image of the file a row is about, from 1, and how many the file holds.
IMAGE_COLUMNS = ("image", "n_images")


def clean_name(name: str) -> str:
    """Return a file's name as text to show: control characters, drive and `..` parts gone, folders kept.

    Names are never paths of ours (files are stored by their hash), so this protects people and their downloads only.

    Raises
    ------
    InputError
        ``invalid_name`` when nothing is left or the name takes more than 2,048 bytes in UTF-8.
    """
    printable = "".join(c for c in name.replace("\\", "/") if unicodedata.category(c)[0] != "C")
    parts = [part.strip() for part in unicodedata.normalize("NFC", printable).split("/")]
    cleaned = "/".join(part for part in parts if part not in {"", ".", ".."} and not DRIVE.fullmatch(part))
    if not cleaned:
        raise InputError("The file has no name.", code="invalid_name")
    n_bytes = len(cleaned.encode())
    if n_bytes > MAX_NAME_BYTES:
        raise InputError(f"The file's name takes {n_bytes:,} bytes; {MAX_NAME_BYTES:,} are allowed.", code="invalid_name")
    return cleaned


def is_image(name: str) -> bool:
    """Tell whether a file's name ends as that of an image."""
    return PurePosixPath(name).suffix.lower() in IMAGE_ENDINGS


def shown_name(source_name: str, image_index: int, n_images: int | None) -> str:
    """Return the name of an image: that of its file, and which of several it is; ``n_images`` is None until it is known.

    >>> shown_name("stack.tif", 2, 12)
    'stack.tif, image 3 of 12'
    """
    if not image_index and (n_images or 1) == 1:
        return source_name
    return f"{source_name}, image {image_index + 1:,}" + (f" of {n_images:,}" if n_images else "")


def result_stem(source_name: str, image_index: int, n_images: int | None) -> str:
    """Return what the names of an image's downloads begin with; numbers as wide as the last one sort as the images do.

    >>> result_stem("lot 7/stack.tif", 2, 12)
    'stack_03'
    """
    return numbered(PurePosixPath(source_name).stem, image_index, n_images)


def numbered(stem: str, image_index: int, n_images: int | None) -> str:
    """Return the stem of a file with the number of the image behind it, where the file holds several."""
    if not image_index and (n_images or 1) == 1:
        return stem
    return f"{stem}_{image_index + 1:0{len(str(n_images or 1))}d}"
