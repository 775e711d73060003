"""Finding analyses through the API: by what files state, by calibration, by submission; on both databases the same."""

import pytest

from shared.domain import Metadata
from tests.integration.laboratory import Laboratory
from tests.unit.web.opened_portal import Portal, error_of

UNKNOWN = 10**9
RECORDED = {
    "a": Metadata(vendor="ZEISS", model="Merlin", user="Ada", detector="SE2", acquired_at="2024-05-06T07:08:09", nm_per_px=1.0),
    "b": Metadata(
        vendor="JEOL", model="JSM-7800F", user="Müller", detector="LED", acquired_at="2024-05-31", raw={"Tilt": "Ö 100%"}
    ),
    "c": Metadata(vendor="FEI", acquired_at="06/05/2024 07:08", raw={"Beam.Spot": "3", 'a "name"': "back\\slash_\nµ"}),
    "d": None,
}
FOUND: list[tuple[dict[str, object], str]] = [
    ({}, "dcba"),
    ({"instrument": "zeiss"}, "a"),
    ({"instrument": "7800"}, "b"),
    ({"instrument": "e"}, "cba"),
    ({"operator": "MÜLLER"}, "b"),
    ({"operator": "ada"}, "a"),
    ({"detector": "e"}, "ba"),
    ({"text": "beam.spot"}, "c"),
    ({"text": "ö 100%"}, "b"),
    ({"text": "%"}, "b"),
    ({"text": "_"}, "c"),
    ({"text": "k\\S"}, "c"),
    ({"text": '"NAME"'}, "c"),
    ({"text": "Μ"}, ""),
    ({"text": '": "'}, ""),
    ({"text": "'; DROP TABLE recording; --"}, ""),
    ({"calibration_status": "ok"}, "a"),
    ({"calibration_status": "missing"}, "dcb"),
    ({"calibration_source": "metadata"}, "a"),
    ({"calibration_source": "instrument_default"}, ""),
    ({"acquired_from": "2024"}, "ba"),
    ({"acquired_from": "2024-05-07"}, "b"),
    ({"acquired_to": "2024-05-06"}, "a"),
    ({"acquired_to": "2024-05"}, "ba"),
    ({"acquired_to": "2024-05-06T07:07"}, ""),
    ({"acquired_from": "2024-05-06T07:08:09", "acquired_to": "2024-05-06T07:08"}, "a"),
    ({"acquired_to": "2023"}, ""),
    ({"instrument": "e", "calibration_status": "missing", "text": "tilt"}, "b"),
    ({"instrument": "zeiss", "text": "tilt"}, ""),
    ({"submission_id": 2}, "b"),
    ({"submission_id": UNKNOWN}, ""),
]


@pytest.fixture
def lab(either_portal: Portal) -> Laboratory:
    return Laboratory(either_portal.database)


def test_analyses_are_found_by_what_their_files_state_and_by_their_calibration(either_portal: Portal, lab: Laboratory) -> None:
    images = {lab.analysed(image, metadata): image for image, metadata in RECORDED.items()}
    for query, wanted in FOUND:
        found = [images[item["id"]] for item in either_portal.json("/analyses", **query)["items"]]
        assert "".join(found) == wanted, query
    first = either_portal.json("/analyses", instrument="e", limit=2)
    rest = either_portal.json("/analyses", instrument="e", limit=2, cursor=first["next_cursor"])
    assert [images[item["id"]] for page in (first, rest) for item in page["items"]] == ["c", "b", "a"]
    assert rest["next_cursor"] is None


@pytest.mark.parametrize(
    "query",
    [
        {"instrument": ""},
        {"text": "a\u0000b"},
        {"calibration_status": "good"},
        {"calibration_source": "guess"},
        {"submission_id": 0},
        {"acquired_from": "yesterday"},
        {"acquired_to": "2024-13"},
        {"acquired_to": "2024-05-06T25:00"},
        {"colour": "red"},
    ],
    ids=str,
)
def test_a_question_that_is_none_is_refused_and_its_field_is_named(portal: Portal, query: dict[str, object]) -> None:
    error = error_of(portal.get("/analyses", **query), 422)
    assert (error["code"], list(error["details"])) == ("invalid_request", list(query))
