"""Dates of any precision: when each begins and ends."""

from datetime import datetime

import pytest

from shared.moments import begin_of, end_of, is_moment


@pytest.mark.parametrize(
    ("moment", "begin", "end"),
    [
        ("2024", (2024, 1, 1), (2025, 1, 1)),
        ("2024-02", (2024, 2, 1), (2024, 3, 1)),
        ("2024-12", (2024, 12, 1), (2025, 1, 1)),
        ("2024-02-29", (2024, 2, 29), (2024, 3, 1)),
        ("2024-12-31T23:59", (2024, 12, 31, 23, 59), (2025, 1, 1)),
        ("2024-05-06T07:08:09", (2024, 5, 6, 7, 8, 9), (2024, 5, 6, 7, 8, 10)),
    ],
)
def test_a_moment_lasts_until_the_next_of_its_kind(moment: str, begin: tuple[int, ...], end: tuple[int, ...]) -> None:
    assert is_moment(moment)
    assert begin_of(moment) == datetime(*begin).astimezone()  # type: ignore[arg-type, misc]
    assert end_of(moment) == datetime(*end).astimezone()  # type: ignore[arg-type, misc]


@pytest.mark.parametrize("moment", ["2023-02-29", "2024-04-31", "0000", "0001", "9999-12-31"])
def test_what_is_in_no_calendar_is_refused(moment: str) -> None:
    assert is_moment(moment)
    for ask in (begin_of, end_of):
        with pytest.raises(ValueError, match=r"day|year"):
            ask(moment)
