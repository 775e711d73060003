"""The shipped network gives the same particles alone and in a batch, tiled and whole, in blocks and whole, on CPU and GPU."""

import numpy as np
import pytest
import torch

from shared.domain import DEFAULT_MODEL
from worker.analysis import network_segmenter, tiling
from worker.analysis.forward import predicted_batch
from worker.analysis.instances import VIEWING_SIZE, PixelMaps, split_instances
from worker.analysis.label_map import labels_from_array
from worker.analysis.network import grey_scale, standardised
from worker.analysis.normalisation import to_unit_range
from worker.segmenters import create_segmenter
from worker.shipped import require_shipped
from worker.training.scoring import paired_ious
from worker.training.synthetic import synthetic_micrograph

MIN_IOU = 0.95
MIN_SHARE = 0.99
BATCH = 16


def share_that_pairs(one, other):
    """Share of all particles, of both maps, that have a partner of IoU 0.95 or more in the other map."""
    n = len(np.unique(one[one > 0])) + len(np.unique(other[other > 0]))
    assert n > 0
    return 2 * int((paired_ious(one, other) >= MIN_IOU).sum()) / n


@pytest.fixture(scope="module")
def segmenter():
    return create_segmenter(require_shipped(DEFAULT_MODEL), "cpu")


@pytest.fixture(scope="module", params=["sem", "tem"])
def image(request):
    return to_unit_range(synthetic_micrograph(11, (600, 800), 50, request.param, banner=False).pixels)


def test_the_measure_of_agreement_can_fail():
    labels = synthetic_micrograph(3, (200, 300), 20, banner=False).labels
    assert share_that_pairs(labels, labels) == 1
    moved = np.roll(labels, 3, axis=1)
    assert share_that_pairs(labels, moved) < MIN_SHARE


def test_a_batch_of_one_and_of_sixteen_agree(segmenter, image):
    tile = standardised(image, grey_scale(image))[:256, :320]
    others = np.random.default_rng(0).normal(size=(BATCH - 1, *tile.shape)).astype(np.float32)
    alone = PixelMaps(*predicted_batch(segmenter.forward.net, tile[None])[:, 0])
    among = PixelMaps(*predicted_batch(segmenter.forward.net, np.concatenate([tile[None], others]))[:, 0])
    assert share_that_pairs(split_instances(alone, VIEWING_SIZE), split_instances(among, VIEWING_SIZE)) >= MIN_SHARE


def test_tiles_and_the_whole_agree(segmenter, image, monkeypatch):
    whole = segmenter(image)
    # Tiles as narrow against their overlap as 1024 px are against 256 px.
    monkeypatch.setattr(tiling, "TILE_PX", 512)
    monkeypatch.setattr(tiling, "MAX_WHOLE_PX", 1)
    tiled = segmenter(image)
    assert share_that_pairs(whole.labels, tiled.labels) >= MIN_SHARE


def test_blocks_and_the_whole_agree(segmenter, image, monkeypatch):
    whole = segmenter(image)
    monkeypatch.setattr(network_segmenter, "MAX_WHOLE_PX", 1)
    monkeypatch.setattr(network_segmenter, "BLOCK_CORE_PX", 512)
    in_blocks = segmenter(image)
    assert len(in_blocks.confidence) == in_blocks.labels.max()
    assert share_that_pairs(whole.labels, in_blocks.labels) >= MIN_SHARE


def test_runs_repeat_bit_for_bit(segmenter, image):
    one, other = segmenter(image), segmenter(image)
    np.testing.assert_array_equal(one.labels, other.labels)
    np.testing.assert_array_equal(one.confidence, other.confidence)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA device: CPU and GPU are not compared here")
def test_cpu_and_gpu_agree(segmenter, image):
    on_gpu = create_segmenter(require_shipped(DEFAULT_MODEL), "cuda")
    one, other = segmenter(image), on_gpu(image)
    assert share_that_pairs(one.labels, other.labels) >= MIN_SHARE


def test_every_particle_is_one_piece_with_a_confidence(segmenter, image):
    found = segmenter(image)
    # Raises InputError where a label has several parts.
    labels_from_array(found.labels)
    assert len(found.confidence) == found.labels.max() > 0
    assert ((found.confidence >= 0) & (found.confidence <= 1)).all()
