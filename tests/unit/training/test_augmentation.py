"""Augmented crops keep image and labels together and depend on their source of chance alone."""

import numpy as np
import pytest

from worker.training.augmentation import augmented, with_annotations
from worker.training.sampling import prepared
from worker.training.synthetic import synthetic_micrograph


@pytest.fixture(scope="module")
def whole():
    made = synthetic_micrograph(2, shape=(240, 320), n_particles=20)
    return prepared(made.pixels, made.labels)


def test_the_same_seed_gives_the_same_crop_and_another_one_another(whole):
    one, same, other = (augmented(whole, 96, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.image, same.image)
    np.testing.assert_array_equal(one.labels, same.labels)
    assert not np.array_equal(one.image, other.image)


def test_crops_have_the_size_asked_for_and_finite_grey_values_in_range(whole):
    for seed in range(40):
        crop = augmented(whole, 96, np.random.default_rng(seed))
        assert crop.image.shape == crop.labels.shape == crop.distance.shape == crop.valid.shape == (96, 96)
        assert np.isfinite(crop.image).all()
        assert crop.image.min() >= 0
        assert crop.image.max() <= 1
        assert ((crop.distance > 0) <= (crop.labels > 0)).all()


def test_the_micrograph_is_not_changed(whole):
    before = whole.image.copy(), whole.labels.copy()
    augmented(whole, 96, np.random.default_rng(0))
    np.testing.assert_array_equal(whole.image, before[0])
    np.testing.assert_array_equal(whole.labels, before[1])


def test_a_micrograph_without_particles_gives_crops_too():
    empty = prepared(np.random.default_rng(0).integers(0, 255, (80, 90), dtype=np.uint8), np.zeros((80, 90), dtype=np.int32))
    crop = augmented(empty, 64, np.random.default_rng(0))
    assert not crop.labels.any()


def test_annotations_say_where_they_were_drawn():
    image = np.full((120, 160), 0.3, dtype=np.float32)
    for seed in range(30):
        made, drawn = with_annotations(image, np.random.default_rng(seed))
        np.testing.assert_array_equal(made[~drawn], image[~drawn])


def test_a_banner_is_not_learnt():
    made = synthetic_micrograph(1, shape=(384, 512))
    assert prepared(made.pixels, made.labels).image.shape[0] <= made.banner.top
