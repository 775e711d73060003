"""Many files into one submission: what the portal has is not sent, the rest goes side by side, side-cars first."""

import itertools
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from enum import StrEnum
from functools import partial

from cli.bulk.hashes import HashedFile, Refusal
from cli.client import Saemi
from shared.errors import SaemiError, TransientError
from shared.side_car_names import is_side_car

PARALLEL_UPLOADS = 5
# Names and hashes in one question.
KNOWN_CHUNK = 1000


class Outcome(StrEnum):
    """What became of a file."""

    KNOWN = "known"
    UPLOADED = "uploaded"


Report = Callable[[HashedFile, Outcome | Refusal], None]


def hand_in(
    saemi: Saemi,
    submission_id: int,
    files: Sequence[HashedFile],
    report: Report,
    on_bytes: Callable[[int], None] = lambda _: None,
) -> None:
    """Bring files into a submission; may be begun again at any time, nothing is added twice.

    Parameters
    ----------
    report
        Called in the caller's thread, once for each file, when the portal has it or has refused it.
    on_bytes
        Called by the threads that send, with the number of bytes that go out or are there already; negative for
        some that go out again.

    Raises
    ------
    TransientError
        When the portal does not answer for longer than the client is patient.
    """
    # An image that is there before its side-car is analysed twice.
    side_cars, images = _parted(files)
    for group in (side_cars, images):
        missing = []
        for chunk in _chunks(group, KNOWN_CHUNK):
            missing += _ask(saemi, submission_id, chunk, report, on_bytes)
        _upload(saemi, submission_id, missing, report, on_bytes)


def _parted(files: Iterable[HashedFile]) -> tuple[list[HashedFile], list[HashedFile]]:
    parts: tuple[list[HashedFile], list[HashedFile]] = ([], [])
    for file in files:
        parts[not is_side_car(file.name)].append(file)
    return parts


def _chunks(files: Sequence[HashedFile], size: int) -> Iterable[Sequence[HashedFile]]:
    return (files[first : first + size] for first in range(0, len(files), size))


def _ask(
    saemi: Saemi, submission_id: int, files: Sequence[HashedFile], report: Report, on_bytes: Callable[[int], None]
) -> list[HashedFile]:
    """Have the files added whose bytes the portal has; returns the others."""
    answer = saemi.add_known_files(submission_id, [(file.name, file.sha256, file.n_bytes) for file in files])
    missing, refused = set(answer.missing_positions), {one.position: one.message for one in answer.refused}
    for position, file in enumerate(files):
        if position in refused:
            report(file, Refusal(file.path, refused[position]))
        elif position not in missing:
            on_bytes(file.n_bytes)
            report(file, Outcome.KNOWN)
    return [files[position] for position in answer.missing_positions]


def _upload(
    saemi: Saemi, submission_id: int, files: Sequence[HashedFile], report: Report, on_bytes: Callable[[int], None]
) -> None:
    pool = ThreadPoolExecutor(PARALLEL_UPLOADS)
    waiting = iter(files)
    running: dict[Future[object], HashedFile] = {}
    try:
        while True:
            # A few ahead, so that ten thousand files are no ten thousand waiting calls.
            for file in itertools.islice(waiting, 2 * PARALLEL_UPLOADS - len(running)):
                add = partial(saemi.add_file, submission_id, file.path, file.name, on_bytes, sha256=file.sha256)
                running[pool.submit(add)] = file
            if not running:
                return
            for done in wait(running, return_when=FIRST_COMPLETED).done:
                _tell(done, running.pop(done), report)
    except BaseException:
        saemi.give_up()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _tell(done: Future[object], file: HashedFile, report: Report) -> None:
    try:
        done.result()
    except TransientError:
        raise  # nobody answers: the files after this one have no better chance
    except (SaemiError, OSError) as error:
        report(file, Refusal(file.path, str(error)))
    else:
        report(file, Outcome.UPLOADED)
