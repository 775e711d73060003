"""The audit trail: who decided what, for which image, how far it is, and links that lead to a decision for ever."""

import re

import pytest
from sqlalchemy import update

from shared import submissions
from shared.calibration import Choice
from shared.leases import JobState
from shared.models import AnalysisRow, DecisionRow
from tests.integration.laboratory import SEM, Laboratory
from tests.unit.web.opened_portal import Portal, shown


@pytest.fixture
def laboratory(portal: Portal) -> Laboratory:
    return Laboratory(portal.database)


def test_the_audit_trail_names_who_decided_what_for_what_and_how_far_it_is(either_portal: Portal) -> None:
    laboratory = Laboratory(either_portal.database)
    assert "Nobody has decided a pixel size yet." in shown(either_portal, "/decisions")
    submission = laboratory.submit()
    number = laboratory.analyse(laboratory.add(submission, "grid"), SEM)
    first = laboratory.decide_for_image(number, 0.5)
    laboratory.apply(first)
    laboratory.apply(laboratory.decide_for_submission(submission, None, Choice.SCALE_BAR))
    laboratory.decide_for_instrument(number, 0.7)
    with either_portal.database.writing() as session:
        failed = {"state": JobState.FAILED, "error_message": "It broke.", "error_reference": "ab12cd34"}
        session.execute(update(DecisionRow).where(DecisionRow.id == 2).values(failed))
        project = submissions.submission(session, submission).project
    html = shown(either_portal, "/decisions")
    assert re.findall(r'<tr id="decision-(\d)" class="(\w+)"', html) == [("3", "queued"), ("2", "failed"), ("1", "done")]
    for text in (
        f'<a href="/analyses/{number}">grid.tif</a>',
        f'<a href="/submissions/{submission}">#{submission} {project}</a>',
        '<a href="/analyses?instrument=ZEISS+Merlin">ZEISS Merlin at 50\u202f000×, 128 px wide</a>',
        "<b>0.5 nm/px</b>",
        "<b>What the scale bar shows</b>",
        "Waiting",
        "Applied",
        "It broke. Reference ab12cd34",
        "1 of 1",
        'hx-trigger="every 2s, refresh"',
    ):
        assert text in html, text


def test_the_audit_trail_is_paged_by_the_last_decision_that_was_seen(portal: Portal, laboratory: Laboratory) -> None:
    number = laboratory.analysed("grid", SEM)
    for _ in range(51):
        laboratory.decide_for_image(number, 0.5)
    newest = shown(portal, "/decisions")
    assert newest.count('<tr id="decision-') == 50
    assert 'href="/decisions?before=2"' in newest
    assert shown(portal, "/decisions?before=2").count('<tr id="decision-') == 1
    assert "There is no older decision." in shown(portal, "/decisions?before=1")


@pytest.mark.parametrize("is_applied", [True, False])
def test_a_link_to_a_decision_leads_to_it_however_many_newer_ones_there_are(
    portal: Portal, laboratory: Laboratory, is_applied: bool
) -> None:
    submission = laboratory.submit()
    number = laboratory.analyse(laboratory.add(submission, "grid"), SEM)
    decision = laboratory.decide_for_submission(submission, 0.5)
    if is_applied:
        laboratory.apply(decision)
    for _ in range(51):
        laboratory.decide_for_image(number, 0.5)
    pages = [f"/submissions/{submission}", f"/analyses/{number}"] if is_applied else [f"/submissions/{submission}"]
    for page in pages:
        (link,) = re.findall(rf'href="([^"]+)#decision-{decision}"', shown(portal, page))
        assert f'<tr id="decision-{decision}"' in shown(portal, link), page


def test_a_decision_about_an_image_of_a_stack_says_which_one(either_portal: Portal) -> None:
    laboratory = Laboratory(either_portal.database)
    number = laboratory.analysed("stack", SEM)
    with either_portal.database.writing() as session:
        session.execute(update(AnalysisRow).values(image_index=2, n_images=12))
    laboratory.decide_for_image(number, 0.5)
    assert ">stack.tif, image 3 of 12</a><small>one image</small>" in shown(either_portal, "/decisions")
