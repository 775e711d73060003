"""A real browser before the running stack."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from tests.browser import open_browser
from tests.chaos.line import Line
from tests.stack import Stack, free_port
from tests.web_process import WebProcess


@pytest.fixture
def complaints() -> list[str]:
    """What the browser complains about; a test that provokes something takes it out of here."""
    return []


@pytest.fixture
def page(chromium: str, running_stack: Stack, complaints: list[str]) -> Iterator[Page]:
    """A page of a real browser; whatever it complains about, and every request to elsewhere, fails the test."""
    with open_browser(chromium, running_stack.address, complaints) as page:
        yield page
    assert complaints == []


@pytest.fixture
def line(web: WebProcess) -> Iterator[Line]:
    """The line to the portal that a test file starts."""
    line = Line(free_port(), web.port)
    yield line
    line.close()
