"""The models of a release by name: each can be loaded, says who it is, and finds what stands out."""

import numpy as np
import pytest

from shared.domain import Micrograph, Parameters
from shared.errors import InputError
from worker.pipeline import analyse
from worker.segmenters import MODEL_NAMES, create_segmenter
from worker.training.synthetic import synthetic_micrograph


@pytest.mark.parametrize("name", MODEL_NAMES)
def test_every_model_of_the_release_finds_the_particles_of_a_generated_micrograph(name: str) -> None:
    sample = synthetic_micrograph(seed=7, n_particles=25, coverage=0.08)
    segmenter = create_segmenter(name)
    analysis = analyse(Micrograph(sample.pixels, "PNG"), Parameters(model=name), segmenter)
    truth = np.sqrt(4 * np.bincount(sample.labels.ravel())[1:] / np.pi)
    assert analysis.model.name == name
    # A touching pair counted as one is 1 of 25; the outline is good to a pixel or two of about 44.
    assert analysis.statistics.n_particles == pytest.approx(len(truth), abs=2)
    assert analysis.statistics.ecd_mean_px == pytest.approx(truth.mean(), rel=0.08)


def test_a_model_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(InputError, match="classical, particlenet") as caught:
        create_segmenter("unet-of-my-dreams")
    assert caught.value.code == "unknown_model"
