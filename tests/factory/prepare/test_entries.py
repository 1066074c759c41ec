from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given as hypothesis_given
from hypothesis import strategies as st

from factory.corpus.row import FACTS, KEY, whole_domain
from factory.prepare import PrepareConfig
from factory.prepare.entries import Entry, key_of, list_entries
from factory.sources import Source

paths = st.lists(st.text(min_size=1), min_size=1, max_size=4).map("/".join)


def config(**given: Any) -> PrepareConfig:
    return PrepareConfig.model_validate({"source": "photos", "out": "out", "crop": "none", **given})


def entries(paths: list[str], **given: Any) -> dict[str, Entry]:
    found = list_entries(config(**given), [Source(path, 1) for path in sorted(paths)])
    return {entry.path: entry for entry in found}


def test_a_row_says_what_the_path_says() -> None:
    found = entries(["Casia/Cut-Photo/01/a.jpg"], pattern="{domain}/{attack}/{subject}/{capture}.jpg", license="mit")
    row = found["Casia/Cut-Photo/01/a.jpg"].row("mit")
    assert str(row.pop("key")).startswith("casia-cut-photo-01-a-")
    assert row == {
        "label": 1,
        "attack": "cut_photo",
        "domain": "casia",
        "style": "casia-cut_photo",
        "subject": "01",
        "capture": "a",
        "sitting": None,
        "split": "train",
        "source": "Casia/Cut-Photo/01/a.jpg",
        "license": "mit",
    }
    assert {"key", *row} <= set(FACTS)


@pytest.mark.parametrize(
    ("path", "given", "expected"),
    [
        ("Real/1.jpg", {"pattern": "{attack}/{subject}"}, (0, "live", None)),
        ("print/1.jpg", {"pattern": "{attack}/{subject}"}, (1, "print", None)),
        ("print/1.jpg", {"pattern": "{attack}/{subject}", "live": ["Print"]}, (0, "live", None)),
        ("live/none/1.jpg", {"pattern": "{label}/{attack}/{subject}"}, (0, "live", None)),
        ("fake/mask/1.jpg", {"pattern": "{label}/{attack}/{subject}"}, (1, "mask", None)),
        ("fake/live/1.jpg", {"pattern": "{label}/{attack}/{subject}"}, (1, "live", "label and attack disagree")),
        ("1.jpg", {"pattern": "{subject}", "defaults": {"attack": "live"}}, (0, "live", None)),
        ("1.jpg", {"pattern": "{subject}", "defaults": {"label": "live"}}, (0, "live", None)),
        ("x/1.jpg", {"pattern": "{attack}/{subject}", "defaults": {"attack": "replay"}}, (1, "x", None)),
    ],
)
def test_what_is_live(path: str, given: dict[str, Any], expected: tuple[int, str, str | None]) -> None:
    given = {**given, "defaults": {"domain": "cam", **given.get("defaults", {})}}
    entry = entries([path], **given)[path]
    assert (entry.label, entry.attack, entry.reject) == expected


def test_subjects_keep_to_one_split_across_domains() -> None:
    paths = [f"{domain}/live/{subject}/{n}.jpg" for domain in "ab" for subject in range(10) for n in range(3)]
    found = entries(paths, pattern="{domain}/{attack}/{subject}/{n}.jpg")
    splits: dict[str | None, set[str]] = {}
    for entry in found.values():
        splits.setdefault(entry.subject, set()).add(entry.split)
    assert all(len(names) == 1 for names in splits.values())
    assert sorted(next(iter(names)) for names in splits.values()) == ["dev", "test"] + ["train"] * 8


def test_a_split_in_the_path_overrides() -> None:
    found = entries(["Test/live/1.jpg"], pattern="{split}/{attack}/{subject}", defaults={"domain": "cam"})
    assert found["Test/live/1.jpg"].split == "test"
    found = entries(["live/1.jpg"], pattern="{attack}/{subject}", defaults={"domain": "cam", "split": "held-out"})
    assert found["live/1.jpg"].split == "held_out"


