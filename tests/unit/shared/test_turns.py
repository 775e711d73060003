"""Whose turn it is: shares of groups, people and priorities, whatever was handed in first and however much."""

from collections import Counter
from collections.abc import Callable, Sequence

from hypothesis import given
from hypothesis import strategies as st

from shared.turns import PRIORITY_WEIGHTS, Chosen, Lane, Priority, in_turns


def lane(submission_id: int, group: str = "a", person: str = "", **rest: object) -> Lane:
    return Lane(submission_id, group, person, rest.pop("priority", Priority.NORMAL), **rest)  # type: ignore[arg-type]


def waiting(numbers: dict[int, int]) -> Callable[[Lane], Chosen | None]:
    """So many waiting jobs of each submission; a job's number is 1000 times its submission's, plus its place."""
    left = {submission: iter(range(n)) for submission, n in numbers.items()}

    def take(of: Lane) -> Chosen | None:
        place = next(left[of.submission_id], None)
        return None if place is None else Chosen(1000 * of.submission_id + place, 0)

    return take


def shares(lanes: Sequence[Lane], room: int, n_waiting: int = 1000) -> Counter[int]:
    """How many turns each submission got of so many."""
    chosen = in_turns(lanes, waiting({one.submission_id: n_waiting for one in lanes}), room)
    return Counter(one.job_id // 1_000 for one in chosen)


def test_ten_small_ones_go_on_beside_a_bulk() -> None:
    lanes = [lane(1, "bulk", in_flight=6), lane(2, "small")]
    chosen = in_turns(lanes, waiting({1: 900, 2: 10}), 20)
    assert [one.job_id // 1000 for one in chosen[:6]] == [2] * 6, "who has nothing under way catches up first"
    assert Counter(one.job_id // 1000 for one in chosen) == {1: 10, 2: 10}


def test_groups_share_by_weight() -> None:
    assert shares([lane(1, "a", group_weight=3.0), lane(2, "b")], 40) == {1: 30, 2: 10}


def test_a_group_gets_no_more_for_having_more_people_or_submissions() -> None:
    lanes = [lane(1, "a", "Ada"), lane(2, "a", "Bo"), lane(3, "a", "Bo"), lane(4, "b", "Cy")]
    assert shares(lanes, 80) == {1: 20, 2: 10, 3: 10, 4: 40}


def test_of_one_person_the_normal_comes_before_the_bulk_and_the_bulk_is_not_forgotten() -> None:
    lanes = [lane(1, priority=Priority.BULK), lane(2, priority=Priority.NORMAL)]
    assert shares(lanes, 50) == {1: 10, 2: 40}


def test_of_equals_the_oldest_is_first_and_its_jobs_keep_their_order() -> None:
    chosen = in_turns([lane(7), lane(3)], waiting({7: 2, 3: 2}), 4)
    assert [one.job_id for one in chosen] == [3000, 7000, 3001, 7001]


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from("xy"), st.sampled_from(list(Priority)), st.integers(0, 9)),
        max_size=12,
    ),
    st.integers(0, 60),
)
def test_no_turn_is_wasted_and_no_job_chosen_twice(submissions: list[tuple[str, str, Priority, int]], room: int) -> None:
    lanes = [Lane(number, group, person, priority) for number, (group, person, priority, _) in enumerate(submissions)]
    numbers = {number: n for number, (*_, n) in enumerate(submissions)}
    chosen = in_turns(lanes, waiting(numbers), room)
    assert len(chosen) == min(room, sum(numbers.values()))
    assert len(set(chosen)) == len(chosen)


LANES = st.lists(
    st.tuples(
        st.sampled_from("abc"), st.sampled_from("xy"), st.sampled_from(list(Priority)), st.integers(0, 9), st.integers(0, 4)
    ),
    max_size=12,
)


@given(LANES, st.tuples(*[st.sampled_from([0.5, 1.0, 3.0])] * 3), st.integers(0, 60))
def test_each_turn_is_that_of_whoever_has_least_under_way_by_weight_and_of_equals_the_oldest(
    drawn: list[tuple[str, str, Priority, int, int]], weights: tuple[float, float, float], room: int
) -> None:
    weight_of = dict(zip("abc", weights, strict=True))
    lanes = [
        Lane(number, group, person, priority, weight_of[group], in_flight)
        for number, (group, person, priority, _, in_flight) in enumerate(drawn)
    ]
    numbers = {number: n for number, (*_, n, _) in enumerate(drawn)}
    assert in_turns(lanes, waiting(numbers), room) == by_definition(lanes, waiting(numbers), room)


def by_definition(lanes: Sequence[Lane], take: Callable[[Lane], Chosen | None], room: int) -> list[Chosen]:
    """Choose as `in_turns` does, by looking at everybody each time."""
    left, chosen = list(lanes), []
    load = {one.submission_id: one.in_flight for one in lanes}
    while left and len(chosen) < room:
        among, of = left, list(lanes)
        for key, weight in (
            (lambda one: one.group, lambda one: one.group_weight),
            (lambda one: one.person, lambda _: 1.0),
            (lambda one: one.priority, lambda one: PRIORITY_WEIGHTS[one.priority]),
            (lambda one: one.submission_id, lambda _: 1.0),
        ):
            branches: dict[object, list[Lane]] = {}
            for one in of:
                branches.setdefault(key(one), []).append(one)

            def place(
                name: object, branches: dict[object, list[Lane]] = branches, weight: Callable[[Lane], float] = weight
            ) -> tuple[float, int]:
                all_of = branches[name]
                return sum(load[one.submission_id] for one in all_of) / weight(all_of[0]), all_of[0].submission_id

            best = min({key(one) for one in among}, key=place)
            among, of = [one for one in among if key(one) == best], branches[best]
        job = take(among[0])
        if job is None:
            left.remove(among[0])
        else:
            chosen.append(job)
            load[among[0].submission_id] += 1
    return chosen
