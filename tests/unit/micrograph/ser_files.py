"""Small TIA files, as the format describes them."""

import struct

import numpy as np
from numpy.typing import NDArray

HEADER_BYTES = 30


def ser_bytes(pixels: NDArray[np.uint8], delta: float, n_images: int = 1) -> bytes:
    """A series of 8-bit images, or of one repeated; rows are stored as given. ``delta`` is the side of a pixel, m or 1/m."""
    stack = pixels if pixels.ndim == 3 else np.broadcast_to(pixels, (n_images, *pixels.shape))
    n_images, rows, columns = stack.shape
    start = struct.pack("<ddiddihii", 0, delta, 0, 0, delta, 0, 1, columns, rows)
    images = [start + image.tobytes() for image in stack]
    header = struct.pack("<2sHHIIIIII", b"II", 0x0197, 0x0210, 0x4122, 0x4152, n_images, n_images, HEADER_BYTES, 0)
    first = HEADER_BYTES + 4 * n_images
    offsets = struct.pack(f"<{n_images}I", *(first + len(images[0]) * index for index in range(n_images)))
    return header + offsets + b"".join(images)


def emi_bytes(mode: str = "TEM Imaging") -> bytes:
    """The part of an ``.emi`` file that describes one image."""
    described = {"Microscope": "Microscope Tecnai", "User": "ERIC", "High tension": "200", "Mode": f" {mode}"}
    data = "".join(
        f"<Data><Label>{label}</Label><Value>{value}</Value><Unit></Unit></Data>" for label, value in described.items()
    )
    xml = (
        f"<ObjectInfo><ExperimentalDescription><Root>{data}</Root></ExperimentalDescription>"
        "<AcquireDate>Sun Feb 21 17:50:18 2016</AcquireDate><Manufacturer>FEI</Manufacturer></ObjectInfo>"
    )
    return b"JK\0\x02" + bytes(100) + xml.encode() + bytes(20)
