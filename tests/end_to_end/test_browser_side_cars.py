"""Side-cars and stacks dropped on the submit page, in whatever order a file manager gives them."""

import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
from playwright.sync_api import Page, Request, expect

from tests.integration.analyses import draw_discs
from tests.integration.bench import HITACHI
from tests.unit.micrograph.files import bmp_bytes, tiff_bytes


def test_side_cars_go_up_before_their_images_and_each_image_of_a_stack_is_shown(page: Page, tmp_path: Path) -> None:
    frames = np.stack([draw_discs(n) for n in (3, 4)])
    contents = {"a.bmp": bmp_bytes(draw_discs(5)), "b.tif": tiff_bytes(frames, photometric="minisblack"), "z.txt": b"notes"}
    paths = [tmp_path / name for name in (*contents, "a.txt")]
    for path, content in zip(paths, (*contents.values(), HITACHI), strict=True):
        path.write_bytes(content)
    sent: list[str] = []

    def note(request: Request) -> None:
        if request.method == "PUT":
            sent.append(parse_qs(urlsplit(request.url).query)["name"][0])

    page.on("request", note)
    page.goto("/")
    page.get_by_label("Project").fill("Side-cars")
    page.get_by_label("Model").select_option("classical-1")
    page.get_by_label("Files with several images").select_option("each image")
    page.locator("#files input[type=file]:not([webkitdirectory])").first.set_input_files(paths)
    page.get_by_role("button", name="Analyse 4 files").click()
    expect(page).to_have_url(re.compile(r"/submissions/\d+$"))
    assert sent == ["z.txt", "a.txt", "a.bmp", "b.tif"]
    expect(page.locator("#side-cars")).to_have_text("2 1 belongs to no image: z.txt")
    for name in ("b.tif, image 1 of 2", "b.tif, image 2 of 2", "a.bmp"):
        expect(page.get_by_role("link", name=name)).to_be_visible(timeout=60_000)
    page.get_by_role("link", name="b.tif, image 2 of 2").click()
    expect(page.get_by_role("heading", name="b.tif, image 2 of 2")).to_be_visible()
    page.go_back()
    page.get_by_role("link", name="a.bmp").click()
    expect(page.get_by_text("2.5 nm/px").first).to_be_visible()
