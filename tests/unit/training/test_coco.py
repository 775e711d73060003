"""COCO instance files: where their images are found, polygons and run lengths drawn, and what is said of bad ones."""

import pickle
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from shared.arrays import Mask
from shared.errors import InputError
from tests.unit.training.data_sets import SHAPE, TWO, entry, problems_of, write_coco, write_image
from worker.training.coco import decode_counts
from worker.training.labelled import check_labelled, find_labelled, read_labelled


def test_a_labelled_image_can_be_sent_to_another_process(tmp_path: Path) -> None:
    write_image(tmp_path / "images" / "a.png")
    write_coco(tmp_path / "c.json", [entry(1, "a.png")], [{"image_id": 1, "segmentation": [[1, 1, 9, 1, 9, 9]]}])
    (found,) = find_labelled(tmp_path)
    assert np.array_equal(pickle.loads(pickle.dumps(found)).load_labels(), found.load_labels())


@pytest.mark.parametrize(
    ("file", "image"),
    [
        ("annotations.json", "images/a.png"),
        ("train.json", "train/a.png"),
        ("annotations/instances_val.json", "val/a.png"),
        ("_annotations.coco.json", "a.png"),
    ],
)
def test_coco_images_are_found_in_the_usual_places(tmp_path: Path, file: str, image: str) -> None:
    write_image(tmp_path / image)
    rectangle = [3, 2, 9, 2, 9, 6, 3, 6]
    write_coco(tmp_path / file, [entry(4, "a.png")], [{"image_id": 4, "segmentation": [rectangle]}])
    assert check_labelled(find_labelled(tmp_path)) == ()
    assert np.array_equal(read_labelled(find_labelled(tmp_path)[0])[1], TWO == 1)


def coco_labels(folder: Path, *segmentations: Any) -> np.ndarray:
    write_image(folder / "images" / "a.png")
    write_coco(
        folder / "annotations.json", [entry(1, "a.png")], [{"image_id": 1, "segmentation": each} for each in segmentations]
    )
    return find_labelled(folder)[0].load_labels()


def test_a_polygon_covers_the_pixels_whose_centres_it_holds(tmp_path: Path) -> None:
    # pycocotools gives the same 4 × 6 and 8 × 8 pixels.
    assert np.array_equal(coco_labels(tmp_path, [[3, 2, 9, 2, 9, 6, 3, 6]], [[12, 10, 20, 10, 20, 18, 12, 18]]), TWO)


def test_polygons_of_one_annotation_are_one_particle(tmp_path: Path) -> None:
    labels = coco_labels(tmp_path, [[3, 2, 9, 2, 9, 6, 3, 6], [12, 10, 20, 10, 20, 18, 12, 18]])
    assert np.array_equal(labels, TWO > 0)


def test_a_polygon_beyond_the_image_is_cut(tmp_path: Path) -> None:
    assert coco_labels(tmp_path, [[-5, -5, 4, -5, 4, 3, -5, 3]]).sum() == 4 * 3


def test_a_small_particle_is_not_swallowed_by_a_large_one_drawn_later(tmp_path: Path) -> None:
    labels = coco_labels(tmp_path, [[5, 5, 7, 5, 7, 7, 5, 7]], [[0, 0, 20, 0, 20, 20, 0, 20]])
    assert np.bincount(labels.ravel())[1:].tolist() == [4, 396]


def run_lengths(mask: Mask) -> list[int]:
    """Lengths of the runs down the columns, the first of zeros."""
    flat = np.concatenate([[False], mask.T.ravel(), [not mask.T.ravel()[-1]]])
    lengths = np.diff(np.flatnonzero(np.diff(flat)), prepend=0)
    return [int(n) for n in lengths]


def compressed(counts: Sequence[int]) -> str:
    """The inverse of `decode_counts`, after `rleToString` of maskApi.c."""
    text = ""
    for i, count in enumerate(counts):
        value, more = count - (counts[i - 2] if i > 2 else 0), True
        while more:
            group = value & 0x1F
            value >>= 5
            more = value != (-1 if group & 0x10 else 0)
            text += chr((group | 0x20 if more else group) + 48)
    return text


