"""`saemi models`: listing, adding, choosing, and what is refused."""

import json
from pathlib import Path

from tests.models import LISTED, NEWEST
from tests.unit.cli.invocation import invoke, one_line, run
from worker.model_files import card_path, file_sha256
from worker.shipped import shipped_references


def test_before_there_is_a_database_models_says_what_makes_one_and_makes_none(tmp_path: Path) -> None:
    for command in (("list",), ("default", "classical"), ("card", "classical")):
        result = run("models", *command)
        assert result.returncode == 1
        assert "saemi admin db upgrade" in one_line(result)
    assert not (tmp_path / "data").exists()


def test_models_are_listed_added_chosen_and_their_cards_shown(images: Path, tmp_path: Path, own_model: Path) -> None:
    assert invoke("admin", "db", "upgrade").exit_code == 0
    assert invoke("admin", "db", "upgrade").exit_code == 0
    listed = json.loads(invoke("models", "list", "--json").stdout)
    assert {model["reference"]: model["is_default"] for model in listed} == {
        reference: reference == NEWEST.reference for reference in shipped_references()
    }
    table = invoke("models", "list").stdout
    assert listed[0]["sha256"][:12] in table
    assert listed[0]["sha256"] not in table
    figures = [f"{listed[0]['card']['figures'][name]['value']:.4g}" for name in ("dice", "ap50", "map", "f1")]
    assert all(text in table for text in ("default", "particlenet-lite0 1", *figures, "mAP"))

    assert invoke("models", "add", own_model).output == "own-7 is registered.\n"
    assert invoke("models", "add", own_model).exit_code == 0, "it is there already"
    assert invoke("models", "default", "own").output == "own-7 is the default.\n"
    assert invoke("admin", "db", "upgrade").exit_code == 0
    (default,) = [model for model in json.loads(invoke("models", "list", "--json").stdout) if model["is_default"]]
    assert default["reference"] == "own-7", "a person's choice stays"
    shown = invoke("models", "card", "own").output
    assert shown.startswith("# own-7 (default)\n")
    assert all(text in shown for text in ("Untrained.", file_sha256(own_model), "| f1 | 0.125 | – |"))
    assert json.loads(invoke("models", "card", "own-7", "--json").output)["card"]["figures"] == {"f1": 0.125}
    unknown = invoke("models", "card", "owl")
    assert unknown.exit_code == 2
    assert f"own-7, {LISTED}" in unknown.output

    own_model.unlink()
    result = run("analyze", images / "a.png", "--model", "own", "--json", "--out", tmp_path / "out")
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)[0]["model_name"] == "own", "the registry has the weights when the file is gone"
    parts = json.loads(invoke("admin", "doctor", "--part", "models", "--json").stdout)
    assert parts == [
        {"part": "models", "ok": True, "says": f"{len(shipped_references()) + 1} registered, own-7 is the default"}
    ]
    for blob in (tmp_path / "data" / "blobs").rglob(default["sha256"]):
        blob.unlink()
    assert "own-7" in invoke("admin", "doctor", "--part", "models").output
    assert "not in the file store" in invoke("analyze", images, "--model", "own").output


def test_a_weights_file_that_is_refused_is_not_registered(own_model: Path) -> None:
    assert invoke("admin", "db", "upgrade").exit_code == 0
    whole = own_model.read_bytes()
    for content, said in [(whole[:-1], "cut or altered"), (b"\x80\x04}q\x00.", "pickle")]:
        own_model.write_bytes(content)
        result = invoke("models", "add", own_model)
        assert result.exit_code == 2
        assert said in result.output
    own_model.write_bytes(whole)
    card = json.loads(card_path(own_model).read_text())
    card_path(own_model).write_text(json.dumps({**card, "architecture": "stardist"}))
    assert "holds stardist 1" in invoke("models", "add", own_model).output
    card_path(own_model).write_text(json.dumps({**card, "name": "particlenet", "version": "1"}))
    assert "another particlenet-1" in invoke("models", "add", own_model).output
    assert len(json.loads(invoke("models", "list", "--json").stdout)) == len(shipped_references())
