"""What every page has in common, and the pages that say what went wrong."""

from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient

from shared import usage
from shared.definitions import sections
from shared.quantities import PARTICLE_QUANTITIES, STATISTIC_QUANTITIES
from tests.unit.web.pages.rows import page


@pytest.mark.parametrize(
    "address", ["/", "/jobs", "/submissions", "/analyses", "/distribution", "/decisions", "/models", "/definitions"]
)
def test_every_page_has_navigation_a_skip_link_and_a_policy_that_allows_no_foreign_or_inline_scripts(
    client: FlaskClient, address: str
) -> None:
    response = client.get(address)
    html = page(response)
    assert '<a class="skip" href="#main">' in html
    for target in ("/", "/jobs", "/submissions", "/analyses", "/decisions", "/models", "/definitions", "/api/v1/swagger"):
        assert f'href="{target}"' in html
    policy = response.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'self';")
    assert "script-src" not in policy
    assert "unsafe-eval" not in policy
    assert "<script>" not in html
    assert "//" not in html.replace("<!doctype html>", "")


def test_every_term_is_defined_under_an_address_of_its_own(client: FlaskClient) -> None:
    html = unescape(page(client.get("/definitions")))
    assert (
        tuple(term for section in sections() if section.key in {"particle", "image"} for term in section.terms)
        == PARTICLE_QUANTITIES + STATISTIC_QUANTITIES
    )
    for section in sections():
        assert f'<a href="#{section.key}">{section.title}</a>' in html
        assert section.lead in html
        for term in section.terms:
            assert f'<tr id="{section.key}-{term.name.replace(" ", "-")}">' in html
            assert f"<td>{term.definition}</td>" in html
            assert not term.unit or f"<td>{term.unit}</td>" in html


@pytest.mark.parametrize(
    "address", ["/nowhere", "/submissions/7", "/analyses/7", "/analyses/99999999999999999999", "/submissions/x"]
)
def test_an_address_of_nothing_shows_a_page_that_leads_back(client: FlaskClient, address: str) -> None:
    html = page(client.get(address), 404)
    assert "Not found" in html
    assert 'href="/jobs"' in html


@pytest.mark.parametrize("query", ["state=lost", "before=x", "before=0", "submission=-1", "before=99999999999999999999"])
def test_an_address_that_asks_for_nonsense_is_refused_in_words(client: FlaskClient, query: str) -> None:
    assert "The address asks for something that does not exist" in page(client.get(f"/jobs?{query}"), 422)


def test_a_bug_shows_a_reference_and_no_traceback(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(usage, "counts_up_to", crash)
    html = page(app.test_client().get("/jobs"), 500)
    assert "under the reference" in html
    assert "secret" not in html


def test_the_page_of_the_api_fetches_nothing_from_elsewhere(client: FlaskClient) -> None:
    response = client.get("/api/v1/swagger")
    assert response.status_code == 200
    assert '"validatorUrl": null' in response.text.replace("\\", "")
    assert "default-src 'self'" in response.headers["Content-Security-Policy"]
