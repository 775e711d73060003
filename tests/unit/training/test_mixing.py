"""Synthetic scenes join training data with the share that was asked for, and change nothing else."""

import numpy as np
import pytest

from shared.arrays import FloatArray
from worker.training.augmentation import Crop
from worker.training.loop import TrainingData
from worker.training.mixing import with_synthetic
from worker.training.sampling import training_batch
from worker.training.scenes.crops import training_crops


def data() -> TrainingData:
    weights: FloatArray = np.array([0.25, 0.75])
    return TrainingData(list(training_crops(99, 2, (64, 64))), weights, [])


def test_crops_are_ready_to_train_on() -> None:
    for crop in training_crops(1, 3, (128, 160)):
        assert isinstance(crop, Crop)
        assert crop.image.shape == crop.labels.shape == crop.distance.shape == crop.valid.shape == (128, 160)
        assert (crop.image.dtype, crop.labels.dtype, crop.distance.dtype) == (np.float32, np.int32, np.float32)
        assert crop.valid.all()
        assert crop.image.min() >= 0
        assert crop.image.max() <= 1
        assert np.array_equal(crop.distance > 0, crop.labels > 0)


def test_the_first_of_many_crops_are_those_of_few() -> None:
    few, many = list(training_crops(7, 2, (96, 96))), list(training_crops(7, 4, (96, 96)))
    for one, same in zip(few, many[:2], strict=True):
        assert np.array_equal(one.image, same.image)
        assert np.array_equal(one.labels, same.labels)


def test_scenes_get_their_share_and_real_micrographs_keep_their_ratio() -> None:
    before = data()
    mixed = with_synthetic(before, share=0.2, count=3, seed=1)
    assert len(mixed.wholes) == 5
    assert list(mixed.wholes[:2]) == list(before.wholes)
    assert mixed.weights == pytest.approx([0.2, 0.6, 0.2 / 3, 0.2 / 3, 0.2 / 3])
    assert mixed.weights.sum() == pytest.approx(1, abs=1e-12)
    assert mixed.validation is before.validation


def test_no_share_leaves_the_data_as_they_are() -> None:
    before = data()
    assert with_synthetic(before, share=0, count=3, seed=1) is before


@pytest.mark.parametrize(("share", "count"), [(-0.1, 3), (1.1, 3), (0.5, 0)])
def test_a_share_that_cannot_be_is_refused(share: float, count: int) -> None:
    with pytest.raises(ValueError, match="share"):
        with_synthetic(data(), share, count, seed=1)


def test_mixed_data_give_batches() -> None:
    mixed = with_synthetic(data(), share=0.9, count=1, seed=3)
    batch = training_batch(mixed.wholes, mixed.weights, 64, 4, (1,))
    assert batch.image.shape == (4, 1, 64, 64)
