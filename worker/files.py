"""The files of an analysis: label map, outlines, overlay, preview, thumbnail and scale bar, encoded for people and programs."""

import io
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import cv2
import numpy as np
import tifffile
from numpy.typing import NDArray

from shared.arrays import IntArray, Labels
from shared.domain import Analysis, Micrograph
from shared.quantities import ParticleTable
from shared.results import AnalysisFiles
from shared.storage import BlobStore, put_bytes
from worker.analysis.rendering import outlines, overlay, preview, thumbnail

THUMBNAIL_SIDE_PX = 320
# Fast; the files are read far less often than they are written. On noisy grey images, run lengths alone compress as well as a
# search for repetitions and take half the time; on outlines drawn in colour they do not.
PNG_LEVEL = [cv2.IMWRITE_PNG_COMPRESSION, 1]
PNG_RUN_LENGTHS = [cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE]


def store_files(store: BlobStore, micrograph: Micrograph, analysis: Analysis) -> AnalysisFiles:
    """Encode and store the files of an analysis.

    Side by side, because encoding runs outside the interpreter's lock and storing waits for the disk.
    """
    grey, labels = preview(micrograph.pixels), analysis.labels
    unsure = low_confidence_labels(analysis.particles)
    contents: dict[str, Callable[[], bytes]] = {
        "overlay_sha256": lambda: encode_png(overlay(grey, labels, unsure)),
        "preview_sha256": lambda: encode_png(grey),
        "outlines_sha256": lambda: encode_outlines(labels, unsure),
        "labels_sha256": lambda: encode_labels(labels),
        "thumbnail_sha256": lambda: encode_png(thumbnail(grey, THUMBNAIL_SIDE_PX)),
    }
    bar = analysis.scale_bar
    if bar is not None:
        contents["scale_bar_crop_sha256"] = lambda: encode_png(np.ascontiguousarray(grey[bar.crop.slices]))
    with ThreadPoolExecutor(len(contents)) as pool:
        stored = pool.map(lambda content: put_bytes(store, content()), contents.values())
        return AnalysisFiles(**dict(zip(contents, stored, strict=True)))


def low_confidence_labels(particles: ParticleTable) -> IntArray | None:
    """Return the labels of the particles of low confidence; None where the model gives none."""
    return None if particles.low_confidence is None else particles.label[particles.low_confidence]


def encode_labels(labels: Labels) -> bytes:
    """Encode a label map as a deflated TIFF, 16 bit where the numbers allow it, which every program reads, else 32 bit."""
    dtype = np.uint16 if labels.max(initial=0) <= np.iinfo(np.uint16).max else np.uint32
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, labels.astype(dtype), compression="zlib", metadata=None)
    return buffer.getvalue()


def encode_outlines(labels: Labels, unsure: IntArray | None = None) -> bytes:
    """Encode the outlines as JSON: a list of ``label`` and closed ``polygon`` of [x, y] in px; whole numbers are pixel centres.

    A particle with holes has several polygons of the same label. Where the labels of low confidence are known, each polygon
    says by ``low_confidence`` whether its particle is one of them.
    """
    particles: list[dict[str, Any]] = [
        {"label": label, "polygon": np.round(polygon, 1).tolist()} for label, polygon in outlines(labels)
    ]
    if unsure is not None:
        marked = set(unsure.tolist())
        particles = [{**particle, "low_confidence": particle["label"] in marked} for particle in particles]
    return json.dumps(particles, separators=(",", ":")).encode()


def encode_png(image: NDArray[np.uint8]) -> bytes:
    """Encode a grey (rows, columns) or RGB (rows, columns, 3) image as PNG."""
    if image.ndim == 2:
        encoded, buffer = cv2.imencode(".png", image, PNG_LEVEL + PNG_RUN_LENGTHS)
    else:
        encoded, buffer = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), PNG_LEVEL)
    if not encoded:
        raise ValueError(f"an image of shape {image.shape} cannot be encoded as PNG")
    return buffer.tobytes()
