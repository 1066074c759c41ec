from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.config import Config, canonical_json, fingerprint, load


class Inner(Config):
    steps: int = 3
    name: str = "a"
    rate: float = 0.1


class Outer(Config):
    out: str
    inner: Inner = Inner()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), json_values))
def test_fingerprint_does_not_depend_on_key_order(value: dict[str, object]) -> None:
    assert fingerprint(value) == fingerprint(dict(reversed(value.items())))


def test_fingerprint_is_the_sha256_of_canonical_json() -> None:
    assert canonical_json({"b": [1, 2.5], "a": "é"}) == '{"a":"é","b":[1,2.5]}'
    assert fingerprint({}) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    with pytest.raises(ValueError, match="JSON"):
        canonical_json(float("nan"))


def test_file_then_overrides(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("out: x\ninner: {steps: 5}\n")
    config = load(Outer, str(file), ["inner.name=b", "out=y"])
    assert config == Outer(out="y", inner=Inner(steps=5, name="b"))


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["out=x", "inner.stepz=1"], "unknown config key 'inner.stepz'; did you mean 'steps'"),
        (["out=x", "zzz=1"], "unknown config key 'zzz'; known keys: inner, out"),
        ([], "config key 'out' is required"),
        (["out=x", "inner.steps=many"], "config key 'inner.steps'.*got 'many'"),
        (["out=x", "inner.rate=.inf"], "config key 'inner.rate'.*finite number.*got inf"),
        (["out"], "not of the form key=value"),
        (["out=x", "out.y=1"], "out is not a section"),
        (["out={a}/{b}"], "override out={a}/{b} is not a YAML value: quote it"),
    ],
)
def test_mistakes_are_one_line_naming_the_key(overrides: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        load(Outer, None, overrides)
    assert "\n" not in str(caught.value)


def test_unreadable_files(tmp_path: Path) -> None:
    (tmp_path / "list.yaml").write_text("- a\n")
    (tmp_path / "broken.yaml").write_text("a: [1\n")
    for name, message in (("none", "does not exist"), ("list", "mapping"), ("broken", "cannot be read")):
        with pytest.raises(ValueError, match=message):
            load(Outer, str(tmp_path / f"{name}.yaml"))


def test_config_is_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Inner().steps = 4
