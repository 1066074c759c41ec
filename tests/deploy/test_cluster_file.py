"""cluster.yaml, as Ray reads it and as this software needs it."""

from __future__ import annotations

import copy
import re
import shlex
import tomllib
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from ray.autoscaler._private.util import prepare_config, validate_config

from factory.cluster import ENVIRONMENT
from tests.root import ROOT


@pytest.fixture(scope="module")
def written() -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / "cluster.yaml").read_text(encoding="utf-8")))


def prepared(config: dict[str, Any]) -> dict[str, Any]:
    config = prepare_config(copy.deepcopy(config))
    validate_config(config)
    return dict(config)


def test_ray_takes_it(written: dict[str, Any]) -> None:
    config = prepared(written)
    assert config["provider"]["type"] == "aws"
    assert set(config["available_node_types"]) == {"head", "generators", "scorers"}


def test_ray_refuses_what_is_mistyped(written: dict[str, Any]) -> None:
    """Else the test above would say nothing."""
    with pytest.raises(Exception, match="idle_timeout"):
        prepared({**written, "idle_timeout": 5})
    broken = copy.deepcopy(written)
    broken["available_node_types"]["scorers"]["max_worker"] = 3
    with pytest.raises(Exception, match="max_worker"):
        prepared(broken)


def exports(config: dict[str, Any]) -> dict[str, str]:
    script = next(command for command in config["setup_commands"] if "difffas.env" in command and "<<" in command)
    return dict(shlex.split(line)[1].split("=", 1) for line in script.splitlines() if line.startswith("export "))


def test_every_node_has_the_environment(written: dict[str, Any]) -> None:
    found = exports(written)
    assert {name: value for name, value in found.items() if name != "PATH"} == ENVIRONMENT
    for command in written["head_start_ray_commands"] + written["worker_start_ray_commands"]:
        assert command.startswith(". ~/difffas.env && "), "Ray reads its variables when it starts"


def test_workers_are_lent_and_the_head_is_not(written: dict[str, Any]) -> None:
    types = written["available_node_types"]
    spot = {name for name, given in types.items() if "InstanceMarketOptions" in given["node_config"]}
    assert spot == {"generators", "scorers"}
    assert types["head"]["resources"] == {"CPU": 0, "GPU": 0}
    for name in spot:
        assert types[name]["min_workers"] == 0 < types[name]["max_workers"]
        assert any("factory.cluster.spot" in command for command in written["worker_start_ray_commands"])
    assert written["max_workers"] == sum(types[name]["max_workers"] for name in spot)
    assert written["idle_timeout_minutes"] > 0


def test_nodes_bear_the_labels_that_the_pages_name(written: dict[str, Any]) -> None:
    labels = {name: given["labels"] for name, given in written["available_node_types"].items()}
    assert labels == {"head": {"pool": "head"}, "generators": {"pool": "generators"}, "scorers": {"pool": "cpu"}}
    page = (ROOT / "docs" / "kubernetes.md").read_text(encoding="utf-8")
    for pool in ("generators", "cpu"):
        assert f"{{pool: {pool}}}" in page


def test_no_node_has_a_key_to_s3(written: dict[str, Any]) -> None:
    for given in written["available_node_types"].values():
        assert given["node_config"]["IamInstanceProfile"]["Arn"].startswith("arn:aws:iam::111122223333:")
        assert given["node_config"]["MetadataOptions"]["HttpTokens"] == "required"
        assert all(disk["Ebs"]["Encrypted"] for disk in given["node_config"]["BlockDeviceMappings"])
    text = (ROOT / "cluster.yaml").read_text(encoding="utf-8")
    assert not re.search(r"AKIA[0-9A-Z]{16}|aws_secret|AWS_ACCESS_KEY", text)
    assert "0.0.0.0" not in text, "the dashboard is on the loopback"


def test_what_is_installed_is_this_ray_and_these_extras(written: dict[str, Any]) -> None:
    (install,) = [command for command in written["setup_commands"] if "pip install" in command]
    check_installed(install)


def test_nodes_get_what_the_package_is_built_from_and_the_token_alone(written: dict[str, Any]) -> None:
    """Of a whole checkout Ray would copy, and at every `ray up` hash, the photographs that lie in it."""
    built = {source for name, rest in dockerfile() if name == "COPY" for source in rest.split()[:-1]} - {"jobs"}
    mounts = {f"~/source/{name}": name for name in built}
    assert written["file_mounts"] == mounts | {"~/.ray/auth_token": "~/.ray/auth_token"}
    (install,) = [command for command in written["setup_commands"] if "pip install" in command]
    assert '"$HOME/source[' in install


def check_installed(command: str) -> None:
    """The Ray and the extras that an install command names are those of pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pins = dict(re.findall(r"(ray)\[[^]]*\]==([0-9.]+)", command))
    (ray,) = [found for found in map(Requirement, project["dependencies"]) if found.name == "ray"]
    assert ray.specifier.contains(pins["ray"])
    extras = re.search(r"\[([a-z0-9,]+)\]", command)
    assert extras is not None
    assert set(extras[1].split(",")) <= set(project["optional-dependencies"])


def dockerfile() -> list[tuple[str, str]]:
    """Instructions and what follows them, lines joined."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = re.sub(r"\\\n", " ", "\n".join(line for line in text.splitlines() if not line.startswith("#")))
    found = (line.split(None, 1) for line in lines.splitlines() if line.strip())
    return [(name, rest.strip()) for name, rest in found]


def test_the_image_is_of_a_python_that_we_take(written: dict[str, Any]) -> None:
    (base,) = [rest for name, rest in dockerfile() if name == "FROM"]
    found = re.fullmatch(r"python:([0-9.]+)-slim-\w+", base)
    assert found is not None
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert SpecifierSet(project["requires-python"]).contains(found[1])
    version = dict(rest.split("=") for name, rest in dockerfile() if name == "ARG")["RAY_VERSION"]
    (install,) = [rest for name, rest in dockerfile() if name == "RUN" and "pip install" in rest]
    check_installed(install.replace("${RAY_VERSION}", version))
    assert f"ray[default]=={version}" in (ROOT / "cluster.yaml").read_text(encoding="utf-8")


def test_the_image_has_what_compile_needs() -> None:
    """Python's headers are in the base image, gcc comes with g++."""
    (packages,) = [rest for name, rest in dockerfile() if name == "RUN" and "apt-get install" in rest]
    assert "g++" in packages.split()


def test_the_image_copies_what_there_is_and_what_is_let_in() -> None:
    let_in = {
        line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line.startswith("!")
    }
    copied = {source for name, rest in dockerfile() if name == "COPY" for source in rest.split()[:-1]}
    assert copied == let_in
    for source in copied:
        assert (ROOT / source).exists(), source
    assert {"pyproject.toml", "README.md", "LICENSE", "NOTICE"} < copied, "the wheel is built from these"


def test_the_image_runs_as_a_plain_user_and_holds_no_secret() -> None:
    instructions = dockerfile()
    users = [(place, rest) for place, (name, rest) in enumerate(instructions) if name == "USER"]
    assert users and users[-1][1] == "1000"
    assert all(name not in ("RUN", "COPY", "ADD") for name, _ in instructions[users[-1][0] :])
    assert "ADD" not in {name for name, _ in instructions}
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").upper()
    assert not any(word in text for word in ("TOKEN", "SECRET", "PASSWORD", "AWS_"))
