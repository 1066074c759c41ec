"""The project's own recorded numbers: what this code computed for networks whose weights follow from a formula.

`python -m tests.difffas.golden` writes `golden.json` anew. Do that only for a change that is meant to change numbers,
and say in the commit which and why. Of every array the file keeps its shape, mean, deviation and 24 of its elements as
computed in float64, which no processor's rounding shows in, and how far the float32 run beside it was off: the most of
all kinds of processors of `make test-isa` with one and two threads, since a single run may be right by luck.
"""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from difffas.guidance import Branches, guided
from difffas.objective import TrainingNoise, training_loss
from difffas.posterior import estimate
from difffas.samplers import SAMPLERS
from difffas.schedule import q_sample, start_timesteps, timestep_table
from difffas.style_encoder import StyleEncoder
from difffas.unet import SpoofUNet
from tests.root import ROOT

FILE = Path(__file__).with_name("golden.json")
ELEMENTS = 24
# Two networks of other widths, patch sides and image sizes than each other and than the release's numbers.
CASES: dict[str, dict[str, Any]] = {
    "paper": {
        "unet": {"base_channels": 12, "channel_multipliers": (1, 1, 2, 2, 3, 4), "embed_channels": 20},
        "encoder": {"stem_channels": 6, "channels": (8, 24, 36, 48), "depths": (1, 1, 2, 1)},
        "size": (64, 96),
        "t": (3, 250, 998),
    },
    # Not below 32 channels: there the release has a group per channel, which on the smallest maps has four values to
    # norm and blows rounding up a thousandfold (test_unet.py has those widths).
    "official": {
        "unet": {
            "base_channels": 32, "channel_multipliers": (1, 1, 1, 2, 3, 4), "embed_channels": 24, "out_channels": 6,
            "mean_patch": 2, "variance_patch": 1, "form": "official", "condition_norm": "batch",
        },
        "encoder": {"stem_channels": 4, "channels": (8, 64, 96, 128), "depths": (2, 1, 1, 1)},
        "size": (64, 64),
        "t": (0, 431),
    },
}  # fmt: skip


