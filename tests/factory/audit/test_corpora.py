"""What must belong together before anything is measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from factory.audit import AuditConfig
from factory.core.config import build
from tests.factory.audit.planted import audit


def test_what_does_not_belong_together_is_one_line(world: tuple[Path, dict[str, Any], dict[str, Any]]) -> None:
    root, inputs, _ = world
    for changed, message in (
        ({"generated": inputs["live"]}, "has no generated row"),
        ({"live": inputs["generated"]}, "does not hold 'real-.-live', the live_key"),
        ({"guides": inputs["generated"]}, "the guide_key of a generated row"),
        ({"style_encoder": f"{root}/real"}, "holds no style_encoder"),
    ):
        with pytest.raises(ValueError, match=message):
            audit(inputs | changed, root / "never")
    with pytest.raises(ValueError, match="no real spoof in split 'dev'"):
        audit(inputs, root / "never", training_split="dev")
    config = json.loads((root / "style/style_encoder/config.json").read_text())
    short = root / "short" / "style_encoder"
    short.mkdir(parents=True, exist_ok=True)
    (short / "config.json").write_text(json.dumps(config | {"styles": ["cam-live", "cam-print"]}))
    with pytest.raises(ValueError, match=r"does not know \['cam-replay'\]"):
        audit(inputs | {"style_encoder": f"{root}/short"}, root / "never")
    with pytest.raises(ValueError, match="'identity' is required"):
        build(AuditConfig, {"inputs": inputs, "out": f"{root}/never"})
    assert not (root / "never").exists()
