"""How much is announced at a time: as much as the workers finish within seconds, in messages of a fitting size.

Pure arithmetic on what a dispatcher sees; it holds no clock.
"""

from collections.abc import Sequence

from shared.turns import Chosen

# What is announced suffices for so long; whoever comes next waits about this long behind others.
AHEAD_S = 3.0
# Where no worker has shown itself yet, as if one process would come.
EXPECTED_PROCESSES = 1
# A message keeps a process busy for a fraction of that time, so that all of them come to an end together.
MESSAGES_AHEAD = 4
MAX_BATCH = 32
# Weight of the newest look at how fast jobs end.
SMOOTHING = 0.4


class Window:
    """Follows how fast jobs come to their end, and says how many more may be announced."""

    def __init__(self, maximum: int) -> None:
        self._maximum = maximum
        self._rate_per_s = 0.0
        self._target = 1
        self._in_flight: int | None = None
        self._seen_at = 0.0

    def room(self, in_flight: int, n_messages: int, n_processes: int, now_s: float) -> int:
        """Return how many more jobs may be announced.

        Parameters
        ----------
        in_flight
            Jobs that run or that a recent message announces.
        n_messages
            Messages that wait in the broker.
        n_processes
            Processes of all workers that take from the queue.
        now_s
            Any steadily running clock, s.
        """
        self._learn(in_flight, now_s)
        fewest = 2 * (n_processes or EXPECTED_PROCESSES)
        self._target = min(self._maximum, max(fewest, round(self._rate_per_s * AHEAD_S)))
        # Messages without rows are somebody's repetition: they too are worked off first.
        return min(self._target - in_flight, self._maximum - n_messages)

    def announced(self, n_jobs: int) -> None:
        """Note how many were announced after all."""
        self._in_flight = (self._in_flight or 0) + n_jobs

    def batch_size(self, n_processes: int) -> int:
        """Return how many jobs a message announces."""
        return max(1, min(MAX_BATCH, self._target // (MESSAGES_AHEAD * (n_processes or EXPECTED_PROCESSES))))

    def _learn(self, in_flight: int, now_s: float) -> None:
        if self._in_flight is not None and now_s > self._seen_at:
            rate_per_s = max(0, self._in_flight - in_flight) / (now_s - self._seen_at)
            self._rate_per_s += SMOOTHING * (rate_per_s - self._rate_per_s)
        self._in_flight, self._seen_at = in_flight, now_s


def batched(chosen: Sequence[Chosen], size: int) -> list[list[Chosen]]:
    """Divide jobs into messages, in their order.

    Those over which a worker died or fell silent go alone: should it be one of them that kills, it takes no others with it.
    """
    batches: list[list[Chosen]] = []
    for job in chosen:
        last = batches[-1] if batches else None
        if last is None or len(last) >= size or job.attempts or last[0].attempts:
            batches.append([job])
        else:
            last.append(job)
    return batches
