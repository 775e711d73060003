"""The whole science of one micrograph: inscriptions, field, padding, segmentation, measurement, statistics.

Callable from a notebook: pixels and a segmenter in, an analysis out; no files, database, clock or settings. `analyse` is the
three steps one after the other; a conveyor takes them apart, so that the network looks at one image while others are read and
measured.
"""

from dataclasses import dataclass, replace

from shared.arrays import FloatImage, Labels
from shared.distributions.fitness import judge
from shared.distributions.size_statistics import n_small, size_statistics
from shared.domain import Analysis, Micrograph, ModelIdentity, Parameters, Segmentation, Segmenter
from shared.geometry import specimen_area_px
from shared.quantities import SMALLEST_RELIABLE_PX, ParticleTable
from worker.analysis.inscriptions import Inscriptions, calibrate, read_inscriptions
from worker.analysis.label_map import numbers_before
from worker.analysis.lettering import TextReader
from worker.analysis.measurement.particles import measure
from worker.analysis.normalisation import to_unit_range
from worker.analysis.padding import cut_to_field, reflect_outside, reflect_over


@dataclass(frozen=True, slots=True)
class Prepared:
    """A micrograph whose inscriptions have been read: what a segmenter is shown and a measurement needs follow from it."""

    micrograph: Micrograph
    parameters: Parameters
    written: Inscriptions


def analyse(
    micrograph: Micrograph, parameters: Parameters, segmenter: Segmenter, text_reader: TextReader | None = None
) -> Analysis:
    """Find, split and measure the particles of a micrograph.

    Parameters
    ----------
    micrograph : Micrograph
        The decoded image, shape (rows, columns).
    parameters : Parameters
        What a person chose; ``parameters.nm_per_px`` wins over what the file states and the scale bar shows. Without any of
        them, or where the last two contradict each other, the result is in pixels only.
    segmenter : Segmenter
        Any callable from a grey image to labels.
    text_reader : TextReader, optional
        Without one, neither the scale bar is read nor are burnt-in annotations left out.

    Returns
    -------
    Analysis
        With labels of the size of the image, 0 outside the analysed field and under annotations.
    """
    prepared = prepare(micrograph, parameters, text_reader)
    return measured(prepared, segmenter.identity, segmenter(specimen(prepared)))


def prepare(micrograph: Micrograph, parameters: Parameters, text_reader: TextReader | None = None) -> Prepared:
    """Read what is written on a micrograph; the arguments are those of `analyse`."""
    return Prepared(micrograph, parameters, read_inscriptions(micrograph, text_reader))


def specimen(prepared: Prepared) -> FloatImage:
    """Return what a segmenter is shown: the specimen in 0..1, mirrored to where banner and annotations were.

    The grey range is taken after banner and letters are gone: their white would darken the specimen.
    """
    written = prepared.written
    without_letters = reflect_over(prepared.micrograph.pixels, written.annotations, written.field)
    return to_unit_range(reflect_outside(without_letters, written.field))


def measured(prepared: Prepared, model: ModelIdentity, found: Segmentation) -> Analysis:
    """Measure the particles that a segmenter has found in the specimen.

    Parameters
    ----------
    prepared : Prepared
        The micrograph.
    model : ModelIdentity
        Which segmenter it was.
    found : Segmentation
        Of what `specimen` shows.

    Returns
    -------
    Analysis
        As `analyse` gives it.
    """
    micrograph, parameters, written = prepared.micrograph, prepared.parameters, prepared.written
    labels = cut_to_field(found.labels, written.field, written.annotations)
    calibrated = calibrate(micrograph, written.scale_bar, parameters.nm_per_px)
    table = measure(labels, written.field, calibrated.nm_per_px, written.annotations, micrograph.pixels)
    particles = _with_confidence(table, labels, found, parameters.min_confidence)
    specimen_px = specimen_area_px(written.field, written.annotations)
    return Analysis(
        model=model,
        parameters=parameters,
        calibration=calibrated,
        banner=written.banner,
        field=written.field,
        labels=labels,
        particles=particles,
        statistics=size_statistics(particles, specimen_px),
        fitness=judge(particles, specimen_px),
        warnings=(*written.warnings, *_warnings(particles)),
        scale_bar=written.scale_bar,
        annotations=written.annotations,
    )


def _with_confidence(particles: ParticleTable, labels: Labels, found: Segmentation, min_confidence: float) -> ParticleTable:
    """Fill the confidence of the particles that the segmenter found, and that `labels` may show cut and numbered anew."""
    if found.confidence is None:
        return particles
    confidence = found.confidence[numbers_before(labels, found.labels) - 1]
    return replace(particles, confidence=confidence, low_confidence=confidence < min_confidence)


def _warnings(particles: ParticleTable) -> tuple[str, ...]:
    """Say what a person should know before they use the numbers."""
    if not len(particles):
        return ("No particles were found.",)
    n = n_small(particles.ecd_px)
    if not n:
        return ()
    share = f"{n} of {len(particles)} particles"
    return (f"{share} are less than {SMALLEST_RELIABLE_PX:g} px across: too few pixels to be sized reliably.",)
