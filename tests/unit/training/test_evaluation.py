"""`saemi evaluate`: the scores of a segmenter through the pipeline, the table and the sheets of the worst images."""

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from cli.main import saemi
from shared.arrays import FloatImage, Labels
from shared.domain import ModelIdentity, Segmentation
from shared.errors import InputError
from worker.training.evaluation import (
    HEADING_HEIGHT_PX,
    Evaluated,
    Worst,
    contact_sheets,
    evaluate,
    read_names,
    score_record,
    select,
)
from worker.training.labelled import find_labelled
from worker.training.scoring import score_image
from worker.training.synthetic import synthetic_micrograph

SHAPE = (60, 80)


class NothingFound:
    """A segmenter that sees no particle."""

    identity = ModelIdentity("nothing", "1")

    def __call__(self, image: FloatImage) -> Segmentation:
        return Segmentation(np.zeros(image.shape, dtype=np.int32))


class BrightIsParticle:
    """A segmenter that takes each bright piece for a particle, wherever it lies."""

    identity = ModelIdentity("bright", "1")

    def __call__(self, image: FloatImage) -> Segmentation:
        return Segmentation(cv2.connectedComponents((image > 0.5).astype(np.uint8))[1].astype(np.int32))


def squares(*corners: tuple[int, int]) -> Labels:
    labels = np.zeros(SHAPE, dtype=np.int32)
    for number, (y, x) in enumerate(corners, start=1):
        labels[y : y + 12, x : x + 12] = number
    return labels


def write_set(folder: Path, **label_maps: Labels) -> Path:
    for name in ("images", "labels"):
        (folder / name).mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name, labels in label_maps.items():
        Image.fromarray((40 + 160 * (labels > 0) + rng.normal(0, 3, labels.shape)).astype(np.uint8)).save(
            folder / "images" / f"{name}.png"
        )
        Image.fromarray(labels.astype(np.uint8)).save(folder / "labels" / f"{name}.png")
    return folder


def evaluated(name: str, truth: Labels, prediction: Labels) -> Evaluated:
    pixels = np.where(truth > 0, 200, 40).astype(np.uint8)
    return Evaluated(name, pixels, truth, prediction, score_image(truth, prediction))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_set(tmp_path / "data", one=squares((5, 5)), two=squares((5, 5), (30, 40)), three=squares((40, 60)))


def run(*arguments: object) -> Result:
    return CliRunner().invoke(saemi, ["evaluate", "--model", "classical", *map(str, arguments)])


def test_each_image_is_scored_as_the_pipeline_segments_it(data: Path) -> None:
    scores = {image.name: image.score for image in evaluate(find_labelled(data), BrightIsParticle())}
    assert list(scores) == ["one", "three", "two"]
    assert (scores["one"].dice, scores["one"].map) == (1, 1)
    # The pipeline gives connected parts numbers of their own, so that both particles are found.
    assert scores["two"].n_predicted == 2


def test_what_lies_in_a_banner_is_not_predicted(tmp_path: Path) -> None:
    made = synthetic_micrograph(1, (300, 400), n_particles=20)
    assert made.banner is not None
    data = write_set(tmp_path, made=made.labels)
    Image.fromarray(made.pixels).save(data / "images" / "made.png")
    (found,) = evaluate(find_labelled(data), BrightIsParticle())
    assert found.prediction[: made.banner.top].any()
    assert not found.prediction[made.banner.top :].any()


def test_names_choose_images_in_their_order(data: Path) -> None:
    assert [image.name for image in select(find_labelled(data), ["two", "one", "two"])] == ["two", "one"]


def test_names_without_an_image_are_all_named(data: Path) -> None:
    with pytest.raises(InputError, match="2 names have no image: four, five") as caught:
        select(find_labelled(data), ["one", "four", "five"])
    assert caught.value.code == "unknown_names"


def test_no_names_are_refused(data: Path) -> None:
    with pytest.raises(InputError, match="No names"):
        select(find_labelled(data), [])


def test_names_are_read_one_a_line_whatever_they_hold(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("a b\n\n µ \r\nc", encoding="utf-8")
    assert read_names(tmp_path / "names.txt") == ["a b", "µ", "c"]


def test_a_list_of_names_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"names\.txt is no list of names"):
        read_names(tmp_path / "names.txt")


def test_the_worst_images_are_kept_and_the_others_let_go() -> None:
    truth = squares((5, 5), (30, 40))
    worst = Worst(2)
    for name, prediction in (("good", truth), ("bad", np.zeros_like(truth)), ("half", squares((5, 5)))):
        worst.add(evaluated(name, truth, prediction))
    assert [image.name for image in worst.images] == ["bad", "half"]


