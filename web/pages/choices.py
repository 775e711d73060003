"""What a form that decides a pixel size offers: for what, for which images, and why something cannot be chosen."""

from dataclasses import dataclass

from shared.models import AnalysisRow, SubmissionRow
from web.pages.pixel_size import Readings
from web.pages.writing import count, short

# The form's word for a value that is measured on the picture; the API takes two points with the choice `manual`.
MEASURED = "measured"


@dataclass(frozen=True, slots=True)
class Option:
    """One line to choose, with what there is to say about it; ``value`` as the API names it."""

    value: str
    label: str
    note: str
    is_open: bool = True
    is_chosen: bool = False


def of_image(analysis: AnalysisRow, found: Readings) -> list[Option]:
    """List what can be decided of one image."""
    stated, shown = found.metadata, found.scale_bar
    unknown = "" if analysis.recording else "An earlier release did not keep it."
    return [
        Option(
            "metadata", "Use the file’s", stated.value if stated else unknown or "The file states none.", stated is not None
        ),
        Option(
            "scale_bar", "Use the scale bar’s", shown.value if shown else unknown or "No scale bar was read.", shown is not None
        ),
        Option("manual", "Set a value", ""),
        Option(MEASURED, "Measure on the picture", "Point at the two ends of the bar, then write its length."),
        Option("automatic", "Take decisions back", "Then what was read holds, as it did before anybody decided."),
    ]


def of_submission() -> list[Option]:
    """List what can be decided of all images of a submission."""
    return [
        Option("metadata", "Use the files’", "For each image what its own file states; missing where that states none."),
        Option("scale_bar", "Use the scale bars’", "For each image what its own bar shows; missing where none was read."),
        Option("manual", "Set a value", ""),
        Option("automatic", "Take decisions back", "Then what was read holds, as it did before anybody decided."),
    ]


def scopes_of_image(analysis: AnalysisRow, submission: SubmissionRow | None, n_analyses: int) -> list[Option]:
    """List for what a decision that is made at one image can hold."""
    if submission is None:
        whole = Option("submission", "all images of its submission", "It belongs to none.", is_open=False)
    else:
        images = "image" if n_analyses == 1 else "images"
        label = f"all {count(n_analyses)} {images} of submission #{submission.id}"
        whole = Option("submission", label, f"{submission.project}; images that are still to be analysed as well.")
    why_not = _why_not_instrument(analysis)
    return [
        Option("image", "this image", "", is_chosen=True),
        whole,
        Option("instrument", "this instrument at this magnification", why_not or _instrument(analysis), not why_not),
    ]


def _why_not_instrument(analysis: AnalysisRow) -> str:
    row = analysis.recording
    if row is None:
        return "An earlier release made this analysis and kept nothing of what the file states."
    if row.instrument is None:
        return "The file does not state its instrument."
    if row.magnification is None:
        return "The file does not state its magnification, on which the pixel size depends."
    return ""


def _instrument(analysis: AnalysisRow) -> str:
    row = analysis.recording
    if row is None:
        raise AssertionError("an instrument is named by what was recorded")
    like = f"{row.instrument} at {short(row.magnification)}×, {analysis.width_px} px wide"
    return f"{like}: holds where neither the file nor a bar says it."
