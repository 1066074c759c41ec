from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.core.config import Config, canonical_json, fingerprint, load


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
        (["out=x", "inner.steps=2", "inner={name: b}"], "inner replaces the section of inner.steps, given before it"),
        (["out=x", "inner={steps: 1, steps: 2}"], "key 'steps': given twice"),
        (["out=x", ".".join("a" * 100) + "=1"], "more than 64 levels deep"),
        (["out=x", "=1"], "unknown config key ''"),
        (["out=x", "1=1"], "unknown config key '1'"),
        (["out=x", "a..b=1"], "unknown config key 'a'"),
        (["out=x", f"inner.steps=[{'x,' * 9000}]"], r"\(got \['x', 'x', .*…\)"),
        (["out=x", f"{'k' * 9000}=1"], "unknown config key 'kkk.*…'"),
        (["out=x", "inner={" + ",".join(f"k{n}: 1" for n in range(100)) + "}"], "; 95 more of this kind"),
    ],
)
def test_mistakes_are_one_line_naming_the_key(overrides: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        load(Outer, None, overrides)
    assert "\n" not in str(caught.value)


def test_unreadable_files(tmp_path: Path) -> None:
    (tmp_path / "list.yaml").write_text("- a\n")
    (tmp_path / "broken.yaml").write_text("a: [1\n")
    (tmp_path / "latin.yaml").write_bytes(b"out: \xe4\n")
    (tmp_path / "folder.yaml").mkdir()
    for name, message in (
        ("none", "does not exist"),
        ("list", "mapping"),
        ("broken", "cannot be read"),
        ("latin", "cannot be read"),
        ("folder", "cannot be read"),
        ("list.yaml/x", "cannot be read"),
    ):
        with pytest.raises(ValueError, match=message):
            load(Outer, str(tmp_path / f"{name}.yaml"))


def test_the_last_of_two_overrides_stands_but_no_file_may_give_a_key_twice(tmp_path: Path) -> None:
    assert load(Outer, None, ["out=x", "out=y", "inner={steps: 1}", "inner.name=b"]).model_dump() == {
        "out": "y",
        "inner": {"steps": 1, "name": "b", "rate": 0.1},
    }
    (tmp_path / "c.yaml").write_text("inner: {steps: 5}\nout: x\ninner: {name: b}\n")
    with pytest.raises(ValueError, match=r"c\.yaml cannot be read: line 3, key 'inner': given twice, first in line 1"):
        load(Outer, f"{tmp_path}/c.yaml")


def test_an_empty_file_and_one_with_a_mark_are_read(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("# nothing yet\n")
    assert load(Outer, f"{tmp_path}/c.yaml", ["out=x"]) == Outer(out="x")
    (tmp_path / "c.yaml").write_text("out: é\n", encoding="utf-8-sig")
    assert load(Outer, f"{tmp_path}/c.yaml") == Outer(out="é")


def test_config_is_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Inner().steps = 4  # type: ignore[misc]


@pytest.mark.parametrize("text", ["true", "yes", "on", "no"])
def test_a_truth_value_is_no_number(text: str) -> None:
    for key in ("inner.steps", "inner.rate"):
        with pytest.raises(ValueError, match=f"config key '{key}' is a number, not (true|false): write its digits"):
            load(Outer, None, ["out=x", f"{key}={text}"])
