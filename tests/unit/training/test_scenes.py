"""Synthetic scenes: drawn shapes have the areas of geometry, labels say what is seen, and grounds hold no particles."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from worker.training.scenes import ground as grounds
from worker.training.scenes import solids
from worker.training.scenes.body import Body, Pose
from worker.training.scenes.kinds import Kind
from worker.training.scenes.scene import Recipe, Scene, synthetic_scene
from worker.training.scenes.shapes import ellipsoid, rod, sphere
from worker.training.synthetic import MIN_VISIBLE_PX

SEEDS = range(12)
SPHERES = Kind("spheres", lambda _, pose: sphere(pose))
EVERY_GROUND = [
    *(("sem", maker) for maker in dict.fromkeys(grounds.SEM_GROUNDS)),
    *(("tem", maker) for maker in dict.fromkeys(grounds.TEM_GROUNDS)),
]


def recipe(**changes: object) -> Recipe:
    base = Recipe("sem", grounds.plain, (SPHERES,), "scattered", 12.0, 0.1, 20, 0.3)
    return replace(base, **changes)  # type: ignore[arg-type]


def area(body: Body) -> int:
    return int(np.count_nonzero(body.mask))


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [synthetic_scene(seed, (256, 256)) for seed in SEEDS]


@pytest.mark.parametrize("radius", [20.0, 33.3, 80.0])
@pytest.mark.parametrize("shift", [0.0, 0.25, 0.5])
def test_a_sphere_covers_the_area_of_its_disc(radius: float, shift: float) -> None:
    # Counting pixel centres in a disc errs by less than 1 % from a radius of 20 px on.
    body = sphere(Pose(50 + shift, 60 - shift, radius, 0.0))
    assert area(body) == pytest.approx(np.pi * radius**2, rel=0.01)
    # Matter along the beam adds up to the volume of the sphere.
    assert body.thickness.sum() == pytest.approx(4 / 3 * np.pi * radius**3, rel=0.01)


def test_an_ellipsoid_keeps_the_area_and_turns() -> None:
    body = ellipsoid(Pose(50, 50, 20, np.pi / 2), 2.0)
    assert area(body) == pytest.approx(np.pi * 400, rel=0.01)
    rows, columns = (np.ptp(axis) + 1 for axis in np.nonzero(body.mask))
    assert rows / columns == pytest.approx(2.0, rel=0.05)  # one pixel of 28


@pytest.mark.parametrize("angle", [0.2, 0.7, 1.9])
@pytest.mark.parametrize("bend", [0.0, 0.8, -1.4])
def test_a_rod_has_the_area_of_a_stadium_bent_or_not(angle: float, bend: float) -> None:
    # A strip around an arc has the area of the straight one (Pappus), and the two round ends make one disc.
    # No angle is that of the pixel rows, where a width can only be a whole number.
    body = rod(Pose(100, 100, 15, angle), 5.0, bend)
    assert area(body) == pytest.approx(2 * 15 * 2 * 15 * 4 + np.pi * 15**2, rel=0.01)


@pytest.mark.parametrize("angle", [0.0, 0.3, 0.785])
def test_a_cube_lying_flat_covers_a_square(angle: float) -> None:
    turn = solids.lying(np.random.default_rng(0), angle, 0.0)
    body = solids.projected(solids.cube(), turn, Pose(100.2, 100.7, 40, 0.0), 0.0, (1.8, 1.8))
    assert area(body) == pytest.approx(80**2, rel=0.03)  # one row of pixels of 80 more or less, twice
    assert body.thickness[body.mask] == pytest.approx(80, rel=1e-3)


@pytest.mark.parametrize("seed", range(6))
def test_a_tumbled_cube_holds_its_volume(seed: int) -> None:
    turn = solids.tumbled(np.random.default_rng(seed))
    body = solids.projected(solids.cube(), turn, Pose(100, 100, 40, 0.0), 0.0, (1.8, 1.8))
    assert body.thickness.sum() == pytest.approx(80**3, rel=0.02)


def test_an_icosahedron_holds_its_volume() -> None:
    # Volume over the cube of the inradius: 5·(3+√5)/12 · (12/(√3·(3+√5)))³.
    volume = 5 * (3 + np.sqrt(5)) / 12 * (12 / (np.sqrt(3) * (3 + np.sqrt(5)))) ** 3
    turn = solids.tumbled(np.random.default_rng(1))
    body = solids.projected(solids.icosahedron(), turn, Pose(100, 100, 40, 0.0), 0.0, (1.4, 1.4))
    assert body.thickness.sum() == pytest.approx(volume * 40**3, rel=0.02)


def test_a_scene_shows_a_sphere_where_it_was_put() -> None:
    seen: list[Pose] = []

    def remembered(_: np.random.Generator, pose: Pose) -> Body:
        seen.append(pose)
        return sphere(pose)

    wanted = recipe(kinds=(Kind("spheres", remembered),), count=1, radius_px=30.0, sigma_ln=0.0)
    made = synthetic_scene(5, (300, 300), wanted)
    y, x = np.mgrid[:300, :300]
    assert np.array_equal(made.labels > 0, (y - seen[-1].y) ** 2 + (x - seen[-1].x) ** 2 <= seen[-1].radius_px ** 2)


def test_the_same_seed_gives_the_same_scene_and_another_seed_another(scenes: list[Scene]) -> None:
    again = synthetic_scene(SEEDS[3], (256, 256))
    assert np.array_equal(scenes[3].pixels, again.pixels)
    assert np.array_equal(scenes[3].labels, again.labels)
    assert not np.array_equal(scenes[3].pixels, scenes[4].pixels)


def test_every_label_is_one_visible_piece_and_numbers_have_no_gaps(scenes: list[Scene]) -> None:
    for scene in scenes:
        assert (scene.pixels.dtype, scene.labels.dtype) == (np.uint8, np.int32)
        numbers = np.unique(scene.labels[scene.labels > 0])
        assert np.array_equal(numbers, np.arange(1, len(numbers) + 1))
        for number in numbers:
            mask = (scene.labels == number).astype(np.uint8)
            assert int(mask.sum()) >= MIN_VISIBLE_PX
            assert cv2.connectedComponents(mask, connectivity=8)[0] == 2


def test_grey_values_are_those_of_a_usable_exposure(scenes: list[Scene]) -> None:
    for scene in scenes:
        clipped = ((scene.pixels == 0) | (scene.pixels == 255)).mean()
        assert clipped < 0.05
        assert scene.pixels.std() > 3


@pytest.mark.parametrize(("style", "ground"), EVERY_GROUND)
def test_structures_of_the_ground_are_no_particles(style: str, ground: grounds.Maker) -> None:
    made = synthetic_scene(2, (200, 240), recipe(style=style, ground=ground, count=0))
    assert not made.labels.any()
    assert made.pixels.std() > 1


@pytest.mark.parametrize("ground", [grounds.holey, grounds.film_edge])
def test_particles_lie_on_the_film_and_not_in_its_holes(ground: grounds.Maker) -> None:
    for seed in range(4):
        made = synthetic_scene(seed, (256, 256), recipe(style="tem", ground=ground, count=40, radius_px=6.0, contrast=1.5))
        # The ground is the first thing that the seed decides, after the brightness.
        random = np.random.default_rng(seed)
        holds = ground(random, (256, 256), float(random.uniform(0.55, 0.85))).holds
        assert made.labels.max() > 5
        assert not (made.labels[~holds] > 0).any()


@pytest.mark.parametrize(("style", "sign"), [("sem", 1), ("tem", -1)])
def test_particles_are_bright_in_sem_and_dark_in_tem(style: str, sign: int) -> None:
    made = synthetic_scene(1, (256, 256), recipe(style=style))
    inside = made.labels > 0
    assert sign * (made.pixels[inside].mean() - made.pixels[~inside].mean()) > 20


def test_agglomerates_touch_and_hide_one_another() -> None:
    made = synthetic_scene(3, (256, 256), recipe(arrangement="agglomerates", count=60, sigma_ln=0.4))
    right = (made.labels[:, 1:] != made.labels[:, :-1]) & (made.labels[:, 1:] > 0) & (made.labels[:, :-1] > 0)
    pairs = {tuple(sorted(pair)) for pair in zip(made.labels[:, 1:][right], made.labels[:, :-1][right], strict=True)}
    assert len(pairs) > 20
    # A part of a disc is less solid than a disc, of which pixels fill 97 % of the hull at this size.
    solidity = [_solidity(made.labels == number) for number in range(1, made.labels.max() + 1)]
    assert sum(value < 0.93 for value in solidity) > 5


def test_overlaps_are_darker_than_either_particle_in_tem() -> None:
    wanted = recipe(style="tem", arrangement="agglomerates", count=40, radius_px=25.0, sigma_ln=0.0, contrast=0.8)
    made = synthetic_scene(2, (300, 300), wanted)
    alone = synthetic_scene(2, (300, 300), replace(wanted, arrangement="packed", count=3))
    darkest = [np.percentile(scene.pixels[scene.labels > 0], 2) for scene in (made, alone)]
    assert darkest[0] < 0.8 * darkest[1]


def test_packed_particles_have_six_neighbours_at_the_same_distance() -> None:
    made = synthetic_scene(1, (300, 300), recipe(arrangement="packed", count=60, radius_px=14.0))
    y, x = np.array([np.argwhere(made.labels == number).mean(axis=0) for number in range(1, made.labels.max() + 1)]).T
    gaps = np.sort(np.hypot(y[:, None] - y, x[:, None] - x), axis=1)
    inner = gaps[:, 6] < 2.4 * 14
    assert inner.sum() > 10


def test_a_bed_covers_most_of_the_ground() -> None:
    made = synthetic_scene(4, (256, 256), recipe(arrangement="bed", count=200, radius_px=18.0))
    assert (made.labels > 0).mean() > 0.8


def _solidity(mask: np.ndarray) -> float:
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outline = max(contours, key=cv2.contourArea)
    hull = cv2.contourArea(cv2.convexHull(outline))
    return cv2.contourArea(outline) / hull if hull else 1.0
