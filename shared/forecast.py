"""How long a submission still takes beside the others that wait: a pure function of what is left and how fast it goes."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from shared.turns import PRIORITY_WEIGHTS, Lane, Priority

# So many submissions are told apart; with more of them nobody could say what comes when.
MOST_LOADS = 200


@dataclass(frozen=True, slots=True)
class Load:
    """What is left of a submission."""

    lane: Lane
    n_left: int


def time_left_s(loads: Iterable[Load], submission_id: int, jobs_per_s: float) -> float | None:
    """Tell how long a submission takes when all that wait share the workers as `shared.turns` deals them out.

    Assumes that the workers stay as fast together as they are, that images take alike, and that nothing more is handed in.
    Shares change whenever a submission ends: the time is summed from one end to the next.

    Parameters
    ----------
    loads
        What is left of each submission that the same workers take, the one asked for among them.
    jobs_per_s
        How many jobs of all of them end in a second.

    Returns
    -------
    float or None
        Seconds; None where too many submissions wait, or the one asked for does not.
    """
    left = {load.lane.submission_id: float(load.n_left) for load in loads}
    lanes = {load.lane.submission_id: load.lane for load in loads}
    if submission_id not in left or len(left) > MOST_LOADS:
        return None
    elapsed_s = 0.0
    while True:
        rates = {number: jobs_per_s * share for number, share in shares(lanes[number] for number in left).items()}
        step_s = min(n / rates[number] for number, n in left.items())
        elapsed_s += step_s
        ending = min(left, key=lambda number: left[number] / rates[number])
        if ending == submission_id or left[submission_id] <= rates[submission_id] * step_s:
            return elapsed_s
        left = {number: max(0.0, n - rates[number] * step_s) for number, n in left.items() if number != ending}


def shares(lanes: Iterable[Lane]) -> dict[int, float]:
    """Return which part of all turns each submission gets: by group, in it by person, then by priority, then evenly."""
    together = list(lanes)
    groups = {lane.group: lane.group_weight for lane in together}
    all_weights = sum(groups.values())
    people = Counter(group for group, _ in {(lane.group, lane.person) for lane in together})
    of_person: dict[tuple[str, str], set[Priority]] = {}
    for lane in together:
        of_person.setdefault((lane.group, lane.person), set()).add(lane.priority)
    alike = Counter((lane.group, lane.person, lane.priority) for lane in together)
    found = {}
    for lane in together:
        among = sum(PRIORITY_WEIGHTS[priority] for priority in of_person[lane.group, lane.person])
        by_group = lane.group_weight / all_weights / people[lane.group]
        by_priority = PRIORITY_WEIGHTS[lane.priority] / among
        found[lane.submission_id] = by_group * by_priority / alike[lane.group, lane.person, lane.priority]
    return found
