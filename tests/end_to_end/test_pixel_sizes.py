"""A microscopist decides pixel sizes in the browser: a conflict, a whole submission, a bar that is measured by two clicks."""

import re
from pathlib import Path
from typing import Literal

import httpx
import pytest
from playwright.sync_api import Page, expect

from shared.domain import Metadata
from tests.end_to_end.drawn import BAR_NM, BAR_X0, BAR_X1, BAR_Y, RADII_PX, SIDE_PX, draw_bar, store_analyses
from tests.stack import Stack

RAW = {"AP_IMAGE_PIXEL_SIZE": "2 nm", "DP_DETECTOR_TYPE": "InLens", "SV_FILE_NAME": "grid <1>.tif"}
# The bar shows 1 nm/px; the file says 2.
LYING = Metadata(
    vendor="ZEISS",
    model="Merlin",
    magnification=50_000.0,
    nm_per_px=2.0,
    nm_per_px_text="2 nm",
    nm_per_px_tag="AP_IMAGE_PIXEL_SIZE",
    raw=RAW,
)
SILENT = Metadata(vendor="FEI", model="Tecnai", detector="Eagle", user="noether", raw={"Holder": "double tilt"})


def decide(page: Page, choice: str, person: str = "Ada Lovelace") -> None:
    page.get_by_label(choice, exact=False).check()
    page.locator("#decide").get_by_label("Your name").fill(person)


def d50_nm(page: Page) -> float:
    figures = page.locator("#statistics dl div").filter(has_text="D50")
    expect(figures).to_contain_text("nm")
    return float(figures.locator("dd").inner_text().split()[0])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_conflict_is_decided_and_the_page_goes_on_in_nanometres(
    page: Page, running_stack: Stack, tmp_path: Path, scheme: Literal["light", "dark"]
) -> None:
    page.emulate_media(color_scheme=scheme)
    image = draw_bar(tmp_path / f"conflict {scheme}.png", {"light": 11, "dark": 12}[scheme])
    (number,) = store_analyses(running_stack, [image], LYING, has_bar=True).analyses
    page.goto(f"/analyses/{number}?sort=ecd_px&order=desc&quantity=ecd_px")
    expect(page.locator("#pixel-size-state")).to_contain_text("100 % apart")
    expect(page.get_by_role("img", name="a scale bar labelled 100 nm")).to_be_visible()
    expect(page.locator(".scale-bar-read")).to_be_visible()
    page.get_by_label("Scale bar that was read").uncheck()
    expect(page.locator(".scale-bar-read")).to_be_hidden()
    expect(page.locator(".unmeasured.annotation")).to_have_count(1)
    # Nobody decides without a choice and a name.
    page.get_by_role("button", name="Apply").click()
    assert page.evaluate("document.querySelector('#decide input:invalid').name") == "choice"
    page.locator("#stage path").first.click()
    decide(page, "Use the scale bar’s")
    expect(page.get_by_label("this instrument")).to_be_disabled()
    expect(page.locator("#decide .preview")).to_have_text("Use the scale bar’s: 1.000 nm/px, for this image")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("#decision-status")).to_have_text("Applied: 1 of 1 analysis changed.")
    # 1 nm/px: the same numbers, in the other unit; what was sorted, plotted and chosen stays so.
    assert d50_nm(page) == pytest.approx(2 * sum(sorted(RADII_PX)[2:4]) / 2, abs=1)
    expect(page.locator("th[data-quantity=ecd_nm]")).to_have_attribute("aria-sort", "descending")
    expect(page.locator("#quantity")).to_have_value("ecd_nm")
    expect(page.locator("#particles tr.chosen")).to_have_count(1)
    expect(page.locator("#stage path.chosen")).to_have_count(1)
    expect(page.locator("#pixel-size-history")).to_contain_text("Ada Lovelace")
    expect(page.locator("#pixel-size-history")).to_contain_text(re.compile("conflict.*1.000 nm/px, from the scale bar"))
    page.reload()
    expect(page.locator("#decide-details")).not_to_have_attribute("open", "")
    page.get_by_text("Decide", exact=True).click()
    expect(page.locator("#decide").get_by_label("Your name")).to_have_value("Ada Lovelace")


