"""A manifest chosen on the submit page, shown with its files, looked for, replaced and removed."""

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.integration.analyses import draw_discs
from tests.unit.micrograph.files import png_bytes


def test_a_manifest_is_mended_handed_in_shown_looked_for_and_removed(page: Page, complaints: list[str], tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("one.png", "two.png")]
    for number, path in enumerate(paths, start=5):
        path.write_bytes(png_bytes(draw_discs(number)))
    table = tmp_path / "lot.csv"
    table.write_text("file;sample;batch\none.png;S1;m-12\n;S2;\nlater.png;S3;\n")
    page.goto("/")
    page.get_by_label("Project").fill("Manifests")
    page.get_by_label("Sample").fill("All")
    page.get_by_label("Model").select_option("classical-1")
    page.get_by_label("Manifest").set_input_files(table)
    expect(page.locator("#manifest-report li")).to_have_text("Line 3 The row names no file.")
    # The answer that refuses is noted by the browser.
    assert [text for text in complaints if "422" not in text] == []
    complaints.clear()
    table.write_text("file;sample;batch\none.png;S1;m-12\nlater.png;S3;\n")
    with page.expect_file_chooser() as chooser:
        page.get_by_label("Manifest").click()
    chooser.value.set_files(table)
    expect(page.locator("#manifest-report")).to_have_text("Read: 2 files; 2 samples; batch.")
    page.locator("#files input[type=file]:not([webkitdirectory])").first.set_input_files(paths)
    page.get_by_role("button", name="Analyse 2 files").click()
    expect(page).to_have_url(re.compile(r"/submissions/\d+$"))
    submission = page.url
    words = "1 of 2 files are here. 1 other is not in it. Not here: later.png"
    expect(page.locator("#manifest small")).to_have_text(words)
    expect(page.locator(".own-sample")).to_have_text("S1")

    page.get_by_role("link", name="one.png").click()
    expect(page.locator("#sample dl")).to_have_text(re.compile(r"Sample\s*S1\s*batch\s*m-12"))
    page.goto("/analyses?metadata=batch:m-12")
    expect(page.locator("#found tbody tr")).to_have_count(1)
    page.get_by_label("Sample").fill("nobody's")
    expect(page.locator("#found")).to_contain_text("No analysis fits all of this.")

    page.goto(submission)
    table.write_text("file,sample\ntwo.png,S2\n")
    page.get_by_role("button", name="Manifest …").click()
    page.get_by_label("Table", exact=True).set_input_files(table)
    page.get_by_role("button", name="Hand in").click()
    expect(page.locator(".own-sample")).to_have_text("S2")
    page.get_by_role("button", name="Manifest …").click()
    page.get_by_role("button", name="Remove the present one").click()
    expect(page.locator("#manifest")).to_have_count(0)
    expect(page.locator(".own-sample")).to_have_count(0)
