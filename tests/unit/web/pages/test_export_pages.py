"""The list of exports, and the form that asks for one on the pages of an image, a submission and a search."""

import re

from sqlalchemy import update

from shared import exports
from shared.database import database_time
from shared.export_rows import ExportRow
from shared.leases import JobState
from shared.output_formats import OUTPUT_FORMATS
from tests.unit.web.opened_portal import API, Portal, shown
from web.pages.exports import FORMAT_LABELS
from worker.exporter import Exporter


def ask(portal: Portal, **body: object) -> int:
    answer = portal.http.post(f"{API}/exports", json={"format": "csv"} | body)
    assert answer.status_code == 202, answer.text
    return int(answer.get_json()["id"])


def change(portal: Portal, number: int, **values: object) -> None:
    with portal.database.writing() as session:
        session.execute(update(ExportRow).where(ExportRow.id == number).values(**values))


def test_the_list_says_who_asked_for_what_how_far_it_is_and_where_the_file_is(either_portal: Portal) -> None:
    portal = either_portal
    assert "Nobody has asked for a file yet." in shown(portal, "/exports")
    analysis = portal.analysed(name="grid <1>.tif")
    made = ask(portal, selection="submission_id=1", person="Ada", choices={"weighting": "volume"})
    Exporter(portal.database, portal.store, portal.blobs.parent / "exports", lease_s=60, max_attempts=3).run(made)
    assert 'hx-trigger="every 5s, refresh"' in shown(portal, "/exports")
    failed, running, removed = (ask(portal, format=name, analysis_ids=[analysis]) for name in ("json", "parquet", "xlsx"))
    waiting = ask(portal, selection="project=gold")
    change(portal, failed, state=JobState.FAILED, error_message="It broke.", error_reference="ab12cd34")
    change(portal, running, state=JobState.RUNNING, n_images=40, n_done=10)
    change(portal, removed, state=JobState.DONE, sha256="a" * 64, file_name="gone.xlsx", finished_at=database_time(-9 * 86_400))
    with portal.database.writing() as session:
        exports.remove_aged(session, 7)
    html = shown(portal, "/exports")
    assert re.findall(r'<tr id="export-(\d)" class="(\w+)"', html) == [
        (str(waiting), "queued"),
        (str(removed), "done"),
        (str(running), "running"),
        (str(failed), "failed"),
        (str(made), "done"),
    ]
    for text in (
        '<a href="/submissions/1">Submission 1, gold</a>',
        f'<a href="/analyses/{analysis}">grid &lt;1&gt;.tif</a>',
        '<a href="/analyses?project=gold">',
        f'<a href="/api/v1/exports/{made}/file" download>Submission_1_gold.csv.zip</a>',
        "exclude-border-weighted, by volume",
        "<small>Ada</small>",
        "It broke. Reference ab12cd34",
        'aria-valuenow="10"',
        "10 of 40 images",
        "files are kept for 7 days",
        f'data-act="/exports/{running}/cancel"',
        'hx-trigger="every 2s, refresh"',
    ):
        assert text in html, text
    assert "gone.xlsx" not in html
    assert f'data-act="/exports/{made}/cancel"' not in html


def test_the_list_is_paged(portal: Portal) -> None:
    portal.analysed()
    for bins in range(1, 52):
        ask(portal, choices={"bins": bins})
    newest = shown(portal, "/exports")
    assert newest.count('<tr id="export-') == 50
    assert 'href="/exports?before=2"' in newest
    assert shown(portal, "/exports?before=2").count('<tr id="export-') == 1
    assert "There is no older export." in shown(portal, "/exports?before=1")


def test_every_page_of_results_offers_all_formats_with_their_descriptions(portal: Portal) -> None:
    number = portal.analysed()
    selections = {f"/analyses/{number}": f'data-analysis="{number}"', "/submissions/1": 'data-selection="submission_id=1"'}
    for address in (*selections, "/analyses"):
        html = shown(portal, address)
        assert selections.get(address, 'data-selection=""') in html
        assert 'id="open-export"' in html
        for name, one in OUTPUT_FORMATS.items():
            assert f'value="{name}"' in html, (address, name)
            assert one.description.split(",")[0].split(":")[0] in html


def test_every_format_has_a_name_for_people() -> None:
    assert set(OUTPUT_FORMATS) <= set(FORMAT_LABELS)
