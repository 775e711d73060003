"""A run folder: it goes on where it was, belongs to one training only, and ends with a model and its card."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from shared.domain import ModelIdentity
from shared.errors import InputError, OperatorError
from tests.unit.training.made import write_micrographs
from worker.analysis.network import ParticleNet
from worker.model_files import read_model
from worker.shipped import CLASSICAL, require_shipped
from worker.training.finish import as_shipped, finish, training_facts
from worker.training.holdout import Holdout
from worker.training.labelled import find_labelled
from worker.training.loop import TrainingData
from worker.training.reading import DataSet, data_digest, read_data_set
from worker.training.run import Run, read_log, run_training, training_data
from worker.training.run_folder import (
    claim,
    course_of,
    held,
    is_finished,
    learnt_data,
    next_version,
    refuse_other_course,
    refuse_other_data,
)
from worker.training.settings import FINE_TUNING, FROM_IMAGENET, TrainingSettings, chosen_settings
from worker.training.start import start_from_model
from worker.weights import load_weights, save_weights

# Python 3.12 and newer warn of it; what there is to fear, OpenCV's threads, is taken care of.
BORN_OF_THREADS = pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
CPU = torch.device("cpu")
SETTINGS = TrainingSettings(steps=4, steps_per_epoch=2, warm_up_steps=1, batch=2, crop_px=64)
COURSE = course_of(SETTINGS, {"name": "ImageNet"})
HOLDOUT = Holdout(("m2",), "chosen")


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """On pictures this small, and on a busy machine, threads wait for each other longer than they compute."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_micrographs(tmp_path_factory.mktemp("data"), 3)


@pytest.fixture(scope="module")
def data(folder: Path) -> DataSet:
    return read_data_set("data", find_labelled(folder), {})


def fresh() -> ParticleNet:
    torch.manual_seed(0)
    return ParticleNet()


def run(folder: Path, data: DataSet, stop_at: int = SETTINGS.steps, loaders: int = 0) -> ParticleNet:
    class Killed(BaseException):
        pass

    def on_step(step: int, loss: float | None) -> None:
        if loss is not None and step > stop_at:
            raise Killed

    net = fresh()
    try:
        return run_training(Run(folder, CPU, loaders), training_data(data, HOLDOUT, SETTINGS), SETTINGS, net, on_step)
    except Killed:
        return net


def same(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True))


@BORN_OF_THREADS
def test_the_same_seed_gives_the_same_weights_bit_for_bit_also_where_processes_make_the_crops(
    data: DataSet, tmp_path: Path
) -> None:
    folders = [tmp_path / name for name in ("one", "two")]
    for made in folders:
        made.mkdir()
    one, two = run(folders[0], data), run(folders[1], data, loaders=1)
    assert same(one, two)
    assert (folders[0] / "log.csv").read_bytes() == (folders[1] / "log.csv").read_bytes()


def test_a_stopped_run_goes_on_after_its_last_epoch_and_leaves_nothing_partial(data: DataSet, tmp_path: Path) -> None:
    run(tmp_path, data, stop_at=3)
    assert [report.step for report in read_log(tmp_path / "log.csv")] == [2]
    run(tmp_path, data)
    assert [report.step for report in read_log(tmp_path / "log.csv")] == [2, 4]
    assert {path.name for path in tmp_path.iterdir()} == {"checkpoint.pt", "log.csv", "curves.png"}


def test_a_loss_that_is_no_number_stops_the_run_before_it_spoils_the_checkpoint(data: DataSet, tmp_path: Path) -> None:
    found = training_data(data, HOLDOUT, SETTINGS)
    wholes = [replace(crop, distance=np.full_like(crop.distance, np.nan)) for crop in found.wholes]
    broken = TrainingData(wholes, found.weights, [])
    with pytest.raises(OperatorError, match="no number at step 2"):
        run_training(Run(tmp_path, CPU), broken, SETTINGS, fresh(), lambda step, loss: None)
    assert not (tmp_path / "checkpoint.pt").exists()


