"""A microscopist at the portal: hands micrographs in, watches them, looks at a result and takes the numbers away."""

import csv
import io
import re
import threading
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, Route, expect

from shared import jobs, results, submissions
from shared.arrays import FloatImage
from shared.database import Database
from shared.domain import Micrograph, Parameters, Segmentation
from shared.quantities import PARTICLE_QUANTITIES
from shared.storage import FolderBlobStore, put_bytes
from tests.end_to_end.drawn import RADII_PX, draw_discs
from tests.integration.analyses import DiscSegmenter
from tests.models import NEWEST
from tests.stack import Stack, wait_until
from worker.files import store_files
from worker.pipeline import analyse

NM_PER_PX = 0.5


def test_micrographs_are_handed_in_watched_looked_at_and_taken_away_as_numbers(page: Page, tmp_path: Path) -> None:
    folder = tmp_path / "Gitter 1 – Ω"
    names = ("a/same name.png", "b/same name.png", "粒子 100 %.png")
    for seed, name in enumerate(names):
        draw_discs(folder / name, seed)
    submit(page, folder)
    watch(page, [f"{folder.name}/{name}" for name in names])
    page.get_by_role("link", name="粒子 100 %.png").click()
    look(page)
    take_away(page)


def submit(page: Page, folder: Path) -> None:
    page.goto("/")
    page.get_by_label("Project").fill("Browser test")
    # As people of half the world write it; a number field would make 5 of 0,5.
    page.get_by_label("Pixel size").press_sequentially(f"{NM_PER_PX}".replace(".", ","))
    expect(page.locator("#pixel-size-hint")).to_have_text(f"1 px is {NM_PER_PX} nm.")
    page.get_by_label("Model").select_option("classical-1")
    threshold = page.get_by_label("Confidence threshold")
    expect(threshold).to_have_value("0.5")
    threshold.fill("1.5")
    assert not threshold.evaluate("field => field.checkValidity()")
    threshold.fill("0,25")
    assert threshold.evaluate("field => field.checkValidity()")
    page.locator("#files input[webkitdirectory]").set_input_files(folder)
    expect(page.get_by_role("button", name="Analyse 3 files")).to_be_enabled()
    drop(page, "empty.tif", b"")
    expect(page.get_by_role("button", name="Analyse 4 files")).to_be_enabled()

    # The uploads are held until the page has been seen uploading. The portal may know the empty file from elsewhere.
    held: list[Route] = []
    is_seen = threading.Event()

    def hold(route: Route) -> None:
        if is_seen.is_set():
            route.continue_()
        else:
            held.append(route)

    page.route(re.compile(r"/files\?name="), hold)
    page.get_by_role("button", name="Analyse 4 files").click()
    expect(page.get_by_role("button", name="Uploading …")).to_be_disabled()
    expect(page.locator(".uppy-Dashboard-Item.is-inprogress").nth(2)).to_be_visible()
    is_seen.set()
    for route in held:
        route.continue_()
    expect(page).to_have_url(re.compile(r"/submissions/\d+$"))


def drop(page: Page, name: str, content: bytes) -> None:
    """Drop a file on the page as from a file manager."""
    page.evaluate(
        """([name, bytes]) => {
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File([new Uint8Array(bytes)], name));
            const target = document.querySelector(".uppy-Dashboard-inner");
            for (const type of ["dragenter", "dragover", "drop"])
                target.dispatchEvent(new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer }));
        }""",
        [name, list(content)],
    )


def watch(page: Page, names: list[str]) -> None:
    """The list comes to its end by itself, without losing the focus."""
    page.get_by_role("link", name="Jobs").focus()
    expect(page.get_by_role("progressbar")).to_have_attribute("aria-valuetext", "4 of 4")
    expect(page.locator("#live")).to_have_attribute("hx-trigger", "every 5s, refresh")
    expect(page.get_by_role("link", name="Jobs")).to_be_focused()
    for name in names:
        row = page.get_by_role("row").filter(has_text=name)
        expect(row).to_contain_text("Done")
        expect(row).to_contain_text(re.compile(r"\d ± \d.* nm"))
    failed = page.get_by_role("row").filter(has_text="empty.tif")
    expect(failed).to_contain_text("Failed")
    expect(failed).to_contain_text("The file is empty")
    page.get_by_role("link", name="Failed 1").click()
    expect(page).to_have_url(re.compile("state=failed"))
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("link", name="All 4").click()


