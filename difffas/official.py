"""Load the authors' released checkpoints into this package's networks: key names by table, widths from tensor shapes.

The functions take plain state dicts and open no files. Facts about the release are recorded as numbers and key names,
without any of its code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Set
from statistics import mode
from typing import TypeVar

import torch
from torch import Tensor

from difffas.errors import UserError
from difffas.model_files import is_finite
from difffas.strict import is_dense
from difffas.style_encoder import StyleEncoder
from difffas.unet import LEVELS, STYLE_LEVELS, SpoofUNet

StateDict = Mapping[str, Tensor]
Network = TypeVar("Network", SpoofUNet, StyleEncoder)

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
_WEIGHTS = ("weight", "bias")
_FLOATS = (torch.float32, torch.float16, torch.bfloat16)
_BATCH_NORM = (*_WEIGHTS, "running_mean", "running_var", "num_batches_tracked")
# The release stores these keys but uses them in no forward pass.
_DEAD_RESIDUAL, _DEAD_FUSION, _DEAD_ENCODER = "cond_emb_layers.1", "qkv", "norm"


def load_unet(state_dict: StateDict, mean_patch: int = 5, variance_patch: int = 3) -> SpoofUNet:
    """Build the released U-Net (`form="official"`, batch-normalised condition) with these weights, in eval mode.

    Args:
        state_dict: the checkpoint's "model" or "ema" entry. The release samples with "model"; the buffers of its "ema"
            are those of an untrained BatchNorm.
        mean_patch, variance_patch: patch sides in feature pixels, which the weights do not reveal. The defaults are
            the release's.

    Raises:
        UserError: naming a key that is missing, unknown, or of a shape that no such network has.
    """
    names = dict(_renamed(state_dict))
    live = _live(state_dict, {f"{place}.{part}" for place in _dead_places() for part in _WEIGHTS})
    _compare(live, names)
    blocks = [f"input_blocks.{3 * level + 1}.0" for level in range(LEVELS)]
    widths = [
        _width(live, f"{b}.out_layers.3.bias", f"{b}.out_layers.0.weight", f"{b}.out_layers.0.bias") for b in blocks
    ]
    base = _width(live, "input_blocks.0.0.bias", f"{blocks[0]}.in_layers.0.weight", f"{blocks[0]}.in_layers.0.bias")
    embed = _width(
        live, *(f"time_embed.time_embed.{layer}.bias" for layer in (0, 2)), "time_embed.time_embed.2.weight"
    )
    first, last = live["input_blocks.0.0.weight"], live["out.2.weight"]
    if any(width % base for width in widths):
        raise UserError(f"widths {widths} are not multiples of the {base} of 'input_blocks.0.0.bias'")
    if first.ndim != 4 or last.ndim != 4 or last.shape[0] not in (3, 6):
        shapes = f"'input_blocks.0.0.weight' is {tuple(first.shape)}, 'out.2.weight' is {tuple(last.shape)}"
        raise UserError(f"{shapes}: convolutions have four sizes, and the network 3 or 6 output channels")

    def build() -> SpoofUNet:
        network: SpoofUNet = SpoofUNet(
            base_channels=base,
            channel_multipliers=tuple(width // base for width in widths),
            embed_channels=embed,
            in_channels=first.shape[1],
            out_channels=last.shape[0],
            mean_patch=mean_patch,
            variance_patch=variance_patch,
            form="official",
            condition_norm="batch",
        )
        return network

    # The release's 1×1 convolutions over tokens are linear layers here.
    unet: SpoofUNet = _load(
        build, {key: value.squeeze(-1) if value.ndim == 3 else value for key, value in live.items()}, names
    )
    return unet  # type: ignore[no-any-return]


def load_style_encoder(state_dict: StateDict) -> StyleEncoder:
    """Build the released style encoder with these weights, in eval mode; its styles are named by number.

    Raises:
        UserError: naming a key that is missing, unknown, or of a shape that no such network has.
    """
    live = _live(state_dict, {f"{_DEAD_ENCODER}.{part}" for part in _BATCH_NORM})
    stages = [f"layer{stage}" for stage in range(1, 5)]
    needed = ["conv1.weight", "bn1.weight", "bn1.bias", "fc.weight", "fc.bias"]
    needed += [f"{stage}.0.bn{layer}.{part}" for stage in stages for layer in (1, 2) for part in _WEIGHTS]
    foreign = not any(key in live for key in needed)  # then the message shows what the file holds instead
    _compare({key: live[key] for key in live if foreign or key in needed}, dict.fromkeys(needed, ""))
    depths = [len({key.split(".")[1] for key in live if key.startswith(f"{stage}.")}) for stage in stages]
    styles = [str(number) for number in range(_width(live, "fc.bias", "fc.weight"))]
    stem = _width(live, "bn1.weight", "bn1.bias")
    channels = [_width(live, *(f"{s}.0.bn{layer}.{part}" for layer in (1, 2) for part in _WEIGHTS)) for s in stages]

    def build() -> StyleEncoder:
        network: StyleEncoder = StyleEncoder(styles=styles, stem_channels=stem, channels=channels, depths=depths)
        return network

    with torch.device("meta"):
        names = {key: key for key in build().state_dict()}
    _compare(live, names)
    return _load(build, live, names)  # type: ignore[no-any-return]


def _renamed(state_dict: StateDict) -> Iterator[tuple[str, str]]:
    """(released key, our key) of every tensor that a network of the release's layout uses."""
    for theirs, ours in _OUTSIDE.items():
        yield from _parts(theirs, ours)
    for theirs, ours in _residual_places():
        for part, name in _RESIDUAL.items():
            # Only a block that changes its width has shortcut weights; up and down blocks have none.
            if part != "skip_connection" or any(f"{theirs}.{part}.{leaf}" in state_dict for leaf in _WEIGHTS):
                yield from _parts(f"{theirs}.{part}", f"{ours}.{name}")
    for theirs, ours in _fusion_places():
        for part, name in _FUSION.items():
            yield from _parts(f"{theirs}.{part}", f"{ours}.{name}", buffers=part == "bn")


