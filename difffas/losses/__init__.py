"""Losses of the classifier behind one call, `loss(cosines, labels, quality, features)`; see `Loss`.

To add a loss, add a module here and a line in `LOSSES`. Fields of its dataclass that have a default are its
parameters, with the same names in a configuration; fields without a default describe the styles: `live`, `domains`.
"""

from __future__ import annotations

from difffas.losses.adaface import AdaFace
from difffas.losses.arcface import ArcFace
from difffas.losses.cosface import CosFace
from difffas.losses.cross_entropy import CrossEntropy
from difffas.losses.focal import Focal
from difffas.losses.interface import Loss
from difffas.losses.patchnet import PatchNet
from difffas.losses.rq import RelativeQuality, relative_quality
from difffas.losses.rq_patchnet import RelativeQualityPatchNet
from difffas.losses.rq_ssdg import RelativeQualitySSDG
from difffas.losses.ssdg import SSDG
from difffas.losses.whole_batch import over_workers

LOSSES: dict[str, type[Loss]] = {
    "cross-entropy": CrossEntropy,
    "focal": Focal,
    "cosface": CosFace,
    "arcface": ArcFace,
    "adaface": AdaFace,
    "patchnet": PatchNet,
    "ssdg": SSDG,
    "rq": RelativeQuality,
    "rq+ssdg": RelativeQualitySSDG,
    "rq+patchnet": RelativeQualityPatchNet,
}

__all__ = [
    "LOSSES",
    "SSDG",
    "AdaFace",
    "ArcFace",
    "CosFace",
    "CrossEntropy",
    "Focal",
    "Loss",
    "PatchNet",
    "RelativeQuality",
    "RelativeQualityPatchNet",
    "RelativeQualitySSDG",
    "over_workers",
    "relative_quality",
]
