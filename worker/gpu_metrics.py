"""Memory and utilisation of NVIDIA's GPUs, asked of the driver: whoever asks does not touch CUDA.

Without the package nvidia-ml-py, or without a driver, there is nothing to tell.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from shared.log import get_logger

logger = get_logger(__name__)


def gpu_metrics() -> list[Metric]:
    """Return what the driver says of each GPU of this machine; nothing where there is none."""
    try:
        import pynvml  # noqa: PLC0415 - the part gpu-metrics is not everywhere
    except ImportError:
        return []
    try:
        with _driver(pynvml):
            return _read(pynvml)
    except pynvml.NVMLError as error:
        logger.debug("gpus_not_measured", reason=str(error))
        return []


@contextmanager
def _driver(pynvml: Any) -> Iterator[None]:
    pynvml.nvmlInit()
    try:
        yield
    finally:
        pynvml.nvmlShutdown()


def _read(pynvml: Any) -> list[Metric]:
    used = GaugeMetricFamily("saemi_gpu_memory_used_bytes", "Memory of the GPU in use.", labels=["gpu"])
    total = GaugeMetricFamily("saemi_gpu_memory_total_bytes", "Memory of the GPU.", labels=["gpu"])
    busy = GaugeMetricFamily("saemi_gpu_utilisation_ratio", "Part of the time in which the GPU computed.", labels=["gpu"])
    for index in range(pynvml.nvmlDeviceGetCount()):
        handle = pynvml.nvmlDeviceGetHandleByIndex(index)
        memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
        used.add_metric([str(index)], memory.used)
        total.add_metric([str(index)], memory.total)
        busy.add_metric([str(index)], pynvml.nvmlDeviceGetUtilizationRates(handle).gpu / 100)
    return [used, total, busy]
