"""What the detector makes of the light: uneven illumination, blur, shot noise and the noise of scan lines, in 8 bit."""

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.arrays import FloatImage
from worker.training.scenes.noise import Random
from worker.training.synthetic import Style

# Electrons counted in a pixel of a white picture: a quick scan, and a slow one.
ELECTRONS = (150.0, 2000.0)


def recorded(random: Random, light: FloatImage, style: Style, defocus_px: float = 0.0) -> NDArray[np.uint8]:
    """Record the light of a scene.

    Parameters
    ----------
    random : Generator
        The only source of chance.
    light : ndarray of float32, shape (rows, columns)
        Relative brightness, 1 is white.
    style : {"sem", "tem"}
        SEM scans its pictures line by line.
    defocus_px : float
        Standard deviation of the blur beside that of a picture in focus, px.

    Returns
    -------
    ndarray of uint8, shape (rows, columns)
    """
    rows, columns = light.shape
    y = np.linspace(-1, 1, rows, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, columns, dtype=np.float32)[None, :]
    slope_y, slope_x, bowl = random.normal(0, 0.05, 3).astype(np.float32)
    lit = light * (1 + slope_y * y + slope_x * x - abs(bowl) * (x * x + y * y))
    blurred = cv2.GaussianBlur(lit, (0, 0), float(np.hypot(random.uniform(0.6, 1.6), defocus_px)))
    electrons = np.exp(random.uniform(*np.log(ELECTRONS)))
    noise = random.standard_normal(light.shape, dtype=np.float32)
    # The normal limit of the Poisson law of the electrons counted in a pixel.
    made = blurred + np.sqrt(np.maximum(blurred, 0.005) / np.float32(electrons)) * noise
    if style == "sem":
        made = made * (1 + np.float32(random.uniform(0, 0.015)) * random.standard_normal((rows, 1), dtype=np.float32))
        # A detector with a little bandwidth smears neighbouring pixels of a line.
        made = cv2.GaussianBlur(made, (3, 1), 0.55)
    else:
        made = cv2.GaussianBlur(made, (3, 3), float(random.uniform(0.3, 0.8)))
    return np.asarray(np.clip(np.rint(made * 255), 0, 255), dtype=np.uint8)
