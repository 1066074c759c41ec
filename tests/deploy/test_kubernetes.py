"""The manifests in kubernetes/, put together as Kustomize does and held against KubeRay's own definitions."""

from __future__ import annotations

import copy
import functools
import shutil
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from factory.cluster import ENVIRONMENT
from factory.core.config import load
from factory.generate import GenerateConfig
from tests.chaos.cluster import Cluster
from tests.root import ROOT

FOLDER = ROOT / "kubernetes"
OVERLAYS = ("base", "gpu")


def read(path: Path) -> list[Any]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the definitions are a megabyte
    return [document for document in yaml.load_all(path.read_text(encoding="utf-8"), loader) if document is not None]


@functools.cache
def build(name: str) -> tuple[dict[str, Any], ...]:
    """What `kubectl kustomize` makes of a folder, as far as ours use Kustomize; another test compares the two."""
    folder = FOLDER / name
    (given,) = read(folder / "kustomization.yaml")
    objects: list[dict[str, Any]] = []
    for resource in given["resources"]:
        path = folder / resource
        objects += copy.deepcopy(build(path.resolve().name)) if path.is_dir() else copy.deepcopy(read(path))
    for found in objects:
        found["metadata"]["namespace"] = given["namespace"]
    for settings in given.get("configMapGenerator", []):
        objects = [
            found for found in objects if (found["kind"], found["metadata"]["name"]) != ("ConfigMap", settings["name"])
        ]
        data = {file: (folder / file).read_text(encoding="utf-8") for file in settings["files"]}
        metadata = {"name": settings["name"], "namespace": given["namespace"]}
        objects.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})
    for patch in given.get("patches", []):
        (target,) = [found for found in objects if found["kind"] == patch["target"]["kind"]]
        for operation in read(folder / patch["path"])[0]:
            assert operation["op"] == "add" and operation["path"] == "/spec/workerGroupSpecs/-"
            target["spec"]["workerGroupSpecs"].append(copy.deepcopy(operation["value"]))
    for replacement in given.get("replacements", []):
        assert replacement["source"]["fieldPath"] == "spec"
        assert replacement["targets"][0]["fieldPaths"] == ["spec.rayClusterSpec"]
        (source,) = [found for found in objects if found["kind"] == replacement["source"]["kind"]]
        (target,) = [found for found in objects if found["kind"] == replacement["targets"][0]["select"]["kind"]]
        target["spec"]["rayClusterSpec"] = copy.deepcopy(source["spec"])
    for image in given.get("images", []):
        for container in containers(objects):
            if container["image"] == image["name"]:
                container["image"] = f"{image['newName']}:{image['newTag']}"
    return tuple(objects)


def one(objects: tuple[dict[str, Any], ...], kind: str) -> dict[str, Any]:
    (found,) = [item for item in objects if item["kind"] == kind]
    return found


def groups(objects: Any) -> list[dict[str, Any]]:
    """Head and worker groups of the cluster and of the job."""
    specs = [item["spec"] for item in objects if item["kind"] == "RayCluster"]
    specs += [
        item["spec"]["rayClusterSpec"]
        for item in objects
        if item["kind"] == "RayJob"
        if item["spec"].get("rayClusterSpec")
    ]
    return [group for spec in specs for group in (spec["headGroupSpec"], *spec["workerGroupSpecs"])]


def containers(objects: Any) -> list[dict[str, Any]]:
    return [container for group in groups(objects) for container in group["template"]["spec"]["containers"]]


@pytest.mark.parametrize("name", OVERLAYS)
def test_kustomize_makes_the_same(name: str) -> None:
    tool = shutil.which("kustomize")
    kubectl = shutil.which("kubectl")
    if tool is None and kubectl is None:
        pytest.skip("neither kustomize nor kubectl is installed")
    command = [tool, "build"] if tool else [str(kubectl), "kustomize"]
    done = subprocess.run([*command, str(FOLDER / name)], capture_output=True, text=True, check=True)

    def by_kind(objects: Any) -> dict[str, Any]:
        return {item["kind"]: item for item in objects}

    assert by_kind(yaml.safe_load_all(done.stdout)) == by_kind(build(name))


