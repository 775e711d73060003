"""Analyses and their particles in the database: saved once, found by what they are, read in pages.

Functions take the session first and never commit.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from importlib.metadata import version
from typing import Any

from sqlalchemy import select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from shared import bulk, recordings
from shared.distributions.fitness import Fitness
from shared.distributions.sample import DEFAULT_COUNTING_RULE
from shared.distributions.stored import pack_bins, pack_sums
from shared.domain import Analysis, Calibration, Micrograph, ModelIdentity, Parameters
from shared.errors import InputError, NotFoundError
from shared.finding_rows import ParticleRow, RecordingRow
from shared.geometry import AnalysedField, Banner
from shared.models import IDENTITY, AnalysisRow, JobRow
from shared.quantities import ParticleTable, SizeStatistics

SOFTWARE_VERSION = version("saemi")
LARGEST_LABEL = 2**31 - 1
ANALYSES, RECORDINGS = (row.metadata.tables[row.__tablename__] for row in (AnalysisRow, RecordingRow))
CONFIDENCE_COLUMNS = ("confidence", "low_confidence")
# What tells an analysis from all others, in the order of `IDENTITY`.
Identity = tuple[str, int, str, str, str, str]


@dataclass(frozen=True, slots=True)
class AnalysisFiles:
    """SHA-256 of the files that belong to an analysis; the crop shows the scale bar where one was read."""

    labels_sha256: str
    outlines_sha256: str
    overlay_sha256: str
    preview_sha256: str
    thumbnail_sha256: str
    scale_bar_crop_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class FoundAnalysis:
    """An analysis that is to be stored, and what belongs to it."""

    image_sha256: str
    micrograph: Micrograph
    analysis: Analysis
    files: AnalysisFiles
    duration_s: float
    side_cars_sha256: str = ""

    def recording(self) -> dict[str, Any]:
        """Return the recording of its image, under the names of the columns."""
        return recordings.describe_identified(
            self.image_sha256,
            self.micrograph,
            self.analysis,
            side_cars_sha256=self.side_cars_sha256,
            scale_bar_crop_sha256=self.files.scale_bar_crop_sha256,
        )

    def row(self) -> dict[str, Any]:
        """Return everything but its recording and its particles, under the names of the columns."""
        kept = asdict(self.files)
        del kept["scale_bar_crop_sha256"]  # the recording's
        return (
            _describe_analysis(self.micrograph, self.analysis)
            | kept
            | {
                "image_sha256": self.image_sha256,
                "image_index": self.micrograph.index,
                "side_cars_sha256": self.side_cars_sha256,
                "n_images": self.micrograph.n_images,
                "duration_s": self.duration_s,
                **_for_pooling(self.analysis.particles),
            }
        )


def identity(
    image_sha256: str, model: ModelIdentity, parameters: Parameters, *, image_index: int = 0, side_cars_sha256: str = ""
) -> Identity:
    """Return what tells the analysis of this image by this model with these parameters from all others."""
    return image_sha256, image_index, side_cars_sha256, model.name, model.version, parameters.digest


def find_analyses(session: Session, images_sha256: Collection[str]) -> dict[Identity, int]:
    """Return the ids of the stored analyses of images by what tells them apart."""
    row = AnalysisRow
    place = (row.image_sha256, row.image_index, row.side_cars_sha256)
    method = (row.model_name, row.model_version, row.parameters_sha256)
    query = select(row.id, *place, *method).where(row.image_sha256.in_(images_sha256))
    return {(found[1], found[2], found[3], found[4], found[5], found[6]): found[0] for found in session.execute(query)}


def save_analysis(
    session: Session,
    image_sha256: str,
    micrograph: Micrograph,
    analysis: Analysis,
    files: AnalysisFiles,
    *,
    duration_s: float,
    side_cars_sha256: str = "",
) -> int:
    """Store one analysis as `save_analyses` does, and return its id."""
    (number,) = save_analyses(session, [FoundAnalysis(image_sha256, micrograph, analysis, files, duration_s, side_cars_sha256)])
    return number


def save_analyses(session: Session, found: Sequence[FoundAnalysis]) -> list[int]:
    """Store analyses with their particles and recordings, and return their ids in the same order.

    Where the same one is stored already, or comes twice, that is its id. What people decided of its pixel size is applied by
    `recalibration.settle` once the job has ended with it: only then are the submissions known that it belongs to.
    """
    described = [one.recording() for one in found]
    recorded, _ = bulk.find_or_add(session, RECORDINGS, recordings.IDENTITY, described)
    keys = [tuple(row[name] for name in recordings.IDENTITY) for row in described]
    rows = [one.row() | {"recording_id": recorded[key]} for one, key in zip(found, keys, strict=True)]
    ids, added = bulk.find_or_add(session, ANALYSES, IDENTITY, rows)
    numbers = [ids[tuple(row[name] for name in IDENTITY)] for row in rows]
    # Of the same analysis twice, the first one was added.
    first = {number: one for number, one in zip(reversed(numbers), reversed(found), strict=True) if number in added}
    bulk.add_particles(session, ((number, one.analysis.particles) for number, one in first.items()))
    return numbers


def describe(micrograph: Micrograph, analysis: Analysis) -> dict[str, Any]:
    """Return everything but the particles and the files of an analysis, under the names of the columns."""
    return recordings.describe_recording(micrograph.metadata, analysis.scale_bar) | _describe_analysis(micrograph, analysis)


def describe_measurement(
    shape: tuple[int, int],
    calibration: Calibration,
    banner: Banner | None,
    field: AnalysedField,
    *,
    statistics: SizeStatistics,
    fitness: Fitness,
) -> dict[str, Any]:
    """Return what is known of a measured label map, wherever it was made, under the names of the `analysis` columns."""
    return {
        "software_version": SOFTWARE_VERSION,
        "height_px": shape[0],
        "width_px": shape[1],
        "banner_top": banner.top if banner else None,
        "banner_bottom": banner.bottom if banner else None,
        "field_top": field.top,
        "field_bottom": field.bottom,
        "field_left": field.left,
        "field_right": field.right,
        "nm_per_px": calibration.nm_per_px,
        "calibration_source": calibration.source,
        "calibration_status": calibration.status,
        "counting_rule": DEFAULT_COUNTING_RULE,
        **asdict(statistics),
        "fitness": fitness.verdict,
        "fitness_reasons": list(fitness.reasons),
    }


def analysis(session: Session, analysis_id: int) -> AnalysisRow:
    """Return an analysis or raise NotFoundError."""
    row = session.get(AnalysisRow, analysis_id)
    if row is None:
        raise NotFoundError(f"There is no analysis {analysis_id}.", code="analysis_not_found")
    return row


def source_name(session: Session, analysis_id: int, job_id: int | None = None) -> str:
    """Return the name under which one of its jobs handed the image of an analysis in, without a job the first of them."""
    analysis(session, analysis_id)
    query = select(JobRow.source_name).where(JobRow.analysis_id == analysis_id).order_by(JobRow.id).limit(1)
    if job_id is not None:
        query = query.where(JobRow.id == job_id)
    name = session.scalars(query).one_or_none()
    if name is None and job_id is not None:
        raise NotFoundError(f"Job {job_id} has not led to analysis {analysis_id}.", code="job_not_found")
    return name or f"analysis-{analysis_id}"


def particles_page(
    session: Session, analysis_id: int, *, sort: str, descending: bool, after: tuple[float, int] | None, limit: int
) -> list[ParticleRow]:
    """Return up to ``limit`` particles in the order of one column, ties by label, those behind ``after`` only.

    Parameters
    ----------
    sort
        Name of a particle column.
    after
        Value of the column and label of the last particle that was seen; None begins.

    Raises
    ------
    InputError
        ``unknown_quantity``; ``not_calibrated`` for a nanometre column of an analysis without calibration; ``no_confidence``
        for a column of confidence where the model gave none; ``not_measured`` for what else the analysis does not have;
        ``invalid_cursor`` where ``after`` is no value of the column.
    """
    column = _quantity_column(session, analysis_id, sort)
    query = select(ParticleRow).where(ParticleRow.analysis_id == analysis_id).limit(limit)
    key = tuple_(column, ParticleRow.label)
    if after is not None:
        value, label = after
        if type(value) is not column.type.python_type or max(label, value if sort == "label" else 0) > LARGEST_LABEL:
            raise InputError("The cursor is not one of this list.", code="invalid_cursor")
        query = query.where(key < after if descending else key > after)
    order = (column.desc(), ParticleRow.label.desc()) if descending else (column.asc(), ParticleRow.label.asc())
    return list(session.scalars(query.order_by(*order)))


def particle(session: Session, analysis_id: int, label: int) -> ParticleRow:
    """Return one particle of an analysis or raise NotFoundError."""
    analysis(session, analysis_id)
    row = session.get(ParticleRow, (analysis_id, label))
    if row is None:
        raise NotFoundError(f"Analysis {analysis_id} has no particle {label}.", code="particle_not_found")
    return row


def measured_quantities(session: Session, analysis_id: int) -> set[str]:
    """Name the quantities that the particles of an analysis have; all of them where there are no particles.

    A quantity is missing for all particles of an analysis or for none, so that one particle tells.
    """
    one = session.scalars(select(ParticleRow).where(ParticleRow.analysis_id == analysis_id).limit(1)).first()
    names = {field.name for field in fields(ParticleTable)}
    return names if one is None else {name for name in names if getattr(one, name) is not None}


def all_particles(session: Session, analysis_id: int) -> Iterator[ParticleRow]:
    """Yield all particles of an analysis by label, without holding them all."""
    yield from session.scalars(
        select(ParticleRow).where(ParticleRow.analysis_id == analysis_id).order_by(ParticleRow.label),
        execution_options={"yield_per": 1000},
    )


def require_quantity(session: Session, analysis_id: int, name: str) -> None:
    """Raise InputError, as `particles_page` does for its order, where the particles of an analysis do not have a quantity."""
    _quantity_column(session, analysis_id, name)


def _describe_analysis(micrograph: Micrograph, analysis: Analysis) -> dict[str, Any]:
    shape = (micrograph.height_px, micrograph.width_px)
    return {
        "model_name": analysis.model.name,
        "model_version": analysis.model.version,
        "model_sha256": analysis.model.sha256,
        "parameters": asdict(analysis.parameters),
        "parameters_sha256": analysis.parameters.digest,
        "format": micrograph.format,
        "bit_depth": micrograph.bit_depth,
        "warnings": [*micrograph.warnings, *analysis.warnings],
        **describe_measurement(
            shape,
            analysis.calibration,
            analysis.banner,
            analysis.field,
            statistics=analysis.statistics,
            fitness=analysis.fitness,
        ),
        "counting_rule": analysis.counting_rule,
    }


def _for_pooling(particles: ParticleTable) -> dict[str, bytes | None]:
    """Return the sizes of an image in short, under the names of the columns."""
    at_border, weight = particles.touches_border, particles.edge_weight
    bins = None if particles.ecd_nm is None else pack_bins(particles.ecd_nm, at_border, weight)
    return {"ecd_bins": bins, "ecd_sums": pack_sums(particles.ecd_px, at_border, weight)}


def _quantity_column(session: Session, analysis_id: int, name: str) -> InstrumentedAttribute[Any]:
    if name not in {f.name for f in fields(ParticleTable)}:
        raise InputError(f"Particles have no quantity {name!r}.", code="unknown_quantity")
    if name.endswith(("_nm", "_nm2")) and analysis(session, analysis_id).nm_per_px is None:
        raise InputError(f"The analysis has no calibration, so {name} is not known.", code="not_calibrated")
    if name in CONFIDENCE_COLUMNS and analysis(session, analysis_id).n_low_confidence is None:
        raise InputError(f"The model of the analysis gives no confidence, so {name} is not known.", code="no_confidence")
    column: InstrumentedAttribute[Any] = getattr(ParticleRow, name)
    if column.nullable and name not in measured_quantities(session, analysis_id):
        message = (
            f"The analysis has no {name}: it has a single particle, or a release of SAEMI made it that did not measure this."
        )
        raise InputError(message, code="not_measured")
    return column
