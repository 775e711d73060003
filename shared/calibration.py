"""Which pixel size of an image holds: what people decided, what its file states, what its scale bar shows.

A pure rule, so that an analysis that is saved and a job that recomputes thousands come to the same answer.
"""

from dataclasses import dataclass
from enum import StrEnum

from shared.domain import Calibration, CalibrationSource, CalibrationStatus

# Relative difference of the two readings above which one of them must be wrong. Bars are drawn on whole pixels: a bar of 50 px
# alone is good to 2 %.
MAX_DIFFERENCE = 0.02


STATUSES: dict[CalibrationStatus, str] = {
    "ok": "The pixel size is known; its source is named beside it.",
    "conflict": f"What the file states and what its scale bar shows differ by more than {100 * MAX_DIFFERENCE:g} % of the "
    "smaller one: all sizes are in pixels until somebody decides.",
    "missing": "Neither the file nor a scale bar states a pixel size: all sizes are in pixels until somebody sets it.",
}
SOURCES: dict[CalibrationSource, str] = {
    "metadata": "What the file, or a file beside it, states.",
    "scale_bar": "The scale bar: its text over its length in pixels.",
    "manual": "A person, for the image or its submission.",
    "instrument_default": "A person, for all images of the instrument at this magnification.",
}


class Scope(StrEnum):
    """What a person's decision is about."""

    IMAGE = "image"
    SUBMISSION = "submission"
    INSTRUMENT = "instrument"


class Choice(StrEnum):
    """What a person decides for: a value of their own, one of the readings, or the rule without them."""

    MANUAL = "manual"
    METADATA = "metadata"
    SCALE_BAR = "scale_bar"
    AUTOMATIC = "automatic"


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decided; ``nm_per_px`` with the choice ``manual`` only."""

    id: int
    choice: Choice
    nm_per_px: float | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known about the pixel size of one image.

    Attributes
    ----------
    metadata_nm_per_px, scale_bar_nm_per_px : float or None
        The two readings, nm; None where the image lacks one.
    stated_nm_per_px : float or None
        What a person stated when they handed the image in, nm.
    decision : Decision or None
        The newest one about the image or a submission it is in, unless the value was stated after it.
    instrument_decision : Decision or None
        The newest one about images of this instrument at this magnification and width.
    """

    metadata_nm_per_px: float | None = None
    scale_bar_nm_per_px: float | None = None
    stated_nm_per_px: float | None = None
    decision: Decision | None = None
    instrument_decision: Decision | None = None


@dataclass(frozen=True, slots=True)
class Holding:
    """The calibration that holds, and the decision that it follows from; None where nobody decided."""

    calibration: Calibration
    decision_id: int | None = None


def holding(evidence: Evidence) -> Holding:
    """Choose the pixel size that holds.

    A decision comes first, then the value stated with the submission, then the two readings, and where these are missing what
    was decided for the instrument. ``automatic`` takes decisions back; a reading that was chosen and is not there gives
    ``missing``, because something else than what the person chose would be a guess.

    Examples
    --------
    >>> holding(Evidence(metadata_nm_per_px=1.0, scale_bar_nm_per_px=2.0)).calibration.status
    'conflict'
    >>> holding(Evidence(metadata_nm_per_px=1.0, scale_bar_nm_per_px=2.0, decision=Decision(7, Choice.SCALE_BAR)))
    Holding(calibration=Calibration(nm_per_px=2.0, source='scale_bar', status='ok'), decision_id=7)
    """
    decision = evidence.decision
    if decision is not None and decision.choice is not Choice.AUTOMATIC:
        return Holding(_chosen(decision, evidence), decision.id)
    found = calibration(evidence.stated_nm_per_px, evidence.metadata_nm_per_px, evidence.scale_bar_nm_per_px)
    default = evidence.instrument_decision
    if found.status == "missing" and default is not None and default.nm_per_px is not None:
        return Holding(Calibration(default.nm_per_px, "instrument_default", "ok"), default.id)
    return Holding(found, None if decision is None else decision.id)


def calibration(manual: float | None, metadata: float | None, scale_bar: float | None) -> Calibration:
    """Choose the pixel size of an image about which nobody decided.

    A person's value wins. Else the file's own statement holds, which has more digits than a bar has pixels; the scale bar
    confirms it, contradicts it, or stands in for it.

    Parameters
    ----------
    manual, metadata, scale_bar : float or None
        Pixel sizes, nm; None where the source is silent.

    Returns
    -------
    Calibration
        ``conflict``, without a pixel size, where metadata and scale bar differ by more than 2 % of the smaller one.

    Examples
    --------
    >>> calibration(None, 1.0, 1.01)
    Calibration(nm_per_px=1.0, source='metadata', status='ok')
    >>> calibration(None, 1.0, 2.0)
    Calibration(nm_per_px=None, source=None, status='conflict')
    """
    if manual is not None:
        return Calibration.manual(manual)
    if metadata is not None and scale_bar is not None:
        if abs(metadata - scale_bar) > MAX_DIFFERENCE * min(metadata, scale_bar):
            return Calibration.conflict()
        return Calibration(metadata, "metadata", "ok")
    if metadata is not None:
        return Calibration(metadata, "metadata", "ok")
    if scale_bar is not None:
        return Calibration(scale_bar, "scale_bar", "ok")
    return Calibration.missing()


def _chosen(decision: Decision, evidence: Evidence) -> Calibration:
    match decision.choice:
        case Choice.METADATA:
            return calibration(None, evidence.metadata_nm_per_px, None)
        case Choice.SCALE_BAR:
            return calibration(None, None, evidence.scale_bar_nm_per_px)
        case _:
            return calibration(decision.nm_per_px, None, None)
