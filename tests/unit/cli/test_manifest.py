"""`saemi submit --manifest`: checked before anything is sent, and there before the first file."""

from pathlib import Path

import pytest

from cli.client import Saemi
from shared.errors import InputError, NotFoundError
from shared.manifests import EntryState
from tests.unit.cli.invocation import run
from tests.unit.cli.served_portal import ServedPortal


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two files in two folders."""
    for name in ("day 1/a.tif", "day 2/b.tif"):
        file = tmp_path / "lot" / name
        file.parent.mkdir(parents=True)
        file.write_bytes(name.encode())
    return tmp_path / "lot"


def test_a_manifest_goes_before_the_files_and_names_those_that_are_not_there(
    tmp_path: Path, folder: Path, served: ServedPortal
) -> None:
    table = tmp_path / "lot.csv"
    table.write_text("file,sample,batch\na.tif,S1,12\nday 2/b.tif,S2,13\nc.tif,S3,14\n")
    found: list[str] = []

    def look(_: str) -> None:
        with Saemi(served.address) as saemi:
            found.extend(entry.file for entry in saemi.manifest_entries(1))

    served.on_upload = look
    command = ("submit", folder, "--manifest", table, "--project", "lot", "--server", served.address)
    result = run(*command)
    assert result.returncode == 0, result.stderr
    assert "lot.csv names 1 file that is not among these: c.tif." in result.stderr
    assert found[:3] == ["a.tif", "day 2/b.tif", "c.tif"]
    table.write_text("file,sample\nb.tif,other\n")
    assert run(*command, "--resume", 1).returncode == 0
    with Saemi(served.address) as saemi:
        assert [job.source_name for job in saemi.jobs(sample="other")] == ["day 2/b.tif"]
        assert saemi.manifest(1).counts.files_without_entry == 1


def test_a_manifest_that_is_wrong_ends_the_command_before_anything_is_sent(
    tmp_path: Path, folder: Path, served: ServedPortal
) -> None:
    table = tmp_path / "lot.csv"
    table.write_text("file,sample\na.tif,S1\n,S2\na.tif,S3\n")
    result = run("submit", folder, "--manifest", table, "--project", "lot", "--server", served.address)
    assert result.returncode == 1
    assert f"{table}, line 3: The row names no file." in result.stderr
    assert f"{table}, line 4: a.tif stands in line 2 already" in result.stderr
    assert "nothing was sent" in result.stderr
    assert (served.submissions(), served.n_uploads) == ([], {})


def test_the_client_puts_reads_and_removes_a_manifest(served: ServedPortal) -> None:
    with Saemi(served.address) as saemi:
        submission = saemi.open_submission("lot", sample="all").id
        put = saemi.put_manifest(submission, b"file,batch\na.tif,12\nb.tif,13\n", "lot.csv")
        assert (put.name, put.keys, put.counts.total) == ("lot.csv", ["batch"], 2)
        missing = saemi.manifest_entries(submission, EntryState.MISSING)
        assert [(entry.line, entry.file, entry.metadata) for entry in missing] == [
            (2, "a.tif", {"batch": "12"}),
            (3, "b.tif", {"batch": "13"}),
        ]
        with pytest.raises(InputError) as caught:
            saemi.put_manifest(submission, b"file,batch\n,1\n")
        assert caught.value.details["problems"] == [{"line": 2, "message": "The row names no file."}]
        saemi.remove_manifest(submission)
        with pytest.raises(NotFoundError):
            saemi.manifest(submission)
