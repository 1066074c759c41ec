"""An audit of everything that is planted, which several tests read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.factory.audit.planted import audit, inline, write_world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], dict[str, Any]]:
    """Folder, inputs and summary of an audit of everything that is planted."""
    root = tmp_path_factory.mktemp("audit")
    inputs = write_world(root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("factory.audit.tables.walk", inline)
        patch.setattr("ray.put", lambda value: value)
        patch.setattr("ray.get", lambda value: value)
        return root, inputs, audit(inputs, root / "audit")
