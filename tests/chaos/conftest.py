"""Facilities for the tests, and how much of everything."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.extent import LONG, SHORT, Extent
from tests.chaos.facility import Facility, running_facility
from tests.chaos.places import PLACES, folder_on_small_disk

EXTENTS = {"short": SHORT, "long": LONG}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give each test that asks for a seed as many as this form has."""
    if "seed" in metafunc.fixturenames:
        first = metafunc.config.getoption("chaos_seed")
        metafunc.parametrize("seed", range(first, first + EXTENTS[metafunc.config.getoption("chaos")].n_seeds))


@pytest.fixture
def extent(request: pytest.FixtureRequest) -> Extent:
    """The form that was asked for."""
    return EXTENTS[request.config.getoption("chaos")]


@pytest.fixture(params=PLACES.values(), ids=PLACES)
def facility(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Facility]:
    """A facility of one test's own, once for each place where its blobs can lie."""
    with running_facility(tmp_path, request.param) as running:
        yield running


@pytest.fixture(scope="module")
def shared_facility(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Facility]:
    """A facility that the tests of a module share; each leaves it with all jobs ended."""
    with running_facility(tmp_path_factory.mktemp("logs"), folder_on_small_disk) as running:
        yield running
