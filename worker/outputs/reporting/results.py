"""The sections of a report that hold its results: distributions, fits, shapes, guidance, screening, arrangement."""

from typing import Any

import numpy as np
from reportlab.platypus import Flowable

from shared.distributions.arrangement import number_density_per_um2
from shared.distributions.bootstrap import Interval, Intervals
from shared.distributions.describe import FittedCurve
from shared.distributions.fits import Fit, NoFit
from shared.distributions.screening import CAVEATS, LIMIT_NM
from shared.distributions.summary import POWERS, Summary
from worker.outputs.described import FAMILY_NAMES
from worker.outputs.pooled import QUANTITIES, ImageSizes
from worker.outputs.reporting import layout
from worker.outputs.reporting.findings import Findings, spread
from worker.outputs.reporting.layout import WIDTH_MM, facts, table, text
from worker.outputs.written import count, number, percent

NEEDS_ONE, NEEDS_TWO, EQUAL = "no particle", "needs 2 particles", "all sizes are equal"
PARAMETER_NAMES = {
    "lognormal": ("median", "GSD"),
    "normal": ("mean", "SD"),
    "weibull": ("scale λ", "shape k"),
}


def headline(found: Findings) -> list[Flowable]:
    """Return the result in a few lines, for who reads no further."""
    weighting = found.content.choices.weighting
    shown = found.described
    summary, ends = shown.chosen.summary, shown.chosen.intervals
    d50 = _value(summary.d50, _end(ends, "d50"), NEEDS_ONE)
    rows = [
        (f"Median D50 by {weighting}", _unit(d50, shown.unit)),
        (
            f"Mean ± SD by {weighting}",
            _unit(f"{_value(summary.mean, None, NEEDS_ONE)} ± {_value(summary.sd, None, NEEDS_TWO)}", shown.unit),
        ),
        ("Geometric mean, GSD", _log_normal(found)),
        ("Particles counted", f"{found.n_counted:,} of {found.n_found:,} in {count(len(found.images), 'image')}"),
    ]
    if found.content.left_out:
        rows.append(("Left out", f"{count(len(found.content.left_out), 'image')}, listed below with the reasons"))
    return [layout.results(rows)]


def distributions(found: Findings) -> list[Flowable]:
    """Tabulate the statistics of all weightings with their intervals."""
    if not found.n_counted:
        return [text("No particle counts, so there is no distribution.")]
    shown = found.described
    unit, by = shown.per_unit, shown.by
    rows = [
        [f"Mean{unit}", *(_value(by[w].summary.mean, _end(by[w].intervals, "mean"), NEEDS_ONE) for w in POWERS)],
        [f"SD{unit}", *(_value(by[w].summary.sd, None, NEEDS_TWO) for w in POWERS)],
        ["CV", *(_percent_or(by[w].summary) for w in POWERS)],
        *(
            [
                f"{name.upper()}{unit}",
                *(_value(getattr(by[w].summary, name), _end(by[w].intervals, name), NEEDS_ONE) for w in POWERS),
            ]
            for name in ("d10", "d50", "d90")
        ),
        ["Span (D90 − D10)/D50", *(_value(by[w].summary.span, None, NEEDS_ONE) for w in POWERS)],
        [f"Mode{unit}", *(_value(by[w].summary.mode, None, EQUAL) for w in POWERS)],
    ]
    third = (WIDTH_MM - 35) / 3
    first = table(["", "By number", "By area", "By volume"], rows, (35, third, third, third))
    return [first, _moments(found), text(_about_intervals(found), "caption")]


def fits(found: Findings) -> list[Flowable]:
    """Tabulate the fitted curves, or say why there is none."""
    shown = found.described
    unit = f" {shown.unit}" if shown.unit else ""
    rows = [
        _fit_row(one.fit, unit, shown.best.fit.aic) for one in shown.chosen.fits if isinstance(one, FittedCurve) and shown.best
    ]
    blocks: list[Flowable] = []
    if rows:
        widths = (24, WIDTH_MM - 24 - 20 - 25 - 27 - 22, 20, 25, 27, 22)
        blocks.append(table(["Curve", "Parameters", "Fitted", "KS distance", "AIC", "Δ AIC"], rows, widths, n_text_columns=2))
        blocks.append(
            text(
                "Fits of the number distribution; of curves fitted to the same particles the one with the lowest AIC loses "
                "least. A p-value does not belong to the KS distance, because the curve was fitted to the same particles.",
                "caption",
            )
        )
    reasons: dict[str, list[str]] = {}
    for one in shown.chosen.fits:
        if isinstance(one, NoFit):
            reasons.setdefault(one.reason, []).append(FAMILY_NAMES[one.family])
    return [*blocks, *(text(f"No fit ({', '.join(families)}): {reason}") for reason, families in reasons.items())]


