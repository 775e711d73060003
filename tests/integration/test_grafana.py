"""The Grafana dashboard names metrics that exist, with labels that they have."""

import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from prometheus_client.metrics_core import Metric

from shared.database import Database
from shared.domain import PIPELINE_VERSION
from shared.workers import WorkerDescription
from tests.stack import PROJECT
from tests.unit.web.opened_portal import open_portal
from web.metrics import QueueCollector
from worker import gpu_metrics
from worker.metrics import WorkerCollector
from worker.scheduler import Scheduler
from worker.scheduler_metrics import SchedulerCollector

DASHBOARD = PROJECT / "deploy" / "grafana" / "saemi.json"
WORKER = WorkerDescription("saemi@here", "here", "1", PIPELINE_VERSION, "cpu", ["analysis"], 2)


# A driver that knows one GPU, in the words of NVIDIA's library.
ONE_GPU = SimpleNamespace(
    NVMLError=RuntimeError,
    nvmlInit=lambda: None,
    nvmlShutdown=lambda: None,
    nvmlDeviceGetCount=lambda: 1,
    nvmlDeviceGetHandleByIndex=lambda index: index,
    nvmlDeviceGetMemoryInfo=lambda _: SimpleNamespace(used=2**30, total=2**33),
    nvmlDeviceGetUtilizationRates=lambda _: SimpleNamespace(gpu=50),
)


def expressions(content: Any) -> list[str]:
    return [target["expr"] for panel in content["panels"] for target in panel["targets"]]


def names(metrics: Iterable[Metric]) -> set[str]:
    """Names under which the samples of metrics are given, also of those that have no sample yet."""
    endings = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}
    return {metric.name + ending for metric in metrics for ending in endings.get(metric.type, ("",))}


@pytest.fixture
def given(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """What portal, worker and scheduler give."""
    monkeypatch.setitem(sys.modules, "pynvml", ONE_GPU)
    found = names(QueueCollector(database).collect()) | names(WorkerCollector(database, WORKER).collect())
    found |= names(SchedulerCollector(cast("Scheduler", SimpleNamespace(leads=True))).collect())
    for portal in open_portal(tmp_path, database.engine.url.render_as_string(hide_password=False)):
        text = portal.http.get("/metrics").text
        found |= {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE") and line.endswith("gauge")}
        found |= {f"{name}_bucket" for name in re.findall(r"# TYPE (\w+) histogram", text)}
    return found


def test_every_metric_that_the_dashboard_names_is_given_and_every_one_that_is_given_is_shown(given: set[str]) -> None:
    content = json.loads(DASHBOARD.read_text())
    named = {name for expression in expressions(content) for name in re.findall(r"saemi_\w+", expression)}
    assert named <= given
    shown_otherwise = ("_count", "_sum")
    assert {name for name in given if name.startswith("saemi_") and not name.endswith(shown_otherwise)} <= named


def test_the_dashboard_asks_one_data_source_that_is_chosen_when_it_is_imported() -> None:
    content = json.loads(DASHBOARD.read_text())
    assert {panel["datasource"]["uid"] for panel in content["panels"]} == {"${datasource}"}
    assert len({panel["id"] for panel in content["panels"]}) == len(content["panels"])


def test_what_the_driver_says_of_a_gpu_is_given_with_its_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", ONE_GPU)
    found = {sample.name: sample.value for metric in gpu_metrics.gpu_metrics() for sample in metric.samples}
    assert found == {
        "saemi_gpu_memory_used_bytes": 2**30,
        "saemi_gpu_memory_total_bytes": 2**33,
        "saemi_gpu_utilisation_ratio": 0.5,
    }
