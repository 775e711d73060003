"""Verdicts on drawn label maps whose answer is plain, on tables of every kind, and the laws that a verdict keeps."""

from dataclasses import fields, replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.arrays import Labels
from shared.distributions.fitness import VERDICTS, judge, signs_of
from shared.geometry import AnalysedField
from shared.quantities import ParticleTable
from worker.analysis.measurement.particles import measure

SIDE = 400


def measured(labels: Labels, confidence: float | None = None) -> ParticleTable:
    particles = measure(labels, AnalysedField(0, SIDE, 0, SIDE), nm_per_px=None)
    return particles if confidence is None else replace(particles, confidence=np.full(len(particles), confidence))


def discs(*places: tuple[int, int], radius: int = 20) -> Labels:
    labels = np.zeros((SIDE, SIDE), dtype=np.int32)
    for number, (y, x) in enumerate(places, start=1):
        cv2.circle(labels, (x, y), radius, number, cv2.FILLED)
    return labels


def lattice(n: int, radius: int = 20) -> Labels:
    """n × n discs, none at the border."""
    at = np.linspace(40, SIDE - 40, n).astype(int).tolist()
    return discs(*((y, x) for y in at for x in at), radius=radius)


def fibres(n: int = 8) -> Labels:
    """Straight fibres from one border to the opposite one."""
    labels = np.zeros((SIDE, SIDE), dtype=np.int32)
    for number in range(1, n + 1):
        y = number * SIDE // (n + 1)
        cv2.line(labels, (0, y - 15), (SIDE - 1, y + 15), number, 12)
    return labels


def grid() -> Labels:
    """A pattern of crossed lines, all in one piece."""
    y, x = np.mgrid[:SIDE, :SIDE]
    return ((y % 50 < 12) | (x % 50 < 12)).astype(np.int32)


def stars() -> Labels:
    """Sixteen compact places with thin long arms, each in one piece and none at the border."""
    labels = np.zeros((SIDE, SIDE), dtype=np.int32)
    for number, (y, x) in enumerate(((y, x) for y in (60, 150, 240, 330) for x in (60, 150, 240, 330)), start=1):
        for angle in np.linspace(0, np.pi, 3, endpoint=False):
            dy, dx = round(36 * np.sin(angle)), round(36 * np.cos(angle))
            cv2.line(labels, (x - dx, y - dy), (x + dx, y + dy), number, 5)
    return labels


def test_discs_apart_from_each_other_are_fit_and_the_reason_counts_them() -> None:
    found = judge(measured(lattice(5), confidence=0.97), SIDE**2)
    assert found.verdict == "fit"
    assert found.reasons == ("25 of 25 particles lie wholly in the field, and nothing speaks against their sizes.",)
    assert found.signs.coverage == pytest.approx(25 * np.pi * 20**2 / SIDE**2, rel=0.03)


def test_fibres_across_the_field_are_no_particles() -> None:
    found = judge(measured(fibres()), SIDE**2)
    assert found.verdict == "not particles"
    assert "100 % of the segmented area is long or ragged and runs out of the picture." in found.reasons


@pytest.mark.parametrize(
    ("labels", "confidence", "reason"),
    [
        (grid(), None, "of the segmented area has ragged outlines"),
        (stars(), None, "100 % of the segmented area has ragged outlines"),
        (np.ones((SIDE, SIDE), dtype=np.int32), None, "100 % of the field lies under what its border cuts"),
        (lattice(5), 0.6, "mean confidence, by area, is 0.60"),
        (np.zeros((SIDE, SIDE), dtype=np.int32), None, "No particles were found."),
    ],
    ids=["grid", "ragged", "film", "unsure", "none"],
)
def test_what_is_no_particles_is_told_by_its_sign(labels: Labels, confidence: float | None, reason: str) -> None:
    found = judge(measured(labels, confidence), SIDE**2)
    assert found.verdict == "not particles"
    assert any(reason in each for each in found.reasons), found.reasons