def test_a_bar_is_measured_by_two_clicks_the_arrow_keys_and_dragging(page: Page, running_stack: Stack, tmp_path: Path) -> None:
    (number,) = store_analyses(running_stack, [draw_bar(tmp_path / "measured.png", 21)], SILENT).analyses
    page.goto(f"/analyses/{number}")
    page.get_by_role("button", name="400 %").click()
    page.get_by_label("Measure on the picture").check()
    expect(page.locator("#measure-hint")).to_have_text("Click one end of the bar in the picture.")
    for x in (BAR_X0, BAR_X1 - 10):
        click(page, x, BAR_Y)
    # The screen has four points to a pixel, and a click hits one of them.
    assert measured_px(page) == pytest.approx(BAR_X1 - BAR_X0 - 10, abs=0.5)
    drag(page, BAR_X1 - 10, BAR_X1, BAR_Y)
    dragged = measured_px(page)
    assert dragged == pytest.approx(BAR_X1 - BAR_X0, abs=0.5)
    expect(page.locator("#stage path.chosen")).to_have_count(0)
    page.get_by_label("Second end").focus()
    page.keyboard.press("ArrowRight")
    assert measured_px(page) == pytest.approx(dragged + 0.1, abs=0.011)
    page.keyboard.press("Shift+ArrowLeft")
    assert measured_px(page) == pytest.approx(dragged - 0.9, abs=0.011)
    page.keyboard.press("Shift+ArrowRight")
    page.get_by_label("Length that it means").fill(f"{BAR_NM / 1000}".replace(".", ","))
    page.get_by_label("Unit of the length").select_option("µm")
    nm_per_px = BAR_NM / measured_px(page)
    shown = page.locator("#measured-nm").inner_text()
    assert float(re.findall(r"[\d.]+", shown)[0]) == pytest.approx(nm_per_px, rel=2e-4)
    page.get_by_role("button", name="To the decision").click()
    expect(page.get_by_role("button", name="Apply")).to_be_focused()
    page.locator("#decide").get_by_label("Your name").fill("Emmy")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("#decision-status")).to_have_text("Applied: 1 of 1 analysis changed.")
    stored = httpx.get(f"{running_stack.address}/api/v1/analyses/{number}", trust_env=False).json()["calibration"]
    assert stored["nm_per_px"] == pytest.approx(nm_per_px, rel=2e-4)
    assert stored["decision"]["evidence"].startswith("100 nm over")
    expect(page.locator("#measure")).to_be_hidden()
    expect(page.locator(".end")).to_have_count(0)


def test_without_a_pointer_the_ends_are_placed_by_a_button(page: Page, running_stack: Stack, tmp_path: Path) -> None:
    (number,) = store_analyses(running_stack, [draw_bar(tmp_path / "placed.png", 31)], LYING, has_bar=True).analyses
    page.goto(f"/analyses/{number}")
    page.get_by_label("Measure on the picture").focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Place both ends").focus()
    page.keyboard.press("Enter")
    first = page.get_by_label("First end, x 40.0 px, y 240.0 px")
    expect(first).to_be_focused()
    expect(first).to_have_accessible_description(re.compile("the arrow keys move them by 0.1 px"))
    expect(page.locator("#measured-px")).to_have_text("100.00 px")
    # Ends that lie on each other measure nothing, and the form is not sent.
    page.get_by_role("button", name="Start over").click()
    page.get_by_role("button", name="400 %").click()
    for x in (BAR_X0, BAR_X0 + 4.5):
        click(page, x, BAR_Y)
    expect(page.locator("#measure-hint")).to_contain_text("too near to measure")
    page.locator("#decide").get_by_label("Your name").fill("Ada")
    page.get_by_label("Length that it means").fill("100")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("#decision-status")).to_be_empty()
    assert page.evaluate("document.querySelector('#decide').checkValidity()") is False