@BORN_OF_THREADS
def test_several_processes_read_the_same_as_one(folder: Path, data: DataSet) -> None:
    images = find_labelled(folder)
    seen: list[int] = []
    read = read_data_set("data", images, {}, 2, lambda: seen.append(1))
    assert (read.digests, read.summaries, len(seen)) == (data.digests, data.summaries, 3)
    assert all((one.crop.distance == other.crop.distance).all() for one, other in zip(read.ready, data.ready, strict=True))


def test_the_digest_of_the_data_is_that_of_pixels_labels_and_names(folder: Path, data: DataSet, tmp_path: Path) -> None:
    again = read_data_set("elsewhere", find_labelled(write_micrographs(tmp_path, 3)), {})
    assert data_digest(again.digests) == data_digest(data.digests)
    (tmp_path / "labels" / "m1.png").write_bytes((tmp_path / "labels" / "m0.png").read_bytes())
    changed = read_data_set("elsewhere", find_labelled(tmp_path), {})
    assert [name for name in changed.digests if changed.digests[name] != data.digests[name]] == ["m1"]
    assert data_digest(changed.digests) != data_digest(data.digests)


# What a run folder belongs to.


def claimed(folder: Path, data: DataSet) -> None:
    claim(folder, "mine", None, COURSE, learnt_data(data, HOLDOUT))


def refused(check: Callable[[], None]) -> str:
    with pytest.raises(InputError) as caught:
        check()
    assert caught.value.code == "other_run"
    assert "\n" not in caught.value.message
    return caught.value.message


def test_a_run_folder_knows_its_own_training(data: DataSet, tmp_path: Path) -> None:
    claimed(tmp_path, data)
    before = (tmp_path / "run.json").read_bytes()
    claimed(tmp_path, data)
    assert (tmp_path / "run.json").read_bytes() == before


def test_other_settings_are_refused_with_what_differs(data: DataSet, tmp_path: Path) -> None:
    claimed(tmp_path, data)
    other = course_of(replace(SETTINGS, steps=9, seed=3), {"name": "particlenet", "version": "1", "sha256": "ab" * 32})
    message = refused(lambda: refuse_other_course(tmp_path, other))
    assert "steps is 4 there, 9 here; seed is 0 there, 3 here" in message
    assert "it began with ImageNet, not particlenet 1 abababababab" in message
    assert "batch" not in message


def test_other_data_is_refused_with_what_differs(data: DataSet, tmp_path: Path) -> None:
    claimed(tmp_path, data)
    there = learnt_data(data, HOLDOUT)
    images = {**there.images, "m0": "changed", "new": "1"}
    del images["m1"]
    message = refused(lambda: refuse_other_data(tmp_path, there.model_copy(update={"images": images})))
    assert "1 images not in it: new; 1 images missing here: m1; 1 images changed: m0" in message
    split = refused(lambda: refuse_other_data(tmp_path, there.model_copy(update={"validation": ("m1",)})))
    assert "2 images validating on one side only: m1, m2" in split
    groups = refused(lambda: refuse_other_data(tmp_path, there.model_copy(update={"groups": {**there.groups, "m1": "a"}})))
    assert "1 images in another group: m1" in groups


def test_a_checkpoint_that_belongs_to_nothing_known_is_refused(data: DataSet, tmp_path: Path) -> None:
    (tmp_path / "checkpoint.pt").write_bytes(b"old")
    assert "of unknown settings" in refused(lambda: refuse_other_course(tmp_path, COURSE))
    (tmp_path / "run.json").write_text("{}")
    assert "of another release" in refused(lambda: refuse_other_course(tmp_path, COURSE))


