"""How long a submission still takes beside others: shares as they are dealt out, summed from one end to the next."""

import pytest

from shared.forecast import MOST_LOADS, Load, shares, time_left_s
from shared.turns import Lane, Priority


def load(number: int, n_left: int, group: str = "a", person: str = "", **rest: object) -> Load:
    priority = rest.pop("priority", Priority.NORMAL)
    return Load(Lane(number, group, person, priority, **rest), n_left)  # type: ignore[arg-type]


def test_a_submission_alone_takes_what_is_left_at_the_present_rate() -> None:
    assert time_left_s([load(1, 600)], 1, jobs_per_s=2.0) == 300.0


def test_ten_images_beside_a_bulk_of_another_group_take_twice_as_long_as_alone() -> None:
    loads = [load(1, 10_000, "bulk"), load(2, 10, "small")]
    assert time_left_s(loads, 2, jobs_per_s=1.0) == 20.0
    assert time_left_s(loads, 1, jobs_per_s=1.0) == pytest.approx(10_010.0), "all work together ends when all is done"


def test_a_group_of_weight_three_gets_three_of_four_turns() -> None:
    loads = [load(1, 100, "a", group_weight=3.0), load(2, 100, "b")]
    assert time_left_s(loads, 1, jobs_per_s=1.0) == pytest.approx(400 / 3)


def test_people_share_a_group_evenly_and_priorities_a_person() -> None:
    found = shares([load(1, 1, person="Ada").lane, load(2, 1, person="Bob").lane, load(3, 1, person="Bob").lane])
    assert found == {1: 0.5, 2: 0.25, 3: 0.25}
    found = shares([load(1, 1, priority=Priority.NORMAL).lane, load(2, 1, priority=Priority.BULK).lane])
    assert found == {1: 0.8, 2: 0.2}


def test_shares_are_one_together() -> None:
    lanes = [load(n, 1, group=str(n % 3), person=str(n % 4), group_weight=1.0 + n % 3).lane for n in range(20)]
    assert sum(shares(lanes).values()) == pytest.approx(1.0)


def test_what_cannot_be_known_is_not_said() -> None:
    assert time_left_s([load(1, 10)], 2, jobs_per_s=1.0) is None, "it does not wait"
    many = [load(n, 10) for n in range(MOST_LOADS + 1)]
    assert time_left_s(many, 1, jobs_per_s=1.0) is None
