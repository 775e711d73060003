"""What the chart's pods may do, which settings and commands they get, and how they are scaled and watched."""

import re
from typing import Any

import pytest

from shared.settings import ENVIRONMENT_PREFIX, Settings
from tests.deployment import commands
from tests.deployment.chart import EVERYTHING, LEAST, environment, named, of_kind, pods, render
from tests.stack import PROJECT

RESOURCES = render(EVERYTHING)
PODS = [pytest.param(spec, labels, id=name) for name, spec, labels in pods(RESOURCES)]
every_pod = pytest.mark.parametrize(("spec", "labels"), PODS)
KNOWN_SETTINGS = {ENVIRONMENT_PREFIX + name.upper() for name in Settings.model_fields}


@every_pod
def test_the_pod_runs_without_rights_it_has_no_use_for(spec: dict[str, Any], labels: dict[str, str]) -> None:
    (container,) = spec["containers"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


@every_pod
def test_the_pod_runs_as_the_user_of_the_image(spec: dict[str, Any], labels: dict[str, str]) -> None:
    (user,) = re.findall(r"^USER (\d+):(\d+)$", (PROJECT / "deploy" / "Dockerfile").read_text(), re.MULTILINE)
    assert (str(spec["securityContext"]["runAsUser"]), str(spec["securityContext"]["runAsGroup"])) == user


@every_pod
def test_the_pod_gets_settings_that_saemi_knows_and_no_others(spec: dict[str, Any], labels: dict[str, str]) -> None:
    (container,) = spec["containers"]
    assert set(environment(container)) <= KNOWN_SETTINGS
    assert spec["enableServiceLinks"] is False, "Kubernetes would add SAEMI_WEB_PORT and the like"


@every_pod
def test_the_pod_gets_its_secrets_by_reference(spec: dict[str, Any], labels: dict[str, str]) -> None:
    (container,) = spec["containers"]
    secret = {name for name, value in environment(container).items() if value is None}
    assert secret == {"SAEMI_DATABASE_URL", "SAEMI_BROKER_URL", "SAEMI_S3_ACCESS_KEY_ID", "SAEMI_S3_SECRET_ACCESS_KEY"}
    assert of_kind(RESOURCES, "Secret") == []


@every_pod
def test_the_pod_runs_a_command_that_saemi_understands(spec: dict[str, Any], labels: dict[str, str]) -> None:
    (container,) = spec["containers"]
    assert commands.parse(container["command"]).command.callback is not None


@every_pod
def test_the_pod_states_what_it_needs_and_its_limit_of_memory(spec: dict[str, Any], labels: dict[str, str]) -> None:
    (container,) = spec["containers"]
    assert set(container["resources"]["requests"]) == {"cpu", "memory"}
    assert "memory" in container["resources"]["limits"]


@pytest.mark.parametrize("deployment", of_kind(RESOURCES, "Deployment"), ids=lambda found: found["metadata"]["name"])
def test_every_deployment_is_probed_and_has_a_disruption_budget(deployment: dict[str, Any]) -> None:
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    ports = {port["name"] for port in container["ports"]}
    probes = [container[probe] for probe in ("startupProbe", "livenessProbe")]
    assert {probe["httpGet"]["port"] for probe in probes} <= ports
    budgets = [budget["spec"]["selector"] for budget in of_kind(RESOURCES, "PodDisruptionBudget")]
    assert budgets.count(deployment["spec"]["selector"]) == 1
    assert deployment["spec"]["selector"]["matchLabels"].items() <= deployment["spec"]["template"]["metadata"]["labels"].items()


def test_only_a_portal_that_is_ready_gets_requests() -> None:
    web = named(RESOURCES, "Deployment", "saemi-web")
    (container,) = web["spec"]["template"]["spec"]["containers"]
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz", "a database that is away is no reason to restart"


def test_gpu_workers_are_scaled_from_zero() -> None:
    (scaled,) = of_kind(RESOURCES, "ScaledObject")
    target = named(RESOURCES, "Deployment", scaled["spec"]["scaleTargetRef"]["name"])
    assert target["metadata"]["name"] == "saemi-worker-gpu"
    assert scaled["spec"]["minReplicaCount"] == 0
    assert "replicas" not in target["spec"], "Helm and KEDA would fight over it"
    (trigger,) = scaled["spec"]["triggers"]
    (authentication,) = of_kind(RESOURCES, "TriggerAuthentication")
    assert trigger["authenticationRef"]["name"] == authentication["metadata"]["name"]


def test_gpu_workers_run_where_the_cards_are() -> None:
    (spec,) = [spec for name, spec, _ in pods(RESOURCES) if name.endswith("worker-gpu")]
    (container,) = spec["containers"]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == 1
    assert spec["nodeSelector"] == {"nvidia.com/gpu.present": "true"}
    assert [toleration["key"] for toleration in spec["tolerations"]] == ["nvidia.com/gpu"]
    assert environment(container)["SAEMI_DEVICE"] == "cuda"


def test_a_kind_of_worker_is_left_out_by_null() -> None:
    resources = render({**LEAST, "workers": {"gpu": None}})
    assert of_kind(resources, "ScaledObject") == []
    assert [name for name, *_ in pods(resources) if "worker" in name] == ["saemi-worker-cpu", "saemi-worker-interactive"]


def test_some_worker_takes_from_every_queue() -> None:
    workers = [spec["containers"][0]["command"] for name, spec, _ in pods(RESOURCES) if "worker" in name]
    taken = {queue for command in workers for queue in commands.parse(command).params["queues"]}
    assert taken == {"analysis", "interactive", "decisions", "exports"}


def test_the_migration_comes_before_all_else_and_needs_nothing_of_the_release() -> None:
    (job,) = of_kind(RESOURCES, "Job")
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert container["command"] == ["saemi", "admin", "db", "upgrade"]
    assert "envFrom" not in container
    assert "serviceAccountName" not in job["spec"]["template"]["spec"]


@every_pod
def test_what_is_not_named_is_closed_for_the_pod(spec: dict[str, Any], labels: dict[str, str]) -> None:
    covering = [
        policy["spec"]
        for policy in of_kind(RESOURCES, "NetworkPolicy")
        if policy["spec"]["podSelector"]["matchLabels"].items() <= labels.items()
    ]
    assert any(set(policy["policyTypes"]) == {"Ingress", "Egress"} for policy in covering)
    reached = {port["port"] for policy in covering for rule in policy.get("egress", []) for port in rule["ports"]}
    assert reached == {53, 5432, 6379, 8333}
    assert all(rule["from"] for policy in covering for rule in policy.get("ingress", [])), "an empty list lets everyone in"