def _parts(theirs: str, ours: str, buffers: bool = False) -> Iterator[tuple[str, str]]:
    for part in _BATCH_NORM if buffers else _WEIGHTS:
        yield f"{theirs}.{part}", f"{ours}.{part}"


def _residual_places() -> Iterator[tuple[str, str]]:
    for level in range(LEVELS):
        for block in range(2):
            yield f"input_blocks.{3 * level + 1 + block}.0", f"down_levels.{level}.blocks.{block}"
        for block in range(3):
            yield f"output_blocks.{3 * level + block}.0", f"up_levels.{level}.blocks.{block}"
        if level < LEVELS - 1:
            yield f"input_blocks.{3 * level + 3}.0", f"down_levels.{level}.downsample"
            # Next to an STFM the release's index is one higher, but no third block has both.
            yield f"output_blocks.{3 * level + 2}.1", f"up_levels.{level}.upsample"
    yield "middle_block.0", "middle_in"
    yield "middle_block.2", "middle_out"


def _fusion_places() -> Iterator[tuple[str, str]]:
    for level in STYLE_LEVELS:
        yield f"input_blocks.{3 * level + 2}.1", f"down_levels.{level}.fusion"
        up = LEVELS - 1 - level
        yield f"output_blocks.{3 * up + 1}.1", f"up_levels.{up}.fusion"
    yield "middle_block.1", "middle_fusion"


def _dead_places() -> Iterator[str]:
    yield from (f"{theirs}.{_DEAD_RESIDUAL}" for theirs, _ in _residual_places())
    yield from (f"{theirs}.{_DEAD_FUSION}" for theirs, _ in _fusion_places())


def _live(state_dict: StateDict, dead: Set[str]) -> dict[str, Tensor]:
    for key, value in state_dict.items():
        if not isinstance(value, Tensor):
            raise UserError(f"{key!r} is a {type(value).__name__}, not a tensor: give a plain state dict")
        if not is_dense(value):
            raise UserError(f"{key!r} is not a plain tensor with all of its numbers: give a plain state dict")
    return {key: value for key, value in state_dict.items() if key not in dead}


def _compare(live: StateDict, names: Mapping[str, str]) -> None:
    kinds = {
        "missing": [key for key in names if key not in live],
        "unknown": [key for key in live if key not in names],
    }
    found = [f"key {keys[0]!r} is {kind} ({len(keys)} in all)" for kind, keys in kinds.items() if keys]
    if found:
        raise UserError(f"{', '.join(found)}: not a checkpoint of the release")


def _width(live: StateDict, *keys: str) -> int:
    """The first size that most of these tensors share, so that a single bad tensor is named when weights load."""
    sizes = [live[key].shape[0] for key in keys if live[key].ndim]
    if not sizes or not mode(sizes):
        raise UserError(f"{keys[0]!r} is {tuple(live[keys[0]].shape)} in the checkpoint: no network has such a width")
    return mode(sizes)


def _load(build: Callable[[], Network], live: StateDict, names: Mapping[str, str]) -> Network:
    """Load `live` into the network and return it in eval mode; `names` maps each of their keys to ours.

    The network takes memory only after all tensors are known to fit.
    """
    with torch.device("meta"):
        own = build().state_dict()
    theirs = {ours: key for key, ours in names.items()}
    for ours in sorted(own.keys() ^ theirs.keys()):
        if ours in theirs:
            raise UserError(f"key {theirs[ours]!r} is unknown: a block that keeps its width has no shortcut")
        place, part = ours.split(".conv_shortcut.")
        block = theirs[f"{place}.conv1.weight"].removesuffix("in_layers.2.weight")
        raise UserError(f"key '{block}skip_connection.{part}' is missing: that block changes its width")
    for key, ours in names.items():
        if own[ours].shape != live[key].shape:
            raise UserError(
                f"{key!r} is {tuple(live[key].shape)} in the checkpoint, {tuple(own[ours].shape)} expected"
            )
        if live[key].dtype not in (_FLOATS if own[ours].is_floating_point() else (own[ours].dtype,)):
            raise UserError(f"{key!r} holds {live[key].dtype} in the checkpoint, {own[ours].dtype} expected")
        if not is_finite(live[key]):
            raise UserError(f"{key!r} holds NaN or infinity in the checkpoint: it is broken")
        if key.endswith("running_var") and bool((live[key] < 0).any()):
            raise UserError(f"{key!r} holds variances below zero in the checkpoint: it is broken")
    network: Network = build()
    network.load_state_dict({ours: live[key] for key, ours in names.items()})
    network.eval()
    return network
