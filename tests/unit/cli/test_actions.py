"""`saemi pause`, `resume`, `cancel`, `retry` and `admin groups` before a running portal."""

import json
from pathlib import Path

from cli.client import Saemi
from shared.actions import Action
from shared.turns import Priority
from tests.end_to_end.drawn import draw_discs
from tests.stack import Stack
from tests.unit.cli.invocation import one_line, run


def test_submissions_are_paused_cancelled_and_taken_up_again_from_the_command_line(
    tmp_path: Path, running_stack: Stack
) -> None:
    draw_discs(tmp_path / "a.png", seed=1)
    server = ("--server", running_stack.address)
    with Saemi(running_stack.address) as saemi:
        opened = saemi.open_submission("actions", person="Ada", group="Optics", priority=Priority.BULK, model="classical-1")
        assert (opened.person, opened.group, opened.priority) == ("Ada", "Optics", "bulk")
        assert "paused" in one_line(run("pause", opened.id, "--person", "Ada", *server))
        assert saemi.submission(opened.id).paused_by == "Ada"
        saemi.add_file(opened.id, tmp_path / "a.png")
        assert saemi.submission(opened.id).counts.queued == 1, "what is added to a paused submission waits"
        (outcome,) = json.loads(run("cancel", opened.id, "--json", *server).stdout)
        assert (outcome["action"], outcome["n_jobs"]) == ("cancel", 1)
        assert "0 images cancelled" in one_line(run("cancel", opened.id, *server)), "twice is once"
        assert "1 image back in the queue" in one_line(run("retry", opened.id, "--cancelled", *server))
        assert "goes on" in one_line(run("resume", opened.id, *server))
        assert saemi.wait(opened.id).counts.done == 1
        assert saemi.act(Action.RETRY, [opened.id])[0].n_jobs == 0


def test_what_cannot_be_acted_on_is_said(running_stack: Stack) -> None:
    missing = run("cancel", 10**9, "--server", running_stack.address)
    assert missing.returncode == 1
    assert "no submission" in one_line(missing)
    assert run("pause").returncode == 2


def test_weights_of_groups_are_listed_and_set(tmp_path: Path) -> None:
    data = {"SAEMI_DATA_DIR": str(tmp_path / "data")}
    assert run("admin", "db", "upgrade", **data).returncode == 0
    assert run("admin", "groups", "set", "Catalysis", "2.5", **data).returncode == 0
    assert json.loads(run("admin", "groups", "--json", **data).stdout) == [{"group": "Catalysis", "weight": 2.5}]
    assert run("admin", "groups", "set", "Catalysis", "0", **data).returncode == 2