def compute(case: str, dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
    """Everything that the generative half computes, by name, for one of `CASES`; weights and inputs are float32's."""
    torch.set_default_dtype(dtype)
    try:
        return _compute(CASES[case])
    finally:
        torch.set_default_dtype(torch.float32)


def _compute(given: dict[str, Any]) -> dict[str, Tensor]:
    dtype = torch.get_default_dtype()
    unet, encoder = SpoofUNet(**given["unet"]).eval(), StyleEncoder(["a", "b", "c"], **given["encoder"]).eval()
    _fill(unet, 0.9)
    _fill(encoder, 1.7)
    unet.time_projection.register_forward_hook(lambda _module, _given, out: out.to(dtype))  # always float32
    t = torch.tensor(given["t"])
    shape = (len(t), 3, *given["size"])
    live, guide, spoof = (_wave(shape, frequency).sin() * 0.9 for frequency in (0.11, 0.23, 0.37))
    noise = 1.4 * _wave(shape, 12.9898).sin()
    with torch.no_grad():
        found = _network(unet, encoder, live, guide, spoof, noise, t)
        found |= _sampling(unet, encoder, live, guide, noise)
    found |= _training(unet, encoder, live, guide, spoof, noise, t)
    return {name: value.detach() for name, value in found.items()}


def _network(unet: SpoofUNet, encoder: StyleEncoder, *tensors: Tensor) -> dict[str, Tensor]:
    live, guide, spoof, noise, t = tensors
    features, logits = encoder(guide)
    x_t = q_sample(spoof, t, noise)
    found = dict(zip(("stride 8", "stride 16", "stride 32"), features, strict=True)) | {"logits": logits}
    found["time embedding"] = unet.time_embedding(unet.time_projection(t))
    inputs: dict[str, Tensor] = {}

    def note(name: str) -> Callable[[nn.Module, tuple[Any, ...], Tensor], None]:
        return lambda _module, given, out: inputs.update({name: given[0], f"{name} out": out})

    hooks = [stfm.register_forward_hook(note(f"stfm {i}")) for i, (_, stfm) in enumerate(unet.fusions())]
    output = unet(torch.cat((x_t, live), dim=1), t, features).sample
    for hook in hooks:
        hook.remove()
    for i, (index, stfm) in enumerate(unet.fusions()):
        condition = stfm.encode_condition(features[index])
        queries = stfm._tokens(inputs[f"stfm {i}"])
        found |= {f"stfm {i} out": inputs[f"stfm {i} out"], f"stfm {i} mean tokens": queries[0]}
        found[f"stfm {i} variance tokens"] = queries[1]
        assert stfm.mean_attention is not None
        assert stfm.variance_attention is not None
        found[f"stfm {i} mean attended"] = stfm.mean_attention(queries[0], condition.mean)
        found[f"stfm {i} variance attended"] = stfm.variance_attention(queries[1], condition.variance)
    step = estimate(x_t, output, t, t - 1)
    return found | {"x_t": x_t, "conditional": output, "posterior mean": step.mean, "predicted x0": step.clean}


def _sampling(unet: SpoofUNet, encoder: StyleEncoder, live: Tensor, guide: Tensor, noise: Tensor) -> dict[str, Tensor]:
    features, null = encoder(guide)[0], encoder(torch.zeros_like(guide[:1]))[0]
    scales = torch.linspace(0.5, 3.5, len(live))
    branches = Branches(unet, live, unet.encode_conditions(features), unet.encode_conditions(null))
    model = guided(branches, scales)
    found = {"guided": model(live, torch.full((len(live),), 77))}
    t0 = [60 + 170 * row for row in range(len(live))]
    for name, sampler in SAMPLERS.items():
        for offset in ("trailing", "official"):
            x = q_sample(live, start_timesteps(t0, 4, offset), noise)  # type: ignore[arg-type]
            table = timestep_table(t0, 4, offset)  # type: ignore[arg-type]
            found[f"{name} {offset}"] = sampler(model, x, table, lambda: noise.flip(2))
    return found


def _training(unet: SpoofUNet, encoder: StyleEncoder, *tensors: Tensor) -> dict[str, Tensor]:
    live, guide, spoof, noise, t = tensors
    keep = torch.arange(len(t)) != 1
    draw = TrainingNoise(t, noise, keep_style=keep, keep_live=torch.ones_like(keep))
    loss = training_loss(unet, encoder, spoof, live, guide, draw)
    loss.total.backward()
    norms = [parameter.grad.norm() for parameter in unet.parameters() if parameter.grad is not None]
    assert len(norms) == len(list(unet.parameters()))
    return {"mse": loss.mse, "variational": loss.variational, "gradient norms": torch.stack(norms)}


def _wave(shape: tuple[int, ...], frequency: float) -> Tensor:
    """An angle for every element, the same wherever torch runs: no generator is asked."""
    return (
        torch.arange(math.prod(shape), dtype=torch.float64)
        .mul(frequency)
        .fmod(2 * math.pi)
        .float()
        .to(torch.get_default_dtype())
        .reshape(shape)
    )


def _fill(network: nn.Module, frequency: float) -> None:
    """Every parameter and statistic from its place: small enough that nothing saturates, and none of them zero."""
    for number, (name, value) in enumerate(sorted(network.state_dict().items())):
        if not value.is_floating_point():
            continue
        angle = _wave(tuple(value.shape), frequency + number * 0.017)
        fan_in = max(1, value[0].numel() if value.ndim else 1)
        if "running_var" in name or (value.ndim == 1 and name.endswith("weight")):  # variances and scales near one
            value.copy_(1.0 + 0.3 * angle.sin())
        else:
            value.copy_(angle.sin() * (0.1 if value.ndim == 1 else 1.2 / math.sqrt(fan_in)))


def brief(value: Tensor) -> dict[str, Any]:
    """Shape, mean, deviation and evenly spaced elements of an array."""
    flat = value.double().flatten()
    places = torch.linspace(0, len(flat) - 1, min(ELEMENTS, len(flat)), dtype=torch.float64).round().long()
    deviation = float(flat.std(correction=0))
    kept = [float(f"{element:.10g}") for element in flat[places].tolist()]
    return {"shape": list(value.shape), "mean": float(flat.mean()), "std": deviation, "elements": kept}


def error(narrow: Tensor, wide: Tensor) -> float:
    """Largest difference of the float32 run from the float64 run."""
    return float((narrow.double() - wide.double()).abs().max())


def errors() -> dict[str, dict[str, float]]:
    """Of every array of every case, in this process's setting."""
    found = {}
    for case in CASES:
        narrow, wide = compute(case), compute(case, torch.float64)
        found[case] = {name: error(narrow[name], value) for name, value in wide.items()}
    return found


def errors_elsewhere() -> list[dict[str, dict[str, float]]]:
    """Those of this processor and of every kind that the Makefile sets, each in processes of its own."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    kinds = re.findall(r"^(?:SSE|AVX2|AVX512) := (.+)$", makefile, re.MULTILINE)
    assert len(kinds) == 3
    found = []
    for settings in ["", *kinds]:
        for threads in ("1", "2"):
            set_to = dict(setting.split("=") for setting in settings.split())
            environment = {**os.environ, "OMP_NUM_THREADS": threads, **set_to}
            line = [sys.executable, "-m", "tests.difffas.golden", "--errors"]
            done = subprocess.run(line, env=environment, capture_output=True, text=True, check=True)
            found.append(json.loads(done.stdout.splitlines()[-1]))
    return found


def main() -> None:
    """Write the file."""
    if sys.argv[1:] == ["--errors"]:
        print(json.dumps(errors()))
        return
    seen = errors_elsewhere()
    lines = []
    for case in CASES:
        wide = compute(case, torch.float64)
        found = {
            name: brief(value) | {"float32_error": max(each[case][name] for each in seen)}
            for name, value in wide.items()
        }
        body = ",\n".join(f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in found.items())
        lines.append(f"{json.dumps(case)}: {{\n{body}\n}}")
    FILE.write_text("{" + ",\n".join(lines) + "}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
