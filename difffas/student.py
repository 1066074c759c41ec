"""A student: the teacher's spoof in one network call, since noise, live face, guide, T₀ and w decide that spoof.

The student is the teacher's network with one more input, w: guidance is learned, so there is no second branch.
`difffas.distillation` teaches it from pictures that the teacher made.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

from difffas.errors import UserError
from difffas.posterior import predict_clean
from difffas.routes import Matching
from difffas.schedule import Offset, alpha_bar, per_sample
from difffas.stfm import StyleCondition
from difffas.strict import StrictModel
from difffas.unet import Features, SpoofUNet

REFINED_FROM = 0.5  # the second call's timestep is this share of the first one's
FREQUENCIES = 16  # sines and cosines that show w to the network


class SpoofStudent(StrictModel, ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Predicts the spoof that a teacher would sample from x at its first timestep.

    Args:
        network: arguments of the teacher's `SpoofUNet`.
        teacher: digest of the model folder whose pictures it learned from.
        t0, cfg_scale: [lowest, highest] T₀ and w of these pictures.
        styles: names of their styles.
        match: how the live faces were matched before sampling (see `factory.models.settings`).
        t0_by_style, cfg_scale_by_style: the ranges of each of `styles`; empty: all have those of `t0` and `cfg_scale`.
        calls: 1 if only the first call was taught, else 2.
        parts: digest of the teacher's parts beside the student; empty: unknown.

    A new student computes what the teacher's conditional branch predicts, whatever w is.
    Raises UserError for arguments outside these values.
    """

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        network: dict[str, Any],
        teacher: str,
        t0: Sequence[int],
        cfg_scale: Sequence[float],
        styles: Sequence[str],
        match: Matching = "none",
        t0_by_style: Sequence[Sequence[int]] = (),
        cfg_scale_by_style: Sequence[Sequence[float]] = (),
        calls: int = 2,
        parts: str = "",
    ) -> None:
        super().__init__()
        for name, taught in (("t0", t0), ("cfg_scale", cfg_scale)):
            _check_range(name, taught)
        for name, each in (("t0_by_style", t0_by_style), ("cfg_scale_by_style", cfg_scale_by_style)):
            if len(each) not in (0, len(styles)):
                raise UserError(f"{name} of a student has {len(each)} ranges for {len(styles)} styles")
            for taught in each:
                _check_range(name, taught)
        if calls not in (1, 2):
            raise UserError(f"calls {calls} of a student must be 1 or 2")
        self.unet = SpoofUNet(**network)
        width = self.unet.time_embedding.linear_2.out_features
        self.scale_embedding = nn.Sequential(nn.Linear(2 * FREQUENCIES, width), nn.SiLU(), nn.Linear(width, width))
        for parameter in self.scale_embedding[-1].parameters():
            nn.init.zeros_(parameter)

    @property
    def style_channels(self) -> tuple[int, ...]:
        """Widths of the guide's features at strides 8, 16 and 32."""
        channels: tuple[int, ...] = self.unet.style_channels
        return channels

    def forward(
        self,
        x: Tensor,
        live: Tensor,
        timestep: Tensor,
        cfg_scale: Tensor,
        features: Features | tuple[StyleCondition, ...],
    ) -> Tensor:
        """Predict the clean spoof, float32, (B, 3, H, W), not clamped.

        Args:
            x: (B, 3, H, W), noised to `timestep` (B,) long. live: (B, 3, H, W), the condition. cfg_scale: w, (B,).
            features: as in `SpoofUNet.forward`.
        """
        dtype = self.dtype
        sample = torch.cat((x, live), dim=1).to(dtype)
        more = self.scale_embedding(_waves(cfg_scale).to(dtype))  # B, E
        eps = self.unet(sample, timestep, features, more).sample[:, : x.shape[1]]
        clean: Tensor = predict_clean(x, eps.float(), timestep)
        return clean


def sample_student(
    student: SpoofStudent,
    x: Tensor,
    live: Tensor,
    conditions: Sequence[StyleCondition],
    start: Tensor,
    cfg_scale: Tensor,
    calls: int,
) -> Tensor:
    """The spoof (B, 3, H, W) of x, noised to `start` (B,), in one call or two.

    Between the calls, the picture is noised again to `refined_timesteps` with the noise that x holds beside it.
    """
    own = tuple(StyleCondition(*(part.to(student.dtype) for part in each)) for each in conditions)
    clean: Tensor = student(x, live, start, cfg_scale, own)
    if calls == 2:
        lower = refined_timesteps(start)
        clean = student(renoised(x, clean, start, lower), live, lower, cfg_scale, own)
    return clean


def check_taught(
    student: SpoofStudent, t0: Sequence[int], cfg_scale: Sequence[float], offset: Offset, calls: int
) -> None:
    """Refuse samples outside what the student was taught; raises ValueError that names the values."""
    if calls > student.config.calls:
        raise ValueError(f"{calls} calls: this student was taught {student.config.calls}; use preset student")
    if offset != "trailing":
        raise ValueError(f'offset {offset!r}: a student knows only "trailing"')
    for name, given in (("t0", t0), ("cfg_scale", cfg_scale)):
        low, high = student.config[name]
        if min(given) < low or max(given) > high:
            raise ValueError(f"{name} {min(given):g} to {max(given):g}: this student was taught {low:g} to {high:g}")


def refined_timesteps(start: Tensor) -> Tensor:
    """The timesteps (B,) of a student's second call."""
    return (start.double() * REFINED_FROM).long()


def renoised(x: Tensor, clean: Tensor, t: Tensor, lower: Tensor) -> Tensor:
    """x (B, 3, H, W) at timestep t (B,) moved to a lower timestep, straight towards `clean`: a step of DDIM."""
    alpha, alpha_lower = alpha_bar(t), alpha_bar(lower)
    eps = (x - per_sample(alpha.sqrt(), x) * clean) / per_sample((1.0 - alpha).sqrt(), x)
    return per_sample(alpha_lower.sqrt(), x) * clean + per_sample((1.0 - alpha_lower).sqrt(), x) * eps


def _check_range(name: str, taught: Sequence[float]) -> None:
    if len(taught) != 2 or taught[0] > taught[1]:
        raise UserError(f"{name} {list(taught)} of a student must be [lowest, highest]")


def _waves(cfg_scale: Tensor) -> Tensor:
    """w as sines and cosines of wavelengths 64 down to 1/2; float32, B, 2·FREQUENCIES."""
    octaves = torch.linspace(-6.0, 1.0, FREQUENCIES, dtype=torch.float64, device=cfg_scale.device)
    angles = 2.0 * math.pi * cfg_scale.double().reshape(-1, 1) * 2.0**octaves
    return torch.cat((angles.sin(), angles.cos()), dim=1).float()
