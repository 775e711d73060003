"""Everything that can die dies in the middle of a submission: afterwards each image has been analysed exactly once."""

import time

from tests.chaos import faults
from tests.chaos.extent import Extent
from tests.chaos.facility import Facility
from tests.chaos.faults import Faults
from tests.chaos.handing_in import Client, handed_in_meanwhile
from tests.chaos.places import Place
from tests.chaos.timeline import draw_moments, play
from tests.chaos.verdict import judge

# After the last fault.
MOST_TIME_TO_RECOVER_S = 120.0
ALLOWED_FACTOR, ALLOWED_EXTRA_S = 2, 60


def numbers_of(extent: Extent, place: Place) -> dict[str, int]:
    return {
        faults.KILL_WORKER: extent.n_worker_kills // 2,
        faults.KILL_WORKER_CHILD: extent.n_worker_kills - extent.n_worker_kills // 2,
        faults.KILL_BROKER: extent.n_broker_kills,
        faults.STOP_DATABASE: extent.n_database_stops,
        faults.KILL_PORTAL: extent.n_portal_kills,
        faults.PAUSE_WORKER: 1,
        faults.CUT_LINE_TO_DATABASE: 1,
        place.fault: 1,
    }


def time_without_faults(facility: Facility, client: Client, n_images: int) -> float:
    """Seconds an image takes in a system that is left alone."""
    lot = facility.drawings.lot("left alone", n_images)
    submission = client.open_submission(lot.project)
    # Workers that have just started first load what they need.
    client.add_file(submission, *next(lot.files()))
    facility.wait_for_end(submission, 1, MOST_TIME_TO_RECOVER_S)
    begun = time.monotonic()
    client.add_lot(submission, lot)
    facility.wait_for_end(submission, len(lot), MOST_TIME_TO_RECOVER_S + len(lot))
    return (time.monotonic() - begun) / len(lot)


def test_each_image_is_analysed_exactly_once_whatever_dies_meanwhile(facility: Facility, extent: Extent, seed: int) -> None:
    client = Client(facility.address)
    s_per_image = time_without_faults(facility, client, extent.n_images_without_faults)
    lot = facility.drawings.lot("chaos", extent.n_images)
    allowed_s = ALLOWED_FACTOR * s_per_image * len(lot) + ALLOWED_EXTRA_S
    submission = client.open_submission(lot.project)
    print(f"\nseed {seed}: {len(lot)} images, {s_per_image * len(lot):.0f} s without faults")
    moments = draw_moments(numbers_of(extent, facility.place), len(lot), seed)
    begun = time.monotonic()
    with handed_in_meanwhile(client, submission, lot), Faults(facility, seed) as acting:
        play(moments, acting.by_name(), lambda: facility.n_ended(submission))
    facility.wait_for_end(submission, len(lot), MOST_TIME_TO_RECOVER_S)
    took_s = time.monotonic() - begun
    n_repeated = facility.attempts(submission) - len(lot)
    print(f"{took_s:7.1f} s  all ended; allowed {allowed_s:.0f} s; {n_repeated} attempts repeated")
    assert judge(facility, submission, lot).problems == {}
    assert took_s <= allowed_s
