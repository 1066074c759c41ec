"""Losses of the classifier behind one call, `loss(cosines, labels, quality, features, domain_logits)`; see `Loss`.

To add a loss, add a module here, whose dataclass defines `value`, and a line in `LOSSES`. Fields that have a default
are its parameters, with the same names in a configuration; fields without one describe the styles: `live`, `domains`.
"""

from __future__ import annotations

from difffas.losses.adaface import AdaFace
from difffas.losses.arcface import ArcFace
from difffas.losses.cosface import CosFace
from difffas.losses.cross_entropy import CrossEntropy
from difffas.losses.domain_discriminator import WithDiscriminator, live_domains
from difffas.losses.focal import Focal
from difffas.losses.interface import Loss
from difffas.losses.patchnet import PatchNet
from difffas.losses.patchnet_whole import PatchNetWhole
from difffas.losses.reversal import reversal_strength
from difffas.losses.rq import RelativeQuality, relative_quality
from difffas.losses.rq_patchnet import RelativeQualityPatchNet
from difffas.losses.rq_patchnet_whole import RelativeQualityPatchNetWhole
from difffas.losses.rq_ssdg import RelativeQualitySSDG
from difffas.losses.rq_ssdg_whole import RelativeQualitySSDGWhole
from difffas.losses.ssdg import SSDG
from difffas.losses.ssdg_whole import SSDGWhole
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
    "ssdg-whole": SSDGWhole,
    "patchnet-whole": PatchNetWhole,
    "rq+ssdg-whole": RelativeQualitySSDGWhole,
    "rq+patchnet-whole": RelativeQualityPatchNetWhole,
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
    "PatchNetWhole",
    "RelativeQuality",
    "RelativeQualityPatchNet",
    "RelativeQualityPatchNetWhole",
    "RelativeQualitySSDG",
    "RelativeQualitySSDGWhole",
    "SSDGWhole",
    "WithDiscriminator",
    "live_domains",
    "over_workers",
    "relative_quality",
    "reversal_strength",
]
