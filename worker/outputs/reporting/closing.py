"""The sections of a report that limit and repeat it: uncertainty, decisions by hand, images left out, software, command."""

from collections import Counter

from reportlab.platypus import Flowable

from shared.quantities import SMALLEST_RELIABLE_PX
from shared.results import SOFTWARE_VERSION
from worker.outputs.reporting.findings import Findings
from worker.outputs.reporting.layout import WIDTH_MM, code, facts, items, table, text
from worker.outputs.reporting.origin import calibration_differences, counted_values
from worker.outputs.written import count, number, percent

BY_HAND = {
    "manual": "stated or decided by a person for the image or submission",
    "instrument_default": "decided by a person for the instrument",
}


def uncertainty(found: Findings) -> list[Flowable]:
    """Say what the intervals cover and what they do not."""
    sentences = [
        f"Covered: {_covered(found)}",
        f"Not covered, pixel size: {_calibration(found)}",
        "Not covered, segmentation: outlines that are too wide or too narrow by a fraction of a pixel shift all diameters "
        "alike, and particles that were missed, cut or joined change the distribution; the model's card gives what is known of "
        "it. A person should look at the outlines before the numbers are used.",
        f"Not covered, small particles: {_small(found)}",
        "Not covered, sampling: whether the images stand for the material – preparation, agglomeration, where on the specimen "
        "they were taken.",
    ]
    return [text("What the 95 % confidence intervals cover, and what they do not:"), *items(sentences)]


def by_hand(found: Findings) -> list[Flowable]:
    """List what people changed."""
    blocks: list[Flowable] = [text("Outlines: none was corrected by hand; all are as the model drew them.")]
    rows = [
        [
            image.name,
            f"{image.record['nm_per_px']:.6g}" if image.record.get("nm_per_px") else "–",
            BY_HAND[image.record["calibration_source"]],
        ]
        for image in found.content.images
        if image.record.get("calibration_source") in BY_HAND
    ]
    if not rows:
        return [*blocks, text("Pixel sizes: none was decided by hand.")]
    sizes = Counter((size, source) for _, size, source in rows)
    if len(rows) > 1 and len(sizes) == 1:
        (size, source), n = next(iter(sizes.items()))
        return [*blocks, text(f"Pixel sizes: that of {count(n, 'image')}, {size} nm per px each, was {source}.")]
    shown = [[name, source, size] for name, size, source in rows]
    return [*blocks, table(["Image", "Pixel size", "nm per px"], shown, (WIDTH_MM - 105, 80, 25), n_text_columns=2)]


def left_out(found: Findings) -> list[Flowable]:
    """List the images that the numbers are not of."""
    rows = [[one.name, one.reason] for one in found.content.left_out]
    if not rows:
        return [text("No image of the selection was left out.")]
    return [table(["Image", "Why it was left out"], rows, (75, WIDTH_MM - 75), n_text_columns=2)]


def software(found: Findings) -> list[Flowable]:
    """Name the software and the command that makes the report again."""
    versions = Counter(image.record.get("software_version") for image in found.images)
    rows = [("Analysed with SAEMI", counted_values(versions)), ("Reported with SAEMI", SOFTWARE_VERSION)]
    return [facts(rows), text("This command makes the report again:"), code(found.content.command)]


def _covered(found: Findings) -> str:
    if found.n_counted < 2:
        return "nothing; an interval needs 2 particles."
    if len(found.images) == 1:
        return (
            "the chance by which particles fell into the one image; how much images differ cannot be seen from one, so that "
            "the intervals are too narrow for the material as a whole."
        )
    images = count(len(found.images), "image")
    return f"the chance by which {images} and the particles in them were taken from all that could have been."


def _calibration(found: Findings) -> str:
    if not found.selection.is_calibrated:
        return "there is none, so that sizes in px of images of different magnification cannot be compared."
    differences = calibration_differences(image.record for image in found.images)
    if not differences:
        return "an error of the pixel size scales all diameters alike; no second reading tells how large it may be."
    return (
        "an error of the pixel size scales all diameters alike. Where file and scale bar both gave one "
        f"({count(len(differences), 'image')}), they differ by up to {percent(differences[-1])}."
    )


def _small(found: Findings) -> str:
    n_small = sum(image.n_small for image in found.images)
    share = percent(n_small / found.n_found) if found.n_found else "none"
    sizes = [SMALLEST_RELIABLE_PX * image.record["nm_per_px"] for image in found.images if image.record.get("nm_per_px")]
    where = f"{SMALLEST_RELIABLE_PX:g} px"
    if sizes:
        low, high = number(min(sizes), 3), number(max(sizes), 3)
        where += f", which is {low} nm" if low == high else f", which is {low} to {high} nm"
    return f"below {where}, a particle has too few pixels to be sized reliably; {share} of the particles found are smaller."
