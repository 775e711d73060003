"""The conveyor around one thread or around the network: the same analyses as one by one, one outcome for each order."""

import os
import signal
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from shared.domain import DEFAULT_MODEL, Micrograph, Parameters, Segmenter
from shared.errors import DecoderKilledError, InputError, ProcessKilledError
from shared.storage import FolderBlobStore
from tests.integration.analyses import DiscSegmenter, draw_discs
from tests.stack import wait_until
from tests.unit.analysis.test_agreement import MIN_SHARE, share_that_pairs
from tests.unit.conveyor.stand_ins import BrokenSegmenter, DeadlySegmenter
from tests.unit.micrograph.files import png_bytes
from worker.analysis.network_segmenter import NetworkSegmenter
from worker.conveyor.conveyor import Conveyor, Station, conveyor_around_network, conveyor_in_one_thread
from worker.conveyor.orders import Analysed, Failed, Order
from worker.micrograph.sandbox import Decoder
from worker.pipeline import analyse
from worker.segmenters import create_segmenter
from worker.shipped import require_shipped
from worker.training.synthetic import synthetic_micrograph

N_PROCESSES = 2
IMAGES_AT_ONCE = 3


@pytest.fixture(scope="module")
def stations() -> Iterator[list[Station]]:
    with Decoder() as one, Decoder() as other:
        yield [Station(one, None), Station(other, None)]


@pytest.fixture(params=["in one thread", "around the network"])
def conveyor(request: pytest.FixtureRequest, store: FolderBlobStore, stations: list[Station]) -> Iterator[Conveyor]:
    if request.param == "in one thread":
        made = conveyor_in_one_thread(store, stations[0])
    else:
        made = conveyor_around_network(store, stations, N_PROCESSES, IMAGES_AT_ONCE)
    with made:
        yield made


@pytest.fixture
def around_network(store: FolderBlobStore, stations: list[Station]) -> Iterator[Conveyor]:
    with conveyor_around_network(store, stations, N_PROCESSES, IMAGES_AT_ONCE) as made:
        yield made


@pytest.fixture(scope="module")
def network() -> Segmenter:
    return create_segmenter(require_shipped(DEFAULT_MODEL), "cpu")


def written(folder: Path, pixels: Sequence[np.ndarray]) -> list[Path]:
    paths = [folder / f"{number}.png" for number in range(len(pixels))]
    for path, image in zip(paths, pixels, strict=True):
        path.write_bytes(png_bytes(image))
    return paths


def order(key: object, path: Path, segmenter: Segmenter | None = None) -> Order:
    return Order(key, lambda decoder: decoder.decode(path), Parameters(nm_per_px=2.0), segmenter or DiscSegmenter())


def test_each_order_gives_the_analysis_that_it_gives_alone(conveyor: Conveyor, store: FolderBlobStore, tmp_path: Path) -> None:
    images = [draw_discs(n + 1) for n in range(6)]
    orders = [order(n, path) for n, path in enumerate(written(tmp_path, images))]
    outcomes = {outcome.key: outcome for outcome in conveyor.run(orders)}
    assert sorted(outcomes) == list(range(6))
    for n, image in enumerate(images):
        outcome, alone = outcomes[n], analyse(Micrograph(image, "PNG"), Parameters(nm_per_px=2.0), DiscSegmenter())
        assert isinstance(outcome, Analysed)
        np.testing.assert_array_equal(outcome.analysis.labels, alone.labels)
        np.testing.assert_array_equal(outcome.analysis.particles.ecd_nm, alone.particles.ecd_nm)
        assert outcome.analysis.statistics == alone.statistics
        assert store.exists(outcome.files.labels_sha256)
        assert outcome.micrograph.format == "PNG"


def test_images_that_share_the_network_give_the_particles_that_they_give_alone(
    around_network: Conveyor, network: Segmenter, tmp_path: Path
) -> None:
    images = [synthetic_micrograph(seed, (240, 320), 15, banner=False).pixels for seed in range(5)]
    orders = [order(n, path, network) for n, path in enumerate(written(tmp_path, images))]
    assert isinstance(network, NetworkSegmenter)
    before = network.load
    outcomes = {outcome.key: outcome for outcome in around_network.run(orders)}
    loads = [outcome.load for outcome in outcomes.values() if isinstance(outcome, Analysed)]
    together = network.load.since(before)
    for name in ("n_passes", "n_tiles", "n_places"):
        assert sum(getattr(load, name) for load in loads) == pytest.approx(getattr(together, name)), "nothing counts twice"
    assert 0 < together.n_passes <= together.n_tiles <= together.n_places
    for n, image in enumerate(images):
        outcome, alone = outcomes[n], analyse(Micrograph(image, "PNG"), Parameters(), network)
        assert isinstance(outcome, Analysed)
        assert share_that_pairs(outcome.analysis.labels, alone.labels) >= MIN_SHARE
        assert outcome.analysis.particles.confidence is not None


