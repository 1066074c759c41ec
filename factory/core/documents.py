"""The project's only readers of YAML and JSON: every file soon gives a value or a one-line error, whoever wrote it.

Python's own readers keep the last of two equal keys and drop the section of the first, expand an alias each time it is
named (nine levels of aliases can stand for a billion values), recurse as deep as the text demands, and raise whatever
their number and date parsers raise.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, TypeAlias

import yaml

from difffas.errors import UserError
from factory.core.credentials import hide

DEEPEST = 64  # levels of lists and mappings
LARGEST = 1 << 18  # characters of YAML; Python's parser takes three seconds for this many
MOST_VALUES = 100_000  # in one YAML document; a value counts once for each alias that names it
WIDEST = 2**64  # largest magnitude of whole numbers
LONGEST_NUMBER = 400  # characters
# What JSON can express. A document of ours has a type of its own, beside the code that owns it; these types are for
# documents whose keys differ from run to run, such as settings, and for those of strangers.
JsonValue: TypeAlias = "bool | int | float | str | Sequence[JsonValue] | Mapping[str, JsonValue] | None"
JsonObject: TypeAlias = dict[str, JsonValue]
_UNFIT = ("binary", "map", "omap", "pairs", "seq", "set")  # tags unfit for a scalar: PyYAML gives bytes or empties it

_TAG = "tag:yaml.org,2002:"
# YAML 1.1 reads 010 as eight and 1:30 as ninety.
_AMBIGUOUS = re.compile(r"[+-]?(0[0-7_]*[1-7][0-7_]*|[0-9_]+(:[0-9_]+)+(\.[0-9_]*)?)")
_HALF = re.compile("[\ud800-\udfff]")
_BRACKETS = re.compile(r'[\[\]{}]|"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)


def parse_yaml(text: str, where: str) -> Any:
    """Return the value of one YAML document, safe types only; every alias gives a separate copy.

    Raises:
        UserError: for any fault, in one line that names `where`, the line and the key. A key given twice is a fault,
            and so are more levels, values or digits than any configuration has.
    """
    if len(text) > LARGEST:
        raise UserError(f"{where}: more than {LARGEST // 2**10} KiB of YAML: it should hold settings only")
    loader = None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        return None if node is None else _Values(loader).of(node, ())
    except (yaml.YAMLError, _Fault) as error:
        raise UserError(hide(f"{where}: {' '.join(_explained(error).split())}")) from None
    except (ValueError, OverflowError) as error:  # from chr() and int() in PyYAML's scanner: an escape, a version
        raise UserError(f"{where}: not valid YAML for settings: {short(' '.join(str(error).split()))}") from None
    finally:
        if loader is not None:
            loader.dispose()  # type: ignore[no-untyped-call]


def parse_json(data: str | bytes | bytearray, where: str) -> Any:
    """Return the value of a JSON text.

    Raises:
        UserError: for any fault, in one line that names `where`. A key given twice is a fault, and so are more than
            `DEEPEST` levels.
    """
    try:
        found = json.loads(data, object_pairs_hook=_each_once)
        _check_depth(data)
    except RecursionError:
        raise UserError(f"{where}: not valid JSON: more than {DEEPEST} levels deep") from None
    except ValueError as error:  # broken syntax or UTF-8, or a number with more digits than Python converts
        raise UserError(hide(f"{where}: not valid JSON: {short(' '.join(str(error).split()))}")) from None
    return found


def short(text: str, most: int = 200) -> str:
    """Return `text` for one line of an error: long text is cut to its beginning, at most `most` characters."""
    return text if len(text) <= most else f"{text[:most]}…"


class _Fault(Exception):
    """A fault of a node: the node, its keys and the reason."""

    def __init__(self, node: yaml.Node, keys: tuple[str, ...], why: str) -> None:
        key = f", key {short('.'.join(keys))!r}" if keys else ""
        super().__init__(f"line {node.start_mark.line + 1}{key}: {why}")


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, limited to nodes at most `DEEPEST` levels deep."""

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self._depth += 1
        try:
            if self._depth > DEEPEST:
                mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
                raise yaml.MarkedYAMLError(problem=f"more than {DEEPEST} levels deep", problem_mark=mark)
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1


