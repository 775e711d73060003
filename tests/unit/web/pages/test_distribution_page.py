"""The page of a pooled distribution, and the card that it shares with a result."""

import html as html_library
import re

from flask.testing import FlaskClient
from sqlalchemy import update

from shared.database import Database
from shared.distributions.sample import COUNTING_RULES
from shared.distributions.summary import Moments, Summary
from shared.finding_rows import ParticleRow
from shared.quantities import PARTICLE_QUANTITIES, quantities_of
from tests.unit.web.pages.rows import add_result, page


def test_the_page_of_a_selection_says_what_is_selected_and_leads_back_to_it(
    client: FlaskClient, portal_database: Database
) -> None:
    add_result(portal_database)
    address = "/distribution?project=Gold&calibration_status=ok&where=ecd_d50_nm%3C40&where=n_particles%3E2&view=cumulative"
    html = html_library.unescape(page(client.get(address)))
    for text in (
        "<dt>Project</dt><dd>Gold</dd>",
        "<dt>Pixel size</dt><dd>known</dd>",
        "<dt>Where</dt><dd>ecd_d50_nm<40, n_particles>2</dd>",
        'data-selection="project=Gold&calibration_status=ok&where=ecd_d50_nm%3C40&where=n_particles%3E2"',
        'data-of=""',
        'data-quantity="ecd_nm"',
    ):
        assert text in html, text
    assert re.search(r'href="/analyses\?[^"]*where=ecd_d50_nm%3C40&where=n_particles%3E2', html)
    assert 'name="made_from"' in html
    assert 'data-part="screening"' in html
    assert 'data-part="arrangement"' not in html, "positions of several images say nothing together"


def test_where_nothing_fits_or_nothing_is_here_the_page_says_what_to_do(client: FlaskClient, portal_database: Database) -> None:
    assert "Nothing has been analysed yet." in page(client.get("/distribution"))
    add_result(portal_database)
    html = page(client.get("/distribution?project=Silver"))
    assert "No analysis fits this selection." in html
    assert 'id="distribution"' not in html
    assert "does not exist" in page(client.get("/distribution?calibration_status=lost"), 422)


def test_the_card_offers_every_quantity_rule_and_statistic_with_its_definition(
    client: FlaskClient, portal_database: Database
) -> None:
    _, number = add_result(portal_database)
    html = html_library.unescape(page(client.get(f"/analyses/{number}")))
    for quantity in PARTICLE_QUANTITIES:
        is_offered = f'<option value="{quantity.name}"' in html
        assert is_offered == (
            quantity.name not in {"label", "centroid_x_px", "centroid_y_px", "touches_border", "confidence", "low_confidence"}
        ), quantity.name
    for rule, text in COUNTING_RULES.items():
        assert f'<option value="{rule}" data-text="{text}"' in html
    for statistic in (*quantities_of(Summary), *quantities_of(Moments)):
        assert f'data-statistic="{statistic.name}"' in html
        assert f'title="{statistic.definition}"' in html
    assert f'data-of="/analyses/{number}"' in html
    assert 'data-part="arrangement"' in html
    assert 'name="made_from"' not in html


def test_particles_without_edge_weights_are_not_offered_the_rule_that_needs_them(
    client: FlaskClient, portal_database: Database
) -> None:
    _, number = add_result(portal_database)
    assert 'data-counting-rule="exclude-border-weighted"' in page(client.get(f"/analyses/{number}"))
    with portal_database.writing() as session:
        session.execute(update(ParticleRow).values(edge_weight=None))
    html = page(client.get(f"/analyses/{number}"))
    assert 'data-counting-rule="exclude-border"' in html
    assert re.search('<option value="exclude-border-weighted"[^>]* disabled title="These particles have no edge weights', html)


def test_the_statistics_of_a_result_are_counts_and_sizes_with_their_definitions(
    client: FlaskClient, portal_database: Database
) -> None:
    counts = {"n_counted": 2, "n_small": 1, "coverage": 0.123, "ecd_span": 0.4842, "ecd_gsd": 1.25}
    _, number = add_result(portal_database, counting_rule="exclude-border", **counts)
    html = page(client.get(f"/analyses/{number}"))
    for text in (
        ">2 counted</span>",
        ">1 at the border</span>",
        ">1 below 8 px</span>",
        ">12 % covered</span>",
        "Span</span></dt><dd>0.484</dd>",
        "GSD</span></dt><dd>1.250</dd>",
        "Counting rule <code>exclude-border</code>",
        'title="Number of them that count by the counting rule."',
    ):
        assert text in html, text
    older = page(client.get(f"/analyses/{add_result(portal_database, 'older.png')[1]}"))
    assert ">– counted</span>" in older
    assert "GSD</span></dt><dd>–</dd>" in older


def test_lists_lead_to_the_distribution_of_what_they_show(client: FlaskClient, portal_database: Database) -> None:
    add_result(portal_database)
    assert 'href="/distribution?project=Gold"' in page(client.get("/analyses?project=Gold"))
    assert 'href="/distribution?submission_id=1"' in page(client.get("/submissions/1"))
