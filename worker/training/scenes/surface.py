"""What makes large particles differ from smooth ones: rough, scaly and porous surfaces, cores, cavities and openings.

A particle stays one piece: pores and openings belong to it.
"""

from dataclasses import replace

import cv2
import numpy as np

from shared.arrays import FloatImage, Mask
from worker.training.scenes.body import Body, radius_of
from worker.training.scenes.noise import Random, smooth_noise, wall_distance

# An opening in a smaller shell is a mere dot.
MIN_OPEN_RADIUS_PX = 15


def rough(random: Random, body: Body) -> Body:
    """Add a relief of lumps of several sizes, which the outline follows."""
    radius = radius_of(body)
    size = float(random.uniform(0.04, 0.14)) * radius
    amount = float(random.uniform(0.25, 0.6))
    relief = np.zeros_like(body.height)
    for scale in (1.0, 0.5):
        relief += smooth_noise(random, body.mask.shape, max(size * scale, 0.7)) * np.float32(amount * size * scale)
    depth_px = cv2.distanceTransform(body.mask.astype(np.uint8), cv2.DIST_L2, 5)
    mask = _largest_piece(depth_px > np.abs(relief))
    thickness = np.where(mask, np.maximum(body.thickness + relief, 0), 0).astype(np.float32)
    return replace(body, mask=mask, height=body.height + np.float32(1.5) * _wrapped(body, relief), thickness=thickness)


def scaly(random: Random, body: Body) -> Body:
    """Divide the surface into plates with grooves between them."""
    radius = radius_of(body)
    cell = float(random.uniform(0.12, 0.35)) * radius
    walls = _wrapped(body, wall_distance(random, body.mask.shape, cell))
    groove = np.exp(-walls / np.float32(max(0.06 * cell, 0.6)))
    lumps = np.minimum(walls, np.float32(0.3 * cell)) * np.float32(random.uniform(0.2, 0.7))
    return replace(body, height=body.height + lumps, tone=body.tone * (1 - np.float32(random.uniform(0.2, 0.5)) * groove))


def porous(random: Random, body: Body) -> Body:
    """Open the surface into dark pores between bright walls."""
    radius = radius_of(body)
    cell = max(float(random.uniform(0.07, 0.22)) * radius, 4.0)
    walls = _wrapped(body, wall_distance(random, body.mask.shape, cell))
    opening = np.float32(random.uniform(0.1, 0.28) * cell)
    pore = 1 / (1 + np.exp(-(walls - opening) / np.float32(max(0.05 * cell, 0.4))))
    depth = np.float32(random.uniform(0.35, 0.75))
    return replace(body, tone=body.tone * (1 - depth * pore), thickness=body.thickness * (1 - np.float32(0.35) * pore))


def hollow(random: Random, body: Body) -> Body:
    """Empty the inside: in TEM a dark ring; in SEM some break open."""
    inner = _inner_thickness(body, float(random.uniform(0.55, 0.9)))
    emptied = replace(body, thickness=(body.thickness - np.float32(0.95) * inner).astype(np.float32))
    return _opened(random, emptied) if radius_of(body) > MIN_OPEN_RADIUS_PX and random.random() < 0.25 else emptied


def with_core(random: Random, body: Body) -> Body:
    """Put a heavy core into a light shell, which shows through it."""
    inner = _inner_thickness(body, float(random.uniform(0.3, 0.75)))
    weight = np.float32(random.uniform(2, 6))
    # Of the core's signal little leaves through the shell.
    glow = np.float32(random.uniform(0.15, 0.4)) * np.tanh(inner * np.float32(3 / max(radius_of(body), 1)))
    return replace(
        body, thickness=(body.thickness * np.float32(0.5) + weight * inner).astype(np.float32), tone=body.tone + glow
    )


def _inner_thickness(body: Body, share: float) -> FloatImage:
    """Thickness of the concentric sphere of so large a share of the radius; similar for other rounded bodies."""
    half = body.thickness / 2
    largest = float(half.max())
    return np.asarray(2 * np.sqrt(np.maximum(half**2 - np.float32(largest**2 * (1 - share**2)), 0)), dtype=np.float32)


def _opened(random: Random, body: Body) -> Body:
    """A hole in the shell through which its dark inside is seen, with a bright rim."""
    rows, columns = body.mask.shape
    radius = radius_of(body)
    away, direction = random.uniform(0, 0.45) * radius, random.uniform(0, 2 * np.pi)
    y, x = np.mgrid[:rows, :columns].astype(np.float32)
    size = np.float32(random.uniform(0.2, 0.45) * radius)
    wave = 1 + np.float32(0.12) * smooth_noise(random, body.mask.shape, max(0.3 * radius, 1.0))
    distance = np.hypot(
        y - np.float32(rows / 2 + away * np.sin(direction)), x - np.float32(columns / 2 + away * np.cos(direction))
    )
    edge = (distance * wave - size) / np.float32(max(0.04 * radius, 0.7))
    tone = body.tone * (1 - np.float32(0.75) / (1 + np.exp(np.clip(edge, -30, 30)))) + np.float32(0.5) * np.exp(-(edge**2))
    return replace(body, tone=tone.astype(np.float32))


def _largest_piece(mask: Mask) -> Mask:
    _, pieces, statistics, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    return np.asarray(pieces == 1 + int(np.argmax(statistics[1:, cv2.CC_STAT_AREA])))


def _wrapped(body: Body, texture: FloatImage) -> FloatImage:
    """Lay a flat texture around the body, so that it narrows towards the outline as on a sphere."""
    rows, columns = texture.shape
    x, y, width, height = cv2.boundingRect(body.mask.astype(np.uint8))
    down, across = np.mgrid[:rows, :columns].astype(np.float32)
    centre_y, centre_x = np.float32(y + height / 2), np.float32(x + width / 2)
    radial = np.hypot((down - centre_y) * np.float32(2 / max(height, 1)), (across - centre_x) * np.float32(2 / max(width, 1)))
    radial = np.clip(radial, 1e-3, 0.995)
    # Arc length over its projection, scaled so that the texture of the outline comes from the window's edge at most.
    stretch = np.arcsin(radial) / radial * np.float32(2 / np.pi) * np.float32(1.15)
    map_y, map_x = centre_y + (down - centre_y) * stretch, centre_x + (across - centre_x) * stretch
    return cv2.remap(texture, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT).astype(np.float32, copy=False)
