"""Which pages of a TIFF are images of their own, and which are previews, masks or pyramids of another.

Sources: Adobe, "TIFF Revision 6.0" (1992), tags NewSubfileType and SubfileType; ImageJ's `TiffEncoder`, which writes one page
for a stack of more than 4 GB and the other images behind its pixels.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from worker.micrograph.container import Header, Source, damaged
from worker.micrograph.header import check_index
from worker.micrograph.limits import DecodeLimits
from worker.micrograph.texts import decode_text
from worker.micrograph.tiff import NO_COMPRESSION, TiffLayout, read_tiff_layout
from worker.micrograph.tiff_directory import Directory, TiffDirectories

SUBFILE_TYPE, OLD_SUBFILE_TYPE = 254, 255
REDUCED_OR_MASK, OLD_REDUCED = 0b101, 2
MAKE, OLYMPUS_SIS, OLYMPUS_MAKE = 271, 33560, b"Olympus Soft Imaging"
DESCRIPTION = 270
# A page whose sides are at most this share of another's is a smaller copy of it, marked as such or not.
COPY_SHARE = 0.5
# Fields that tell the kind of pixels: bits, photometric interpretation, samples, sample format.
KIND_TAGS = (258, 262, 277, 339)


@dataclass(frozen=True, slots=True)
class TiffImage:
    """One image of a TIFF.

    Attributes
    ----------
    header : Header
        Its size and depth.
    page : Directory
        Its fields.
    first : Directory
        The fields of the first image, where some writers leave those of all.
    page_index : int
        Its place among all pages of the file, from 0.
    layout : TiffLayout
        Where its pixels lie.
    warnings : tuple of str
        Images that the file announces and does not hold.
    """

    header: Header
    page: Directory
    first: Directory
    page_index: int
    layout: TiffLayout
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Page:
    index: int
    directory: Directory
    width_px: int
    height_px: int
    kind: tuple[tuple[int, ...], ...]

    def is_copy_of(self, width_px: int, height_px: int) -> bool:
        return self.width_px <= COPY_SHARE * width_px and self.height_px <= COPY_SHARE * height_px


def open_tiff(source: Source, index: int, limits: DecodeLimits) -> TiffImage:
    """Choose an image of a TIFF.

    Raises
    ------
    InputError
        ``no_such_image``, ``too_many_images``; what `read_tiff_layout` raises.
    """
    directories = TiffDirectories(source)
    pages = [_page(number, directory) for number, directory in enumerate(directories.pages())]
    if not pages:
        raise damaged("a page is said to begin at byte 0")
    images = _images(pages)
    n_behind, warnings = _images_behind(images[0].directory, source) if len(pages) == 1 else (0, ())
    n_images = len(images) + n_behind
    check_index(index, n_images, limits)
    chosen = images[0 if n_behind else index]
    layout = read_tiff_layout(source, chosen.directory)
    if n_behind:
        layout = replace(layout, offsets=layout.offsets + np.uint64(index * _plain_bytes(layout)))
    header = Header(
        format="TIFF",
        width_px=layout.width_px,
        height_px=layout.height_px,
        channels=3 if layout.palette is not None else layout.samples_per_pixel,
        bit_depth=layout.decoded_bits,
        n_images=n_images,
        stored_bytes=min(int(layout.counts.sum()), source.size_bytes),
        orientation=layout.orientation,
        n_left_out=len(pages) - len(images),
    )
    return TiffImage(header, chosen.directory, images[0].directory, chosen.index, layout, warnings)


def _page(index: int, directory: Directory) -> _Page:
    kind = tuple(tuple(directory.integers(tag).tolist()) for tag in KIND_TAGS)
    return _Page(index, directory, directory.integer(256, 0), directory.integer(257, 0), kind)


def _images(pages: list[_Page]) -> list[_Page]:
    """The pages that are images of their own: not marked as part of another, no smaller copies, of one kind of pixels.

    Where every page is marked, all of them are images: the marks then say nothing.
    """
    unmarked = [page for page in pages if not _is_marked(page.directory)] or pages
    largest = max(unmarked, key=lambda page: page.width_px * page.height_px)
    # A page without pixels would be half as large as itself.
    full = [page for page in unmarked if page is largest or not page.is_copy_of(largest.width_px, largest.height_px)]
    return [page for page in full if page.kind == full[0].kind]


def _is_marked(page: Directory) -> bool:
    """Whether a page is marked as a reduced copy or a mask, or is the preview that Olympus writes before its image."""
    if page.integer(SUBFILE_TYPE, 0) & REDUCED_OR_MASK or page.integer(OLD_SUBFILE_TYPE, 0) == OLD_REDUCED:
        return True
    return page.data(MAKE).startswith(OLYMPUS_MAKE) and OLYMPUS_SIS not in page.fields


def _images_behind(page: Directory, source: Source) -> tuple[int, tuple[str, ...]]:
    """How many images lie behind the pixels of the only page, as ImageJ's description announces them."""
    announced = _announced_images(decode_text(page.data(DESCRIPTION)))
    if announced <= 1:
        return 0, ()
    layout = read_tiff_layout(source, page)
    n_bytes, start = _plain_bytes(layout), int(layout.offsets[0]) if len(layout.offsets) else 0
    is_plain = layout.compression == NO_COMPRESSION and layout.planes == 1 and not layout.is_tiled and n_bytes
    follows = np.diff(layout.offsets) == layout.counts[:-1]
    if is_plain and follows.all() and start + announced * n_bytes <= source.size_bytes:
        return announced - 1, ()
    return 0, (f"The description of the file announces {announced:,} images, of which it holds one.",)


def _announced_images(description: str) -> int:
    if not description.startswith("ImageJ="):
        return 0
    fields: Mapping[str, str] = dict(line.partition("=")[::2] for line in description.splitlines())
    number = fields.get("images", "").strip()
    return int(number) if number.isdecimal() and len(number) < 10 else 0


def _plain_bytes(layout: TiffLayout) -> int:
    """Bytes of an uncompressed image."""
    return layout.width_px * layout.height_px * layout.samples_per_pixel * layout.dtype.itemsize
