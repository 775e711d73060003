"""Reads text in images with RapidOCR, whose trained models come with its package: nothing is fetched, nothing leaves the site.

Two networks: one finds lines of text (PP-OCRv6 detection), one reads them (PP-OCRv6 recognition). Chosen by measurement on
crops of scale texts, see ``benchmarks/scale_bar.py``.
"""

from typing import Any

import cv2
import numpy as np

from shared.arrays import GreyImage
from shared.geometry import Box
from worker.analysis.lettering import CharacterProbabilities, TextLine

# Lines are looked for at this size of the shorter side at least, and of the longer side at most.
MIN_SIDE_PX, MAX_SIDE_PX = 736, 2000
MAX_ELONGATION = 3
# The recogniser was trained on lines of this height.
LINE_HEIGHT_PX = 48
MIN_LINE_WIDTH_PX = 320


class RapidTextReader:
    """The text reader of one process.

    Parameters
    ----------
    threads : int
        Threads that a network may use.
    """

    def __init__(self, threads: int = 1) -> None:
        # A second of imports, which whoever reads no text need not wait for.
        from rapidocr import RapidOCR  # noqa: PLC0415

        self._engine: Any = RapidOCR(
            params={
                "Global.log_level": "error",
                "Global.use_cls": False,  # upright text only
                "Global.max_side_len": MAX_SIDE_PX,
                "Det.limit_side_len": MIN_SIDE_PX,
                "EngineConfig.onnxruntime.intra_op_num_threads": threads,
                "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            }
        )
        # The engine loads a network when it first needs it.
        self._engine(np.zeros((LINE_HEIGHT_PX, MIN_LINE_WIDTH_PX, 3), np.uint8), use_det=False, use_cls=False, use_rec=True)
        self._recogniser: Any = self._engine.text_rec
        self._characters = ("", *self._recogniser.postprocess_op.character[1:])

    def lines(self, grey: GreyImage) -> tuple[TextLine, ...]:
        """Find and read the lines of an image of shape (rows, columns), black 0, white 255."""
        found = self._engine(_three_channels(_not_elongated(grey)), use_det=True, use_cls=False, use_rec=True)
        if found.boxes is None or found.txts is None:
            return ()
        texts = zip(found.boxes, found.txts, found.scores, strict=True)
        lines = (TextLine(_box(corners, grey.shape), text, float(score)) for corners, text, score in texts)
        return tuple(line for line in lines if line.box.area_px > 0)

    def characters(self, grey: GreyImage) -> CharacterProbabilities:
        """Look at the one line that an image shows."""
        image = _three_channels(grey)
        ratio = max(image.shape[1] / image.shape[0], MIN_LINE_WIDTH_PX / LINE_HEIGHT_PX)
        prepared = self._recogniser.resize_norm_img(image, ratio)[np.newaxis].astype(np.float32)
        return CharacterProbabilities(self._characters, np.asarray(self._recogniser.session(prepared)[0], np.float32))


def _not_elongated(grey: GreyImage) -> GreyImage:
    """The image with its last row or column repeated: the shorter side decides how far it is enlarged, and so the time."""
    rows, columns = grey.shape
    missing_rows = max(-(-columns // MAX_ELONGATION) - rows, 0)
    missing_columns = max(-(-rows // MAX_ELONGATION) - columns, 0)
    return np.pad(grey, ((0, missing_rows), (0, missing_columns)), mode="edge")


def _three_channels(grey: GreyImage) -> Any:
    return cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)


def _box(corners: Any, shape: tuple[int, ...]) -> Box:
    """The upright rectangle around four corners (x, y), within the image."""
    left, top = np.floor(np.min(corners, axis=0)).astype(int)
    right, bottom = np.ceil(np.max(corners, axis=0)).astype(int) + 1
    return Box(max(int(top), 0), min(int(bottom), shape[0]), max(int(left), 0), min(int(right), shape[1]))
