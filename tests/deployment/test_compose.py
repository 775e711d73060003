"""docker-compose.yml says what Docker Compose and SAEMI understand, and leaves no service unwatched, unpinned or open."""

import os
import re
import subprocess
import sys

import pytest

from shared.settings import ENVIRONMENT_PREFIX, Settings, load_settings
from tests.deployment import commands
from tests.deployment.compose import COMPOSE_FILE, PASSWORDS, Service, services

SERVICES = services(PASSWORDS)
OWN = [service for service in SERVICES.values() if service.is_saemi]


def named(service: Service) -> str:
    return service.name


every_service = pytest.mark.parametrize("service", SERVICES.values(), ids=named)
every_own_service = pytest.mark.parametrize("service", OWN, ids=named)


def test_the_file_fits_the_schema_of_the_compose_specification() -> None:
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(COMPOSE_FILE)]
    checked = subprocess.run(check, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@every_service
def test_every_service_has_a_healthcheck_or_says_why_it_has_none(service: Service) -> None:
    healthcheck = service.declared.get("healthcheck", {})
    assert healthcheck.get("test") or service.declared.get("x-no-healthcheck")


@every_service
def test_every_image_is_pinned_to_a_release(service: Service) -> None:
    assert re.fullmatch(r"[a-z0-9/]+:\d+\.\d+(\.\d+)?(-[a-z0-9]+)?", service.declared["image"])


@every_service
def test_no_service_but_the_proxy_is_reached_from_outside(service: Service) -> None:
    assert ("ports" in service.declared) == (service.name == "proxy")
    assert ("outer" in service.declared["networks"]) == (service.name == "proxy")


def test_the_proxy_listens_on_this_host_alone_until_somebody_says_otherwise() -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES["proxy"].declared["ports"])


@every_own_service
def test_every_setting_is_one_that_saemi_knows_and_accepts(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(ENVIRONMENT_PREFIX)]:
        monkeypatch.delenv(name)
    for name, value in service.environment.items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    assert settings.database_url == service.environment["SAEMI_DATABASE_URL"]
    assert {ENVIRONMENT_PREFIX + name.upper() for name in Settings.model_fields} >= set(service.environment)


@every_own_service
def test_every_command_is_one_that_saemi_understands(service: Service) -> None:
    assert commands.parse(service.command).command.callback is not None


@every_own_service
def test_every_process_of_saemi_runs_without_rights_it_has_no_use_for(service: Service) -> None:
    assert service.declared["read_only"] is True
    assert service.declared["cap_drop"] == ["ALL"]
    assert service.declared["security_opt"] == ["no-new-privileges:true"]


def test_without_a_graphics_card_some_worker_takes_from_every_queue() -> None:
    workers = [service for service in OWN if "worker" in service.command and "profiles" not in service.declared]
    taken = {queue for worker in workers for queue in commands.parse(worker.command).params["queues"]}
    assert taken == {"analysis", "interactive", "decisions", "exports"}


@pytest.mark.parametrize("password", PASSWORDS)
def test_no_password_has_a_default(password: str) -> None:
    others = {name: value for name, value in PASSWORDS.items() if name != password}
    with pytest.raises(KeyError, match=password):
        services(others)


def test_the_variables_of_this_file_are_not_taken_for_settings_by_saemi() -> None:
    assert not re.findall(r"\$\{SAEMI_", COMPOSE_FILE.read_text())
