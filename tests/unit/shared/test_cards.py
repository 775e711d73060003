"""Model cards are free-form: what they have is shown, what they lack is not, and nothing that they hold breaks a page."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import cards
from shared.cards import CardFigure

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
KEYS = st.sampled_from(["description", "data", "figures", "command", "commands", "architecture", "seed", "remarks", "value"])


def test_figures_are_numbers_or_values_with_their_interval_in_the_order_of_the_card() -> None:
    content = {
        "set": "validation",
        "images": 73,
        "dice": {"value": 0.95, "ci95_low": 0.94, "ci95_high": 0.96, "n": 73},
        "f1": 0.87,
    }
    found = [CardFigure("images", 73), CardFigure("dice", 0.95, 0.94, 0.96), CardFigure("f1", 0.87)]
    assert cards.figures(content) == found
    assert cards.figures({"model": {}, "n_images": 73, "figures": content}) == found, "as `saemi evaluate --json` prints it"


def test_the_main_figures_are_those_that_models_are_compared_by() -> None:
    found = cards.main_figures({"figures": {"map": 0.67, "ap50": True, "f1": None}})
    assert found == {"Dice": None, "AP50": None, "mAP": CardFigure("map", 0.67), "F1": None}


def test_parts_come_in_the_order_of_a_readers_questions_and_empty_ones_not_at_all() -> None:
    card = {
        "name": "a",
        "remarks": "late",
        "figures": {"f1": 1},
        "licence": "",
        "data": "EMPS",
        "sha256": "0",
        "description": "x",
    }
    assert [key for key, _ in cards.sections(card)] == ["data", "figures", "remarks"]


@pytest.mark.parametrize("content", [None, [], "high", 7, {"f1": "0.9"}])
def test_what_is_no_figure_is_none(content: Any) -> None:
    assert cards.figures(content) == []


@given(st.dictionaries(KEYS | st.text(max_size=8), JSON, max_size=6))
def test_any_card_can_be_shown(card: dict[str, Any]) -> None:
    cards.main_figures(card)
    assert isinstance(cards.description(card) + cards.architecture(card), str)
    for key, content in cards.sections(card):
        assert isinstance(cards.heading(key) + cards.plain(content), str)
        assert "\n" not in cards.heading(key) or "\n" in key
