"""The Helm chart: what it renders is right, with the values people choose and with odd ones.

What `make chart` rendered is committed, so most of this needs no helm. Where helm is, the chart is rendered again.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from tests.support.scripts import script
from tests.support.shared import ROOT
from worker.settings import PREFIX, SECRETS, Settings

HELM = ROOT / "deploy" / "helm"
CASES = sorted(path.parent for path in HELM.glob("cases/*/values.yaml"))
KNOWN = {PREFIX + name.upper() for name in Settings.model_fields}
KNOWN |= {f"{PREFIX}{name.upper()}_FILE" for name in SECRETS}
Object = dict[str, Any]

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def renderer() -> ModuleType:
    return script("deploy/helm/render.py")


def schema() -> Object:
    loaded: Object = json.loads((HELM / "innerloop" / "values.schema.json").read_text(encoding="utf-8"))
    return loaded


def values() -> Object:
    loaded: Object = yaml.safe_load((HELM / "innerloop" / "values.yaml").read_text(encoding="utf-8"))
    return loaded


def objects(case: Path, kind: str | None = None) -> list[Object]:
    documents = yaml.safe_load_all((case / "rendered.yaml").read_text(encoding="utf-8"))
    return [found for found in documents if found and kind in {None, found["kind"]}]


def named(found: Iterable[Object]) -> dict[tuple[str, str], Object]:
    """By kind and name: versions of helm differ in the order."""
    return {(each["kind"], each["metadata"]["name"]): each for each in found}


def pods(case: Path) -> list[Object]:
    """Templates of pods, of Deployments and the Job."""
    return [found["spec"]["template"] for kind in ("Deployment", "Job") for found in objects(case, kind)]


def helm(name: str) -> str:
    found = shutil.which("helm")
    if not found:
        pytest.skip(f"no helm here: {name}")
    return found


def over(base: Object, more: Object) -> Object:
    """Values over others, as helm merges them."""
    both = {name: over(base[name], new) for name, new in more.items() if isinstance(new, dict) and name in base}
    return base | more | both


def leaves(tree: Object, path: str = "") -> Iterator[str]:
    """Dotted names of all keys."""
    for key, value in tree.items():
        yield path + key
        if isinstance(value, dict):
            yield from leaves(value, f"{path}{key}.")


# Values ----------------------------------------------------------------------------------------------------------


def described(name: str) -> str | None:
    """What the schema says about a value; of a map that is handed on to Kubernetes, what it says about the map."""
    node = schema()
    for part in name.split("."):
        if "properties" not in node:
            break
        node = node["properties"].get(part, {})
    found = node.get("description")
    return found if found is None else str(found)


def test_every_value_is_documented() -> None:
    assert [name for name in leaves(values()) if not described(name)] == []


def test_every_documented_value_is_in_the_values_file_or_handed_on() -> None:
    named = set(schema()["properties"]) - {"global"}
    assert named == set(values())


def test_the_values_fit_their_own_schema() -> None:
    Draft7Validator.check_schema(schema())
    Draft7Validator(schema()).validate(values())


@every_case
def test_the_values_of_a_case_fit_the_schema(case: Path) -> None:
    mine = yaml.safe_load((case / "values.yaml").read_text(encoding="utf-8"))
    Draft7Validator(schema()).validate(over(values(), mine))


@pytest.mark.parametrize(
    "odd",
    [
        {"replicas": 3},
        {"mode": "both"},
        {"settings": {"kafka_topic": "feedback"}},
        {"settings": {"smtp_url": "smtp://user:password@mail"}},
        {"secrets": {"store_url": "postgresql://user:password@host/name"}},
        {"secrets": {"kafka_topics": {"name": "a", "key": "b"}}},
        {"rules": {"from": "somewhere"}},
        {"rules": {"files": {"../outside.yaml": ""}}},
        {"rules": {"files": {"sources__our-tool.yaml": ""}}},
        {"image": {"digest": "latest"}},
        {"terminationGracePeriodSeconds": 5},
        {"fullnameOverride": "Upper_Case"},
        {"fullnameOverride": "9-to-5"},
        {"podLabels": {"tier": 1}},
        {"podLabels": {"app.kubernetes.io/component": "worker"}},
        {"settings": {"senders": "many"}},
        {"settings": {"senders": 0}},
        {"settings": {"kafka_security_protocol": "TLS"}},
        {"settings": {"http_listen": "127.0.0.1:80"}},
        {"settings": {"rules_dir": "/somewhere"}},
    ],
    ids=str,
)
def test_a_value_that_would_do_something_else_is_refused(odd: Object) -> None:
    assert not Draft7Validator(schema()).is_valid(over(values(), odd))


def test_a_setting_or_a_secret_can_be_taken_back_but_no_section() -> None:
    back = over(values(), {"settings": {"log_format": None, "senders": None}, "secrets": {"slack_bot_token": None}})
    assert Draft7Validator(schema()).is_valid(back)
    del back["settings"]  # what helm makes of `settings: null`
    assert not Draft7Validator(schema()).is_valid(back)


# What is rendered ------------------------------------------------------------------------------------------------


@every_case
def test_what_was_rendered_is_of_this_chart(case: Path) -> None:
    first = (case / "rendered.yaml").read_text(encoding="utf-8").splitlines(keepends=True)[0]
    assert first == renderer().stamp(case), "the chart or the case changed: run `make chart`"


@every_case
def test_containers_are_restricted(case: Path) -> None:
    for pod in pods(case):
        assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
        assert pod["spec"]["automountServiceAccountToken"] is False
        for container in pod["spec"]["containers"]:
            mine = container["securityContext"]
            assert mine["readOnlyRootFilesystem"] is True, container["name"]
            assert mine["allowPrivilegeEscalation"] is False, container["name"]
            assert mine["capabilities"] == {"drop": ["ALL"]}, container["name"]
            assert container["resources"]["limits"]["memory"], container["name"]


@every_case
def test_every_worker_is_probed_and_has_time_to_stop(case: Path) -> None:
    for deployment in objects(case, "Deployment"):
        pod = deployment["spec"]["template"]["spec"]
        worker = pod["containers"][0]
        assert worker["livenessProbe"]["httpGet"]["path"] == "/livez"
        assert worker["readinessProbe"]["httpGet"]["path"] == "/readyz"
        assert pod["terminationGracePeriodSeconds"] > 20


@every_case
def test_a_worker_gets_settings_there_are_and_secrets_only_as_files(case: Path) -> None:
    for pod in pods(case):
        env = {entry["name"]: entry.get("value") for entry in pod["spec"]["containers"][0]["env"]}
        ours = {name for name in env if name.startswith(PREFIX)}
        assert ours <= KNOWN
        assert {name for name in ours if name.removeprefix(PREFIX).lower() in SECRETS} == set()
        assert env["INNERLOOP_STORE_URL_FILE"] == "/etc/innerloop/secrets/store-url"


@every_case
def test_what_is_mounted_is_there(case: Path) -> None:
    for pod in pods(case):
        volumes = {volume["name"] for volume in pod["spec"]["volumes"]}
        for container in pod["spec"]["containers"]:
            assert {mount["name"] for mount in container["volumeMounts"]} <= volumes


@every_case
def test_whoever_selects_pods_finds_some(case: Path) -> None:
    labels = [pod["metadata"]["labels"].items() for pod in pods(case)]
    selectors = [found["spec"]["selector"] for found in objects(case, "Service")]
    for kind in ("Deployment", "PodDisruptionBudget"):
        selectors += [found["spec"]["selector"]["matchLabels"] for found in objects(case, kind)]
    selectors += [found["spec"]["podSelector"]["matchLabels"] for found in objects(case, "NetworkPolicy")]
    for selector in selectors:
        assert any(selector.items() <= mine for mine in labels), selector


@every_case
def test_names_are_short_enough_and_unique(case: Path) -> None:
    named = [(found["kind"], found["metadata"]["name"]) for found in objects(case)]
    assert len(named) == len(set(named))
    assert all(len(name) <= 63 for _, name in named)


def test_the_schema_is_brought_up_to_date_before_anything_else_and_needs_nothing_of_the_chart() -> None:
    job = objects(HELM / "cases" / "plain", "Job")[0]
    pod = job["spec"]["template"]["spec"]
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    assert pod["containers"][0]["args"] == ["migrate"]
    assert "serviceAccountName" not in pod, "a hook runs before the chart's own account exists"


def test_the_schema_is_brought_up_to_date_with_the_certificates_that_the_workers_have() -> None:
    job, *workers = reversed(pods(HELM / "cases" / "separate"))
    for pod in [job, *workers]:
        assert {"name": "hr", "mountPath": "/etc/hr"} in pod["spec"]["containers"][0]["volumeMounts"]


def test_names_of_digits_stay_text() -> None:
    case = HELM / "cases" / "git"
    labels = [found["metadata"]["labels"] for found in objects(case)] + [
        pod["metadata"]["labels"] for pod in pods(case)
    ]
    assert {label["app.kubernetes.io/name"] for label in labels} == {"2026"}
    assert {pod["spec"]["serviceAccountName"] for pod in pods(case)} == {"1234"}
    assert pods(case)[0]["spec"]["imagePullSecrets"] == [{"name": "007"}]


def test_separate_roles_are_deployments_of_their_own() -> None:
    deployments = objects(HELM / "cases" / "separate", "Deployment")
    args = [found["spec"]["template"]["spec"]["containers"][0]["args"] for found in deployments]
    assert args == [["run", "--only", role] for role in ("consume", "deliver", "schedule", "serve")]
    replicas = [found["spec"].get("replicas") for found in deployments]
    assert replicas == [None, 1, 2, 2], "the autoscaler alone says how many read"


def test_each_topic_is_a_reason_to_scale() -> None:
    triggers = objects(HELM / "cases" / "separate", "ScaledObject")[0]["spec"]["triggers"]
    assert [trigger["metadata"]["topic"] for trigger in triggers] == ["feedback.responses", "feedback.app"]
    assert {trigger["metadata"]["lagThreshold"] for trigger in triggers} == {"5000"}


def test_rules_in_the_values_arrive_as_files_in_their_folders() -> None:
    case = HELM / "cases" / "configmap"
    data = objects(case, "ConfigMap")[0]["data"]
    wanted = yaml.safe_load((case / "values.yaml").read_text(encoding="utf-8"))["rules"]["files"]
    volume = next(v for v in pods(case)[0]["spec"]["volumes"] if v["name"] == "rules")
    assert {item["path"]: data[item["key"]] for item in volume["configMap"]["items"]} == wanted


def test_metrics_and_health_are_not_reachable_from_outside() -> None:
    rules = objects(HELM / "cases" / "separate", "Ingress")[0]["spec"]["rules"]
    paths = [path["path"] for rule in rules for path in rule["http"]["paths"]]
    assert paths
    assert {"/", "/metrics", "/livez", "/readyz"} & set(paths) == set()


# With the tools, where they are ----------------------------------------------------------------------------------


@every_case
def test_helm_renders_the_same(case: Path) -> None:
    rendered = yaml.safe_load_all(renderer().render(case / "values.yaml", helm("rendering again")))
    assert named(filter(None, rendered)) == named(objects(case))


@every_case
def test_helm_finds_no_fault(case: Path) -> None:
    command = [helm("lint"), "lint", "--strict", str(HELM / "innerloop"), "--values", str(case / "values.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("settings.kafka_bootstrap_servers=", "settings.kafka_bootstrap_servers is needed"),
        ("rules.from=configMap", "rules.files is empty"),
        ("rules.from=existing", "rules.existingConfigMap"),
        ("rules.from=git", "rules.git.repository"),
        ("rules.from=image", "rules.rulesPath"),
        ("ingress.enabled=true", "ingress.host"),
        ("extraEnv[0].name=INNERLOOP_HTTP_LISTEN", "which the chart sets itself"),
        ("kafkaTls.secretName=ca,settings.kafka_ssl_cafile=/ca", "leave out settings.kafka_ssl_cafile"),
        ("autoscaling.enabled=true,settings.kafka_security_protocol=SSL", "autoscaling.authenticationRef"),
        ("settings=null", "missing property 'settings'"),
        ("autoscaling.enabled=true,autoscaling.minReplicas=9", "above autoscaling.maxReplicas"),
    ],
)
def test_what_would_start_and_not_work_is_refused_with_what_to_do(value: str, said: str) -> None:
    with pytest.raises(subprocess.CalledProcessError) as refused:
        renderer().render(HELM / "cases" / "plain" / "values.yaml", helm("refusals"), "--set", value)
    assert said in refused.value.stderr


def test_a_release_without_a_database_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "values.yaml").write_text('settings: {kafka_bootstrap_servers: "kafka:9092"}\n', encoding="utf-8")
    with pytest.raises(subprocess.CalledProcessError) as refused:
        renderer().render(tmp_path / "values.yaml", helm("refusals"))
    assert "secrets.store_url is needed" in refused.value.stderr


def test_a_release_whose_name_no_service_may_have_is_refused_and_a_dot_is_not() -> None:
    plain = HELM / "cases" / "plain" / "values.yaml"
    with pytest.raises(subprocess.CalledProcessError) as refused:
        renderer().render(plain, helm("names"), release="24")
    assert "set fullnameOverride" in refused.value.stderr
    found = named(yaml.safe_load_all(renderer().render(plain, helm("names"), release="care.eu")))
    assert ("Service", "care-eu-innerloop") in found


def test_the_chart_brings_the_alerts_and_the_dashboard() -> None:
    more = ("--set", "monitoring.rules=true,monitoring.dashboard=true")
    text = renderer().render(HELM / "cases" / "plain" / "values.yaml", helm("alerts in the chart"), *more)
    found = {document["kind"]: document for document in yaml.safe_load_all(text) if document}
    alerts = (ROOT / "deploy" / "prometheus" / "alerts.yaml").read_text(encoding="utf-8")
    dashboard = (ROOT / "deploy" / "grafana" / "innerloop.json").read_text(encoding="utf-8")
    assert found["PrometheusRule"]["spec"] == yaml.safe_load(alerts)
    assert json.loads(found["ConfigMap"]["data"]["innerloop.json"]) == json.loads(dashboard)


@every_case
def test_kubernetes_knows_every_object(case: Path) -> None:
    validate = pytest.importorskip(
        "kubernetes_validate", reason="the schemas are 70 MB; pip install kubernetes-validate"
    )
    unknown = {"ScaledObject", "ServiceMonitor", "PrometheusRule"}
    for found in objects(case):
        if found["kind"] not in unknown:
            validate.validate(found, "1.31", strict=True)