def look(page: Page) -> None:
    outlines = page.locator("#stage path")
    expect(outlines).to_have_count(len(RADII_PX))
    expect(page.locator("#statistics-title")).to_contain_text("nm")
    # The classical method gives no confidence, and nothing pretends that it does.
    expect(page.get_by_text("onfidence")).to_have_count(0)

    page.get_by_label("Outlines").fill("35")
    expect(outlines.first).to_have_css("stroke-opacity", "0.35")

    page.get_by_label("Number of bins, slider").fill("4")
    expect(page.locator("#histogram-text")).to_contain_text("6 particles in 4 bins")
    page.get_by_label("Weighting").select_option("volume")
    expect(page.locator("#histogram-text")).to_contain_text("of the volume")
    page.get_by_label("Log-normal").check()
    expect(page.locator(".fits-table")).to_contain_text("6 particles from the smallest reliable size on: a fit takes 20")
    page.get_by_text("Cumulative").click()
    expect(page.get_by_role("img", name="Cumulative curve of Diameter (ECD) / nm")).to_be_visible()
    page.get_by_label("Quantity").select_option("circularity")
    expect(page.get_by_role("img", name="Cumulative curve of Circularity")).to_be_visible()
    expect(page.get_by_label("Weighting")).to_be_disabled()
    page.get_by_text("Screening for nanomaterials").click()
    expect(page.locator("[data-part=screening]")).to_contain_text("Median")

    rows = page.locator("#particles tbody.rows tr")
    expect(rows).to_have_count(len(RADII_PX))
    head = page.locator("th[data-quantity=ecd_nm]")
    head.get_by_role("button").click()
    expect(head).to_have_attribute("aria-sort", "ascending")
    head.get_by_role("button").click()
    expect(head).to_have_attribute("aria-sort", "descending")
    expect(page.locator("#definition")).to_contain_text("Equivalent circular diameter")
    # A drawn disc has πr² pixels but for its rim, so its diameter is 2r within a pixel.
    largest = pytest.approx(2 * max(RADII_PX) * NM_PER_PX, abs=1.0 * NM_PER_PX)
    # The head says at once how the rows will stand; they come from the server a moment later.
    wait_until(lambda: float(rows.first.locator("td").nth(1).inner_text()) == largest, "the largest particle is the first", 20)

    label = rows.first.get_by_role("button").inner_text()
    page.locator(f'#stage path[data-label="{label}"]').click()
    expect(rows.first).to_have_class(re.compile("chosen"))
    expect(page.locator("#readout")).to_contain_text(f"Particle {label}")
    page.get_by_role("button", name="400 %").click()
    for part in (
        "bins=4",
        "quantity=circularity",
        "view=cumulative",
        "fit=lognormal",
        "sort=ecd_nm",
        "order=desc",
        f"particle={label}",
        "zoom=4",
    ):
        assert part in page.url

    page.reload()
    expect(page.get_by_role("img", name="Cumulative curve of Circularity")).to_be_visible()
    expect(page.get_by_label("Log-normal")).to_be_checked()
    page.get_by_text("Histogram", exact=True).click()
    expect(page.locator("#histogram-text")).to_contain_text("6 particles in 4 bins")
    assert "view=" not in page.url, "what is standard stays out of the address"
    expect(head).to_have_attribute("aria-sort", "descending")
    expect(page.get_by_role("button", name="400 %")).to_have_attribute("aria-pressed", "true")
    expect(page.locator(f'#stage path[data-label="{label}"]')).to_have_class(re.compile("chosen"))


