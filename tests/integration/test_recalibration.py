"""Decisions about pixel sizes on real databases: who they reach, what they change, and that nothing stops or repeats them."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.calibration import Choice
from shared.database import Database
from shared.distributions.stored import pack_bins
from shared.domain import Metadata
from shared.errors import InputError
from shared.jobs import JobState
from shared.nanometres import PARTICLE_CONVERSIONS, STATISTIC_CONVERSIONS
from tests.integration.laboratory import SEM, Held, Laboratory, fresh_analysis

STATING = replace(SEM, nm_per_px=1.0)
# Sizes as they occur: the law is about numbers, not about overflow.
DIAMETERS = st.lists(st.floats(0.5, 1e5), min_size=1, max_size=40)


@pytest.fixture
def lab(database: Database) -> Laboratory:
    return Laboratory(database)


def manual(nm_per_px: float, decision: int | None) -> Held:
    return Held(nm_per_px, "manual", "ok", decision)


# Who a decision reaches.


def test_a_decision_about_an_image_reaches_all_analyses_of_it_and_no_other(lab: Laboratory) -> None:
    first, stated, other = lab.analysed("a"), lab.analysed("a", stated=9.0), lab.analysed("b")
    decision = lab.decide_for_image(first, 2.0)
    assert lab.decision(decision).n_analyses == 2
    assert lab.held(first).status == "missing", "nothing is applied before the work is done"
    lab.apply(decision)
    assert lab.held(first) == lab.held(stated) == manual(2.0, decision)
    assert lab.held(other) == Held(None, None, "missing", None)
    row = lab.decision(decision)
    assert (row.state, row.n_changed, row.attempts, row.token) == (JobState.DONE, 2, 1, None)
    assert row.created_at <= row.started_at <= row.finished_at  # type: ignore[operator]
    assert lab.changes(first) == [(decision, None, 2.0)]
    assert lab.changes(stated) == [(decision, 9.0, 2.0)]


def test_a_decision_about_a_submission_reaches_its_analyses_and_no_other(lab: Laboratory) -> None:
    submission = lab.submit()
    inside = [lab.analyse(lab.add(submission, image)) for image in "abc"]
    outside = lab.analysed("d")
    decision = lab.decide_for_submission(submission, 0.5)
    lab.apply(decision)
    assert [lab.held(one) for one in inside] == [manual(0.5, decision)] * 3
    assert lab.held(outside).status == "missing"
    assert lab.decision(decision).n_analyses == lab.decision(decision).n_changed == 3


def test_a_decision_about_an_instrument_fills_what_is_missing_at_its_magnification_and_nothing_else(lab: Laboratory) -> None:
    like, stating, stated = lab.analysed("a", SEM), lab.analysed("b", STATING), lab.analysed("c", SEM, stated=9.0)
    conflict = lab.analysed("d", STATING, bar=2.0)
    nearer, another = lab.analysed("e", replace(SEM, magnification=99.0)), lab.analysed("f", replace(SEM, model="Sigma"))
    decision = lab.decide_for_instrument(like, 4.0)
    lab.apply(decision)
    assert lab.held(like) == Held(4.0, "instrument_default", "ok", decision)
    assert lab.held(stating) == Held(1.0, "metadata", "ok", None)
    assert lab.held(stated) == manual(9.0, None)
    assert lab.held(conflict).status == "conflict"
    assert lab.held(nearer).status == lab.held(another).status == "missing"
    assert (lab.decision(decision).n_analyses, lab.decision(decision).n_changed) == (4, 1)
    back = lab.decide_for_instrument(like, None, Choice.AUTOMATIC)
    lab.apply(back)
    assert lab.held(like) == Held(None, None, "missing", None)
    assert lab.changes(like) == [(decision, None, 4.0), (back, 4.0, None)]


@pytest.mark.parametrize(
    ("metadata", "code"),
    [(replace(SEM, magnification=None), "magnification_unknown"), (Metadata(magnification=5.0), "instrument_unknown")],
)
def test_an_instrument_needs_a_name_and_a_magnification(lab: Laboratory, metadata: Metadata, code: str) -> None:
    analysis = lab.analysed("a", metadata)
    with pytest.raises(InputError) as caught:
        lab.decide_for_instrument(analysis, 2.0)
    assert caught.value.code == code
    assert "submission" in caught.value.message


def test_readings_are_not_chosen_for_an_instrument(lab: Laboratory) -> None:
    analysis = lab.analysed("a", SEM)
    with pytest.raises(InputError) as caught:
        lab.decide_for_instrument(analysis, None, Choice.METADATA)
    assert caught.value.code == "choice_contradicts_scope"


def test_a_reading_that_is_chosen_holds_and_is_missing_where_an_image_lacks_it(lab: Laboratory) -> None:
    submission = lab.submit()
    both = lab.analyse(lab.add(submission, "a"), STATING, bar=2.0)
    alone = lab.analyse(lab.add(submission, "b"), STATING)
    assert lab.held(both).status == "conflict"
    decision = lab.decide_for_submission(submission, None, Choice.SCALE_BAR)
    lab.apply(decision)
    assert lab.held(both) == Held(2.0, "scale_bar", "ok", decision)
    assert lab.held(alone) == Held(None, None, "missing", decision)
    back = lab.decide_for_submission(submission, None, Choice.AUTOMATIC)
    lab.apply(back)
    assert lab.held(both) == Held(None, None, "conflict", back)
    assert lab.held(alone) == Held(1.0, "metadata", "ok", back)


# What comes later.


def test_an_image_that_is_analysed_later_obeys_what_was_decided_before(lab: Laboratory) -> None:
    submission, like = lab.submit(), lab.analysed("a", SEM)
    for_submission, for_instrument = lab.decide_for_submission(submission, 0.5), lab.decide_for_instrument(like, 4.0)
    lab.apply(for_submission, for_instrument)
    inside = lab.analyse(lab.add(submission, "b"), SEM)
    outside = lab.analysed("c", SEM)
    assert lab.held(inside) == manual(0.5, for_submission)
    assert lab.held(outside) == Held(4.0, "instrument_default", "ok", for_instrument)
    assert lab.changes(inside) == [(for_submission, None, 0.5)]


def test_a_stored_analysis_that_comes_into_a_submission_obeys_what_was_decided_for_it(lab: Laboratory) -> None:
    analysis, submission = lab.analysed("a"), lab.submit()
    decision = lab.decide_for_submission(submission, 0.5)
    lab.apply(decision)
    assert lab.held(analysis).status == "missing"
    assert lab.analyse(lab.add(submission, "a")) == analysis
    assert lab.held(analysis) == manual(0.5, decision)


def test_a_value_stated_after_a_decision_holds_and_one_stated_before_it_does_not(lab: Laboratory) -> None:
    first = lab.submit(stated=9.0)
    lab.age_submission(first, 3600)
    analysis = lab.analyse(lab.add(first, "a"))
    decision = lab.decide_for_image(analysis, 2.0)
    lab.apply(decision)
    assert lab.held(analysis) == manual(2.0, decision)
    late = lab.submit(stated=9.0)
    lab.age_submission(late, -60)
    assert lab.analyse(lab.add(late, "a")) == analysis, "the same request is the same analysis"
    assert lab.held(analysis) == manual(9.0, None)
    assert lab.changes(analysis) == [(decision, 9.0, 2.0), (None, 2.0, 9.0)]
    lab.begin_again(decision)
    lab.apply(decision)
    assert lab.held(analysis) == manual(9.0, None)


def test_the_newest_decision_holds_whatever_its_scope_and_whichever_is_applied_first(lab: Laboratory) -> None:
    submission = lab.submit()
    analysis, beside = lab.analyse(lab.add(submission, "a")), lab.analyse(lab.add(submission, "b"))
    older = lab.decide_for_submission(submission, 2.0)
    newer = lab.decide_for_image(analysis, 3.0)
    lab.apply(newer)
    lab.apply(older)
    assert lab.held(analysis) == manual(3.0, newer)
    assert lab.held(beside) == manual(2.0, older)
    assert lab.changes(analysis) == [(newer, None, 3.0)]
    assert lab.decision(older).n_changed == lab.decision(newer).n_changed == 1
    newest = lab.decide_for_submission(submission, 5.0)
    lab.apply(newest)
    assert lab.held(analysis) == lab.held(beside) == manual(5.0, newest)


def test_decisions_that_wait_side_by_side_leave_each_its_own_changes(lab: Laboratory) -> None:
    analysis = lab.analysed("a", SEM)
    default, value, back = (
        lab.decide_for_instrument(analysis, 4.0),
        lab.decide_for_image(analysis, 3.0),
        lab.decide_for_image(analysis, None, Choice.AUTOMATIC),
    )
    lab.apply(back, value, default)
    assert lab.held(analysis) == Held(4.0, "instrument_default", "ok", default)
    assert [number for number, _, _ in lab.changes(analysis)] == [back]
    assert {lab.decision(number).state for number in (default, value, back)} == {JobState.DONE}


def test_deciding_the_same_again_names_the_new_person_and_changes_no_number(lab: Laboratory) -> None:
    analysis = lab.analysed("a")
    first = lab.decide_for_image(analysis, 2.0)
    lab.apply(first)
    particles = [row.ecd_nm for row in lab.particles(analysis)]
    again = lab.decide_for_image(analysis, 2.0)
    lab.apply(again)
    assert lab.held(analysis) == manual(2.0, again)
    assert lab.changes(analysis) == [(first, None, 2.0)]
    assert lab.decision(again).n_changed == 0
    assert [row.ecd_nm for row in lab.particles(analysis)] == particles


# What it changes.


@given(diameters=DIAMETERS, before=st.none() | st.floats(1e-4, 1e6), after=st.floats(1e-4, 1e6))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15, deadline=None, derandomize=True)
def test_recomputed_numbers_are_those_of_a_fresh_analysis_with_that_pixel_size(
    database: Database, diameters: list[float], before: float | None, after: float
) -> None:
    lab, n = Laboratory(database), len(diameters)
    submission = lab.submit(before)
    analysis = lab.analyse(lab.add(submission, repr((diameters, before))), n=n, ecd_px=np.array(diameters))
    lab.apply(lab.decide_for_submission(submission, after))
    row, rows = lab.analysis(analysis), lab.particles(analysis)
    fresh = fresh_analysis(after, n=n, ecd_px=np.array(diameters))
    for name in (conversion.name for conversion in PARTICLE_CONVERSIONS):
        wanted = getattr(fresh.particles, name).tolist()
        assert [getattr(particle, name) for particle in rows] == pytest.approx(wanted, rel=1e-12, abs=0), name
    for name in (conversion.name for conversion in STATISTIC_CONVERSIONS):
        # The spread of diameters that are equal but for their last digits is rounding of their size.
        noise = 1e-12 * max(diameters) * after if name == "ecd_sd_nm" else 0
        wanted = getattr(fresh.statistics, name)
        assert getattr(row, name) == (None if wanted is None else pytest.approx(wanted, rel=1e-12, abs=noise)), name
    assert lab.bins(analysis) == pack_bins(fresh.particles.ecd_nm, fresh.particles.touches_border, fresh.particles.edge_weight)


def test_what_is_measured_in_pixels_and_everything_else_stays_as_it_is(lab: Laboratory) -> None:
    analysis = lab.analysed("a", STATING)
    changing = {"id", "nm_per_px", "calibration_source", "calibration_status", "decision_id", "ecd_bins"}
    changing |= {conversion.name for conversion in (*PARTICLE_CONVERSIONS, *STATISTIC_CONVERSIONS)}

    def unchanging() -> list[dict[str, object]]:
        rows = [lab.analysis(analysis), *lab.particles(analysis)]
        return [{c.name: getattr(row, c.name) for c in row.__table__.columns if c.name not in changing} for row in rows]

    before = unchanging()
    lab.apply(lab.decide_for_image(analysis, 7.0))
    assert unchanging() == before


def test_without_a_pixel_size_nothing_in_nanometres_is_left(lab: Laboratory) -> None:
    analysis = lab.analysed("a", STATING)
    assert lab.particles(analysis)[0].ecd_nm is not None
    lab.apply(lab.decide_for_image(analysis, None, Choice.SCALE_BAR))
    row = lab.analysis(analysis)
    assert {getattr(row, conversion.name) for conversion in STATISTIC_CONVERSIONS} == {None}
    assert lab.bins(analysis) is None
    for particle in lab.particles(analysis):
        assert {getattr(particle, conversion.name) for conversion in PARTICLE_CONVERSIONS} == {None}


def test_analyses_of_releases_without_recordings_keep_what_their_rows_say(lab: Laboratory) -> None:
    stating, stated, missing = lab.analysed("a", STATING), lab.analysed("b", stated=9.0), lab.analysed("c")
    before = [lab.held(number) for number in (stating, stated, missing)]
    lab.forget_recordings()
    for number in (stating, stated, missing):
        lab.apply(lab.decide_for_image(number, 2.0), lab.decide_for_image(number, 3.0))
        assert lab.held(number).nm_per_px == 3.0
        back = lab.decide_for_image(number, None, Choice.AUTOMATIC)
        lab.apply(back)
        assert lab.held(number) == replace(before.pop(0), decision_id=back)
    metadata = lab.decide_for_image(missing, None, Choice.METADATA)
    lab.apply(metadata)
    assert lab.held(missing) == Held(None, None, "missing", metadata)


def test_a_recording_is_stored_once_for_an_image_whatever_is_chosen_for_the_analysis(lab: Laboratory) -> None:
    first, second = lab.analysed("a", STATING, bar=1.0), lab.analysed("a", STATING, bar=1.0, stated=2.0)
    (recording,) = lab.recordings()
    assert lab.analysis(first).recording_id == lab.analysis(second).recording_id == recording.id
    assert (recording.instrument, recording.metadata_nm_per_px, recording.scale_bar_nm_per_px) == ("ZEISS Merlin", 1.0, 1.0)