def test_every_stage_says_how_long_it_took(around_network: Conveyor, network: Segmenter, tmp_path: Path) -> None:
    (path,) = written(tmp_path, [synthetic_micrograph(1, (240, 320), 15, banner=False).pixels])
    (outcome,) = around_network.run([order("one", path, network)])
    assert isinstance(outcome, Analysed)
    times = outcome.timings
    stages = (times.decode_s, times.inscriptions_s, times.segment_s, times.measure_s, times.encode_s)
    assert min(stages) > 0
    assert times.total_s == pytest.approx(sum(stages))


def test_what_goes_wrong_with_one_image_is_the_outcome_of_that_image_alone(conveyor: Conveyor, tmp_path: Path) -> None:
    good, other, *_ = paths = written(tmp_path, [draw_discs(3)] * 4)
    paths[2].write_bytes(b"no image")
    orders = [
        order("good", good),
        order("no image", paths[2]),
        order("bug", paths[3], BrokenSegmenter()),
        order("also good", other),
    ]
    outcomes = {outcome.key: outcome for outcome in conveyor.run(orders)}
    assert {key for key, outcome in outcomes.items() if isinstance(outcome, Analysed)} == {"good", "also good"}
    errors = {key: outcome.error for key, outcome in outcomes.items() if isinstance(outcome, Failed)}
    assert isinstance(errors["no image"], InputError)
    assert isinstance(errors["bug"], ZeroDivisionError)


def test_a_process_that_is_killed_while_it_measures_takes_its_own_image_along_alone(
    around_network: Conveyor, tmp_path: Path
) -> None:
    path, *_ = written(tmp_path, [draw_discs(3)])
    orders = [order(n, path, DeadlySegmenter() if n in (1, 4) else None) for n in range(8)]
    outcomes = {outcome.key: outcome for outcome in around_network.run(orders)}
    assert {key for key, outcome in outcomes.items() if isinstance(outcome, Failed)} == {1, 4}
    assert all(isinstance(outcomes[key].error, ProcessKilledError) for key in (1, 4))


def test_a_decoder_that_is_killed_takes_its_own_image_along_alone(conveyor: Conveyor, tmp_path: Path) -> None:
    path, *_ = written(tmp_path, [draw_discs(3)])

    def read_while_the_decoder_is_killed(decoder: Decoder) -> Micrograph:
        decoder.decode(path)
        assert decoder.process_id is not None
        # Stopped first, so that it cannot answer before it dies.
        os.kill(decoder.process_id, signal.SIGSTOP)
        threading.Timer(0.1, os.kill, (decoder.process_id, signal.SIGKILL)).start()
        return decoder.decode(path)

    doomed = Order("doomed", read_while_the_decoder_is_killed, Parameters(), DiscSegmenter())
    outcomes = {outcome.key: outcome for outcome in conveyor.run([order(0, path), doomed, order(1, path), order(2, path)])}
    assert {key for key, outcome in outcomes.items() if isinstance(outcome, Failed)} == {"doomed"}
    assert isinstance(outcomes["doomed"].error, DecoderKilledError)


def test_no_more_images_are_under_way_than_there_is_room_for(
    store: FolderBlobStore, stations: list[Station], tmp_path: Path
) -> None:
    path, *_ = written(tmp_path, [draw_discs(1)])
    asked = 0

    def orders() -> Iterator[Order]:
        nonlocal asked
        for n in range(40):
            asked += 1
            yield order(n, path)

    room = len(stations) + IMAGES_AT_ONCE + 2 * N_PROCESSES
    with conveyor_around_network(store, stations, N_PROCESSES, IMAGES_AT_ONCE) as conveyor:
        for done, _ in enumerate(conveyor.run(orders())):
            assert asked - done <= room
    assert asked == 40


def test_a_caller_that_stops_leaves_the_waiting_images_undone(around_network: Conveyor, tmp_path: Path) -> None:
    path, *_ = written(tmp_path, [draw_discs(1)])
    read: list[int] = []
    go_on = threading.Event()

    def slow_order(n: int) -> Order:
        def read_slowly(decoder: Decoder) -> Micrograph:
            read.append(n)
            if n > 0:
                go_on.wait(60)
            return decoder.decode(path)

        return Order(n, read_slowly, Parameters(), DiscSegmenter())

    outcomes = around_network.run(slow_order(n) for n in range(20))
    assert next(outcomes).key == 0
    outcomes.close()
    go_on.set()
    (after,) = around_network.run([order("after", path)])
    assert after.key == "after"
    wait_until(lambda: len(read) <= 3, "those that had begun are all that were read")


def test_an_error_of_the_orders_themselves_is_the_callers(conveyor: Conveyor, tmp_path: Path) -> None:
    path, *_ = written(tmp_path, [draw_discs(1)])

    def orders() -> Iterator[Order]:
        yield order(0, path)
        raise InputError("no more")

    with pytest.raises(InputError, match="no more"):
        list(conveyor.run(orders()))
    (after,) = conveyor.run([order("after", path)])
    assert isinstance(after, Analysed)