def take_away(page: Page) -> None:
    with page.expect_download() as download:
        page.get_by_role("link", name="particles.csv").click()
    assert download.value.suggested_filename == "粒子 100 %.particles.csv"
    text = download.value.path().read_text(encoding="utf-8")
    records = list(csv.DictReader(io.StringIO(text)))
    assert list(records[0]) == [quantity.name for quantity in PARTICLE_QUANTITIES]
    diameters = sorted(float(record["ecd_nm"]) for record in records)
    assert diameters == pytest.approx([2 * radius * NM_PER_PX for radius in RADII_PX], abs=1.0 * NM_PER_PX)


class UnsureSegmenter(DiscSegmenter):
    """Less sure of every second disc."""

    def __call__(self, image: FloatImage) -> Segmentation:
        found = super().__call__(image)
        return replace(found, confidence=np.where(np.arange(found.labels.max()) % 2, 0.3, 0.9))


def add_unsure_analysis(stack: Stack, image: Path) -> int:
    """Store what a model with confidence found in six discs, as a worker does; returns the analysis."""
    database = Database(f"sqlite:///{stack.data_dir / 'saemi.db'}")
    store = FolderBlobStore(stack.data_dir / "blobs")
    micrograph = Micrograph(np.asarray(Image.open(image)), "PNG")
    analysis = analyse(micrograph, Parameters("drawn-1", min_confidence=0.4), UnsureSegmenter())
    files = store_files(store, micrograph, analysis)
    with database.writing() as session:
        submission = submissions.create_submission(session, "Browser test", "unsure", analysis.parameters)
        job = submissions.add_job(session, submission.id, put_bytes(store, image.read_bytes()), 11, image.name).row
        (claim,) = jobs.claim(session, [job.id], lease_s=60, max_attempts=1)
        number = results.save_analysis(session, claim.image_sha256, micrograph, analysis, files, duration_s=1.0)
        jobs.finish(session, claim, number)
    database.dispose()
    return number


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_particles_of_low_confidence_are_dashed_named_counted_and_sorted(
    page: Page, running_stack: Stack, tmp_path: Path, scheme: Literal["light", "dark"]
) -> None:
    page.emulate_media(color_scheme=scheme)
    page.goto(f"/analyses/{add_unsure_analysis(running_stack, draw_discs(tmp_path / 'unsure.png', 5))}")
    unsure = page.locator("#stage path.unsure")
    expect(unsure).to_have_count(3)
    expect(unsure.first).to_have_css("stroke-dasharray", "5px, 4px")
    expect(page.locator("#stage path:not(.unsure)").first).to_have_css("stroke-dasharray", "none")
    expect(page.get_by_role("list", name="Outlines")).to_contain_text("less: dashed, counted all the same")
    expect(page.get_by_text("3 below confidence 0.4")).to_be_visible()
    # The keyboard reaches them along the particles, and says what they are.
    page.locator('#stage path[tabindex="0"]').focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#stage path:focus")).to_have_attribute("aria-label", "Particle 2, low confidence")
    expect(page.locator("#readout")).to_contain_text("Low confidence yes")
    head = page.locator("th[data-quantity=confidence]")
    head.get_by_role("button").click()
    rows = page.locator("#particles tbody.rows tr")
    expect(rows.first).to_contain_text("0.3000")
    expect(rows.last).to_contain_text("0.9000")
    page.get_by_label("Quantity").select_option("confidence")
    expect(page.get_by_role("img", name="Histogram of Confidence")).to_be_visible()


def test_the_page_of_models_is_reached_and_leads_to_each_card(page: Page) -> None:
    page.goto("/")
    page.get_by_role("link", name="Models", exact=True).click()
    expect(page.get_by_role("link", name="Models", exact=True)).to_have_attribute("aria-current", "page")
    row = page.get_by_role("row").filter(has_text=NEWEST.reference).first
    expect(row).to_contain_text("default")
    row.get_by_role("link", name=NEWEST.reference).click()
    expect(page.locator(f"#{NEWEST.reference}")).to_be_in_viewport()
    expect(page.locator(f"#{NEWEST.reference}")).to_contain_text("Apache-2.0")


def test_the_page_of_the_api_renders_without_any_other_server(page: Page) -> None:
    page.goto("/")
    page.get_by_role("link", name="API").click()
    expect(page.get_by_text("/api/v1/submissions/{id}/files")).to_be_visible()