@pytest.mark.parametrize("pack", [list, compressed], ids=["counts", "compressed"])
def test_masks_as_run_lengths_are_decoded(tmp_path: Path, pack: Callable[[list[int]], Any]) -> None:
    masks = [{"size": list(SHAPE), "counts": pack(run_lengths(np.equal(TWO, number)))} for number in (1, 2)]
    assert np.array_equal(coco_labels(tmp_path, *masks), TWO)


@given(arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=40)))
def test_compressing_and_decoding_gives_the_counts_back(mask: Mask) -> None:
    assert decode_counts(compressed(run_lengths(mask))) == run_lengths(mask)


@given(st.lists(st.integers(0, 10**8)))
def test_long_runs_are_decoded_as_well(counts: list[int]) -> None:
    assert decode_counts(compressed(counts)) == counts


def test_a_mask_written_by_pycocotools_is_decoded() -> None:
    # pycocotools.mask.encode of a disc of radius 60 px (y − 90)² + (x − 150)² < 60² in 200 × 300 px; it counts 11,277.
    text = (
        "Xka0e0^5:H6J6K4K6K4M2M4L4M2N2M4M2N2N2N2N2N2N2N2N2N2O0O2N2N2O0O2O0O2N2O0O2O000O2O0O2O000O2O000O2O0000000O2O0000"
        "000000000000000000000000000000000001N100000001N10001N10001N101N10001N101N2N101N101N2N2N101N2N2N2N2N2N2N2N2N2N3L3N2N3L4L3N3L5J5L5J6J8FU`a0"
    )
    counts = decode_counts(text)
    drawn = np.repeat(np.arange(len(counts)) % 2 == 1, counts).reshape(300, 200).T
    y, x = np.mgrid[:200, :300]
    assert np.array_equal(drawn, (y - 90) ** 2 + (x - 150) ** 2 < 60**2)
    assert sum(counts[1::2]) == 11_277


def test_bad_coco_input_is_named_all_at_once(tmp_path: Path) -> None:
    for name in ("alone", "odd", "short", "unlabelled"):
        write_image(tmp_path / "images" / f"{name}.png")
    names = ["odd.png", "short.png", "gone.png", "unlabelled.png"]
    annotations = [
        {"image_id": 0, "segmentation": [[1, 1, 5, 1, 5, 5, 9]]},
        {"image_id": 1, "segmentation": {"size": list(SHAPE), "counts": [5, 5]}},
        {"image_id": 2, "segmentation": [[1, 1, 5, 1, 5, 5]]},
        {"image_id": 9, "segmentation": [[1, 1, 5, 1, 5, 5]]},
    ]
    write_coco(tmp_path / "annotations.json", [entry(i, name) for i, name in enumerate(names)], annotations)
    assert sorted(problems_of(tmp_path)) == [
        "alone: labels are missing (no COCO file mentions alone.png)",
        "gone: labels without an image",
        "image_id 9 of annotations.json: labels without an image",
        "odd: annotation 1 has a polygon that is no list of x, y",
        "short: annotation 2 has a mask of 30 × 20 px whose runs hold 10 pixels; the image is stated as 30 × 20 px",
        "unlabelled: labels are missing (annotations.json has no annotation of this image)",
    ]


def test_a_damaged_coco_file_is_refused_with_what_is_wrong(tmp_path: Path) -> None:
    write_coco(tmp_path / "annotations.json", [{"id": 1, "width": 3}], [{"image_id": 1, "segmentation": [[1, 2, 3]]}])
    with pytest.raises(InputError) as caught:
        find_labelled(tmp_path)
    assert caught.value.code == "invalid_training_data"
    assert "images.0.file_name" in caught.value.message
    assert "annotations.0.segmentation" in caught.value.message


def test_a_coco_file_that_is_cut_is_refused(tmp_path: Path) -> None:
    write_coco(tmp_path / "annotations.json", [entry(1, "a.png")], [])
    path = tmp_path / "annotations.json"
    path.write_text(path.read_text()[:-9])
    with pytest.raises(InputError, match=r"annotations\.json is no COCO instance file"):
        find_labelled(tmp_path)
