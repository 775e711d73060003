"""The list of all analyses: what each line says, what it is filtered by, and where it goes on."""

import re
from dataclasses import replace

import pytest
from sqlalchemy import update

from shared.domain import Metadata
from shared.models import AnalysisRow
from tests.integration.laboratory import SEM, Laboratory
from tests.unit.web.opened_portal import Portal

TEM = Metadata(
    vendor="FEI",
    model="Tecnai F20",
    detector="Eagle",
    user="noether",
    acquired_at="2025-06-01T08:00:00",
    nm_per_px=0.2,
    raw={"Holder": "double tilt", "Lens_50%": "on"},
)
OLDER = replace(SEM, detector="InLens", user="lovelace", acquired_at="2024-12-31", nm_per_px=1.0)


@pytest.fixture
def laboratory(portal: Portal) -> Laboratory:
    """Four analyses: known by the file, missing, in conflict, known by the scale bar."""
    filled = Laboratory(portal.database)
    filled.analysed("tem", TEM)
    filled.analysed("bare")
    filled.analysed("odd", OLDER, bar=2.0)
    filled.analysed("bar", replace(OLDER, nm_per_px=None, user=None), bar=0.5)
    return filled


def listed(portal: Portal, query: str = "", status: int = 200) -> str:
    answer = portal.http.get(f"/analyses{query}")
    assert answer.status_code == status, answer.text
    return re.sub(r"[ \n]+", " ", answer.text)


def names(html: str) -> list[str]:
    return re.findall(r">(\w+)\.tif</a>", html)


def test_without_any_analysis_the_list_leads_to_the_first_submission(portal: Portal) -> None:
    assert "Nothing has been analysed yet." in listed(portal)


def test_each_line_names_image_instrument_pixel_size_and_sizes_with_units(portal: Portal, laboratory: Laboratory) -> None:
    html = listed(portal)
    assert names(html) == ["bar", "odd", "bare", "tem"], "the newest comes first"
    for text in (
        'src="/api/v1/analyses/1/files/thumbnail.png"',
        'FEI Tecnai F20<small class="seen-with">Eagle · noether</small>',
        "2025-06-01 08:00:00",
        "0.2 nm/px, from the file&#39;s metadata",
        "0.5000 nm/px, from the scale bar",
        '<span class="status missing">Missing</span>',
        '<span class="status conflict">In conflict</span>',
        "drawn 1, counting exclude-border-weighted",
    ):
        assert text in html, text
    assert re.search(r"\d ± [\d.]+ px<small>", html)
    assert re.search(r"\d ± [\d.]+ nm<small>", html)


def test_the_facility_sees_how_many_pixel_sizes_are_open(portal: Portal, laboratory: Laboratory) -> None:
    html = listed(portal)
    for status, text in (("ok", "2 known"), ("missing", "1 missing"), ("conflict", "1 in conflict")):
        assert f'href="/analyses?calibration_status={status}">{text}</a>' in html


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("instrument=tecnai", ["tem"]),
        ("operator=LOVE", ["odd"]),
        ("detector=inlens", ["bar", "odd"]),
        ("calibration_status=conflict", ["odd"]),
        ("calibration_status=missing", ["bare"]),
        ("calibration_source=scale_bar", ["bar"]),
        ("text=double", ["tem"]),
        ("text=50%25", ["tem"]),
        ("submission_id=2", ["bare"]),
        ("acquired_from=2025-01-01", ["tem"]),
        ("acquired_to=2024-12-31", ["bar", "odd"]),
        ("detector=inlens&calibration_status=ok&operator=", ["bar"]),
        ("utm_source=mail", ["bar", "odd", "bare", "tem"]),
    ],
)
def test_the_address_holds_the_filter(portal: Portal, laboratory: Laboratory, query: str, found: list[str]) -> None:
    assert names(listed(portal, f"?{query}")) == found


def test_the_form_shows_the_filter_that_is_in_force_and_offers_known_values(portal: Portal, laboratory: Laboratory) -> None:
    html = listed(portal, "?operator=love&calibration_status=conflict&acquired_to=2024-12-31&text=%3Cb%3E")
    assert 'name="operator" maxlength="200" autocomplete="off" list="known-operator" value="love"' in html
    assert '<option value="conflict" selected>In conflict</option>' in html
    assert re.search('name="acquired_to"[^>]* value="2024-12-31"', html)
    assert 'value="&lt;b&gt;"' in html
    suggested = html[html.index('id="known-detector"') :]
    assert re.findall(r'<option value="(\w+)"></option>', suggested[: suggested.index("</datalist>")]) == ["Eagle", "InLens"]


def test_a_filter_that_nothing_fits_says_so_and_leads_back(portal: Portal, laboratory: Laboratory) -> None:
    html = listed(portal, "?operator=nobody")
    assert 'No analysis fits all of this. <a href="/analyses">Show all</a>' in html
    assert 'data-shown="0"' in html


@pytest.mark.parametrize(
    "query", ["calibration_status=lost", "acquired_from=yesterday", "submission_id=x", "cursor=nonsense", "text=%00"]
)
def test_nonsense_is_refused_in_words(portal: Portal, query: str) -> None:
    assert "This does not fit" in listed(portal, f"?{query}", 422)


def test_a_date_of_any_precision_is_shown_as_it_was_written(portal: Portal, laboratory: Laboratory) -> None:
    html = listed(portal, "?acquired_from=2024&acquired_to=2024-12")
    assert names(html) == ["bar", "odd"]
    for name, value in (("acquired_from", "2024"), ("acquired_to", "2024-12")):
        (field,) = re.findall(f'<input name="{name}"[^>]*>', html)
        assert f'value="{value}"' in field
        assert "type=" not in field, "a date field would show nothing of it"


def test_what_does_not_fit_is_explained_without_the_words_of_programs(portal: Portal) -> None:
    refused = listed(portal, "?acquired_from=yesterday&text=%00", 422)
    wanted = "A year, month, day or time such as 2025, 2025-03, 2025-03-04 or 2025-03-04T10:20"
    assert f"text: control characters are not allowed; acquired_from: {wanted} is needed." in refused
    assert "Value error" not in refused


def test_an_image_of_a_stack_says_which_it_is(portal: Portal) -> None:
    filled = Laboratory(portal.database)
    number = filled.analysed("stack")
    with portal.database.writing() as session:
        session.execute(update(AnalysisRow).where(AnalysisRow.id == number).values(image_index=2, n_images=12))
    assert ">stack.tif, image 3 of 12</a>" in listed(portal)


def test_a_long_list_goes_on_behind_the_last_line_and_keeps_its_filter(portal: Portal) -> None:
    filled = Laboratory(portal.database)
    submission = filled.submit()
    for number in range(52):
        filled.analyse(filled.add(submission, f"{number}"), SEM, n=1)
    newest = listed(portal, f"?submission_id={submission}")
    assert newest.count('<tr id="analysis-') == 50
    (older,) = re.findall(r'href="([^"]+)">Next page »', newest)
    assert f"submission_id={submission}" in older
    oldest = listed(portal, older.replace("&amp;", "&").removeprefix("/analyses"))
    assert re.findall(r'<tr id="analysis-(\d+)"', oldest) == ["2", "1"]
    assert "Next page »" not in oldest
    assert f'href="/analyses?submission_id={submission}">« First page' in oldest