@pytest.mark.parametrize(
    ("labels", "confidence", "reason"),
    [
        (discs((200, 200)), None, "1 of 1 particle lies wholly in the field: too few"),
        (
            discs((0, 100), (100, 0), (399, 200), (200, 399)),
            None,
            "100 % of the segmented area belongs to particles that the bor",
        ),
        (discs((0, 100), (100, 0), (399, 200), (200, 399)), None, "0 of 4 particles lie wholly in the field: too few"),
        (lattice(5, radius=3), None, "100 % of the particles are less than 8 px across."),
        (lattice(5), 0.85, "mean confidence, by area, is 0.85"),
        (fibres(2), None, "0 of 2 particles lie wholly in the field"),
    ],
    ids=["one", "border", "border-count", "small", "a-little-unsure", "two-rods"],
)
def test_what_has_an_obstacle_or_one_weak_sign_is_doubtful(labels: Labels, confidence: float | None, reason: str) -> None:
    found = judge(measured(labels, confidence), SIDE**2)
    assert found.verdict == "doubtful"
    assert any(each.startswith(reason) or reason in each for each in found.reasons), found.reasons


def test_a_bed_of_particles_that_touch_is_doubtful_because_many_are_hidden() -> None:
    labels = np.kron(np.arange(1, 26).reshape(5, 5), np.ones((72, 72), dtype=np.int32)).astype(np.int32)
    found = judge(measured(np.pad(labels, 20)), SIDE**2)
    assert (found.verdict, found.signs.contact_share) == ("doubtful", 1.0)
    assert found.reasons == (
        "Particles cover 81 % of the field and 100 % of them touch: many are hidden in part, and look smaller than they are.",
    )


def test_two_weak_signs_together_decide() -> None:
    particles = measured(lattice(5), confidence=0.85)
    ragged = replace(particles, solidity=np.where(np.arange(25) < 8, 0.8, 1.0))
    assert signs_of(ragged, SIDE**2).ragged_share == pytest.approx(8 / 25, abs=0.01)
    for weak in (particles, replace(ragged, confidence=None)):
        assert judge(weak, SIDE**2).verdict == "doubtful"
    assert judge(ragged, SIDE**2).verdict == "not particles"


def test_a_quarter_turn_changes_no_verdict() -> None:
    for labels in (lattice(5), fibres(), grid(), stars()):
        turned = np.ascontiguousarray(np.rot90(labels))
        assert judge(measured(turned), SIDE**2).verdict == judge(measured(labels), SIDE**2).verdict


@st.composite
def tables(draw: st.DrawFn) -> ParticleTable:
    """Any table, whether or not shapes like these exist."""
    n, random = draw(st.integers(0, 12)), np.random.default_rng(draw(st.integers(0, 2**32)))
    values = {f.name: random.uniform(0, draw(st.sampled_from([1, 50])), n) for f in fields(ParticleTable)}
    values["label"] = np.arange(1, n + 1)
    values["area_px"] = random.integers(1, 10**8, n)
    values["touches_border"] = random.random(n) < draw(st.floats(0, 1))
    missing = dict.fromkeys(draw(st.sets(st.sampled_from(["confidence", "nn_gap_px", "ecd_nm"]))))
    return ParticleTable(**{**values, **missing})  # type: ignore[arg-type]  # made from the vocabulary


@settings(max_examples=40, deadline=None)
@given(table=tables(), specimen_px=st.integers(1, 10**9))
def test_any_table_has_one_verdict_with_reasons_and_signs_in_their_range(table: ParticleTable, specimen_px: int) -> None:
    found = judge(table, specimen_px)
    assert found.verdict in VERDICTS
    assert found.reasons
    assert all(reason.endswith(".") for reason in found.reasons)
    assert found.signs == signs_of(table, specimen_px)
    shares = (found.signs.cut_share, found.signs.ragged_share, found.signs.running_out_share, found.signs.small_share)
    assert all(0 <= share <= 1 + 1e-9 for share in shares)
    assert found.signs.n_whole <= found.signs.n_particles == len(table)
