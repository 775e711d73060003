"""A real browser before the running stack."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.stack import Stack

# Without these a browser looks for updates and for a graphics card.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
TIMEOUT_MS = 60_000


@pytest.fixture
def complaints() -> list[str]:
    """What the browser complains about; a test that provokes something takes it out of here."""
    return []


@pytest.fixture
def page(chromium: str, running_stack: Stack, complaints: list[str]) -> Iterator[Page]:
    """A page of a real browser; whatever it complains about, and every request to elsewhere, fails the test."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        page = browser.new_page(base_url=running_stack.address, viewport={"width": 1280, "height": 900})
        page.set_default_timeout(TIMEOUT_MS)
        expect.set_options(timeout=TIMEOUT_MS)
        page.on("console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        own = (running_stack.address, "blob:", "data:")
        page.on("request", lambda request: None if request.url.startswith(own) else complaints.append(request.url))
        yield page
        browser.close()
    assert complaints == []
