"""`saemi search` before a portal without workers."""

import csv
import io
import json

import pytest
from click.testing import Result

from benchmarks.found_rows import make_rows
from cli.client import Saemi
from tests.unit.cli.invocation import invoke
from tests.unit.cli.served_portal import ServedPortal


@pytest.fixture
def filled(served: ServedPortal) -> ServedPortal:
    make_rows(served.database, 40, 5)
    return served


def search(portal: ServedPortal, *arguments: object) -> Result:
    return invoke("search", *arguments, "--server", portal.address)


def test_hits_are_printed_as_json_csv_and_a_table_in_one_order(filled: ServedPortal) -> None:
    asked = ("--where", "ecd_d50_nm<90", "--where", "n_particles>100", "--model", "particlenet-2", "--sort", "ecd_d50_nm")
    found = json.loads(search(filled, *asked, "--json").stdout)
    sizes = [item["statistics"]["ecd_d50_nm"] for item in found]
    assert len(sizes) > 3
    assert sizes == sorted(sizes, reverse=True)
    assert max(sizes) < 90
    records = list(csv.DictReader(io.StringIO(search(filled, *asked, "--csv").stdout)))
    assert [int(record["analysis"]) for record in records] == [item["id"] for item in found]
    limited = list(csv.DictReader(io.StringIO(search(filled, *asked, "--csv", "--limit", 2).stdout)))
    assert limited == records[:2]
    assert json.loads(search(filled, *asked, "--json", "--limit", 2).stdout) == found[:2]
    table = search(filled, *asked, "--where", "ecd_span<5").stdout.splitlines()
    assert table[0].split()[-1] == "ecd_span"
    assert len(table) == 1 + len(found)
    with Saemi(filled.address) as saemi:
        again = saemi.analyses(where=["ecd_d50_nm<90", "n_particles>100"], model="particlenet-2", sort="ecd_d50_nm")
        assert [analysis.id for analysis in again] == [item["id"] for item in found]


def test_particles_are_searched_within_analyses(filled: ServedPortal) -> None:
    asked = ("--particles", "--where", "touches_border=false", "--where", "ecd_px>60", "--model", "classical")
    found = json.loads(search(filled, *asked, "--json").stdout)
    assert {item["analysis_id"] % 5 for item in found} == {0}
    assert min(item["ecd_px"] for item in found) > 60
    records = list(csv.DictReader(io.StringIO(search(filled, *asked, "--csv").stdout)))
    assert [(int(r["analysis"]), int(r["label"])) for r in records] == [(i["analysis_id"], i["label"]) for i in found]
    assert len(search(filled, *asked, "--limit", 3).stdout.splitlines()) == 4
    with Saemi(filled.address) as saemi:
        again = saemi.search_particles(where=["touches_border=false", "ecd_px>60"], model="classical")
        assert [particle.label for particle in again] == [item["label"] for item in found]


def test_nothing_is_said_and_printed_as_nothing(filled: ServedPortal) -> None:
    nothing = search(filled, "--project", "nobody's")
    assert (nothing.exit_code, nothing.stdout) == (0, "")
    assert json.loads(search(filled, "--project", "nobody's", "--json").stdout) == []
    assert search(filled, "--project", "nobody's", "--csv").stdout.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--where", "ecd_d5_nm<40"), "Did you mean ecd_d50_nm?"),
        (("--where", "circularity<0.5"), "There is no quantity 'circularity' here"),
        (("--where", "ecd_d50_nm<40nm"), "is no number"),
        (("--sort", "colour"), "sort:"),
        (("--calibration-status", "good"), "calibration-status"),
        (("--particles", "--sort", "ecd_d50_nm"), "takes neither --sort nor --order"),
        (("--json", "--csv"), "either --json or --csv"),
        (("--acquired-from", "yesterday"), "A year, month, day or time"),
    ],
)
def test_a_wrong_search_is_wrong_usage_before_anybody_is_asked(arguments: tuple[str, ...], said: str) -> None:
    result = invoke("search", *arguments, "--server", "http://127.0.0.1:9")
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())
