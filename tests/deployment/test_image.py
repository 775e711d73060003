"""deploy/Dockerfile keeps to the rules of hadolint and copies what it needs."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stack import PROJECT

DOCKERFILE = PROJECT / "deploy" / "Dockerfile"


def test_the_linter_has_nothing_to_say_against_the_dockerfile() -> None:
    linter = Path(sys.executable).with_name("hadolint")
    checked = subprocess.run([linter, DOCKERFILE], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("given", re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE.read_text(), re.MULTILINE))
def test_what_the_image_copies_exists_and_is_let_through(given: str) -> None:
    let_through = {
        line.removeprefix("!") for line in (PROJECT / ".dockerignore").read_text().splitlines() if line.startswith("!")
    }
    for name in given.split():
        assert (PROJECT / name).exists()
        assert name in let_through


def test_the_image_has_the_version_of_pytorch_that_the_makefile_pins() -> None:
    (in_makefile,) = re.findall(r"^TORCH \?= (\S+)$", (PROJECT / "Makefile").read_text(), re.MULTILINE)
    (in_image,) = re.findall(r"^ARG TORCH=(\S+)$", DOCKERFILE.read_text(), re.MULTILINE)
    assert in_image == in_makefile
