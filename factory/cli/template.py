"""The configuration of a verb as a YAML file to fill in, with what each key means; docs/configuration.md is the same.

python -m factory.cli.template > docs/configuration.md
"""

from __future__ import annotations

import importlib
import json
import re
import textwrap
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from difffas.errors import UserError
from factory.cli.stations import VERBS, configuration_of
from factory.core.config import FILL_IN

HEAD = """# Every key

`difffas config VERB` prints the keys of a verb as a YAML file to fill in. `difffas VERB --config FILE section.key=3`
reads a file, then sets keys. An unknown key is refused, with the nearest known one. This page is made from the models
that check the files (`python -m factory.cli.template > docs/configuration.md`), and a test compares them."""
WIDTH = 110
Schema = Mapping[str, Any]


def template(verb: str) -> str:
    """Return a YAML file of every key: those that are required open, all others commented out with their defaults.

    Raises:
        UserError: if the verb has no configuration.
    """
    schema, definitions = schema_of(verb)
    head = f"# Configuration of `difffas {verb}`. Fill in the open keys; take the # from others to change them.\n\n"
    return head + "\n".join(_lines(schema, definitions, "", True)) + "\n"


def schema_of(verb: str) -> tuple[Schema, Schema]:
    """The JSON schema of a verb's configuration, and that of its sections by name."""
    if (found := configuration_of(verb)) is None:
        what = f"{verb} has no configuration" if verb else "config needs a verb"
        raise UserError(f"{what}; these verbs have one: {', '.join(sorted([*VERBS, 'plan']))}")
    module, model = found
    schema = getattr(importlib.import_module(module), model).model_json_schema()
    return schema, schema.get("$defs", {})


def _lines(
    schema: Schema, definitions: Schema, indent: str, live: bool, derived: Collection[str] = ()
) -> Iterator[str]:
    """The lines of a section. Where it is open (`live`), its optional keys are commented out, each with its section.

    Keys in `derived` follow from others, and are refused where a file gives them.

    A line is commented out by one # before its indentation, so that taking this # away leaves valid YAML.
    """
    required = schema.get("required", [])
    for name, field in schema["properties"].items():
        if name in derived:
            continue
        section = section_in(field, definitions)
        needed = name in required
        blank = f"[{FILL_IN}]" if field.get("type") == "array" else FILL_IN
        value = "" if section else f" {blank if needed else _written(field.get('default'))}"
        lines = [f"{indent}{name}:{value}"]
        if section is not None:
            lines += _lines(section, definitions, indent + "  ", live and needed, field.get("derived", []))
        meaning = explained(field, definitions)
        yield from textwrap.wrap(meaning, WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}#   ")
        yield from lines if needed or not live else (f"{indent}#{line[len(indent) :]}" for line in lines)
        if not indent:
            yield ""


def section_in(field: Schema, definitions: Schema) -> Schema | None:
    """The schema of a field that is a section with keys of its own, also where it may be left out."""
    for kind in [field, *field.get("anyOf", []), *field.get("allOf", [])]:
        if "$ref" in kind:
            found = definitions[kind["$ref"].rpartition("/")[2]]
            return found if "properties" in found else None
    return None


def explained(field: Schema, definitions: Schema) -> str:
    """Meaning, kind and range of a field in one line."""
    section = section_in(field, definitions)
    meaning = _meaning(field) or _meaning(section or {})
    kind = kind_of(field, definitions)
    return " ".join(f"{meaning} [{kind}]".split()) if section is None else " ".join(meaning.split())


def _meaning(schema: Schema) -> str:
    """The description, with null where Python says None, since a file says null."""
    return re.sub(r"\bNone\b", "null", str(schema.get("description") or ""))


def kind_of(field: Schema, definitions: Schema) -> str:
    """The kind of a value in words, such as `whole number from 1`."""
    if "enum" in field:
        return " | ".join(map(_written, field["enum"]))
    if "const" in field:
        return _written(field["const"])
    if "anyOf" in field:
        return " or ".join(dict.fromkeys(kind_of(each, definitions) for each in field["anyOf"]))
    if "$ref" in field:
        found = definitions[field["$ref"].rpartition("/")[2]]
        return "section" if "properties" in found else kind_of(found, definitions)
    kind = field.get("type")
    if kind == "array":
        inside = field.get("prefixItems") or [field.get("items", {})]
        return "list of " + ", ".join(dict.fromkeys(kind_of(each, definitions) for each in inside))
    if kind == "object":
        inner = field.get("additionalProperties")
        return "mapping of names to " + kind_of(inner, definitions) if isinstance(inner, dict) and inner else "mapping"
    words = {
        "integer": "whole number",
        "number": "number",
        "string": "text",
        "boolean": "true or false",
        "null": "null",
    }
    return words.get(str(kind), "any value") + _range(field)


def _range(field: Schema) -> str:
    bounds = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to", "exclusiveMaximum": "below"}
    return "".join(f" {word} {field[name]:g}" for name, word in bounds.items() if name in field)


def _written(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def page() -> str:
    """docs/configuration.md: every key of every verb, and the sections that they share once."""
    schemas = {verb: schema_of(verb) for verb in sorted(VERBS)}
    sections = {
        name: (found, definitions) for _, definitions in schemas.values() for name, found in definitions.items()
    }
    parts = [HEAD]
    for verb, (schema, definitions) in schemas.items():
        parts += [f"## {verb}", _prose(schema), _table(schema, definitions)]
    parts.append("## Sections")
    for name in sorted(sections):
        found, definitions = sections[name]
        if "properties" in found:
            parts += [f"### {name}", _prose(found), _table(found, definitions)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _prose(schema: Schema) -> str:
    return " ".join(_meaning(schema).split())


def _table(schema: Schema, definitions: Schema) -> str:
    rows = ["| key | meaning | value | default |", "|---|---|---|---|"]
    for name, field in schema["properties"].items():
        section = section_in(field, definitions)
        kind = _link(str(section["title"])) if section else kind_of(field, definitions)
        default = (
            "required"
            if name in schema.get("required", [])
            else ""
            if section
            else f"`{_written(field.get('default'))}`"
        )
        meaning = _meaning(field)
        rows.append(" | ".join((f"| `{name}`", _cell(meaning), _cell(kind), f"{_cell(default)} |")))
    return "\n".join(rows)


def _link(section: str) -> str:
    return f"[{section}](#{section.lower()})"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    print(page(), end="")
