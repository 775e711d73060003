"""A run folder: what training it belongs to, whether that has finished, and one training at a time.

A training goes on only where the settings, the first weights and the data are those it began with.
"""

import fcntl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from shared.domain import ModelIdentity
from shared.errors import InputError, OperatorError
from worker.model_files import SUFFIX, card_path
from worker.training.holdout import Holdout
from worker.training.loop import CHECKPOINT_NAME
from worker.training.reading import DataSet
from worker.training.settings import TrainingSettings

RECORD_NAME, LOCK_NAME = "run.json", "run.lock"
MAX_NAMES_SAID = 3


class Course(BaseModel):
    """What decides a training besides the data: the settings, and where the first weights come from."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    settings: dict[str, int | float]
    start: dict[str, Any]


class LearntData(BaseModel):
    """What a training learns from: SHA-256 and group of each image by its name, and the names that validate."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    images: dict[str, str]
    groups: dict[str, str]
    validation: tuple[str, ...]


class RunRecord(BaseModel):
    """What a run folder belongs to, as ``run.json`` holds it."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str
    version: str
    course: Course
    data: LearntData

    @property
    def identity(self) -> ModelIdentity:
        """Name and version of the model that comes out."""
        return ModelIdentity(self.name, self.version)


def course_of(settings: TrainingSettings, start: Mapping[str, Any]) -> Course:
    """Return the course of a training as a run folder records it."""
    return Course(settings=asdict(settings), start=dict(start))


def learnt_data(data: DataSet, holdout: Holdout) -> LearntData:
    """Return what is learnt from as a run folder records it."""
    return LearntData(images=data.digests, groups=data.groups, validation=holdout.names)


def read_record(folder: Path) -> RunRecord | None:
    """Read what a run folder belongs to.

    Returns
    -------
    RunRecord or None
        None where no training has begun.

    Raises
    ------
    InputError
        ``other_run`` for a folder with a training of unknown settings.
    """
    try:
        return RunRecord.model_validate_json((folder / RECORD_NAME).read_bytes())
    except FileNotFoundError:
        if (folder / CHECKPOINT_NAME).exists():
            raise _other_run(folder, f"of unknown settings: {RECORD_NAME} is missing") from None
        return None
    except ValidationError as error:
        raise _other_run(folder, f"of another release: {RECORD_NAME} cannot be read") from error


def refuse_other_course(folder: Path, course: Course) -> None:
    """Raise InputError ``other_run`` that says what differs if a run folder belongs to another course of training."""
    record = read_record(folder)
    if record is None or record.course == course:
        return
    there, here = record.course.settings, course.settings
    found = [f"{name} is {there.get(name)} there, {here.get(name)} here" for name in here if there.get(name) != here[name]]
    if record.course.start != course.start:
        found.append(f"it began with {_start_name(record.course.start)}, not {_start_name(course.start)}")
    raise _other_run(folder, f"with other settings ({'; '.join(found)})")


def refuse_other_data(folder: Path, data: LearntData) -> None:
    """Raise InputError ``other_run`` that says what differs if a run folder belongs to other data."""
    record = read_record(folder)
    if record is None or record.data == data:
        return
    there, here = record.data, data
    both = there.images.keys() & here.images.keys()
    found = [
        *_several("not in it", here.images.keys() - both),
        *_several("missing here", there.images.keys() - both),
        *_several("changed", {name for name in both if there.images[name] != here.images[name]}),
        *_several("in another group", {name for name in both if there.groups.get(name) != here.groups.get(name)}),
    ]
    # Where the images or groups differ, the split does so because of them.
    found = found or _several("validating on one side only", set(there.validation) ^ set(here.validation))
    raise _other_run(folder, f"on other data ({'; '.join(found)})")


def claim(folder: Path, name: str, parent: ModelIdentity | None, course: Course, data: LearntData) -> RunRecord:
    """Make a run folder belong to a training, or make sure that it does.

    Parameters
    ----------
    folder : Path
        Held, as `held` does it.
    name : str
        Name of the model that comes out.
    parent : ModelIdentity or None
        The model that is trained on from.
    course, data : Course, LearntData
        What the training is.

    Returns
    -------
    RunRecord
        That of the folder.

    Raises
    ------
    InputError
        ``other_run`` where the folder belongs to another training.
    """
    refuse_other_course(folder, course)
    refuse_other_data(folder, data)
    record = read_record(folder)
    if record is None:
        record = RunRecord(name=name, version=next_version(name, folder, parent), course=course, data=data)
        _write_whole(folder / RECORD_NAME, record.model_dump_json(indent=2) + "\n")
    return record


def next_version(name: str, folder: Path, parent: ModelIdentity | None) -> str:
    """Return 1, or one more than the newest version of that name in the folder or of the model trained on from."""
    stems = [path.stem.rpartition("-") for path in folder.glob(f"*{SUFFIX}")]
    versions = [version for before, _, version in stems if before == name]
    if parent is not None and parent.name == name:
        versions.append(parent.version)
    return str(1 + max((int(version) for version in versions if version.isdigit()), default=0))


def model_path(folder: Path, identity: ModelIdentity) -> Path:
    """Return where the weights of a run are written at its end."""
    return folder / f"{identity.reference}{SUFFIX}"


def is_finished(folder: Path, identity: ModelIdentity) -> bool:
    """Whether a run has written its model; the card is what it writes last."""
    path = model_path(folder, identity)
    return path.is_file() and card_path(path).is_file()


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Make the run folder and keep other trainings out of it; raises OperatorError ``run_in_use`` if one is at work there."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK_NAME).open("w") as lock:
        try:
            # This kind of lock ends with this process, also when its children live a little longer.
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise OperatorError(f"Another training is at work in {folder}.", code="run_in_use") from error
        yield


def _write_whole(path: Path, content: str) -> None:
    partial = path.with_suffix(".part")
    partial.write_text(content, encoding="utf-8")
    partial.replace(path)


def _start_name(start: Mapping[str, Any]) -> str:
    sha256 = str(start.get("sha256", ""))[:12]
    return " ".join(str(part) for part in (start.get("name"), start.get("version"), sha256) if part)


def _several(what: str, names: set[str]) -> list[str]:
    """One remark on all these images, naming a few; none without images."""
    if not names:
        return []
    more = ", …" if len(names) > MAX_NAMES_SAID else ""
    return [f"{len(names)} images {what}: {', '.join(sorted(names)[:MAX_NAMES_SAID])}{more}"]


def _other_run(folder: Path, what: str) -> InputError:
    return InputError(
        f"{folder} holds a training {what}. Repeat the command it was begun with, or choose another folder with --out.",
        code="other_run",
    )
