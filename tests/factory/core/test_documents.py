from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from difffas.errors import UserError
from factory.cli import main
from factory.core.documents import DEEPEST, LARGEST, MOST_VALUES, parse_json, parse_yaml
from tests.growth import grows_at_most

pytestmark = pytest.mark.timeout(120)  # what is refused late is refused never
BOMB = "\n".join(
    ["a: &a [x, x, x, x, x, x, x, x, x]"]
    + [f"{chr(98 + level)}: &{chr(98 + level)} [{', '.join([f'*{chr(97 + level)}'] * 9)}]" for level in range(8)]
)
FAULTS = {
    "!!int ''": "is not of the kind !!int",
    "!!int x": "is not of the kind !!int",
    "!!float ''": "is not of the kind !!float",
    "!!bool maybe": "is not of the kind !!bool",
    "!!timestamp x": "is not of the kind !!timestamp",
    "2020-99-99": "is not of the kind !!timestamp",
    "!!timestamp 2020-01-01T99:00:00": "is not of the kind !!timestamp",
    "!!binary 'a'": "not for settings",
    "!!set {x, y}": "not for settings",
    "!!omap [x: 1]": "not for settings",
    "!!map x": "not for settings",
    "!!str {x: 1}": "not for settings",
    "!!python/name:os.system ''": "could not determine a constructor",
    "!!value x": "could not determine a constructor",
    "1" * 5000: "a number of 5,000 characters",
    "0x" + "f" * 5000: "a number of 5,002 characters",
    "0x" + "f" * 17: "more than 64 bits",
    "-" + "9" * 20: "more than 64 bits",
    "1:" * 5000 + "1": "a number of 10,001 characters",
    '"\\ud800"': "half a surrogate pair",
    "{x: 1, y: 2, x: 3}": "given twice, first in line 3",
    "{1: x, 1.0: y}": "given twice",
    "{<<: {x: 1}, <<: {y: 1}}": "given twice",
    "{<<: {x: 1, x: 2}}": "given twice",
    "{<<: 3}": "only a mapping can be merged",
    "{[x]: 1}": "a key is text",
    "&k [*k]": f"more than {DEEPEST} levels deep",
    "&k {x: *k}": f"more than {DEEPEST} levels deep",
    "[" + "x," * (MOST_VALUES + 1) + "]": "more than 100,000 values",
}
BROKEN = {
    "a: b: c": "line 1, column 5: mapping values are not allowed here",
    "a: [": "line 1, column 5",
    "a: *nowhere": "undefined alias 'nowhere'",
    "a: \x07": "special characters are not allowed",
    "a: 1\n---\nb: 1": "line 2, column 1: expected a single document",
    "%YAML 9.9\n---\na: 1": "incompatible YAML document",
    f"%YAML 1.{'1' * 5000}\n---\na: 1": "not valid YAML for settings: Exceeds the limit",
    'a: "\\UFFFFFFFF"': "not valid YAML for settings: ",
    'a: "\\U00110000"': "not valid YAML for settings: ",
    "[" * 100_000: f"more than {DEEPEST} levels deep",
    "{" * 100_000: f"more than {DEEPEST} levels deep",
    "- " * 100_000: f"more than {DEEPEST} levels deep",
    "? " * 100_000: f"more than {DEEPEST} levels deep",
    "a: '" + "x" * LARGEST + "'": "more than 256 KiB of YAML",
    BOMB: "more than 100,000 values, each counted as often as an alias names it",
}


def refused(text: str) -> str:
    with pytest.raises(ValueError, match=r"^config file x\.yaml: ") as caught:
        parse_yaml(text, "config file x.yaml")
    assert type(caught.value) is UserError
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 500
    return message


@pytest.mark.parametrize("value", FAULTS, ids=lambda value: value[:20])
def test_a_value_that_is_none_is_named_with_its_line_and_key(value: str) -> None:
    if not value.startswith("["):
        value = f"{value}\n"
    message = refused(f"first: 1\nouter:\n  inner: {value}")
    assert message.startswith("config file x.yaml: line 3, key 'outer.inner")
    assert FAULTS[value.removesuffix("\n")] in message


@pytest.mark.parametrize("text", BROKEN, ids=lambda text: text[:20])
def test_a_text_that_is_none_is_one_line(text: str) -> None:
    assert BROKEN[text] in refused(text)


def test_the_first_of_two_keys_is_named() -> None:
    message = refused("train:\n  lr: 1\nout: x\ntrain:\n  steps: 3\n")
    assert message == "config file x.yaml: line 4, key 'train': given twice, first in line 1: keep one"


