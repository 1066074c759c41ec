"""Style encoder (paper Eq. 8): a ResNet trained on style labels whose feature maps condition the U-Net."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin  # diffusers looks it up here when loading a pipeline
from timm.models.resnet import BasicBlock, downsample_conv
from torch import Tensor, nn

from difffas.errors import UserError
from difffas.strict import StrictModel
from difffas.unet import Features

# 0.25 M parameters; belongs to unet.SMALL_UNET.
SMALL_STYLE_ENCODER: dict[str, Any] = {"stem_channels": 16, "channels": (16, 48, 80, 80), "depths": (1, 1, 1, 1)}


class StyleEncoder(StrictModel, ModelMixin, ConfigMixin):  # type: ignore[misc]
    """BasicBlock ResNet: images → (feature maps at strides 8, 16, 32, style logits).

    Args:
        styles: the style names, "<domain>-<attack>" or finer; their order is the order of the logits.
        stem_channels: channels after the 7×7 stem.
        channels: widths of the four stages (strides 4, 8, 16, 32); the last three must equal the U-Net's widths there.
        depths: residual blocks per stage.

    Trained from scratch, then frozen and used in eval mode.
    """

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        styles: Sequence[str],
        stem_channels: int = 64,
        channels: Sequence[int] = (64, 256, 512, 512),
        depths: Sequence[int] = (3, 4, 6, 3),
    ) -> None:
        super().__init__()
        if not styles or len(set(styles)) != len(styles):
            raise UserError(f"styles {list(styles)} must be one or more distinct names")
        if len(channels) != 4 or len(depths) != 4 or min(depths) < 1:
            raise UserError(f"channels {tuple(channels)} and depths {tuple(depths)} must have four positive entries")
        self.style_channels = tuple(channels[1:])
        self.conv1 = nn.Conv2d(3, stem_channels, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(stem_channels)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        widths = [stem_channels, *channels]
        self.layer1 = _stage(widths[0], widths[1], depths[0], stride=1)
        self.layer2 = _stage(widths[1], widths[2], depths[1], stride=2)
        self.layer3 = _stage(widths[2], widths[3], depths[2], stride=2)
        self.layer4 = _stage(widths[3], widths[4], depths[3], stride=2)
        self.fc = nn.Linear(widths[4], len(styles))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    @property
    def styles(self) -> tuple[str, ...]:
        """Style names in the order of the logits."""
        return tuple(self.config["styles"])

    @torch.no_grad()
    def start_from(self, other: StyleEncoder) -> None:
        """Copy the weights and running statistics of an encoder of the same widths and depths.

        The classes may differ: of the last layer, the rows of styles that both know are copied, and the others stay.
        Raises RuntimeError if another tensor has another shape.
        """
        state = other.state_dict()
        for name in ("fc.weight", "fc.bias"):
            rows, own = state[name], self.state_dict()[name].clone()
            for number, style in enumerate(self.styles):
                if style in other.styles:
                    own[number] = rows[other.styles.index(style)]
            state[name] = own
        self.load_state_dict(state)

    def forward(self, images: Tensor) -> tuple[Features, Tensor]:
        """Images (B, 3, H, W) in [-1, 1], sides multiples of 32 → ((B, C, H/8, W/8), …/16, …/32), logits (B, styles).

        The maps are the outputs of stages 2 to 4, after their ReLU. Raises UserError for other shapes.
        """
        if images.ndim != 4 or images.shape[1] != 3 or images.shape[2] % 32 or images.shape[3] % 32:
            raise UserError(
                f"images of shape {tuple(images.shape)}: give (B, 3, H, W) with H and W multiples of 32; resize them"
            )
        x = self.layer1(self.maxpool(torch.relu(self.bn1(self.conv1(images)))))
        stride8 = self.layer2(x)
        stride16 = self.layer3(stride8)
        stride32 = self.layer4(stride16)
        return (stride8, stride16, stride32), self.fc(stride32.mean(dim=(2, 3)))


def _stage(cin: int, cout: int, depth: int, stride: int) -> nn.Sequential:
    """`depth` basic blocks; if the shape changes, the first has a 1×1 convolution and BatchNorm as shortcut."""
    shortcut = downsample_conv(cin, cout, kernel_size=1, stride=stride) if stride != 1 or cin != cout else None
    first = BasicBlock(cin, cout, stride=stride, downsample=shortcut)
    return nn.Sequential(first, *(BasicBlock(cout, cout) for _ in range(depth - 1)))


@torch.no_grad()
def feature_statistics(encoder: StyleEncoder, batches: Iterable[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    """Per-channel mean and population variance of the encoder's three feature maps over a corpus.

    `batches` yields images (B, 3, H, W) in [-1, 1]. Returns (means, variances), the arguments of
    `SpoofUNet.set_condition_statistics`: three float32 tensors of shape C each on the CPU, summed in float64. Raises
    UserError if there are no images or the encoder is in training mode.
    """
    if encoder.training:
        raise UserError("the style encoder is in training mode: call encoder.eval() first")
    count = [0] * 3
    total = [torch.zeros(channels, dtype=torch.float64) for channels in encoder.style_channels]
    square = [torch.zeros(channels, dtype=torch.float64) for channels in encoder.style_channels]
    for images in batches:
        features, _ = encoder(images)
        for index, feature in enumerate(features):
            wide = feature.double()
            count[index] += wide.numel() // wide.shape[1]
            total[index] += wide.sum(dim=(0, 2, 3)).cpu()
            square[index] += (wide * wide).sum(dim=(0, 2, 3)).cpu()
    if not count[0]:
        raise UserError("no images: the statistics need at least one batch")
    means = [value / number for value, number in zip(total, count, strict=True)]
    variances = [
        (value / number - mean * mean).clamp(min=0.0) for value, number, mean in zip(square, count, means, strict=True)
    ]
    return [mean.float() for mean in means], [variance.float() for variance in variances]
