"""What the tests of the commands start from."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.domain import ModelIdentity
from tests.integration.analyses import draw_discs
from tests.unit.cli.served_portal import ServedPortal, serve_portal
from tests.unit.micrograph.files import png_bytes, tiff_bytes


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings but those of the test, a folder of its own to write into, and a user who has never run a command."""
    for name in [name for name in os.environ if name.startswith("SAEMI_")]:
        monkeypatch.delenv(name)
    for name in ("XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home" / name))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A folder of three micrographs, two of one stem, and two files that are none."""
    folder = tmp_path / "images"
    (folder / "deeper").mkdir(parents=True)
    (folder / "a.png").write_bytes(png_bytes(draw_discs(4)))
    (folder / "a.tif").write_bytes(tiff_bytes(draw_discs(2)))
    (folder / "deeper" / "[red].png").write_bytes(png_bytes(draw_discs(3)))
    whole = png_bytes(draw_discs(3))
    (folder / "broken.png").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.tif").touch()
    (folder / "notes.txt").write_text("no image")
    return folder


@pytest.fixture
def own_model(tmp_path: Path) -> Path:
    """A network of our own, untrained, with a card."""
    import torch

    from worker.analysis.network import ParticleNet
    from worker.weights import save_weights

    torch.manual_seed(0)
    path = tmp_path / "own-7.safetensors"
    save_weights(path, ParticleNet(), ModelIdentity("own", "7"), {"description": "Untrained.", "figures": {"f1": 0.125}})
    return path


@pytest.fixture
def served(tmp_path: Path) -> Iterator[ServedPortal]:
    """A portal on a socket, without workers."""
    with serve_portal(tmp_path / "portal") as portal:
        yield portal
