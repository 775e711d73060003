"""How numbers, deviations and durations are written."""

import pytest

from web.pages import writing


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0, "0.000"),
        (1234567.0, "1\u202f234\u202f567"),
        (0.012345, "0.01235"),
        (-2.5, "−2.500"),
        (float("inf"), "–"),
    ],
)
def test_numbers_are_written_with_four_digits_and_never_as_a_power_of_ten(value: float | None, text: str) -> None:
    assert writing.number(value) == text


@pytest.mark.parametrize(
    ("mean", "sd", "text"),
    [
        (None, None, "–"),
        (12.345, None, "12.35 nm"),
        (138.43, 5.31, "138.4 ± 5.3 nm"),
        (0.5, 0.0123, "0.500 ± 0.012 nm"),
        (250, 99.6, "250 ± 100 nm"),
    ],
)
def test_a_mean_is_written_to_the_second_digit_of_its_deviation(mean: float | None, sd: float | None, text: str) -> None:
    assert writing.mean_and_sd(mean, sd, "nm") == text


@pytest.mark.parametrize(("seconds", "text"), [(0.25, "250 ms"), (59.94, "59.9 s"), (61, "1 min 01 s"), (7260, "2 h 01 min")])
def test_durations_are_written_as_people_say_them(seconds: float, text: str) -> None:
    assert writing.duration(seconds) == text
