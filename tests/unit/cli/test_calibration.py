"""`saemi calibrate` against a portal in a thread: what it asks for, what it prints, and how it ends."""

import json
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from click.testing import CliRunner, Result
from werkzeug.serving import make_server

from cli.client import Saemi
from cli.main import saemi
from shared.database import Database
from shared.settings import Settings
from tests.databases import make_tables
from tests.integration.laboratory import SEM, Laboratory
from web.app import create_app
from web.services import EXTENSION

QUEUE_OF_THIS_TEST = 9  # a database of the broker that no other test uses


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Laboratory]:
    database = Database(f"sqlite:///{tmp_path / 'saemi.db'}")
    make_tables(database)
    yield Laboratory(database)
    database.dispose()


@pytest.fixture
def server(lab: Laboratory, tmp_path: Path, broker_url: str) -> Iterator[str]:
    """The address of a portal in this process; what it logs stays out of what the commands print."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.__stderr__))
    app = create_app(Settings(data_dir=tmp_path, broker_url=f"{broker_url}?virtual_host={QUEUE_OF_THIS_TEST}"))
    listening = make_server("127.0.0.1", 0, app)
    thread = threading.Thread(target=listening.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{listening.server_port}"
    listening.shutdown()
    thread.join(30)
    listening.server_close()
    app.extensions[EXTENSION].database.dispose()
    structlog.reset_defaults()


def calibrate(*arguments: object) -> Result:
    return CliRunner().invoke(saemi, ["calibrate", *map(str, arguments)], catch_exceptions=False)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--nm-per-px", 2), "--submission or --analysis"),
        (("--analysis", 1, "--submission", 1, "--nm-per-px", 2), "--submission or --analysis"),
        (("--analysis", 1), "--nm-per-px or --use"),
        (("--analysis", 1, "--nm-per-px", 2, "--use", "metadata"), "--nm-per-px or --use"),
        (("--submission", 1, "--instrument", "--nm-per-px", 2), "--instrument needs --analysis"),
        (("--analysis", 1, "--nm-per-px", "nan"), "nan"),
        (("--analysis", 1, "--nm-per-px", 0), "--nm-per-px"),
        (("--analysis", 1, "--use", "guess"), "--use"),
        (("--analysis", 0, "--nm-per-px", 2), "--analysis"),
        (("--analysis", 1, "--nm-per-px", 2, "--person", " "), "--person"),
        (("--analysis", 1, "--nm-per-px", 2, "--comment", "x" * 2001), "--comment"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_wrong_usage_before_anybody_is_asked(arguments: tuple[object, ...], said: str) -> None:
    person = () if "--person" in arguments else ("--person", "Ada")
    result = calibrate(*arguments, *person, "--server", "http://127.0.0.1:1")
    assert result.exit_code == 2
    assert said in result.output


def test_a_decision_needs_a_person() -> None:
    result = calibrate("--analysis", 1, "--nm-per-px", 2)
    assert (result.exit_code, "--person" in result.output) == (2, True)


def test_a_decision_is_made_for_each_scope_and_printed(server: str, lab: Laboratory) -> None:
    submission = lab.submit()
    analysis = lab.analyse(lab.add(submission, "a"), SEM)
    rest = ("--person", "Ada", "--comment", "why", "--json", "--server", server)
    cases = [
        (("--analysis", analysis, "--nm-per-px", 2), ("image", "manual", 2.0)),
        (("--submission", submission, "--use", "scale_bar"), ("submission", "scale_bar", None)),
        (("--analysis", analysis, "--instrument", "--nm-per-px", 3), ("instrument", "manual", 3.0)),
        (("--analysis", analysis, "--use", "automatic"), ("image", "automatic", None)),
    ]
    for arguments, wanted in cases:
        result = calibrate(*arguments, *rest)
        assert result.exit_code == 0, result.output
        decision = json.loads(result.stdout)
        assert (decision["scope"], decision["choice"], decision["nm_per_px"]) == wanted
        assert (decision["person"], decision["comment"], decision["n_analyses"], decision["state"]) == (
            "Ada",
            "why",
            1,
            "queued",
        )
    result = calibrate("--submission", submission, "--nm-per-px", 2, "--person", "Ada", "--server", server)
    assert result.output == "Decision 5 is about 1 analysis; it is being applied.\n"


def test_what_the_portal_refuses_is_said_by_its_error(server: str, lab: Laboratory) -> None:
    from shared.errors import NotFoundError

    with pytest.raises(NotFoundError, match="no analysis 7"):
        calibrate("--analysis", 7, "--nm-per-px", 2, "--person", "Ada", "--server", server)


@pytest.mark.parametrize("is_applied", [True, False])
def test_waiting_ends_when_the_decision_is_applied_or_has_failed(
    server: str, lab: Laboratory, monkeypatch: pytest.MonkeyPatch, is_applied: bool
) -> None:
    analysis = lab.analysed("a")
    real = Saemi.decision

    def work_meanwhile(self: Saemi, decision_id: int) -> object:
        seen = real(self, decision_id)
        if is_applied:
            lab.apply(decision_id)
        else:
            lab.fail(decision_id)
        return seen

    monkeypatch.setattr(Saemi, "decision", work_meanwhile)
    monkeypatch.setattr("cli.client.POLL_INTERVAL_S", 0.01)
    result = calibrate("--analysis", analysis, "--nm-per-px", 2, "--person", "Ada", "--wait", "--server", server)
    assert result.exit_code == (0 if is_applied else 1)
    assert ("1 changed." if is_applied else "not applied: The disk is full.") in result.output
    assert lab.held(analysis).nm_per_px == (2.0 if is_applied else None)


def test_the_client_reads_decisions_changes_and_metadata(server: str, lab: Laboratory) -> None:
    analysis = lab.analysed("a", SEM)
    made = [lab.decide_for_image(analysis, value) for value in (2.0, 3.0)]
    lab.apply(*made)
    with Saemi(server) as client:
        assert [decision.id for decision in client.decisions()] == made[::-1]
        (change,) = client.calibration_changes(analysis)
        assert (change.decision_id, change.person, change.after.nm_per_px) == (made[1], "Ada", 3.0)
        assert client.metadata(analysis) == {}
        shown = client.analysis(analysis).calibration
    assert shown.decision is not None
    assert (shown.nm_per_px, shown.decision.id) == (3.0, made[1])
