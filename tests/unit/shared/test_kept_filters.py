"""Filters that rows keep: what is read back is what was asked for, and what a release does not know is refused."""

import json

import pytest

from shared.analysis_filter import EVERY_ANALYSIS, AnalysisFilter
from shared.conditions import read_condition
from shared.errors import InputError
from shared.kept_filters import kept, restored
from shared.manifest_filter import ManifestFilter
from shared.quantities import STATISTIC_QUANTITIES

CONDITIONS = tuple(read_condition(text, STATISTIC_QUANTITIES) for text in ("ecd_d50_nm<40", "n_particles>=500"))


@pytest.mark.parametrize(
    ("wanted", "stored"),
    [
        (EVERY_ANALYSIS, {}),
        (AnalysisFilter(submission_id=12), {"submission_id": 12}),
        (AnalysisFilter(files=ManifestFilter("S1", ("batch:12",))), {"files": {"sample": "S1", "metadata": ["batch:12"]}}),
        (AnalysisFilter(calibration_status="ok", where=CONDITIONS), {
            "calibration_status": "ok",
            "where": ["ecd_d50_nm<40", "n_particles>=500"],
        }),
    ],
    ids=str,
)  # fmt: skip
def test_a_filter_is_kept_as_json_and_read_back(wanted: AnalysisFilter, stored: dict[str, object]) -> None:
    assert kept(wanted) == stored
    assert restored(json.loads(json.dumps(kept(wanted)))) == wanted


@pytest.mark.parametrize(
    ("values", "code"), [({"colour": "red"}, "unknown_criterion"), ({"where": ["colour<3"]}, "unknown_quantity")], ids=str
)
def test_what_a_release_does_not_know_is_refused_and_not_left_out(values: dict[str, object], code: str) -> None:
    with pytest.raises(InputError) as refused:
        restored(values)
    assert refused.value.code == code
