"""The authors' released checkpoints as networks of this package: a table of key names, and widths read from shapes.

Take plain state dicts; nothing here opens a file. Facts about the release are recorded numbers and key names, no code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from torch import Tensor

from difffas.style_encoder import StyleEncoder
from difffas.unet import LEVELS, STYLE_LEVELS, SpoofUNet

StateDict = Mapping[str, Tensor]

_RESIDUAL = {
    "in_layers.0": "norm1",
    "in_layers.2": "conv1",
    "emb_layers.1": "time_emb_proj",
    "out_layers.0": "norm2",
    "out_layers.3": "conv2",
    "skip_connection": "conv_shortcut",
}
_FUSION = {
    "norm": "norm",
    "conv1": "conv",
    "bn": "condition_norm",
    "to_q1": "mean_attention.to_q",
    "to_kv1": "mean_attention.to_kv",
    "proj_out1": "mean_attention.to_out",
    "to_q2": "variance_attention.to_q",
    "to_kv2": "variance_attention.to_kv",
    "proj_out2": "variance_attention.to_out",
}
_OUTSIDE = {
    "time_embed.time_embed.0": "time_embedding.linear_1",
    "time_embed.time_embed.2": "time_embedding.linear_2",
    "input_blocks.0.0": "conv_in",
    "out.0": "norm_out",
    "out.2": "conv_out",
}
_DEAD = re.compile(r"\.(cond_emb_layers\.1|qkv)\.(weight|bias)$")  # stored by the release, used in no forward pass
_DEAD_ENCODER = re.compile(r"^norm\.")


def load_unet(state_dict: StateDict, mean_patch: int = 5, variance_patch: int = 3) -> SpoofUNet:
    """The released U-Net (`form="official"`, batch-normalised condition) with these weights, in eval mode.

    Args:
        state_dict: the checkpoint's "model" or "ema" entry. The release samples with "model"; the buffers of its "ema"
            are those of an untrained BatchNorm.
        mean_patch, variance_patch: patch sides in feature pixels; no weight reveals them. Defaults are the release's.

    Raises:
        ValueError: naming a key that is missing, unknown, or of a shape that no such network has.
    """
    names = dict(_renamed(state_dict))
    live = {key: tensor for key, tensor in state_dict.items() if not _DEAD.search(key)}
    _compare(live, names)
    widths = [live[f"input_blocks.{3 * level + 1}.0.out_layers.3.weight"].shape[0] for level in range(LEVELS)]
    base = live["input_blocks.0.0.weight"].shape[0]
    if any(width % base for width in widths):
        raise ValueError(f"widths {widths} are not multiples of the first convolution's {base} channels")
    unet: SpoofUNet = SpoofUNet(
        base_channels=base,
        channel_multipliers=tuple(width // base for width in widths),
        embed_channels=live["time_embed.time_embed.0.weight"].shape[0],
        in_channels=live["input_blocks.0.0.weight"].shape[1],
        out_channels=live["out.2.weight"].shape[0],
        mean_patch=mean_patch,
        variance_patch=variance_patch,
        form="official",
        condition_norm="batch",
    )
    # The release's 1×1 convolutions over tokens are linear layers here.
    _load(unet, {names[key]: value.squeeze(-1) if value.ndim == 3 else value for key, value in live.items()})
    unet.eval()
    return unet


def load_style_encoder(state_dict: StateDict) -> StyleEncoder:
    """The released style encoder with these weights, in eval mode; its styles are named by number.

    Raises:
        ValueError: naming a key that is missing, unknown, or of a shape that no such network has.
    """
    live = {key: tensor for key, tensor in state_dict.items() if not _DEAD_ENCODER.search(key)}
    for key in ("conv1.weight", "fc.weight", *(f"layer{stage}.0.conv1.weight" for stage in range(1, 5))):
        if key not in live:
            raise ValueError(f"key {key!r} is missing: this is not the release's style encoder")
    depths = [len({key.split(".")[1] for key in live if key.startswith(f"layer{stage}.")}) for stage in range(1, 5)]
    encoder: StyleEncoder = StyleEncoder(
        styles=[str(number) for number in range(live["fc.weight"].shape[0])],
        stem_channels=live["conv1.weight"].shape[0],
        channels=[live[f"layer{stage}.0.conv1.weight"].shape[0] for stage in range(1, 5)],
        depths=depths,
    )
    _compare(live, {key: key for key in encoder.state_dict()})
    _load(encoder, live)
    encoder.eval()
    return encoder


def _renamed(state_dict: StateDict) -> Iterator[tuple[str, str]]:
    """(released key, our key) of every tensor that a network of the release's layout uses."""
    for theirs, ours in _OUTSIDE.items():
        yield from _parts(theirs, ours)
    for theirs, ours in _residual_places():
        for part, name in _RESIDUAL.items():
            # Only a block that changes its width has a shortcut; up and down blocks have no weights for it either.
            if part != "skip_connection" or f"{theirs}.{part}.weight" in state_dict:
                yield from _parts(f"{theirs}.{part}", f"{ours}.{name}")
    for theirs, ours in _fusion_places():
        for part, name in _FUSION.items():
            yield from _parts(f"{theirs}.{part}", f"{ours}.{name}", buffers=part == "bn")


def _parts(theirs: str, ours: str, buffers: bool = False) -> Iterator[tuple[str, str]]:
    statistics = ("running_mean", "running_var", "num_batches_tracked") if buffers else ()
    for part in ("weight", "bias", *statistics):
        yield f"{theirs}.{part}", f"{ours}.{part}"


def _residual_places() -> Iterator[tuple[str, str]]:
    for level in range(LEVELS):
        for block in range(2):
            yield f"input_blocks.{3 * level + 1 + block}.0", f"down_levels.{level}.blocks.{block}"
        for block in range(3):
            yield f"output_blocks.{3 * level + block}.0", f"up_levels.{level}.blocks.{block}"
        if level < LEVELS - 1:
            yield f"input_blocks.{3 * level + 3}.0", f"down_levels.{level}.downsample"
            # Beside an STFM the release counts on by one, but no third block has both.
            yield f"output_blocks.{3 * level + 2}.1", f"up_levels.{level}.upsample"
    yield "middle_block.0", "middle_in"
    yield "middle_block.2", "middle_out"


def _fusion_places() -> Iterator[tuple[str, str]]:
    for level in STYLE_LEVELS:
        yield f"input_blocks.{3 * level + 2}.1", f"down_levels.{level}.fusion"
        up = LEVELS - 1 - level
        yield f"output_blocks.{3 * up + 1}.1", f"up_levels.{up}.fusion"
    yield "middle_block.1", "middle_fusion"


def _compare(live: StateDict, names: Mapping[str, str]) -> None:
    if missing := sorted(names.keys() - live.keys()):
        raise ValueError(f"key {missing[0]!r} is missing ({len(missing)} in all): not a checkpoint of the release")
    if unknown := sorted(live.keys() - names.keys()):
        raise ValueError(f"key {unknown[0]!r} is unknown ({len(unknown)} in all): not a checkpoint of the release")


def _load(network: SpoofUNet | StyleEncoder, weights: StateDict) -> None:
    for name, own in network.state_dict().items():
        if name not in weights:
            raise ValueError(f"no weights for {name!r}: the checkpoint's blocks do not fit together")
        if own.shape != weights[name].shape:
            raise ValueError(
                f"{name!r} is {tuple(weights[name].shape)} in the checkpoint, {tuple(own.shape)} expected"
            )
    network.load_state_dict(dict(weights))
