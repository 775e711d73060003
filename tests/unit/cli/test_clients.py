"""`saemi submit` and `saemi status`: the clients of a running portal."""

import json
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from cli.client import Saemi
from tests.models import LISTED
from tests.stack import Stack, free_port, wait_until
from tests.unit.cli.invocation import CLASSICAL, one_line, run


def test_submit_waits_for_the_results_and_status_shows_them(images: Path, running_stack: Stack) -> None:
    server = ("--server", running_stack.address)
    result = run("submit", images, "--project", "cli", "--nm-per-px", "0.5", "--wait", *CLASSICAL, *server)
    assert result.returncode == 1, "some of the files are broken"
    assert "[red].png" in result.stdout
    number = int(result.stderr.rpartition("/")[2])
    (shown,) = json.loads(run("status", number, "--json", *server).stdout)
    assert (shown["project"], shown["counts"]["done"], shown["counts"]["failed"]) == ("cli", 3, 2)
    assert shown["parameters"] == {"model": "classical-1", "nm_per_px": 0.5, "min_confidence": 0.5}
    with Saemi(running_stack.address) as portal:
        analyses = list(portal.analyses(submission_id=number))
        assert {analysis.id for analysis in analyses} == {job.analysis_id for job in portal.jobs(number) if job.analysis_id}
        assert list(portal.analyses(submission_id=number, calibration_status="missing")) == []
    pages = re.findall(r"/analyses/(\d+)", result.stdout)
    assert sorted(map(int, pages)) == sorted(analysis.id for analysis in analyses)
    assert "cli" in run("status", *server).stdout
    refused = run("submit", images, "--project", "cli", "--model", "owl", *server)
    assert refused.returncode == 2
    assert LISTED in one_line(refused)
    with Saemi(running_stack.address) as portal:
        default, *_ = [model for model in portal.models() if model.is_default]
        opened = portal.open_submission("client", min_confidence=0.25)
        assert opened.parameters == {"model": default.reference, "nm_per_px": None, "min_confidence": 0.25}
    missing = run("status", 10**9, *server)
    assert missing.returncode == 1
    assert "no submission" in one_line(missing)


def test_this_machine_is_reached_without_the_proxy_of_the_environment(running_stack: Stack) -> None:
    proxy = f"http://127.0.0.1:{free_port()}"
    result = run("status", "--server", running_stack.address, HTTP_PROXY=proxy, http_proxy=proxy, ALL_PROXY=proxy)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("server", ["localhost:8000", "ftp://localhost", "http://[", "nonsense"])
def test_an_address_that_is_none_is_wrong_usage_at_once(server: str) -> None:
    result = run("status", "--server", server, timeout_s=10)
    assert result.returncode == 2
    assert "no address" in one_line(result)


def test_another_web_server_is_not_taken_for_a_portal(tmp_path: Path) -> None:
    port = free_port()
    with subprocess.Popen(
        [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"], cwd=tmp_path, stderr=subprocess.DEVNULL
    ) as server:
        page = tmp_path / "api" / "v1" / "submissions"
        page.parent.mkdir(parents=True)
        page.write_text("<html>Hello</html>")
        wait_until(lambda: reachable(port), "it listens")
        result = run("status", "--server", f"http://127.0.0.1:{port}", timeout_s=20)
        server.terminate()
    assert result.returncode == 1
    assert "no SAEMI portal" in one_line(result)


def reachable(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
