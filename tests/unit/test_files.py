"""The files of an analysis: which particles the model is less sure of, and the scale bar, where there is such."""

import json
from dataclasses import replace

import cv2
import numpy as np

from shared.domain import Micrograph
from shared.geometry import Box
from shared.storage import FolderBlobStore
from tests.integration.analyses import draw_discs, make_analysis, particle_table
from tests.integration.laboratory import scale_bar
from worker.files import encode_outlines, low_confidence_labels, store_files


def labels_of_two() -> np.ndarray:
    labels = np.zeros((10, 20), dtype=np.int32)
    labels[2:5, 2:5], labels[2:8, 10:16] = 1, 2
    labels[4, 12] = 0  # a hole: two polygons of one particle
    return labels


def test_outlines_mark_every_polygon_of_a_particle_of_low_confidence() -> None:
    unsure = low_confidence_labels(particle_table(2, confidence=np.array([0.9, 0.2])))
    assert unsure is not None
    written = json.loads(encode_outlines(labels_of_two(), unsure))
    assert [(part["label"], part["low_confidence"]) for part in written] == [(1, False), (2, True), (2, True)]


def test_outlines_say_nothing_of_confidence_where_the_model_gives_none() -> None:
    assert low_confidence_labels(particle_table(2)) is None
    assert all(set(part) == {"label", "polygon"} for part in json.loads(encode_outlines(labels_of_two(), None)))


def test_the_part_of_the_image_that_shows_the_scale_bar_is_stored_where_one_was_read(store: FolderBlobStore) -> None:
    micrograph, analysis = Micrograph(draw_discs(), "TIFF"), make_analysis(particle_table(0))
    assert store_files(store, micrograph, analysis).scale_bar_crop_sha256 is None
    bar = replace(scale_bar(2.0), crop=Box(4, 30, 2, 60))
    sha256 = store_files(store, micrograph, replace(analysis, scale_bar=bar)).scale_bar_crop_sha256
    assert sha256 is not None
    with store.open(sha256) as file:
        crop = cv2.imdecode(np.frombuffer(file.read(), np.uint8), cv2.IMREAD_UNCHANGED)
    assert crop.shape == (26, 58)
    bright = micrograph.pixels[4:30, 2:60] == 220
    assert crop[bright].min() > crop[~bright].max()
