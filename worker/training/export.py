"""From a checkpoint to a model that can be shipped: averaged weights in half precision, with their card."""

import json
from pathlib import Path
from typing import Any

import click
import torch

from shared.domain import ModelIdentity
from worker.analysis.network import ParticleNet
from worker.weights import save_weights


@click.command()
@click.option("--checkpoint", type=click.Path(exists=True, path_type=Path), required=True)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Weights file, NAME-VERSION.safetensors.")
@click.option("--facts", type=click.Path(exists=True, path_type=Path), help="JSON: data, split, command, figures, licence.")
def main(checkpoint: Path, out: Path, facts: Path | None) -> None:
    """Write the averaged weights of a checkpoint, and their card."""
    content: dict[str, Any] = torch.load(checkpoint, map_location="cpu", weights_only=True)
    net = ParticleNet()
    net.load_state_dict(content["averaged"])
    name, _, version = out.stem.rpartition("-")
    known = json.loads(facts.read_text(encoding="utf-8")) if facts else {}
    course = {**content["settings"], "step": content["step"]}
    save_weights(out, net, ModelIdentity(name, version), {"training": course, **known})


if __name__ == "__main__":
    main()
