"""Small files with one image or many, as MRC, Velox, Berkeley EMD, NeXus, HyperSpy, TVIPS and Phenom have them."""

import bz2
import json
import struct

import numpy as np

from tests.unit.micrograph.files import tiff_bytes

VELOX_SIZE = {"PixelSize": {"width": "2.5e-9", "height": "2.5e-9"}, "PixelUnitX": "m", "PixelUnitY": "m"}


def add_velox_image(file, name, pixels, **result):
    fields = {"BinaryResult": result, "Optics": {"AccelerationVoltage": "200000"}, "Instrument": {"InstrumentModel": "Titan"}}
    text = json.dumps(fields).encode()
    group = file.require_group(f"Data/Image/{name}")
    group["Data"] = pixels[:, :, None] if pixels.ndim == 2 else pixels
    group["Metadata"] = np.frombuffer(text.ljust(2000, b"\0"), np.uint8)[:, None]
    if "Version" not in file:
        file["Version"] = [b"{}"]


def mrc_header(side, n_images, cell, *, order="<", **words):
    """The header of 16-bit images of a side; ``cell`` is its length in ångström. ``words`` change others, as ``w7=0``."""
    header = np.zeros(256, f"{order}i4")
    header[[0, 1, 2, 3, 7, 8, 9]] = side, side, n_images, 6, side, side, n_images
    header.view(f"{order}f4")[10:16] = cell, cell, n_images, 90, 90, 90
    header[16:19] = 1, 2, 3
    for name, value in words.items():
        header[int(name[1:])] = value
    content = bytearray(header.tobytes())
    content[208:214] = b"MAP " + (b"DD" if order == "<" else b"\x11\x11")
    return bytes(content)


def fei_extended_header(n_images, size_m, **changes):
    """Extended header FEI2: a block of 888 bytes for each image."""
    values = {"voltage_v": 300_000.0, "magnification": 22_500.0, "x_m": 1.5e-3, "tilt_deg": -12.5} | changes
    block = bytearray(888)
    block[0:4] = (888).to_bytes(4, "little")
    block[20:28], block[435:439] = b"Titan\0\0\0", b"Ceta"
    fields = {"voltage_v": 84, "tilt_deg": 100, "x_m": 116, "magnification": 289}
    for offset, value in {156: size_m, 164: size_m, **{at: values[name] for name, at in fields.items()}}.items():
        block[offset : offset + 8] = struct.pack("<d", value)
    return bytes(block) * n_images


def add_berkeley_image(file, stack, step=0.5, unit="[n_m]"):
    """An image, or a stack with its frames first, of pixels of a side."""
    file.attrs.update({"version_major": 0, "version_minor": 2})
    group = file.create_group("data/image")
    group.attrs["emd_group_type"] = 1
    group["data"] = stack
    for number, (name, size) in enumerate(zip("zyx"[-stack.ndim :], stack.shape, strict=True), 1):
        group[f"dim{number}"] = np.arange(size) * step
        group[f"dim{number}"].attrs.update({"name": name, "units": unit})


def add_nexus_image(file, stack, step=0.25, unit="um"):
    entry = file.create_group("entry")
    entry.attrs["NX_class"] = "NXentry"
    data = entry.create_group("data")
    names = list("zyx"[-stack.ndim :])
    data.attrs.update({"NX_class": "NXdata", "signal": "image", "axes": names})
    data["image"] = stack
    data["image"].attrs["interpretation"] = "image"
    for axis, size in zip(names, stack.shape, strict=True):
        data[axis] = np.arange(size) * step
        data[axis].attrs["units"] = unit


def add_hyperspy_image(file, stack, scale=0.5, unit="nm", *, title="image", chunks=True):
    """An image or a stack as HyperSpy's ``.hspy`` has it (version 3.3 of its layout)."""
    file.attrs.update({"file_format": "HyperSpy", "file_format_version": "3.3"})
    group = file.create_group(f"Experiments/{title}")
    group.create_dataset("data", data=stack, chunks=chunks)
    for number, size in enumerate(stack.shape):
        is_side = number >= stack.ndim - 2
        group.create_group(f"axis-{number}").attrs.update(
            {"name": "zyx"[-stack.ndim :][number], "size": size, "scale": scale if is_side else 1.0, "offset": 0.0,
             "units": unit if is_side else "s", "navigate": not is_side, "_type": "UniformDataAxis"}
        )  # fmt: skip
    group.create_group("metadata/General").attrs["title"] = title
    group.create_group("metadata/Signal").attrs["signal_type"] = ""
    group.create_group("original_metadata")


def tvips_bytes(stack, *, version=2, mode=1, magnification=5000, padding=b"TVIPS "):
    """A recording of frames of 8 or 16 bits; the header has 256 bytes, that of a frame 12 in version 1, else 64."""
    n_frames, rows, columns = stack.shape
    frame_header_bytes = 12 if version == 1 else 64
    fields = (256, version, columns, rows, 8 * stack.itemsize, 0, 0, 1, 1, 15_500, 200_000, magnification, frame_header_bytes)
    header = struct.pack("<13I", *fields) + (padding * 40)[:204]
    frames = []
    for number in range(n_frames):
        start = struct.pack("<IIIIfII", number, 1_600_000_000 + number, 0, 0, 0.0, magnification, mode)
        frames.append(start.ljust(64, b"\0")[:frame_header_bytes] + stack[number].tobytes())
    return header + b"".join(frames)


PHENOM = """<FeiImage><pixelWidth unit="{unit}">{size}</pixelWidth><pixelHeight unit="{unit}">{size}</pixelHeight>
<time>2020-01-02T03:04:05</time><instrument><type>Phenom ProX</type></instrument>
<acquisition><scan><highVoltage unit="kV">-15</highVoltage><spotSize>3</spotSize><detectors/></scan></acquisition></FeiImage>"""


def elid_bytes(images, size="20", unit="nm"):
    """A project of Phenom's Element Identification, version 0: images with a label each and no spectra."""
    parts = [struct.pack("<4siI", b"EID2", 0, len(images))]
    for number, pixels in enumerate(images, 1):
        xml = PHENOM.format(size=size, unit=unit).encode()
        tiff = tiff_bytes(pixels, photometric="minisblack", metadata=None, extratags=[(34683, 2, len(xml), xml, True)])
        label = f"Image {number}".encode()
        parts.append(struct.pack("<I", len(tiff)) + tiff + struct.pack("<I", len(label)) + label + struct.pack("<I", 0))
    return bz2.compress(b"".join(parts))
