"""What the reader of NUAA says of a miniature tree, and its lists."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.factory.datasets import trees
from tests.factory.datasets.listing import facts, listed, rejects


@pytest.mark.parametrize("base", ["", "raw"])
def test_nuaa(tmp_path: Path, base: str) -> None:
    trees.nuaa(tmp_path / base)
    found = {path.removeprefix("raw/"): source for path, source in listed("nuaa", tmp_path).items()}
    assert facts(found["ClientRaw/0001/0001_00_00_01_0.jpg"]) == (
        "live",
        "live",
        "0001",
        "train",
        "client_0001_00_00_01",
    )
    assert facts(found["ImposterRaw/0001/0001_00_00_01_0.jpg"])[:4] == ("spoof", "print", "0001", "train")
    assert facts(found["ClientRaw/0002/0002_01_05_03_7.jpg"])[3] == "test"
    assert facts(found["ImposterRaw/0002/0002_01_08_03_7.jpg"])[3:] == ("test", "imposter_0002_01_08_03")
    assert rejects(found) == {"ImposterRaw/0002/0002_01_08_03_8.JPG": "in no list"}
    (tmp_path / base / "ClientRaw/0001/0001_00_00_01_1.jpg").unlink()
    missing = f"{base}/ClientRaw/0001/0001_00_00_01_1.jpg".lstrip("./")
    assert rejects(listed("nuaa", tmp_path))[missing] == "missing file"
