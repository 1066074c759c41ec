"""The room of protocols: its files are in the package."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from factory import protocols


def test_the_package_holds_its_protocols() -> None:
    """A wheel takes every file below the package folders; so each family has to be a YAML file beside the code."""
    folder = Path(str(protocols.__file__)).parent
    assert {path.stem for path in folder.glob("*.yaml")} == {"cross", "ocim", "oulu", "padisi", "siw", "wmca", "world"}
    counts = Counter(re.sub(r"[-_].*", "", name) for name in protocols.names())
    assert counts["oulu"] == 14 + 2 and counts["wmca"] == 8 + 1 and counts["siw"] == 7 and counts["padisi"] == 3 + 1
    assert counts["celeba"] == 7
