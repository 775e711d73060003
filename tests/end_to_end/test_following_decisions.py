"""A result page while somebody else's decision about its pixel size is being applied, and before its outlines have come."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from shared import decisions, results
from shared.calibration import Choice
from shared.database import Database
from shared.errands import Claim
from shared.models import DecisionRow
from tests.end_to_end.drawn import RADII_PX, draw_bar, store_analyses
from tests.stack import Stack
from worker.recalibrator import Recalibrator

LEASE_S = 600.0


@pytest.fixture
def database(running_stack: Stack) -> Iterator[Database]:
    """The database of the running stack."""
    database = Database(f"sqlite:///{running_stack.data_dir / 'saemi.db'}")
    yield database
    database.dispose()


def decide_and_hold(database: Database, analysis: int) -> Claim:
    """Decide as somebody else, and keep the workers of the stack from applying it."""
    with database.writing() as session:
        target = decisions.target_image(results.analysis(session, analysis))
        made = decisions.decide(session, target, "Somebody else", Choice.MANUAL, 0.25)
        held = decisions.ERRANDS.claim(session, made.id, lease_s=LEASE_S, max_attempts=3)
        assert held is not None
        return held


def fill_half(page: Page) -> None:
    page.get_by_label("Set a value").check()
    page.get_by_role("textbox", name="Pixel size").fill("0,5")
    page.get_by_label("Comment").fill("half filled")


def test_a_decision_of_somebody_else_is_followed_and_leaves_the_form_as_it_is(
    page: Page, running_stack: Stack, tmp_path: Path, database: Database
) -> None:
    (number,) = store_analyses(running_stack, [draw_bar(tmp_path / "followed.png", 81)], None).analyses
    held = decide_and_hold(database, number)
    page.goto(f"/analyses/{number}")
    status = page.locator("#decision-status")
    expect(status).to_contain_text("Being applied")
    fill_half(page)
    expect(page.get_by_role("progressbar", name="Pixel sizes set")).to_be_visible()
    with database.writing() as session:
        decisions.ERRANDS.give_back(session, held, 0.0)
    Recalibrator(database, lease_s=LEASE_S, max_attempts=3).run(held.id)
    expect(status).to_have_text("Applied: 1 of 1 analysis changed.")
    expect(page.get_by_role("progressbar", name="Pixel sizes set")).to_be_hidden()
    expect(page.locator("#pixel-size-state")).to_contain_text("0.25 nm/px, stated by hand")
    expect(page.get_by_label("Comment")).to_have_value("half filled")
    expect(page.get_by_role("textbox", name="Pixel size")).to_have_value("0,5")
    expect(page.get_by_label("Set a value")).to_be_checked()


def test_a_decision_that_is_gone_is_asked_for_once(
    page: Page, running_stack: Stack, tmp_path: Path, database: Database, complaints: list[str]
) -> None:
    (number,) = store_analyses(running_stack, [draw_bar(tmp_path / "gone.png", 82)], None).analyses
    held = decide_and_hold(database, number)
    page.clock.install()
    page.goto(f"/analyses/{number}")
    expect(page.locator("#decision-status")).to_contain_text("Being applied")
    with database.writing() as session:
        row = session.get(DecisionRow, held.id)
        session.delete(row)
    page.clock.run_for(1000)
    expect(page.locator("#decision-status")).to_have_text(f"There is no decision {held.id}.")
    page.clock.run_for(60_000)
    assert [complaint for complaint in complaints if "404" in complaint] == complaints
    assert len(complaints) == 1, "it is not asked for again"
    complaints.clear()


def test_the_pixel_size_can_be_decided_before_the_outlines_have_come(page: Page, running_stack: Stack, tmp_path: Path) -> None:
    (number,) = store_analyses(running_stack, [draw_bar(tmp_path / "early.png", 83)], None).analyses
    held: list[Route] = []
    page.route("**/outlines.json", lambda route: held.append(route))  # noqa: PLW0108 - Playwright marks its handlers
    page.goto(f"/analyses/{number}?particle=2")
    page.get_by_label("Set a value").check()
    page.get_by_role("textbox", name="Pixel size").fill("0,5")
    expect(page.locator("#decide .preview")).to_have_text("0.5 nm/px, for this image")
    page.locator("#decide").get_by_label("Your name").fill("Ada")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("#decision-status")).to_have_text("Applied: 1 of 1 analysis changed.")
    expect(page.locator("#stage path")).to_have_count(0)
    (outlines,) = held
    outlines.continue_()
    expect(page.locator("#stage path")).to_have_count(len(RADII_PX))
    expect(page.locator("#stage path.chosen")).to_have_attribute("data-label", "2")
