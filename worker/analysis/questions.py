"""What a picture asks the network, one look after the other, apart from how the network is run.

A question is a standardised picture, its answer are the maps of it. The same generator is answered alone, picture by picture,
or in step with those of other pictures, whose questions then go through the network together.
"""

from collections.abc import Callable, Generator, Hashable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar, runtime_checkable

from shared.arrays import FloatImage
from shared.domain import ModelIdentity, Segmentation
from worker.analysis.instances import PixelMaps

Found = TypeVar("Found")
Questions = Generator[FloatImage, PixelMaps, Found]


@dataclass(frozen=True, slots=True)
class NetworkLoad:
    """What went through a network: passes, tiles in them, and tiles that they had room for; of one image, its share of them."""

    n_passes: float = 0.0
    n_tiles: float = 0.0
    n_places: float = 0.0

    def __add__(self, other: "NetworkLoad") -> "NetworkLoad":
        return NetworkLoad(self.n_passes + other.n_passes, self.n_tiles + other.n_tiles, self.n_places + other.n_places)

    def since(self, before: "NetworkLoad", n_images: int = 1) -> "NetworkLoad":
        """Return what was added since then, in equal shares of so many images."""
        added = (self.n_passes - before.n_passes, self.n_tiles - before.n_tiles, self.n_places - before.n_places)
        return NetworkLoad(*(one / n_images for one in added))


class Seen(Protocol):
    """All that was to be seen of an image, from which its particles follow without another look."""

    def segmentation(self) -> Segmentation:
        """Split what was seen into particles."""


@runtime_checkable
class AskingSegmenter(Protocol):
    """A segmenter whose network can look at pictures of several images at once."""

    @property
    def identity(self) -> ModelIdentity:
        """What is stored with the analysis."""

    def __call__(self, image: FloatImage) -> Segmentation:
        """Find the particles of one image."""

    @property
    def load(self) -> NetworkLoad:
        """All that went through the network so far."""

    def questions(self, image: FloatImage) -> Questions[Seen]:
        """Ask what is to be seen of an image."""

    def answers(self, pictures: Sequence[FloatImage]) -> list[PixelMaps]:
        """Run the network over pictures of any sizes."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of an image's questions: what was seen, or the error of this image alone."""

    key: Hashable
    seen: Seen | Exception


@dataclass(slots=True)
class _Asking:
    """An image and the question that it waits to be answered."""

    segmenter: AskingSegmenter
    questions: Questions[Seen]
    picture: FloatImage


class Lockstep:
    """Answers the questions of many images in rounds; images join between two rounds and leave when they have seen all."""

    def __init__(self) -> None:
        self._asking: dict[Hashable, _Asking] = {}
        self._ended: list[Ended] = []

    def __len__(self) -> int:
        return len(self._asking) + len(self._ended)

    def add(self, key: Hashable, segmenter: AskingSegmenter, image: FloatImage) -> None:
        """Let an image take part from the next round on."""
        questions = segmenter.questions(image)
        self._go_on(key, segmenter, questions, lambda: next(questions))

    def round(self) -> list[Ended]:
        """Answer the open question of each image, and return the images that have ended since the last round.

        What goes wrong with one image ends that image. Where the network itself fails over a batch, its pictures are shown to
        it one by one, so that only those end at which it fails again.
        """
        waiting, self._asking = self._asking, {}
        for segmenter in {id(asking.segmenter): asking.segmenter for asking in waiting.values()}.values():
            same = {key: asking for key, asking in waiting.items() if asking.segmenter is segmenter}
            answers = _answers(segmenter, [asking.picture for asking in same.values()])
            for (key, asking), answer in zip(same.items(), answers, strict=True):
                self._answer(key, asking, answer)
        ended, self._ended = self._ended, []
        return ended

    def _answer(self, key: Hashable, asking: _Asking, answer: PixelMaps | Exception) -> None:
        if isinstance(answer, Exception):
            self._ended.append(Ended(key, answer))
        else:
            self._go_on(key, asking.segmenter, asking.questions, lambda: asking.questions.send(answer))

    def _go_on(
        self, key: Hashable, segmenter: AskingSegmenter, questions: Questions[Seen], step: Callable[[], FloatImage]
    ) -> None:
        try:
            picture = step()
        except StopIteration as end:
            self._ended.append(Ended(key, end.value))
        except Exception as error:  # noqa: BLE001 whatever it is, it is the end of this image and not of the others
            self._ended.append(Ended(key, error))
        else:
            self._asking[key] = _Asking(segmenter, questions, picture)


def answered(questions: Questions[Found], answer: Callable[[FloatImage], PixelMaps]) -> Found:
    """Answer the questions of one picture and return what it found."""
    try:
        picture = next(questions)
        while True:
            picture = questions.send(answer(picture))
    except StopIteration as end:
        found: Found = end.value
        return found


def _answers(segmenter: AskingSegmenter, pictures: Sequence[FloatImage]) -> Sequence[PixelMaps | Exception]:
    try:
        return segmenter.answers(pictures)
    except Exception as error:  # noqa: BLE001 which of the pictures it was, and what became of it, is found out below
        if len(pictures) == 1:
            return [error]
    return [answer for picture in pictures for answer in _answers(segmenter, [picture])]
