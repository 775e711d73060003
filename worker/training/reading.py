"""A labelled set read once, by several processes: judged, and made ready for training in the same go."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from torch.utils.data import Dataset

from shared.arrays import Labels, Pixels
from worker.training.augmentation import Crop
from worker.training.labelled import LabelledImage, judge, named, refuse, twins
from worker.training.processes import ahead
from worker.training.sampling import prepared
from worker.training.split import ImageSummary, summarise_image


@dataclass(frozen=True, slots=True)
class ReadImage:
    """One image that was read; `ready` is None where it has problems."""

    ready: "ReadyImage | None"
    problems: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReadyImage:
    """An image that can be trained on.

    Attributes
    ----------
    crop : Crop
        The analysed field, as `worker.training.sampling.prepared` makes it.
    summary : ImageSummary
        Group, number and size of the particles.
    sha256 : str
        Over pixels and labels, hexadecimal.
    """

    crop: Crop
    summary: ImageSummary
    sha256: str


@dataclass(frozen=True, slots=True)
class DataSet:
    """A labelled set in memory under the name of its folder; images and ready images in the same order."""

    name: str
    images: tuple[LabelledImage, ...]
    ready: tuple[ReadyImage, ...]
    warnings: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the images."""
        return tuple(image.name for image in self.images)

    @property
    def summaries(self) -> tuple[ImageSummary, ...]:
        """Group, number and size of the particles of each image."""
        return tuple(ready.summary for ready in self.ready)

    @property
    def groups(self) -> dict[str, str]:
        """Group of each image by its name; its own name where it has none."""
        return {summary.name: summary.paper for summary in self.summaries}

    @property
    def n_particles(self) -> int:
        """Labelled particles of all images."""
        return sum(summary.n_particles for summary in self.summaries)

    @property
    def digests(self) -> dict[str, str]:
        """SHA-256 of each image with its labels, by name."""
        return {image.name: ready.sha256 for image, ready in zip(self.images, self.ready, strict=True)}


def read_data_set(
    name: str,
    images: Sequence[LabelledImage],
    groups: Mapping[str, str],
    processes: int = 0,
    on_image: Callable[[], None] = lambda: None,
) -> DataSet:
    """Read and judge a data set, and make it ready for training.

    Parameters
    ----------
    name : str
        Of the data set.
    images : sequence of LabelledImage
        All of them are read, once.
    groups : mapping of str
        Group of each image by its name; those missing stand for themselves.
    processes : int
        Processes that read; 0 reads in this one. They do not change the result.
    on_image : callable
        Called after each image, for a progress bar.

    Returns
    -------
    DataSet
        About 13 bytes for each pixel.

    Raises
    ------
    InputError
        ``invalid_training_data``, with one line for each problem of each image, all at once.
    """
    problems, warnings, ready = twins(images), list[str](), list[ReadyImage]()
    for image, read in zip(images, ahead(_Reading(images, groups), range(len(images)), processes), strict=True):
        problems += named(image.name, read.problems)
        warnings += named(image.name, read.warnings)
        if read.ready is not None:
            ready.append(read.ready)
        on_image()
    refuse(problems)
    return DataSet(name, tuple(images), tuple(ready), tuple(warnings))


def data_digest(digests: Mapping[str, str]) -> str:
    """SHA-256 over the names and digests of the images of a data set, whatever their order, hexadecimal."""
    lines = (f"{digest} {name}\n" for name, digest in sorted(digests.items()))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


class _Reading(Dataset[ReadImage]):
    """The images of a data set by their number."""

    def __init__(self, images: Sequence[LabelledImage], groups: Mapping[str, str]) -> None:
        self.images, self.groups = images, groups

    def __getitem__(self, number: int) -> ReadImage:
        image = self.images[number]
        judged = judge(image)
        if judged.micrograph is None or judged.labels is None or judged.problems:
            return ReadImage(None, judged.problems, judged.warnings)
        pixels, labels = judged.micrograph.pixels, judged.labels
        summary = summarise_image(image.name, self.groups.get(image.name, image.name), labels)
        return ReadImage(ReadyImage(prepared(pixels, labels), summary, _digest(pixels, labels)), (), judged.warnings)


def _digest(pixels: Pixels, labels: Labels) -> str:
    digest = hashlib.sha256(f"{pixels.dtype} {pixels.shape}".encode())
    digest.update(pixels.tobytes())
    digest.update(labels.tobytes())
    return digest.hexdigest()
