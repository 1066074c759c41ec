"""The generator's network as a configuration gives it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveInt

from factory.core.config import Config


class GeneratorNetworkConfig(Config):
    """Arguments of `difffas.SpoofUNet`; the defaults are the full-size paper form."""

    base_channels: PositiveInt = Field(128, description="channels at full size")
    channel_multipliers: tuple[PositiveInt, ...] = Field(
        (1, 1, 2, 2, 4, 4), min_length=6, max_length=6, description="channels of each level over base_channels"
    )
    embed_channels: PositiveInt = Field(512, description="channels of the embedding of t")
    dropout: float = Field(0.1, ge=0, lt=1, description="share of features dropped in training")
    out_channels: Literal[3, 6] = Field(
        3, description="3: noise alone; 6: as the authors' release, whose second half is not used"
    )
    mean_patch: int = Field(6, ge=1, description="side of the patches whose means carry a style")
    variance_patch: int = Field(2, ge=1, description="side of the patches whose variances carry a style")
    form: Literal["paper", "official"] = Field("paper", description="network of the paper, or of the authors' release")
    condition_norm: Literal["fixed", "batch"] = Field(
        "fixed", description="how style maps are normalised: by constants, or by the batch as in the release"
    )
    variant: Literal["stfm", "adain", "patch_substitution", "no_patches"] = Field(
        "stfm", description="how a style enters the network; the others are the paper's ablations"
    )
    timesteps: int = Field(1000, ge=1, le=1000, description="t is drawn below this; T₀ may not exceed it")
