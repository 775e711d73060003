"""Confidences mean what they say: fitted on particles with known truth, judged on groups that were left out."""

import cv2
import numpy as np
import pytest
from PIL import Image

from worker.analysis.confidence import EVIDENCE
from worker.analysis.sight import View
from worker.training import calibration
from worker.training.calibration import Observed, calibrate, fit, reliability
from worker.training.labelled import find_labelled
from worker.training.synthetic import synthetic_micrograph


def drawn(n, seed):
    random = np.random.default_rng(seed)
    evidence = random.normal(size=(n, len(EVIDENCE))) * 3 + 5
    probability = 1 / (1 + np.exp(-(1.2 * (evidence[:, 0] - 5) - 0.7 * (evidence[:, 2] - 5) + 1)))
    return evidence, probability, random.random(n) < probability


def test_the_fit_finds_the_probability_back():
    evidence, _, is_right = drawn(20_000, seed=1)
    model = fit(Observed(evidence, is_right, np.ones(len(is_right))))
    evidence, probability, is_right = drawn(20_000, seed=2)
    confidence = model(evidence)
    # The ridge holds the steepest slopes back a little.
    assert np.abs(confidence - probability).max() < 0.1
    assert np.abs(confidence - probability).mean() < 0.02
    assert reliability(confidence, is_right, 1).expected_calibration_error < 0.02


def test_reliability_is_what_its_definition_says():
    confidence = np.array([0.05, 0.95, 0.95, 0.95, 1.0])
    is_right = np.array([True, True, True, False, True])
    found = reliability(confidence, is_right, n_images=3)
    assert found.bins[0].n == 1
    assert found.bins[9].n == 4
    assert found.bins[9].confidence == pytest.approx(0.9625)
    assert found.bins[9].right == 0.75
    assert found.bins[4].right is None
    assert found.expected_calibration_error == pytest.approx((0.95 + 4 * abs(0.9625 - 0.75)) / 5)
    assert found.share_right == 0.8


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    folder = tmp_path_factory.mktemp("labelled")
    for name in ("images", "labels"):
        (folder / name).mkdir()
    for seed in range(4):
        made = synthetic_micrograph(seed, shape=(200, 240), banner=False, n_particles=40)
        Image.fromarray(made.pixels).save(folder / "images" / f"{seed}.png")
        Image.fromarray(made.labels.astype(np.uint8)).save(folder / "labels" / f"{seed}.png")
    return find_labelled(folder)


class BrightParts:
    """Stands for a network: what is brighter than a threshold is a particle, and its size is the evidence."""

    def views(self, image):
        return self._view(image, 0.5), self._view(image, 0.6)

    def _view(self, image, threshold):
        labels = cv2.connectedComponents((image > threshold).astype(np.uint8))[1].astype(np.int32)
        area = np.bincount(labels.ravel())[1:].astype(np.float64)
        return View(labels, np.log(area)[:, None].repeat(len(EVIDENCE), axis=1))


def test_a_whole_calibration_runs_and_keeps_groups_apart(labelled, monkeypatch):
    monkeypatch.setattr(calibration, "MIN_PARTICLES", 1)
    monkeypatch.setattr(calibration, "MIN_WRONG", 1)
    seen = []
    found = calibrate(labelled, {"0": "a", "1": "a"}, BrightParts(), lambda: seen.append(1))
    assert len(seen) == len(labelled)
    assert found.reliability.n_images == len(labelled)
    assert sum(one.n for one in found.reliability.bins) == found.reliability.n_particles > 0
    assert 0 <= found.reliability.expected_calibration_error <= 1
    folds = calibration._folds(["a", "a", "b", "c"])
    assert folds[0] == folds[1]
    assert len(set(folds)) == 3


def test_too_few_particles_give_no_calibration(labelled):
    assert calibrate(labelled[:1], {}, BrightParts()) is None
    assert calibrate([], {}, BrightParts()) is None
