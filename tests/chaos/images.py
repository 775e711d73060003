"""Micrographs so small that a thousand of them take seconds, each with a known number of particles.

They have fewer rows than a line of text needs, so that no text is looked for, which is nearly all of the time of an analysis.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tests.unit.micrograph.files import png_bytes

ROWS_PX, COLUMNS_PX = 31, 96
DISC_PITCH_PX = 24
MOST_DISCS = COLUMNS_PX // DISC_PITCH_PX


@dataclass(frozen=True, slots=True)
class Lot:
    """Micrographs that are handed in together: the drawings with these numbers."""

    project: str
    numbers: range

    def __len__(self) -> int:
        return len(self.numbers)

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Yield name and content of each."""
        for number in self.numbers:
            yield file_name(number), draw(number)


class Drawings:
    """Gives each lot drawings of its own: an image that was analysed before would cost no work."""

    def __init__(self) -> None:
        self._n_drawn = 0

    def lot(self, project: str, n_images: int) -> Lot:
        """Set aside so many drawings that nobody else has."""
        first = self._n_drawn
        self._n_drawn += n_images
        return Lot(project, range(first, first + n_images))


def file_name(number: int) -> str:
    """The name under which a drawing is handed in."""
    return f"discs_{number:07}.png"


def n_discs(source_name: str) -> int:
    """The number of discs on the drawing of this name."""
    return 1 + int(source_name.removeprefix("discs_").removesuffix(".png")) % MOST_DISCS


def draw(number: int) -> bytes:
    """Bright discs that do not touch, on a dark ground with a little noise, as PNG."""
    random = np.random.default_rng(number)
    y, x = np.mgrid[:ROWS_PX, :COLUMNS_PX]
    image = random.normal(60, 6, (ROWS_PX, COLUMNS_PX))
    for position in range(n_discs(file_name(number))):
        centre_x = DISC_PITCH_PX * (position + 0.5)
        image[(y - ROWS_PX // 2) ** 2 + (x - centre_x) ** 2 < random.uniform(5, 9) ** 2] += 120
    return png_bytes(image.clip(0, 255).astype(np.uint8))
