"""Definitions have one source: what the code declares is what page and documentation say."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import pytest

from shared.calibration import SOURCES, STATUSES
from shared.definitions import Section, markdown, sections
from shared.distributions.fits import CURVES, Family
from shared.distributions.sample import COUNTING_RULES, CountingRule
from shared.distributions.screening import VERDICTS, Verdict
from shared.distributions.summary import POWERS, WEIGHTINGS, Weighting
from shared.domain import CalibrationSource, CalibrationStatus

PAGE = Path(__file__).parents[3] / "docs" / "definitions.md"


def test_the_page_of_the_documentation_is_the_one_that_is_generated() -> None:
    assert PAGE.read_text(encoding="utf-8") == markdown(), "`make definitions` writes it anew"


@pytest.mark.parametrize(
    ("declared", "choices"),
    [
        (COUNTING_RULES, CountingRule),
        (WEIGHTINGS, Weighting),
        (POWERS, Weighting),
        (CURVES, Family),
        (VERDICTS, Verdict),
        (STATUSES, CalibrationStatus),
        (SOURCES, CalibrationSource),
    ],
)
def test_every_choice_has_a_definition(declared: Mapping[str, Any], choices: Any) -> None:
    assert set(declared) == set(get_args(choices))


@pytest.mark.parametrize("section", sections(), ids=lambda section: section.key)
def test_a_section_says_something_of_each_of_its_terms_once(section: Section) -> None:
    assert section.lead or section.terms
    assert not section.lead or section.lead.endswith(".")
    names = [term.name for term in section.terms]
    assert len(set(names)) == len(names)
    assert [term.name for term in section.terms if not term.definition.endswith(".")] == []


def test_sections_have_addresses_of_their_own() -> None:
    keys = [section.key for section in sections()]
    assert len(set(keys)) == len(keys)
