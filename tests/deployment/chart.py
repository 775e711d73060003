"""The Helm chart as Helm's own engine renders it."""

from collections.abc import Iterator
from typing import Any

import helm_python
import yaml

from tests.stack import PROJECT

CHART = PROJECT / "deploy" / "helm" / "saemi"
NAMESPACE = "microscopy"
# The least a facility states, and everything that is off by default.
LEAST: dict[str, Any] = {"secretName": "saemi"}
EVERYTHING: dict[str, Any] = {
    **LEAST,
    "imagePullSecrets": [{"name": "registry"}],
    "web": {
        "ingress": {"enabled": True, "className": "nginx", "tlsSecretName": "saemi-tls", "annotations": {"example.org/a": "b"}}
    },
    "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
    "networkPolicy": {"database": {"to": [{"ipBlock": {"cidr": "192.0.2.7/32"}}]}},
    "workers": {"cpu": {"nodeSelector": {"disk": "fast"}}},
}


def render(values: dict[str, Any]) -> list[dict[str, Any]]:
    """All resources of a release with the given values."""
    with helm_python.Chart.load(CHART) as chart:
        chart.validate_schema(values)
        files = chart.render(values, name="saemi", namespace=NAMESPACE)
    documents = [yaml.safe_load_all(text) for name, text in sorted(files.items()) if name.endswith(".yaml")]
    return [resource for document in documents for resource in document if resource]


def of_kind(resources: list[dict[str, Any]], *kinds: str) -> list[dict[str, Any]]:
    """The resources of some kinds."""
    return [resource for resource in resources if resource["kind"] in kinds]


def named(resources: list[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    """The one resource of a kind and name."""
    (found,) = [resource for resource in of_kind(resources, kind) if resource["metadata"]["name"] == name]
    return found


def pods(resources: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any], dict[str, str]]]:
    """Name, specification and labels of each kind of pod."""
    for resource in of_kind(resources, "Deployment", "Job"):
        template = resource["spec"]["template"]
        yield resource["metadata"]["name"], template["spec"], template["metadata"]["labels"]


def environment(container: dict[str, Any]) -> dict[str, str | None]:
    """The variables of a container; None for one whose value comes from a Secret."""
    return {entry["name"]: entry.get("value") for entry in container["env"]}
