"""Messages that are lost with the worker that took them, or that come again and again, change nothing of what is found."""

import hashlib
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import psutil

from shared.domain import Parameters
from shared.messaging import ANALYSIS_QUEUE
from tests.chaos import faults
from tests.chaos.extent import Extent
from tests.chaos.facility import SCHEDULER, WORKERS, Facility
from tests.chaos.faults import Faults
from tests.chaos.handing_in import Client
from tests.chaos.images import Lot
from tests.chaos.timeline import draw_moments, play
from tests.chaos.trivial import hand_in_again, outcome
from tests.chaos.verdict import judge, label_maps
from tests.stack import wait_until
from worker.analysis.classical import ClassicalSegmenter
from worker.files import encode_labels
from worker.micrograph.sandbox import Decoder
from worker.pipeline import analyse

N_DIFFERENT_IMAGES = 20
N_IMAGES_DELIVERED_AGAIN = 90
DELIVERIES = 3
MOST_TIME_TO_RECOVER_S = 120.0
MOST_S_PER_TRIVIAL_JOB = 0.05
N_IMAGES_NOT_ACKNOWLEDGED = 30
# Sooner than the watchdog would end a worker that does not listen.
MOST_TIME_TO_NOTICE_S = 45.0


def test_no_trivial_job_is_lost_when_workers_are_killed_between_message_and_claim(
    shared_facility: Facility, extent: Extent
) -> None:
    facility, client = shared_facility, Client(shared_facility.address)
    lot = facility.drawings.lot("first time", N_DIFFERENT_IMAGES)
    first, again = client.open_submission(lot.project), client.open_submission("again")
    client.add_lot(first, lot)
    facility.wait_for_end(first, len(lot), MOST_TIME_TO_RECOVER_S)
    hand_in_again(facility, again, lot, extent.n_trivial_jobs)
    n_kills = extent.n_kills_of_trivial_jobs
    kills = {faults.KILL_WORKER: n_kills // 2, faults.KILL_WORKER_CHILD: n_kills - n_kills // 2}
    with Faults(facility, seed=1) as acting:
        play(draw_moments(kills, extent.n_trivial_jobs, seed=1), acting.by_name(), lambda: facility.n_ended(again))
    facility.wait_for_end(again, extent.n_trivial_jobs, MOST_TIME_TO_RECOVER_S + MOST_S_PER_TRIVIAL_JOB * extent.n_trivial_jobs)
    assert outcome(facility, again) == {"right": extent.n_trivial_jobs}
    assert judge(facility, first, lot).problems == {}


def test_messages_delivered_three_times_give_what_the_pipeline_finds_once(shared_facility: Facility) -> None:
    facility, client = shared_facility, Client(shared_facility.address)
    lot = facility.drawings.lot("thrice", N_IMAGES_DELIVERED_AGAIN)
    submission = client.open_submission(lot.project)
    with facility.keeper.held_down([*WORKERS], signal.SIGKILL):
        client.add_lot(submission, lot)
        wait_until(lambda: facility.n_announced(submission) == len(lot), "all jobs are announced")
        with facility.keeper.held_down([SCHEDULER], signal.SIGTERM):
            assert repeat_messages(facility) > 0
    facility.wait_for_end(submission, len(lot), MOST_TIME_TO_RECOVER_S)
    assert judge(facility, submission, lot).problems == {}
    assert label_maps(facility.database, submission) == label_maps_of_the_pipeline(facility, lot)
    assert facility.attempts(submission) == len(lot), "each job was taken once"


def test_a_worker_that_cannot_acknowledge_a_message_goes_on_with_a_new_connection(shared_facility: Facility) -> None:
    facility, client = shared_facility, Client(shared_facility.address)
    only, *others = WORKERS
    lot = facility.drawings.lot("not acknowledged", N_IMAGES_NOT_ACKNOWLEDGED)
    submission = client.open_submission(lot.project)
    with facility.keeper.held_down(others, signal.SIGKILL):
        n_before = n_not_acknowledged(facility)
        with ExitStack() as outage:
            with suspended(facility.keeper.process(only).children(recursive=True)):
                client.add_lot(submission, lot)
                wait_until(lambda: n_not_acknowledged(facility) > n_before, "the worker holds the one message it may")
                outage.enter_context(facility.keeper.held_down(["broker"], signal.SIGKILL))
            wait_until(lambda: facility.n_ended(submission), "the message was to be acknowledged, and its work is done")
        facility.wait_for_end(submission, len(lot), MOST_TIME_TO_NOTICE_S)
    assert judge(facility, submission, lot).problems == {}


@contextmanager
def suspended(processes: list[psutil.Process]) -> Iterator[None]:
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            process.resume()


def n_not_acknowledged(facility: Facility) -> int:
    """Count the messages that were taken from the queues and not acknowledged; kombu keeps them under this key."""
    with facility.broker() as broker:
        return broker.hlen("unacked")


def repeat_messages(facility: Facility) -> int:
    """Put each waiting message into the queue as often as it is to be delivered; returns the number of messages."""
    with facility.broker() as broker:
        messages = broker.lrange(ANALYSIS_QUEUE, 0, -1)
        broker.delete(ANALYSIS_QUEUE)
        broker.rpush(ANALYSIS_QUEUE, *(message for message in messages for _ in range(DELIVERIES)))
        return len(messages)


def label_maps_of_the_pipeline(facility: Facility, lot: Lot) -> dict[str, str]:
    """SHA-256 of the label map of each image, found by the bare pipeline in this process."""
    found = {}
    with Decoder() as decoder:
        for name, content in lot.files():
            with facility.store.local_path(hashlib.sha256(content).hexdigest()) as path:
                micrograph = decoder.decode(path, {}, 0, name)
            labels = analyse(micrograph, Parameters("classical-1", nm_per_px=0.5), ClassicalSegmenter()).labels
            found[name] = hashlib.sha256(encode_labels(labels)).hexdigest()
    return found
