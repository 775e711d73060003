"""What people read about pixel sizes and can decide, over rows that are really in a database."""

import json
import re
from dataclasses import replace
from html import unescape

import pytest
from sqlalchemy import update

from shared.calibration import Choice
from shared.domain import Metadata, Stage
from shared.finding_rows import RecordingRow
from shared.models import DecisionRow
from tests.integration.laboratory import SEM, Laboratory
from tests.unit.web.opened_portal import Portal, shown
from web.pages import writing

FULL = Metadata(
    vendor="ZEISS",
    model="Merlin",
    voltage_kv=1.5,
    magnification=50_000.0,
    detector="InLens",
    acquired_at="2025-03-04T10:20:30",
    user="A. Lovelace <al>",
    working_distance_mm=3.25,
    stage=Stage(x_mm=1.5, y_mm=-2.0, tilt_deg=0.0),
    nm_per_px=1.0,
    nm_per_px_text="1e-09 m",
    nm_per_px_tag="AP_IMAGE_PIXEL_SIZE",
)


@pytest.fixture
def laboratory(portal: Portal) -> Laboratory:
    return Laboratory(portal.database)


def option(html: str, value: str) -> str:
    """One line of the form, from its radio button to its end."""
    found = re.search(rf'<input type="radio" name="\w+" value="{value}".*?</label>', html)
    assert found is not None, value
    return found[0]


def test_two_readings_that_agree_stand_side_by_side_with_what_they_rest_on(portal: Portal, laboratory: Laboratory) -> None:
    number = laboratory.analysed("grid", FULL, bar=1.005)
    with portal.database.writing() as session:
        session.execute(update(RecordingRow).values(scale_bar_crop_sha256="c" * 64))
    html = shown(portal, f"/analyses/{number}")
    for text in (
        "<b>1 nm/px, from the file&#39;s metadata</b>",
        "File and scale bar agree: 0.50 % apart.",
        "<dt>Written as</dt><dd>1e-09 m</dd>",
        "<dt>Field</dt><dd>AP_IMAGE_PIXEL_SIZE</dd>",
        '<p class="value">1.005 nm/px</p>',
        "<dt>Text</dt><dd>a bar</dd>",
        "<dt>Bar</dt><dd>100.0 px long</dd>",
        "<dt>Read with confidence</dt><dd>0.90</dd>",
        f'src="/api/v1/analyses/{number}/files/scale_bar.png"',
        'alt="The part of the image that was read: a scale bar labelled a bar"',
        'data-scale-bar="10.0 110.0 120.0"',
    ):
        assert text in html, text
    assert '<details id="decide-details">' in html, "nothing has to be decided"


def test_a_conflict_says_how_far_the_readings_are_apart_and_opens_the_form(portal: Portal, laboratory: Laboratory) -> None:
    html = shown(portal, f"/analyses/{laboratory.analysed('grid', FULL, bar=2.0)}")
    assert "The file and the scale bar are 100 % apart." in html
    assert '<details id="decide-details" open>' in html
    assert 'class="calibration conflict"' in html
    assert "1 nm/px" in option(html, "metadata")
    assert "2.000 nm/px" in option(html, "scale_bar")
    for value in ("metadata", "scale_bar", "manual", "measured", "automatic", "image", "submission", "instrument"):
        assert " disabled" not in option(html, value)
    assert 'value="image" required checked' in html
    assert not re.search(r'name="choice"[^>]* checked', html), "nobody decides by accident"


def test_a_missing_pixel_size_offers_a_value_and_says_why_there_is_no_reading(portal: Portal, laboratory: Laboratory) -> None:
    html = shown(portal, f"/analyses/{laboratory.analysed('grid', SEM)}")
    assert "Calibration missing: sizes in px" in html
    assert "No pixel size, or none that can be used." in html
    assert "No scale bar was read." in html
    assert "The file states none." in option(html, "metadata")
    assert " disabled" in option(html, "metadata")
    assert " disabled" in option(html, "scale_bar")
    assert " disabled" not in option(html, "manual")
    assert "data-scale-bar" not in html
    assert "scale_bar.png" not in html


def test_an_analysis_of_a_release_without_recordings_can_be_decided_all_the_same(
    portal: Portal, laboratory: Laboratory
) -> None:
    number = laboratory.analysed("grid", FULL, bar=2.0)
    laboratory.forget_recordings()
    html = shown(portal, f"/analyses/{number}")
    assert "An earlier release made this analysis and kept neither what the file states nor what its scale bar shows." in html
    assert "An earlier release made this analysis and kept no metadata." in html
    assert " disabled" in option(html, "instrument")
    assert "kept nothing of what the file states" in option(html, "instrument")
    assert "An earlier release did not keep it." in option(html, "metadata")
    assert " disabled" not in option(html, "manual")
    assert 'data-annotations="[]"' in html


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        (replace(FULL, magnification=None), "The file does not state its magnification, on which the pixel size depends."),
        (replace(FULL, vendor=None, model=None), "The file does not state its instrument."),
        (None, "The file does not state its instrument."),
    ],
)
def test_an_instrument_that_is_not_known_cannot_be_chosen_and_the_reason_is_given(
    portal: Portal, laboratory: Laboratory, metadata: Metadata | None, reason: str
) -> None:
    line = option(shown(portal, f"/analyses/{laboratory.analysed('grid', metadata)}"), "instrument")
    assert " disabled" in line
    assert reason in line


