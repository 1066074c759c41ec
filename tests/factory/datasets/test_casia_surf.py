"""What the reader of CASIA-SURF says of a miniature tree with the documents' names."""

from __future__ import annotations

from pathlib import Path

import pytest

from factory.datasets import fields
from tests.factory.datasets import trees
from tests.factory.datasets.listing import facts, listed, rejects
from tests.factory.datasets.trees import write_frames, write_image


@pytest.mark.parametrize("base", ["Data/", ""])
def test_casia_surf(tmp_path: Path, base: str) -> None:
    root = trees.casia_surf(tmp_path)
    if not base:
        (root / "Data").rename(tmp_path / "moved")
        root = tmp_path / "moved"
    found = listed("casia-surf", root)
    live, spoof = (
        f"{base}Training/{kind}" for kind in ("real_part/CLKJ_AS0005/real", "fake_part/CLKJ_AS0005/05_enm_s")
    )
    assert facts(found[f"{live}.rssdk/color/0002.jpg"]) == ("live", "live", "CLKJ_AS0005", "train", "real")
    assert facts(found[f"{spoof}.rssdk/color/0004.jpg"]) == ("spoof", "print", "CLKJ_AS0005", "train", "05_enm_s")
    assert {facts(source)[3] for path, source in found.items() if "Val/" in path} == {"dev"}
    assert len(found) == sum(min(count, 2) for count in trees.SURF.values()), "two pictures of each, none of depth"
    assert rejects(found) == {} and all(source.format == "folder" for source in found.values())
    assert fields("casia_surf", "04_en_b") == {
        "recording": "04_en_b", "number": "04", "cut": "en", "bend": "b", "attack": "print",
        "instrument": "print_en_b",
    }  # fmt: skip
    assert fields("casia_surf", "real")["attack"] == "live"


@pytest.mark.parametrize(
    "folder",
    [
        "Training/real_part/CLKJ_AS0005/01_e_s.rssdk/color",  # an attack among the live
        "Training/fake_part/CLKJ_AS0005/real.rssdk/color",
        "Training/real_part/someone/real.rssdk/color",
        "Training/real_part/CLKJ_AS0005/color",
        "Training/fake_part/CLKJ_AS0005/07_x_s.rssdk/color",
    ],
)
def test_casia_surf_names_that_are_none(tmp_path: Path, folder: str) -> None:
    root = trees.casia_surf(tmp_path)
    write_frames(root / "Data" / folder, 1)
    assert rejects(listed("casia-surf", root)) == {f"Data/{folder}/0001.jpg": "unknown name"}


def test_the_challenges_release_names_nobody_and_is_refused(tmp_path: Path) -> None:
    for kind in ("real_part/CLKJ_AS0005/real", "fake_part/CLKJ_AS0005/05_enm_s"):
        write_frames(tmp_path / f"Training/{kind}.rssdk/color")
    for name in ("Val/0000/000000-color.jpg", "Testing/0000/000000-color.jpg"):
        write_image(tmp_path / name)
    with pytest.raises(ValueError, match="it lacks Val/real_part/, Val/fake_part/, Testing/real_part/"):
        listed("casia-surf", tmp_path)
