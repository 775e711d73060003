"""Labelled sets on disk: what is found, what is read, and every kind of bad input by its name and all at once."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from shared.errors import InputError
from tests.unit.training.data_sets import SHAPE, TWO, problems_of, write_image, write_labels
from worker.training.labelled import check_labelled, find_labelled, read_labelled


def test_the_fixture_is_a_data_set_without_problems(tmp_path: Path) -> None:
    write_image(tmp_path / "images" / "a.png")
    write_labels(tmp_path / "labels" / "a.png", TWO)
    assert check_labelled(find_labelled(tmp_path)) == ()


@pytest.mark.parametrize(
    ("dtype", "suffix"),
    [(np.uint8, ".png"), (np.uint16, ".png"), (np.uint8, ".tif"), (np.uint16, ".tif"), (np.uint32, ".tif"), (np.int32, ".tif")],
)
def test_label_maps_of_8_16_and_32_bit_are_read_as_they_are(tmp_path: Path, dtype: type, suffix: str) -> None:
    labels = TWO.astype(dtype) * (100 if dtype == np.uint8 else 30_000)
    write_image(tmp_path / "images" / "a.tif")
    write_labels(tmp_path / "labels" / f"a{suffix}", labels)
    micrograph, read = read_labelled(find_labelled(tmp_path)[0])
    assert (micrograph.pixels.shape, read.dtype) == (SHAPE, np.int32)
    assert np.array_equal(read, labels)


@pytest.mark.parametrize(("folder", "label_name"), [("labels", "a.tiff"), ("segmaps", "a.png"), ("labels", "a.labels.tif")])
def test_the_layouts_of_emps_and_of_saemis_own_results_are_known(tmp_path: Path, folder: str, label_name: str) -> None:
    write_image(tmp_path / "images" / "a.png")
    write_labels(tmp_path / folder / label_name, TWO)
    (found,) = find_labelled(tmp_path)
    assert found.name == "a"
    assert found.load_labels().max() == 2


@pytest.mark.shared_data
def test_emps_is_found_whole_and_has_no_problem(shared_data: Path) -> None:
    images = find_labelled(shared_data / "emps")
    assert [image.name for image in images] == sorted((shared_data / "emps" / "names.txt").read_text().split())
    # Particles behind others: they have several parts, which is worth a warning only.
    assert len(check_labelled(images)) == 11


def rgb_labels(folder: Path) -> None:
    write_labels(folder / "labels" / "bad.png", np.dstack([TWO] * 3))


def palette_labels(folder: Path) -> None:
    picture = Image.fromarray(TWO)
    picture.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
    picture.save(folder / "labels" / "bad.png")


def mask_of_two_particles(folder: Path) -> None:
    write_labels(folder / "labels" / "bad.png", (TWO > 0).astype(np.uint8) * 255)


def cut_labels(folder: Path) -> None:
    write_labels(folder / "labels" / "bad.png", TWO)
    path = folder / "labels" / "bad.png"
    path.write_bytes(path.read_bytes()[:60])


def cut_image(folder: Path) -> None:
    write_labels(folder / "labels" / "bad.png", TWO)
    (folder / "images" / "bad.png").write_bytes(b"\x89PNG\r\n")


def image_without_contrast(folder: Path) -> None:
    write_labels(folder / "labels" / "bad.png", TWO)
    Image.fromarray(np.full(SHAPE, 7, dtype=np.uint8)).save(folder / "images" / "bad.png")


def two_label_maps(folder: Path) -> None:
    write_labels(folder / "labels" / "bad.png", TWO)
    write_labels(folder / "labels" / "bad.tif", TWO)


def labels_alone(folder: Path) -> None:
    write_labels(folder / "labels" / "bad.png", TWO)
    (folder / "images" / "bad.png").unlink()


BAD_INPUT: dict[str, tuple[Callable[[Path], None], str]] = {
    "missing labels": (lambda folder: None, "labels are missing (labels/bad.png)"),
    "labels without an image": (labels_alone, "labels without an image"),
    "empty labels": (
        lambda folder: write_labels(folder / "labels" / "bad.png", np.zeros(SHAPE, dtype=np.uint8)),
        "the labels are empty",
    ),
    "one-value labels": (
        lambda folder: write_labels(folder / "labels" / "bad.png", np.full(SHAPE, 5, dtype=np.uint8)),
        "the labels have one value: all pixels are 5",
    ),
    "a mask": (mask_of_two_particles, "the labels have one value (255) in several parts"),
    "RGB labels": (rgb_labels, "The label map is a colour picture"),
    "palette labels": (palette_labels, "The label map is a colour picture"),
    "sizes that differ": (
        lambda folder: write_labels(folder / "labels" / "bad.png", TWO[:, :-1].copy()),
        "sizes differ: the image is 30 × 20 px, the labels are 29 × 20 px",
    ),
    "fractions": (
        lambda folder: write_labels(folder / "labels" / "bad.tif", TWO.astype(np.float32) / 2),
        "The label map has values with a fraction",
    ),
    "a stack": (
        lambda folder: tifffile.imwrite(folder / "labels" / "bad.tif", np.stack([TWO] * 5), photometric="minisblack"),
        "The file holds 5 images",
    ),
    "unreadable labels": (cut_labels, "bad.png cannot be read as a label map"),
    "an unreadable image": (cut_image, "the image cannot be used"),
    "an image without contrast": (image_without_contrast, "the image cannot be used: All 600 pixels have the same value"),
    "two label maps of one image": (two_label_maps, "2 images or label maps have this name"),
}


@pytest.mark.parametrize(("spoil", "expected"), BAD_INPUT.values(), ids=BAD_INPUT)
def test_bad_input_is_one_line_with_its_name(tmp_path: Path, spoil: Callable[[Path], None], expected: str) -> None:
    for name in ("good", "bad"):
        write_image(tmp_path / "images" / f"{name}.png")
    write_labels(tmp_path / "labels" / "good.png", TWO)
    spoil(tmp_path)
    (line,) = problems_of(tmp_path)
    assert line.startswith(f"bad: {expected}")


def test_all_problems_are_told_at_once_a_line_each(tmp_path: Path) -> None:
    for name in "abcd":
        write_image(tmp_path / "images" / f"{name}.png")
    write_labels(tmp_path / "labels" / "a.png", np.zeros((20, 29), dtype=np.uint8))
    write_labels(tmp_path / "labels" / "b.png", np.dstack([TWO] * 3))
    write_labels(tmp_path / "labels" / "c.png", TWO)
    (tmp_path / "images" / "b.png").write_bytes(b"")
    # a differs in size and is empty, b is damaged on both sides, d has no labels.
    assert [line[:2] for line in problems_of(tmp_path)] == ["a:", "a:", "b:", "b:", "d:"]


def test_a_particle_in_several_parts_is_a_warning_only(tmp_path: Path) -> None:
    write_image(tmp_path / "images" / "a.png")
    labels = TWO.copy()
    labels[0, 0] = 2
    write_labels(tmp_path / "labels" / "a.png", labels)
    assert check_labelled(find_labelled(tmp_path)) == ("a: 1 of 2 particles have several parts",)
    assert np.array_equal(find_labelled(tmp_path)[0].load_labels(), labels)


def test_gaps_in_the_numbers_and_hidden_files_are_nothing_to_speak_of(tmp_path: Path) -> None:
    write_image(tmp_path / "images" / "a.png")
    write_labels(tmp_path / "labels" / "a.png", TWO * 50)
    (tmp_path / "images" / "._a.png").write_bytes(b"left by a file manager")
    assert check_labelled(find_labelled(tmp_path)) == ()


def test_a_folder_without_a_data_set_is_refused(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "settings.json").write_text('{"colour": "blue"}')
    with pytest.raises(InputError, match="holds no labelled images") as caught:
        find_labelled(tmp_path)
    assert caught.value.code == "invalid_training_data"