def test_a_sheet_shows_true_and_predicted_outlines_in_their_colours() -> None:
    truth, prediction = squares((5, 5)), squares((30, 40))
    (sheet,) = contact_sheets([evaluated("a", truth, prediction)], "model")
    # The micrograph and the text are grey: blue and orange differ from them in the sign of red less blue.
    warmth = sheet[HEADING_HEIGHT_PX:, :, 0].astype(int) - sheet[HEADING_HEIGHT_PX:, :, 2]
    blue, orange = np.argwhere(warmth < -60), np.argwhere(warmth > 60)
    # 60 × 80 px are drawn 357 × 476 px large, 2 px from the tile's left side. The squares of 12 px reach from 5 to 17, from 30
    # to 42 and from 40 to 52 px; the tolerance is the wider line and its soft edge.
    scale = 476 / 80
    for drawn, top, left in ((blue, 5, 5), (orange, 30, 40)):
        assert drawn.min(axis=0) == pytest.approx([top * scale, left * scale + 2], abs=3)
        assert drawn.max(axis=0) == pytest.approx([(top + 12) * scale, (left + 12) * scale + 2], abs=3)


@pytest.mark.parametrize(("n_images", "n_sheets"), [(0, 0), (1, 1), (12, 1), (13, 2)])
def test_twelve_images_stand_on_a_sheet(n_images: int, n_sheets: int) -> None:
    truth = squares((5, 5))
    sheets = list(contact_sheets([evaluated(f"µ {i}", truth, truth) for i in range(n_images)], "model"))
    assert len(sheets) == n_sheets
    assert all(sheet.shape[1:] == (1920, 3) and sheet.dtype == np.uint8 for sheet in sheets)


def test_a_row_of_scores_names_every_size_class() -> None:
    truth = squares((5, 5))
    record = score_record("a", score_image(truth, truth))
    # A square of 12 px has an ECD of 13.5 px.
    assert (record["n_ecd_below_12_px"], record["n_ecd_12_to_48_px"], record["found_ecd_12_to_48_px"]) == (0, 1, 1)


def test_the_command_prints_the_table_and_writes_scores_and_sheets(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = run("--data", data, "--model", "classical", "--out", out)
    assert result.exit_code == 0, result.output
    header, *lines = result.stdout.splitlines()
    assert header.split() == ["figure", "value", "ci95_low", "ci95_high", "n"]
    names = [line.split()[0] for line in lines]
    assert {"dice", "map", "median_count_error", "median_ecd_error", "recall_ecd_12_to_48_px"} <= set(names)
    with (out / "scores.csv").open(newline="") as file:
        assert [row["name"] for row in csv.DictReader(file)] == ["one", "three", "two"]
    assert [path.name for path in out.glob("*.png")] == ["worst_01.png"]
    with Image.open(out / "worst_01.png") as sheet:
        assert sheet.size[0] == 1920


def test_the_figures_are_printed_as_json_with_null_for_what_was_not_there(data: Path, tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("one\n")
    result = run("--data", data, "--names", tmp_path / "names.txt", "--out", tmp_path / "out", "--json")
    report = json.loads(result.stdout)
    assert (report["model"]["name"], report["n_images"]) == ("classical", 1)
    assert report["figures"]["map"]["n"] == 1
    assert report["figures"]["recall_ecd_above_192_px"] == {"value": None, "ci95_low": None, "ci95_high": None, "n": 0}


def test_sheets_of_an_earlier_run_do_not_stay(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "worst_07.png").write_bytes(b"old")
    assert run("--data", data, "--out", out, "--worst", 0).exit_code == 0
    assert list(out.glob("*.png")) == []


def test_an_unknown_model_is_a_usage_error(data: Path) -> None:
    result = run("--data", data, "--model", "no-such-model")
    assert result.exit_code == 2
    assert "no-such-model" in result.output


def test_bad_data_is_told_before_anything_is_computed_or_written(data: Path, tmp_path: Path) -> None:
    (data / "labels" / "two.png").unlink()
    result = run("--data", data, "--out", tmp_path / "out")
    assert isinstance(result.exception, InputError)
    assert result.exception.code == "invalid_training_data"
    assert not (tmp_path / "out").exists()


def test_a_segmenter_that_finds_nothing_scores_nothing(data: Path) -> None:
    assert all(image.score.map == 0 and image.score.count_error == 1 for image in evaluate(find_labelled(data), NothingFound()))
