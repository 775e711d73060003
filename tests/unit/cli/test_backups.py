"""`saemi admin backup` and `restore` as an operator uses them."""

from pathlib import Path

import pytest

from tests.unit.cli.invocation import one_line, run


@pytest.fixture
def backups(tmp_path: Path) -> Path:
    """A folder with a backup of a system that was set up."""
    assert run("admin", "db", "upgrade").returncode == 0
    result = run("admin", "backup", tmp_path / "backups")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith(str(tmp_path / "backups"))
    return tmp_path / "backups"


def test_a_backup_is_restored_into_an_empty_system_and_the_doctor_finds_its_models(backups: Path, tmp_path: Path) -> None:
    elsewhere = {"SAEMI_DATA_DIR": tmp_path / "elsewhere"}
    result = run("admin", "restore", backups, **elsewhere)
    assert (result.returncode, result.stderr) == (0, "")
    doctor = run("admin", "doctor", "--part", "database", "--part", "models", **elsewhere)
    assert doctor.returncode == 0, doctor.stdout


def test_a_folder_without_a_backup_is_refused(backups: Path, tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    result = run("admin", "restore", tmp_path / "nothing")
    assert result.returncode == 1
    assert "no complete backup" in one_line(result)


def test_a_file_that_is_missing_is_named_and_ends_with_1(backups: Path, tmp_path: Path) -> None:
    for path in (tmp_path / "data" / "blobs").rglob("*"):
        if path.is_file():
            path.unlink()
    result = run("admin", "backup", tmp_path / "others")
    assert result.returncode == 1
    assert "is missing or altered" in result.stderr