def test_a_value_is_set_for_all_images_of_a_submission(page: Page, running_stack: Stack, tmp_path: Path) -> None:
    images = [draw_bar(tmp_path / f"all {seed}.png", seed) for seed in (41, 42, 43)]
    stored = store_analyses(running_stack, images, SILENT)
    page.goto(f"/submissions/{stored.submission}")
    page.get_by_role("link", name="3 missing").click()
    expect(page.locator("tbody tr")).to_have_count(3)
    page.get_by_role("button", name="Set pixel size for all").click()
    dialog = page.get_by_role("dialog", name="Pixel size of all 3 images")
    dialog.get_by_label("Set a value").check()
    value = dialog.get_by_label("Pixel size")
    value.fill("0,x")
    assert not value.evaluate("field => field.checkValidity()")
    value.press("Escape")
    expect(dialog).to_be_hidden()
    page.get_by_role("button", name="Set pixel size for all").click()
    value.fill("0,25")
    expect(dialog.locator(".preview")).to_have_text("0.25 nm/px, for all images of this submission")
    dialog.get_by_label("Your name").fill("Ada")
    dialog.get_by_label("Comment").fill("calibration grid")
    dialog.get_by_role("button", name="Apply").click()
    expect(dialog).to_be_hidden()
    expect(page.locator("#decision-status")).to_have_text("Applied: 3 of 3 analyses changed.")
    expect(page.locator("#calibration-ok")).to_have_text("3 known")
    expect(page.locator("#live")).to_contain_text("Decided by Ada")
    page.get_by_role("link", name="Decided by Ada").click()
    row = page.get_by_role("row").filter(has_text="calibration grid").first
    expect(row).to_contain_text("0.25 nm/px")
    expect(row).to_contain_text("3 of 3")
    row.get_by_role("link", name=f"#{stored.submission}").click()
    expect(page.locator("tbody tr").first).to_contain_text(" nm")


def test_analyses_are_filtered_as_one_types(page: Page, running_stack: Stack, tmp_path: Path) -> None:
    store_analyses(running_stack, [draw_bar(tmp_path / "searched.png", 51)], LYING, has_bar=True)
    page.goto("/")
    page.get_by_role("link", name="Analyses", exact=True).click()
    page.locator("#filter [name=text]").press_sequentially("grid <1>")
    expect(page).to_have_url(re.compile(r"text=grid"))
    page.get_by_text("Instrument, pixel size, dates and more").click()
    page.locator("#filter [name=calibration_status]").select_option("conflict")
    expect(page).to_have_url(re.compile(r"calibration_status=conflict"))
    expect(page.locator("#filter-status")).to_contain_text("shown")
    row = page.get_by_role("row").filter(has_text="searched.png")
    expect(row).to_contain_text("In conflict")
    page.locator("#filter [name=operator]").fill("nobody at all")
    expect(page.get_by_text("No analysis fits all of this.")).to_be_visible()
    page.goto("/analyses?text=grid+%3C1%3E&calibration_status=conflict")
    expect(page.locator("#filter [name=text]")).to_have_value("grid <1>")
    row.get_by_role("link", name="searched.png").click()
    # A filter that was typed makes no entries of its own in the history.
    page.go_back()
    expect(page).to_have_url(re.compile(r"/analyses\?text=grid"))
    page.go_back()
    expect(page).to_have_url(re.compile("operator=nobody"))


