"""What decoding one micrograph may cost, in pixels, bytes and seconds.

The defaults let the largest stitched micrographs of today through and stop what no instrument writes.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the process that decodes reads no settings and starts sooner without
    from shared.settings import Settings

GIBIBYTE = 1024**3


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """Ceilings for one image.

    Attributes
    ----------
    max_pixels : int
        Rows × columns that a file may declare. 400 million is 20,000 × 20,000, a stitched overview.
    max_file_bytes : int
        Size of the file. 400 million pixels in colour with 16 bits are 2.4 GB without compression.
    max_images : int
        Images of one file. Recordings of diffraction patterns, one for each point of a scan, have more; they show no particles.
    timeout_s : float
        Wall-clock time of one decoding in the sandbox. 400 million pixels take about 5 s.
    memory_bytes : int
        Address space of the decoding process: the largest file, its samples and the grey image together need 6 GB.
    """

    max_pixels: int = 400_000_000
    max_file_bytes: int = 4 * GIBIBYTE
    max_images: int = 10_000
    timeout_s: float = 60.0
    memory_bytes: int = 8 * GIBIBYTE

    @classmethod
    def of(cls, settings: "Settings") -> "DecodeLimits":
        """Return the ceilings of an installation."""
        return cls(max_pixels=settings.max_pixels, timeout_s=settings.decode_timeout_s)
