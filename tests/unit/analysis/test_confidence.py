"""Evidence convicts particles that are cut or joined, and becomes a probability."""

import numpy as np
import pytest

from worker.analysis.confidence import EVIDENCE, ConfidenceModel, evidence
from worker.analysis.instances import PixelMaps
from worker.training.targets import targets

DISAGREEMENT = EVIDENCE.index("log_depth_disagreement")
AT_EDGE = EVIDENCE.index("share_at_edge")
AREA = EVIDENCE.index("log_area_px")


def disc(labels, y, x, radius, number):
    rows, columns = np.mgrid[: labels.shape[0], : labels.shape[1]]
    labels[(rows - y) ** 2 + (columns - x) ** 2 <= radius**2] = number


@pytest.fixture
def truth():
    labels = np.zeros((90, 160), dtype=np.int32)
    disc(labels, 45, 40, 25, 1)
    disc(labels, 45, 110, 30, 2)
    return labels


def perfect_maps(labels):
    wanted = targets(labels)
    return PixelMaps(wanted.foreground.astype(np.float32), wanted.distance, wanted.contact.astype(np.float32))


def test_right_particles_agree_with_the_maps(truth):
    found = evidence(truth, perfect_maps(truth))
    assert found.shape == (2, len(EVIDENCE))
    np.testing.assert_allclose(found[:, DISAGREEMENT], np.log(0.01), atol=1e-3)
    np.testing.assert_allclose(found[:, AREA], np.log(np.bincount(truth.ravel())[1:]))
    assert (found[:, AT_EDGE] == 0).all()


def test_a_particle_cut_in_two_disagrees(truth):
    cut = truth.copy()
    cut[45:, :75][cut[45:, :75] == 1] = 3
    found = evidence(cut, perfect_maps(truth))
    assert found[0, DISAGREEMENT] > found[1, DISAGREEMENT] + 1
    assert found[2, DISAGREEMENT] > found[1, DISAGREEMENT] + 1


def test_two_particles_taken_for_one_disagree():
    labels = np.zeros((90, 160), dtype=np.int32)
    disc(labels, 45, 40, 28, 1)
    disc(labels, 45, 94, 28, 2)
    joined = np.minimum(labels, 1)
    # The bar between them makes one piece of the two.
    joined[40:50, 60:75] = 1
    right, wrong = evidence(labels, perfect_maps(labels)), evidence(joined, perfect_maps(labels))
    assert wrong[0, DISAGREEMENT] > right[:, DISAGREEMENT].max() + 1


def test_a_particle_at_the_edge_says_so():
    labels = np.zeros((40, 40), dtype=np.int32)
    labels[:20, 10:30] = 1
    assert evidence(labels, perfect_maps(labels))[0, AT_EDGE] == pytest.approx(20 / 20)


def test_no_particles_no_evidence():
    empty = np.zeros((5, 6), dtype=np.int32)
    assert evidence(empty, perfect_maps(empty)).shape == (0, len(EVIDENCE))


def test_a_model_comes_back_from_its_card():
    n = len(EVIDENCE)
    model = ConfidenceModel(tuple(range(n)), (2.0,) * n, (0.5,) * n, 1.0)
    again = ConfidenceModel.from_card(model.as_card())
    found = np.random.default_rng(0).normal(size=(7, n))
    np.testing.assert_array_equal(model(found), again(found))
    # Mean evidence leaves the bias.
    assert model(np.arange(n, dtype=float)[None])[0] == pytest.approx(1 / (1 + np.exp(-1)))


@pytest.mark.parametrize("change", [{"evidence": ["mass"]}, {"weights": [1.0]}, {"deviation": [0.0] * len(EVIDENCE)}])
def test_a_card_of_another_kind_is_refused(change):
    n = len(EVIDENCE)
    card = ConfidenceModel((0.0,) * n, (1.0,) * n, (0.5,) * n, 1.0).as_card()
    with pytest.raises(ValueError, match="confidence"):
        ConfidenceModel.from_card(card | change)


def test_a_rescaled_model_has_the_scaled_logit():
    n = len(EVIDENCE)
    model = ConfidenceModel((1.0,) * n, (2.0,) * n, tuple(range(n)), 0.5)
    found = np.random.default_rng(0).normal(size=(7, n))
    np.testing.assert_allclose(model.rescaled(2.0, 1.0).logit(found), 2 * model.logit(found) + 1)
