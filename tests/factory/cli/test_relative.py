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


def test_a_bare_word_is_a_name_unless_it_is_a_folder_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    given = {**GENERATE, "protocol": "oci-m"}
    refuse_relative_inputs(config("generate", given))
    (tmp_path / "faces").mkdir()
    with pytest.raises(UserError, match="inputs.live=faces is a relative path"):
        refuse_relative_inputs(config("generate", {**given, "inputs.live": "faces"}))


def test_urls_absolute_paths_and_names_of_a_hub_pass() -> None:
    given = {**GENERATE, "inputs.live": "s3://b/faces", "inputs.guides": "embedded://people"}
    refuse_relative_inputs(config("generate", given))
    hub = {"corpus": "/c", "out": "/o", "loss.name": "rq", "backbone": "hf-hub:timm/resnet18.tv_in1k"}
    refuse_relative_inputs(config("fit-classifier", hub))
    refuse_relative_inputs(config("release", {"folder": "/c", "to": "OWNER/NAME"}))
