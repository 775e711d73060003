"""Texts of scale bars: which are one, and what a line means that is hard to read."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.analysis.lettering import CharacterProbabilities
from worker.analysis.scale_bar.length_text import most_likely_length, written_length

CHARACTERS = ("", *"0123456789., nmupµA-OWD")


def seen(*steps: dict[str, float]) -> CharacterProbabilities:
    """Probabilities of each step; what is left over is blank."""
    table = np.zeros((len(steps), len(CHARACTERS)), np.float32)
    for row, step in zip(table, steps, strict=True):
        for character, probability in step.items():
            row[CHARACTERS.index(character)] = probability
        row[0] = 1 - row.sum()
    return CharacterProbabilities(CHARACTERS, table)


def spelled(text: str) -> CharacterProbabilities:
    """A text that was read without a doubt, a blank behind every character."""
    return seen(*(step for character in text for step in ({character: 1.0}, {})))


@pytest.mark.parametrize(
    ("text", "value_nm"),
    [
        ("500 nm", 500), ("500nm", 500), ("1.00um", 1000), ("1.00 µm", 1000), ("1,0 μm", 1000), ("0.5 µm", 500), (".2 um", 200),
        ("1 mm", 1e6), ("20.0um", 20_000), ("35 nm", 35), ("500 pm", 0.5), ("5 Å", 0.5), ("-200 nm-", 200), ("2 microns", 2000),
    ],
)  # fmt: skip
def test_a_length_is_read_in_every_spelling(text, value_nm) -> None:
    length = written_length(text)
    assert length is not None
    assert length[1] == pytest.approx(value_nm)


@pytest.mark.parametrize(
    "text",
    [
        "WD 8.6mm",
        "HFW 592 nm",
        "592 nm",
        "3.306 µm",
        "10.0 kV",
        "x 50,000",
        "100 mm",
        "50 m",
        "nm",
        "100",
        "",
        "5 1/nm",
        "0 nm",
        "1e3 nm",
        "1,000 nm",
        "10,000 nm",
    ],
)
def test_what_is_no_length_of_a_bar_is_none(text) -> None:
    assert written_length(text) is None


@given(digit=st.sampled_from([1, 2, 5]), power=st.integers(0, 2), unit=st.sampled_from(["nm", "um", "µm"]), space=st.booleans())
def test_a_clear_text_is_found_among_the_characters(digit, power, unit, space) -> None:
    number = digit * 10**power
    length = most_likely_length(spelled(f"{number}{' ' * space}{unit}"))
    assert length is not None
    assert length.value_nm == number * (1 if unit == "nm" else 1000)
    assert length.confidence > 0.99


def test_an_m_for_an_n_is_understood_because_no_bar_is_100_mm_long() -> None:
    steps = [{"1": 1.0}, {}, {"0": 1.0}, {}, {"0": 1.0}, {}, {"m": 0.7, "n": 0.3}, {}, {"m": 1.0}, {}]
    length = most_likely_length(seen(*steps))
    assert length is not None
    assert length.value_nm == 100


def test_a_unit_that_may_be_two_is_not_sure() -> None:
    steps = [{"5": 1.0}, {}, {"0": 1.0}, {}, {"0": 1.0}, {}, {"n": 0.5, "µ": 0.5}, {}, {"m": 1.0}, {}]
    length = most_likely_length(seen(*steps))
    assert length is not None
    assert length.confidence < 0.6


def test_a_number_that_nobody_draws_a_bar_for_is_not_trusted() -> None:
    length = most_likely_length(spelled("19.9 µm"))
    assert length is None or length.confidence < 0.4


def test_signs_around_a_text_are_its_bar() -> None:
    length = most_likely_length(spelled("-5 µm-"))
    assert length is not None
    assert length.value_nm == 5000
    assert length.confidence > 0.99


def test_the_letter_o_among_digits_is_a_zero() -> None:
    length = most_likely_length(spelled("1O0 nm"))
    assert length is not None
    assert length.value_nm == 100


@pytest.mark.parametrize("text", ["WD", "100", "nm", "A", "-", "50", "00.0 nm", "1..0 nm"])
def test_no_length_is_made_of_what_is_none(text) -> None:
    assert most_likely_length(spelled(text)) is None


def test_the_same_letter_twice_needs_a_blank_between() -> None:
    once = most_likely_length(seen({"1": 1.0}, {}, {"0": 1.0}, {"0": 1.0}, {}, {"n": 1.0}, {}, {"m": 1.0}))
    assert once is not None
    assert once.value_nm == 10


@pytest.mark.parametrize("text", ["1,000 nm", "10,000 nm"])
def test_a_thousand_with_a_comma_is_not_taken_for_one(text) -> None:
    length = most_likely_length(spelled(text))
    assert length is None or length.confidence < 0.5


def test_a_decimal_comma_is_one() -> None:
    length = most_likely_length(spelled("0,5 µm"))
    assert length is not None
    assert length.value_nm == 500
