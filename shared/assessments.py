"""What follows from sizes: whether a material is a nanomaterial, how many more particles it takes, and how particles lie.

Reading takes the session first; what is made of it needs none, so that no connection waits for it.
"""

from dataclasses import dataclass

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared import results
from shared.arrays import FloatArray
from shared.distributions.arrangement import (
    SMALLEST_NUMBER,
    RadialDistribution,
    coverage,
    number_density_per_um2,
    radial_distribution,
)
from shared.distributions.guidance import Guidance, how_many
from shared.distributions.screening import Screening, screen
from shared.distributions.summary import Weighting
from shared.errors import InputError
from shared.finding_rows import ParticleRow
from shared.geometry import AnalysedField, Box, specimen_area_px
from shared.pools import Population
from shared.quantities import DIAMETERS

SCREENED_QUANTITY = "feret_min_nm"
TOO_FEW = "Fewer than two particles count by this rule."


@dataclass(frozen=True, slots=True)
class Screened:
    """A screening of a population, or the reason why there is none."""

    population: Population
    screening: Screening | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Guided:
    """Guidance for a population, or the reason why there is none."""

    population: Population
    guidance: Guidance | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Field:
    """Where the particles of an analysis lie in its field, all of them, those at the border included; arrays of shape (n,)."""

    y_px: FloatArray
    x_px: FloatArray
    area_px: FloatArray
    box: AnalysedField
    annotations: tuple[Box, ...]
    nm_per_px: float | None


@dataclass(frozen=True, slots=True)
class Arrangement:
    """How the particles of an analysis lie; ``notes`` say why something is not there and how to read what is."""

    n_particles: int
    coverage: float
    density_per_um2: float | None
    radial: RadialDistribution | None
    nm_per_px: float | None
    notes: tuple[str, ...]


def screened(population: Population) -> Screened:
    """Screen the smallest Feret diameters of a population, nm."""
    found = screen(population.sample)
    return Screened(population, found, None if found else _reason(population))


def guided(quantity: str, population: Population, weighting: Weighting, target: float) -> Guided:
    """Say how many particles the diameters of a population take.

    Raises
    ------
    InputError
        ``no_diameter`` for another quantity.
    """
    if quantity not in DIAMETERS:
        raise InputError(f"How many particles it takes is said of diameters, and {quantity} is none.", code="no_diameter")
    if len(population.sample) < 2:
        return Guided(population, None, _reason(population))
    return Guided(population, how_many(population.sample, weighting, target), None)


def read_field(session: Session, analysis_id: int) -> Field:
    """Read where the particles of an analysis lie; raises NotFoundError."""
    row = results.analysis(session, analysis_id)
    p = ParticleRow
    columns = session.execute(select(p.centroid_y_px, p.centroid_x_px, p.area_px).where(p.analysis_id == analysis_id)).all()
    y, x, area = np.array(columns, dtype=np.float64).reshape(-1, 3).T
    annotations = row.recording.annotations if row.recording else []
    return Field(
        y_px=y,
        x_px=x,
        area_px=area,
        box=AnalysedField(row.field_top, row.field_bottom, row.field_left, row.field_right),
        annotations=tuple(Box(**one) for one in annotations),
        nm_per_px=row.nm_per_px,
    )


def arranged(field: Field) -> Arrangement:
    """Describe how particles lie in their field."""
    n, box = len(field.y_px), field.box
    specimen_px = specimen_area_px(box, field.annotations)
    radial = radial_distribution(field.y_px, field.x_px, box.bottom - box.top, box.right - box.left)
    notes = ["All particles of the field are looked at, those at its border included."]
    if radial is None:
        notes.append(f"{n} particles: below {SMALLEST_NUMBER}, g(r) would show chance.")
    elif field.annotations:
        notes.append("Annotations on the image hide particles, which g(r) does not make up for.")
    if field.nm_per_px is None:
        notes.append("Without a pixel size there are no particles per µm², and distances are in px.")
    return Arrangement(
        n_particles=n,
        coverage=coverage(field.area_px, specimen_px),
        density_per_um2=None if field.nm_per_px is None else number_density_per_um2(n, specimen_px, field.nm_per_px),
        radial=radial,
        nm_per_px=field.nm_per_px,
        notes=tuple(notes),
    )


def _reason(population: Population) -> str:
    if population.sample.n_images == 0 and population.excluded:
        return "No analysis of the selection has these sizes; those left out are named with their reasons."
    return TOO_FEW
