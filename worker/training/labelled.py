"""Labelled micrographs on disk: found, judged before training starts, and read as pixels and label map.

Two layouts are known: `images/` beside `labels/` with the same stems, and COCO instance files beside their images.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from shared.arrays import Labels
from shared.domain import Micrograph
from shared.errors import InputError
from worker.analysis.label_map import labels_from_array, one_image
from worker.label_files import read_label_array
from worker.micrograph.decode import decode
from worker.training.coco import CocoAnnotation, CocoFile, CocoImage, draw_labels, is_coco, read_coco

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"})
LABEL_SUFFIXES = frozenset({".png", ".tif", ".tiff", ".npy"})
# "segmaps" is what the EMPS repository calls its labels.
LABEL_FOLDERS = ("labels", "segmaps")
# `saemi analyze` writes STEM.labels.tif, so that corrected maps can be trained on without renaming.
LABEL_MARK = ".labels"


@dataclass(frozen=True, slots=True)
class LabelledImage:
    """A micrograph and the way to its labels. Can be sent to another process.

    Attributes
    ----------
    name : str
        Name inside the data set, without ending.
    image : Path
        The micrograph. Need not exist: labels without an image are named by `check_labelled`.
    load_labels : callable
        Returns the label map, shape (rows, columns), int32; raises InputError where it cannot.
    """

    name: str
    image: Path
    load_labels: Callable[[], Labels]


@dataclass(frozen=True, slots=True)
class Judged:
    """A labelled image as it was read, and what is to be said of it.

    Attributes
    ----------
    micrograph : Micrograph or None
        None where it cannot be read.
    labels : ndarray of int32, shape (rows, columns), or None
        None where they cannot be read.
    problems, warnings : tuple of str
        What forbids to train on it, and what does not.
    """

    micrograph: Micrograph | None
    labels: Labels | None
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def find_labelled(folder: Path) -> list[LabelledImage]:
    """Find the micrographs and labels of a data set, also those whose other half is missing.

    Parameters
    ----------
    folder : Path
        Holds ``images`` and ``labels`` (or ``segmaps``), or COCO files (``*.json``, ``annotations/*.json``) with their images
        in ``images``, in a folder called as the file, or beside it.

    Returns
    -------
    list of LabelledImage
        In the order of their names. Nothing but COCO files has been opened.

    Raises
    ------
    InputError
        ``invalid_training_data`` where there is no data set, or a COCO file is damaged.
    """
    label_folder = next((folder / name for name in LABEL_FOLDERS if (folder / name).is_dir()), None)
    if (folder / "images").is_dir() and label_folder is not None:
        found = list(_pairs(folder / "images", label_folder))
    else:
        found = list(_coco_images(folder))
    if not found:
        raise InputError(
            f"{folder} holds no labelled images: expected are the folders images and labels, or a COCO file (.json).",
            code="invalid_training_data",
        )
    return sorted(found, key=lambda image: image.name)


def read_labelled(image: LabelledImage) -> tuple[Micrograph, Labels]:
    """Read a micrograph and its label map of the same shape, int32."""
    return decode(image.image), image.load_labels()


def check_labelled(images: Sequence[LabelledImage]) -> tuple[str, ...]:
    """Judge a data set before training starts.

    Parameters
    ----------
    images : sequence of LabelledImage
        All of them are read once.

    Returns
    -------
    tuple of str
        Warnings: images with labels in several parts, which are trained on as they are (a particle behind another one).

    Raises
    ------
    InputError
        ``invalid_training_data``, with one line for each problem of each image, all at once.
    """
    problems, warnings = twins(images), list[str]()
    for image in images:
        judged = judge(image)
        problems += named(image.name, judged.problems)
        warnings += named(image.name, judged.warnings)
    refuse(problems)
    return tuple(warnings)


def twins(images: Sequence[LabelledImage]) -> list[str]:
    """Name the images of which there are several, a line each."""
    counts = Counter(image.name for image in images)
    return [f"{name}: {count} images or label maps have this name" for name, count in counts.items() if count > 1]


def named(name: str, remarks: Iterable[str]) -> list[str]:
    """Put the name of the image before each remark on it."""
    return [f"{name}: {remark}" for remark in remarks]


def refuse(problems: Sequence[str]) -> None:
    """Raise InputError ``invalid_training_data`` with all problems, a line each, if there are any."""
    if problems:
        heading = f"The training data has {len(problems)} problem{'s' if len(problems) > 1 else ''}:"
        raise InputError("\n".join([heading, *problems]), code="invalid_training_data", problems=list(problems))


def judge(image: LabelledImage) -> Judged:
    """Read a labelled image, and name all that is wrong with it."""
    if not image.image.is_file():
        return Judged(None, None, ("labels without an image",))
    micrograph: Micrograph | None = None
    problems: list[str] = []
    try:
        micrograph = decode(image.image)
    except InputError as error:
        problems.append(f"the image cannot be used: {error.message}")
    try:
        labels = image.load_labels()
    except InputError as error:
        return Judged(micrograph, None, (*problems, error.message))
    if micrograph is not None and micrograph.pixels.shape != labels.shape:
        problems.append(
            f"sizes differ: the image is {micrograph.width_px} × {micrograph.height_px} px, "
            f"the labels are {labels.shape[1]} × {labels.shape[0]} px"
        )
    found, warnings = _judge_labels(labels)
    return Judged(micrograph, labels, (*problems, *found), tuple(warnings))


def read_label_map(path: Path) -> Labels:
    """Read a label map in which a particle may have several parts; raises InputError where the file is no label map."""
    if not path.exists():
        raise InputError(f"labels are missing ({path.parent.name}/{path.name})", code="labels_missing")
    array = one_image(read_label_array(path))
    try:
        return labels_from_array(array)
    except InputError as error:
        if error.code != "labels_not_contiguous":
            raise
        labels: Labels = array.astype(np.int32)
        return labels


def _pairs(image_folder: Path, label_folder: Path) -> Iterator[LabelledImage]:
    """Images and label maps of the same stem, and those that stand alone."""
    images, labels = _by_stem(image_folder, IMAGE_SUFFIXES), _by_stem(label_folder, LABEL_SUFFIXES)
    for stem in images.keys() | labels.keys():
        label_paths = labels.get(stem, [label_folder / f"{stem}.png"])
        for image_path in images.get(stem, [image_folder / f"{stem}.*"]):
            for label_path in label_paths:
                yield LabelledImage(stem, image_path, partial(read_label_map, label_path))


def _by_stem(folder: Path, suffixes: frozenset[str]) -> dict[str, list[Path]]:
    paths: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(folder.iterdir()):
        # Hidden files are left by file managers ("._x.png" by macOS) and are no images.
        if path.suffix.lower() in suffixes and path.is_file() and not path.name.startswith("."):
            paths[path.stem.removesuffix(LABEL_MARK)].append(path)
    return paths


def _coco_images(folder: Path) -> Iterator[LabelledImage]:
    """Images of all COCO files of a folder, and images beside them that no file mentions."""
    paths = [*sorted(folder.glob("*.json")), *sorted(folder.glob("annotations/*.json"))]
    files = {path: read_coco(path) for path in paths if is_coco(path)}
    mentioned: set[Path] = set()
    for path, coco in files.items():
        for found in _images_of_file(folder, path, coco):
            mentioned.add(found.image)
            yield found
    for beside in sorted({path.parent for path in mentioned if path.parent.is_dir()}):
        for path in (path for paths in _by_stem(beside, IMAGE_SUFFIXES).values() for path in paths):
            if path not in mentioned:
                yield LabelledImage(path.stem, path, partial(_unmentioned, path))


def _images_of_file(folder: Path, path: Path, coco: CocoFile) -> Iterator[LabelledImage]:
    annotations = coco.by_image()
    for image in coco.images:
        name = str(Path(image.file_name).with_suffix(""))
        drawn = partial(_coco_labels, path.name, image, annotations.pop(image.id, ()))
        yield LabelledImage(name, _image_path(folder, path.stem, image.file_name), drawn)
    for image_id, orphans in annotations.items():
        stray = CocoImage(id=image_id, file_name="", width=1, height=1)
        name = f"image_id {image_id} of {path.name}"
        yield LabelledImage(name, folder / name, partial(_coco_labels, path.name, stray, orphans))


def _image_path(folder: Path, stem: str, file_name: str) -> Path:
    candidates = [folder / sub / file_name for sub in ("images", stem, stem.removeprefix("instances_"), "")]
    return next((path for path in candidates if path.is_file()), candidates[0])


def _coco_labels(file: str, image: CocoImage, annotations: tuple[CocoAnnotation, ...]) -> Labels:
    if not annotations:
        raise InputError(f"labels are missing ({file} has no annotation of this image)", code="labels_missing")
    return draw_labels(image, annotations)


def _unmentioned(path: Path) -> Labels:
    raise InputError(f"labels are missing (no COCO file mentions {path.name})", code="labels_missing")


def _judge_labels(labels: Labels) -> tuple[list[str], list[str]]:
    numbers = np.unique(labels)
    if len(numbers) == 1:
        if numbers[0] == 0:
            return ["the labels are empty: all pixels are background"], []
        return [f"the labels have one value: all pixels are {numbers[0]}, and none is background"], []
    try:
        labels_from_array(labels)
    except InputError as error:
        if len(numbers) == 2:
            return [f"the labels have one value ({numbers[1]}) in several parts: a mask does not tell particles apart"], []
        split: list[int] = error.details["labels"]
        return [], [f"{len(split)} of {len(numbers) - 1} particles have several parts"]
    return [], []
