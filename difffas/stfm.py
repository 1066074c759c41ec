"""Spoofing Style Fusion Module (paper Eq. 9-11): mixes a guide's patch statistics into a backbone map."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from difffas.errors import UserError

Form = Literal["paper", "official"]
Variant = Literal["stfm", "adain", "patch_substitution", "no_patches"]
ConditionNorm = Literal["fixed", "batch"]


class StyleCondition(NamedTuple):
    """The guide's data for one STFM; independent of the backbone, so it may be kept for all steps.

    Shapes: B, N, 2C (keys then values of the N condition tokens), or B, N, C (the tokens themselves) for the
    variants without attention. Rows of the batch are independent.
    """

    mean: Tensor
    variance: Tensor


def group_count(channels: int, form: Form = "paper") -> int:
    """Groups of a GroupNorm over C channels: gcd(32, C), or in the official form min(32, C) where that divides C.

    The two differ only below 32 channels: at 24 channels the release has 24 groups, gcd gives 8.
    """
    if form == "official" and channels < 32:
        return channels
    return math.gcd(32, channels)


def mean_tokens(z: Tensor, patch: int | None, form: Form = "paper") -> Tensor:
    """Means of the non-overlapping patches of z in raster order, and of the whole map.

    z is B, C, H, W; the result is B, N, C with N = 1 + patches. The global token is last (paper form) or first
    (official form). `patch=None` gives the global token alone. Paper form: ceil(H/p) × ceil(W/p) patches; a patch at
    the border averages the pixels that it has [ours]. Official form: border pixels that fill no patch are dropped.
    """
    whole = z.mean(dim=(2, 3)).unsqueeze(1)  # B, 1, C
    if patch is None:
        return whole
    partial = form == "paper"
    pooled = F.avg_pool2d(z, patch, ceil_mode=partial, count_include_pad=False)  # B, C, g_h, g_w
    patches = pooled.flatten(2).transpose(1, 2)  # B, g_h * g_w, C
    return torch.cat((patches, whole) if form == "paper" else (whole, patches), dim=1)


def variance_tokens(z: Tensor, patch: int | None, form: Form = "paper") -> Tensor:
    """Variances of the same patches and of the whole map: max(E[z²] − E[z]², 0); shapes as `mean_tokens`.

    The official form computes E[z] − E[z²] instead, which is not a variance; the released weights need that value.
    """
    first, second = mean_tokens(z, patch, form), mean_tokens(z * z, patch, form)
    if form == "official":
        return first - second
    return (second - first * first).clamp(min=0.0)  # rounding can leave −1e-9 in a flat patch


class TokenAttention(nn.Module):
    """Single-head cross-attention from backbone tokens (queries) to condition tokens (keys, values), scale 1/√C."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.to_q = nn.Linear(channels, channels)
        self.to_kv = nn.Linear(channels, 2 * channels)
        self.to_out = nn.Linear(channels, channels)
        nn.init.kaiming_normal_(self.to_out.weight)
        nn.init.zeros_(self.to_out.bias)

    def forward(self, queries: Tensor, keys_values: Tensor) -> Tensor:
        """B, N, C and B, M, 2C → B, N, C."""
        key, value = keys_values.unsqueeze(1).chunk(2, dim=-1)  # B, 1, M, C each
        attended = F.scaled_dot_product_attention(self.to_q(queries).unsqueeze(1), key, value)
        out: Tensor = self.to_out(attended.squeeze(1))
        return out


