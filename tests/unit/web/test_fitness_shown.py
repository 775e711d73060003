"""The verdict whether sizes can be read, in the API and on the pages: shown with its reasons, counted, and filtered by."""

import csv
import re

import pytest
from sqlalchemy import update

from shared.distributions.fitness import OBSTACLE_TEXT, SIGN_TEXT, VERDICT_TEXT
from shared.models import AnalysisRow
from tests.integration.laboratory import Laboratory
from tests.unit.web.opened_portal import Portal, error_of

REASONS = ["62 % of the segmented area has ragged outlines.", "0 of 3 particles lie wholly in the field <b>."]
VERDICTS = {"discs": "fit", "rods": "doubtful", "mat": "not particles", "old": None}


@pytest.fixture
def judged(either_portal: Portal) -> dict[str, int]:
    """Four analyses of one submission; the last one is of a release that gave no verdict."""
    lab = Laboratory(either_portal.database)
    submission = lab.submit()
    numbers = {image: lab.analyse(lab.add(submission, image)) for image in VERDICTS}
    with either_portal.database.writing() as session:
        for image, verdict in VERDICTS.items():
            reasons = None if verdict is None else REASONS
            changed = update(AnalysisRow).where(AnalysisRow.id == numbers[image])
            session.execute(changed.values(fitness=verdict, fitness_reasons=reasons))
    return numbers


def test_the_api_gives_verdicts_with_reasons_and_filters_by_one_or_several(
    either_portal: Portal, judged: dict[str, int]
) -> None:
    shown = either_portal.json(f"/analyses/{judged['mat']}")
    assert (shown["fitness"], shown["fitness_reasons"]) == ("not particles", REASONS)
    old = either_portal.json(f"/analyses/{judged['old']}")
    assert (old["fitness"], old["fitness_reasons"]) == (None, None)
    for wanted, found in (
        ([], list(judged.values())[::-1]),
        (["fit"], [judged["discs"]]),
        (["fit", "doubtful"], [judged["rods"], judged["discs"]]),
    ):
        assert [item["id"] for item in either_portal.json("/analyses", fitness=wanted)["items"]] == found, wanted
    error = error_of(either_portal.get("/analyses", fitness="perfect"), 422)
    assert error["code"] == "invalid_request"
    assert next(iter(error["details"])).startswith("fitness")


def test_a_submission_counts_its_verdicts_and_its_summary_names_them(either_portal: Portal, judged: dict[str, int]) -> None:
    submission = either_portal.json("/submissions")["items"][0]
    assert submission["fitness_counts"] is None, "lists do not count all analyses"
    counted = either_portal.json(f"/submissions/{submission['id']}")
    assert counted["fitness_counts"] == {"fit": 1, "doubtful": 1, "not particles": 1}
    assert counted["calibration_counts"] == {"ok": 0, "missing": 4, "conflict": 0}
    rows = csv.DictReader(either_portal.get(f"/submissions/{submission['id']}/summary.csv").text.splitlines())
    verdicts = {row["file"].removesuffix(".tif"): (row["fitness"], row["fitness_reasons"]) for row in rows}
    assert verdicts["mat"] == ("not particles", "; ".join(REASONS))
    assert verdicts["old"] == ("", "")


def test_the_pages_show_the_verdict_with_its_reasons_and_lead_to_all_of_its_kind(
    either_portal: Portal, judged: dict[str, int]
) -> None:
    def page(address: str) -> str:
        answer = either_portal.http.get(address)
        assert answer.status_code == 200, answer.text
        return re.sub(r"[ \n]+", " ", answer.text)

    result = page(f"/analyses/{judged['mat']}")
    assert f'title="{VERDICT_TEXT["not particles"]}">Not particles</b>' in result
    assert "<li>0 of 3 particles lie wholly in the field &lt;b&gt;.</li>" in result
    assert 'id="fitness"' not in page(f"/analyses/{judged['old']}")
    badge = f'<small class="fitness doubtful" title="{REASONS[0]} 0 of 3 particles'
    for listed in ("/analyses", "/jobs", "/submissions/1"):
        assert badge in page(listed), listed
    assert '/analyses?submission_id=1&amp;fitness=not+particles">1 not particles</a>' in page("/submissions/1")
    narrowed = page("/analyses?fitness=fit&fitness=doubtful")
    assert re.findall(r">(\w+)\.tif</a>", narrowed) == ["rods", "discs"]
    assert narrowed.count('name="fitness"') == 3
    assert re.findall(r'name="fitness" value="([\w ]+)" checked', narrowed) == ["fit", "doubtful"]


def test_the_definitions_state_the_rule_by_the_numbers_it_goes_by(portal: Portal) -> None:
    html = portal.http.get("/definitions").text
    for name, text in (VERDICT_TEXT | SIGN_TEXT | OBSTACLE_TEXT).items():
        assert re.search(rf">{re.escape(name)}<.{{0,40}}<td>{re.escape(text)}", html), name
    assert "more than 25 % of the segmented area; strong above 35 %" in html
