"""Without a browser the tests of pages skip on a laptop, and fail where CI=true."""

from __future__ import annotations

import shutil
import sys
from typing import Any

import pytest

from tests.browser import chromium


@pytest.mark.parametrize("name", ["chromium", "playwright"])
@pytest.mark.parametrize(("setting", "ends"), [(None, pytest.skip.Exception), ("true", pytest.fail.Exception)])
def test_only_a_laptop_may_skip(name: str, setting: str | None, ends: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda program: None if name == "chromium" else f"/usr/bin/{program}")
    monkeypatch.setitem(sys.modules, "playwright.sync_api", None)  # importing it is an error
    if setting is None:
        monkeypatch.delenv("CI", raising=False)
    else:
        monkeypatch.setenv("CI", setting)
    with pytest.raises(ends, match=f"^{name} is not installed"), chromium():
        pass
