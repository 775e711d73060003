"""How much chaos: a short form for every run of the tests, a long one for `make chaos`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Extent:
    """Numbers of a run."""

    n_images: int
    n_images_without_faults: int
    n_worker_kills: int
    n_broker_kills: int
    n_database_stops: int
    n_portal_kills: int
    n_seeds: int
    n_trivial_jobs: int
    n_kills_of_trivial_jobs: int
    broker_frozen_s: float
    broker_down_s: float
    database_down_s: float


SHORT = Extent(
    n_images=500,
    n_images_without_faults=100,
    n_worker_kills=8,
    n_broker_kills=2,
    n_database_stops=2,
    n_portal_kills=1,
    n_seeds=1,
    n_trivial_jobs=1_000,
    n_kills_of_trivial_jobs=6,
    broker_frozen_s=10.0,
    broker_down_s=10.0,
    database_down_s=10.0,
)
LONG = Extent(
    n_images=10_000,
    n_images_without_faults=2_000,
    n_worker_kills=20,
    n_broker_kills=5,
    n_database_stops=5,
    n_portal_kills=3,
    n_seeds=20,
    n_trivial_jobs=30_000,
    n_kills_of_trivial_jobs=40,
    broker_frozen_s=60.0,
    broker_down_s=300.0,
    database_down_s=60.0,
)
