"""Files that hold several images: which of them a command is about, and what each is called."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from shared.image_names import numbered

# A file system's limit, with room for what is appended to a stem.
MAX_STEM_BYTES = 220

images_option: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "--images",
    "which",
    type=click.Choice(["first", "all"]),
    default="first",
    show_default=True,
    help="Of several images in a file (pages, frames, detectors), the first one or all.",
)


scale_bar_option: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "--scale-bar/--no-scale-bar",
    default=True,
    show_default=True,
    help="Whether scale bars and burnt-in text are looked for; without, an image takes less time.",
)


@dataclass(frozen=True, slots=True)
class ImageOfFile:
    """One image of a file.

    Attributes
    ----------
    path : Path
        The file.
    index : int
        Which of its images, from 0.
    n_images : int or None
        How many it holds; None where that was not asked, or cannot be told.
    """

    path: Path
    index: int = 0
    n_images: int | None = None

    @property
    def stem(self) -> str:
        """A name for results: the stem of the file, shortened where too long, numbered as the portal's downloads are."""
        return numbered(os.fsencode(self.path.stem)[:MAX_STEM_BYTES].decode(errors="replace"), self.index, self.n_images)

    @property
    def place(self) -> dict[str, int | None]:
        """Number and count under the names of the summary's columns; None where the file could not be read."""
        return {"image": None if self.n_images is None else self.index + 1, "n_images": self.n_images}


def left_out(n_images: int) -> tuple[str, ...]:
    """Say that only the first image of a file was read, where it holds more."""
    if n_images == 1:
        return ()
    others = "1 image was" if n_images == 2 else f"{n_images - 1:,} images were"
    return (f"{others} left out; --images all takes them.",)


def distinct_stems(images: Sequence[ImageOfFile]) -> Iterator[str]:
    """Yield a name for the results of each image; where two are the same, the second gets another number behind it."""
    return _distinct(image.stem for image in images)


def _distinct(names: Iterable[str]) -> Iterator[str]:
    seen: set[str] = set()
    for name in names:
        stem, number = name, 2
        while stem.casefold() in seen:
            stem = f"{name}_{number}"
            number += 1
        seen.add(stem.casefold())
        yield stem
