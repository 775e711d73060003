"""The command line as a person or a script uses it: exit codes, files, messages, and nothing left behind."""

import csv
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
import pytest
import tifffile
from click.testing import CliRunner, Result

from cli.client import Saemi
from cli.images import ImageOfFile, distinct_stems
from cli.inputs import find_micrographs
from cli.main import saemi
from shared.domain import ModelIdentity, Parameters
from shared.tables import PARTICLE_COLUMNS, SUMMARY_COLUMNS
from tests.integration.analyses import draw_discs
from tests.models import LISTED, NEWEST
from tests.stack import PROJECT, Stack, free_port, start_stack, wait_until
from tests.unit.micrograph.files import png_bytes, tiff_bytes
from worker.model_files import card_path, file_sha256
from worker.shipped import shipped_model, shipped_references, weights_files
from worker.training.synthetic import synthetic_micrograph

UP_TIMEOUT_S = 60
# Many tests are about files and messages; PyTorch would only make them wait.
CLASSICAL = ("--model", "classical")


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings but those of the test, and a folder of its own to write into."""
    for name in [name for name in os.environ if name.startswith("SAEMI_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def run(*arguments: object, timeout_s: float = 120, **environment: object) -> subprocess.CompletedProcess[str]:
    """Run `saemi` as a shell does."""
    return subprocess.run(
        [sys.executable, "-m", "cli.main", *map(os.fspath, map(_text, arguments))],
        env=os.environ | {"PYTHONPATH": str(PROJECT)} | {name: str(value) for name, value in environment.items()},
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout_s,
        check=False,
    )


def _text(argument: object) -> str | Path:
    return argument if isinstance(argument, Path) else str(argument)


def invoke(*arguments: object) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(saemi, [str(argument) for argument in arguments])


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def one_line(result: subprocess.CompletedProcess[str]) -> str:
    """Check that a command said one clear thing, and return it."""
    said = [line for line in result.stderr.splitlines() if not line.startswith("Starting SAEMI")]
    assert "Traceback" not in result.stderr
    assert len(said) == 1, result.stderr
    return said[0]


# Every command.


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        yield (*path, name)
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


@pytest.mark.parametrize("command", [(), *commands(saemi)], ids=" ".join)
def test_every_command_and_every_option_is_explained(command: tuple[str, ...]) -> None:
    for option in ("--help", "-h"):
        result = invoke(*command, option)
        assert result.exit_code == 0
        assert result.output.startswith("Usage: ")
        assert len([line for line in result.output.splitlines() if line.strip()]) >= 4


@pytest.mark.parametrize(
    "arguments",
    [
        ("unknown",),
        ("analyze",),
        ("analyze", "no such file.png"),
        ("analyze", ".", "--nm-per-px", "0"),
        ("analyze", ".", "--nm-per-px", "nan"),
        ("analyze", ".", "--model", "unknown"),
        ("analyze", ".", "--model", "nowhere.safetensors"),
        ("analyze", ".", "--device", "gpu"),
        ("analyze", ".", "--min-confidence", "1.5"),
        ("analyze", ".", "--min-confidence", "nan"),
        ("measure",),
        ("submit", "."),
        ("status", "seven"),
        ("up", "--port", "70000"),
        ("admin", "unknown"),
        ("models", "add", "nowhere.safetensors"),
        ("models", "card"),
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_2(arguments: tuple[str, ...]) -> None:
    result = invoke(*arguments)
    assert result.exit_code == 2
    assert "Traceback" not in result.output


def test_a_folder_without_micrographs_is_wrong_usage_and_says_what_is_looked_for(tmp_path: Path) -> None:
    result = run("analyze", tmp_path)
    assert result.returncode == 2
    assert ".tiff" in one_line(result)


def test_an_unknown_setting_is_wrong_usage_and_one_clear_message() -> None:
    result = run("config", SAEMI_PROT=1)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.splitlines() == ["saemi: The settings are not valid:", "  SAEMI_PROT: no such setting"]


def test_the_settings_in_force_are_printed_for_people_and_for_programs() -> None:
    result = run("config", "--json", SAEMI_PORT=9001, SAEMI_DATABASE_URL="postgresql://u:hunter2@db/saemi")
    assert result.returncode == 0
    shown = json.loads(result.stdout)
    assert (shown["port"], shown["database_url"]) == (9001, "postgresql://u:***@db/saemi")
    table = run("config", SAEMI_PORT=9001).stdout
    assert all(name in table for name in shown)


def test_the_doctor_says_what_is_wrong_and_never_crashes() -> None:
    away = {"SAEMI_DATABASE_URL": f"postgresql://nobody@127.0.0.1:{free_port()}/saemi", "SAEMI_PORT": free_port()}
    result = run("admin", "doctor", "--json", SAEMI_BROKER_URL=f"redis://127.0.0.1:{free_port()}/0", **away)
    assert result.returncode == 1, result.stderr
    findings = {finding["part"]: finding for finding in json.loads(result.stdout)}
    parts = ("software", "database", "models", "device", "broker", "portal")
    assert [findings[part]["ok"] for part in parts] == [True, False, False, True, False, False]
    assert all(finding["says"] for finding in findings.values())


BROKER = {"SAEMI_BROKER_URL": "redis://127.0.0.1:1/0"}
AWAY = {"SAEMI_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/saemi"}


@pytest.mark.parametrize(
    ("command", "environment", "said"),
    [
        ("web", {}, "SAEMI_BROKER_URL"),
        ("worker", BROKER, "saemi admin db upgrade"),
        ("dispatcher", BROKER | AWAY, "The database does not answer"),
    ],
    ids=["no broker", "no schema", "no database"],
)
def test_a_process_without_what_it_needs_says_so(command: str, environment: dict[str, str], said: str) -> None:
    result = run(command, **environment)
    assert result.returncode == 1
    assert said in one_line(result)


def test_a_worker_that_must_have_a_gpu_does_not_start_without_one() -> None:
    assert run("admin", "db", "upgrade").returncode == 0
    result = run("worker", SAEMI_DEVICE="cuda", CUDA_VISIBLE_DEVICES="", **BROKER)
    assert result.returncode == 1
    assert "no CUDA device" in one_line(result)


def test_an_upgrade_names_a_model_that_is_altered_and_registers_the_others(tmp_path: Path) -> None:
    assert run("admin", "db", "upgrade").returncode == 0
    blobs = [path for path in (tmp_path / "data" / "blobs").rglob("*") if path.is_file()]
    assert len(blobs) == len(weights_files())
    blob = blobs[0]
    blob.write_bytes(b"cut")
    result = run("admin", "db", "upgrade")
    assert result.returncode == 0
    assert str(blob) in one_line(result)


# saemi analyze.


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A folder of three micrographs, two of one stem, and two files that are none."""
    folder = tmp_path / "images"
    (folder / "deeper").mkdir(parents=True)
    (folder / "a.png").write_bytes(png_bytes(draw_discs(4)))
    (folder / "a.tif").write_bytes(tiff_bytes(draw_discs(2)))
    (folder / "deeper" / "[red].png").write_bytes(png_bytes(draw_discs(3)))
    whole = png_bytes(draw_discs(3))
    (folder / "broken.png").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.tif").touch()
    (folder / "notes.txt").write_text("no image")
    return folder


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


