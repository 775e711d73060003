"""Conditions as people write them: what is read, what comes out again, and what is said of those that are none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.conditions import Comparison, Condition, read_condition
from shared.errors import InputError
from shared.quantities import PARTICLE_QUANTITIES, STATISTIC_QUANTITIES

ANY = (*PARTICLE_QUANTITIES, *STATISTIC_QUANTITIES)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("ecd_d50_nm<40", "ecd_d50_nm<40"),
        (" n_particles >= 5e2 ", "n_particles>=500"),
        ("circularity<.5", "circularity<0.5"),
        ("orientation_deg<=-45.50", "orientation_deg<=-45.5"),
        ("ecd_span=1.5", "ecd_span=1.5"),
        ("touches_border = true", "touches_border=true"),
        ("low_confidence=false", "low_confidence=false"),
    ],
)
def test_a_condition_is_read_and_written_in_one_form(text: str, written: str) -> None:
    assert str(read_condition(text, ANY)) == written


@given(st.sampled_from(STATISTIC_QUANTITIES), st.sampled_from(Comparison), st.floats(allow_nan=False, allow_infinity=False))
def test_what_is_written_is_read_back_as_the_same(quantity, comparison, value) -> None:  # type: ignore[no-untyped-def]
    condition = Condition(quantity, comparison, value)
    assert read_condition(str(condition), STATISTIC_QUANTITIES) == condition


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("ecd_d5_nm<4", "unknown_quantity", "Did you mean ecd_d50_nm?"),
        ("D50<4", "unknown_quantity", "Did you mean ecd_d50_px?"),
        ("colour<4", "unknown_quantity", "There are: n_particles, "),
        ("circularity<0.5", "unknown_quantity", "There is no quantity 'circularity' here."),
        ("<4", "invalid_condition", "begins with the name of a quantity"),
        ("ecd_d50_nm", "invalid_condition", "compares nothing"),
        ("", "invalid_condition", "compares nothing"),
        ("ecd_d50_nm==4", "invalid_condition", "'==' in 'ecd_d50_nm==4' is no comparison: there are <, <=, >, >=, =."),
        ("ecd_d50_nm!=4", "invalid_condition", "'!=' in"),
        ("ecd_d50_nm<", "invalid_condition", "'' behind ecd_d50_nm is no number"),
        ("ecd_d50_nm<40nm", "invalid_condition", "'40nm' behind ecd_d50_nm is no number"),
        ("ecd_d50_nm<40nm", "invalid_condition", "without the unit nm"),
        ("ecd_d50_nm<1,5", "invalid_condition", "digits with a point"),
        ("ecd_d50_nm<nan", "invalid_condition", "no number"),
        ("ecd_d50_nm<inf", "invalid_condition", "no number"),
        ("ecd_d50_nm<٣", "invalid_condition", "no number"),
        ("ecd_d50_nm<1_000", "invalid_condition", "no number"),
        ("ecd_d50_nm<1e999", "invalid_condition", "larger than any number"),
        ("ecd_d50_nm<true", "invalid_condition", "no number"),
        ("10<ecd_d50_nm<40", "unknown_quantity", "'10'"),
    ],
)
def test_a_condition_that_is_none_names_what_is_wrong(text: str, code: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        read_condition(text, STATISTIC_QUANTITIES)
    assert caught.value.code == code
    assert said in caught.value.message


@pytest.mark.parametrize("text", ["touches_border>true", "touches_border=1", "touches_border=yes", "touches_border="])
def test_what_is_true_or_false_is_not_compared_as_a_number(text: str) -> None:
    with pytest.raises(InputError, match="touches_border=true or touches_border=false is needed"):
        read_condition(text, PARTICLE_QUANTITIES)


def test_no_name_means_two_things() -> None:
    """A search of particles takes conditions on both, and tells them apart by their names."""
    assert len({quantity.name for quantity in ANY}) == len(ANY)
