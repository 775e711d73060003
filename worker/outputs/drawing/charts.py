"""Histogram and cumulative curves for papers: one or two columns wide, colours that all kinds of colour vision tell apart."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter, LogLocator, NullFormatter

from shared.distributions.describe import Distribution, FittedCurve
from shared.distributions.fits import Family
from shared.distributions.summary import Weighting
from worker.outputs.described import FAMILY_NAMES, Described
from worker.outputs.drawing.columns import DOUBLE_MM, MM_PER_INCH, PNG_DPI, SINGLE_MM
from worker.outputs.written import number

HEIGHT_MM = 65.0
# Colours of M. Okabe and K. Ito, Color Universal Design (2008), and line styles, so that print without colour tells them apart.
BAR, INK = "#56B4E9", "#222222"
FIT_STYLES: dict[Family, tuple[str, str]] = {
    "lognormal": ("#D55E00", "-"),
    "normal": ("#000000", "--"),
    "weibull": ("#009E73", ":"),
}
CURVE_STYLES: dict[Weighting, tuple[str, str]] = {
    "number": ("#0072B2", "-"),
    "area": ("#E69F00", "--"),
    "volume": ("#CC79A7", "-."),
}
# Fonts of 7 pt stay readable in a column; text stays text in the SVG, so that it can be edited.
STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 7.0,
    "axes.linewidth": 0.6,
    "axes.edgecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 1.2,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.fontsize": 6.0,
    "legend.frameon": False,
    "legend.edgecolor": "none",
    "svg.fonttype": "none",
    # The same ids in every run.
    "svg.hashsalt": "saemi",
}
# White between bars, as long as they are wider than it.
BETWEEN_BARS_PT, MOST_PARTED_BARS = 0.4, 80
SHARES = (10.0, 50.0, 90.0)
# The bands of the three weightings lie beside each other, %.
BAND_OFFSETS: dict[Weighting, float] = {"number": 1.6, "area": 0.0, "volume": -1.6}
# Height of the axis over that of the highest bar, so that the line of the legend lies above.
ROOM_FOR_LEGEND = 1.14


def histogram(shown: Described, width_mm: float = SINGLE_MM) -> Figure:
    """Draw the histogram in the chosen weighting with the fitted curves."""
    with _style():
        figure = _figure(width_mm)
        draw_histogram(figure.add_subplot(), shown)
        return figure


def cumulative(shown: Described, width_mm: float = SINGLE_MM) -> Figure:
    """Draw the cumulative curves by number, area and volume with D10, D50 and D90."""
    with _style():
        figure = _figure(width_mm)
        draw_cumulative(figure.add_subplot(), shown)
        return figure


def both(shown: Described) -> Figure:
    """Draw histogram and cumulative curves side by side, two columns wide, as parts a and b."""
    with _style():
        figure = _figure(DOUBLE_MM)
        left, right = figure.subplots(1, 2)
        draw_histogram(left, shown)
        draw_cumulative(right, shown)
        for axes, letter in ((left, "a"), (right, "b")):
            axes.annotate(letter, (0, 1), (-27, 5), "axes fraction", textcoords="offset points", fontsize=9, fontweight="bold")
        return figure


def as_svg(figure: Figure) -> bytes:
    """Write a figure as SVG, the same bytes for the same figure."""
    with _style():
        buffer = io.BytesIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
        return buffer.getvalue()


def as_png(figure: Figure) -> bytes:
    """Write a figure as PNG of 300 dpi."""
    with _style():
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=PNG_DPI, metadata={"Software": "SAEMI"})
        return buffer.getvalue()


def draw_histogram(axes: Axes, shown: Described) -> None:
    """Draw shares of the whole in bins, and what the fitted curves say of them."""
    if not _prepared(axes, shown):
        return
    bins = shown.chosen.bins
    between = BETWEEN_BARS_PT if len(bins.shares) <= MOST_PARTED_BARS else 0
    axes.bar(
        bins.edges[:-1],
        100 * bins.shares,
        np.diff(bins.edges),
        align="edge",
        facecolor=BAR,
        edgecolor="white",
        linewidth=between,
    )
    fitted = [one for one in shown.chosen.fits if isinstance(one, FittedCurve)]
    for one in fitted:
        _draw_fit(axes, one, is_best=one is shown.best)
    axes.set_ylabel(f"Share by {shown.choices.weighting} / %")
    highest = max([bins.shares.max(), *(one.curve.shares.max() for one in fitted)])
    axes.set_ylim(0, 100 * highest * (ROOM_FOR_LEGEND if fitted else 1.05))
    if fitted:
        axes.legend(loc="upper left", ncols=len(fitted), handlelength=2.2, columnspacing=1.2, borderaxespad=0)


def draw_cumulative(axes: Axes, shown: Described) -> None:
    """Draw the cumulative curves of all weightings; bands are the 95 % intervals of the percentiles."""
    if not _prepared(axes, shown):
        return
    for weighting, distribution in shown.by.items():
        _draw_curve(axes, weighting, distribution)
    for share in SHARES:
        axes.axhline(share, color=INK, linewidth=0.3, alpha=0.4, zorder=0)
    axes.set_ylabel("Cumulative share / %")
    axes.set_ylim(0, 100)
    axes.set_yticks([0, 10, 50, 90, 100])
    title = f"D10, D50, D90{shown.per_unit}"
    axes.legend(loc="lower right", handlelength=2.6, title=title, title_fontsize=6, alignment="left", frameon=True)


def _draw_fit(axes: Axes, one: FittedCurve, *, is_best: bool) -> None:
    family, curve = one.fit.family, one.curve
    # Below the truncation nothing is fitted: the curve begins there, and does not rise from 0.
    fitted = curve.sizes >= one.fit.truncated_at
    colour, line = FIT_STYLES[family]
    axes.plot(
        curve.sizes[fitted],
        100 * curve.shares[fitted],
        color=colour,
        linestyle=line,
        linewidth=1.4 if is_best else 0.9,
        label=FAMILY_NAMES[family] + (" (lowest AIC)" if is_best else ""),
        gid=f"fit-{family}",
    )


def _draw_curve(axes: Axes, weighting: Weighting, of: Distribution) -> None:
    found = [value for value in (of.summary.d10, of.summary.d50, of.summary.d90) if value is not None]
    colour, line = CURVE_STYLES[weighting]
    label = f"{weighting}: " + ", ".join(number(value, 3) for value in found)
    axes.plot(
        of.cumulative.sizes, 100 * of.cumulative.shares, color=colour, linestyle=line, label=label, gid=f"curve-{weighting}"
    )
    axes.plot(found, SHARES, "o", color=colour, markersize=3, clip_on=False, zorder=3)
    if of.intervals is not None:
        for share, end in zip(SHARES, (of.intervals.d10, of.intervals.d50, of.intervals.d90), strict=True):
            height = share + BAND_OFFSETS[weighting]
            axes.plot([end.low, end.high], [height, height], color=colour, linewidth=1.6, alpha=0.6, solid_capstyle="butt")


def _prepared(axes: Axes, shown: Described) -> bool:
    """Label the axes and say what is counted; False where there is nothing to draw."""
    axes.set_xlabel(shown.name + shown.per_unit)
    axes.set_title(shown.counted_text, fontsize=5.5, loc="left", color=INK, pad=4)
    if not len(shown.sample):
        axes.text(0.5, 0.5, "No particle counts.", ha="center", va="center", transform=axes.transAxes)
        axes.set_xticks([])
        axes.set_yticks([])
        return False
    if shown.choices.is_log_axis:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_major_formatter(LogFormatter(labelOnlyBase=False, minor_thresholds=(np.inf, np.inf)))
        axes.xaxis.set_minor_formatter(NullFormatter())
    return True


def _figure(width_mm: float) -> Figure:
    figure = Figure(figsize=(width_mm / MM_PER_INCH, HEIGHT_MM / MM_PER_INCH), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


@contextmanager
def _style() -> Iterator[None]:
    with mpl.rc_context(STYLE):
        yield