def shapes(found: Findings) -> list[Flowable]:
    """Tabulate the shape descriptors."""
    if not found.shapes:
        return [text("No particle counts, so there is no shape to describe.")]
    rows: list[list[Any]] = [
        [name.replace("_", " "), QUANTITIES[name].definition, *(f"{value:.3f}" for value in (of.d10, of.median, of.d90))]
        for name, of in found.shapes.items()
    ]
    return [
        table(
            ["Descriptor", "Definition", "D10", "Median", "D90"], rows, (28, WIDTH_MM - 28 - 54, 18, 18, 18), n_text_columns=2
        )
    ]


def guidance(found: Findings) -> list[Flowable]:
    """Say how many particles narrower intervals take."""
    told, weighting = found.guidance, found.content.choices.weighting
    if told.for_geometric_mean is None:
        return [text(f"How many particles it takes cannot be said: {NEEDS_TWO}.")]
    rows = [
        [
            "Geometric mean",
            "n = 1.96²·(ln GSD)²/δ², for independent log-normal particles",
            f"{told.for_geometric_mean:,}",
            _more(told.for_geometric_mean, found),
        ]
    ]
    if told.curve:
        now = told.curve[-1]
        rows += [
            [
                name.upper(),
                f"half-width now {percent(getattr(now, name))}, falling as 1/√n",
                f"{needed:,}",
                _more(needed, found),
            ]
            for name, needed in (("d10", told.for_d10), ("d50", told.for_d50), ("d90", told.for_d90))
            if needed is not None
        ]
    words = (
        f"So many particles give the statistics by {weighting} within ± {100 * told.target:g} % (half-width of the 95 % "
        "interval). Guidance from this sample, no value of a standard; where images differ more than their particles, further "
        "images help more than further particles."
    )
    return [
        text(words),
        table(
            ["Statistic", "How estimated", "Particles", "Further ones"],
            rows,
            (28, WIDTH_MM - 28 - 52, 26, 26),
            n_text_columns=2,
        ),
    ]


def screening(found: Findings) -> list[Flowable]:
    """Give the verdict of the screening for nanomaterials, with what it does not say."""
    verdict = found.screening
    if verdict is None:
        reason = NEEDS_TWO if found.selection.is_calibrated else "without pixel sizes no diameter in nm is known"
        return [text(f"There is no verdict: {reason}.")]
    words = {
        "nano": f"The median with its 95 % interval lies below {LIMIT_NM:g} nm: the particles screen as a nanomaterial.",
        "not nano": f"The median with its 95 % interval lies above {LIMIT_NM:g} nm: the particles do not screen as one.",
        "undecided": f"The 95 % interval of the median holds {LIMIT_NM:g} nm: undecided.",
    }[verdict.verdict]
    rows = [
        ("Verdict", verdict.verdict),
        ("Median of the smallest Feret diameter, by number", f"{_value(verdict.x50_nm, verdict.interval, NEEDS_ONE)} nm"),
        (
            "Criterion",
            "Commission Recommendation 2022/C 229/01: 50 % or more of the particles, by number, with an external dimension of "
            "1 to 100 nm",
        ),
    ]
    return [facts(rows), text(words), *layout.items(CAVEATS)]


def arrangement(found: Findings) -> list[Flowable]:
    """Say how densely the particles lie."""
    shares = np.array([image.covered_px / specimen_px(image) for image in found.images])
    if not len(shares):
        return [text("There is no image.")]
    total_px = sum(specimen_px(image) for image in found.images)
    covered = sum(image.covered_px for image in found.images) / total_px
    rows = [
        (
            "Coverage",
            f"{percent(covered)} of the analysed field"
            + (f"; single images {percent(float(shares.min()))} to {percent(float(shares.max()))}" if len(shares) > 1 else ""),
        )
    ]
    if found.selection.is_calibrated:
        rows.append(("Number density", _density(found)))
        near = [image.nearest_nm for image in found.images if image.nearest_nm is not None]
        distances = np.concatenate(near) if near else np.empty(0)
        words = "needs 2 particles in one image"
        if len(distances):
            of = spread(distances, np.ones(len(distances)))
            words = f"median {number(of.median)} nm, D10 {number(of.d10)} nm, D90 {number(of.d90)} nm, between centroids"
        rows.append(("Nearest neighbour", words))
    else:
        rows.append(("Number density", "not known without pixel sizes"))
    return [facts(rows)]


