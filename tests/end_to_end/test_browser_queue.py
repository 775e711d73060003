"""A person before the portal pauses, cancels and takes up again, with the keyboard, and is asked where something is lost."""

from pathlib import Path

from playwright.sync_api import Page, expect

from cli.client import Saemi
from shared.actions import Action
from tests.end_to_end.drawn import draw_discs
from tests.stack import Stack


def paused_submission(stack: Stack, folder: Path) -> int:
    """A submission with two images that nobody begins."""
    with Saemi(stack.address) as saemi:
        submission = saemi.open_submission("buttons", model="classical-1")
        saemi.act(Action.PAUSE, [submission.id], person="Ada")
        for seed in (1, 2):
            saemi.add_file(submission.id, draw_discs(folder / f"{seed}.png", seed))
    return submission.id


def test_what_is_left_is_cancelled_after_a_question_and_taken_up_again(
    page: Page, running_stack: Stack, tmp_path: Path
) -> None:
    page.goto(f"/submissions/{paused_submission(running_stack, tmp_path)}")
    expect(page.locator("#standing")).to_contain_text("Paused by Ada")
    cancel = page.locator("#actions").get_by_role("button", name="Cancel …")
    cancel.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("2 images will not be analysed")
    expect(dialog.get_by_role("button", name="No, leave it")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.locator("#chip-queued")).to_contain_text("2")
    cancel.click()
    dialog.get_by_role("button", name="Yes").click()
    expect(page.locator("#chip-cancelled")).to_contain_text("2")
    page.get_by_role("button", name="Take up 2 cancelled").click()
    expect(page.locator("#chip-queued")).to_contain_text("2")
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("#chip-done")).to_contain_text("2")
    expect(page.locator("#actions")).to_have_count(0)


def test_the_form_proposes_how_urgent_a_few_files_are_until_somebody_chooses(page: Page, tmp_path: Path) -> None:
    few, many = draw_discs(tmp_path / "few" / "0.png", 0).parent, tmp_path / "many"
    for seed in range(7):
        draw_discs(many / f"{seed}.png", seed)
    urgency, folder = page.get_by_label("How urgent"), page.locator("#files input[webkitdirectory]")
    page.goto("/")
    expect(urgency).to_have_value("normal")
    folder.set_input_files(few)
    expect(urgency).to_have_value("interactive")
    page.goto("/")
    folder.set_input_files(many)
    expect(page.get_by_role("button", name="Analyse 7 files")).to_be_enabled()
    expect(urgency).to_have_value("normal")
    urgency.select_option("bulk")
    page.get_by_label("Your name").fill("Grace")
    page.get_by_label("Project").fill("urgency")
    page.get_by_label("Model").select_option("classical-1")
    page.get_by_role("button", name="Analyse 7 files").click()
    expect(page.locator("#live")).to_contain_text("Grace")
    expect(page.locator("#live")).to_contain_text("It has time")
    page.goto("/")
    expect(page.get_by_label("Your name")).to_have_value("Grace")
