"""The files of an analysis say which particles the model is less sure of, where it says so at all."""

import json

import numpy as np

from tests.integration.analyses import particle_table
from worker.files import encode_outlines, low_confidence_labels


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
