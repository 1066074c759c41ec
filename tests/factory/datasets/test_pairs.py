"""What the authors' pair lists say, and lists that are none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.factory.datasets import trees
from tests.factory.datasets.listing import facts, listed, rejects
from tests.factory.datasets.trees import write_image, write_text


def test_directories_of_pair_lists_that_say_something_else(tmp_path: Path) -> None:
    found = [["/O1/a.png", "/O2/a.png"], ["/O2/b.png", "/O1/b.png"], ["/photos/c.png", "/C10/c.png"]]
    found += [["/M2/d.png", "/M9/d.png"], ["/0_02/e.png", "/4_1/e.png"], ["/x/O15/f.png", "/x/O35/f.png"]]
    write_text(tmp_path / "OCIM.json", json.dumps(found))
    for path in {path for pair in found for path in pair}:
        write_image(tmp_path / path.strip("/"))
    unknown, swapped = (
        dict.fromkeys(("photos/c.png", "C10/c.png", "M9/d.png"), "unknown name"),
        ("O2/b.png", "O1/b.png"),
    )
    read = listed("pairs", tmp_path)
    assert rejects(read) == {**unknown, **dict.fromkeys(swapped, "label and attack disagree")}
    assert [(read[path].fields or {})["domain"] for path in ("4_1/e.png", "x/O35/f.png")] == ["wmca", "oulu_npu"]


def test_pair_lists(tmp_path: Path) -> None:
    root = trees.pairs(tmp_path)
    found = listed("pairs", root)
    style = {path: (source.fields or {})["domain"] + "-" + str(facts(source)[1]) for path, source in found.items()}
    assert style == {
        "O1/a.png": "oulu_npu-live", "O1/b.png": "oulu_npu-live", "O2/a.png": "oulu_npu-o2", "O4/a.png": "oulu_npu-o4",
        "C3/x.png": "casia_fasd-live", "C7/y.png": "casia_fasd-c7", "0_00/035_01_000_0_00_1.png": "wmca-live",
        "2_18/530_03_035_2_18_1.png": "wmca-2_18", "real/p.png": "padisi-live",
        "paper_glass/p.png": "padisi-paper_glass",
    }  # fmt: skip
    scene = {path: facts(source)[2:] for path, source in found.items()}
    assert scene["O1/a.png"] == scene["O1/b.png"] == scene["O2/a.png"] == scene["O4/a.png"]
    assert len({facts[2] for facts in scene.values()}) == 4
    assert scene["2_18/530_03_035_2_18_1.png"][0] == scene["0_00/035_01_000_0_00_1.png"][0] == "035"
    (root / "O2/a.png").unlink()
    assert rejects(listed("pairs", root)) == {"O2/a.png": "missing file"}
    alone = write_text(tmp_path / "elsewhere" / "one.json", json.dumps([["/O1/a.png", "/O4/a.png"]]))
    assert len(listed("pairs", root, chosen=str(alone))) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", "is not a pair list"),
        ("[]", "is not a pair list"),
        ("not json", "is not a pair list"),
        ('[["a"]]', r"\[\"a\"\] is not \[live path, spoof path\]"),
        ('[["/a/b.png", 3]]', "is not"),
        ('[["/../../etc/passwd", "/a/b.png"]]', "leads out of the folder"),
    ],
)
def test_pair_lists_that_are_none(tmp_path: Path, text: str, message: str) -> None:
    write_text(tmp_path / "x.json", text)
    with pytest.raises(ValueError, match=message) as caught:
        listed("pairs", tmp_path)
    assert "\n" not in str(caught.value)
