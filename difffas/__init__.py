"""DiffFAS: turn live faces into spoof faces of a chosen style, and train face anti-spoofing on the result.

The names below load on first use (PEP 562), so that `import difffas` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from difffas.ema import EMA as EMA
    from difffas.objective import draw_training_noise as draw_training_noise
    from difffas.objective import training_loss as training_loss
    from difffas.pipeline import SpoofPipeline as SpoofPipeline
    from difffas.stfm import STFM as STFM
    from difffas.style_encoder import StyleEncoder as StyleEncoder
    from difffas.unet import SpoofUNet as SpoofUNet

__version__ = "0.3.0"

_HOMES = {
    "EMA": "difffas.ema",
    "STFM": "difffas.stfm",
    "SpoofPipeline": "difffas.pipeline",
    "SpoofUNet": "difffas.unet",
    "StyleEncoder": "difffas.style_encoder",
    "draw_training_noise": "difffas.objective",
    "training_loss": "difffas.objective",
}

__all__ = [  # spelled out: type checkers do not read _HOMES
    "EMA",
    "STFM",
    "SpoofPipeline",
    "SpoofUNet",
    "StyleEncoder",
    "__version__",
    "draw_training_noise",
    "training_loss",
]


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'difffas' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
