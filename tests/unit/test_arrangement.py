"""A worker's process uses the cores that are its share, and no more."""

import os

import pytest

from shared.settings import load_settings
from worker import segmenters
from worker.arrangement import cores_of_one, preparing_threads
from worker.segmenters import has_gpu


@pytest.mark.parametrize(("n_cores", "expected"), [(2, 1), (3, 2), (4, 3), (8, 5), (16, 11)])
def test_text_is_read_on_most_cores_and_particles_are_measured_on_the_others(n_cores: int, expected: int) -> None:
    assert preparing_threads(n_cores) == expected
    assert 1 <= preparing_threads(n_cores) < n_cores


def test_as_many_processes_as_cores_have_one_core_each_and_a_single_one_has_all() -> None:
    n_cores = len(os.sched_getaffinity(0))
    assert cores_of_one(load_settings()) == 1
    assert cores_of_one(load_settings(worker_processes=1)) == n_cores
    assert cores_of_one(load_settings(worker_processes=4 * n_cores)) == 1


def test_without_a_driver_there_is_no_gpu_and_none_is_looked_for(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.setattr(segmenters, "NVIDIA_DRIVER", tmp_path / "no such device")
    monkeypatch.setattr(segmenters, "compute_device", lambda _: pytest.fail("PyTorch was loaded"))
    assert not has_gpu("auto")
    assert not has_gpu("cpu")
