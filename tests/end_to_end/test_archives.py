"""An archive through the whole of SAEMI: handed in by the command line, unpacked and analysed by real workers."""

import json
from pathlib import Path

import httpx

from tests.integration.analyses import draw_discs
from tests.stack import Stack
from tests.unit.archive.made import zip_bytes
from tests.unit.cli.invocation import CLASSICAL, run
from tests.unit.micrograph.files import png_bytes


def test_an_archive_is_unpacked_and_its_images_are_analysed(tmp_path: Path, running_stack: Stack) -> None:
    images = {f"day {n}/{n}.png": png_bytes(draw_discs(n)) for n in (2, 3)}
    archive = tmp_path / "lot 7.zip"
    archive.write_bytes(zip_bytes([*images.items(), ("../out.png", b"out"), ("notes.pdf", b"notes")]))
    homes = dict.fromkeys(("XDG_CACHE_HOME", "XDG_STATE_HOME"), tmp_path / "home")
    server = ("--server", running_stack.address)
    result = run("submit", archive, "--project", "archives", "--wait", "--json", *CLASSICAL, *server, **homes)
    assert result.returncode == 1, "one of the files was refused"
    submission = json.loads(result.stdout)
    assert (submission["counts"]["done"], submission["counts"]["failed"]) == (3, 1)
    api = f"{running_stack.address}/api/v1"
    listed = httpx.get(f"{api}/jobs", params={"submission_id": submission["id"]}, trust_env=False).json()["items"]
    found = {job["source_name"]: (job["content"], job["state"], job["error_code"]) for job in listed}
    assert found == {
        "lot 7.zip": ("archive", "done", None),
        "lot 7.zip/day 2/2.png": ("image", "done", None),
        "lot 7.zip/day 3/3.png": ("image", "done", None),
        "lot 7.zip/out.png": ("refused", "failed", "unsafe_member_name"),
    }
    page = httpx.get(f"{running_stack.address}/submissions/{submission['id']}", trust_env=False).text
    assert "Unpacked: 2 images; 1 refused; 1 that are no images passed over (notes.pdf)." in page
