"""A person asks for files on the pages of results; the workers of the stack make them, and the browser takes them away."""

import csv
import io
import zipfile
from pathlib import Path

from playwright.sync_api import Page, expect

from shared.domain import Metadata
from tests.end_to_end.drawn import RADII_PX, draw_discs, store_analyses
from tests.stack import Stack


def test_files_are_made_of_a_submission_an_image_and_a_search_and_listed(
    page: Page, running_stack: Stack, tmp_path: Path, complaints: list[str]
) -> None:
    images = [draw_discs(tmp_path / f"export_{seed}.png", seed) for seed in (91, 92)]
    stored = store_analyses(running_stack, images, Metadata(vendor="Exporter", model="9000", nm_per_px=0.5))

    page.goto(f"/submissions/{stored.submission}")
    page.get_by_role("button", name="Report and files").press("Enter")
    dialog = page.get_by_role("dialog", name="Report and files")
    dialog.get_by_role("radio", name="CSV tables").check()
    dialog.get_by_label("Which particles count").select_option("all")
    dialog.get_by_role("button", name="Make the file").click()
    link = dialog.get_by_role("link", name="Download")
    expect(dialog.get_by_role("status")).to_have_text("Made of 2 images.", timeout=120_000)
    expect(link).to_be_focused()
    with page.expect_download() as downloading:
        link.press("Enter")
    downloaded = downloading.value
    assert downloaded.suggested_filename.startswith(f"Submission_{stored.submission}_")
    with zipfile.ZipFile(downloaded.path()) as archive:
        particles = list(csv.DictReader(io.StringIO(archive.read("particles.csv").decode())))
    assert len(particles) == 2 * len(RADII_PX)
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()

    page.goto(f"/analyses/{stored.analyses[0]}")
    page.get_by_role("button", name="Report and files").click()
    dialog.get_by_role("radio", name="JSON document").check()
    dialog.get_by_role("button", name="Make the file").click()
    expect(dialog.get_by_role("status")).to_have_text("Made of 1 image.", timeout=120_000)

    page.goto("/analyses")
    page.get_by_label("Project").fill("a project that nobody has")
    page.get_by_role("button", name="Report and files").click()
    dialog.get_by_role("button", name="Make the file").click()
    expect(dialog.get_by_role("alert")).to_contain_text("No analysis fits the selection")
    assert ["422" in complaint for complaint in complaints] == [True], "the browser notes that the request was refused"
    complaints.clear()
    dialog.get_by_role("link", name="All exports").click()
    rows = page.locator("table.exports tbody tr")
    expect(rows.nth(0)).to_contain_text("JSON document")
    expect(rows.nth(1)).to_contain_text("CSV tables")
    expect(rows.nth(1).get_by_role("link", name=downloaded.suggested_filename)).to_be_visible()
