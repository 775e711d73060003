"""A facility for each test, and how much of everything."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.extent import LONG, SHORT, Extent
from tests.chaos.facility import Facility, running_facility
from tests.chaos.handing_in import Client
from tests.chaos.images import Drawings

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


@pytest.fixture
def facility() -> Iterator[Facility]:
    """A facility of its own."""
    with tempfile.TemporaryDirectory(prefix="saemi-") as folder, running_facility(Path(folder)) as running:
        yield running


@pytest.fixture
def client(facility: Facility) -> Client:
    """A client of the facility's portal."""
    return Client(facility.address)


@pytest.fixture
def drawings() -> Drawings:
    """Micrographs that were not handed in before."""
    return Drawings()
