from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.sources.pattern import Pattern, field_value, vocabulary_name
from tests.root import ROOT

words = st.text("abcxyz0189", min_size=1, max_size=5)
names = st.lists(words, min_size=1, max_size=3).map("_".join)


@given(domain=names, attack=names, subject=names, capture=names)
def test_what_is_written_is_read(domain: str, attack: str, subject: str, capture: str) -> None:
    values = {"domain": domain, "attack": attack, "subject": subject, "capture": capture}
    pattern = Pattern("{domain}/{attack}/{subject}/{capture}.png")
    assert pattern.match("{domain}/{attack}/{subject}/{capture}.png".format(**values)) == values
    assert pattern.fields == tuple(values)


@given(subject=words, glasses=words, rest=names, depth=st.lists(words, max_size=3))
def test_fields_that_share_a_component_take_as_little_as_will_do(
    subject: str, glasses: str, rest: str, depth: list[str]
) -> None:
    path = "/".join([*depth, f"{subject}_{glasses}_{rest}.jpg"])
    expected = {"subject": subject, "glasses": glasses, "rest": rest}
    assert Pattern("**/{subject}_{glasses}_{rest}.jpg").match(path) == expected


@given(st.text())
def test_names_are_of_the_vocabulary(text: str) -> None:
    name = vocabulary_name(text)
    assert re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", name)
    assert vocabulary_name(name) == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Print", "print"),
        ("NUAA-2010", "nuaa_2010"),
        ("  high  resolution (v2) ", "high_resolution_v2"),
        ("Müller", "muller"),
        ("Straße", "strasse"),
        ("０１", "01"),  # full-width digits
    ],
)
def test_names(text: str, name: str) -> None:
    assert vocabulary_name(text) == name


def test_names_without_ascii_letters_stay_apart() -> None:
    assert len({vocabulary_name(text) for text in ("山1", "田1", "山 2", "田", "1", "...", "")}) == 7


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("{attack}/{subject}/{image}", "print/0001/a.b.jpg", {"attack": "print", "subject": "0001", "image": "a_b"}),
        ("{attack}/{subject}/{image}", "print/0001/deeper/a.jpg", None),
        ("{subject}", "17.png", {"subject": "17"}),
        ("{subject}.png", "17.PNG", {"subject": "17"}),
        ("{subject}.png", "17.jpg", None),
        ("Live/{subject}.png", "live/17.png", None),
        ("{image}.{extension}", "a.jpg", {"image": "a", "extension": "jpg"}),
        ("{subject}/**", "1/2/3.jpg", {"subject": "1"}),
        ("{subject}/**", "1", None),
        ("**/{subject}/*.jpg", "1.jpg", None),
        ("**/{subject}/*.jpg", "7/1.jpg", {"subject": "7"}),
        ("**/{subject}/*.jpg", "a/b/7/1.jpg", {"subject": "7"}),
        ("a*c/{subject}", "ac/1.jpg", {"subject": "1"}),
        ("a*c/{subject}", "a/c/1.jpg", None),
        ("*/{subject}_*", "x/7_y.jpg", {"subject": "7"}),
        ("{subject}/{subject}_{n}.jpg", "07/07_1.jpg", {"subject": "07", "n": "1"}),
        ("{subject}/{subject}_{n}.jpg", "07/08_1.jpg", None),
        ("{split}_release/{subject}/{n}.jpg", "test_release/3/1.jpg", {"split": "test", "subject": "3", "n": "1"}),
        ("a+b (1)/{subject}.jpg", "a+b (1)/7.jpg", {"subject": "7"}),
        ("{subject}/{n}.jpg", "new\nline/1.jpg", {"subject": "new_line", "n": "1"}),
    ],
)
def test_matches(pattern: str, path: str, expected: dict[str, str] | None) -> None:
    assert Pattern(pattern).match(path) == expected


@pytest.mark.parametrize(
    ("pattern", "named"),
    [
        ("{attack}/[ab]/x", "'[ab]'"),
        ("a?.jpg", "'?'"),
        ("{Attack}/x", "'{Attack}'"),
        ("{attack:d}/x", "'{attack:d}'"),
        ("{attack", "'{attack'"),
        ("}x", "'}x'"),
        ("{}/x", "'{}"),
        ("{a}{b}.jpg", "before '{b}'"),
        ("{a}*.jpg", "before '*'"),
        ("x**/a.jpg", "'**' must stand alone"),
        ("/abs/{a}.jpg", "not a path component"),
        ("../{a}.jpg", "'..'"),
        ("a\\b", "unknown syntax"),
        ("", "not a path component"),
    ],
)
def test_unknown_syntax_is_named(pattern: str, named: str) -> None:
    with pytest.raises(ValueError, match=re.escape(named)) as caught:
        Pattern(pattern)
    assert repr(pattern) in str(caught.value)


def test_the_layouts_of_the_manual() -> None:
    manual = (ROOT / "docs" / "prepare.md").read_text(encoding="utf-8")
    layouts = re.findall(r"^\| `([^`]+\.(?:jpg|png))` \| `([^`]+)`", manual, re.MULTILINE)
    assert len(layouts) == 4
    for path, pattern in layouts:
        assert (Pattern(pattern).match(path) or {}).get("subject"), path


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("nuaa__session_03", "nuaa__session_03"),
        ("a__b__c", "a__b__c"),
        ("A__b", "a_b"),
        ("a___b", "a_b"),
        ("__b", "b"),
    ],
)
def test_a_part_of_a_domain_stays_one(text: str, domain: str) -> None:
    assert Pattern("{domain}/{subject}").match(f"{text}/{text}") == {
        "domain": domain,
        "subject": vocabulary_name(text),
    }
    assert field_value("domain", text) == domain
