"""Which pixel size holds: the rule as a table, and laws that hold for everything that people and files can say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.calibration import MAX_DIFFERENCE, Choice, Decision, Evidence, Holding, calibration, holding
from shared.domain import Calibration

MISSING = Calibration.missing()
CONFLICT = Calibration.conflict()
BY_METADATA = Calibration(1.0, "metadata", "ok")
BY_SCALE_BAR = Calibration(2.0, "scale_bar", "ok")
MANUAL, METADATA, SCALE_BAR, AUTOMATIC = (
    Decision(7, choice, 3.0 if choice is Choice.MANUAL else None)
    for choice in (Choice.MANUAL, Choice.METADATA, Choice.SCALE_BAR, Choice.AUTOMATIC)
)
DEFAULT = Decision(5, Choice.MANUAL, 4.0)
TAKEN_BACK = Decision(6, Choice.AUTOMATIC)
BOTH = {"metadata_nm_per_px": 1.0, "scale_bar_nm_per_px": 2.0}

RULE: list[tuple[dict[str, object], Calibration, int | None]] = [
    # Nobody decided.
    ({}, MISSING, None),
    ({"metadata_nm_per_px": 1.0}, BY_METADATA, None),
    ({"scale_bar_nm_per_px": 2.0}, BY_SCALE_BAR, None),
    (BOTH, CONFLICT, None),
    (BOTH | {"stated_nm_per_px": 9.0}, Calibration.manual(9.0), None),
    # A decision wins over everything, and over a value stated before it.
    (BOTH | {"decision": MANUAL}, Calibration.manual(3.0), 7),
    (BOTH | {"stated_nm_per_px": 9.0, "decision": MANUAL, "instrument_decision": DEFAULT}, Calibration.manual(3.0), 7),
    (BOTH | {"decision": METADATA}, BY_METADATA, 7),
    (BOTH | {"decision": SCALE_BAR}, BY_SCALE_BAR, 7),
    (BOTH | {"stated_nm_per_px": 9.0, "decision": SCALE_BAR}, BY_SCALE_BAR, 7),
    # A reading that was chosen and is not there is missing: no other one stands in for it.
    ({"metadata_nm_per_px": 1.0, "decision": SCALE_BAR}, MISSING, 7),
    ({"scale_bar_nm_per_px": 2.0, "decision": METADATA, "stated_nm_per_px": 9.0}, MISSING, 7),
    ({"decision": METADATA, "instrument_decision": DEFAULT}, MISSING, 7),
    # Decisions that are taken back.
    (BOTH | {"decision": AUTOMATIC}, CONFLICT, 7),
    ({"metadata_nm_per_px": 1.0, "decision": AUTOMATIC}, BY_METADATA, 7),
    ({"stated_nm_per_px": 9.0, "decision": AUTOMATIC}, Calibration.manual(9.0), 7),
    ({"decision": AUTOMATIC}, MISSING, 7),
    # The instrument's value fills what is missing, and nothing else.
    ({"instrument_decision": DEFAULT}, Calibration(4.0, "instrument_default", "ok"), 5),
    ({"instrument_decision": DEFAULT, "decision": AUTOMATIC}, Calibration(4.0, "instrument_default", "ok"), 5),
    ({"instrument_decision": TAKEN_BACK}, MISSING, None),
    ({"instrument_decision": DEFAULT, "metadata_nm_per_px": 1.0}, BY_METADATA, None),
    ({"instrument_decision": DEFAULT, "stated_nm_per_px": 9.0}, Calibration.manual(9.0), None),
    (BOTH | {"instrument_decision": DEFAULT}, CONFLICT, None),
]

sizes = st.none() | st.floats(1e-4, 1e6)
choices = st.sampled_from([MANUAL, METADATA, SCALE_BAR, AUTOMATIC])
evidences = st.builds(Evidence, sizes, sizes, sizes, st.none() | choices, st.none() | st.sampled_from([DEFAULT, TAKEN_BACK]))


@pytest.mark.parametrize(("known", "expected", "decision_id"), RULE)
def test_the_rule(known: dict[str, object], expected: Calibration, decision_id: int | None) -> None:
    assert holding(Evidence(**known)) == Holding(expected, decision_id)  # type: ignore[arg-type]


@given(evidences)
def test_a_pixel_size_is_there_if_and_only_if_the_status_is_ok_and_it_is_one_that_somebody_said(evidence: Evidence) -> None:
    found = holding(evidence).calibration
    assert (found.nm_per_px is not None) == (found.source is not None) == (found.status == "ok")
    said = {evidence.metadata_nm_per_px, evidence.scale_bar_nm_per_px, evidence.stated_nm_per_px}
    said |= {one.nm_per_px for one in (evidence.decision, evidence.instrument_decision) if one is not None}
    assert found.nm_per_px in said | {None}


@given(evidences)
def test_what_was_decided_is_never_overruled_by_a_reading(evidence: Evidence) -> None:
    found = holding(evidence)
    if evidence.decision is not None and evidence.decision.choice is Choice.MANUAL:
        assert found == Holding(Calibration.manual(3.0), 7)
    if found.calibration.source == "instrument_default":
        without = Evidence(**{name: getattr(evidence, name) for name in ("metadata_nm_per_px", "scale_bar_nm_per_px")})
        assert holding(without).calibration == MISSING


@given(evidences)
def test_a_decision_that_is_taken_back_leaves_what_held_without_it(evidence: Evidence) -> None:
    readings = (evidence.metadata_nm_per_px, evidence.scale_bar_nm_per_px, evidence.stated_nm_per_px)
    taken_back = Evidence(*readings, AUTOMATIC, evidence.instrument_decision)
    assert holding(taken_back).calibration == holding(Evidence(*readings, None, evidence.instrument_decision)).calibration


def test_a_persons_value_wins_over_both_readings() -> None:
    assert calibration(3.0, 1.0, 2.0) == Calibration(3.0, "manual", "ok")


@pytest.mark.parametrize(
    ("metadata", "scale_bar", "expected"),
    [
        (1.0, 1.019, BY_METADATA),
        (1.019, 1.0, Calibration(1.019, "metadata", "ok")),
        (1.0, 1.021, CONFLICT),
        (1.021, 1.0, CONFLICT),
    ],
)
def test_two_readings_confirm_each_other_up_to_two_percent(metadata: float, scale_bar: float, expected: Calibration) -> None:
    assert calibration(None, metadata, scale_bar) == expected


@given(st.floats(1e-4, 1e6), st.floats(0.5, 2.0))
def test_a_conflict_does_not_depend_on_which_reading_is_the_larger_one(size: float, ratio: float) -> None:
    other = size * ratio
    assert calibration(None, size, other).status == calibration(None, other, size).status
    if abs(ratio - 1) > 1.01 * MAX_DIFFERENCE:
        assert calibration(None, size, other) == CONFLICT
