"""A picture in tiles or blocks is answered like the whole."""

import numpy as np
import pytest
import torch

from shared.domain import Segmentation
from worker.analysis import tiling
from worker.analysis.blocks import blocks, segment_in_blocks
from worker.analysis.classical import split_touching
from worker.analysis.forward import Forward
from worker.analysis.network import ParticleNet, fused
from worker.training.synthetic import synthetic_micrograph


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """On pictures this small, and on a busy machine, threads wait for each other longer than they compute."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def forward():
    torch.manual_seed(0)
    return Forward(fused(ParticleNet()))


@pytest.mark.parametrize("shape", [(300, 500), (1, 600)])
def test_tiles_blend_into_the_map_of_the_whole(forward, monkeypatch, shape):
    monkeypatch.setattr(tiling, "TILE_PX", 256)
    monkeypatch.setattr(tiling, "OVERLAP_PX", 192)
    monkeypatch.setattr(tiling, "MARGIN_PX", 64)
    image = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
    (whole,) = tiling.predicted_maps(forward, [image])
    monkeypatch.setattr(tiling, "MAX_WHOLE_PX", 1)
    (tiled,) = tiling.predicted_maps(forward, [image])
    # An untrained network; what lies beyond the margin still counts a little.
    for name in ("foreground", "distance", "contact"):
        one, other = getattr(whole, name), getattr(tiled, name)
        assert one.shape == other.shape == shape
        np.testing.assert_allclose(one, other, atol=0.02)


def test_every_pixel_lies_in_one_core_and_its_window():
    seen = np.zeros((70, 45), dtype=int)
    for block in blocks((70, 45), core_px=20, margin_px=6):
        seen[block.core] += 1
        assert all(w.start <= c.start and c.stop <= w.stop for w, c in zip(block.window, block.core, strict=True))
    assert (seen == 1).all()


def test_blocks_leave_no_seam_and_lose_no_particle():
    truth = synthetic_micrograph(3, shape=(400, 500), banner=False, n_particles=80).labels

    def segment(image):
        labels = split_touching(image > 0.5)
        return Segmentation(labels, np.sqrt(np.bincount(labels.ravel())[1:]))

    image = (truth > 0).astype(np.float32)
    whole, parts = segment(image), segment_in_blocks(image, 150, 90, segment)
    assert parts.labels.max() == len(parts.confidence) == whole.labels.max()
    assert ((parts.labels > 0) == (whole.labels > 0)).all()
    pairs = np.unique(np.stack([whole.labels.ravel(), parts.labels.ravel()]), axis=1)
    assert pairs.shape[1] == whole.labels.max() + 1
    # Each particle keeps what was said of it.
    whole_area, parts_area = (np.bincount(found.labels.ravel())[1:] for found in (whole, parts))
    np.testing.assert_allclose(parts.confidence, np.sqrt(parts_area))
    np.testing.assert_array_equal(np.sort(parts_area), np.sort(whole_area))


def test_blocks_without_confidence_have_none():
    image = np.ones((40, 50), dtype=np.float32)
    found = segment_in_blocks(image, 20, 5, lambda part: Segmentation(np.zeros(part.shape, dtype=np.int32)))
    assert found.confidence is None
