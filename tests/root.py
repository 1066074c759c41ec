"""The folder of the repository, for tests that run its files."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parent.parent
