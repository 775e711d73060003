"""Transmitted electrons: absorption by thickness, crystals that diffract, fringes, and overlaps that are darker than either."""

from dataclasses import dataclass

import cv2
import numpy as np

from shared.arrays import FloatImage
from worker.training.scenes.body import Body, radius_of
from worker.training.scenes.noise import Random, smooth_noise

# Below this radius, px, bands and fringes inside a particle are not resolved.
RESOLVED_RADIUS_PX = 8.0


@dataclass(frozen=True, slots=True)
class TemLook:
    """How the particles of a picture look.

    Attributes
    ----------
    absorption_per_px : float
        −ln of the transmission of matter 1 px thick.
    floor : float
        −ln of the transmission at the thinnest edge: particles are not seen to begin from nothing.
    diffraction : float
        Standard deviation of ln of a crystal's darkness: near a zone axis it scatters more.
    bands : float
        Strength of bend contours and thickness fringes.
    lattice : float
        Relative amplitude of lattice fringes; 0 where they are not resolved.
    fresnel : float
        Relative brightness of the fringe of defocus around a particle; negative on the other side of focus.
    """

    absorption_per_px: float
    floor: float
    diffraction: float
    bands: float
    lattice: float
    fresnel: float


def random_tem_look(random: Random, radius_px: float, contrast: float, *, crystalline: bool) -> TemLook:
    """Choose a look in which particles of this radius are darker than the film by this −ln of their transmission.

    Parameters
    ----------
    random : Generator
        The only source of chance.
    radius_px : float
        Typical radius, px.
    contrast : float
        −ln of the transmission through a particle's middle.
    crystalline : bool
        Whether the particles diffract.

    Returns
    -------
    TemLook
    """
    floor = float(random.uniform(0.1, 0.45))
    return TemLook(
        absorption_per_px=contrast * (1 - floor) / (2 * radius_px),
        floor=contrast * floor,
        diffraction=float(random.uniform(0.1, 0.4)) if crystalline else 0.05,
        bands=float(random.choice((0.0, 0.3, 0.7))) if crystalline else 0.0,
        lattice=float(random.uniform(0.04, 0.1)) if crystalline and radius_px > 50 and random.random() < 0.4 else 0.0,
        fresnel=float(random.normal(0.03, 0.06)) * min(1.0, contrast),
    )


def paint_tem(random: Random, light: FloatImage, body: Body, look: TemLook) -> None:
    """Draw a particle.

    Parameters
    ----------
    random : Generator
        Chooses how it diffracts.
    light : ndarray of float32
        The body's window of the picture; changed. What is there shows through.
    body : Body
        In a window of the same shape.
    look : TemLook
        Common to the particles of the picture.
    """
    radius = radius_of(body)
    absorbed = np.float32(look.floor) + np.float32(look.absorption_per_px) * body.thickness
    absorbed = absorbed * np.float32(np.exp(look.diffraction * random.standard_normal()))
    if look.bands > 0 and radius > RESOLVED_RADIUS_PX:
        absorbed = absorbed * _diffraction(random, body, look.bands, radius)
    if look.lattice > 0:
        absorbed = absorbed + np.float32(look.lattice) * _lattice(random, body)
    inside = body.mask.astype(np.uint8)
    beyond_px = cv2.distanceTransform(1 - inside, cv2.DIST_L2, 5)
    fringe_px = np.float32(np.clip(0.06 * radius, 1.2, 3.0))
    fringe = np.where(body.mask, 0, np.exp(-(((beyond_px - fringe_px) / fringe_px) ** 2)))
    light *= np.exp(-np.where(body.mask, np.maximum(absorbed, 0), 0)) * (1 + np.float32(look.fresnel) * fringe)


def _diffraction(random: Random, body: Body, strength: float, radius: float) -> FloatImage:
    """Factor on the darkness: bend contours, dark where the bent crystal meets the Bragg angle, and thickness fringes."""
    if random.random() < 0.5:
        return np.ones(body.mask.shape, dtype=np.float32)
    bent = smooth_noise(random, body.mask.shape, float(random.uniform(0.5, 1.2)) * radius) + np.float32(random.normal(0, 0.6))
    made = (
        1
        + np.float32(1.2 * strength) * np.exp(-((bent / np.float32(random.uniform(0.15, 0.5))) ** 2))
        - np.float32(0.2 * strength)
    )
    if random.random() < 0.4:
        period_px = max(random.uniform(0.25, 0.6) * radius, 4.0)
        made = made * (1 + np.float32(0.25 * strength) * np.cos(body.thickness * np.float32(2 * np.pi / period_px)))
    return np.asarray(made, dtype=np.float32)


def _lattice(random: Random, body: Body) -> FloatImage:
    """Fine parallel fringes of amplitude 1."""
    rows, columns = body.mask.shape
    y, x = np.mgrid[:rows, :columns].astype(np.float32)
    angle, wave = random.uniform(0, np.pi), 2 * np.pi / random.uniform(3.2, 6.0)
    made = np.sin(y * np.float32(wave * np.sin(angle)) + x * np.float32(wave * np.cos(angle)))
    # Fringes fade where the crystal is bent out of its zone axis.
    return np.asarray(made * np.clip(0.5 + smooth_noise(random, body.mask.shape, 20), 0, 1), dtype=np.float32)
