"""Whether the page freezes when thousands of files are handed in: a folder of tiny files in Chromium, twice.

usage: python -m benchmarks.browser_upload [--files N]

Prints the seconds until all are hashed, asked for and uploaded, those of the same folder in a second submission, when all are
known, and how long the page's one thread was busy without a pause.
"""

import argparse
import re
import shutil
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page

from tests.browser import open_browser
from tests.web_process import start_web

# Kept by the browser, because the page is another one in the end.
OBSERVE = """
    sessionStorage.longest_ms = 0;
    new PerformanceObserver((list) => {
        for (const { duration } of list.getEntries())
            sessionStorage.longest_ms = Math.max(sessionStorage.longest_ms, duration);
    }).observe({ type: "longtask" });
"""
TIMEOUT_MS = 1_800_000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Whether the page freezes.")
    parser.add_argument("--files", type=int, default=2_000)
    arguments = parser.parse_args()
    chromium = shutil.which("chromium")
    if chromium is None:
        raise SystemExit("There is no Chromium here: `apt-get install chromium` brings one.")
    complaints: list[str] = []
    with tempfile.TemporaryDirectory(prefix="saemi-bench-") as folder:
        files = make_files(Path(folder) / "files", arguments.files)
        with start_web(Path(folder) / "data") as web, open_browser(chromium, web.address, complaints) as page:
            print(f"{arguments.files} files in Chromium; seconds, and the longest pause of the page")
            for name in ("first time", "all known"):
                chosen_s, sent_s, longest_ms = hand_in(page, files)
                print(
                    f"{name:<12} chosen {chosen_s:6.1f}   handed in {sent_s:6.1f}   longest pause {longest_ms:6.0f} ms",
                    flush=True,
                )
    if complaints:
        raise SystemExit("\n".join(complaints))


def make_files(folder: Path, n_files: int) -> Path:
    """Write tiny files into folders of a thousand."""
    for number in range(n_files):
        path = folder / f"grid {number // 1000}" / f"{number}.tif"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"II*\0 a tiny file %d" % number * 20)
    return folder


def hand_in(page: Page, folder: Path) -> tuple[float, float, float]:
    """Return the seconds until the folder is listed and until all has arrived, and the longest task of the page."""
    page.goto("/")
    page.evaluate(OBSERVE)
    page.get_by_label("Project").fill("Benchmark")
    started = time.perf_counter()
    page.locator("#files input[webkitdirectory]").set_input_files(folder)
    page.get_by_role("button", name="Analyse").wait_for(timeout=TIMEOUT_MS)
    chosen = time.perf_counter()
    page.get_by_role("button", name="Analyse").click()
    page.wait_for_url(re.compile(r"/submissions/\d+$"), timeout=TIMEOUT_MS)
    return chosen - started, time.perf_counter() - chosen, float(page.evaluate("sessionStorage.longest_ms"))


if __name__ == "__main__":
    main()
