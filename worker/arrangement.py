"""How a process of the worker uses its share of the machine: its runner, on a conveyor that fits the cores and the GPU.

Without a GPU, processes run side by side, one core each, and each takes one image after the other. With one, a process drives
the GPU and spreads over the cores that are its share: text is read ahead of the network, particles are measured behind it.
"""

import os
from collections.abc import Callable

import cv2

from shared.database import FEW_CONNECTIONS, Database
from shared.settings import Settings
from shared.storage import BlobStore
from shared.stores import blob_store
from worker.archive.limits import ArchiveLimits
from worker.conveyor.conveyor import Conveyor, Station, conveyor_around_network, conveyor_in_one_thread
from worker.micrograph.limits import DecodeLimits
from worker.micrograph.sandbox import Decoder
from worker.runner import JobRunner
from worker.segmenters import RegisteredSegmenters, has_gpu
from worker.text_reader import RapidTextReader

# Of the cores, so many prepare images, the rest finish them: reading text takes about twice as long as measuring.
PREPARING_SHARE = 2 / 3


def create_runner(settings: Settings, must_stop: Callable[[], bool]) -> JobRunner:
    """Create the runner of a process; CUDA is first touched here, after the pool has started the process."""
    cv2.setNumThreads(1)  # whatever runs side by side has one core each
    database = Database(settings.effective_database_url, settings.database_connections(FEW_CONNECTIONS))
    store = blob_store(settings)
    conveyor, decoder = create_conveyor(settings, store)
    return JobRunner(
        database,
        store,
        decoder,
        RegisteredSegmenters(database, store, settings.device),
        lease_s=settings.lease_s,
        max_attempts=settings.max_attempts,
        job_timeout_s=settings.job_timeout_s,
        must_stop=must_stop,
        conveyor=conveyor,
        archive_limits=ArchiveLimits(
            n_members=settings.max_archive_members,
            member_bytes=settings.max_upload_bytes,
            total_bytes=settings.max_archive_bytes,
        ),
    )


def create_conveyor(settings: Settings, store: BlobStore) -> tuple[Conveyor, Decoder]:
    """Create the conveyor of a process and one of its decoders."""
    limits = DecodeLimits.of(settings)
    n_cores = cores_of_one(settings)
    if n_cores == 1 or not has_gpu(settings.device):
        station = Station(Decoder(limits), RapidTextReader())
        return conveyor_in_one_thread(store, station), station.decoder
    n_preparing = preparing_threads(n_cores)
    stations = [Station(Decoder(limits), RapidTextReader()) for _ in range(n_preparing)]
    return conveyor_around_network(store, stations, n_cores - n_preparing), stations[0].decoder


def cores_of_one(settings: Settings) -> int:
    """Cores that are the share of each process of the worker."""
    return max(len(os.sched_getaffinity(0)) // settings.effective_worker_processes, 1)


def preparing_threads(n_cores: int) -> int:
    """Of several cores, how many prepare images; at least one finishes them."""
    return min(max(round(n_cores * PREPARING_SHARE), 1), n_cores - 1)
