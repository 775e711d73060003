"""`saemi export` against a portal on a socket: what it asks for, how it waits, and what lies in the folder afterwards."""

import json
import shlex
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
from sqlalchemy import select, update

from cli import exporting
from cli.client import Saemi
from shared.errors import InputError
from shared.export_choices import ExportChoices, command
from shared.export_rows import ExportRow
from shared.leases import JobState
from shared.models import AnalysisRow, JobRow
from tests.integration.analyses import make_analysis, particle_table, save
from tests.unit.cli.invocation import invoke
from tests.unit.cli.served_portal import ServedPortal
from web.export_schemas import ExportBody
from worker.exporter import Exporter


@pytest.fixture
def portal(served: ServedPortal) -> Iterator[ServedPortal]:
    """A portal with two analyses; what it logs stays out of what the commands print."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.__stderr__))
    for sha256 in ("a" * 64, "b" * 64):
        number = save(served.database, make_analysis(particle_table(300, 0.5), 0.5), sha256)
        finish_job(served, number)
    yield served
    structlog.reset_defaults()


def finish_job(served: ServedPortal, analysis: int) -> None:
    with served.database.writing() as session:
        image = select(AnalysisRow.image_sha256).where(AnalysisRow.id == analysis).scalar_subquery()
        done = {"state": JobState.DONE, "analysis_id": analysis}
        session.execute(update(JobRow).where(JobRow.image_sha256 == image).values(**done))


@pytest.fixture
def worker(portal: ServedPortal, tmp_path: Path) -> Iterator[None]:
    """What makes files as they are asked for."""
    over = threading.Event()
    exporter = Exporter(portal.database, portal.services.store, tmp_path / "scratch", lease_s=60, max_attempts=3)

    def work() -> None:
        while not over.wait(0.05):
            with portal.database.reading() as session:
                waiting = session.scalars(select(ExportRow.id).where(ExportRow.state == JobState.QUEUED)).all()
            for number in waiting:
                exporter.run(number)

    thread = threading.Thread(target=work)
    thread.start()
    yield
    over.set()
    thread.join(30)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "POLL_INTERVAL_S", 0.05)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--format or --resume"),
        (("--format", "docx"), "--format"),
        (("--format", "csv", "--resume", 1), "--format or --resume"),
        (("--resume", 1, "--submission", 1), "--resume"),
        (("--format", "csv", "--search", "sample=a", "--submission", 1), "--search"),
        (("--format", "csv", "--analysis", 0), "--analysis"),
        (("--format", "csv", "--bins", 501), "--bins"),
        (("--format", "csv", "--weighting", "mass"), "--weighting"),
        (("--format", "csv", "--quantity", "ecd_nm"), "--quantity"),
        (("--format", "csv", "--person", "x" * 201), "person"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_wrong_usage_before_anybody_is_asked(arguments: tuple[object, ...], said: str) -> None:
    result = invoke("export", *arguments, "--server", "http://127.0.0.1:1")
    assert (result.exit_code, said in result.output) == (2, True), result.output


@pytest.mark.parametrize(
    ("selection", "analysis_ids", "choices"),
    [
        ("", None, ExportChoices()),
        ("submission_id=12", None, ExportChoices(weighting="volume")),
        ("sample=lot+12+%26+%27more%27", None, ExportChoices(counting_rule="all", bins=7)),
        ("project=gold&where=ecd_d50_nm%3C40&where=n_particles%3E5", None, ExportChoices(quantity="feret_max")),
        ("submission_id=12", [3, 4], ExportChoices(log_axis=True)),
    ],
    ids=str,
)
def test_the_command_that_a_file_names_asks_for_the_same(
    monkeypatch: pytest.MonkeyPatch, selection: str, analysis_ids: list[int] | None, choices: ExportChoices
) -> None:
    asked: list[ExportBody] = []

    def ask(_portal: Saemi, body: ExportBody) -> None:
        asked.append(body)
        raise InputError("That is enough.")

    monkeypatch.setattr("cli.export_command.ask_for_export", ask)
    words = shlex.split(command("csv", selection, analysis_ids, choices))
    assert words[0] == "saemi"
    invoke(*words[1:])
    (body,) = asked
    request = body.request
    assert (request.query, request.choices, body.analysis_ids) == (selection, choices, analysis_ids)


@pytest.mark.usefixtures("worker")
def test_a_file_is_asked_for_waited_for_and_downloaded_under_its_name(portal: ServedPortal, tmp_path: Path) -> None:
    folder = tmp_path / "results"
    options = ("--counting-rule", "all", "--log-axis", "--bins", 12, "--person", "Ada")
    result = invoke("export", "--format", "csv", "--submission", 1, *options, "--out", f"{folder}/", "--server", portal.address)
    assert result.exit_code == 0, result.output
    path = folder / "Submission_1_project.csv.zip"
    assert result.stdout == f"{path}\n"
    assert [one.name for one in folder.iterdir()] == [path.name]
    with zipfile.ZipFile(path) as archive:
        methods = archive.read("methods.txt").decode()
    assert "saemi export --format csv --submission 1 --counting-rule all --bins 12 --log-axis" in methods
    with Saemi(portal.address) as saemi:
        (made,) = saemi.exports()
        assert (made.person, made.choices.bins, made.choices.log_axis) == ("Ada", 12, True)


@pytest.mark.usefixtures("worker")
def test_the_printed_command_makes_the_same_again_and_an_interrupted_one_goes_on(portal: ServedPortal, tmp_path: Path) -> None:
    first = invoke(
        "export", "--format", "json", "--analysis", 1, "--analysis", 2, "--out", tmp_path / "a.json", "--json", "--server",
        portal.address,
    )  # fmt: skip
    assert first.exit_code == 0, first.output
    told: dict[str, Any] = json.loads(first.stdout)
    assert told["command"] == "saemi export --format json --analysis 1 --analysis 2"
    assert told["path"] == str(tmp_path / "a.json")
    again = invoke("export", "--resume", told["id"], "--out", tmp_path / "b.json", "--server", portal.address)
    assert again.exit_code == 0, again.output
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


@pytest.mark.usefixtures("worker")
def test_what_is_refused_or_fails_is_said_and_ends_with_1(
    portal: ServedPortal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = invoke("export", "--format", "csv", "--submission", 9, "--server", portal.address)
    assert isinstance(refused.exception, InputError)
    assert refused.exception.code == "nothing_selected"

    def fail(*_: object) -> None:
        raise InputError("These sizes cannot be drawn.", code="no_sizes")

    monkeypatch.setattr("worker.outputs.csv_tables.write", fail)
    failed = invoke("export", "--format", "csv", "--out", tmp_path, "--server", portal.address)
    assert (failed.exit_code, "These sizes cannot be drawn." in failed.output) == (1, True)


@pytest.fixture
def made(portal: ServedPortal, worker: None) -> Any:
    with Saemi(portal.address) as saemi:
        return saemi.wait_for_export(saemi.export("csv", weighting="volume").id)


def broken_after(n_bytes: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let the line drop once, after so many bytes of a file; returns the ranges that are asked for."""
    ranges: list[str] = []
    real: Callable[..., Iterator[bytes]] = httpx.Response.iter_bytes

    def cut(response: httpx.Response, *_: object) -> Iterator[bytes]:
        ranges.append(response.request.headers.get("Range", "all"))
        if len(ranges) == 1:
            yield next(real(response, n_bytes))
            raise httpx.ReadError("The line dropped.")
        yield from real(response)

    monkeypatch.setattr(httpx.Response, "iter_bytes", cut)
    return ranges


