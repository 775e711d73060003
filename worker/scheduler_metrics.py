"""What Prometheus reads of a scheduler: whether it leads or stands by."""

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from worker.scheduler import Scheduler


class SchedulerCollector(Collector):
    """Tells how a scheduler stands when it is asked."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    def collect(self) -> Iterator[Metric]:
        """Yield whether it leads."""
        yield GaugeMetricFamily("saemi_this_scheduler_leads", "Whether this scheduler leads.", value=self._scheduler.leads)
