from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from factory.entries import Entry, list_entries
from factory.prepare import PrepareConfig
from factory.row import FACTS
from factory.sources import Source


def config(**given: Any) -> PrepareConfig:
    return PrepareConfig.model_validate({"source": "photos", "out": "out", "crop": "none", **given})


def entries(paths: list[str], **given: Any) -> dict[str, Entry]:
    found = list_entries(config(**given), [Source(path, 1) for path in sorted(paths)])
    return {entry.path: entry for entry in found}


def test_a_row_says_what_the_path_says() -> None:
    found = entries(["Casia/Cut-Photo/01/a.jpg"], pattern="{domain}/{attack}/{subject}/{capture}.jpg", license="mit")
    row = found["Casia/Cut-Photo/01/a.jpg"].row("mit")
    assert row.pop("key").startswith("casia-cut-photo-01-a-")
    assert row == {
        "label": 1,
        "attack": "cut_photo",
        "domain": "casia",
        "style": "casia-cut_photo",
        "subject": "01",
        "capture": "a",
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
        config(**given)