def test_a_download_goes_on_where_the_line_dropped(
    portal: ServedPortal, made: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ranges = broken_after(1000, monkeypatch)
    with Saemi(portal.address) as saemi:
        counted: list[int] = []
        path = exporting.download_export(saemi, made, tmp_path, counted.append)
    assert ranges == ["all", "bytes=1000-"]
    assert path.stat().st_size == made.file.n_bytes == sum(counted)
    assert zipfile.ZipFile(path).testzip() is None


def test_bytes_that_are_not_those_of_the_file_are_refused(portal: ServedPortal, made: Any, tmp_path: Path) -> None:
    altered = made.model_copy(update={"file": made.file.model_copy(update={"sha256": "0" * 64})})
    with Saemi(portal.address) as saemi, pytest.raises(InputError, match="Other bytes"):
        saemi.download_export(altered, tmp_path / "file.zip")
    assert not any(path.suffix in (".zip", ".part") for path in tmp_path.iterdir())


def test_a_folder_that_does_not_exist_is_named_before_anybody_is_asked(tmp_path: Path) -> None:
    result = invoke("export", "--format", "csv", "--out", tmp_path / "none" / "a.zip", "--server", "http://127.0.0.1:1")
    assert isinstance(result.exception, InputError)
    assert (result.exception.code, str(tmp_path / "none") in result.exception.message) == ("no_folder", True)


def test_an_export_without_a_file_is_not_downloaded(portal: ServedPortal, tmp_path: Path) -> None:
    with Saemi(portal.address) as saemi:
        waiting = saemi.export("csv")
        cancelled = saemi.cancel_export(waiting.id)
        assert cancelled.state == "cancelled"
        with pytest.raises(InputError, match="no file"):
            saemi.download_export(cancelled, tmp_path)
