"""deploy/Caddyfile is one that Caddy accepts, with a certificate of its own and with one that is given."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.stack import PROJECT

CADDY = Path(sys.executable).with_name("caddy")
CADDYFILE = PROJECT / "deploy" / "Caddyfile"


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """An environment in which Caddy writes nothing outside the test's folder."""
    return {"HOME": str(tmp_path)}


def adapted(environment: dict[str, str]) -> dict[str, Any]:
    """The configuration as Caddy understands it."""
    said = subprocess.run([CADDY, "adapt", "--config", CADDYFILE], capture_output=True, text=True, env=environment, check=True)
    configuration: dict[str, Any] = json.loads(said.stdout)["apps"]
    return configuration


def test_caddy_accepts_the_configuration(home: dict[str, str]) -> None:
    checked = subprocess.run([CADDY, "validate", "--config", CADDYFILE], capture_output=True, text=True, env=home, check=False)
    assert checked.returncode == 0, checked.stderr


def test_the_configuration_is_formatted_as_caddy_formats_it(home: dict[str, str]) -> None:
    formatted = subprocess.run([CADDY, "fmt", CADDYFILE], capture_output=True, text=True, env=home, check=False)
    assert formatted.stdout == CADDYFILE.read_text()


def test_without_a_certificate_caddy_makes_one_by_an_authority_of_its_own(home: dict[str, str]) -> None:
    (policy,) = adapted(home)["tls"]["automation"]["policies"]
    assert policy == {"subjects": ["localhost"], "issuers": [{"module": "internal"}]}


def test_a_certificate_of_the_facility_takes_its_place(home: dict[str, str]) -> None:
    given = {"PORTAL_HOST": "saemi.example.org", "PORTAL_TLS": "/certificates/chain.pem /certificates/key.pem"}
    tls = adapted(home | given)["tls"]
    assert "automation" not in tls
    (files,) = tls["certificates"]["load_files"]
    assert (files["certificate"], files["key"]) == ("/certificates/chain.pem", "/certificates/key.pem")