def test_what_does_not_match_is_a_reject_of_the_largest_split() -> None:
    paths = [f"live/{n}/a.jpg" for n in range(10)] + ["readme.png"]
    found = entries(paths, defaults={"domain": "cam"})
    stray = found["readme.png"]
    assert (stray.reject, stray.split, stray.label) == ("no pattern match", "train", None)
    row = stray.row("unknown")
    assert row["source"] == "readme.png" and row["style"] is None and row["split"] is None
    with pytest.raises(ValueError, match=r"fits none of the 1 images in photos, such as 'readme\.png'"):
        entries(["readme.png"], defaults={"domain": "cam"})


def test_boxes_of_a_table(tmp_path: Path) -> None:
    table = tmp_path / "boxes.csv"
    table.write_text("path,x,y,width,height\nlive/1.jpg,1,2,3,4\nlive/2.jpg,,,,\n")
    given = {"pattern": "{attack}/{subject}", "defaults": {"domain": "cam"}, "crop": "table", "boxes": str(table)}
    found = entries(["live/1.jpg", "live/2.jpg", "live/3.jpg"], **given)
    assert found["live/1.jpg"].box == (1, 2, 3, 4)
    assert [entry.reject for entry in found.values()] == [None, "no face", "no box in the table"]
    with pytest.raises(ValueError, match="names none of the images"):
        entries(["live/7.jpg"], **given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "no domain: put {domain} into pattern"),
        ({"defaults": {"domain": "x"}, "pattern": "{attack}/*"}, "no subject: .*defaults.subject=NAME"),
        ({"defaults": {"domain": "x"}, "pattern": "{subject}"}, "no attack"),
        ({"defaults": {"domain": "x"}, "pattern": "{label}/{subject}"}, "no attack"),
    ],
)
def test_fields_that_nothing_gives(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        entries(["live/1/2.jpg"], **given)


@hypothesis_given(st.lists(paths, unique=True, min_size=2, max_size=20))
def test_keys_are_legal_and_unique(names: list[str]) -> None:
    keys = [key_of("cam", name) for name in names]
    assert all(KEY.fullmatch(key) for key in keys)
    assert len(set(keys)) == len(names)
    assert all(re.fullmatch(r"[0-9a-f]{16}", key[-16:]) and len(key) <= 65 for key in keys)


def test_keys_are_for_ever() -> None:
    assert key_of("nuaa", "live/0001/0001_00_00_01_63.jpg") == "live-0001-0001_00_00_01_63-e8a7c5c43c865c5d"
    assert key_of("casia", "live/1.jpg") != key_of("nuaa", "live/1.jpg")
    assert key_of("cam", "a/../../etc/passwd").count("/") == 0


def columns(*rows: dict[str, str], **given: Any) -> list[Entry]:
    """Entries of Parquet rows that say this."""
    sources = [
        Source(f"a.parquet/{at}", 0, None, "", row, "parquet", "a.parquet", 0, at) for at, row in enumerate(rows)
    ]
    return list_entries(config(**given), sources)


def test_columns_say_it_all_and_outrank_the_pattern() -> None:
    row = {"label": "spoof", "attack": "Cut-Photo", "domain": "X", "subject": "7", "split": "Dev", "capture": "c"}
    [entry] = columns({**row, "license": "CC-BY-4.0", "key": "Face 1"})
    assert entry.key == key_of("x", "Face 1") and entry.key.startswith("face-1-")
    assert (entry.label, entry.attack, entry.domain, entry.subject) == (1, "cut_photo", "x", "7")
    assert (entry.split, entry.capture, entry.reject) == ("dev", "c", None)
    assert (entry.file, entry.group, entry.at) == ("a.parquet", 0, 0)
    assert entry.row("unknown")["license"] == "CC-BY-4.0"
    [entry] = columns(row, pattern="{subject}.parquet/{n}", defaults={"domain": "y"})
    assert (entry.subject, entry.domain) == ("7", "x")
    [entry] = columns({"label": "live"}, pattern="{subject}.parquet/{n}", defaults={"domain": "y", "attack": "print"})
    assert (entry.subject, entry.domain, entry.attack) == ("a", "y", "live")
    assert entry.row("unknown")["license"] == "unknown"


def test_a_corpus_that_is_prepared_anew_keeps_the_parts_of_its_domains() -> None:
    row = {"label": "0", "attack": "live", "domain": "world__phone_2", "subject": "7"}
    [entry] = columns(row)
    assert (entry.domain, whole_domain(str(entry.domain))) == ("world__phone_2", "world")
    [entry] = columns({**row, "domain": "a_b"})
    assert entry.domain == "a_b"


@pytest.mark.parametrize(
    ("row", "live", "expected"),
    [
        ({"label": "0"}, ["live"], (0, "live", None)),
        ({"label": "1"}, ["live"], (1, "print", None)),
        ({"label": "1"}, ["1"], (0, "live", None)),
        ({"label": "0"}, ["live", "1"], (1, "print", None)),
        ({"label": "7"}, ["live"], (1, "print", "label is neither 0 nor 1")),
        ({"label": "-1"}, ["live"], (1, "print", "label is neither 0 nor 1")),
        ({"label": "7"}, ["1"], (1, "print", None)),
        ({"label": "Real"}, ["real"], (0, "live", None)),
        ({"label": "1", "attack": "live"}, ["live"], (1, "live", "label and attack disagree")),
        ({"attack": "live"}, ["live"], (0, "live", None)),
        ({}, ["live"], (1, "print", None)),
    ],
)
def test_what_is_live_by_columns(row: dict[str, str], live: list[str], expected: tuple[int, str, str | None]) -> None:
    defaults = {"domain": "cam", "attack": "print"}
    # A second row that has both: the columns are there, only this cell may be empty.
    entry, _ = columns({"subject": "1", **row}, {"subject": "2", "label": "x"}, live=live, defaults=defaults)
    assert (entry.label, entry.attack, entry.reject) == expected


def test_empty_cells_are_rejects_with_a_reason() -> None:
    full = {"attack": "print", "domain": "x", "subject": "1"}
    found = columns(full, *({name: full[name] for name in full if name != lacking} for lacking in full))
    assert [entry.reject for entry in found] == [None, "no attack", "no domain", "no subject"]
    assert len({entry.key for entry in found}) == 4 and {entry.split for entry in found} == {"train"}
    with pytest.raises(ValueError, match=r"no subject: name its column, columns\.subject=COLUMN"):
        columns({"attack": "print", "domain": "x"})
    live_only = columns(
        {"subject": "1", "label": "0"}, {"subject": "2", "label": "1"}, defaults={"domain": "x", "attack": "mask"}
    )
    assert [entry.attack for entry in live_only] == ["live", "mask"]


def test_an_empty_split_is_that_of_the_subject_else_by_hash() -> None:
    rows = [
        {"attack": "print", "subject": str(n // 2), **({"split": "test"} if n in (0, 5) else {})} for n in range(20)
    ]
    found = columns(*rows, defaults={"domain": "x"}, split={"train": 0.5, "dev": 0.5})
    splits: dict[str | None, set[str]] = {}
    for entry in found:
        splits.setdefault(entry.subject, set()).add(entry.split)
    assert splits["0"] == splits["2"] == {"test"}
    rest = Counter(next(iter(splits[str(n)])) for n in range(10) if n not in (0, 2))
    assert rest == {"train": 4, "dev": 4} and all(len(names) == 1 for names in splits.values())


def test_repeated_keys_are_named() -> None:
    row = {"attack": "print", "domain": "x", "subject": "1"}
    with pytest.raises(ValueError, match="key column of photos repeats 'one'"):
        columns({**row, "key": "one"}, {**row, "key": "two"}, {**row, "key": "one"})


def test_row_groups_keep_together() -> None:
    sources = [
        Source(f"a/{at}", 0, None, "", {"attack": "print", "subject": "1"}, "parquet", "a", at // 5, at)
        for at in range(50)
    ]
    found = sorted(list_entries(config(defaults={"domain": "x"}), sources), key=lambda entry: entry.rank)
    groups = [found[first].group for first in range(0, 50, 5)]
    assert [entry.at for entry in found] == [group * 5 + n for group in groups for n in range(5)]
    assert sorted(groups) == list(range(10)) and groups != sorted(groups)


def test_patterns_of_the_manual_for_containers() -> None:
    def entry(path: str, fields: dict[str, str], **given: Any) -> Entry:
        [found] = list_entries(config(**given), [Source(path, 0, None, "", fields, "webdataset", "x", -1, 0)])
        return found

    found = entry(
        "test-0.parquet/12/7.jpg",
        {"attack": "live", "subject": "3"},
        pattern="{split}-*.parquet/**",
        defaults={"domain": "x"},
    )
    assert (found.split, found.subject, found.reject) == ("test", "3", None)
    found = entry(
        "shard-0.tar/print/0001/7.jpg", {}, pattern="*.tar/{attack}/{subject}/{image}", defaults={"domain": "x"}
    )
    assert (found.attack, found.subject, found.reject) == ("print", "0001", None)


SESSIONS = "{attack}/{subject}/{subject}_{glasses}_{session}_{picture}.jpg"


def sessions(subjects: int = 6) -> list[str]:
    return [
        f"{attack}/{subject:04d}/{subject:04d}_00_{session:02d}_{picture}.jpg"
        for attack in ("live", "print")
        for subject in range(subjects)
        for session in (1, 2, 3)
        for picture in range(2)
    ]


def test_a_field_divides_the_domain() -> None:
    given = {"pattern": SESSIONS, "defaults": {"domain": "nuaa"}}
    whole, divided = entries(sessions(), **given), entries(sessions(), **given, domain="session")
    assert {entry.domain for entry in divided.values()} == {f"nuaa__session_0{n}" for n in (1, 2, 3)}
    entry = divided["print/0002/0002_00_03_1.jpg"]
    assert entry.row("mit")["style"] == "nuaa__session_03-print"
    assert whole_domain(str(entry.domain)) == "nuaa"
    assert [entry.key for entry in divided.values()] == [entry.key for entry in whole.values()]
    assert [entry.split for entry in divided.values()] == [entry.split for entry in whole.values()]


@pytest.mark.parametrize(
    ("pattern", "given", "known"),
    [
        (SESSIONS, {}, "glasses, picture, session, subject"),
        (None, {}, "image, subject"),
        (None, {"defaults": {"domain": "x", "capture": "c"}}, "capture, image, subject"),
    ],
)
def test_a_field_that_nothing_gives_divides_no_domain(pattern: str, given: dict[str, Any], known: str) -> None:
    with pytest.raises(ValueError, match=f"domain=sesion is not a field of these images: there are {known}$"):
        entries(sessions(), **{"pattern": pattern, "defaults": {"domain": "x"}, "domain": "sesion", **given})


@pytest.mark.parametrize("name", ["label", "attack", "domain", "key"])
def test_what_makes_a_style_divides_no_domain(name: str) -> None:
    with pytest.raises(ValueError, match=f"domain={name} divides no domain"):
        config(domain=name)


def test_a_field_makes_the_styles_of_spoofs_finer() -> None:
    given = {"pattern": SESSIONS, "defaults": {"domain": "nuaa"}}
    plain, found = entries(sessions(), **given), entries(sessions(), **given, style_fields=["session", "glasses"])
    assert {entry.style for entry in found.values() if entry.label == 0} == {"nuaa-live"}
    finer = {entry.style for entry in found.values() if entry.label == 1}
    assert finer == {f"nuaa-print-session_0{n}-glasses_00" for n in (1, 2, 3)}
    for path, entry in plain.items():
        assert entry.row("mit") == {**found[path].row("mit"), "style": f"nuaa-{entry.attack}"}


def test_columns_make_styles_finer() -> None:
    sources = [
        Source(
            f"a.parquet/{n}",
            0,
            format="parquet",
            fields={"subject": str(n), "attack": "print" if n else "live", **columns},
        )
        for n, columns in enumerate(({}, {}, {"quality": "Very Low"}, {}))
    ]
    given = config(pattern=None, source_format="parquet", style_fields=["quality"], defaults={"domain": "lab"})
    assert given.read_columns == {"quality": "quality"}
    found = list_entries(given, sources)
    assert [entry.style for entry in found] == ["lab-live", "lab-print", "lab-print-quality_very_low", "lab-print"]
    assert [entry.reject for entry in found] == [None, "no quality", None, "no quality"]


def test_a_field_that_nothing_gives_makes_no_style() -> None:
    with pytest.raises(
        ValueError, match=r"style_fields=camera is not a field of these images: there are glasses, picture, session$"
    ):
        entries(sessions(), pattern=SESSIONS, defaults={"domain": "x"}, style_fields=["camera"])
    with pytest.raises(ValueError, match=r"not a field of these images: their names have none that could be chosen$"):
        entries(sessions(), pattern="{attack}/{subject}/{image}", defaults={"domain": "x"}, style_fields=["camera"])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (["attack"], "style_fields=attack makes no style: name a field such as session, quality or camera"),
        (["Lens"], "style_fields=Lens must be of .a-z0-9_.: name it lens, and its column columns.lens"),
        (["session", "session"], "style_fields session, session names a field twice"),
    ],
)
def test_fields_that_make_no_style_are_refused(fields: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        config(style_fields=fields)


def test_people_keep_to_one_split_however_the_domain_is_divided(capsys: pytest.CaptureFixture[str]) -> None:
    paths = sessions(8)
    by_session = [("test/" if "_03_" in path else "train/") + path for path in paths]
    given = {"pattern": "{split}/" + SESSIONS, "defaults": {"domain": "nuaa"}}
    assert {e.split for e in entries(by_session, **given).values() if e.subject == "0001"} == {"train", "test"}
    found = entries(by_session, **given, domain="session")
    assert "8 people are in several given splits: with domain=session people are split by hash" in (
        capsys.readouterr().err
    )
    splits: dict[str | None, set[str]] = {}
    for entry in found.values():
        splits.setdefault(entry.subject, set()).add(entry.split)
    assert Counter(map(len, splits.values())) == {1: 8}
    assert set().union(*splits.values()) == {"train", "dev", "test"}
    apart = [("test/" if "/0001/" in path else "train/") + path for path in paths]
    kept = entries(apart, **given, domain="session")
    assert {entry.subject for entry in kept.values() if entry.split == "test"} == {"0001"}


def test_a_column_divides_the_domain() -> None:
    row = {"attack": "print", "domain": "X", "subject": "1"}
    first, second, third = columns(
        {**row, "room": "Hall 2"}, {**row, "room": "lab"}, row, domain="room", defaults={"attack": "live"}
    )
    assert [first.domain, second.domain] == ["x__room_hall_2", "x__room_lab"]
    assert [first.reject, third.reject] == [None, "no room"]


def test_a_field_of_attacks_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    paths = [f"live/1/a_{n}.jpg" for n in range(2)] + [f"print/1/b_{n}.jpg" for n in range(2)]
    entries(paths, pattern="{attack}/{subject}/{kind}_{n}", defaults={"domain": "x"}, domain="kind")
    assert "with domain=kind no domain has both live faces and spoofs" in capsys.readouterr().err
