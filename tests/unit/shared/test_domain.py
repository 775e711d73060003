"""The vocabulary: one name for one thing everywhere, and parameters that stand for one request each."""

import dataclasses
import math
from dataclasses import fields
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import domain
from shared.domain import PIPELINE_VERSION, Parameters
from shared.finding_rows import ParticleRow, RecordingRow
from shared.models import AnalysisRow
from shared.quantities import PARTICLE_QUANTITIES, STATISTIC_QUANTITIES, ParticleTable, Quantity, SizeStatistics
from shared.tables import ANALYSIS_COLUMNS, PARTICLE_COLUMNS, RECORDING_COLUMNS, SUMMARY_COLUMNS, csv_lines
from web.analysis_schemas import Analysis, Particle, Recording, Statistics

QUANTITIES = PARTICLE_QUANTITIES + STATISTIC_QUANTITIES
UNIT_OF_ENDING = {"_px": "px", "_nm": "nm", "_nm2": "nm²", "_deg": "°", "_intensity": "grey"}
# Columns of the first releases, which every particle has.
ALWAYS_MEASURED = {
    *("label", "centroid_y_px", "centroid_x_px", "area_px", "ecd_px", "perimeter_px", "feret_max_px", "feret_min_px"),
    *("aspect_ratio", "circularity", "solidity", "touches_border"),
}

# The digests of version 6. When these change for the same parameters, PIPELINE_VERSION must have been raised.
DIGESTS_OF_VERSION_6 = {
    Parameters("particlenet-1"): "83449091aab1b79c95add20b4ec0c34f49cf94e893e01b597c3dbb65dd668697",
    Parameters("particlenet-1", nm_per_px=0.5): "b140b53d7f705374ed10641843523a7af33e7e45f4f9a7713c8a60f13bc5577c",
    Parameters("classical-1", min_confidence=0.25): "77c776f1bd89e333f88b0e202815086c3151c04234f8245053374dd597d87961",
}


def names(record: type) -> list[str]:
    return [field.name for field in fields(record)]


def test_a_particle_has_the_same_columns_in_arrays_rows_files_and_answers() -> None:
    columns = names(ParticleTable)
    assert [c.name for c in ParticleRow.__table__.columns if c.name != "analysis_id"] == columns
    assert list(PARTICLE_COLUMNS) == columns
    assert next(iter(csv_lines(PARTICLE_COLUMNS, []))) == ",".join(columns) + "\n"
    assert list(Particle.model_fields) == columns
    assert [quantity.name for quantity in PARTICLE_QUANTITIES] == columns


def test_the_statistics_have_the_same_names_in_values_rows_files_and_answers() -> None:
    columns = names(SizeStatistics)
    for others in (AnalysisRow.__table__.columns.keys(), ANALYSIS_COLUMNS, SUMMARY_COLUMNS):
        assert [name for name in others if name in columns] == columns
    assert list(Statistics.model_fields) == columns
    assert [quantity.name for quantity in STATISTIC_QUANTITIES] == columns


def test_every_column_of_the_summary_is_a_column_of_the_analysis_or_of_its_recording() -> None:
    assert set(RECORDING_COLUMNS) <= set(ANALYSIS_COLUMNS) & set(RecordingRow.__table__.columns.keys())
    assert set(ANALYSIS_COLUMNS) - set(RECORDING_COLUMNS) <= set(AnalysisRow.__table__.columns.keys())


def test_the_api_shows_the_columns_of_an_analysis_under_their_own_names() -> None:
    grouped = {"banner", "field", "statistics", "recording", "calibration", "annotations", "original", "origins"}
    assert set(Analysis.model_fields) - grouped <= set(AnalysisRow.__table__.columns.keys())
    assert set(Recording.model_fields) <= set(RecordingRow.__table__.columns.keys())


@pytest.mark.parametrize("quantity", QUANTITIES, ids=lambda quantity: quantity.name)
def test_every_quantity_has_a_definition_and_the_unit_that_its_name_ends_in(quantity: Quantity) -> None:
    assert quantity.definition.endswith(".")
    ending = "_" + quantity.name.rpartition("_")[2]
    unit = UNIT_OF_ENDING.get(ending, "")
    # The area in pixels is the one quantity whose name has no exponent: a count of pixels.
    assert quantity.unit == ("px²" if quantity.name == "area_px" else unit)


def test_every_length_in_nanometres_is_also_given_in_pixels_and_the_other_way_round() -> None:
    for record in (ParticleTable, SizeStatistics):
        columns = {name for name in names(record) if not name.startswith("centroid")}
        in_nm = {name.removesuffix("2").removesuffix("_nm") for name in columns if name.endswith(("_nm", "_nm2"))}
        in_px = {name.removesuffix("_px") for name in columns if name.endswith("_px")}
        assert in_nm == in_px


def test_what_the_first_releases_measured_is_there_for_every_particle() -> None:
    never_missing = {column.name for column in ParticleRow.__table__.columns if not column.nullable}
    assert never_missing == ALWAYS_MEASURED | {"analysis_id"}
    optional = {name for name, field in Particle.model_fields.items() if type(None) in get_args(field.annotation)}
    assert optional == set(PARTICLE_COLUMNS) - ALWAYS_MEASURED


@pytest.mark.parametrize("parameters", list(DIGESTS_OF_VERSION_6), ids=str)
def test_the_digest_is_stable_for_one_version_of_the_pipeline(parameters: Parameters) -> None:
    assert PIPELINE_VERSION == 6, "a new version has new digests: pin them here"
    assert parameters.digest == DIGESTS_OF_VERSION_6[parameters]


def test_the_digest_changes_with_every_parameter() -> None:
    changed = {"model": "another", "nm_per_px": 0.25, "min_confidence": 0.25}
    assert set(changed) == set(names(Parameters)), "a new parameter needs a case here"
    digests = {Parameters().digest, *(dataclasses.replace(Parameters(), **{k: v}).digest for k, v in changed.items())}
    assert len(digests) == 1 + len(changed)


def test_the_digest_changes_with_the_version_of_the_pipeline(monkeypatch: pytest.MonkeyPatch) -> None:
    before = Parameters().digest
    monkeypatch.setattr(domain, "PIPELINE_VERSION", PIPELINE_VERSION + 1)
    assert Parameters().digest != before


def test_one_nanometre_is_the_same_request_as_a_whole_or_a_real_number() -> None:
    assert Parameters(nm_per_px=1).digest == Parameters(nm_per_px=1.0).digest


@given(st.floats(1e-4, 1e6), st.floats(1e-4, 1e6))
def test_different_pixel_sizes_have_different_digests_and_equal_ones_the_same(first: float, second: float) -> None:
    assert (Parameters(nm_per_px=first).digest == Parameters(nm_per_px=second).digest) == (first == second)


@pytest.mark.parametrize("nonsense", [-0.1, 1.1, math.nan, math.inf])
def test_parameters_refuse_a_threshold_that_is_no_probability(nonsense: float) -> None:
    with pytest.raises(ValueError, match="min_confidence"):
        Parameters(min_confidence=nonsense)


@pytest.mark.parametrize("nonsense", [0, -1.0, -0.0, 1e-5, 1e7, math.nan, math.inf, -math.inf])
def test_parameters_refuse_a_pixel_size_that_no_instrument_has(nonsense: float) -> None:
    with pytest.raises(ValueError, match="nm_per_px"):
        Parameters(nm_per_px=nonsense)
