"""Drawn people and simulated attacks, for the demo and for tests that need faces in no time; no Ray.

`PRETRAINED` is a small generator fitted on drawn people; its card says how.
"""

from __future__ import annotations

from pathlib import Path

PRETRAINED = Path(__file__).parent / "pretrained" / "portrait-64"
