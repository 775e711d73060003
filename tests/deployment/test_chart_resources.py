"""Every resource of the chart is one that Kubernetes, KEDA and the Prometheus operator accept."""

from typing import Any

import helm_python
import kubernetes_validate
import pytest
from cloudcoil.models.keda.v1alpha1 import ScaledObject, TriggerAuthentication
from cloudcoil.models.prometheus_operator.v1 import ServiceMonitor
from cloudcoil.resources import Resource

from tests.deployment.chart import CHART, EVERYTHING, LEAST, render

# The oldest that Chart.yaml allows, and the newest that the schemas know.
KUBERNETES_VERSIONS = ("1.27", kubernetes_validate.latest_version())
# Made from the definitions that their makers publish for each kind.
DEFINED_ELSEWHERE: dict[str, type[Resource]] = {
    "ScaledObject": ScaledObject,
    "TriggerAuthentication": TriggerAuthentication,
    "ServiceMonitor": ServiceMonitor,
}
SEVERITY_INFORMATION = 1


def all_resources() -> list[pytest.ParameterSet]:
    return [
        pytest.param(resource, id=f"{resource['kind']}-{resource['metadata']['name']}-{name}")
        for name, values in {"least": LEAST, "everything": EVERYTHING}.items()
        for resource in render(values)
    ]


def refuse_unknown(resource: dict[str, Any]) -> None:
    """Raise where a resource does not fit its model, or says something that the model has no field for."""
    model = DEFINED_ELSEWHERE[resource["kind"]]
    understood = model.model_validate(resource).model_dump(by_alias=True, exclude_unset=True, mode="json")
    assert understood == resource


@pytest.mark.parametrize("version", KUBERNETES_VERSIONS)
@pytest.mark.parametrize("resource", all_resources())
def test_the_resource_fits_its_schema(resource: dict[str, Any], version: str) -> None:
    if resource["kind"] in DEFINED_ELSEWHERE:
        refuse_unknown(resource)
    else:
        kubernetes_validate.validate(resource, version, strict=True)


def test_the_check_of_scaled_objects_finds_a_misspelt_field() -> None:
    (scaled,) = [resource for resource in render(LEAST) if resource["kind"] == "ScaledObject"]
    scaled["spec"]["cooldownPeriods"] = 600
    with pytest.raises(AssertionError):
        refuse_unknown(scaled)


@pytest.mark.parametrize("values", [LEAST, EVERYTHING], ids=["least", "everything"])
def test_helm_has_nothing_to_say_against_the_chart(values: dict[str, Any]) -> None:
    report = helm_python.lint(CHART, values, strict=True)
    assert report["total_charts_linted"] == 1
    assert [message for message in report["messages"] if message["severity"] > SEVERITY_INFORMATION] == []


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({}, "secretName"),
        ({"secretName": "saemi", "wep": {"replicas": 2}}, "wep"),
        ({"secretName": "saemi", "web": {"replicas": 0}}, "replicas"),
        ({"secretName": "saemi", "workers": {"cpu": {"queues": ["bulk"]}}}, "queues"),
        ({"secretName": "saemi", "workers": {"gpu": {"replicas": 1}}}, "oneOf"),
        ({"secretName": "saemi", "web": {"ingress": {"enabled": True}}}, "tlsSecretName"),
    ],
)
def test_values_that_cannot_work_are_refused_by_name(values: dict[str, Any], named: str) -> None:
    with pytest.raises(helm_python.HelmError, match=named):
        render(values)
