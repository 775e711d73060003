"""Training learns, repeats and resumes; how well the result segments is measured elsewhere."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from worker.analysis.network import ParticleNet
from worker.training.loop import (
    TrainingData,
    learning_rate,
    new_state,
    resume,
    save_checkpoint,
    train,
    training_step,
)
from worker.training.sampling import paper_weights, prepared, training_batch
from worker.training.settings import TrainingSettings
from worker.training.synthetic import synthetic_micrograph

SETTINGS = TrainingSettings(steps=4, steps_per_epoch=2, warm_up_steps=2, batch=2, crop_px=64, learning_rate=3e-3)
CPU = torch.device("cpu")


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """On pictures this small, and on a busy machine, threads wait for each other longer than they compute."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def data():
    made = [synthetic_micrograph(seed, shape=(160, 200), n_particles=12, banner=False) for seed in (1, 2)]
    wholes = [prepared(one.pixels, one.labels) for one in made]
    weights = paper_weights(["a", "b"])
    return TrainingData(wholes, weights, [training_batch(wholes, weights, 64, 2, (99, 0))])


def fresh(settings=SETTINGS):
    torch.manual_seed(0)
    return new_state(ParticleNet(), settings, CPU)


def run(state, data, settings=SETTINGS):
    return list(train(state, data, settings, lambda step, loss: None))


def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True))


def test_a_few_steps_on_two_images_reduce_the_loss(data):
    settings = replace(SETTINGS, steps=12)
    state = fresh(settings)
    losses = [training_step(state, data.validation[0], settings) for _ in range(settings.steps)]
    assert min(losses[-3:]) < 0.9 * losses[0]


def test_a_killed_run_resumes_bit_for_bit(data, tmp_path):
    whole, cut, resumed = fresh(), fresh(), fresh()
    run(whole, data)
    reports = train(cut, data, SETTINGS, lambda step, loss: None)
    next(reports)
    save_checkpoint(tmp_path / "checkpoint.pt", cut, SETTINGS)
    next(reports)  # lost with the process
    resume(tmp_path / "checkpoint.pt", resumed, SETTINGS)
    assert resumed.step == 2
    run(resumed, data)
    assert same(whole.net, resumed.net)
    assert same(whole.averaged, resumed.averaged)


def test_the_same_seed_gives_the_same_course(data):
    one, two = fresh(), fresh()
    assert run(one, data) == run(two, data)
    assert same(one.net, two.net)
    other = fresh()
    run(other, data, replace(SETTINGS, seed=1))
    assert not same(one.net, other.net)


def test_a_checkpoint_of_another_course_is_refused(data, tmp_path):
    save_checkpoint(tmp_path / "checkpoint.pt", fresh(), SETTINGS)
    with pytest.raises(ValueError, match="other settings"):
        resume(tmp_path / "checkpoint.pt", fresh(), replace(SETTINGS, seed=1))


def test_frozen_stages_keep_their_weights(data):
    settings = replace(SETTINGS, frozen_stages=2, steps=2)
    state = fresh(settings)
    before = {key: value.clone() for key, value in state.net.state_dict().items()}
    run(state, data, settings)
    changed = {key for key, value in state.net.state_dict().items() if not torch.equal(value, before[key])}
    assert not [key for key in changed if key.startswith(("stem.", "stages.0.", "stages.1."))]
    assert [key for key in changed if key.startswith("stages.2.")]


def test_the_learning_rate_rises_and_falls():
    rates = [learning_rate(step, TrainingSettings(steps=100, warm_up_steps=10)) for step in range(100)]
    assert np.argmax(rates) in (9, 10)
    assert rates[-1] < 0.02 * max(rates)


def test_without_validation_crops_the_losses_on_them_are_no_numbers(data):
    reports = run(fresh(), replace(data, validation=[]), replace(SETTINGS, steps=1))
    assert [np.isnan(report.validation) for report in reports] == [True]


def test_papers_with_many_pictures_do_not_outweigh_the_others():
    weights = paper_weights(["a"] * 4 + ["b"])
    assert weights.sum() == pytest.approx(1)
    assert weights[:4].sum() == pytest.approx(2 * weights[4])
