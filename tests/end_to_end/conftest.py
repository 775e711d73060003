"""A real browser before the running stack."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from tests.browser import open_browser
from tests.stack import Stack


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
