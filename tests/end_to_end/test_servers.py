"""The stack on PostgreSQL and an S3 server, and moved from there by a backup to SQLite and a folder."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from cli.client import Saemi
from tests.conftest import fresh_postgres
from tests.integration.analyses import draw_discs
from tests.s3_server import S3Server
from tests.stack import PROJECT, Stack, start_stack
from tests.unit.micrograph.files import png_bytes

SHOWN = ("/analyses?limit=5", "/jobs?limit=5", "/submissions?limit=5")


def admin(*arguments: object, **settings: object) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SAEMI_")}
    environment |= {f"SAEMI_{name.upper()}": str(value) for name, value in settings.items()}
    command = [sys.executable, "-m", "cli.main", "admin", *map(str, arguments)]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False, cwd=PROJECT)
    assert ended.returncode == 0, ended.stderr


def shown(stack: Stack) -> list[Any]:
    """What the API says of analyses, jobs and submissions."""
    answers = [httpx.get(f"{stack.address}/api/v1{path}", trust_env=False) for path in SHOWN]
    return [answer.raise_for_status().json() for answer in answers]


def overlay(stack: Stack, analysis: int) -> bytes:
    address = f"{stack.address}/api/v1/analyses/{analysis}/files/overlay.png"
    return httpx.get(address, trust_env=False).raise_for_status().content


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "日本語.png"
    path.write_bytes(png_bytes(draw_discs(5)))
    return path


def test_what_was_analysed_on_servers_is_found_again_on_one_machine(
    postgres_url: str, s3_server: S3Server, image: Path, tmp_path: Path
) -> None:
    with fresh_postgres(postgres_url) as database:
        url = database.engine.url.render_as_string(hide_password=False)
        servers = {"database_url": url, **s3_server.settings(tmp_path.name)}
        with start_stack(tmp_path / "data", **servers) as stack, Saemi(stack.address) as saemi:
            submission = saemi.open_submission("gold", nm_per_px=0.5, model="classical")
            saemi.add_file(submission.id, image)
            saemi.wait(submission.id)
            (job,) = saemi.jobs(submission.id)
            assert job.state == "done", job
            before, picture = shown(stack), overlay(stack, job.analysis_id or 0)
            admin("backup", tmp_path / "backups", data_dir=tmp_path / "data", **servers)
        assert not (tmp_path / "data" / "blobs").exists()
    admin("restore", tmp_path / "backups", data_dir=tmp_path / "moved")
    with start_stack(tmp_path / "moved") as stack:
        assert shown(stack) == before
        assert overlay(stack, job.analysis_id or 0) == picture
