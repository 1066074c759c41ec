"""The generator's network: a pixel-space U-Net on [noisy ⊕ live], conditioned on a guide's style through STFMs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.embeddings import TimestepEmbedding, Timesteps
from diffusers.models.modeling_utils import ModelMixin  # diffusers looks it up here when loading a pipeline
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.unets.unet_2d import UNet2DOutput
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from difffas.errors import UserError
from difffas.schedule import TIMESTEPS
from difffas.stfm import STFM, ConditionNorm, Form, StyleCondition, Variant, group_count
from difffas.strict import StrictModel

LEVELS = 6  # strides 1, 2, 4, 8, 16, 32
UP_BLOCKS = 3  # residual blocks of a level on the way up, one per kept tensor
STYLE_LEVELS = (3, 4, 5)  # levels with an STFM: strides 8, 16, 32

# 3.6 M parameters, for 64×64 on a CPU; belongs to style_encoder.SMALL_STYLE_ENCODER. Widths at strides 8 to 32 share
# few factors with 32, so that a group of GroupNorm has several channels and a guide's style can pass as their balance:
# with one channel per group the STFM's norm would erase everything that is constant over the map.
SMALL_UNET: dict[str, Any] = {"base_channels": 16, "channel_multipliers": (1, 1, 2, 3, 5, 5), "embed_channels": 64}

Features = tuple[Tensor, Tensor, Tensor]  # guide feature maps at strides 8, 16, 32


class ResidualBlock(ResnetBlock2D):  # type: ignore[misc]
    """DDPM residual block: scale-shift time embedding, optional 2× resampling, second convolution initialised to 0."""

    def __init__(
        self, cin: int, cout: int, embed_channels: int, dropout: float, form: Form, *, up: bool, down: bool
    ) -> None:
        super().__init__(
            in_channels=cin,
            out_channels=cout,
            temb_channels=embed_channels,
            groups=group_count(cin, form),
            groups_out=group_count(cout, form),
            eps=1e-5,
            dropout=dropout,
            time_embedding_norm="scale_shift",
            up=up,
            down=down,
        )
        for parameter in self.conv2.parameters():
            nn.init.zeros_(parameter)


class DownLevel(nn.Module):
    """Two residual blocks, on some levels an STFM after the second, then a down-sampling block."""

    def __init__(self, blocks: Sequence[ResidualBlock], fusion: STFM | None, downsample: ResidualBlock | None) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.fusion = fusion
        self.downsample = downsample

    def forward(self, x: Tensor, embedding: Tensor, condition: StyleCondition | None) -> list[Tensor]:
        """The outputs that are kept for the way up; the last of them is also the next level's input."""
        outputs = []
        for index, block in enumerate(self.blocks):
            x = block(x, embedding)
            if index == 1 and self.fusion is not None:
                assert condition is not None
                x = self.fusion(x, condition)
            outputs.append(x)
        if self.downsample is not None:
            outputs.append(self.downsample(x, embedding))
        return outputs


class UpLevel(nn.Module):
    """Three residual blocks on [x ⊕ kept], on some levels an STFM after the second, then an up-sampling block."""

    def __init__(self, blocks: Sequence[ResidualBlock], fusion: STFM | None, upsample: ResidualBlock | None) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.fusion = fusion
        self.upsample = upsample

    def forward(
        self, x: Tensor, kept: Sequence[Tensor], embedding: Tensor, condition: StyleCondition | None
    ) -> Tensor:
        """`kept` has one tensor per residual block; the first block uses the last tensor."""
        for index, (block, skip) in enumerate(zip(self.blocks, reversed(kept), strict=True)):
            x = block(torch.cat((x, skip), dim=1), embedding)
            if index == 1 and self.fusion is not None:
                assert condition is not None
                x = self.fusion(x, condition)
        if self.upsample is not None:
            x = self.upsample(x, embedding)
        return x


