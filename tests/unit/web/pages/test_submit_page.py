"""The page that hands in: its fields, its models, and the page of the models."""

import re

from flask.testing import FlaskClient
from sqlalchemy import delete

from shared import registry
from shared.database import Database
from shared.domain import ModelIdentity
from shared.model_rows import ModelRow
from tests.models import card
from tests.unit.web.pages.rows import page


def test_the_submit_page_asks_for_the_project_and_takes_its_fields_from_the_address(client: FlaskClient) -> None:
    html = page(client.get("/?project=Gold+%3Cb%3E&sample=A"))
    assert 'name="project" required' in html
    assert 'value="Gold &lt;b&gt;"' in html
    assert "Without it, the file’s own and the scale bar’s count; where neither says it, sizes are in pixels." in html


def test_the_submit_page_says_that_side_cars_come_with_their_images(client: FlaskClient) -> None:
    html = page(client.get("/"))
    assert "Side-cars (<code>.txt</code>, <code>.hdr</code>, <code>.emi</code>) are read" in html


def choices(html: str) -> list[tuple[str, bool]]:
    """The models that the submit page offers, and which of them is chosen."""
    (select,) = re.findall(r'<select name="model".*?</select>', html, re.DOTALL)
    return [(name, bool(chosen)) for name, chosen in re.findall(r'<option value="([^"]+)"( selected)?>', select)]


def test_the_submit_page_offers_the_models_the_newest_first_and_chooses_the_default(
    client: FlaskClient, portal_database: Database
) -> None:
    assert choices(page(client.get("/"))) == [("particlenet-1", True), ("classical-1", False)]
    with portal_database.writing() as session:
        registry.register(session, ModelIdentity("rods", "1", "f" * 64), {})
        registry.choose_default(session, "classical")
    html = page(client.get("/"))
    assert choices(html) == [("rods-1", False), ("particlenet-1", False), ("classical-1", True)]
    assert "classical-1 (default)</option>" in html
    assert ("rods-1", True) in choices(page(client.get("/?model=rods-1")))
    assert ("classical-1", True) in choices(page(client.get("/?model=unknown")))


def test_the_submit_page_asks_for_the_threshold_and_says_what_it_does(client: FlaskClient) -> None:
    html = page(client.get("/"))
    assert re.search(r'name="min_confidence"[^>]* value="0.5"', html)
    assert "Particles below it are marked, and counted all the same." in html


def test_without_models_the_pages_say_how_to_get_some(client: FlaskClient, portal_database: Database) -> None:
    with portal_database.writing() as session:
        session.execute(delete(ModelRow))
    for address in ("/", "/models"):
        assert "saemi admin db upgrade" in page(client.get(address))


def test_the_models_are_shown_with_hash_default_and_what_their_cards_say(
    client: FlaskClient, portal_database: Database
) -> None:
    measured = ModelIdentity("rods", "2", "f" * 64)
    facts = {
        "description": "Rods <b>only</b>.",
        "figures": {"set": "held out", "dice": {"value": 0.91234, "ci95_low": 0.9, "ci95_high": 0.92, "n": 40}},
        "command": ["python -m worker.training.run --data <DIR>"],
        "odd": {"deep": [1, None, {"x": True}]},
    }
    with portal_database.writing() as session:
        registry.register(session, measured, card(measured, **facts))
    html = page(client.get("/models"))
    assert html.index('id="rods-2"') < html.index('id="particlenet-1"') < html.index('id="classical-1"')
    for text in (
        "Rods &lt;b&gt;only&lt;/b&gt;.",
        f'<code title="{"f" * 64}">ffffffffffff</code>',
        f"<code>{'f' * 64}</code>",
        '<td class="n">0.9123</td><td class="n">0.9 to 0.92</td>',
        '<td class="n">0.8153</td><td class="n">–</td>',
        '<td class="n">0.912</td>',
        "set: held out",
        "--data &lt;DIR&gt;",
        "deep: 1, –, x: yes",
        "none, a method without weights",
        "The card of this model states no figures.",
    ):
        assert text in html, text
    assert html.count("<small>default</small>") == 1
