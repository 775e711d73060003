"""`saemi` run as a shell or a script does, and what a test asks of it."""

import os
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner, Result

from cli.main import saemi
from tests.stack import PROJECT

# Many tests are about files and messages; PyTorch would only make them wait.
CLASSICAL = ("--model", "classical")


def run(*arguments: object, timeout_s: float = 120, **environment: object) -> subprocess.CompletedProcess[str]:
    """Run `saemi` as a shell does."""
    return subprocess.run(
        [sys.executable, "-m", "cli.main", *map(os.fspath, map(_text, arguments))],
        env=os.environ | {"PYTHONPATH": str(PROJECT)} | {name: str(value) for name, value in environment.items()},
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout_s,
        check=False,
    )


def _text(argument: object) -> str | Path:
    return argument if isinstance(argument, Path) else str(argument)


def invoke(*arguments: object) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(saemi, [str(argument) for argument in arguments])


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def one_line(result: subprocess.CompletedProcess[str]) -> str:
    """Check that a command said one clear thing, and return it."""
    said = [line for line in result.stderr.splitlines() if not line.startswith("Starting SAEMI")]
    assert "Traceback" not in result.stderr
    assert len(said) == 1, result.stderr
    return said[0]