def test_a_filter_that_does_not_fit_is_explained_as_one_types(page: Page, running_stack: Stack, complaints: list[str]) -> None:
    page.goto("/analyses")
    explained = page.locator("#filter-status")
    page.get_by_text("Instrument, pixel size, dates and more").click()
    page.locator("#filter [name=submission_id]").fill("7a")
    expect(explained).to_have_text("Submission: A number, such as 7")
    page.locator("#filter [name=submission_id]").fill("")
    page.locator("#filter [name=acquired_from]").fill("2025-3")
    expect(explained).to_contain_text("Taken from: A year, month, day or time such as 2025, 2025-03")
    page.locator("#filter [name=acquired_from]").fill("2025-03")
    expect(page).to_have_url(re.compile("acquired_from=2025-03"))
    expect(page.locator("#filter [name=acquired_from]")).to_have_value("2025-03")
    # What only the portal can refuse is said in its words.
    page.locator("#filter [name=submission_id]").fill("0")
    expect(explained).to_contain_text("submission_id: Input should be greater than or equal to 1")
    assert len(complaints) == 1
    assert "422" in complaints.pop()


def test_fields_of_the_file_are_searched_once_they_have_come(
    page: Page, running_stack: Stack, tmp_path: Path, complaints: list[str]
) -> None:
    (number,) = store_analyses(running_stack, [draw_bar(tmp_path / "fields.png", 61)], LYING, has_bar=True).analyses
    page.goto(f"/analyses/{number}")
    page.route("**/metadata", lambda route: route.abort())
    page.get_by_text("All fields of the file").click()
    said = page.locator("#field-count")
    expect(said).to_contain_text("The portal does not answer.")
    page.get_by_label("Search").fill("detector")
    expect(said).to_contain_text("The portal does not answer.")
    assert len(complaints) == 1
    assert "ERR_FAILED" in complaints.pop()
    page.unroute("**/metadata")
    for _ in ("closes", "opens"):
        page.get_by_text("All fields of the file").click()
    expect(said).to_have_text("1 of 3 fields")
    expect(page.locator(".fields-table tbody tr:visible")).to_contain_text("InLens")
    page.get_by_label("Search").fill("")
    expect(said).to_have_text("3 fields")


PHONE_SEEDS = {"/analyses": 71, "/decisions": 72, "/analyses/{analysis}": 73, "/submissions/{submission}": 74}


@pytest.mark.parametrize("address", PHONE_SEEDS)
def test_nothing_runs_over_the_edge_of_a_phone(page: Page, running_stack: Stack, tmp_path: Path, address: str) -> None:
    stored = store_analyses(running_stack, [draw_bar(tmp_path / "phone.png", PHONE_SEEDS[address])], LYING, has_bar=True)
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(address.format(analysis=stored.analyses[0], submission=stored.submission))
    expect(page.locator("main h1")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def click(page: Page, x: float, y: float) -> None:
    bring_into_view(page, x)
    page.mouse.click(*on_screen(page, x, y))


def drag(page: Page, x0: float, x1: float, y: float) -> None:
    bring_into_view(page, (x0 + x1) / 2)
    page.mouse.move(*on_screen(page, x0, y))
    page.mouse.down()
    page.mouse.move(*on_screen(page, x1, y), steps=4)
    page.mouse.up()


def bring_into_view(page: Page, x: float) -> None:
    """Scroll the enlarged picture to a column of its bottom, and the page to the picture."""
    page.evaluate(
        """([share]) => {
            const viewport = document.getElementById("viewport");
            const stage = document.getElementById("stage");
            viewport.scrollTo(share * stage.clientWidth - viewport.clientWidth / 2, stage.clientHeight);
            viewport.scrollIntoView({ block: "center" });
        }""",
        [(x + 0.5) / SIDE_PX],
    )


def on_screen(page: Page, x: float, y: float) -> tuple[float, float]:
    """Where a point of the image is seen; whole numbers are pixel centres."""
    box = page.locator("#stage").bounding_box()
    assert box is not None
    return box["x"] + (x + 0.5) / SIDE_PX * box["width"], box["y"] + (y + 0.5) / SIDE_PX * box["height"]


def measured_px(page: Page) -> float:
    return float(page.locator("#measured-px").inner_text().removesuffix(" px"))
