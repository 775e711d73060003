"""The network segmenter has the form of every segmenter, whatever the picture; how well it finds is measured elsewhere."""

import numpy as np
import pytest
import torch

from shared.domain import ModelIdentity, Segmenter
from worker.analysis import network_segmenter as module
from worker.analysis.confidence import EVIDENCE, ConfidenceModel
from worker.analysis.network import ParticleNet
from worker.analysis.network_segmenter import network_segmenter


@pytest.fixture(scope="module")
def segmenter():
    torch.manual_seed(0)
    net = ParticleNet()
    # An untrained head that calls the bright half particle keeps the later steps busy.
    with torch.no_grad():
        net.head.weight.mul_(30)
    n = len(EVIDENCE)
    confidence = ConfidenceModel((0.0,) * n, (1.0,) * n, (0.1,) * n, 0.0)
    return network_segmenter(net, ModelIdentity("test", "1"), torch.device("cpu"), confidence)


def test_it_has_the_form_of_every_segmenter(segmenter):
    typed: Segmenter = segmenter
    assert typed.identity == ModelIdentity("test", "1")


@pytest.mark.parametrize("shape", [(0, 5), (1, 1), (3, 200), (40, 30), (260, 310)])
def test_labels_are_numbered_from_one_and_have_the_shape_of_the_image(segmenter, shape):
    image = np.random.default_rng(0).random(shape, dtype=np.float32)
    found = segmenter(image)
    assert found.labels.shape == shape
    assert found.labels.dtype == np.int32
    numbers = np.unique(found.labels[found.labels > 0])
    assert numbers.tolist() == list(range(1, len(numbers) + 1))
    assert found.confidence.shape == (len(numbers),)
    assert ((found.confidence >= 0) & (found.confidence <= 1)).all()


def test_a_constant_image_has_no_particles(segmenter):
    assert not segmenter(np.full((50, 60), 0.4, dtype=np.float32)).labels.any()


def test_the_same_image_gives_the_same_labels(segmenter):
    image = np.random.default_rng(1).random((120, 150), dtype=np.float32)
    np.testing.assert_array_equal(segmenter(image).labels, segmenter(image).labels)


def test_the_image_is_not_changed(segmenter):
    image = np.random.default_rng(1).random((90, 70), dtype=np.float32)
    before = image.copy()
    segmenter(image)
    np.testing.assert_array_equal(image, before)


def at_full_scale(*_):
    """Asks nothing."""
    yield from ()
    return 1.0


def test_a_picture_too_large_for_one_piece_is_taken_in_blocks(segmenter, monkeypatch):
    monkeypatch.setattr(module, "MAX_WHOLE_PX", 100 * 100)
    monkeypatch.setattr(module, "BLOCK_CORE_PX", 96)
    monkeypatch.setattr(module, "BLOCK_MARGIN_PX", 32)
    monkeypatch.setattr(module, "viewing_scale", at_full_scale)
    image = np.random.default_rng(2).random((200, 230), dtype=np.float32)
    found = segmenter(image)
    assert found.labels.max() == len(found.confidence)


def test_without_calibration_particles_have_no_confidence(segmenter):
    bare = module.NetworkSegmenter(segmenter.forward, segmenter.identity, None)
    image = np.random.default_rng(3).random((120, 90), dtype=np.float32)
    found = bare(image)
    assert found.confidence is None
    np.testing.assert_array_equal(found.labels, segmenter.views(image)[0].labels)
