"""A real browser before a portal, for tests and benchmarks."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from playwright.sync_api import Page, expect, sync_playwright

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


@contextmanager
def open_browser(chromium: str, address: str, complaints: list[str], further: Sequence[str] = ()) -> Iterator[Page]:
    """Open a page of a portal; what the browser complains about, and every request to elsewhere, is noted."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=[*ARGUMENTS, *further])
        page = browser.new_page(base_url=address, viewport={"width": 1280, "height": 900})
        page.set_default_timeout(TIMEOUT_MS)
        expect.set_options(timeout=TIMEOUT_MS)
        page.on("console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        own = (address, "blob:", "data:")
        page.on("request", lambda request: None if request.url.startswith(own) else complaints.append(request.url))
        yield page
        browser.close()