def test_aliases_and_merges_give_values_of_their_own() -> None:
    found = parse_yaml("a: &a {k: 1, l: [2]}\nb: *a\nc: {<<: *a, k: 3}\nd: {<<: [{k: 4}, *a]}\n", "x")
    assert found == {
        "a": {"k": 1, "l": [2]},
        "b": {"k": 1, "l": [2]},
        "c": {"k": 3, "l": [2]},
        "d": {"k": 4, "l": [2]},
    }
    found["a"]["k"] = 5
    assert found["b"]["k"] == 1


@given(st.recursive(st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(), st.lists, max_leaves=20))
def test_json_is_yaml(value: object) -> None:
    assert parse_yaml(json.dumps({"k": value}, ensure_ascii=True), "x") == {"k": value}


@given(st.text(alphabet="{}[]:,-?&*!<|>'\"%#@`~ \nab1.0x", max_size=40))
def test_whatever_is_written_ends_in_a_value_or_in_one_line(text: str) -> None:
    error = None
    try:
        parse_yaml(text, "x")
    except ValueError as raised:
        error = raised
    assert error is None or (type(error) is UserError and "\n" not in str(error))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("[" * 100_000, "levels deep"),
        ('{"a":' * 100_000, "levels deep"),
        ("[" * 65 + "]" * 65, "levels deep"),
        ('{"a": 1, "b": 2, "a": 3}', "'a' is given twice"),
        ('[{"a": {"b": 1, "b": 1}}]', "'b' is given twice"),
        ("1" * 5000, "4300 digits"),
        (b"\xff", "decode"),
        ("", "Expecting value"),
        ("{", "line 1 column 2"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_json_that_is_none_is_one_line(data: str | bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as caught:
        parse_json(data, "ledger/x.json")
    assert type(caught.value) is UserError
    assert str(caught.value).startswith("ledger/x.json: not valid JSON: ")
    assert "\n" not in str(caught.value)


def test_a_key_among_many_that_is_given_twice_is_found_soon() -> None:
    def find(count: int) -> None:
        text = json.dumps({f"k{number}": 1 for number in range(count)})
        with pytest.raises(ValueError, match=f"'k{count - 1}' is given twice"):
            parse_json(f'{text[:-1]}, "k{count - 1}": 2}}', "x")

    grows_at_most(find, 10_000)  # every key against all before it took minutes


def test_brackets_in_text_are_no_levels() -> None:
    value = {"a": ["[" * 500 + '\\"{'], "b": [[1]] * 100}
    assert parse_json(json.dumps(value), "x") == value


@pytest.mark.parametrize("value", ["!!int ''", "!!timestamp x", "1" * 5000, "{x: 1, x: 2}", "[" * 5000, "&k [*k]"])
def test_an_override_or_a_file_with_it_ends_in_one_line(
    tmp_path: Path, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("job", "protocol", "table"):
        (tmp_path / f"{name}.yaml").write_text(f"out: {value}\n")
    (tmp_path / "bomb.yaml").write_text(BOMB)
    for arguments, named in (
        (["report", f"out={value}"], "override out="),
        (["prepare", "x", "--set", f"out={value}"], "override out="),
        (["report", "--config", f"{tmp_path}/job.yaml"], f"{tmp_path}/job.yaml cannot be read: line 1, key 'out"),
        (["release", "--config", f"{tmp_path}/job.yaml"], f"{tmp_path}/job.yaml cannot be read: line 1, key 'out"),
        (["submit", "report", "--config", f"{tmp_path}/job.yaml"], f"{tmp_path}/job.yaml cannot be read: line 1"),
        (["protocols", f"{tmp_path}/protocol.yaml"], f"{tmp_path}/protocol.yaml cannot be read: line 1"),
        (["ablate", f"{tmp_path}/table.yaml", "corpus=x", "out=y"], f"{tmp_path}/table.yaml cannot be read: line 1"),
        (["report", "--config", f"{tmp_path}/bomb.yaml"], f"{tmp_path}/bomb.yaml cannot be read"),
    ):
        if value.startswith("[") and "--config" not in arguments and "override" not in named:
            named = named.partition(": line")[0]
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        error = capsys.readouterr().err
        assert (ended.value.code, error.count("\n")) == (2, 1), arguments
        assert named.partition(", key")[0] in error
        assert len(error) < 1000


@pytest.mark.parametrize("text", ["010", "-0_17", "1:30", "1:30:00", "1:30.5"])
def test_what_looks_like_another_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="line 1, key 'a': YAML takes .* write decimals"):
        parse_yaml(f"a: {text}", "it")


@pytest.mark.parametrize(
    ("text", "value"), [("0", 0), ("00", 0), ("10", 10), ("1_000", 1000), ("0x10", 16), ("0.5", 0.5)]
)
def test_plain_numbers_stay(text: str, value: float) -> None:
    assert parse_yaml(text, "it") == value
