"""What the methods block says, and the statistics that stand beside it."""

import csv
import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from shared.distributions.sample import COUNTING_RULES, CountingRule
from shared.domain import Calibration
from shared.errors import InputError
from shared.output_formats import OUTPUT_FORMATS, output_format
from shared.quantities import PARTICLE_QUANTITIES, STATISTIC_QUANTITIES
from shared.results import SOFTWARE_VERSION
from tests.unit.outputs.made import COMMAND, analysed_image, content, drawn_labels, written
from worker.outputs.content import Choices, Content, LeftOut, in_nanometres
from worker.outputs.formats import MODULES, writer
from worker.outputs.methods import as_text, methods

SMALL = np.zeros((30, 30), np.int32)
SMALL[5:8, 5:8], SMALL[15:26, 15:26] = 1, 2


def facts(what: Content) -> dict[str, dict[str, str]]:
    return {section.title: {fact.name: fact.value for fact in section.facts} for section in methods(what)}


@pytest.fixture(scope="module")
def several() -> Content:
    labels, merlin = drawn_labels(), {"instrument": "ZEISS Merlin", "voltage_kv": 5.0}
    return content(
        analysed_image(labels, "1.tif", "1", sample="S1", acquired_at="2024-05-07T10:00:00", magnification=20000.0,
                       confidence=np.linspace(0.3, 0.9, 7), **merlin),
        analysed_image(labels, "2.tif", "2", sample="S1", acquired_at="2024-05-06 09:00",
                       calibrated=Calibration.manual(1.25), **merlin),
        analysed_image(SMALL, "3.tif", "3", calibrated=Calibration(2.0, "instrument_default", "ok"), acquired_at="yesterday"),
        analysed_image(labels, "4.tif", "4", calibrated=Calibration(0.5, "scale_bar", "ok"), model_version="2"),
        analysed_image(labels, "5.tif", "5", calibrated=Calibration.conflict(), fitness="fit"),
        analysed_image(SMALL, "6.tif", "6", calibrated=Calibration.missing()),
        left_out=[LeftOut("broken.tif", "It is cut off."), LeftOut("other.tif", "It failed.")],
    )  # fmt: skip


def test_the_sections_come_in_the_order_of_the_standards(several: Content) -> None:
    assert list(facts(several)) == [
        "Sample", "Instrument", "Calibration", "Segmentation", "Counting", "Statistics", "Corrections by hand",
        "Images left out", "Software", "Definitions",
    ]  # fmt: skip
    assert "Images left out" not in facts(replace(several, left_out=[]))


def test_images_are_counted_by_where_their_pixel_size_comes_from(several: Content) -> None:
    assert facts(several)["Calibration"] == {
        "Pixel sizes": "0.5 nm to 2 nm",
        "Pixel size stated by the file": "1 image",
        "Pixel size read from the scale bar": "1 image",
        "Pixel size stated by a person": "1 image",
        "Pixel size decided by a person for the instrument": "1 image",
        "No pixel size, sizes in px only": "1 image",
        "File and scale bar contradict each other, sizes in px only": "1 image",
    }
    corrections = facts(several)["Corrections by hand"]
    assert corrections["Pixel sizes"].startswith("2 images ")
    assert corrections["Outlines"] == "None: this release has no way to correct them."


def test_what_was_looked_at_and_with_what_is_counted_and_named(several: Content) -> None:
    found = facts(several)
    assert found["Sample"] == {
        "Selection": "Submission 12, gold",
        "Samples": "not stated (4 images); S1 (2 images)",
        "Images": "6",
        "Images left out": "2",
    }
    assert found["Instrument"] == {
        "Instrument": "not stated (4 images); ZEISS Merlin (2 images)",
        "Accelerating voltage": "not stated (4 images); 5 kV (2 images)",
        "Magnification": "not stated (5 images); 20,000× (1 image)",
        "Recorded": "2024-05-06 to 2024-05-07",
    }
    sha256 = "d" * 64
    assert found["Segmentation"]["Model"] == (
        f"drawn-1, SHA-256 of its weights {sha256} (5 images); drawn-2, SHA-256 of its weights {sha256} (1 image)"
    )
    assert found["Segmentation"]["Parameter min_confidence"] == "0.5"
    assert found["Segmentation"]["Parameter nm_per_px"] == "not stated"
    assert found["Images left out"] == {"broken.tif": "It is cut off.", "other.tif": "It failed."}
    assert found["Software"] == {
        "Analysed with SAEMI": SOFTWARE_VERSION,
        "Written with SAEMI": SOFTWARE_VERSION,
        "Command that makes this again": COMMAND,
    }


