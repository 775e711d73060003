"""Secondary electrons: tilted surfaces and edges are bright, what lies beside a particle is dark."""

from dataclasses import dataclass

import cv2
import numpy as np

from shared.arrays import FloatImage
from worker.training.scenes.body import Body, radius_of
from worker.training.scenes.noise import Random, smooth_noise

# Stands for the finite escape depth: keeps 1/cos of the tilt finite at the outline.
ESCAPE = 0.24
# Beyond this, 1/cos of the tilt adds nothing: the rim would outshine the picture.
MAX_TILT = 1.6
# Operators set the gain so that flat surfaces leave room for bright edges.
MAX_BRIGHTNESS = 0.6


@dataclass(frozen=True, slots=True)
class SemLook:
    """How the particles of a picture look.

    Attributes
    ----------
    brightness : float
        Of a flat surface, relative to a white picture.
    spread : float
        Relative standard deviation of the brightness from particle to particle.
    tilt_gain, edge_gain, side_gain : float
        Strength of the brightening by tilt, within the escape depth of an edge, and towards the detector.
    detector_angle : float
        Direction of the detector in the picture, rad.
    shadow : float
        Share of the light that is missing right beside a particle.
    grain : float
        Relative standard deviation of the grain of the coating.
    """

    brightness: float
    spread: float
    tilt_gain: float
    edge_gain: float
    side_gain: float
    detector_angle: float
    shadow: float
    grain: float


def random_sem_look(random: Random, ground: float, contrast: float) -> SemLook:
    """Choose a look whose particles stand out from a ground of this brightness by so much."""
    return SemLook(
        brightness=min(ground + contrast, MAX_BRIGHTNESS),
        spread=float(random.uniform(0.01, 0.07)) * min(1.0, contrast / 0.3),
        tilt_gain=float(random.choice((0.1, 0.25, 0.4, 0.6)) * random.uniform(0.7, 1.2)) * min(1.0, contrast / 0.2),
        edge_gain=float(random.uniform(0, 0.5)) * min(1.0, contrast / 0.2),
        side_gain=float(random.uniform(0.05, 0.5)) * min(1.0, contrast / 0.15),
        detector_angle=float(random.uniform(0, 2 * np.pi)),
        shadow=float(random.uniform(0.25, 0.65)) * min(1.0, contrast / 0.15),
        grain=float(random.choice((0.0, 0.015, 0.04))),
    )


def paint_sem(random: Random, light: FloatImage, body: Body, look: SemLook) -> None:
    """Draw a particle.

    Parameters
    ----------
    random : Generator
        Chooses its brightness and grain.
    light : ndarray of float32
        The body's window of the picture; changed.
    body : Body
        In a window of the same shape.
    look : SemLook
        Common to the particles of the picture.
    """
    radius = radius_of(body)
    inside = body.mask.astype(np.uint8)
    beyond_px = cv2.distanceTransform(1 - inside, cv2.DIST_L2, 3)
    light *= 1 - np.float32(look.shadow) * np.exp(-beyond_px / np.float32(max(1.5, 0.16 * radius)))
    brightness = look.brightness * (1 + look.spread * random.standard_normal())
    body_light = np.float32(brightness) * _yield(body, look, radius) * body.tone
    if look.grain > 0:
        body_light *= 1 + np.float32(look.grain) * smooth_noise(random, body.mask.shape, 1.3)
    np.copyto(light, np.maximum(body_light, 0), where=body.mask)


def _yield(body: Body, look: SemLook, radius: float) -> FloatImage:
    """Electrons from each pixel relative to a flat surface."""
    down, across = np.gradient(body.height)
    upright = 1 / np.sqrt(1 + down**2 + across**2)
    tilt = np.minimum(1 / (upright + np.float32(ESCAPE)) - np.float32(1 / (1 + ESCAPE)), np.float32(MAX_TILT))
    towards = -(down * np.float32(np.sin(look.detector_angle)) + across * np.float32(np.cos(look.detector_angle))) * upright
    depth_px = cv2.distanceTransform(body.mask.astype(np.uint8), cv2.DIST_L2, 3)
    edge = np.exp(-depth_px / np.float32(np.clip(0.05 * radius, 1.0, 5.0)))
    made = 1 + np.float32(look.tilt_gain) * tilt + np.float32(look.side_gain) * towards + np.float32(look.edge_gain) * edge
    return np.asarray(made, dtype=np.float32)
