"""Broker or database are away for a while: people are served or told so, and all goes on by itself afterwards."""

import signal
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

import httpx
import numpy as np
import pytest

from tests.chaos.extent import Extent
from tests.chaos.facility import Facility
from tests.chaos.handing_in import Client, hand_in_for
from tests.chaos.images import draw
from tests.chaos.verdict import judge

N_IMAGES_UNDER_WAY = 60
N_FILES_BEFORE = 10
# Several times what an image takes here, on a machine that others use as well.
MOST_S_PER_IMAGE = 0.2
MOST_TIME_TO_RECOVER_S = 120.0
MOST_WAIT_S = 1.0
PER_CENT = 99
# The portal's pages, and the API's ways to read, hand in and decide.
DECISION = {"person": "Ada", "scope": "submission", "submission_id": 1, "choice": "automatic"}
REQUESTS = [
    ("GET", "/", {}),
    ("GET", "/submissions/1", {}),
    ("GET", "/analyses", {}),
    ("GET", "/readyz", {}),
    ("GET", "/api/v1/submissions", {}),
    ("GET", "/api/v1/jobs", {}),
    ("GET", "/api/v1/analyses/1", {}),
    ("GET", "/api/v1/submissions/1/summary.csv", {}),
    ("POST", "/api/v1/submissions", {"json": {"project": "away"}}),
    ("PUT", "/api/v1/submissions/1/files?name=away.png", {"content": draw(0)}),
    ("POST", "/api/v1/calibration-decisions", {"json": DECISION}),
]
TOLD_TO_COME_AGAIN = (503, "5", False)

Outage = Callable[[Facility], AbstractContextManager[None]]


def frozen(facility: Facility) -> AbstractContextManager[None]:
    return facility.keeper.frozen("broker")


def down(facility: Facility) -> AbstractContextManager[None]:
    return facility.keeper.held_down(["broker"], signal.SIGKILL)


@pytest.mark.parametrize("outage", [frozen, down])
def test_files_are_taken_quickly_while_the_broker_is_away_and_analysed_when_it_is_back(
    shared_facility: Facility, extent: Extent, outage: Outage
) -> None:
    facility, client = shared_facility, Client(shared_facility.address)
    lasts_s = extent.broker_frozen_s if outage is frozen else extent.broker_down_s
    # The first requests of a portal that has just started take a second, whatever the broker does.
    before = facility.drawings.lot("before it", N_FILES_BEFORE)
    first = Client(facility.address)
    first.add_lot(first.open_submission(before.project), before)
    with outage(facility):
        submission, lot = hand_in_for(client, facility.drawings, lasts_s)
    facility.wait_for_end(submission, len(lot), MOST_TIME_TO_RECOVER_S + MOST_S_PER_IMAGE * len(lot))
    assert judge(facility, submission, lot).problems == {}
    slowest_s = float(np.percentile(client.durations_s, PER_CENT))
    print(f"\n{outage.__name__} for {lasts_s:g} s: {len(lot)} files taken, 99 % of requests within {slowest_s * 1000:.0f} ms")
    assert client.n_repeated == 0, "no request is refused"
    assert slowest_s < MOST_WAIT_S


def test_the_database_down_is_said_to_clients_and_everything_resumes(shared_facility: Facility, extent: Extent) -> None:
    facility, client = shared_facility, Client(shared_facility.address)
    lot = facility.drawings.lot("database away", N_IMAGES_UNDER_WAY)
    submission = client.open_submission(lot.project)
    client.add_lot(submission, lot)
    with facility.keeper.held_down(["database"], signal.SIGQUIT):
        until = time.monotonic() + extent.database_down_s
        while time.monotonic() < until:
            answers = refusals(facility.address)
            assert {request: answer for request, answer in answers.items() if answer != TOLD_TO_COME_AGAIN} == {}
    later = facility.drawings.lot("after it", N_IMAGES_UNDER_WAY)
    submission_after = client.open_submission(later.project)
    client.add_lot(submission_after, later)
    for number, handed_in in [(submission, lot), (submission_after, later)]:
        facility.wait_for_end(number, len(handed_in), MOST_TIME_TO_RECOVER_S)
    assert judge(facility, submission, lot).problems == {}
    assert judge(facility, submission_after, later).problems == {}


def refusals(address: str) -> dict[str, tuple[int, str | None, bool]]:
    """What each request is answered: status, Retry-After, and whether the answer holds a trace."""
    found = {}
    with httpx.Client(base_url=address, timeout=20, trust_env=False, follow_redirects=True) as http:
        for method, path, options in REQUESTS:
            answer = http.request(method, path, **options)
            shows_trace = any(word in answer.text for word in ("Traceback", "psycopg", "sqlalchemy"))
            found[f"{method} {path}"] = (answer.status_code, answer.headers.get("Retry-After"), shows_trace)
    return found
