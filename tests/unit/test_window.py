"""How much a dispatcher announces at a time: seconds of work, whatever the speed, and messages of a fitting size."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.turns import Chosen
from worker.window import AHEAD_S, MAX_BATCH, Window, batched

MAXIMUM = 512


def settled(rate_per_s: float, n_processes: int = 2, maximum: int = MAXIMUM) -> tuple[Window, int]:
    """A window that has watched workers of a steady speed for a minute, and what it keeps under way."""
    window, in_flight, done, now_s = Window(maximum), 0, 0.0, 0.0
    for _ in range(120):
        room = max(0, window.room(in_flight, 0, n_processes, now_s))
        window.announced(room)
        in_flight, now_s, done = in_flight + room, now_s + 0.5, done + 0.5 * rate_per_s
        ended = min(in_flight, int(done))
        in_flight, done = in_flight - ended, done - int(done)
    return window, in_flight + window.room(in_flight, 0, n_processes, now_s)


@pytest.mark.parametrize("rate_per_s", [0.5, 4, 20, 100])
def test_what_is_announced_lasts_for_seconds_at_the_speed_of_the_workers(rate_per_s: float) -> None:
    _, target = settled(rate_per_s)
    assert max(4, 0.7 * AHEAD_S * rate_per_s) <= target <= max(4, 2 * AHEAD_S * rate_per_s + 4)


def test_the_window_never_passes_its_maximum_however_fast_the_workers_are() -> None:
    assert settled(10_000)[1] == MAXIMUM


def test_slow_images_go_one_to_a_message_and_fast_ones_many() -> None:
    assert settled(1)[0].batch_size(2) == 1
    assert settled(10_000)[0].batch_size(2) == MAX_BATCH
    assert 1 < settled(20)[0].batch_size(2) < MAX_BATCH


def test_messages_that_wait_in_the_broker_leave_no_more_room_than_the_maximum() -> None:
    assert Window(10).room(0, 10, 8, 0.0) == 0


@given(st.lists(st.integers(0, 2), max_size=60), st.integers(1, 10))
def test_messages_hold_all_jobs_in_order_and_those_that_saw_a_worker_die_go_alone(attempts: list[int], size: int) -> None:
    chosen = [Chosen(number, n) for number, n in enumerate(attempts)]
    batches = batched(chosen, size)
    assert [job for batch in batches for job in batch] == chosen
    assert all(len(batch) <= size for batch in batches)
    assert all(len(batch) == 1 for batch in batches if any(job.attempts for job in batch))
