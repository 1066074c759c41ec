"""Paths that a cluster could not find are refused before anything is uploaded."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import pytest
from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

from difffas.errors import UserError
from factory.cli.relative import refuse_relative_inputs
from factory.cli.stations import VERBS
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


@pytest.mark.parametrize(
    ("verb", "given", "key"),
    [
        ("generate", {**GENERATE, "inputs.generator": "peple-64"}, "inputs.generator=peple-64"),
        ("generate", {**GENERATE, "protocol": "oci-mm"}, "protocol=oci-mm"),
        ("ablate", {"table": "benchmrk", "corpus": "/c", "out": "/t"}, "table=benchmrk"),
        (
            "ablate",
            {"table": "benchmark", "protocols": "[own, oci-mm]", "corpus": "/c", "out": "/t"},
            "protocols=oci-mm",
        ),
    ],
)
def test_a_mistyped_name_is_refused_too(verb: str, given: dict[str, str], key: str) -> None:
    with pytest.raises(UserError, match=f"^{key} is no name that is known here"):
        refuse_relative_inputs(config(verb, given))


def fields_of(model: type[BaseModel]) -> Iterator[tuple[str, FieldInfo]]:
    """Every field of a configuration and of its sections."""
    for name, field in model.model_fields.items():
        yield name, field
        stack = [field.annotation]
        while stack:
            kind = stack.pop()
            stack += get_args(kind)
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from fields_of(kind)


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_what_ships_has_its_short_name_wherever_a_generator_or_its_style_encoder_is_read(verb: str) -> None:
    module, model = VERBS[verb]
    for name, field in fields_of(getattr(importlib.import_module(module), model)):
        if name in ("generator", "style_encoder", "initial", "teacher", "encoder", "generators"):
            kind: Any = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
            if get_origin(field.annotation) is dict:
                assert TypeAdapter(kind).validate_python({"a": "people-64", "b": "/b"})["a"] == "embedded://people-64"
            elif name != "generators":  # elsewhere a number of processes
                assert TypeAdapter(kind).validate_python("people-64") == "embedded://people-64", (verb, name)


def test_urls_absolute_paths_and_names_of_a_hub_pass() -> None:
    given = {**GENERATE, "inputs.live": "s3://b/faces", "inputs.guides": "embedded://people"}
    refuse_relative_inputs(config("generate", given))
    hub = {"corpus": "/c", "out": "/o", "loss.name": "rq", "backbone": "hf-hub:timm/resnet18.tv_in1k"}
    refuse_relative_inputs(config("fit-classifier", hub))
    refuse_relative_inputs(config("release", {"folder": "/c", "to": "OWNER/NAME"}))
