from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from benchmarks.encoding import photographs


def test_only_photographs_that_are_large_enough_are_measured(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no png or jpg lies below it"):
        photographs(tmp_path, 32, 4)
    for number, side in enumerate((32, 40)):
        Image.new("RGB", (side, side), "white").save(tmp_path / f"{number}.png")
    crops = photographs(tmp_path, 32, 4)
    assert crops.shape == (2, 32, 32, 3)
    assert crops.min() == 255, "nothing but the photograph"
    with pytest.raises(SystemExit, match="0.png is 32×32: give photographs of 36² or more"):
        photographs(tmp_path, 36, 4)