@pytest.fixture
def own_model(tmp_path: Path) -> Path:
    """A network of our own, untrained, with a card."""
    import torch

    from worker.analysis.network import ParticleNet
    from worker.weights import save_weights

    torch.manual_seed(0)
    path = tmp_path / "own-7.safetensors"
    save_weights(path, ParticleNet(), ModelIdentity("own", "7"), {"description": "Untrained.", "figures": {"f1": 0.125}})
    return path


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


# saemi models.


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


# saemi measure.


@pytest.mark.parametrize("ending", ["png", "tif", "npy"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_measure_reads_label_maps_and_gives_exact_areas(tmp_path: Path, ending: str, dtype: type) -> None:
    labels = np.zeros((20, 30), dtype)
    labels[2:5, 3:9], labels[10:14, 10:12] = 1, 7
    path = tmp_path / f"map.{ending}"
    if ending == "npy":
        np.save(path, labels)
    else:
        path.write_bytes(png_bytes(labels) if ending == "png" else tiff_bytes(labels))
    result = invoke("measure", path, "--nm-per-px", 0.5, "--json", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert json.loads(result.output)[0]["n_particles"] == 2
    with (tmp_path / "out" / "map.particles.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["label"], row["area_px"], float(row["area_nm2"])) for row in rows] == [("1", "18", 4.5), ("7", "8", 2.0)]


def test_measure_with_the_micrograph_leaves_its_banner_out_as_analyze_does(tmp_path: Path) -> None:
    sample = synthetic_micrograph(seed=4, shape=(400, 500), n_particles=12)
    assert sample.banner is not None
    (tmp_path / "sample.png").write_bytes(png_bytes(sample.pixels))
    labels = sample.labels.astype(np.uint16)
    labels[sample.banner.top + 5 : sample.banner.top + 15, 20:30] = labels.max() + 1
    labels = np.where(labels > 0, 3 * labels, 0).astype(np.uint16)
    (tmp_path / "labels.tif").write_bytes(tiff_bytes(labels))
    rows, numbers = {}, {}
    for name, image in [("alone", ()), ("with", ("--image", tmp_path / "sample.png"))]:
        result = invoke("measure", tmp_path / "labels.tif", *image, "--json", "--out", tmp_path / name)
        assert result.exit_code == 0, result.output
        (rows[name],) = json.loads(result.stdout)
        with (tmp_path / name / "labels.particles.csv").open() as file:
            numbers[name] = [int(row["label"]) for row in csv.DictReader(file)]
    assert rows["alone"]["n_particles"] == rows["with"]["n_particles"] + 1
    assert numbers["with"] == numbers["alone"][:-1], "particles keep the numbers of the label map"
    assert rows["with"]["banner"] == {"top": sample.banner.top, "bottom": sample.banner.bottom}
    assert rows["with"]["field"] == {"top": 0, "bottom": sample.banner.top, "left": 0, "right": 500}
    assert rows["with"]["counting_rule"] == "all"
    # The banner that is drawn has a bar, which is read as in analyze.
    assert (rows["with"]["calibration_source"], rows["alone"]["calibration_status"]) == ("scale_bar", "missing")
    assert rows["with"]["nm_per_px"] == pytest.approx(sample.nm_per_px, rel=0.01)


def test_rows_of_the_summary_have_the_same_keys_whether_an_image_failed_or_not(images: Path, tmp_path: Path) -> None:
    result = invoke("analyze", images, "--json", "--out", tmp_path / "out", *CLASSICAL)
    rows = json.loads(result.stdout)
    assert {row["state"] for row in rows} == {"done", "failed"}
    assert len({tuple(row) for row in rows}) == 1
    assert {"instrument", "metadata_nm_per_px", "scale_bar", "banner", "field", "warnings"} <= set(rows[0])


def test_measure_fails_files_that_are_no_label_maps_alone_and_by_name(tmp_path: Path) -> None:
    labels = np.zeros((20, 30), np.uint16)
    labels[2:5, 3:9] = 1
    np.save(tmp_path / "good.npy", labels)
    whole = {"tif": tiff_bytes(labels), "png": png_bytes(labels), "npy": (tmp_path / "good.npy").read_bytes()}
    bad = [tmp_path / "text.txt", tmp_path / "pickled.npy"]
    bad[0].write_text("no labels")
    np.save(bad[1], np.array([{"a": 1}], dtype=object), allow_pickle=True)
    for ending, content in whole.items():
        for length in (0, 1, 5, 9, 20, 60, len(content) // 2):
            bad.append(tmp_path / f"cut_{length}.{ending}")
            bad[-1].write_bytes(content[:length])
    result = invoke("measure", *bad, tmp_path / "good.npy", "--json", "--out", tmp_path / "out")
    assert result.exit_code == 1, result.output
    rows = json.loads(result.stdout)
    assert [row["file"] for row in rows if row["state"] == "done"] == [str(tmp_path / "good.npy")]
    assert len(rows) == len(bad) + 1
    assert names(tmp_path / "out") == {"good.particles.csv", "summary.csv", "summary.json"}


# The clients of a running portal.


def test_submit_waits_for_the_results_and_status_shows_them(images: Path, running_stack: Stack) -> None:
    server = ("--server", running_stack.address)
    result = run("submit", images, "--project", "cli", "--nm-per-px", "0.5", "--wait", *CLASSICAL, *server)
    assert result.returncode == 1, "some of the files are broken"
    assert "[red].png" in result.stdout
    number = int(result.stderr.rpartition("/")[2])
    (shown,) = json.loads(run("status", number, "--json", *server).stdout)
    assert (shown["project"], shown["counts"]["done"], shown["counts"]["failed"]) == ("cli", 3, 2)
    assert shown["parameters"] == {"model": "classical-1", "nm_per_px": 0.5, "min_confidence": 0.5}
    assert "cli" in run("status", *server).stdout
    refused = run("submit", images, "--project", "cli", "--model", "owl", *server)
    assert refused.returncode == 2
    assert LISTED in one_line(refused)
    with Saemi(running_stack.address) as portal:
        default, *_ = [model for model in portal.models() if model.is_default]
        opened = portal.open_submission("client", min_confidence=0.25)
        assert opened.parameters == {"model": default.reference, "nm_per_px": None, "min_confidence": 0.25}
    missing = run("status", 10**9, *server)
    assert missing.returncode == 1
    assert "no submission" in one_line(missing)


def test_this_machine_is_reached_without_the_proxy_of_the_environment(running_stack: Stack) -> None:
    proxy = f"http://127.0.0.1:{free_port()}"
    result = run("status", "--server", running_stack.address, HTTP_PROXY=proxy, http_proxy=proxy, ALL_PROXY=proxy)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("server", ["localhost:8000", "ftp://localhost", "http://[", "nonsense"])
def test_an_address_that_is_none_is_wrong_usage_at_once(server: str) -> None:
    result = run("status", "--server", server, timeout_s=10)
    assert result.returncode == 2
    assert "no address" in one_line(result)


def test_another_web_server_is_not_taken_for_a_portal(tmp_path: Path) -> None:
    port = free_port()
    with subprocess.Popen(
        [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"], cwd=tmp_path, stderr=subprocess.DEVNULL
    ) as server:
        page = tmp_path / "api" / "v1" / "submissions"
        page.parent.mkdir(parents=True)
        page.write_text("<html>Hello</html>")
        wait_until(lambda: reachable(port), "it listens")
        result = run("status", "--server", f"http://127.0.0.1:{port}", timeout_s=20)
        server.terminate()
    assert result.returncode == 1
    assert "no SAEMI portal" in one_line(result)


def reachable(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


# saemi up.


def processes_on(data_dir: Path) -> list[int]:
    """Processes that were told of a data folder, by their environment or their command line."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            told = (process / "environ").read_bytes() + (process / "cmdline").read_bytes()
        except OSError:
            continue
        if os.fsencode(data_dir) in told and int(process.name) != os.getpid():
            found.append(int(process.name))
    return found


def refused(data_dir: Path, *arguments: object, **environment: object) -> str:
    result = run("up", "--data", data_dir, *arguments, timeout_s=UP_TIMEOUT_S, **environment)
    assert result.returncode == 1, result.stderr
    assert processes_on(data_dir) == []
    return one_line(result)


def test_up_says_that_its_port_is_in_use(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"127.0.0.1:{port}" in refused(tmp_path / "data", "--port", port)


def test_up_says_that_its_data_folder_is_in_use(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    with (data / "saemi.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "Another SAEMI" in refused(data, "--port", free_port())


def test_up_says_that_its_data_folder_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("no folder")
    assert "cannot be written" in refused(tmp_path / "data", "--port", free_port())


def test_up_says_that_the_disk_is_full(tmp_path: Path) -> None:
    assert "SAEMI_MIN_FREE_BYTES" in refused(tmp_path / "data", "--port", free_port(), SAEMI_MIN_FREE_BYTES=2**62)


def test_up_says_that_its_database_is_none_or_away(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "saemi.db").write_bytes(b"These are no tables. " * 300)
    assert "database file cannot be used" in refused(data, "--port", free_port())
    away = f"postgresql://nobody@127.0.0.1:{free_port()}/saemi"
    assert "database does not answer" in refused(data, "--port", free_port(), SAEMI_DATABASE_URL=away)


def test_ctrl_c_stops_every_process_and_the_next_start_finds_the_jobs(tmp_path: Path) -> None:
    data = tmp_path / "da[ta]"
    proxy = f"http://127.0.0.1:{free_port()}"
    os.environ["HTTP_PROXY"] = proxy  # a lab's proxy must not stand between the parts of one machine
    try:
        with start_stack(data, worker_processes=1) as stack, Saemi(stack.address) as portal:
            submission = portal.open_submission("restart", model="classical").id
            path = tmp_path / "discs.png"
            path.write_bytes(png_bytes(draw_discs(3)))
            portal.add_file(submission, path)
            portal.wait(submission)
            # Enough that some still wait when it stops.
            for number in range(40):
                path.write_bytes(png_bytes(draw_discs(1 + number % 16, 4 + number // 16)))
                portal.add_file(submission, path, f"{number}.png")
            assert len(processes_on(data)) >= 5
            assert stack.stop() == 0
        assert processes_on(data) == []
        with start_stack(data, worker_processes=1) as stack, Saemi(stack.address) as portal:
            counts = portal.wait(submission).counts
            assert (counts.total, counts.done) == (41, 41)
            mains = [pid for pid in processes_on(data) if b"cli.main\0worker" in Path(f"/proc/{pid}/cmdline").read_bytes()]
            for pid in mains:
                os.kill(pid, signal.SIGKILL)
            assert stack.stop() == 0
        wait_until(lambda: not processes_on(data), "the pool of a killed worker ends with it", 20)
    finally:
        del os.environ["HTTP_PROXY"]
