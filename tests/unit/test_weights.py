"""Weights come back as they were, and every file that is not what its card says is refused with the reason."""

import json

import pytest
import torch
from safetensors.torch import save_file

from shared.domain import ModelIdentity
from shared.errors import InputError
from worker.analysis.network import ARCHITECTURE, ARCHITECTURE_VERSION, ParticleNet
from worker.model_files import card_path, file_sha256
from worker.weights import load_weights, save_weights


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    return ParticleNet()


@pytest.fixture
def model(net, tmp_path):
    path = tmp_path / "model-1.safetensors"
    save_weights(path, net, ModelIdentity("model", "1"), {"data": "none"})
    return path


def rewrite_card(path, **changes):
    card = json.loads(card_path(path).read_text())
    card_path(path).write_text(json.dumps({**card, **changes}))


def refused(path):
    with pytest.raises(InputError) as error:
        load_weights(path)
    assert path.stem in error.value.message
    return error.value.code


def test_weights_come_back_to_half_precision_with_name_version_and_card(net, model):
    found = load_weights(model)
    assert found.identity == ModelIdentity("model", "1", file_sha256(model))
    assert found.card["data"] == "none"
    for key, value in net.state_dict().items():
        wanted = value.half().to(value.dtype) if value.is_floating_point() else value
        assert torch.equal(found.net.state_dict()[key], wanted)


def test_a_missing_file_is_refused(tmp_path):
    assert refused(tmp_path / "none.safetensors") == "model_missing"


def test_a_cut_file_is_refused(model):
    model.write_bytes(model.read_bytes()[:-1000])
    assert refused(model) == "model_altered"


def test_an_altered_file_is_refused(model):
    content = bytearray(model.read_bytes())
    content[-5] ^= 1
    model.write_bytes(content)
    assert refused(model) == "model_altered"


@pytest.mark.parametrize("protocol", [True, False], ids=["zip", "legacy"])
def test_a_pickle_is_refused_even_if_its_card_vouches_for_it(model, protocol):
    torch.save({"a": torch.zeros(3)}, model, _use_new_zipfile_serialization=protocol)
    rewrite_card(model, sha256=file_sha256(model))
    assert refused(model) == "model_is_pickle"


def test_what_is_no_safetensors_file_is_refused_even_if_its_card_vouches_for_it(model):
    model.write_bytes(b"not a table of numbers")
    rewrite_card(model, sha256=file_sha256(model))
    assert refused(model) == "model_damaged"


def test_another_architecture_is_refused(model):
    rewrite_card(model, architecture="other")
    assert refused(model) == "model_foreign"


@pytest.mark.parametrize("metadata", [None, {"architecture": ARCHITECTURE, "architecture_version": ARCHITECTURE_VERSION}])
def test_other_layers_are_refused(model, metadata):
    save_file({"a": torch.zeros(3)}, model, metadata=metadata)
    rewrite_card(model, sha256=file_sha256(model))
    assert refused(model) == "model_foreign"


def test_weights_that_are_not_finite_are_refused(net, model):
    state = {key: value.clone() for key, value in net.state_dict().items()}
    state["head.bias"][0] = float("nan")
    broken = ParticleNet()
    broken.load_state_dict(state)
    save_weights(model, broken, ModelIdentity("model", "1"), {})
    assert refused(model) == "model_damaged"


@pytest.mark.parametrize("content", [None, "{", "[]", "{}"])
def test_a_missing_or_broken_card_is_refused(model, content):
    card_path(model).unlink()
    if content is not None:
        card_path(model).write_text(content)
    assert refused(model) == "model_card_invalid"


def test_the_card_of_the_registry_counts_where_one_is_given(model):
    card = json.loads(card_path(model).read_text())
    card_path(model).unlink()
    stored = model.rename(model.with_name("5" * 64))
    assert load_weights(stored, card).identity.reference == "model-1"
    with pytest.raises(InputError, match="model-1") as error:
        load_weights(stored, {**card, "sha256": "0" * 64})
    assert error.value.code == "model_altered"


@pytest.mark.parametrize("card", ['{"a": NaN}', '{"a": "\\ud800"}'], ids=["no number", "half a character"])
def test_a_card_that_a_database_cannot_hold_is_refused(model, card):
    card_path(model).write_text(card)
    assert refused(model) == "model_card_invalid"
