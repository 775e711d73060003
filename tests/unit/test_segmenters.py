"""From models to segmenters: those of the release find particles, references are resolved, altered weights are refused."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from shared import registry
from shared.database import Database
from shared.domain import Micrograph, ModelIdentity, Parameters
from shared.errors import InputError, OperatorError
from shared.storage import FolderBlobStore
from tests.models import LISTED, NEWEST, card
from worker.analysis.classical import ClassicalSegmenter
from worker.model_files import Model
from worker.pipeline import analyse
from worker.segmenters import MODELS_IN_MEMORY, RegisteredSegmenters, compute_device, create_segmenter
from worker.shipped import CLASSICAL, add_model, register_shipped, shipped_model, shipped_references, weights_files
from worker.training.synthetic import synthetic_micrograph


@pytest.mark.parametrize("reference", shipped_references())
def test_every_model_of_the_release_finds_the_particles_of_a_generated_micrograph(reference: str) -> None:
    model = shipped_model(reference)
    assert model is not None
    assert model.identity.reference == reference
    sample = synthetic_micrograph(seed=7, n_particles=25, coverage=0.08)
    segmenter = create_segmenter(model, "cpu")
    analysis = analyse(Micrograph(sample.pixels, "PNG"), Parameters(model=model.identity.reference), segmenter)
    truth = np.sqrt(4 * np.bincount(sample.labels.ravel())[1:] / np.pi)
    assert analysis.model == model.identity
    # A touching pair counted as one is 1 of 25; the outline is good to a pixel or two of about 44.
    assert analysis.statistics.n_particles == pytest.approx(len(truth), abs=2)
    assert analysis.statistics.ecd_mean_px == pytest.approx(truth.mean(), rel=0.08)


def test_the_classical_method_is_registered_as_what_it_is() -> None:
    assert CLASSICAL.identity == ClassicalSegmenter().identity
    assert (CLASSICAL.card["name"], CLASSICAL.card["version"]) == (CLASSICAL.identity.name, CLASSICAL.identity.version)


def test_a_name_means_the_newest_version_of_the_release_and_a_broken_file_is_in_no_one_s_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in ("2", "10"):
        model = ModelIdentity("net", version, "a" * 64)
        (tmp_path / f"net-{version}.safetensors").touch()
        (tmp_path / f"net-{version}.json").write_text(json.dumps(card(model)))
    (tmp_path / "broken-1.safetensors").touch()
    monkeypatch.setattr("worker.models.__path__", [str(tmp_path)])
    found = [shipped_model(reference) for reference in ("net", "net-2", "classical", "nets")]
    assert [model and model.identity.reference for model in found] == ["net-10", "net-2", "classical-1", None]
    with pytest.raises(InputError, match=r"broken-1\.json"):
        shipped_model("broken")


def test_a_method_of_another_release_is_refused() -> None:
    with pytest.raises(InputError, match="classical-0") as caught:
        create_segmenter(Model(ModelIdentity("classical", "0"), {}, None), "cpu")
    assert caught.value.code == "model_foreign"


def test_a_gpu_that_is_asked_for_and_not_there_is_said_and_auto_takes_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert compute_device("auto").type == "cpu"
    with pytest.raises(OperatorError, match="no CUDA device") as caught:
        compute_device("cuda")
    assert caught.value.code == "no_cuda"
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert [compute_device(device).type for device in ("auto", "cuda", "cpu")] == ["cuda", "cuda", "cpu"]


@pytest.fixture
def shipped(database: Database, store: FolderBlobStore) -> Iterator[RegisteredSegmenters]:
    """A worker's segmenters over a registry that the release has filled."""
    assert register_shipped(database, store) == []
    return RegisteredSegmenters(database, store, "cpu")


def stored_path(store: FolderBlobStore, sha256: str | None) -> Path:
    with store.local_path(sha256 or "") as path:
        return path


def test_a_registered_network_runs_from_the_store_after_its_file_has_left_the_package(
    shipped: RegisteredSegmenters, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("worker.models.__path__", [str(tmp_path)])
    assert weights_files() == []
    segmenter = shipped("particlenet-1")
    assert segmenter.identity.reference == "particlenet-1"
    assert len(segmenter.identity.sha256 or "") == 64
    assert shipped("particlenet-1") is segmenter, "it is loaded once"


def test_a_reference_of_nothing_names_what_there_is(shipped: RegisteredSegmenters) -> None:
    for reference in ("unet-of-my-dreams", "particlenet-99", "", "a\0b", "classical-1; DROP TABLE model", "é\udc80"):
        with pytest.raises(InputError, match=LISTED) as caught:
            shipped(reference)
        assert caught.value.code == "unknown_model"


def test_weights_altered_in_the_store_are_refused_until_they_are_mended(
    shipped: RegisteredSegmenters, database: Database, store: FolderBlobStore
) -> None:
    with database.reading() as session:
        path = stored_path(store, registry.resolve(session, "particlenet").sha256)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    assert [str(path) in error.message for error in register_shipped(database, store)] == [True], "who upgrades is told"
    for content, code in [(whole[:-1000], "model_altered"), (bytes(len(whole)), "model_altered"), (None, "model_missing")]:
        path.unlink() if content is None else path.write_bytes(content)
        with pytest.raises(InputError, match=NEWEST.reference) as caught:
            shipped(NEWEST.reference)
        assert caught.value.code == code
        assert shipped("classical-1").identity.name == "classical"
    assert register_shipped(database, store) == [], "what is lost comes back from the package"
    assert shipped(NEWEST.reference).identity.reference == NEWEST.reference


def test_a_registered_model_of_another_architecture_is_refused(
    database: Database, store: FolderBlobStore, tmp_path: Path
) -> None:
    weights = b"\x02\0\0\0\0\0\0\0{}"
    model = ModelIdentity("stardist", "1", hashlib.sha256(weights).hexdigest())
    (tmp_path / "stardist-1.safetensors").write_bytes(weights)
    (tmp_path / "stardist-1.json").write_text(json.dumps(card(model, architecture="stardist")))
    add_model(database, store, tmp_path / "stardist-1.safetensors")
    with pytest.raises(InputError, match="stardist") as caught:
        RegisteredSegmenters(database, store, "cpu")("stardist")
    assert caught.value.code == "model_foreign"


def test_a_process_keeps_some_models_in_memory_and_not_ever_more(
    database: Database, store: FolderBlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[str] = []

    def load(model: Model, _device: str) -> ClassicalSegmenter:
        loaded.append(model.identity.reference)
        return ClassicalSegmenter()

    monkeypatch.setattr("worker.segmenters.create_segmenter", load)
    references = [f"method-{number}" for number in range(MODELS_IN_MEMORY + 1)]
    with database.writing() as session:
        for number in range(len(references)):
            registry.register(session, ModelIdentity("method", str(number)), {})
    segmenters = RegisteredSegmenters(database, store, "cpu")
    for reference in (*references, references[-1], references[0]):
        segmenters(reference)
    assert loaded == [*references, references[0]]
