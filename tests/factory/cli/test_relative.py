"""Paths that a cluster could not find are refused before anything is uploaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from difffas.errors import UserError
from factory.cli.relative import refuse_relative_inputs
from factory.cli.submission import load_config, submit

GENERATE = {"inputs.live": "/faces", "inputs.guides": "/faces", "inputs.generator": "dummy", "out": "/spoofs"}
NOWHERE = "http://127.0.0.1:1"


def config(verb: str, given: dict[str, str]) -> Any:
    return load_config(verb, None, [f"{name}={value}" for name, value in given.items()])


@pytest.mark.parametrize(
    ("verb", "given", "key"),
    [
        ("generate", {**GENERATE, "inputs.live": "corpora/faces"}, "inputs.live=corpora/faces"),
        ("generate", {**GENERATE, "inputs.generator": "./generator"}, "inputs.generator=./generator"),
        ("generate", {**GENERATE, "protocol": "my/protocol.yaml"}, "protocol=my/protocol.yaml"),
        ("join", {"corpora": "[/a, b/c]", "out": "/d"}, "corpora=b/c"),
        (
            "fit-classifier",
            {"corpus": "/faces", "out": "/c", "loss.name": "rq", "backbone": "local-dir:a/b"},
            "backbone=local-dir:a/b",
        ),
        ("report", {"inputs.models": "{a: /m, b: c/d}", "out": "/r"}, "inputs.models=c/d"),
        (
            "pipeline",
            {"prepare": "{source: photos/all, crop: none, license: CC0-1.0}", "out": "/p"},
            "prepare.source=photos/all",
        ),
    ],
)
def test_a_relative_path_is_refused_before_the_cluster_is_asked(verb: str, given: dict[str, str], key: str) -> None:
    with pytest.raises(UserError, match=r"is a relative path: on the cluster it would be sought") as caught:
        submit(verb, config(verb, given), NOWHERE)
    assert str(caught.value).startswith(f"{key} is")


def test_a_bare_word_is_a_name_where_settings_take_names_unless_it_is_a_folder_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    refuse_relative_inputs(config("generate", {**GENERATE, "protocol": "oci-m"}))
    (tmp_path / "mine").mkdir()
    with pytest.raises(UserError, match="inputs.generator=mine is a relative path"):
        refuse_relative_inputs(config("generate", {**GENERATE, "inputs.generator": "mine"}))


@pytest.mark.parametrize("key", ["inputs.live", "inputs.guides", "out"])
def test_a_mistyped_folder_is_no_name(key: str) -> None:
    with pytest.raises(UserError, match=f"{key}=facse is a relative path"):
        refuse_relative_inputs(config("generate", {**GENERATE, key: "facse"}))


@pytest.mark.parametrize("name", ["portrait-64", "people-64"])
def test_what_ships_has_its_name_wherever_a_model_is_read(name: str) -> None:
    fit = config("fit-generator", {"corpus": "/c", "initial": name, "style_encoder": name, "out": "/g"})
    assert fit.initial == fit.style_encoder == f"embedded://{name}"
    inputs = {f"inputs.{part}": "/c" for part in ("generated", "live", "guides")}
    audit = config("audit", {**inputs, "inputs.style_encoder": name, "identity": "structure", "out": "/a"})
    assert audit.inputs.style_encoder == f"embedded://{name}"
    for given in (fit, audit, config("fit-style", {"corpus": "/c", "initial": name, "out": "/s"})):
        refuse_relative_inputs(given)


def test_urls_absolute_paths_and_names_of_a_hub_pass() -> None:
    given = {**GENERATE, "inputs.live": "s3://b/faces", "inputs.guides": "embedded://people"}
    refuse_relative_inputs(config("generate", given))
    hub = {"corpus": "/c", "out": "/o", "loss.name": "rq", "backbone": "hf-hub:timm/resnet18.tv_in1k"}
    refuse_relative_inputs(config("fit-classifier", hub))
    refuse_relative_inputs(config("release", {"folder": "/c", "to": "OWNER/NAME"}))