def closed(schema: Any) -> Any:
    """A definition that allows no field it does not name, and takes int-or-string for what it says."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: closed(value) for key, value in schema.items() if key != "x-kubernetes-int-or-string"}
    if schema.get("x-kubernetes-int-or-string"):
        made = {key: value for key, value in made.items() if key not in ("type", "anyOf")} | {
            "type": ["integer", "string"]
        }
    named = isinstance(schema.get("properties"), dict) and all(
        isinstance(p, dict) for p in schema["properties"].values()
    )
    if named and schema.get("type") == "object" and not schema.get("x-kubernetes-preserve-unknown-fields"):
        made.setdefault("additionalProperties", False)
    return made


@pytest.fixture(scope="session")
def definitions(shared_data: Path) -> dict[str, Any]:
    """KubeRay's definitions (of its main branch after v1.6.2, by controller-gen v0.16.5), version v1, closed."""
    folder = shared_data / "kuberay"
    if not folder.is_dir():
        pytest.skip(f"no KubeRay definitions at {folder}")
    found = {}
    for path in sorted(folder.glob("*.yaml")):
        (definition,) = read(path)
        (version,) = [item for item in definition["spec"]["versions"] if item["name"] == "v1"]
        schema = closed(version["schema"]["openAPIV3Schema"])
        schema["properties"]["metadata"] = {"type": "object"}
        found[definition["spec"]["names"]["kind"]] = jsonschema.Draft202012Validator(schema)
    return found


@pytest.mark.parametrize("name", OVERLAYS)
def test_kuberay_takes_them(name: str, definitions: dict[str, Any]) -> None:
    for kind in ("RayCluster", "RayJob"):
        definitions[kind].validate(one(build(name), kind))
    for path in sorted((FOLDER / name).glob("*.yaml")):  # as they stand, before they are put together
        for found in read(path):
            if isinstance(found, dict) and found.get("kind") in definitions:
                definitions[found["kind"]].validate(found)


def test_a_mistyped_field_is_seen(definitions: dict[str, Any]) -> None:
    """Else the test above would say nothing."""
    changes: list[dict[str, Any]] = [{"autoscalerOption": {}}, {"rayVersion": 2.6}]
    for change in changes:
        cluster = copy.deepcopy(one(build("gpu"), "RayCluster"))
        cluster["spec"] |= change
        with pytest.raises(jsonschema.ValidationError):
            definitions["RayCluster"].validate(cluster)
    cluster = copy.deepcopy(one(build("gpu"), "RayCluster"))
    cluster["spec"]["workerGroupSpecs"][1]["template"]["spec"]["containers"][0]["resource"] = {}
    with pytest.raises(jsonschema.ValidationError, match="resource"):
        definitions["RayCluster"].validate(cluster)


@pytest.mark.parametrize("name", OVERLAYS)
def test_every_container_has_what_a_node_needs(name: str) -> None:
    objects = build(name)
    assert len(containers(objects)) == {"base": 4, "gpu": 6}[name]
    for group in groups(objects):
        pod = group["template"]["spec"]
        (container,) = pod["containers"]
        environment = {item["name"]: item["value"] for item in container["env"]}
        # KubeRay sets RAY_AUTH_MODE itself, with the token.
        assert environment | {"RAY_AUTH_MODE": "token"} == ENVIRONMENT
        assert container["resources"]["requests"]["memory"] and container["resources"]["limits"]["cpu"]
        for probe in ("readinessProbe", "livenessProbe"):
            assert container[probe]["httpGet"] == {"path": "/api/local_raylet_healthz", "port": 52365}
        assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert pod["serviceAccountName"] == one(objects, "ServiceAccount")["metadata"]["name"]
        assert group["rayStartParams"]["metrics-export-port"] == "8080"
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        assert ports["metrics"] == 8080