def test_the_form_names_the_submission_with_its_images_and_the_instrument(portal: Portal, laboratory: Laboratory) -> None:
    submission = laboratory.submit()
    number = laboratory.analyse(laboratory.add(submission, "a"), FULL)
    laboratory.analyse(laboratory.add(submission, "b"), FULL)
    html = shown(portal, f"/analyses/{number}")
    assert f"all 2 images of submission #{submission}" in option(html, "submission")
    assert "ZEISS Merlin at 50\u202f000×, 128 px wide" in option(html, "instrument")
    assert f'data-analysis="{number}" data-submission="{submission}"' in html


def test_what_was_decided_is_shown_with_who_when_why_and_what_it_was_before(portal: Portal, laboratory: Laboratory) -> None:
    number = laboratory.analysed("grid", FULL, bar=2.0)
    decision = laboratory.decide_for_image(number, 0.5)
    with portal.database.writing() as session:
        session.execute(update(DecisionRow).values(comment="bar <b> of lot 3", evidence="500 nm over 1000 px"))
    laboratory.apply(decision)
    html = shown(portal, f"/analyses/{number}")
    assert "<b>0.5 nm/px, stated by hand</b>" in html
    when = writing.local_time(laboratory.decision(decision).created_at)
    assert f"Decided by Ada, {when}, for this image: “bar &lt;b&gt; of lot 3”" in html
    assert "File and scale bar contradict each other: 100 % apart." in html
    history = html[html.index('id="pixel-size-history"') :]
    assert 'in conflict <span aria-label="to">→</span> <b>0.5 nm/px, stated by hand</b>' in history
    assert "500 nm over 1000 px · bar &lt;b&gt; of lot 3" in history
    assert f'href="/decisions?before={decision + 1}#decision-{decision}"' in history


def test_a_long_history_says_that_there_is_more_and_where(portal: Portal, laboratory: Laboratory) -> None:
    number = laboratory.analysed("grid", SEM)
    for change in range(51):
        assert "These are the newest" not in shown(portal, f"/analyses/{number}")
        laboratory.apply(laboratory.decide_for_image(number, 1.0 + change))
    html = shown(portal, f"/analyses/{number}")
    history = html[html.index('id="pixel-size-history"') :]
    assert history.count("<time") == 50
    link = f'href="/api/v1/analyses/{number}/calibration-changes"'
    assert f"These are the newest 50. <a {link}>All changes as JSON</a>" in history
    assert len(portal.json(f"/analyses/{number}/calibration-changes", limit=100)["items"]) == 51


def test_deciding_without_scripts_leads_to_the_command_line(portal: Portal, laboratory: Laboratory) -> None:
    number = laboratory.analysed("grid", SEM)
    for address in (f"/analyses/{number}", "/submissions/1"):
        (hint,) = re.findall("<noscript>(.*?)</noscript>", shown(portal, address))
        assert "<code>saemi calibrate</code>" in hint


def test_decisions_that_were_taken_back_say_so(portal: Portal, laboratory: Laboratory) -> None:
    number = laboratory.analysed("grid", FULL)
    laboratory.apply(laboratory.decide_for_image(number, 0.5), laboratory.decide_for_image(number, None, Choice.AUTOMATIC))
    html = shown(portal, f"/analyses/{number}")
    assert "<b>1 nm/px, from the file&#39;s metadata</b>" in html
    assert "Decisions taken back by Ada" in html


def test_a_pixel_size_of_the_instrument_is_named_as_one(portal: Portal, laboratory: Laboratory) -> None:
    number = laboratory.analysed("grid", SEM)
    laboratory.apply(laboratory.decide_for_instrument(number, 0.7))
    html = shown(portal, f"/analyses/{number}")
    assert "0.7 nm/px, set for its instrument" in html
    assert "for ZEISS Merlin at 50\u202f000×" in html


def test_a_decision_that_is_still_being_applied_is_followed_by_the_page(either_portal: Portal) -> None:
    laboratory = Laboratory(either_portal.database)
    submission = laboratory.submit()
    number = laboratory.analyse(laboratory.add(submission, "a"), SEM)
    for decide, about in (
        (laboratory.decide_for_image, number),
        (laboratory.decide_for_submission, submission),
        (laboratory.decide_for_instrument, number),
    ):
        decision = decide(about, 0.5)
        assert f'data-decision="{decision}"' in shown(either_portal, f"/analyses/{number}")
        laboratory.apply(decision)
    assert "data-decision" not in shown(either_portal, f"/analyses/{number}")


