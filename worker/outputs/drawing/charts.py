"""Histogram and cumulative curves for papers: one or two columns wide, colours that all kinds of colour vision tell apart."""

import io
from collections.abc import Iterator
from contextlib import contextmanager

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter, LogLocator, NullFormatter

from shared.arrays import FloatArray
from shared.distributions.fits import Family, Fit, density
from shared.distributions.sample import Sample
from shared.distributions.summary import POWERS, ROUNDING, Weighting, weights_of
from worker.outputs.described import FAMILY_NAMES, Described
from worker.outputs.drawing.columns import DOUBLE_MM, MM_PER_INCH, PNG_DPI, SINGLE_MM
from worker.outputs.written import number

HEIGHT_MM = 65.0
# Colours of M. Okabe and K. Ito, Color Universal Design (2008), and line styles, so that print without colour tells them apart.
BAR, INK = "#56B4E9", "#222222"
FIT_STYLES: dict[Family, tuple[str, str]] = {"lognormal": ("#D55E00", "-"), "normal": ("#000000", "--"), "weibull": ("#009E73", ":")}
CURVE_STYLES: dict[Weighting, tuple[str, str]] = {
    "number": ("#0072B2", "-"),
    "area": ("#E69F00", "--"),
    "volume": ("#CC79A7", "-."),
}
# Fonts of 7 pt stay readable in a column; text stays text in the SVG, so that it can be edited.
STYLE = {
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
    "svg.fonttype": "none",
    # The same ids in every run.
    "svg.hashsalt": "saemi",
}
# More bins than this no longer show in a column.
MOST_BINS = 80
# A curve of more points looks the same.
CURVE_POINTS = 800
SHARES = (10.0, 50.0, 90.0)


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
            axes.annotate(letter, (0, 1), (-26, 2), "axes fraction", textcoords="offset points", fontsize=9, fontweight="bold")
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
    """Draw shares of the weight in bins, and what the fitted curves say of them."""
    if not _prepared(axes, shown):
        return
    sample, weighting = shown.sample, shown.choices.weighting
    edges = bin_edges(sample, shown.choices.n_bins, is_log=shown.choices.is_log_axis)
    weights = weights_of(sample, weighting)
    shares, _ = np.histogram(sample.sizes, bins=edges, weights=100 * weights / weights.sum())
    axes.bar(edges[:-1], shares, np.diff(edges), align="edge", facecolor=BAR, edgecolor="white", linewidth=0.4)
    for one in shown.fits:
        if isinstance(one, Fit):
            _draw_fit(axes, shown, one, edges)
    axes.set_ylabel(f"Share by {weighting} / %")
    axes.set_ylim(bottom=0)
    if any(isinstance(one, Fit) for one in shown.fits):
        axes.legend(loc="upper right", handlelength=2.2)


def draw_cumulative(axes: Axes, shown: Described) -> None:
    """Draw the cumulative curves of all weightings; whiskers are the 95 % intervals of the percentiles."""
    if not _prepared(axes, shown):
        return
    for weighting in POWERS:
        _draw_cumulative(axes, shown, weighting)
    for share in SHARES:
        axes.axhline(share, color=INK, linewidth=0.3, alpha=0.4, zorder=0)
    axes.set_ylabel("Cumulative share / %")
    axes.set_ylim(0, 100)
    axes.set_yticks([0, 10, 50, 90, 100])
    heading = f"D10, D50, D90 / {shown.unit}" if shown.unit else "D10, D50, D90"
    axes.legend(loc="lower right", handlelength=2.6, title=heading, title_fontsize=6, alignment="left")


def bin_edges(sample: Sample, n_bins: int | None, *, is_log: bool) -> FloatArray:
    """Return edges of equal bins, or of bins of equal ratio; a number of bins that suits the data where none is given."""
    sizes = sample.sizes
    if sizes[-1] - sizes[0] <= ROUNDING * sizes[-1]:
        return np.array([0.95, 1.05]) * sizes[0]
    values = np.log(sizes) if is_log else sizes
    edges = np.histogram_bin_edges(values, bins="auto" if n_bins is None else n_bins)
    if n_bins is None and len(edges) - 1 > MOST_BINS:
        edges = np.histogram_bin_edges(values, bins=MOST_BINS)
    edges = np.exp(edges) if is_log else edges
    # Rounding in the logarithm must not leave the outermost sizes out.
    edges[0], edges[-1] = sizes[0], sizes[-1]
    return np.asarray(edges, dtype=np.float64)


def fitted_share(shown: Described, curve: Fit, sizes: FloatArray) -> FloatArray:
    """Return the density that a fit of the number distribution means for the chosen weighting, per unit of size.

    f(d)·dᵏ over its integral, times the share of the weight from the truncation on.
    """
    power = POWERS[shown.choices.weighting]
    sample = shown.sample
    weights = weights_of(sample, shown.choices.weighting)
    share = float(weights[sample.sizes >= curve.truncated_at].sum() / weights.sum())
    grid = np.geomspace(max(curve.truncated_at, sample.sizes[0] / 100), sample.sizes[-1] * 30, 20_000)
    unit = sample.sizes[-1]
    whole = np.trapezoid(density(curve, grid) * (grid / unit) ** power, grid)
    return np.asarray(share * density(curve, sizes) * (sizes / unit) ** power / whole, dtype=np.float64)


def _draw_fit(axes: Axes, shown: Described, curve: Fit, edges: FloatArray) -> None:
    is_log = shown.choices.is_log_axis
    space = np.geomspace if is_log else np.linspace
    x = space(max(edges[0], curve.truncated_at), edges[-1], 400)
    # What a bin holds: density × width, which grows with the size where the bins are of equal ratio.
    width = x * np.log(edges[1] / edges[0]) if is_log else edges[1] - edges[0]
    colour, line = FIT_STYLES[curve.family]
    best = shown.best is curve
    label = FAMILY_NAMES[curve.family] + (" (lowest AIC)" if best else "")
    y = 100 * fitted_share(shown, curve, x) * width
    axes.plot(x, y, color=colour, linestyle=line, linewidth=1.4 if best else 0.9, label=label, gid=f"fit-{curve.family}")


def _draw_cumulative(axes: Axes, shown: Described, weighting: Weighting) -> None:
    sample, summary, ends = shown.sample, shown.summaries[weighting], shown.intervals[weighting]
    weights = weights_of(sample, weighting)
    total = np.cumsum(weights)
    curve = 100 * (total - weights / 2) / total[-1]
    kept = np.unique(np.concatenate([[0, len(sample) - 1], np.searchsorted(curve, np.linspace(0, 100, CURVE_POINTS))]))
    kept = kept[kept < len(sample)]
    found = [value for value in (summary.d10, summary.d50, summary.d90) if value is not None]
    colour, line = CURVE_STYLES[weighting]
    label = f"{weighting}: " + ", ".join(number(value, 3) for value in found)
    axes.plot(sample.sizes[kept], curve[kept], color=colour, linestyle=line, label=label, gid=f"curve-{weighting}")
    axes.plot(found, SHARES, "o", color=colour, markersize=3, clip_on=False, zorder=3)
    if ends is not None:
        for share, end in zip(SHARES, (ends.d10, ends.d50, ends.d90), strict=True):
            axes.plot([end.low, end.high], [share, share], color=colour, linewidth=2.2, alpha=0.5, solid_capstyle="butt")


def _prepared(axes: Axes, shown: Described) -> bool:
    """Label the axes and say what is counted; False where there is nothing to draw."""
    axes.set_xlabel(shown.axis_label)
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