class SpoofUNet(StrictModel, ModelMixin, ConfigMixin):  # type: ignore[misc]
    """ε-prediction network ε(x_t ⊕ live, t, guide features), with STFMs at strides 8, 16 and 32 (seven places).

    Args:
        base_channels, channel_multipliers: width of level l (stride 2^l) is base_channels · channel_multipliers[l].
        embed_channels: width of the time embedding.
        dropout: probability inside the residual blocks while training.
        in_channels: 6, noisy RGB then live RGB.
        out_channels: 3 (ε alone, the default: DDIM and DPM-Solver use nothing else) or 6 (ε, then the variance v).
        mean_patch, variance_patch, form, condition_norm, variant: see `STFM`.
        timesteps: the network is trained for t below this bound. Spoofs start from T₀, so a generator that never uses
            a larger T₀ need not learn larger t [ours]; `SpoofPipeline` refuses a larger T₀.

    The last convolution and the second convolution of every residual block are initialised to zero. In training,
    `enable_gradient_checkpointing()` saves the memory of every level's activations by a second forward pass.
    Raises UserError for arguments outside these values.
    """

    _supports_gradient_checkpointing = True

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        base_channels: int = 128,
        channel_multipliers: Sequence[int] = (1, 1, 2, 2, 4, 4),
        embed_channels: int = 512,
        dropout: float = 0.1,
        in_channels: int = 6,
        out_channels: int = 3,
        mean_patch: int = 6,
        variance_patch: int = 2,
        form: Form = "paper",
        condition_norm: ConditionNorm = "fixed",
        variant: Variant = "stfm",
        timesteps: int = TIMESTEPS,
    ) -> None:
        super().__init__()
        if not 1 <= timesteps <= TIMESTEPS:
            raise UserError(f"timesteps {timesteps} must lie within 1 and {TIMESTEPS}")
        if len(channel_multipliers) != LEVELS:
            raise UserError(
                f"channel_multipliers has {len(channel_multipliers)} entries: give {LEVELS}, strides 1 to 32"
            )
        if out_channels not in (3, 6):
            raise UserError(f"out_channels is {out_channels}: use 3 (noise) or 6 (noise and variance)")
        self.gradient_checkpointing = False
        widths = [base_channels * multiplier for multiplier in channel_multipliers]
        self.style_channels = tuple(widths[level] for level in STYLE_LEVELS)

        def residual(cin: int, cout: int, up: bool = False, down: bool = False) -> ResidualBlock:
            return ResidualBlock(cin, cout, embed_channels, dropout, form, up=up, down=down)

        def fusion(level: int) -> STFM | None:
            if level not in STYLE_LEVELS:
                return None
            return STFM(widths[level], mean_patch, variance_patch, form, condition_norm, variant)

        self.time_projection = Timesteps(base_channels, flip_sin_to_cos=True, downscale_freq_shift=0)
        self.time_embedding = TimestepEmbedding(base_channels, embed_channels)
        self.conv_in = nn.Conv2d(in_channels, base_channels, 3, padding=1)

        channels, kept = (base_channels, [base_channels])  # kept: widths of the tensors kept for the way up
        self.down_levels = nn.ModuleList()
        for level, width in enumerate(widths):
            blocks = [residual(channels, width), residual(width, width)]
            downsample = residual(width, width, down=True) if level < LEVELS - 1 else None
            kept += [width] * (3 if downsample is not None else 2)
            self.down_levels.append(DownLevel(blocks, fusion(level), downsample))
            channels = width

        self.middle_in = residual(channels, channels)
        middle = fusion(LEVELS - 1)
        assert middle is not None
        self.middle_fusion = middle
        self.middle_out = residual(channels, channels)

        self.up_levels = nn.ModuleList()
        for level in reversed(range(LEVELS)):
            blocks = []
            for _ in range(UP_BLOCKS):
                blocks.append(residual(channels + kept.pop(), widths[level]))
                channels = widths[level]
            upsample = residual(channels, channels, up=True) if level > 0 else None
            self.up_levels.append(UpLevel(blocks, fusion(level), upsample))

        self.norm_out = nn.GroupNorm(group_count(channels, form), channels)
        self.conv_out = nn.Conv2d(channels, out_channels, 3, padding=1)
        for parameter in self.conv_out.parameters():
            nn.init.zeros_(parameter)

    def fusions(self) -> list[tuple[int, STFM]]:
        """The seven STFMs in the order in which the forward pass meets them, each with its index into `Features`."""
        down = [self.down_levels[level].fusion for level in STYLE_LEVELS]
        up = [self.up_levels[LEVELS - 1 - level].fusion for level in reversed(STYLE_LEVELS)]
        places = []
        for index, stfm in zip((0, 1, 2, 2, 2, 1, 0), (*down, self.middle_fusion, *up), strict=True):
            assert isinstance(stfm, STFM)
            places.append((index, stfm))
        return places

    def set_condition_statistics(self, means: Sequence[Tensor], variances: Sequence[Tensor]) -> None:
        """Store the corpus mean and variance per channel of the guide features at strides 8, 16, 32 (see `STFM`)."""
        for index, stfm in self.fusions():
            stfm.set_condition_statistics(means[index], variances[index])

    def encode_conditions(self, features: Features) -> tuple[StyleCondition, ...]:
        """The guide's half of all seven STFMs; pass the result to `forward` in place of the features.

        The result depends neither on the noisy image nor on the timestep: one call serves all steps of a sampler.
        Raises UserError if the feature maps do not fit this network.
        """
        if len(features) != len(STYLE_LEVELS):
            raise UserError(f"{len(features)} feature maps: give three, at strides 8, 16 and 32")
        for feature, channels, level in zip(features, self.style_channels, STYLE_LEVELS, strict=True):
            if feature.ndim != 4 or feature.shape[1] != channels:
                raise UserError(
                    f"features of shape {tuple(feature.shape)} at stride {2**level}: this network needs "
                    f"(B, {channels}, H/{2**level}, W/{2**level}); the style encoder's widths must match"
                )
        return tuple(stfm.encode_condition(features[index]) for index, stfm in self.fusions())

    def forward(
        self,
        sample: Tensor,
        timestep: Tensor,
        features: Features | tuple[StyleCondition, ...],
        embedding_offset: Tensor | None = None,
    ) -> UNet2DOutput:
        """Predict the noise.

        Args:
            sample: (B, 6, H, W), noisy image ⊕ live image in [-1, 1]; H and W multiples of 32.
            timestep: (B,) long, 0 … 999.
            features: the guide's maps at strides 8, 16, 32 of the same image size, or the result of
                `encode_conditions` for them.
            embedding_offset: (B, embed_channels), added to the time embedding; `SpoofStudent` shows w so.

        Returns an object whose `.sample` is (B, out_channels, H, W): ε, then v if the variance is learned.
        Raises UserError if a shape does not fit.
        """
        conditions = self._check(sample, timestep, features)
        embedding = self.time_embedding(self.time_projection(timestep).to(sample.dtype))
        if embedding_offset is not None:
            embedding = embedding + embedding_offset
        x = self.conv_in(sample)
        kept = [x]
        down_conditions = (None,) * 3 + conditions[:3]
        for level, condition in zip(self.down_levels, down_conditions, strict=True):
            kept += self._run(level, kept[-1], embedding, condition)
        x = self.middle_in(kept[-1], embedding)
        x = self.middle_fusion(x, conditions[3])
        x = self.middle_out(x, embedding)
        up_conditions = conditions[4:] + (None,) * 3
        for level, condition in zip(self.up_levels, up_conditions, strict=True):
            mine, kept = kept[-UP_BLOCKS:], kept[:-UP_BLOCKS]
            x = self._run(level, x, mine, embedding, condition)
        x = self.conv_out(nn.functional.silu(self.norm_out(x)))
        return UNet2DOutput(sample=x)

    def _run(self, level: nn.Module, *arguments: Any) -> Any:
        """Run one level; gradient checkpointing keeps only its arguments and runs it again in the backward pass."""
        if self.gradient_checkpointing and torch.is_grad_enabled():
            return checkpoint(level, *arguments, use_reentrant=False)
        return level(*arguments)

    def _check(
        self, sample: Tensor, timestep: Tensor, features: Features | tuple[StyleCondition, ...]
    ) -> tuple[StyleCondition, ...]:
        channels, side = self.conv_in.in_channels, 2 ** (LEVELS - 1)
        if sample.ndim != 4 or sample.shape[1] != channels:
            raise UserError(f"sample of shape {tuple(sample.shape)}: give (B, {channels}, H, W), noisy ⊕ live")
        height, width = sample.shape[2:]
        if height % side or width % side:
            raise UserError(f"image of {height}×{width}: both sides must be multiples of {side}; resize or pad it")
        if timestep.shape != sample.shape[:1]:
            raise UserError(f"timestep of shape {tuple(timestep.shape)}: give one per sample, ({sample.shape[0]},)")
        if isinstance(features[0], StyleCondition):
            return features
        for feature, level in zip(features, STYLE_LEVELS, strict=True):
            expected = (sample.shape[0], height // 2**level, width // 2**level)
            if (feature.shape[0], *feature.shape[2:]) != expected:
                raise UserError(
                    f"features of shape {tuple(feature.shape)} at stride {2**level}: this batch needs "
                    f"{expected[0]} maps of {expected[1]}×{expected[2]}; resize the guides to the live images' size"
                )
        return self.encode_conditions(features)
