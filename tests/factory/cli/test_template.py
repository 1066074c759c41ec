"""`difffas config` and docs/configuration.md: every key, made from the models that check files."""

from __future__ import annotations

import importlib
import re
from typing import Any

import pytest
import yaml

from difffas.errors import UserError
from factory.cli.stations import VERBS
from factory.cli.template import FILL_IN, page, schema_of, section_in, template
from factory.core.config import build, load
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

    def compare(fields: dict[str, Any], section: Any) -> None:
        assert set(fields) == set(section["properties"])
        for name, field in section["properties"].items():
            if inner := section_in(field, definitions):
                compare(fields[name], inner)
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


def test_a_section_whose_keys_are_all_commented_out_is_empty(tmp_path: Any) -> None:
    (tmp_path / "report.yaml").write_text(template("report").replace(FILL_IN, "x"))
    module, model = VERBS["report"]
    with pytest.raises(UserError, match="nothing to report on"):
        load(getattr(importlib.import_module(module), model), str(tmp_path / "report.yaml"))


def test_a_verb_without_configuration() -> None:
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
