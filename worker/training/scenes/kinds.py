"""The kinds of particles that scenes are made of, by name; each makes a body in a pose, with a chance of its own."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from worker.training.scenes import solids
from worker.training.scenes.body import Body, Pose
from worker.training.scenes.noise import Random
from worker.training.scenes.shapes import ellipsoid, grain, rod, sphere
from worker.training.scenes.solids import ROUNDING, Solid, lying, projected, tumbled
from worker.training.scenes.surface import hollow, porous, rough, scaly, with_core

Maker = Callable[[Random, Pose], Body]

# Smaller discs have too few pixels to be seen as particles.
MIN_RADIUS_PX = 3.0


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of particle.

    Attributes
    ----------
    name : str
        For people.
    make : callable
        Makes a body of this kind; particles of one scene share what is typical of them.
    half_length : float
        Half its length, in units of the radius of its pose; 1 for roundish ones.
    crystalline : bool
        Whether it diffracts.
    min_radius_px : float
        Below this its peculiarity is not resolved.
    """

    name: str
    make: Maker
    half_length: float = 1.0
    crystalline: bool = False
    min_radius_px: float = MIN_RADIUS_PX


def random_kind(random: Random, radius_px: float) -> Kind:
    """Choose a kind that is resolved at this radius."""
    makers = (
        _spheres, _spheres, _spheres, _grains, _grains, _ellipsoids, _rods, _rods, _rods, _bent_rods, _prisms, _cubes, _cubes,
        _octahedra, _octahedra, _icosahedra, _plates, _plates, _rough, _rough, _scaly, _porous, _hollow, _hollow, _cored,
        _rough_rods,
    )  # fmt: skip
    while True:
        kind = makers[int(random.integers(len(makers)))](random)
        if kind.min_radius_px <= max(radius_px, MIN_RADIUS_PX):
            return kind


def _spheres(random: Random) -> Kind:  # noqa: ARG001 - all kinds are made alike
    return Kind("spheres", lambda _, pose: sphere(pose))


def _grains(random: Random) -> Kind:
    return Kind("grains", grain, crystalline=random.random() < 0.6)


def _ellipsoids(random: Random) -> Kind:
    longest = float(random.uniform(1.2, 2.2))
    return Kind("ellipsoids", lambda own, pose: ellipsoid(pose, float(own.uniform(1.0, longest))), np.sqrt(longest))


def _rods(random: Random) -> Kind:
    aspect, spread = float(random.uniform(1.5, 7)), float(random.uniform(0.03, 0.2))
    return Kind(
        "rods", lambda own, pose: rod(pose, _aspect(own, aspect, spread), 0.0), aspect, crystalline=random.random() < 0.6
    )


def _bent_rods(random: Random) -> Kind:
    aspect, bend = float(random.uniform(3, 9)), float(random.uniform(0.2, 0.9))
    return Kind(
        "bent rods",
        lambda own, pose: rod(pose, _aspect(own, aspect, 0.2), float(np.clip(own.normal(0, bend), -1.5, 1.5))),
        aspect,
    )


def _rough_rods(random: Random) -> Kind:
    aspect = float(random.uniform(1.5, 4))
    return Kind("rough rods", lambda own, pose: rough(own, rod(pose, _aspect(own, aspect, 0.2), 0.0)), aspect, min_radius_px=16)


def _prisms(random: Random) -> Kind:
    aspect, tip = float(random.uniform(1.5, 6)), float(random.choice((0.0, 0.9)))
    rounding = float(random.uniform(*ROUNDING))

    def make(own: Random, pose: Pose) -> Body:
        length = _aspect(own, aspect, 0.15)
        turn = lying(own, pose.angle, 0.08) @ solids.about_x(float(own.uniform(0, np.pi)))
        reach = np.abs(turn[:2, 0]) * length + 1.25
        return projected(solids.prism(length, tip), turn, pose, rounding, (reach[1], reach[0]))

    return Kind("prisms", make, aspect, crystalline=True, min_radius_px=4)


def _cubes(random: Random) -> Kind:
    truncation = float(random.choice((0.0, 0.12, 0.3)))
    return _faceted(random, "cubes", solids.cube(truncation), size=0.85, reach=1.8, flat=0.75, tilt_sd=0.1)


def _octahedra(random: Random) -> Kind:
    return _faceted(
        random, "octahedra", solids.octahedron(float(random.uniform(0, 0.3))), size=1.0, reach=1.5, flat=0.1, tilt_sd=0.1
    )


def _icosahedra(random: Random) -> Kind:
    return _faceted(random, "icosahedra", solids.icosahedron(), size=0.95, reach=1.3, flat=0.1, tilt_sd=0.1)


def _plates(random: Random) -> Kind:
    sides = int(random.choice((3, 4, 6, 6, 6, 8)))
    solid = solids.plate(sides, float(random.uniform(0.1, 0.5)))
    return _faceted(random, "plates", solid, size={3: 0.65, 4: 0.85}.get(sides, 0.95), reach=2.1, flat=0.95, tilt_sd=0.2)


def _rough(random: Random) -> Kind:
    base = sphere if random.random() < 0.5 else None
    return Kind("rough", lambda own, pose: rough(own, base(pose) if base else grain(own, pose)), min_radius_px=20)


def _scaly(random: Random) -> Kind:  # noqa: ARG001 - all kinds are made alike
    return Kind("scaly", lambda own, pose: scaly(own, sphere(pose)), min_radius_px=35)


def _porous(random: Random) -> Kind:  # noqa: ARG001 - all kinds are made alike
    return Kind("porous", lambda own, pose: porous(own, sphere(pose)), min_radius_px=40)


def _hollow(random: Random) -> Kind:
    uneven = random.random() < 0.4
    return Kind("hollow", lambda own, pose: hollow(own, grain(own, pose) if uneven else sphere(pose)), min_radius_px=10)


def _cored(random: Random) -> Kind:
    uneven = random.random() < 0.4
    return Kind(
        "core and shell", lambda own, pose: with_core(own, grain(own, pose) if uneven else sphere(pose)), min_radius_px=8
    )


def _faceted(random: Random, name: str, solid: Solid, *, size: float, reach: float, flat: float, tilt_sd: float) -> Kind:
    """A kind of which a share lies flat and the rest any way."""
    rounding = float(random.uniform(*ROUNDING))

    def make(own: Random, pose: Pose) -> Body:
        turn = lying(own, pose.angle, tilt_sd) if own.random() < flat else tumbled(own)
        scaled = Pose(pose.y, pose.x, pose.radius_px * size, pose.angle)
        return projected(solid, turn, scaled, rounding, (reach, reach))

    return Kind(name, make, crystalline=True, min_radius_px=4)


def _aspect(random: Random, typical: float, spread: float) -> float:
    return max(1.1, typical * float(np.exp(spread * random.standard_normal())))
