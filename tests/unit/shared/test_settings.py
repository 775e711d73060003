"""The settings: read once from a file and the environment, every problem said together, no password shown."""

import os
from pathlib import Path

import pytest

from shared.errors import OperatorError
from shared.settings import Settings, load_settings


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings but those of the test."""
    for name in [name for name in os.environ if name.upper().startswith("SAEMI_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def problems() -> str:
    with pytest.raises(OperatorError) as caught:
        load_settings()
    assert caught.value.code == "invalid_settings"
    return caught.value.message


def test_without_anything_set_the_defaults_are_a_portal_for_this_machine_alone(tmp_path: Path) -> None:
    settings = load_settings()
    assert settings.host == "127.0.0.1"
    assert settings.effective_server == "http://127.0.0.1:8000"
    assert settings.data_dir == tmp_path / "data"
    assert settings.effective_database_url == f"sqlite:///{tmp_path}/data/saemi.db"
    assert settings.effective_worker_processes == len(os.sched_getaffinity(0))


def test_the_environment_wins_over_the_file_and_the_file_over_the_defaults(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "saemi.toml").write_text('port = 9001\nhost = "0.0.0.0"\n')
    monkeypatch.setenv("SAEMI_PORT", "9002")
    settings = load_settings()
    assert (settings.port, settings.host, settings.web_threads) == (9002, "0.0.0.0", 32)


def test_the_command_line_wins_over_the_environment_and_what_is_not_given_there_does_not_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SAEMI_PORT", "9002")
    assert load_settings(port=9003).port == 9003
    assert load_settings(port=None).port == 9002


def test_another_file_can_be_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "saemi.toml").write_text("port = 9001\n")
    (tmp_path / "lab.toml").write_text("port = 9004\n")
    monkeypatch.setenv("SAEMI_CONFIG", str(tmp_path / "lab.toml"))
    assert load_settings().port == 9004


def test_a_named_file_that_does_not_exist_is_an_error_and_not_the_defaults(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SAEMI_CONFIG", str(tmp_path / "lab.tmol"))
    assert "lab.tmol" in problems()


def test_an_unknown_variable_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAEMI_PROT", "9001")
    assert "SAEMI_PROT: no such setting" in problems()


def test_an_unknown_key_of_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "saemi.toml").write_text("prot = 9001\n")
    assert "prot" in problems()


@pytest.mark.parametrize("content", [b"port = = 1", b"port = 1 # \xff"])
def test_a_file_that_is_no_toml_is_refused_and_named(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "saemi.toml").write_bytes(content)
    assert str(tmp_path / "saemi.toml") in problems()


def test_all_problems_of_file_and_environment_are_reported_together(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "saemi.toml").write_text("wrong_key = 1\nweb_threads = 0\n")
    monkeypatch.setenv("SAEMI_PORT", "70000")
    monkeypatch.setenv("SAEMI_LEASE_S", "soon")
    monkeypatch.setenv("SAEMI_UNKNOWN", "1")
    lines = problems().splitlines()[1:]
    assert len(lines) == 5
    for name in ("wrong_key", "web_threads", "port", "lease_s", "SAEMI_UNKNOWN"):
        assert sum(name in line for line in lines) == 1, name


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "saemi.db"),
        ("DATABASE_URL", "mysql://localhost/saemi"),
        ("DATABASE_URL", "postgres://localhost/saemi"),
        ("BLOB_URL", "saemi"),
        ("BLOB_URL", "s3:///prefix"),
        ("BLOB_URL", "gs://bucket"),
        ("S3_ENDPOINT_URL", "seaweed:8333"),
        ("S3_PUBLIC_URL", "ftp://files"),
        ("BROKER_URL", "localhost:6379"),
        ("BROKER_URL", "amqp://localhost"),
        ("PORT", "0"),
        ("LEASE_S", "nan"),
        ("LOG_FORMAT", "xml"),
        ("MAX_PIXELS", "-1"),
    ],
)
def test_a_value_that_cannot_work_is_refused_at_once(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"SAEMI_{name}", value)
    assert name.lower() in problems()


@pytest.mark.parametrize("url", ["redis://broker:6379/0", "rediss://broker:6379/0", "redis+socket:///run/broker.sock"])
def test_the_brokers_that_work_are_taken(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("SAEMI_BROKER_URL", url)
    assert load_settings().broker_url == url
    assert load_settings().public()["broker_url"] == url


def test_passwords_are_masked_in_what_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAEMI_DATABASE_URL", "postgresql://saemi:hunter2@db/saemi?sslmode=require")
    monkeypatch.setenv("SAEMI_BROKER_URL", "redis://:hunter2@broker:6379/0")
    monkeypatch.setenv("SAEMI_SERVER", "https://saemi:hunter2@portal")
    monkeypatch.setenv("SAEMI_S3_SECRET_ACCESS_KEY", "hunter2")
    shown = load_settings().public()
    assert "hunter2" not in str(shown)
    assert shown["database_url"] == "postgresql://saemi:***@db/saemi?sslmode=require"
    assert shown["broker_url"] == "redis://:***@broker:6379/0"


def test_a_password_among_the_options_of_an_address_is_masked_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAEMI_DATABASE_URL", "postgresql://db/saemi?user=saemi&password=hunter2&sslmode=require")
    assert load_settings().public()["database_url"] == "postgresql://db/saemi?user=saemi&password=***&sslmode=require"


def test_settings_cannot_be_changed_once_read() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings().port = 1


def test_every_setting_is_explained_and_shown() -> None:
    assert all(field.description for field in Settings.model_fields.values())
    assert set(load_settings().public()) == set(Settings.model_fields)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),
        ("::", "http://[::1]:8000"),
        ("::1", "http://[::1]:8000"),
        ("saemi.example", "http://saemi.example:8000"),
    ],
)
def test_a_portal_is_reached_where_it_listens(host: str, address: str) -> None:
    assert Settings(host=host).effective_server == address
