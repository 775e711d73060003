"""Lists over the API: pages, cursors and queries."""

import base64
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.tables import PARTICLE_COLUMNS
from tests.unit.web.opened_portal import Portal, error_of


@pytest.mark.parametrize("path", ["/submissions", "/jobs", "/analyses"])
def test_the_pages_of_a_list_show_everything_once_the_newest_first(portal: Portal, path: str) -> None:
    for number in range(5):
        portal.analysed(name=f"{number}.tif")
    seen, cursor = [], {}
    while True:
        page = portal.json(path, limit=2, **cursor)
        seen += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert len(seen) == 5
    assert seen == sorted(set(seen), reverse=True)
    assert portal.json(path, limit=5)["next_cursor"] is None


def test_the_pages_of_particles_go_on_where_the_page_before_ended(either_portal: Portal) -> None:
    number = either_portal.analysed(has_confidence=True)
    for sort in ("label", "touches_border", "ecd_px", "area_px", "solidity", "confidence", "low_confidence"):
        for order in ("asc", "desc"):
            seen: list[tuple[float, int]] = []
            cursor: dict[str, str] = {}
            while True:
                page = either_portal.json(f"/analyses/{number}/particles", sort=sort, order=order, limit=2, **cursor)
                seen += [(particle[sort], particle["label"]) for particle in page["items"]]
                if page["next_cursor"] is None:
                    break
                cursor = {"cursor": page["next_cursor"]}
            assert seen == sorted(set(seen), reverse=order == "desc"), (sort, order)
            assert len(seen) == 7


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


NO_CURSORS = [
    "", "x", "%", "é", "=====", "\x00", encoded([]), encoded({}), encoded(None), encoded("1"), encoded(["1", "2"]),
    encoded([None, None]), encoded([1, 2, 3]), encoded([float("nan")] * 2), encoded([float("inf"), 1]), encoded([10**400, 1]),
    encoded([1, 1.5]), encoded([1, True]), encoded([1, -1]), encoded([1, 2**63]), encoded([2**64, 1]), encoded([[1], 1]),
    base64.urlsafe_b64encode(b"[" * 3000).decode(),
]  # fmt: skip


def test_a_cursor_that_was_tampered_with_is_refused_in_the_one_shape(either_portal: Portal) -> None:
    number = either_portal.analysed()
    for path in ("/submissions", "/jobs", "/analyses", f"/analyses/{number}/particles"):
        for cursor in NO_CURSORS:
            assert error_of(either_portal.get(path, cursor=cursor), 422)["code"] == "invalid_cursor", (path, cursor[:50])


@given(
    label=st.integers(0, 2**63 - 1),
    value=st.one_of(st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False)),
    sort=st.sampled_from(PARTICLE_COLUMNS),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None, derandomize=True)
def test_a_cursor_of_another_list_is_an_answer_or_an_error_of_the_user_never_of_ours(
    either_portal: Portal, value: float, label: int, sort: str
) -> None:
    listed = either_portal.json("/analyses")["items"]
    number = listed[0]["id"] if listed else either_portal.analysed()
    answer = either_portal.get(f"/analyses/{number}/particles", sort=sort, cursor=encoded([value, label]))
    assert answer.status_code in (200, 422), answer.text


MISFIT_QUERIES: list[tuple[str, dict[str, object]]] = [
    ("/submissions", {"limit": 0}),
    ("/submissions", {"limit": 501}),
    ("/submissions", {"limit": "many"}),
    ("/submissions", {"unknown": 1}),
    ("/jobs", {"state": "lost"}),
    ("/jobs", {"submission_id": 0}),
    ("/jobs", {"submission_id": 2**63}),
    ("/jobs", {"submission_id": "a"}),
    ("/analyses/1/particles", {"sort": "analysis_id"}),
    ("/analyses/1/particles", {"order": "sideways"}),
    ("/analyses/1/distribution", {"bins": 0}),
    ("/analyses/1/distribution", {"bins": 501}),
    ("/analyses/1/distribution", {"quantity": "size"}),
    ("/analyses/1/files/passwd", {}),
    ("/analyses/0", {}),
    (f"/analyses/{2**63}", {}),
]


def test_a_query_that_does_not_fit_is_refused_and_said(either_portal: Portal) -> None:
    for path, query in MISFIT_QUERIES:
        assert error_of(either_portal.get(path, **query), 422)["code"] == "invalid_request", (path, query)
