"""The reliability diagram of a model as SVG: what share of the particles is right at each confidence (model cards)."""

from collections.abc import Mapping
from typing import Any

SIDE_PX = 320
MARGIN_PX = 56
# Room under the diagram for the number of particles in each bin.
COUNTS_PX = 90
INK, GRID, RIGHT, COUNT = "#222222", "#bbbbbb", "#0072b2", "#999999"


def reliability_svg(content: Mapping[str, Any]) -> str:
    """Draw a reliability diagram.

    Parameters
    ----------
    content : mapping
        The part ``reliability`` of a model card, as `worker.training.calibration.Reliability.as_card` gives it.

    Returns
    -------
    str
        An SVG document: the share of right particles over their mean confidence, one point for each bin with particles, the
        diagonal where both are equal, and below how many particles the bins hold.
    """
    bins = [one for one in content["bins"] if one["n"]]
    width, height = SIDE_PX + 2 * MARGIN_PX, SIDE_PX + 2 * MARGIN_PX + COUNTS_PX
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        *_axes(content),
        f'<polyline fill="none" stroke="{RIGHT}" points="{" ".join(_point(one) for one in bins)}"/>',
        *(f'<circle r="4" fill="{RIGHT}" cx="{_x(one["confidence"])}" cy="{_y(one["right"])}"/>' for one in bins),
        *_counts(bins),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _axes(content: Mapping[str, Any]) -> list[str]:
    title = (
        f"{content['n_particles']} particles of {content['n_images']} images, "
        f"expected calibration error {content['expected_calibration_error']:.3f}"
    )
    ticks = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    return [
        f'<text x="{MARGIN_PX}" y="{MARGIN_PX - 24}" fill="{INK}">{title}</text>',
        f'<rect x="{MARGIN_PX}" y="{MARGIN_PX}" width="{SIDE_PX}" height="{SIDE_PX}" fill="none" stroke="{INK}"/>',
        f'<line x1="{_x(0)}" y1="{_y(0)}" x2="{_x(1)}" y2="{_y(1)}" stroke="{GRID}" stroke-dasharray="4 4"/>',
        *(f'<text x="{_x(tick)}" y="{_y(0) + 18}" text-anchor="middle" fill="{INK}">{tick:g}</text>' for tick in ticks),
        *(f'<text x="{_x(0) - 8}" y="{_y(tick) + 4}" text-anchor="end" fill="{INK}">{tick:g}</text>' for tick in ticks),
        f'<text x="{_x(0.5)}" y="{_y(0) + 36}" text-anchor="middle" fill="{INK}">confidence</text>',
        f'<text transform="translate({_x(0) - 40} {_y(0.5)}) rotate(-90)" text-anchor="middle" fill="{INK}">'
        "share right (IoU ≥ 0.5)</text>",
    ]


def _counts(bins: list[Mapping[str, Any]]) -> list[str]:
    largest = max((one["n"] for one in bins), default=1)
    foot = SIDE_PX + MARGIN_PX + COUNTS_PX + 36
    drawn = []
    for one in bins:
        left, width, height = _x(one["low"]), SIDE_PX * (one["high"] - one["low"]), 46 * one["n"] / largest
        drawn.append(
            f'<rect x="{left + 1}" y="{foot - height:.1f}" width="{width - 2:.1f}" height="{height:.1f}" fill="{COUNT}"/>'
            f'<text x="{left + width / 2:.1f}" y="{foot - height - 3:.1f}" text-anchor="middle" font-size="10" fill="{INK}">'
            f"{one['n']}</text>"
        )
    return drawn


def _point(one: Mapping[str, Any]) -> str:
    return f"{_x(one['confidence'])},{_y(one['right'])}"


def _x(value: float) -> float:
    return round(MARGIN_PX + SIDE_PX * value, 1)


def _y(value: float) -> float:
    return round(MARGIN_PX + SIDE_PX * (1 - value), 1)
