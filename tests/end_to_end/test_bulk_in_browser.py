"""Many files at the portal: what is there is not sent, a reload goes on, large files go in pieces, a restart is waited for."""

import hashlib
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Request, Route, expect

from cli.client import Saemi
from tests.browser import open_browser
from tests.stack import wait_until
from tests.web_process import WebProcess, start_web

PUT = re.compile(r"/files\?name=")
PIECES = re.compile(r"/api/v1/uploads/[0-9a-f]{32}")
DONE = re.compile(r"/submissions/\d+$")
LARGE_BYTES = 70 * 2**20


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebProcess]:
    """A portal without workers, which may be killed."""
    with start_web(tmp_path_factory.mktemp("bulk") / "data", min_free_bytes=0) as process:
        yield process


@pytest.fixture
def page(chromium: str, web: WebProcess, complaints: list[str]) -> Iterator[Page]:
    """A page of that portal; whatever the browser complains about fails the test."""
    with open_browser(chromium, web.address, complaints) as page:
        yield page
    assert complaints == []


@pytest.fixture
def folder(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A folder of thirty small files that no other test has."""
    for number in range(30):
        path = tmp_path / "Gitter Ω" / f"{number % 3}" / f"{number}.tif"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(f"{request.node.name} {number}".encode())
    return tmp_path / "Gitter Ω"


def choose(page: Page, folder: Path) -> None:
    page.get_by_label("Project").fill("Bulk")
    page.locator("#files input[webkitdirectory]").set_input_files(folder)


def start(page: Page, n_files: int = 30) -> None:
    page.get_by_role("button", name=f"Analyse {n_files} files" if n_files > 1 else "Analyse 1 file").click()


def names(web: WebProcess, page: Page) -> list[str]:
    """The files of the submission that the page is about."""
    number = int((re.search(r"(\d+)$", page.url) or pytest.fail(page.url))[1])
    with Saemi(web.address) as saemi:
        return sorted(job.source_name for job in saemi.jobs(number))


def expected(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder.parent).as_posix() for path in folder.rglob("*.tif"))


def counted(page: Page, pattern: re.Pattern[str], method: str) -> list[Request]:
    """The requests of a kind, from now on."""
    found: list[Request] = []
    page.on("request", lambda one: found.append(one) if pattern.search(one.url) and one.method == method else None)
    return found


def test_a_folder_keeps_its_paths_and_the_same_folder_again_is_not_sent(web: WebProcess, page: Page, folder: Path) -> None:
    sent = counted(page, PUT, "PUT")
    for n_sent in (30, 0):
        sent.clear()
        page.goto("/")
        choose(page, folder)
        start(page)
        expect(page).to_have_url(DONE)
        assert names(web, page) == expected(folder)
        assert len(sent) == n_sent


def test_after_a_reload_the_same_folder_goes_on_and_only_what_is_missing_is_sent(
    web: WebProcess, page: Page, folder: Path
) -> None:
    held: list[Route] = []

    def let_ten_pass(route: Route) -> None:
        held.append(route)
        if len(held) <= 10:
            route.continue_()

    page.goto("/")
    page.get_by_label("Sample").fill("A1")
    choose(page, folder)
    page.route(PUT, let_ten_pass)
    with page.expect_response(PUT):
        start(page)
    submission = int(page.url.rpartition("=")[2])
    with Saemi(web.address) as saemi:
        wait_in_browser(page, lambda: saemi.submission(submission).counts.total == 10, "ten files arrive")
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    page.unroute(PUT)
    sent = counted(page, PUT, "PUT")
    expect(page.get_by_role("status")).to_contain_text("10 files arrived so far.")
    expect(page.get_by_label("Project")).to_have_value("Bulk")
    expect(page.get_by_label("Sample")).to_have_value("A1")
    expect(page.get_by_label("Project")).to_be_disabled()
    page.locator("#files input[webkitdirectory]").set_input_files(folder)
    start(page)
    expect(page).to_have_url(DONE)
    assert names(web, page) == expected(folder)
    assert len(sent) == 20


def wait_in_browser(page: Page, condition: Callable[[], bool], what: str) -> None:
    """Wait for a condition while the handlers of the page's requests go on."""

    def is_true() -> bool:
        page.evaluate("0")
        return condition()

    wait_until(is_true, what)


def test_a_submission_that_does_not_exist_is_said(page: Page, complaints: list[str]) -> None:
    page.goto("/?submission=123456")
    expect(page.get_by_role("status")).to_have_text("There is no submission 123456.")
    expect(page.get_by_label("Project")).to_be_enabled()
    assert [complaint for complaint in complaints if "404" not in complaint] == []
    complaints.clear()


def test_a_portal_that_restarts_is_waited_for(web: WebProcess, page: Page, folder: Path, complaints: list[str]) -> None:
    page.goto("/")
    choose(page, folder)
    page.route(PUT, lambda _: None)
    start(page)
    expect(page.locator(".uppy-Dashboard-Item.is-inprogress").first).to_be_visible()
    web.kill()
    page.unroute(PUT)  # lets go what is held
    expect(page.get_by_role("status")).to_contain_text(re.compile(r"The portal does not answer\. Sending again in \d+ s\."))
    web.start()
    expect(page).to_have_url(DONE)
    assert names(web, page) == expected(folder)
    # The browser itself and the library note every request that nobody answered.
    assert [complaint for complaint in complaints if "ERR_" not in complaint and "network error" not in complaint] == []
    complaints.clear()


@pytest.fixture
def large_file(tmp_path: Path) -> Path:
    """A folder with one file that goes in pieces."""
    path = tmp_path / "large" / "large 粒子.tif"
    path.parent.mkdir()
    path.write_bytes(random.Random(str(tmp_path)).randbytes(LARGE_BYTES))
    return path


def test_a_large_file_goes_in_pieces_and_after_a_reload_from_where_it_broke_off(
    web: WebProcess, page: Page, large_file: Path, complaints: list[str]
) -> None:
    pieces: list[Route] = []

    def let_two_pass(route: Route) -> None:
        if route.request.method == "PATCH":
            pieces.append(route)
        if len(pieces) <= 2:
            route.continue_()

    page.goto("/")
    choose(page, large_file.parent)
    page.route(PIECES, let_two_pass)
    start(page, 1)
    wait_in_browser(page, lambda: len(pieces) == 3, "two pieces are here")
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    page.unroute(PIECES)
    sent, created = counted(page, PIECES, "PATCH"), counted(page, re.compile(r"/api/v1/uploads$"), "POST")
    page.locator("#files input[webkitdirectory]").set_input_files(large_file.parent)
    start(page, 1)
    expect(page).to_have_url(DONE)
    assert created == []
    assert [request.headers["upload-offset"] for request in sent] == [str(offset * 2**20) for offset in (32, 48, 64)]
    assert names(web, page) == ["large/large 粒子.tif"]
    with Saemi(web.address) as saemi:
        (job,) = saemi.jobs(int(page.url.rpartition("/")[2]))
    assert job.image_sha256 == hashlib.sha256(large_file.read_bytes()).hexdigest()
    assert [path for path in (web.data_dir / "blobs" / "uploads").rglob("*") if path.is_file()] == []


def test_a_page_that_came_by_plain_http_from_another_machine_hashes_as_well(
    chromium: str, web: WebProcess, folder: Path, complaints: list[str]
) -> None:
    # There the browser keeps its own hash functions from the page.
    away = f"http://portal.test:{web.port}"
    with open_browser(chromium, away, complaints, ["--host-resolver-rules=MAP portal.test 127.0.0.1"]) as page:
        sent = counted(page, PUT, "PUT")
        for n_sent in (30, 30):
            page.goto("/")
            assert page.evaluate("isSecureContext") is False
            choose(page, folder)
            start(page)
            expect(page).to_have_url(DONE)
            assert names(web, page) == expected(folder)
            assert len(sent) == n_sent
    assert complaints == []