def specimen_px(image: ImageSizes) -> float:
    """Return the pixels of an image that show specimen: the field, without annotations where the stored coverage knows them."""
    stored = image.record.get("coverage")
    if stored:
        return float(image.covered_px / stored)
    record = image.record
    return float((record["field_bottom"] - record["field_top"]) * (record["field_right"] - record["field_left"]))


def _fit_row(one: Fit, unit: str, lowest_aic: float) -> list[str]:
    first, second = PARAMETER_NAMES[one.family]
    values = f"{first} {number(one.location)}{unit}, {second} {number(one.shape)}{unit if one.family == 'normal' else ''}"
    return [
        FAMILY_NAMES[one.family],
        values,
        f"{one.n:,}",
        f"{one.ks_distance:.4f}",
        f"{one.aic:,.1f}",
        f"{one.aic - lowest_aic:,.1f}",
    ]


def _density(found: Findings) -> str:
    densities = [
        number_density_per_um2(len(image.weights), specimen_px(image), image.record["nm_per_px"])
        * float(image.weights.mean() if len(image.weights) else 0)
        for image in found.images
    ]
    areas = [specimen_px(image) * image.record["nm_per_px"] ** 2 for image in found.images]
    whole = float(np.average(densities, weights=areas))
    said = f"{number(whole)} per µm² of the analysed field, counted particles with their weights"
    return said + (f"; single images {number(min(densities))} to {number(max(densities))}" if len(densities) > 1 else "")


def _log_normal(found: Findings) -> str:
    of, unit = found.described.chosen.moments, found.described.unit
    if of is None or of.geometric_mean is None:
        return NEEDS_ONE
    return f"{_unit(number(of.geometric_mean), unit)}, {number(of.gsd) if of.gsd else NEEDS_TWO}"


def _moments(found: Findings) -> Flowable:
    by_number, suffix = found.described.by["number"], found.described.per_unit
    of, ends = by_number.moments, by_number.intervals
    assert of is not None, "sizes are above 0"
    rows = [
        [f"D[1,0]{suffix}", "Σd/n", _value(of.d10_mean, _end(ends, "mean"), NEEDS_ONE)],
        [f"D[3,2]{suffix}", "Σd³/Σd², Sauter diameter", _value(of.d32, None, NEEDS_ONE)],
        [f"D[4,3]{suffix}", "Σd⁴/Σd³", _value(of.d43, None, NEEDS_ONE)],
        [f"Geometric mean{suffix}", "exp(mean of ln d)", _value(of.geometric_mean, _end(ends, "geometric_mean"), NEEDS_ONE)],
        ["GSD", "exp(SD of ln d)", _value(of.gsd, _end(ends, "gsd"), NEEDS_TWO)],
        ["Skewness", "third central moment over SD³", _value(of.skewness, None, NEEDS_TWO if found.n_counted < 2 else EQUAL)],
    ]
    return table(["Means, by number", "Definition", "Value"], rows, (35, WIDTH_MM - 35 - 60, 60), n_text_columns=2)


def _about_intervals(found: Findings) -> str:
    if found.n_counted < 2:
        return f"There are no confidence intervals: {NEEDS_TWO}."
    unit = (
        "images are drawn with replacement, and particles within them"
        if len(found.images) > 1
        else "the particles of the one image are drawn with replacement"
    )
    return (
        f"In brackets 95 % confidence intervals by bootstrap: {unit}. SD, CV, span, mode, D[3,2], D[4,3] and skewness are "
        "given without."
    )


def _more(needed: int, found: Findings) -> str:
    return f"{max(0, needed - found.n_counted):,}"


def _percent_or(summary: Summary) -> str:
    return NEEDS_TWO if summary.cv is None else percent(summary.cv)


def _end(ends: Intervals | None, name: str) -> Interval | None:
    found: Interval | None = getattr(ends, name, None)
    return found


def _value(value: float | None, ends: Interval | None, reason: str) -> str:
    if value is None:
        return reason
    return number(value) if ends is None else f"{number(value)}  [{number(ends.low)}, {number(ends.high)}]"


def _unit(words: str, unit: str) -> str:
    return f"{words} {unit}" if unit and any(sign.isdigit() for sign in words.partition("[")[0]) else words
