"""`difffas config` and docs/configuration.md: every key, made from the models that check files."""

from __future__ import annotations

import importlib
import re
from collections.abc import Collection
from typing import Any

import pytest
import yaml

from difffas.errors import UserError
from factory.cli.stations import VERBS
from factory.cli.template import page, schema_of, section_in, template
from factory.core.config import FILL_IN, build, load
from tests.root import ROOT


def opened(text: str) -> str:
    """The template with the # before every key taken away; explanations have an odd number of spaces after theirs."""
    return "\n".join(re.sub(r"^( *)#((?:  )*)(?=[^\s#])", r"\1\2", line) for line in text.splitlines())


def keys(values: Any, section: str = "") -> set[str]:
    """The dotted keys of nested mappings."""
    if not isinstance(values, dict) or not values:
        return {section}
    return {key for name, value in values.items() for key in keys(value, f"{section}.{name}" if section else name)}


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_a_template_has_every_key_once_with_its_default(verb: str) -> None:
    values = yaml.safe_load(opened(template(verb)))
    schema, definitions = schema_of(verb)

    def compare(fields: dict[str, Any], section: Any, derived: Collection[str] = ()) -> None:
        assert set(fields) == set(section["properties"]) - set(derived)
        for name, field in section["properties"].items():
            if name in derived:
                continue
            if inner := section_in(field, definitions):
                compare(fields[name], inner, field.get("derived", ()))
            elif name in section.get("required", []):
                assert fields[name] in (FILL_IN, [FILL_IN])
            else:
                assert fields[name] == field.get("default")

    compare(values, schema)


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_only_what_is_required_is_open(verb: str) -> None:
    schema, _ = schema_of(verb)
    assert set(yaml.safe_load(template(verb)) or {}) == set(schema.get("required", []))


def test_a_filled_template_is_a_configuration(tmp_path: Any) -> None:
    text = (
        template("generate")
        .replace(FILL_IN, "x")
        .replace("#plan:", "plan:")
        .replace("#  samples: null", "  samples: 7")
    )
    (tmp_path / "generate.yaml").write_text(text)
    module, model = VERBS["generate"]
    config = getattr(importlib.import_module(module), model)
    loaded = load(config, str(tmp_path / "generate.yaml"))
    assert loaded == build(
        config, {"inputs": dict.fromkeys(("live", "guides", "generator"), "x"), "out": "x", "plan": {"samples": 7}}
    )


# What a placeholder of another kind than a path is filled with, and what some verbs need besides their required keys.
FILLED = {
    "corpora": "[a, b]",
    "identity": "structure",
    "function": "m:n",
    "steps": "4",
    "batch_size": "4",
    "learning_rate": "1e-3",
}
NEEDED = {
    "evaluate": ["scores=x"],
    "fit-generator": ["style_encoder=x"],
    "pipeline": ["corpus=x"],
    "prepare": ["crop=none"],
    "report": ["inputs.real=x"],
    "tune": ["search.live_margin=[0.1, 0.2]"],
}


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_every_template_is_read_back(verb: str, tmp_path: Any) -> None:
    """With all required keys filled in, and no other mended: a key that must be left out would be refused."""
    text = template(verb)
    for key, value in FILLED.items():
        text = re.sub(rf"^( *{key}): \[?{FILL_IN}\]?$", rf"\1: {value}", text, flags=re.MULTILINE)
    (tmp_path / "it.yaml").write_text(text.replace(FILL_IN, "x"))
    module, model = VERBS[verb]
    load(getattr(importlib.import_module(module), model), str(tmp_path / "it.yaml"), NEEDED.get(verb, []))


def test_what_is_not_filled_in_is_refused(tmp_path: Any) -> None:
    """As a path it would do: a run would write a folder of that name."""
    (tmp_path / "it.yaml").write_text(template("generate"))
    module, model = VERBS["generate"]
    config = getattr(importlib.import_module(module), model)
    with pytest.raises(UserError) as refused:
        load(config, str(tmp_path / "it.yaml"), ["inputs.live=faces"])
    assert str(refused.value) == (
        "still FILL-IN: inputs.guides, inputs.generator, out; set each in the file or as KEY=VALUE"
    )
    (tmp_path / "it.yaml").write_text(template("join"))
    module, model = VERBS["join"]
    with pytest.raises(UserError, match=r"^still FILL-IN: corpora, out; set each"):
        load(getattr(importlib.import_module(module), model), str(tmp_path / "it.yaml"))


def test_plan_reads_the_configuration_of_generate() -> None:
    assert template("plan").splitlines()[1:] == template("generate").splitlines()[1:]
    assert "`difffas plan`" in template("plan").splitlines()[0]


def test_a_section_whose_keys_are_all_commented_out_is_empty(tmp_path: Any) -> None:
    (tmp_path / "report.yaml").write_text(template("report").replace(FILL_IN, "x"))
    module, model = VERBS["report"]
    with pytest.raises(UserError, match="nothing to report on"):
        load(getattr(importlib.import_module(module), model), str(tmp_path / "report.yaml"))


def test_a_verb_without_configuration() -> None:
    with pytest.raises(UserError, match="^config needs a verb; these verbs have one: ablate, "):
        template("")
    with pytest.raises(UserError, match="^status has no configuration; these verbs have one: ablate, "):
        template("status")


def test_the_page_is_what_the_models_say() -> None:
    mend = "python -m factory.cli.template > docs/configuration.md"
    assert (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8") == page(), mend


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_every_key_says_what_it_means(verb: str) -> None:
    schema, definitions = schema_of(verb)
    sections = [schema, *(each for each in definitions.values() if "properties" in each)]
    silent = [
        f"{section['title']}.{name}"
        for section in sections
        for name, field in section["properties"].items()
        if not section_in(field, definitions) and not field.get("description")
    ]
    assert silent == []
