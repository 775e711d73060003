"""The figures of label maps: by hand, by law, and by the labelled set's own scorer."""

import importlib.util
import math
from dataclasses import asdict
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from shared.arrays import Labels
from worker.training.labelled import find_labelled
from worker.training.scoring import MEAN_FIGURES, SIZE_CLASSES, ImageScore, score_image, summarise
from worker.training.split import emps_validation_names

# Both compute in double precision; sums are taken in another order.
ROUNDING = 1e-12
label_maps = arrays(np.int32, array_shapes(min_dims=2, max_dims=2, max_side=7), elements=st.integers(0, 5))


def strips(*widths: tuple[int, int]) -> Labels:
    """One row of runs (number, width)."""
    return np.concatenate([np.full(width, number) for number, width in widths]).astype(np.int32)[None, :]


def two_maps(seed: int, n_particles: int) -> tuple[Labels, Labels]:
    """Two maps of squares that overlap by chance."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(2):
        labels = np.zeros((60, 60), dtype=np.int32)
        for number in range(1, n_particles + 1):
            side, (y, x) = rng.integers(3, 15), rng.integers(0, 50, size=2)
            labels[y : y + side, x : x + side] = number
        made.append(labels)
    return made[0], made[1]


@pytest.fixture(scope="session")
def scorer(shared_data: Path) -> ModuleType:
    path = shared_data.parent / "tools" / "score_segmentation.py"
    if not path.is_file():
        pytest.skip(f"the labelled set's scorer is not at {path}")
    spec = importlib.util.spec_from_file_location("score_segmentation", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def same_as_scorer(scorer: ModuleType, truth: Labels, prediction: Labels) -> None:
    expected = scorer.score(truth.astype(np.int64), prediction.astype(np.int64))
    ours = asdict(score_image(truth, prediction))
    assert {name: ours[name] for name in expected} == pytest.approx(expected, rel=ROUNDING, abs=ROUNDING)
    assert set(expected) == set(MEAN_FIGURES)


def test_figures_of_a_case_that_can_be_counted_by_hand() -> None:
    # Particle 1: 10 px, found with 8 of them (IoU 0.8). Particle 2: 10 px, found with 6 (IoU 0.6). Particle 3: 5 px, missed.
    # Predicted 9: 3 px where nothing is.
    truth = strips((1, 10), (0, 5), (2, 10), (0, 5), (3, 5), (0, 5))
    prediction = strips((1, 8), (0, 7), (2, 6), (0, 9), (0, 5), (9, 3), (0, 2))
    score = score_image(truth, prediction)
    assert score.dice == pytest.approx(2 * 14 / (25 + 17))
    assert score.ap50 == pytest.approx(2 / 4)  # 2 matched, 1 missed, 1 invented
    assert score.ap75 == pytest.approx(1 / 5)
    # Two matches up to 0.55 for certain and one up to 0.75; at 0.60 and 0.80 the IoU lies on the threshold's rounding,
    # 0.6000000000000001 and 0.8000000000000003, and misses it.
    assert score.map == pytest.approx((2 * 2 / 4 + 4 * 1 / 5) / 10)
    assert score.f1 == pytest.approx(2 * 2 / 6)
    assert score.pq == pytest.approx(2 * 1.4 / 6)
    assert score.count_error == 0
    true_ecd = np.sqrt([10, 10, 5]).mean()
    assert score.ecd_error == pytest.approx((true_ecd - np.sqrt([8, 6, 3]).mean()) / true_ecd)
    assert (score.n_true, score.n_predicted) == (3, 3)


def test_a_particle_split_into_exact_halves_counts_as_found_once() -> None:
    score = score_image(strips((1, 8), (0, 2)), strips((1, 4), (2, 4), (0, 2)))
    assert (score.ap50, score.ap75, score.dice) == (0.5, 0.0, 1.0)
    assert (score.f1, score.count_error) == (pytest.approx(2 / 3), 1.0)


def test_two_particles_taken_for_one_count_as_one_found() -> None:
    score = score_image(strips((1, 4), (2, 4), (0, 2)), strips((7, 8), (0, 2)))
    assert (score.ap50, score.count_error) == (0.5, 0.5)


def test_a_missed_image_scores_nothing() -> None:
    score = score_image(strips((1, 4), (0, 4)), strips((0, 8)))
    assert [getattr(score, name) for name in MEAN_FIGURES] == [0, 0, 0, 0, 0, 0, 1, 1]


def test_a_map_without_background_is_all_particles() -> None:
    assert score_image(strips((3, 4), (5, 4)), strips((3, 4), (5, 4))).n_true == 2


def test_maps_of_two_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        score_image(np.zeros((2, 3), dtype=np.int32), np.zeros((3, 2), dtype=np.int32))


def test_true_particles_are_counted_in_the_class_of_their_diameter() -> None:
    truth = np.zeros((300, 900), dtype=np.int32)
    # Squares of side s have ECD 1.128 s: 11.3, 12.4, 45.1, 49.6, 188, 203 px.
    left = 0
    for number, side in enumerate((10, 11, 40, 44, 167, 180), start=1):
        truth[:side, left : left + side] = number
        left += side + 5
    score = score_image(truth, np.where(truth % 2, truth, 0).astype(np.int32))
    assert score.n_by_size == (1, 2, 2, 1)
    assert score.found_by_size == (1, 1, 1, 0)


@given(label_maps)
def test_a_map_agrees_with_itself(labels: Labels) -> None:
    score = score_image(labels, labels)
    perfect = 1.0 if labels.any() else 0.0
    assert [score.dice, score.ap50, score.ap75, score.map, score.f1, score.pq] == pytest.approx([perfect] * 6)
    assert score.found_by_size == score.n_by_size


@given(label_maps, st.permutations(range(1, 6)), st.data())
def test_numbers_are_names_only(truth: Labels, order: list[int], data: st.DataObject) -> None:
    prediction = data.draw(arrays(np.int32, truth.shape, elements=st.integers(0, 5)))
    renamed = np.array([0, *order], dtype=np.int32)[prediction]
    one, other = score_image(truth, renamed), score_image(truth, prediction)
    # Of two exact halves of a particle either may be the match, which changes no figure.
    assert [getattr(one, name) for name in MEAN_FIGURES] == pytest.approx([getattr(other, name) for name in MEAN_FIGURES])
    assert one.found_by_size == other.found_by_size


@given(label_maps, st.data())
def test_truth_and_prediction_can_change_places_in_what_is_symmetric(truth: Labels, data: st.DataObject) -> None:
    prediction = data.draw(arrays(np.int32, truth.shape, elements=st.integers(0, 5)))
    one, other = score_image(truth, prediction), score_image(prediction, truth)
    for name in ("dice", "ap50", "ap75", "map", "f1", "pq"):
        assert getattr(one, name) == pytest.approx(getattr(other, name))


@pytest.mark.shared_data
@pytest.mark.parametrize("seed", range(20))
def test_drawn_maps_score_as_in_the_labelled_sets_own_scorer(scorer: ModuleType, seed: int) -> None:
    same_as_scorer(scorer, *two_maps(seed, n_particles=1 + seed % 20))


@pytest.mark.shared_data
def test_real_maps_score_as_in_the_labelled_sets_own_scorer(scorer: ModuleType, shared_data: Path) -> None:
    chosen = set(emps_validation_names()[:12])
    for image in find_labelled(shared_data / "emps"):
        if image.name not in chosen:
            continue
        truth = image.load_labels()
        # Predictions as they go wrong: moved by three pixels, merged in pairs, and cut by a grid of lines.
        moved = np.roll(truth, (3, 3), axis=(0, 1))
        merged = (truth + 1) // 2
        cut = truth * 2 - (np.arange(truth.shape[1]) % 50 < 25)
        for prediction in (moved, merged, np.where(truth > 0, cut, 0).astype(np.int32)):
            same_as_scorer(scorer, truth, prediction)


def scores(n: int) -> list[ImageScore]:
    return [score_image(*two_maps(seed, 12)) for seed in range(n)]


def test_means_medians_and_recalls_of_a_set() -> None:
    made = scores(9)
    figures = {figure.name: figure for figure in summarise(made)}
    assert figures["dice"].value == pytest.approx(np.mean([score.dice for score in made]))
    assert figures["median_ecd_error"].value == pytest.approx(np.median([score.ecd_error for score in made]))
    n_small = sum(score.n_by_size[0] for score in made)
    assert figures["recall_ecd_below_12_px"].n == n_small
    assert figures["recall_ecd_below_12_px"].value == sum(score.found_by_size[0] for score in made) / n_small
    assert list(figures)[: len(MEAN_FIGURES)] == list(MEAN_FIGURES)
    assert list(figures)[-len(SIZE_CLASSES) :] == [f"recall_{name}" for name in SIZE_CLASSES]


def test_intervals_repeat_and_hold_the_value() -> None:
    made = scores(9)
    one, same, other = summarise(made), summarise(made), summarise(made, seed=1)
    assert repr(one) == repr(same) != repr(other)  # NaN equals nothing, its text does
    assert all(figure.low <= figure.value <= figure.high for figure in one if figure.n)


def test_the_interval_of_a_mean_is_that_of_the_normal_law_for_many_images() -> None:
    made = scores(200)
    dice = next(figure for figure in summarise(made) if figure.name == "dice")
    half_width = 1.96 * np.std([score.dice for score in made]) / math.sqrt(len(made))
    # 2000 draws know a percentile of the tail to about 5 %; a tenth leaves room.
    assert (dice.high - dice.low) / 2 == pytest.approx(half_width, rel=0.1)


def test_a_size_class_without_particles_has_no_recall() -> None:
    figure = next(figure for figure in summarise(scores(3)) if figure.name == "recall_ecd_above_192_px")
    assert figure.n == 0
    assert math.isnan(figure.value)


def test_no_scores_have_no_summary() -> None:
    with pytest.raises(ValueError, match="no scores"):
        summarise([])
