"""Outputs that show where the particles are: read again, they give exactly the pixels of the label map."""

import io
import json
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from pycocotools.coco import COCO
from roifile import ROI_TYPE, ImagejRoi
from skimage.draw import polygon2mask
from skimage.measure import label as label_connected

from shared.arrays import Labels
from shared.domain import Calibration
from tests.unit.outputs.made import analysed_image, content, drawn_labels, written
from worker.analysis.rendering import overlay
from worker.outputs.content import Content
from worker.outputs.methods import as_json, as_text, methods
from worker.outputs.tracing import traced
from worker.training.coco import draw_labels, read_coco


@pytest.fixture
def two() -> Content:
    """An image with holes, corners and border, and one without particles; names that no system takes as files."""
    labels = drawn_labels()
    return content(
        analysed_image(labels, "day 1/µ:1.tif", "µ:1", confidence=np.linspace(0.3, 0.9, 7)),
        analysed_image(np.zeros((20, 30), np.int32), "empty.tif", "../µ?1", calibrated=Calibration.missing()),
    )


def filled(polygons: list[np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    """Pixels whose centres lie inside an odd number of polygons of (x, y), (0, 0) the corner of the first pixel."""
    inside = [polygon2mask(shape, np.asarray(polygon, dtype=np.float64)[:, ::-1] - 0.5) for polygon in polygons]
    return np.sum(inside, axis=0) % 2 == 1


def test_a_traced_outline_that_is_filled_gives_exactly_the_pixels_of_its_particle() -> None:
    generator = np.random.default_rng(1)
    n_holes = 0
    for share in np.linspace(0.3, 0.9, 40):
        labels = label_connected(generator.random((12, 15)) < share, connectivity=2).astype(np.int32)
        outlines = list(traced(labels))
        assert [outline.label for outline in outlines] == list(range(1, labels.max() + 1))
        for outline in outlines:
            assert len(outline.outer) == 1
            assert (filled([*outline.outer, *outline.holes], labels.shape) == (labels == outline.label)).all()
            n_holes += len(outline.holes)
    assert n_holes > 100
    assert list(traced(np.zeros((5, 5), np.int32))) == []


def test_the_outline_of_a_rectangle_is_its_four_corners() -> None:
    labels = np.zeros((10, 12), np.int32)
    labels[2:5, 3:9] = 4
    ((number, (polygon,), holes),) = traced(labels)
    assert (number, holes) == (4, ())
    assert {tuple(corner) for corner in polygon.tolist()} == {(3, 2), (9, 2), (9, 5), (3, 5)}
    assert len(polygon) == 4


@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning")  # pycocotools
def test_coco_instances_give_the_label_map_again_by_its_own_tools(two: Content, tmp_path: Path) -> None:
    assert written("coco", two, tmp_path / "o.json") == [1, 2]
    file = COCO(str(tmp_path / "o.json"))
    labels = two.images[0].labels()
    assert [image["file_name"] for image in file.loadImgs(file.getImgIds())] == ["day 1/µ:1.tif", "empty.tif"]
    annotations = file.loadAnns(file.getAnnIds(imgIds=[1]))
    assert [one["label"] for one in annotations] == [1, 2, 5, 6, 7, 8, 9]
    for one in annotations:
        mask = labels == one["label"]
        assert (file.annToMask(one).astype(bool) == mask).all()
        assert isinstance(one["segmentation"], dict) == (one["label"] == 5), "the ring alone takes run lengths"
        rows, columns = np.nonzero(mask)
        left, top = columns.min(), rows.min()
        assert one["bbox"] == [left, top, columns.max() + 1 - left, rows.max() + 1 - top]
        assert one["area"] == mask.sum()
    assert [one["score"] for one in annotations] == np.linspace(0.3, 0.9, 7).tolist()
    assert file.getAnnIds(imgIds=[2]) == []
    assert file.dataset["info"]["methods"] == as_json(methods(two))
    assert [(image["width"], image["height"], image["nm_per_px"]) for image in file.dataset["images"]] == [
        (90, 60, 0.5), (30, 20, None),
    ]  # fmt: skip


def test_coco_instances_can_be_trained_on(two: Content, tmp_path: Path) -> None:
    written("coco", two, tmp_path / "o.json")
    file = read_coco(tmp_path / "o.json")
    drawn = draw_labels(file.images[0], file.by_image()[1])
    assert (drawn == renumbered(two.images[0].labels())).all()


def renumbered(labels: Labels) -> Labels:
    return np.searchsorted(np.unique(labels), labels).astype(np.int32)


def test_a_model_without_confidence_gives_instances_without_score(tmp_path: Path) -> None:
    written("coco", content(analysed_image(drawn_labels())), tmp_path / "o.json")
    assert not any("score" in one for one in json.loads((tmp_path / "o.json").read_text())["annotations"])


def test_label_maps_are_tiffs_of_16_or_32_bit_beside_the_methods(two: Content, tmp_path: Path) -> None:
    large = two.images[0].labels() * 10_000
    three = content(*two.images, analysed_image(large, "large.tif", "large"))
    assert written("labels", three, tmp_path / "o.zip") == [1, 2, 3]
    members = members_of(tmp_path / "o.zip")
    assert list(members) == ["µ_1.labels.tif", "__µ_1.labels.tif", "large.labels.tif", "methods.txt"]
    maps = [tifffile.imread(io.BytesIO(members[name])) for name in list(members)[:3]]
    assert [one.dtype for one in maps] == [np.uint16, np.uint16, np.uint32]
    assert all((one == image.labels()).all() for one, image in zip(maps, three.images, strict=True))
    assert members["methods.txt"].decode() == as_text(methods(three))


def test_overlays_show_the_outlines_and_mark_low_confidence(two: Content, tmp_path: Path) -> None:
    assert written("overlays", two, tmp_path / "o.zip") == [1, 2]
    members = members_of(tmp_path / "o.zip")
    assert list(members) == ["µ_1.overlay.png", "__µ_1.overlay.png", "methods.txt"]
    image = two.images[0]
    picture = cv2.imdecode(np.frombuffer(members["µ_1.overlay.png"], np.uint8), cv2.IMREAD_COLOR_RGB)
    unsure = image.particles().label[image.particles().confidence < 0.5]
    assert (picture == overlay(image.preview(), image.labels(), unsure)).all()
    assert (picture != overlay(image.preview(), image.labels())).any()


def members_of(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_members_of_an_archive_never_share_a_name(tmp_path: Path) -> None:
    labels = drawn_labels()
    stems = ("a?", "a*", "A_", "..", "methods", "x" * 220)
    written("labels", content(*(analysed_image(labels, f"{i}.tif", stem) for i, stem in enumerate(stems))), tmp_path / "o.zip")
    members = list(members_of(tmp_path / "o.zip"))
    assert members == [
        "a_.labels.tif", "a__2.labels.tif", "A__3.labels.tif", "_.labels.tif", "methods.labels.tif",
        f"{'x' * 220}.labels.tif", "methods.txt",
    ]  # fmt: skip


def test_the_roi_set_of_one_image_opens_as_it_is_and_gives_every_particle_again(two: Content, tmp_path: Path) -> None:
    one = content(two.images[0])
    assert written("roi", one, tmp_path / "RoiSet.zip") == [1]
    labels = one.images[0].labels()
    selections = ImagejRoi.fromfile(tmp_path / "RoiSet.zip")
    assert [selection.name for selection in selections] == [f"{number:05d}" for number in (1, 2, 5, 6, 7, 8, 9)]
    for selection in selections:
        number = int(selection.name)
        # The ring has a hole, and ImageJ keeps such a selection as a rectangle with a path in it.
        assert selection.roitype == (ROI_TYPE.RECT if number == 5 else ROI_TYPE.TRACED)
        assert (pixels_of(selection, labels.shape) == (labels == number)).all()
    with zipfile.ZipFile(tmp_path / "RoiSet.zip") as archive:
        assert archive.comment.decode() == as_text(methods(one))
        assert archive.namelist() == [f"{selection.name}.roi" for selection in selections]


def pixels_of(selection: ImagejRoi, shape: tuple[int, int]) -> np.ndarray:
    paths = selection.coordinates(multi=True)
    return filled(paths if isinstance(paths, list) else [paths], shape)


def test_several_images_have_a_roi_set_each(two: Content, tmp_path: Path) -> None:
    assert written("roi", two, tmp_path / "o.zip") == [1, 2]
    members = members_of(tmp_path / "o.zip")
    assert list(members) == ["µ_1.RoiSet.zip", "__µ_1.RoiSet.zip", "methods.txt"]
    (tmp_path / "first.zip").write_bytes(members["µ_1.RoiSet.zip"])
    assert len(ImagejRoi.fromfile(tmp_path / "first.zip")) == 7
    with zipfile.ZipFile(io.BytesIO(members["__µ_1.RoiSet.zip"])) as empty:
        assert empty.namelist() == []


def test_methods_that_are_longer_than_a_comment_can_be_are_cut_between_characters(tmp_path: Path) -> None:
    one = content(analysed_image(drawn_labels()))
    long = Content("µ" * 40_000, one.images, one.left_out, one.choices, one.command)
    written("roi", long, tmp_path / "RoiSet.zip")
    with zipfile.ZipFile(tmp_path / "RoiSet.zip") as archive:
        assert 65_530 < len(archive.comment) <= 65_535
        assert as_text(methods(long)).startswith(archive.comment.decode())