def test_two_trainings_do_not_share_a_folder(tmp_path: Path) -> None:
    # A lock of this kind is held by a process, so that the other one must be one.

    code = (
        "import sys; from pathlib import Path; from worker.training.run_folder import held; held(Path(sys.argv[1])).__enter__()"
    )
    with held(tmp_path):
        other = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=False)
    assert "Another training is at work" in other.stderr


@pytest.mark.parametrize(
    ("files", "parent", "version"),
    [
        ((), None, "1"),
        (("mine-1", "mine-3", "other-8", "mine-old"), None, "4"),
        (("mine-1",), ModelIdentity("mine", "6"), "7"),
        ((), ModelIdentity("other", "6"), "1"),
    ],
)
def test_a_version_follows_the_newest_of_its_name(
    tmp_path: Path, files: tuple[str, ...], parent: ModelIdentity | None, version: str
) -> None:
    for name in files:
        (tmp_path / f"{name}.safetensors").touch()
    assert next_version("mine", tmp_path, parent) == version


# Settings and first weights.


def test_a_short_training_has_short_epochs_and_what_is_chosen_wins() -> None:
    settings = chosen_settings(FINE_TUNING, steps=20, batch=2, seed=None)
    assert (settings.steps, settings.batch, settings.steps_per_epoch, settings.warm_up_steps) == (20, 2, 2, 2)
    assert settings.learning_rate == FINE_TUNING.learning_rate < FROM_IMAGENET.learning_rate
    assert chosen_settings(FROM_IMAGENET) == FROM_IMAGENET


def test_a_training_begins_with_a_model_of_the_release_or_of_a_file(tmp_path: Path) -> None:
    shipped = start_from_model(require_shipped("particlenet"))
    assert shipped.identity is not None
    assert same(shipped.net, start_from_model(require_shipped(shipped.identity.reference)).net)
    path = tmp_path / "mine-4.safetensors"
    save_weights(path, fresh(), ModelIdentity("mine", "4"), {})
    own = start_from_model(read_model(path))
    assert (own.facts["name"], own.facts["version"]) == ("mine", "4")
    assert len(own.facts["sha256"]) == 64


def test_a_method_without_weights_is_no_beginning() -> None:
    with pytest.raises(InputError, match="no weights") as caught:
        start_from_model(CLASSICAL)
    assert caught.value.code == "model_foreign"


# The end.


@pytest.fixture(scope="module")
def net() -> ParticleNet:
    return start_from_model(require_shipped("particlenet")).net


def test_the_figures_are_the_pipelines_on_the_validation_images(data: DataSet, net: ParticleNet, tmp_path: Path) -> None:
    facts = training_facts(data, HOLDOUT, SETTINGS, {"name": "ImageNet"})
    validation = [image for image in data.images if image.name in HOLDOUT.names]
    identity = ModelIdentity("mine", "1")
    card = finish(Run(tmp_path, CPU), net, identity, facts, validation, groups=data.groups)
    assert is_finished(tmp_path, identity)
    model = load_weights(tmp_path / "mine-1.safetensors")
    assert json.loads(json.dumps(card)).items() <= model.card.items()
    assert same(model.net, as_shipped(net))
    assert card["data"]["split"] == {"rule": "chosen", "validation": ["m2"]}
    assert (card["data"]["name"], card["data"]["n_images"], card["data"]["n_particles"]) == ("data", 3, data.n_particles)
    # Twelve round particles on an even ground: a trained network cannot miss many.
    assert card["figures"]["dice"]["value"] > 0.8
    assert set(card["figures"]["dice"]) == {"value", "ci95_low", "ci95_high", "n"}
    assert card["figures"]["recall_ecd_above_192_px"] == {"value": None, "ci95_low": None, "ci95_high": None, "n": 0}


def test_a_model_without_validation_images_has_no_figures(data: DataSet, net: ParticleNet, tmp_path: Path) -> None:
    card = finish(Run(tmp_path, CPU), net, ModelIdentity("mine", "1"), {}, [], groups={})
    assert card["figures"] == {}