@pytest.mark.parametrize(("rule", "left_out", "n_counted"), [("all", "0", "32"), ("exclude-border", "4", "28")])
def test_particles_are_counted_by_what_the_rule_makes_of_them(
    several: Content, rule: CountingRule, left_out: str, n_counted: str
) -> None:
    found = facts(replace(several, choices=Choices(rule=rule)))["Counting"]
    assert found["Counting rule"] == rule
    assert found["Meaning"] == COUNTING_RULES[rule]
    assert (found["Particles found"], found["Particles that touch the border"]) == ("32", "4")
    assert (found["Particles left out at the border"], found["Particles counted"]) == (left_out, n_counted)
    # Of each drawing one pixel and a square of 6 by 8, which is 7.8 px across; of each small one a square of 3.
    assert found["Particles smaller than 8 px across, the smallest reliable"] == "10"
    assert found["Particles of low confidence, counted all the same"] == "2; not known of 5 images"
    assert found["Images fit for sizing"] == "not judged (5 images); fit (1 image)"


def test_every_column_has_its_definition(several: Content) -> None:
    found = facts(several)["Definitions"]
    assert set(found) == {quantity.name for quantity in (*PARTICLE_QUANTITIES, *STATISTIC_QUANTITIES)}
    assert found["ecd_nm"] == "Equivalent circular diameter √(4A/π). Unit: nm."


def test_the_text_has_a_line_for_each_fact(several: Content) -> None:
    lines = as_text(methods(several)).splitlines()
    assert lines[:3] == ["SAMPLE", "Selection: Submission 12, gold", "Samples: not stated (4 images); S1 (2 images)"]
    assert sum(": " in line for line in lines) == sum(len(section.facts) for section in methods(several))


def test_label_maps_made_elsewhere_have_no_model(several: Content) -> None:
    image = analysed_image(SMALL, model_name=None, model_version=None, model_sha256=None, parameters_sha256=None)
    found = facts(content(replace(image, parameters=None)))["Segmentation"]
    assert found == {"Model": "label maps made elsewhere", "SHA-256 of the parameters": "none"}


def test_methods_of_nothing_say_so() -> None:
    found = facts(content(left_out=[LeftOut("a.tif", "It failed.")]))
    assert (found["Sample"]["Images"], found["Counting"]["Particles found"]) == ("0", "0")
    assert found["Calibration"]["Pixel sizes"] == "none"


def test_many_values_are_cut_with_their_number() -> None:
    images = [analysed_image(SMALL, f"{i}.tif", f"{i}", sample=f"S{i:02d}") for i in range(25)]
    assert facts(content(*images))["Sample"]["Samples"].endswith("S19 (1 image); 5 more")


def test_images_without_pixel_size_can_be_left_out_with_their_reason(several: Content) -> None:
    pooled = in_nanometres(several)
    assert [image.name for image in pooled.images] == ["1.tif", "2.tif", "3.tif", "4.tif"]
    assert [one.name for one in pooled.left_out] == ["broken.tif", "other.tif", "5.tif", "6.tif"]


@pytest.mark.parametrize("name", ["csv", "xlsx", "json"])
def test_the_statistics_of_images_follow_the_counting_rule_that_is_asked_for(tmp_path: Path, name: str) -> None:
    image = analysed_image(drawn_labels())
    particles = image.particles()
    assert image.record["counting_rule"] == "exclude-border-weighted"
    written(name, content(image, choices=Choices(rule="all")), tmp_path / "o")
    row = summary_of(name, tmp_path / "o")
    assert (row["counting_rule"], int(row["n_counted"])) == ("all", 7)
    assert float(row["ecd_mean_px"]) == pytest.approx(particles.ecd_px.mean())
    assert float(row["coverage"]) == pytest.approx(image.record["coverage"])
    old = replace(image, record={**image.record, "counting_rule": "all", "n_counted": None, "ecd_d50_px": 1.0})
    written(name, content(old, choices=Choices(rule="all")), tmp_path / "o")
    assert summary_of(name, tmp_path / "o") == row, "what an older release had computed is computed anew"


def summary_of(name: str, path: Path) -> dict[str, str]:
    if name == "csv":
        with zipfile.ZipFile(path) as archive:
            return next(csv.DictReader(io.StringIO(archive.read("summary.csv").decode(), newline="")))
    if name == "json":
        image = json.loads(path.read_text())["images"][0]
        del image["particles"]
        return image
    from python_calamine import CalamineWorkbook

    header, row = CalamineWorkbook.from_path(path).get_sheet_by_name("Summary").to_python()
    return dict(zip(header, row, strict=True))


def test_every_format_has_a_writer_and_every_writer_a_format() -> None:
    assert list(MODULES) == list(OUTPUT_FORMATS)
    assert all(callable(writer(name)) for name in OUTPUT_FORMATS)
    assert all(one.description.endswith(".") for one in OUTPUT_FORMATS.values())
    assert len({one.extension for one in OUTPUT_FORMATS.values()}) == len(OUTPUT_FORMATS)
    for ask in (output_format, writer):
        with pytest.raises(InputError, match="There is no format 'docx'") as raised:
            ask("docx")
        assert raised.value.code == "unknown_format"
