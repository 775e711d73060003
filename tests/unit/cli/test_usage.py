"""Help, wrong usage and settings: what every command has in common."""

import json
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from cli.main import saemi
from tests.stack import free_port
from tests.unit.cli.invocation import invoke, one_line, run
from worker.shipped import weights_files


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        yield (*path, name)
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


@pytest.mark.parametrize("command", [(), *commands(saemi)], ids=" ".join)
def test_every_command_and_every_option_is_explained(command: tuple[str, ...]) -> None:
    for option in ("--help", "-h"):
        result = invoke(*command, option)
        assert result.exit_code == 0
        assert result.output.startswith("Usage: ")
        assert len([line for line in result.output.splitlines() if line.strip()]) >= 4


@pytest.mark.parametrize(
    "arguments",
    [
        ("unknown",),
        ("analyze",),
        ("analyze", "no such file.png"),
        ("analyze", ".", "--nm-per-px", "0"),
        ("analyze", ".", "--nm-per-px", "nan"),
        ("analyze", ".", "--model", "unknown"),
        ("analyze", ".", "--model", "nowhere.safetensors"),
        ("analyze", ".", "--device", "gpu"),
        ("analyze", ".", "--min-confidence", "1.5"),
        ("analyze", ".", "--min-confidence", "nan"),
        ("measure",),
        ("submit", "."),
        ("status", "seven"),
        ("up", "--port", "70000"),
        ("admin", "unknown"),
        ("models", "add", "nowhere.safetensors"),
        ("models", "card"),
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_2(arguments: tuple[str, ...]) -> None:
    result = invoke(*arguments)
    assert result.exit_code == 2
    assert "Traceback" not in result.output


def test_a_folder_without_micrographs_is_wrong_usage_and_says_what_is_looked_for(tmp_path: Path) -> None:
    result = run("analyze", tmp_path)
    assert result.returncode == 2
    assert ".tiff" in one_line(result)


def test_an_unknown_setting_is_wrong_usage_and_one_clear_message() -> None:
    result = run("config", SAEMI_PROT=1)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.splitlines() == ["saemi: The settings are not valid:", "  SAEMI_PROT: no such setting"]


def test_the_settings_in_force_are_printed_for_people_and_for_programs() -> None:
    result = run("config", "--json", SAEMI_PORT=9001, SAEMI_DATABASE_URL="postgresql://u:hunter2@db/saemi")
    assert result.returncode == 0
    shown = json.loads(result.stdout)
    assert (shown["port"], shown["database_url"]) == (9001, "postgresql://u:***@db/saemi")
    table = run("config", SAEMI_PORT=9001).stdout
    assert all(name in table for name in shown)


def test_the_doctor_says_what_is_wrong_and_never_crashes() -> None:
    away = {"SAEMI_DATABASE_URL": f"postgresql://nobody@127.0.0.1:{free_port()}/saemi", "SAEMI_PORT": free_port()}
    result = run("admin", "doctor", "--json", SAEMI_BROKER_URL=f"redis://127.0.0.1:{free_port()}/0", **away)
    assert result.returncode == 1, result.stderr
    findings = {finding["part"]: finding for finding in json.loads(result.stdout)}
    parts = ("software", "database", "models", "device", "broker", "portal")
    assert [findings[part]["ok"] for part in parts] == [True, False, False, True, False, False]
    assert all(finding["says"] for finding in findings.values())


BROKER = {"SAEMI_BROKER_URL": "redis://127.0.0.1:1/0"}

AWAY = {"SAEMI_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/saemi"}


@pytest.mark.parametrize(
    ("command", "environment", "said"),
    [
        ("scheduler", {}, "SAEMI_BROKER_URL"),
        ("worker", BROKER, "saemi admin db upgrade"),
        ("scheduler", BROKER | AWAY, "The database does not answer"),
    ],
    ids=["no broker", "no schema", "no database"],
)
def test_a_process_without_what_it_needs_says_so(command: str, environment: dict[str, str], said: str) -> None:
    result = run(command, **environment)
    assert result.returncode == 1
    assert said in one_line(result)


def test_a_worker_that_must_have_a_gpu_does_not_start_without_one() -> None:
    assert run("admin", "db", "upgrade").returncode == 0
    result = run("worker", SAEMI_DEVICE="cuda", CUDA_VISIBLE_DEVICES="", **BROKER)
    assert result.returncode == 1
    assert "no CUDA device" in one_line(result)


def test_an_upgrade_names_a_model_that_is_altered_and_registers_the_others(tmp_path: Path) -> None:
    assert run("admin", "db", "upgrade").returncode == 0
    blobs = [path for path in (tmp_path / "data" / "blobs").rglob("*") if path.is_file()]
    assert len(blobs) == len(weights_files())
    blob = blobs[0]
    blob.write_bytes(b"cut")
    result = run("admin", "db", "upgrade")
    assert result.returncode == 0
    assert str(blob) in one_line(result)