class STFM(nn.Module):
    """y = x + Norm(Conv3×3(Norm(x)·σ + μ)), with maps μ, σ read from the guide's patch means and variances.

    Args:
        channels: C of both the backbone map x and the condition map c.
        mean_patch: p_m, side of the mean patches in pixels of the map (large: means carry identity).
        variance_patch: p_v, side of the variance patches (small: variance carries texture).
        form: "paper" (method of the paper), or "official" (what the released code computes: E[z] − E[z²] for the
            variance, global token first while the last token is dropped, border pixels dropped, bicubic resize with
            aligned corners; `group_count`). Same parameters in both.
        condition_norm: "fixed" [ours] normalises c by stored corpus statistics (`set_condition_statistics`) and a
            learned affine; "batch" is the official BatchNorm.
        variant: "stfm", or an ablation of the paper: "adain" (a: μ, σ are the statistics of the whole condition map),
            "patch_substitution" (b: μ, σ are the statistics of its patches, without attention), "no_patches" (c:
            attention over the global token alone). The ablations keep the fusion equation [ours].

    Initialisation is torch's, with Kaiming-normal output projections as in the release. The fusion cannot start as
    the identity: the outer Norm rescales the convolution's output, and its affine is shared with the inner Norm.
    Raises UserError for an argument outside these values.
    """

    def __init__(
        self,
        channels: int,
        mean_patch: int = 6,
        variance_patch: int = 2,
        form: Form = "paper",
        condition_norm: ConditionNorm = "fixed",
        variant: Variant = "stfm",
    ) -> None:
        super().__init__()
        if min(mean_patch, variance_patch) < 1:
            raise UserError(f"mean_patch {mean_patch} and variance_patch {variance_patch} must be at least 1")
        if form not in ("paper", "official"):
            raise UserError(f'form {form!r} is unknown: use "paper" or "official"')
        if condition_norm not in ("fixed", "batch"):
            raise UserError(f'condition_norm {condition_norm!r} is unknown: use "fixed" or "batch"')
        if variant not in ("stfm", "adain", "patch_substitution", "no_patches"):
            raise UserError(
                f'variant {variant!r} is unknown: use "stfm", "adain", "patch_substitution" or "no_patches"'
            )
        patches = variant in ("stfm", "patch_substitution")
        self.mean_patch = mean_patch if patches else None
        self.variance_patch = variance_patch if patches else None
        self.form: Form = form
        self.batch_statistics = condition_norm == "batch"
        # One module serves both condition norms, so weights carry over; "fixed" never updates the running statistics.
        self.condition_norm = nn.BatchNorm2d(channels)
        self.norm = nn.GroupNorm(group_count(channels, form), channels)  # used twice
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        attention = variant in ("stfm", "no_patches")
        self.mean_attention = TokenAttention(channels) if attention else None
        self.variance_attention = TokenAttention(channels) if attention else None

    def set_condition_statistics(self, mean: Tensor, variance: Tensor) -> None:
        """Store the per-channel mean and variance (shape C) of the condition features over the training corpus.

        Raises UserError for other shapes and for variances that are negative or NaN.
        """
        running_mean, running_var = self.condition_norm.running_mean, self.condition_norm.running_var
        assert running_mean is not None
        assert running_var is not None
        if mean.shape != running_mean.shape or variance.shape != running_var.shape:
            raise UserError(
                f"statistics of shapes {tuple(mean.shape)}, {tuple(variance.shape)}: "
                f"this module needs {tuple(running_mean.shape)}"
            )
        if not bool((variance >= 0).all()):
            raise UserError("condition variances must be non-negative and finite: recompute them from the corpus")
        running_mean.copy_(mean)
        running_var.copy_(variance)

    def encode_condition(self, c: Tensor) -> StyleCondition:
        """The guide's half: condition map c (B, C, H, W) → its tokens' keys and values."""
        norm = self.condition_norm
        if self.batch_statistics:
            c = norm(c)
        else:
            c = F.batch_norm(
                c, norm.running_mean, norm.running_var, norm.weight, norm.bias, training=False, eps=norm.eps
            )
        mean, variance = self._tokens(c)
        if self.mean_attention is not None and self.variance_attention is not None:
            mean, variance = (self.mean_attention.to_kv(mean), self.variance_attention.to_kv(variance))
        return StyleCondition(mean, variance)

    def forward(self, x: Tensor, condition: StyleCondition) -> Tensor:
        """The backbone's half: x (B, C, H, W) and the guide's condition → B, C, H, W.

        Raises UserError if, in the official form, the map is smaller than a patch.
        """
        mean, variance = condition
        if self.mean_attention is not None and self.variance_attention is not None:
            mean_queries, variance_queries = self._tokens(x)
            mean = self.mean_attention(mean_queries, mean)
            variance = self.variance_attention(variance_queries, variance)
        mu = self._to_map(mean, self.mean_patch, x)
        sigma = self._to_map(variance, self.variance_patch, x)
        y: Tensor = x + self.norm(self.conv(self.norm(x) * sigma + mu))
        return y

    def _tokens(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance tokens of z, taken in float32 or wider (E[z²] − E[z]² cancels in bfloat16)."""
        largest = max(self.mean_patch or 1, self.variance_patch or 1)
        if self.form == "official" and min(z.shape[2:]) < largest:
            raise UserError(
                f"the official form cannot cut a {z.shape[2]}×{z.shape[3]} map into patches of side {largest}: "
                'use larger images, smaller patches or form="paper"'
            )
        wide = z.to(torch.promote_types(z.dtype, torch.float32))
        mean = mean_tokens(wide, self.mean_patch, self.form)
        variance = variance_tokens(wide, self.variance_patch, self.form)
        return mean.to(z.dtype), variance.to(z.dtype)

    def _to_map(self, tokens: Tensor, patch: int | None, x: Tensor) -> Tensor:
        """Tokens B, N, C → a map that multiplies with x (B, C, H, W); drops the last token, in either form."""
        if patch is None:
            return tokens.transpose(1, 2).unsqueeze(-1)  # B, C, 1, 1
        height, width = x.shape[2:]
        partial = self.form == "paper"
        rows, columns = (math.ceil(side / patch) if partial else side // patch for side in (height, width))
        grid = tokens[:, :-1].transpose(1, 2).reshape(tokens.shape[0], -1, rows, columns)
        if self.form == "official":
            return F.interpolate(grid, size=(height, width), mode="bicubic", align_corners=True)
        return F.interpolate(grid, size=(height, width), mode="bilinear", align_corners=False)