def test_text_and_bars_drawn_on_the_image_are_handed_to_the_picture_and_explained(
    portal: Portal, laboratory: Laboratory
) -> None:
    number = laboratory.analysed("grid", FULL)
    assert "drawn on the image" not in shown(portal, f"/analyses/{number}")
    with portal.database.writing() as session:
        session.execute(update(RecordingRow).values(annotations=[{"top": 1, "bottom": 5, "left": 2, "right": 9}]))
    html = shown(portal, f"/analyses/{number}")
    (drawn,) = re.findall('data-annotations="([^"]+)"', html)
    assert json.loads(unescape(drawn)) == [{"top": 1, "bottom": 5, "left": 2, "right": 9}]
    assert "not measured: banner, text and bars that are drawn on the image" in html


def test_metadata_are_shown_with_units_and_all_fields_can_be_opened(portal: Portal, laboratory: Laboratory) -> None:
    html = shown(portal, f"/analyses/{laboratory.analysed('grid', FULL)}")
    for name, value in (
        ("Instrument", "ZEISS Merlin"),
        ("Voltage", "1.5 kV"),
        ("Magnification", "50\u202f000×"),
        ("Detector", "InLens"),
        ("Taken", "2025-03-04 10:20:30"),
        ("Operator", "A. Lovelace &lt;al&gt;"),
        ("Working distance", "3.25 mm"),
    ):
        assert f"<dt>{name}</dt><dd>{value}</dd>" in html, name
    assert "x\xa01.5\xa0mm, y\xa0−2\xa0mm, tilt\xa00°" in html
    assert "All fields of the file" in html


def test_a_file_that_states_nothing_says_so_once(portal: Portal, laboratory: Laboratory) -> None:
    html = shown(portal, f"/analyses/{laboratory.analysed('grid')}")
    assert "The file states nothing about how the image was taken." in html
    assert "<dt>Voltage</dt>" not in html


def test_a_submission_counts_its_pixel_sizes_and_filters_its_jobs_by_them(portal: Portal, laboratory: Laboratory) -> None:
    submission = laboratory.submit()
    for image, metadata, bar in (("fine", FULL, None), ("without", SEM, None), ("odd", FULL, 2.0), ("odder", FULL, 3.0)):
        laboratory.analyse(laboratory.add(submission, image), metadata, bar)
    address = f"/submissions/{submission}"
    html = shown(portal, address)
    for status, text in (("ok", "1 known"), ("missing", "1 missing"), ("conflict", "2 in conflict")):
        assert re.search(rf'href="{address}\?calibration_status={status}"[^>]*>{text}<', html), status
    filtered = shown(portal, f"{address}?calibration_status=conflict")
    assert re.findall(r"(\w+)\.tif", filtered) == ["odder", "odd"]
    assert "Only images whose pixel size is <b>in conflict</b>." in filtered
    assert "calibration_status=conflict" in re.findall(r'href="([^"]*)" id="chip-done"', filtered)[0], "chips keep the filter"
    assert re.findall(r"(All|Done|Failed) <b>(\d)</b>", filtered) == [("All", "2"), ("Done", "2"), ("Failed", "0")]
    assert "No job here is failed." in shown(portal, f"{address}?calibration_status=conflict&state=failed")
    shown(portal, f"{address}?calibration_status=lost", 422)


def test_a_submission_offers_every_choice_but_the_picture_in_a_dialog(portal: Portal, laboratory: Laboratory) -> None:
    submission = laboratory.submit()
    laboratory.analyse(laboratory.add(submission, "a"), SEM)
    html = shown(portal, f"/submissions/{submission}")
    dialog = html[html.index("<dialog") : html.index("</dialog>")]
    assert re.findall(r'name="choice" value="(\w+)"', dialog) == ["metadata", "scale_bar", "manual", "automatic"]
    assert '<input type="hidden" name="scope" value="submission">' in dialog
    assert 'name="person" required' in dialog
    assert "disabled" not in dialog


def test_a_submission_shows_how_far_a_decision_is_and_then_who_made_it(portal: Portal, laboratory: Laboratory) -> None:
    submission = laboratory.submit()
    laboratory.analyse(laboratory.add(submission, "a"), SEM)
    decision = laboratory.decide_for_submission(submission, 0.5)
    under_way = shown(portal, f"/submissions/{submission}")
    assert "Ada sets the pixel size: 0.5 nm/px. 0 of 1 analyses changed so far." in under_way
    assert 'aria-label="Pixel sizes set" aria-valuemin="0" aria-valuemax="1" aria-valuenow="0"' in under_way
    assert 'hx-trigger="every 2s, refresh"' in under_way
    laboratory.apply(decision)
    html = shown(portal, f"/submissions/{submission}")
    assert f'<a href="/decisions?before={decision + 1}#decision-{decision}">Decided by Ada</a>: 0.5 nm/px' in html
    assert 'id="under-way"' not in html
    assert 'hx-trigger="every 5s, refresh"' in html


def test_a_submission_of_one_image_speaks_of_the_image_and_one_of_several_of_all(portal: Portal) -> None:
    submission = portal.open_submission()
    portal.put(submission, b"one", "a.tif")
    assert "Pixel size of the image<" in shown(portal, f"/submissions/{submission}")
    portal.put(submission, b"two", "b.tif")
    assert "Pixel size of all 2 images<" in shown(portal, f"/submissions/{submission}")
