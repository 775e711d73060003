"""Searches as pages: conditions as rows, chips that take a criterion away, heads that sort, help where nothing fits."""

import html
import re

import pytest

from benchmarks.found_rows import make_rows
from tests.unit.web.opened_portal import Portal, shown


@pytest.fixture
def filled(portal: Portal) -> Portal:
    make_rows(portal.database, 60, 4)
    return portal


def chips(page: str) -> dict[str, str]:
    """Text of each chip, and the address without it."""
    found = re.findall(r'<a href="([^"]*)" aria-label="Remove: ([^"]*)"', page)
    return {html.unescape(text): html.unescape(address) for address, text in found}


def numbers(page: str) -> list[int]:
    return [int(number) for number in re.findall(r'<tr id="analysis-(\d+)"', page)]


def test_conditions_are_rows_of_the_form_and_chips_above_the_list(filled: Portal) -> None:
    page = shown(filled, "/analyses?where=ecd_d50_nm<80&where=n_particles>=5&project=project&model=classical")
    assert '<input type="hidden" name="where" value="ecd_d50_nm&lt;80">' in page
    option = re.search(r'<option value="ecd_d50_nm" title="([^"]*)" data-unit="nm" selected>', page)
    assert option is not None
    assert "Median diameter" in option[1]
    assert re.search(r'<option value="&gt;=" selected>≥</option>', page)
    assert re.search(r'class="value"[^>]* value="80"', page)
    assert {text: sorted(address.partition("?")[2].split("&")) for text, address in chips(page).items()} == {
        "Project: project": ["model=classical", "where=ecd_d50_nm%3C80", "where=n_particles%3E%3D5"],
        "Model: classical": ["project=project", "where=ecd_d50_nm%3C80", "where=n_particles%3E%3D5"],
        "ecd_d50_nm < 80 nm": ["model=classical", "project=project", "where=n_particles%3E%3D5"],
        "n_particles ≥ 5": ["model=classical", "project=project", "where=ecd_d50_nm%3C80"],
    }
    api = filled.json("/analyses", where=["ecd_d50_nm<80", "n_particles>=5"], model="classical")
    assert numbers(page) == [item["id"] for item in api["items"]]
    assert numbers(page)


def test_what_is_asked_for_has_a_column_and_heads_sort_and_turn_round(filled: Portal) -> None:
    page = shown(filled, "/analyses?where=ecd_span<1&sort=ecd_gsd")
    for name in ("ecd_span", "ecd_gsd"):
        assert re.search(rf'<th scope="col" class="n" aria-sort="(none|descending)"><a href="[^"]*sort={name}', page)
    assert re.search(r'aria-sort="descending"><a href="[^"]*sort=ecd_gsd&amp;order=asc"', page)
    assert re.search(r'aria-sort="none"><a href="[^"]*sort=n_particles&amp;order=desc"[^>]*>Particles</a>', page)
    asked = {"where": "ecd_span<1", "sort": "ecd_gsd"}
    assert numbers(page) == [item["id"] for item in filled.json("/analyses", **asked)["items"]]
    assert 'href="/api/v1/analyses.csv?' in page
    next_page = re.search(r'href="([^"]+)">Next page »', page)
    assert next_page is None, "fewer than a page fit"


def test_where_nothing_fits_the_page_says_without_what_something_would(filled: Portal) -> None:
    page = shown(filled, "/analyses?where=n_particles>100&where=ecd_span>1e6&model=classical")
    assert "No analysis fits all of this." in page
    (help_text,) = re.findall(r"Something would fit without (.*?)</p>", page)
    assert re.findall(r">([^<]+)</a>", help_text) == ["ecd_span &gt; 1000000"]
    several = shown(filled, "/analyses?where=ecd_span>1e6&model=owl")
    assert "Something would fit" not in several


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("/analyses?where=ecd_d5_nm<4", "Did you mean ecd_d50_nm?"),
        ("/particles?where=circularity<0,5", "is no number"),
        ("/analyses?sort=colour", "sort:"),
        ("/analyses?sort=ecd_d50_nm&cursor=WzEsMV0", "The cursor is not one of this list."),
    ],
)
def test_a_query_that_is_none_is_refused_in_words(portal: Portal, query: str, said: str) -> None:
    assert said in html.unescape(shown(portal, query, 422))


def test_particles_lead_into_their_results(filled: Portal) -> None:
    page = shown(filled, "/particles?where=touches_border=false&where=ecd_px>50&where=nnd_px>0&model=classical")
    found = [tuple(map(int, pair)) for pair in re.findall(r'href="/analyses/(\d+)\?particle=(\d+)"', page)]
    api = filled.json("/particles", where=["touches_border=false", "ecd_px>50"], model="classical")
    assert found == [(item["analysis_id"], item["label"]) for item in api["items"]]
    assert found
    assert re.search(r"<td class=\"n\">[\d.]+ nm</td>", page)
    assert ">Neighbour, centre</th>" in page, "what is asked for has a column"
    assert 'href="/analyses?model=classical"' in page
    assert set(chips(page)) == {"Model: classical", "touches_border = false", "ecd_px > 50 px", "nnd_px > 0 px"}
    nothing = shown(filled, "/particles?where=ecd_px>1e9")
    assert "No particle fits all of this." in nothing


def test_without_any_particle_the_page_leads_to_the_first_submission(portal: Portal) -> None:
    assert "No particle has been measured yet." in shown(portal, "/particles")
