"""One look after the other at a folder that microscopes write into: what is complete is handed in, once."""

import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

from cli.bulk.hashes import HashCache, HashedFile, Refusal
from cli.bulk.uploading import Outcome, hand_in
from cli.client import Saemi
from cli.inputs import readable
from cli.submission_choices import SubmissionChoices
from cli.watch.folder import Recording, SeenFile, look, recordings
from cli.watch.state import WatchState
from shared.errors import NotFoundError
from shared.log import get_logger

# What becomes one submission: the recordings of a day, or of a folder right below the watched one.
Batching = Literal["day", "folder"]

# Recordings that are read and handed in together; what has arrived is remembered after each file.
CHUNK = 256

logger = get_logger(__name__)


@dataclass
class Look:
    """What one look came to."""

    n_handed_in: int = 0
    n_refused: int = 0
    n_waiting: int = 0


@dataclass(frozen=True, slots=True)
class Watch:
    """What is watched and how.

    Attributes
    ----------
    settle_s
        A file counts as complete when two looks or more, over this time, found it unchanged. The time is measured on this
        machine: clocks of shares are wrong.
    """

    root: Path
    choices: SubmissionChoices
    batching: Batching
    settle_s: float


@dataclass
class Watcher:
    """Looks at a folder, remembers, and brings what is complete to the portal."""

    watch: Watch
    state: WatchState
    cache: HashCache
    clock: Callable[[], float]
    _reported: set[str] = field(default_factory=set)
    # Submissions that this look has found on the portal.
    _open: set[int] = field(default_factory=set)

    def look(self, saemi: Saemi) -> Look:
        """Look once, and hand in what is complete and was not handed in before.

        Raises
        ------
        OSError
            When the folder cannot be read.
        TransientError
            When the portal does not answer; what has arrived is remembered.
        """
        result = Look()
        self._open.clear()
        seen = [file for file in look(self.watch.root, self._tell_unreadable) if file.n_bytes]
        unchanged_s = self.state.note_look([file for file in seen if not self.state.is_done(file)], self.clock())
        complete = []
        for recording in recordings(seen):
            pending = [file for file in recording.files if not self.state.is_done(file)]
            # An image waits for a side-car that is still written.
            if any(unchanged_s.get(file.place, -1.0) < self.watch.settle_s for file in pending):
                result.n_waiting += len(pending)
            elif pending:
                complete.append(recording)
        for first in range(0, len(complete), CHUNK):
            self._hand_in(saemi, complete[first : first + CHUNK], result)
        return result

    def _hand_in(self, saemi: Saemi, complete: Sequence[Recording], result: Look) -> None:
        seen = {file.path: file for recording in complete for file in recording.files}
        hashed = self._hashed(seen)
        chosen: dict[int, list[HashedFile]] = defaultdict(list)
        for recording in complete:
            if new := self._new(recording, hashed):
                chosen[self._submission_for(saemi, recording, new)] += new
        for submission_id, files in chosen.items():

            def report(file: HashedFile, outcome: Outcome | Refusal, submission_id: int = submission_id) -> None:
                reason = outcome.reason if isinstance(outcome, Refusal) else None
                self.state.record(file, seen[file.path].place, submission_id, reason)
                _tell(file, submission_id, outcome, result)

            hand_in(saemi, submission_id, files, report)

    def _hashed(self, seen: dict[Path, SeenFile]) -> dict[Path, HashedFile]:
        """Read files; those that cannot be read, or have changed since the look, are left to a later one."""
        hashed = {}
        for file in self.cache.hash_files([(file.path, file.name) for file in seen.values()]):
            if isinstance(file, Refusal):
                self._tell_unreadable(readable(file.path), file.reason)
            elif (file.n_bytes, file.mtime_ns) == (seen[file.path].n_bytes, seen[file.path].mtime_ns):
                hashed[file.path] = file
        return hashed

    def _new(self, recording: Recording, hashed: dict[Path, HashedFile]) -> list[HashedFile]:
        """Choose what of a recording is handed in: all of it where the image is new, else the side-cars that are."""
        if not all(file.path in hashed for file in recording.files):
            return []
        side_cars = [hashed[file.path] for file in recording.side_cars]
        image = hashed[recording.image.path]
        if not self._is_known(recording.image, image):
            return [*side_cars, image]
        return [file for seen, file in zip(recording.side_cars, side_cars, strict=True) if not self._is_known(seen, file)]

    def _is_known(self, seen: SeenFile, file: HashedFile) -> bool:
        """Tell whether a content was handed in from the same place, or from one that it was moved from; if so, remember."""
        known = [one for one in self.state.same_content(file.sha256) if one.place == seen.place or self._is_gone(one.place)]
        if known and not self.state.is_done(seen):
            logger.info("file_known", file=file.name, submission_id=known[0].submission_id)
            self.state.record(file, seen.place, known[0].submission_id)
        return bool(known)

    def _submission_for(self, saemi: Saemi, recording: Recording, new: Sequence[HashedFile]) -> int:
        """Return the submission that files of a recording go to: a side-car that comes late follows its image."""
        if all(file.path != recording.image.path for file in new):
            found = self.state.submission_of(recording.image.place)
            if found is not None:
                return found
        return self._submission_of_batch(saemi, recording.image)

    def _submission_of_batch(self, saemi: Saemi, image: SeenFile) -> int:
        batch, choices = self._batch_of(image)
        # An image that was written over is another one: beside the first, nobody could tell whose the side-cars are.
        if n_earlier := self.state.n_contents(image.place):
            batch = f"{batch}, written over {n_earlier} times"
        options = hashlib.sha256(json.dumps(asdict(choices), sort_keys=True).encode()).hexdigest()
        number = self.state.submission(batch, options)
        if number is not None and (number in self._open or _exists(saemi, number)):
            self._open.add(number)
            return number
        number = choices.open(saemi).id
        self._open.add(number)
        self.state.remember_submission(batch, options, number)
        logger.info("submission_opened", batch=batch, submission_id=number)
        return number

    def _batch_of(self, image: SeenFile) -> tuple[str, SubmissionChoices]:
        """Return the name of the batch of an image, and the choices for it: a folder's name is that of a sample."""
        folder, _, below = image.name.partition("/")
        if self.watch.batching == "folder":
            return (f"folder {folder}", self.watch.choices.with_sample(folder)) if below else ("no folder", self.watch.choices)
        day = datetime.fromtimestamp(image.mtime_ns / 1e9).astimezone().date()
        return f"day {day.isoformat()}", self.watch.choices

    def _is_gone(self, place: bytes) -> bool:
        try:
            os.stat(os.fsencode(self.watch.root) + os.fsencode(os.sep) + place)  # noqa: PTH116 - a name that may be no text
        except OSError as error:  # a share that does not answer has lost nothing
            return isinstance(error, FileNotFoundError)
        return False

    def _tell_unreadable(self, path: str, reason: str) -> None:
        if path not in self._reported:
            self._reported.add(path)
            logger.warning("unreadable", path=path, reason=reason)


def _tell(file: HashedFile, submission_id: int, outcome: Outcome | Refusal, result: Look) -> None:
    if isinstance(outcome, Refusal):
        result.n_refused += 1
        logger.warning("file_refused", file=file.name, submission_id=submission_id, reason=outcome.reason)
    else:
        result.n_handed_in += 1
        logger.info("file_handed_in", file=file.name, submission_id=submission_id, sent=outcome is Outcome.UPLOADED)


def _exists(saemi: Saemi, submission_id: int) -> bool:
    try:
        saemi.submission(submission_id)
    except NotFoundError:
        return False
    return True