@pytest.mark.parametrize("name", OVERLAYS)
def test_the_token_is_a_secret_and_s3_is_a_role(name: str) -> None:
    objects = build(name)
    for spec in (one(objects, "RayCluster")["spec"], one(objects, "RayJob")["spec"]["rayClusterSpec"]):
        assert spec["authOptions"] == {"mode": ENVIRONMENT["RAY_AUTH_MODE"], "secretName": "difffas-token"}
        assert spec["headGroupSpec"]["serviceType"] == "ClusterIP", "nothing is reached from outside"
    assert "Secret" not in {item["kind"] for item in objects}
    role = one(objects, "ServiceAccount")["metadata"]["annotations"]["eks.amazonaws.com/role-arn"]
    assert role.startswith("arn:aws:iam::111122223333:role/")


@pytest.mark.parametrize("name", OVERLAYS)
def test_workers_are_drained_before_they_go(name: str) -> None:
    for group in groups(build(name)):
        if "groupName" in group:
            pod = group["template"]["spec"]
            (_, _, command) = pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"]
            assert "python -m factory.cluster.spot --now 90" in command
            assert pod["terminationGracePeriodSeconds"] > 90
            assert group["minReplicas"] == 0 < group["maxReplicas"]


@pytest.mark.parametrize("name", OVERLAYS)
def test_the_job_runs_settings_that_are_valid_and_fit_the_groups(name: str, tmp_path: Path) -> None:
    objects = build(name)
    job = one(objects, "RayJob")["spec"]
    verb, _, path = job["entrypoint"].removeprefix("difffas ").split()
    assert verb == "generate"
    settings = one(objects, "ConfigMap")["data"][Path(path).name]
    (tmp_path / "generate.yaml").write_text(settings)
    resources = load(GenerateConfig, str(tmp_path / "generate.yaml"), []).resources
    workers = {group["groupName"]: group for group in job["rayClusterSpec"]["workerGroupSpecs"]}
    labels = [group["labels"] for group in workers.values()]
    assert isinstance(resources.generators, tuple)
    if name == "gpu":
        assert resources.gpus_per_generator == 1
        assert resources.generator_labels == workers["generators"]["labels"]
        assert resources.task_labels == workers["cpu"]["labels"]
        assert resources.generators[1] == workers["generators"]["maxReplicas"]
    else:
        assert resources.gpus_per_generator == 0
        assert all(wanted in labels for wanted in (resources.generator_labels, resources.task_labels) if wanted)
    assert job["rayClusterSpec"]["rayVersion"] in (ROOT / "Dockerfile").read_text(encoding="utf-8")


def test_generators_are_where_the_gpus_are() -> None:
    for item in groups(build("gpu")):
        pod = item["template"]["spec"]
        gpus = pod["containers"][0]["resources"]["limits"].get("nvidia.com/gpu")
        tolerated = any(one["key"] == "nvidia.com/gpu" for one in pod.get("tolerations", []))
        chosen = pod.get("nodeSelector", {}).get("nvidia.com/gpu.present") == "true"
        assert (gpus == "1") == tolerated == chosen == (item.get("groupName") == "generators")


@pytest.mark.slow
def test_the_probes_need_no_token() -> None:
    """On a real node with token authentication: the kubelet has none."""
    with Cluster(workers=0) as cluster:  # its agent on a free port: another Ray of this machine may have the usual one
        (found,) = cluster.folder.glob("head/session_2*/dashboard_agent_listen_port_*")
        address = cluster.environment["RAY_ADDRESS"].rpartition(":")[0]
        url = f"http://{address}:{found.read_text()}/api/local_raylet_healthz"
        with urllib.request.urlopen(url, timeout=30) as answer:
            assert answer.status == 200
            assert b"success" in answer.read()
