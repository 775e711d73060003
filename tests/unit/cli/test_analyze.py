"""`saemi analyze`: the files it writes, and the models it takes."""

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest
import tifffile

from cli.images import ImageOfFile, distinct_stems
from cli.inputs import find_micrographs
from shared.domain import Parameters
from shared.tables import PARTICLE_COLUMNS, SUMMARY_COLUMNS
from tests.integration.analyses import draw_discs
from tests.models import NEWEST
from tests.unit.cli.invocation import CLASSICAL, invoke, names, one_line, run
from tests.unit.micrograph.files import png_bytes, tiff_bytes
from worker.model_files import card_path, file_sha256
from worker.shipped import shipped_model
from worker.training.synthetic import synthetic_micrograph


def test_analyze_writes_the_promised_files_and_one_row_for_each_image(images: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = run("analyze", images, "--out", out, "--nm-per-px", "0.5", *CLASSICAL)
    assert result.returncode == 1, "some of the images are broken"
    analysed = {"a", "a_2", "[red]"}
    endings = ("particles.csv", "labels.tif", "overlay.png")
    assert names(out) == {f"{stem}.{ending}" for stem in analysed for ending in endings} | {"summary.csv", "summary.json"}
    with (out / "summary.csv").open() as file:
        rows = {Path(row["file"]).relative_to(images).as_posix(): row for row in csv.DictReader(file)}
    assert list(rows["a.png"]) == list(SUMMARY_COLUMNS)
    found = {name: (row["state"], row["n_particles"]) for name, row in rows.items()}
    assert found == {
        "a.png": ("done", "4"), "a.tif": ("done", "2"), "deeper/[red].png": ("done", "3"),
        "broken.png": ("failed", ""), "empty.tif": ("failed", ""),
    }  # fmt: skip
    assert all(rows[name]["error_code"] and rows[name]["error_message"] for name in ("broken.png", "empty.tif"))
    assert [row["file"] for row in json.loads((out / "summary.json").read_text())] == [row["file"] for row in rows.values()]
    assert "[red].png" in result.stdout, "a file's name is no markup"
    assert "3 of 5 images analysed" in result.stderr
    labels = tifffile.imread(out / "a.labels.tif")
    assert labels.shape == draw_discs().shape
    with (out / "a.particles.csv").open() as file:
        particles = list(csv.DictReader(file))
    assert list(particles[0]) == list(PARTICLE_COLUMNS)
    assert {int(row["label"]) for row in particles} == set(np.unique(labels)) - {0}


def test_analyze_prints_json_for_programs_and_ends_with_0_when_all_went_well(images: Path, tmp_path: Path) -> None:
    result = run("analyze", images / "a.png", "--json", "--out", tmp_path / "out", *CLASSICAL)
    assert result.returncode == 0, result.stderr
    (row,) = json.loads(result.stdout)
    assert (row["n_particles"], row["nm_per_px"], row["ecd_mean_nm"], row["banner"]) == (4, None, None, None)


def test_analyze_does_not_take_its_own_results_for_micrographs(images: Path) -> None:
    before, out = find_micrographs([images]), images / "saemi-results"
    out.mkdir()
    (out / "a.overlay.png").write_bytes(png_bytes(draw_discs(1)))
    assert find_micrographs([images], out) == before
    assert find_micrographs([images, out / "a.overlay.png"], out) == [*before, out / "a.overlay.png"], "unless it is named"
    for path in before:
        path.unlink()
    assert run("analyze", images, "--out", out).returncode == 2


def test_analyze_takes_names_that_are_no_text_very_long_or_full_of_markup(tmp_path: Path) -> None:
    strange = [b"\xff\xfe.png", b"x" * 250 + b".png", b":gear: [bold]a.png", "日本語\\[b.png".encode()]
    for name in strange:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_bytes(png_bytes(draw_discs(1)))
    result = run("analyze", tmp_path, "--out", tmp_path / "out", *CLASSICAL)
    assert result.returncode == 0, result.stderr
    with (tmp_path / "out" / "summary.csv").open(encoding="utf-8") as file:
        assert [row["state"] for row in csv.DictReader(file)] == ["done"] * 4
    assert len([name for name in names(tmp_path / "out") if name.endswith(".particles.csv")]) == 4
    assert ":gear: [bold]a.png" in result.stdout
    assert "日本語\\[b.png" in result.stdout
    assert "x" * 250 in result.stdout, "nothing is folded in a pipe"


def test_results_that_cannot_be_written_are_one_clear_message(images: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("no folder")
    for result in (
        run("analyze", images, "--out", tmp_path / "out", *CLASSICAL),
        run("measure", images / "a.tif", "--out", tmp_path / "out"),
    ):
        assert result.returncode == 1
        assert "cannot be written" in one_line(result)


def test_results_of_files_of_one_stem_have_different_names() -> None:
    paths = [Path(name) for name in ("a.png", "b/A.tif", "a_2.png", "a.bmp", "a_2.tif")]
    stems = list(distinct_stems([ImageOfFile(path) for path in paths]))
    assert stems[0] == "a"
    assert len({stem.casefold() for stem in stems}) == 5


def test_the_images_of_a_stack_have_results_of_their_own_that_sort_as_they_do(tmp_path: Path) -> None:
    stack = np.stack([synthetic_micrograph(seed, (64, 96)).pixels for seed in range(11)])
    (tmp_path / "stack.tif").write_bytes(tiff_bytes(stack, photometric="minisblack"))
    (tmp_path / "stack_02.png").write_bytes(png_bytes(stack[0]))
    result = run("analyze", "stack.tif", "stack_02.png", "--images", "all", "--out", "out", "--json", *CLASSICAL)
    assert result.returncode == 0, result.stderr
    rows = json.loads(result.stdout)
    assert [(row["image"], row["n_images"]) for row in rows] == [*((number, 11) for number in range(1, 12)), (1, 1)]
    written = sorted(path.name.partition(".")[0] for path in (tmp_path / "out").glob("*.labels.tif"))
    assert written == ["stack_01", "stack_02", "stack_02_2", *(f"stack_{number:02d}" for number in range(3, 12))]
    with (tmp_path / "out" / "summary.csv").open() as file:
        table = list(csv.DictReader(file))
    assert [(row["image"], row["n_images"]) for row in table[:2]] == [("1", "11"), ("2", "11")]


def test_of_a_stack_the_first_image_is_analysed_and_the_others_are_counted(tmp_path: Path) -> None:
    stack = np.stack([synthetic_micrograph(seed, (64, 96)).pixels for seed in range(2)])
    (tmp_path / "stack.tif").write_bytes(tiff_bytes(stack, photometric="minisblack"))
    result = run("analyze", "stack.tif", "--out", "out", "--json", *CLASSICAL)
    (row,) = json.loads(result.stdout)
    assert (row["image"], row["n_images"]) == (1, 2)
    assert "1 image was left out; --images all takes them." in row["warnings"]
    assert (tmp_path / "out" / "stack.labels.tif").is_file()


@pytest.mark.parametrize(("reference", "stored"), [("particlenet", NEWEST.reference), ("classical-1", "classical-1")])
def test_analyze_stores_the_reference_of_the_model_that_was_meant_and_its_hash(
    images: Path, tmp_path: Path, reference: str, stored: str
) -> None:
    arguments = ("--model", reference, "--min-confidence", "0.25", "--device", "cpu", "--json", "--out", tmp_path / "out")
    result = run("analyze", images / "a.png", *arguments)
    assert result.returncode == 0, result.stderr
    (row,) = json.loads(result.stdout)
    model = shipped_model(stored)
    assert model is not None
    found = (row["model_name"], row["model_version"], row["model_sha256"])
    assert found == (model.identity.name, model.identity.version, model.identity.sha256)
    assert row["parameters_sha256"] == Parameters(stored, min_confidence=0.25).digest
    assert f"analysed with {stored}" in result.stderr


def test_analyze_takes_a_weights_file_with_its_card(images: Path, tmp_path: Path, own_model: Path) -> None:
    result = run("analyze", images / "a.png", "--model", own_model, "--json", "--out", tmp_path / "out")
    assert result.returncode == 0, result.stderr
    (row,) = json.loads(result.stdout)
    assert (row["model_name"], row["model_version"], row["model_sha256"]) == ("own", "7", file_sha256(own_model))


def test_analyze_and_evaluate_refuse_an_altered_weights_file_before_they_write_anything(
    images: Path, tmp_path: Path, own_model: Path
) -> None:
    own_model.write_bytes(own_model.read_bytes()[:-100])
    for command in (("analyze", images), ("evaluate", "--data", images)):
        result = invoke(*command, "--model", own_model, "--out", tmp_path / "out")
        assert result.exit_code == 2
        assert "own-7" in result.output
        assert "cut or altered" in result.output
    assert not (tmp_path / "out").exists()


def test_a_model_that_only_the_processes_can_tell_to_be_foreign_ends_analyze_with_one_message(
    images: Path, tmp_path: Path, own_model: Path
) -> None:
    from safetensors.numpy import save_file

    save_file({"a": np.zeros(3)}, own_model)
    card = json.loads(card_path(own_model).read_text())
    card_path(own_model).write_text(json.dumps({**card, "sha256": file_sha256(own_model)}))
    result = run("analyze", images, "--model", own_model, "--out", tmp_path / "out")
    assert result.returncode == 1
    assert "this release runs particlenet" in one_line(result)


def test_a_gpu_that_is_asked_for_and_not_there_is_wrong_usage(images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    for command in (("analyze", images), ("evaluate", "--data", images)):
        result = invoke(*command, "--device", "cuda")
        assert result.exit_code == 2
        assert "no CUDA device" in result.output
