"""The split: whole papers on either side, the same every time, and sides that are alike."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from worker.training.split import (
    ImageSummary,
    emps_validation_names,
    read_papers,
    split_by_paper,
    summarise_folder,
    summarise_image,
)


@pytest.fixture(scope="module")
def emps(shared_data: Path) -> list[ImageSummary]:
    return summarise_folder(shared_data / "emps")


def made_up(n_images: int, n_papers: int, seed: int) -> list[ImageSummary]:
    rng = np.random.default_rng(seed)
    papers = np.append(np.arange(n_papers), rng.integers(0, n_papers, n_images - n_papers))
    return [
        ImageSummary(f"image{i}", f"paper{paper}", int(rng.geometric(0.1)), float(rng.lognormal(3, 1)))
        for i, paper in enumerate(papers)
    ]


@settings(deadline=None, max_examples=25)
@given(st.integers(2, 12), st.integers(0, 30), st.integers(0, 99))
def test_whole_papers_stand_on_either_side_and_every_image_once(n_papers: int, n_more: int, seed: int) -> None:
    images = made_up(n_papers + n_more, n_papers, seed)
    training, validation = split_by_paper(images, draws=20)
    paper = {image.name: image.paper for image in images}
    assert sorted([*training, *validation]) == sorted(paper)
    assert training
    assert validation
    assert {paper[name] for name in training}.isdisjoint({paper[name] for name in validation})


def test_the_order_of_the_images_does_not_matter() -> None:
    images = made_up(60, 30, seed=1)
    assert split_by_paper(images, draws=50) == split_by_paper(images[::-1], draws=50)


def test_more_draws_make_sides_that_are_more_alike() -> None:
    images = made_up(100, 60, seed=2)

    def distance(draws: int) -> float:
        chosen = set(split_by_paper(images, draws=draws)[1])
        sides = [[image.n_particles for image in images if (image.name in chosen) is side] for side in (True, False)]
        return float(ks_2samp(*sides).statistic)

    assert distance(500) < distance(1)


def test_one_paper_cannot_be_split() -> None:
    with pytest.raises(ValueError, match="two papers"):
        split_by_paper(made_up(5, 1, seed=0))


def test_an_image_is_summarised_by_its_count_and_mean_diameter() -> None:
    labels = np.zeros((10, 10), dtype=np.int32)
    labels[:2, :2], labels[5:9, 5:9] = 3, 8
    # Squares of side 2 and 4 have the diameters 2·√(4/π) and 4·√(4/π).
    assert summarise_image("a", "p", labels) == ImageSummary("a", "p", 2, pytest.approx(3 * np.sqrt(4 / np.pi)))


@pytest.mark.shared_data
def test_the_fixed_names_are_those_the_function_gives(emps: list[ImageSummary]) -> None:
    assert split_by_paper(emps)[1] == emps_validation_names()


@pytest.mark.shared_data
def test_no_paper_has_images_on_both_sides_and_a_fifth_validates(emps: list[ImageSummary], shared_data: Path) -> None:
    papers, validation = read_papers(shared_data / "emps" / "papers.csv"), set(emps_validation_names())
    on_validation = {papers[name] for name in validation}
    assert all((image.name in validation) is (papers[image.name] in on_validation) for image in emps)
    assert len(validation) / len(emps) == pytest.approx(0.2, abs=0.01)


@pytest.mark.shared_data
@pytest.mark.parametrize("quantity", ["n_particles", "mean_ecd_px"])
def test_particle_counts_and_sizes_of_the_sides_are_alike(emps: list[ImageSummary], quantity: str) -> None:
    validation = set(emps_validation_names())
    sides = [[getattr(image, quantity) for image in emps if (image.name in validation) is side] for side in (True, False)]
    # Two samples of one distribution of 73 and 293 images differ by more than 0.11 in half of all cases.
    assert ks_2samp(*sides).statistic < 0.1
