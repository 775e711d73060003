"""Many images ask the network together and each sees what it would see alone; what goes wrong with one is its own affair."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from shared.arrays import FloatImage
from shared.domain import DEFAULT_MODEL, ModelIdentity, Segmentation
from shared.errors import DeviceFailedError
from tests.unit.analysis.test_agreement import MIN_SHARE, share_that_pairs
from worker.analysis import forward as forward_module
from worker.analysis.forward import PASS_PX, predicted_batch
from worker.analysis.instances import PixelMaps
from worker.analysis.normalisation import to_unit_range
from worker.analysis.questions import AskingSegmenter, Lockstep, Questions, Seen
from worker.analysis.sight import Settled
from worker.segmenters import create_segmenter
from worker.shipped import require_shipped
from worker.training.synthetic import synthetic_micrograph


@pytest.fixture(scope="module")
def segmenter():
    return create_segmenter(require_shipped(DEFAULT_MODEL), "cpu")


def seen_together(segmenter: AskingSegmenter, images: Sequence[FloatImage]) -> list[Seen | Exception]:
    """Show all images at once and return what each has seen."""
    lockstep = Lockstep()
    for number, image in enumerate(images):
        lockstep.add(number, segmenter, image)
    found = {}
    while len(lockstep):
        found |= {ended.key: ended.seen for ended in lockstep.round()}
    return [found[number] for number in range(len(images))]


def micrographs(*shapes: tuple[int, int]) -> list[FloatImage]:
    drawn = [synthetic_micrograph(seed, shape, 20, banner=False).pixels for seed, shape in enumerate(shapes)]
    return [to_unit_range(pixels) for pixels in drawn]


def test_images_that_are_looked_at_together_show_the_particles_that_they_show_alone(segmenter, monkeypatch):
    images = micrographs((300, 400), (300, 400), (300, 400), (260, 500))
    monkeypatch.setattr(segmenter.forward, "pass_px", PASS_PX["cuda"])
    passes, tiles = segmenter.forward.n_passes, segmenter.forward.n_tiles
    together = seen_together(segmenter, images)
    n_passes, n_tiles = segmenter.forward.n_passes - passes, segmenter.forward.n_tiles - tiles
    assert n_passes < n_tiles, "several tiles went through at once"
    for image, seen in zip(images, together, strict=True):
        alone, found = segmenter(image), seen.segmentation()
        assert share_that_pairs(alone.labels, found.labels) >= MIN_SHARE
        assert len(found.confidence) == found.labels.max()


def test_pictures_larger_than_a_tile_share_passes_too(segmenter, monkeypatch):
    from worker.analysis import tiling

    monkeypatch.setattr(tiling, "MAX_WHOLE_PX", 1)
    monkeypatch.setattr(tiling, "TILE_PX", 256)
    monkeypatch.setattr(tiling, "OVERLAP_PX", 192)
    monkeypatch.setattr(segmenter.forward, "pass_px", PASS_PX["cuda"])
    pictures = [np.random.default_rng(seed).standard_normal((300, 380), dtype=np.float32) for seed in range(2)]
    passes, tiles = segmenter.forward.n_passes, segmenter.forward.n_tiles
    together = segmenter.answers(pictures)
    assert segmenter.forward.n_passes - passes == 1
    assert segmenter.forward.n_tiles - tiles > len(pictures)
    for picture, maps in zip(pictures, together, strict=True):
        (alone,) = segmenter.answers([picture])
        np.testing.assert_allclose(alone.foreground, maps.foreground, atol=1e-4)  # sums in another order


def test_a_constant_image_joins_and_has_no_particles(segmenter):
    (seen,) = seen_together(segmenter, [np.full((40, 50), 0.3, np.float32)])
    assert not seen.segmentation().labels.any()


class SmallDevice:
    """A device whose memory suffices for so many tiles at once, in place of the forward pass on a real one."""

    def __init__(self, tiles: int) -> None:
        self.tiles = tiles
        self.asked: list[int] = []

    def __call__(self, net: torch.nn.Module, images: FloatImage) -> np.ndarray:
        self.asked.append(len(images))
        if len(images) > self.tiles:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return predicted_batch(net, images)


def test_out_of_memory_halves_the_batch_goes_on_and_is_remembered(segmenter, monkeypatch):
    device = SmallDevice(tiles=3)
    monkeypatch.setattr(forward_module, "predicted_batch", device)
    monkeypatch.setattr(segmenter.forward, "pass_px", 8 * 64 * 64)
    pictures = [np.random.default_rng(seed).standard_normal((64, 64), dtype=np.float32) for seed in range(8)]
    answers = segmenter.answers(pictures)
    assert device.asked == [8, 4, 2, 2, 2, 2]
    segmenter.answers(pictures)
    assert device.asked[6:] == [2, 2, 2, 2], "the batch stays small"
    for picture, maps in zip(pictures, answers, strict=True):
        np.testing.assert_allclose(segmenter.answers([picture])[0].distance, maps.distance, atol=1e-4)


def test_an_image_for_which_the_device_is_too_small_fails_alone_and_says_so(segmenter, monkeypatch):
    def small(net: torch.nn.Module, images: FloatImage) -> np.ndarray:
        if images.size > 330 * 330:  # looks pass, and the enlarged small image
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return predicted_batch(net, images)

    monkeypatch.setattr(forward_module, "predicted_batch", small)
    flat, large = np.full((30, 30), 0.5, np.float32), micrographs((600, 800))[0]
    smaller = micrographs((90, 120))[0]
    seen = seen_together(segmenter, [flat, large, smaller])
    assert seen[1].code == "device_memory_exhausted"
    assert seen[0].segmentation().labels.shape == (30, 30)
    assert seen[2].segmentation().labels.shape == smaller.shape


@pytest.mark.parametrize(("is_well", "expected"), [(True, RuntimeError), (False, DeviceFailedError)])
def test_an_error_of_the_network_is_the_images_unless_the_device_has_failed_for_all(segmenter, monkeypatch, is_well, expected):
    def fail(net: torch.nn.Module, images: FloatImage) -> np.ndarray:
        raise RuntimeError("CUDA error: device-side assert triggered")

    monkeypatch.setattr(forward_module, "predicted_batch", fail)
    monkeypatch.setattr(forward_module, "is_well", lambda device: is_well)
    (seen,) = seen_together(segmenter, micrographs((90, 120)))
    assert type(seen) is expected


def test_a_device_that_computes_is_well():
    assert forward_module.is_well(torch.device("cpu"))


class Brittle:
    """Asks twice about every image; its network fails over a batch with a poisonous picture in it, whose first pixel is 0."""

    identity = ModelIdentity("brittle", "1")

    def __init__(self) -> None:
        self.batches: list[int] = []

    def __call__(self, image: FloatImage) -> Segmentation:
        raise AssertionError("it is asked in rounds")

    def questions(self, image: FloatImage) -> Questions[Seen]:
        if image[0, 0] < 0:
            raise ValueError("this image cannot even be asked about")
        for _ in range(2):
            maps = yield image
        return Settled(Segmentation((maps.foreground > 0).astype(np.int32)))

    def answers(self, pictures: Sequence[FloatImage]) -> list[PixelMaps]:
        self.batches.append(len(pictures))
        if any(picture[0, 0] == 0 for picture in pictures):
            raise RuntimeError("device-side assert")
        return [PixelMaps(picture, picture, picture) for picture in pictures]


def test_a_poisonous_image_fails_alone_whether_it_is_asked_about_or_looked_at():
    segmenter = Brittle()
    images = [np.full((4, 4), grey, np.float32) for grey in (0.5, 0.0, -1.0, 0.7)]
    seen = seen_together(segmenter, images)
    assert [type(one) for one in seen] == [Settled, RuntimeError, ValueError, Settled]
    # Together, then one by one to find the culprit; the second round is together again.
    assert segmenter.batches == [3, 1, 1, 1, 2]


def test_images_join_between_two_rounds_and_each_leaves_as_soon_as_it_has_seen_all():
    lockstep, segmenter = Lockstep(), Brittle()
    lockstep.add("first", segmenter, np.ones((4, 4), np.float32))
    assert lockstep.round() == []
    lockstep.add("second", segmenter, np.ones((4, 4), np.float32))
    assert [ended.key for ended in lockstep.round()] == ["first"]
    assert [ended.key for ended in lockstep.round()] == ["second"]
    assert (len(lockstep), segmenter.batches) == (0, [1, 2, 1])


def test_each_model_answers_for_its_own_images():
    lockstep, one, other = Lockstep(), Brittle(), Brittle()
    for number, segmenter in enumerate((one, other, one)):
        lockstep.add(number, segmenter, np.ones((4, 4), np.float32))
    lockstep.round()
    assert (one.batches, other.batches) == ([2], [1])