class _Values:
    """Converts nodes to Python values and counts them."""

    def __init__(self, loader: _Loader) -> None:
        self._loader, self._left = loader, MOST_VALUES

    def of(self, node: yaml.Node, keys: tuple[str, ...]) -> Any:
        self._left -= 1
        if self._left < 0:
            raise _Fault(node, keys, f"more than {MOST_VALUES:,} values, each counted as often as an alias names it")
        if len(keys) > DEEPEST:
            raise _Fault(node, keys, f"more than {DEEPEST} levels deep: an alias may name what holds it")
        if isinstance(node, yaml.MappingNode):
            self._check_tag(node, keys, "map")
            return self._mapping(node, keys)
        if isinstance(node, yaml.SequenceNode):
            self._check_tag(node, keys, "seq")
            return [self.of(child, (*keys, str(place))) for place, child in enumerate(node.value)]
        return self._scalar(node, keys)

    def _check_tag(self, node: yaml.Node, keys: tuple[str, ...], plain: str) -> None:
        if node.tag != _TAG + plain:
            raise _Fault(node, keys, f"the tag {node.tag.replace(_TAG, '!!')} is not for settings: leave it out")

    def _mapping(self, node: yaml.MappingNode, keys: tuple[str, ...]) -> dict[Any, Any]:
        """Return a mapping with unique keys; its own keys override those that `<<` merges in, as in YAML."""
        own: dict[Any, Any] = {}
        merged: dict[Any, Any] = {}
        lines: dict[Any, int] = {}
        for key_node, value_node in node.value:
            merges = key_node.tag == f"{_TAG}merge"
            key = "<<" if merges else self._key(key_node, keys)
            inner = (*keys, str(key))
            line = lines.setdefault((merges, key), key_node.start_mark.line + 1)
            if key in own or (merges and merged):
                raise _Fault(key_node, inner, f"given twice, first in line {line}: keep one")
            if merges:
                merged = self._merged(value_node, inner)
            else:
                own[key] = self.of(value_node, inner)
        return {**merged, **own}

    def _key(self, node: yaml.Node, keys: tuple[str, ...]) -> Hashable:
        if not isinstance(node, yaml.ScalarNode):
            raise _Fault(node, keys, "a key is text, not a list or a mapping")
        key: Hashable = self._scalar(node, keys)
        return key

    def _merged(self, node: yaml.Node, keys: tuple[str, ...]) -> dict[Any, Any]:
        parts = node.value if isinstance(node, yaml.SequenceNode) else [node]
        if not all(isinstance(part, yaml.MappingNode) for part in parts):
            raise _Fault(node, keys, "only a mapping can be merged, or a list of them")
        merged: dict[Any, Any] = {}
        for part in parts:
            merged = {**self.of(part, keys), **merged}  # the first one wins
        return merged

    def _scalar(self, node: yaml.Node, keys: tuple[str, ...]) -> Any:
        kind = node.tag.removeprefix(_TAG)
        if kind in _UNFIT:
            self._check_tag(node, keys, "str")
        if kind in ("int", "float") and len(node.value) > LONGEST_NUMBER:
            raise _Fault(node, keys, f"a number of {len(node.value):,} characters")
        if kind in ("int", "float") and _AMBIGUOUS.fullmatch(node.value):
            raise _Fault(
                node,
                keys,
                f"YAML takes {node.value!r} for another number than it looks like: write decimals, or quote it",
            )
        try:
            value = self._loader.construct_object(node)  # type: ignore[no-untyped-call]
        except yaml.YAMLError as error:
            raise _Fault(node, keys, _problem(error)) from None
        except Exception:  # from int(), float(), datetime and PyYAML's tables, which PyYAML calls without a check
            raise _Fault(node, keys, f"{short(node.value)!r} is not of the kind !!{kind}") from None
        if isinstance(value, str) and _HALF.search(value):
            try:  # JSON, a subset of YAML, writes a character beyond 16 bits as such a pair
                value = value.encode("utf-16", "surrogatepass").decode("utf-16")
            except UnicodeDecodeError:
                raise _Fault(node, keys, "half a surrogate pair, which no file can hold") from None
        if isinstance(value, int) and abs(value) >= WIDEST:
            raise _Fault(node, keys, f"{short(node.value, 40)} has more than 64 bits")
        return value


def _explained(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark is not None else ""
    return place + _problem(error)


def _problem(error: Exception) -> str:
    """Return PyYAML's description of the fault without its excerpt of the text."""
    if not isinstance(error, yaml.MarkedYAMLError):
        return str(error)
    return short(", ".join(part for part in (error.context, error.problem) if part))


def _each_once(pairs: list[tuple[str, JsonValue]]) -> JsonObject:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
        raise UserError(f"the key {short(twice)!r} is given twice")
    return found


def _check_depth(data: str | bytes | bytearray) -> None:
    """Refuse text nested deeper than `DEEPEST`: the parser coped, but later code might not."""
    text = data if isinstance(data, str) else data.decode(json.detect_encoding(data), "surrogatepass")
    if text.count("[") + text.count("{") <= DEEPEST:
        return
    depth = 0
    for match in _BRACKETS.finditer(text):
        first = match.group()[0]
        depth += 1 if first in "[{" else -1 if first in "]}" else 0
        if depth > DEEPEST:
            raise UserError(f"more than {DEEPEST} levels deep")
