"""Which fault comes when: drawn from a seed, due by progress, so that every one of them hits a system at work."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.stack import wait_until

# A fault comes up to so long after it is due, so that some hit a system that is just getting up from the one before.
MOST_DELAY_S = 1.5
# No progress in this time is a system that is stuck.
STUCK_S = 120.0


@dataclass(frozen=True, slots=True)
class Moment:
    """A fault by name, due a moment after so many jobs have ended."""

    n_ended: int
    delay_s: float
    fault: str


@dataclass(frozen=True, slots=True)
class Happening:
    """A fault that was brought about."""

    at_s: float
    n_ended: int
    fault: str
    detail: str

    def __str__(self) -> str:
        return f"{self.at_s:7.1f} s  {self.n_ended:6} ended  {self.fault}: {self.detail}"


def draw_moments(numbers: dict[str, int], n_jobs: int, seed: int) -> list[Moment]:
    """Draw when each fault comes; the same seed gives the same order at the same progress.

    The last tenth of the work is left without: a fault that is due there might find that all is done.
    """
    chance = random.Random(seed)
    faults = [fault for fault, number in numbers.items() for _ in range(number)]
    moments = [Moment(chance.randrange(n_jobs * 9 // 10), chance.uniform(0, MOST_DELAY_S), fault) for fault in faults]
    return sorted(moments, key=lambda moment: moment.n_ended)


def play(
    moments: Sequence[Moment],
    bring_about: dict[str, Callable[[], str]],
    progress: Callable[[], int | None],
) -> list[Happening]:
    """Bring about one fault after the other when it is due, print each, and return what happened."""
    begun = time.monotonic()
    happened = []
    for moment in moments:
        n_ended = _wait_for(moment, progress)
        time.sleep(moment.delay_s)  # not a wait for anything: the random part of the moment
        at_s = time.monotonic() - begun
        happened.append(Happening(at_s, n_ended, moment.fault, bring_about[moment.fault]()))
        print(happened[-1], flush=True)
    return happened


def _wait_for(moment: Moment, progress: Callable[[], int | None]) -> int:
    seen = 0

    def is_due() -> bool:
        nonlocal seen
        seen = progress() or seen
        return seen >= moment.n_ended

    wait_until(is_due, f"{moment.n_ended} jobs have ended", STUCK_S)
    return seen
