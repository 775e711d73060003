"""Metrics of workers and schedulers over HTTP, as Prometheus asks for them."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import cast

import httpx
import pytest

from shared.errors import OperatorError
from tests.stack import free_port
from worker.metrics import serve_metrics
from worker.scheduler import Scheduler
from worker.scheduler_metrics import SchedulerCollector

LEADING = SchedulerCollector(cast("Scheduler", SimpleNamespace(leads=True)))


@pytest.fixture
def port() -> Iterator[int]:
    """The port of metrics that are given while the test lasts."""
    number = free_port()
    server = serve_metrics(LEADING, number)
    assert server is not None
    yield number
    server.shutdown()
    server.server_close()


def test_metrics_are_given_over_http(port: int) -> None:
    answer = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False)
    assert answer.status_code == 200
    assert "saemi_this_scheduler_leads 1.0" in answer.text


def test_a_port_that_is_taken_is_said_with_the_setting_that_changes_it(port: int) -> None:
    with pytest.raises(OperatorError, match="SAEMI_METRICS_PORT"):
        serve_metrics(LEADING, port)


def test_without_a_port_nothing_is_given() -> None:
    assert serve_metrics(LEADING, 0) is None
