from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from diffusers import DDIMScheduler, DPMSolverMultistepScheduler, EulerDiscreteScheduler
from torch import Tensor

from difffas.pipeline import SpoofPipeline
from difffas.schedule import q_sample
from difffas.style_encoder import StyleEncoder
from difffas.unet import SpoofUNet

UNET: dict[str, Any] = {"base_channels": 8, "channel_multipliers": (1, 1, 1, 1, 1, 1), "embed_channels": 16}
ENCODER: dict[str, Any] = {"stem_channels": 8, "channels": (8, 8, 8, 8), "depths": (1, 1, 1, 1)}
SETTINGS: dict[str, Any] = {"t0": [250, 120, 30, 600], "cfg_scale": [2.0, 1.0, 3.5, 0.0], "seed": [11, 12, 13, 14]}


@pytest.fixture(scope="module")
def pipeline() -> SpoofPipeline:
    torch.manual_seed(0)
    unet, encoder = SpoofUNet(**UNET), StyleEncoder(["a-print", "a-replay"], **ENCODER)
    for module in unet.modules():  # leave the zero start, or every output is the noised live image
        if isinstance(module, torch.nn.Conv2d) and not module.weight.any():
            torch.nn.init.normal_(module.weight, std=0.05)
    return SpoofPipeline(unet, encoder)


def images(seed: int, batch: int = 4) -> Tensor:
    return torch.rand(batch, 3, 32, 32, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_t0_beyond_the_training_is_refused() -> None:
    unet, encoder = SpoofUNet(**UNET, timesteps=300), StyleEncoder(["a-print"], **ENCODER)
    limited = SpoofPipeline(unet, encoder)
    limited(images(1), images(2), t0=300, steps=2)
    with pytest.raises(ValueError, match="t0 301 is beyond .* give at most 300"):
        limited(images(1), images(2), t0=[300, 301, 10, 10], steps=2)


def test_images_in_range_reproducible_and_conditioned(pipeline: SpoofPipeline) -> None:
    live, guide = images(1), images(2)
    spoof = pipeline(live, guide, steps=5, **SETTINGS)
    assert spoof.shape == live.shape
    assert spoof.dtype == torch.float32
    assert float(spoof.abs().max()) <= 1.0
    assert torch.equal(spoof, pipeline(live, guide, steps=5, **SETTINGS))
    for changed in (
        pipeline(images(3), guide, steps=5, **SETTINGS),
        pipeline(live, guide, steps=5, **{**SETTINGS, "seed": [0, 0, 0, 0]}),
        pipeline(live, guide, steps=5, **{**SETTINGS, "t0": 251}),
    ):
        assert all((a - b).abs().max() > 1e-3 for a, b in zip(changed, spoof, strict=True))
    restyled = pipeline(live, images(3), steps=5, **SETTINGS)
    moved = [(a - b).abs().max() > 1e-4 for a, b in zip(restyled, spoof, strict=True)]
    assert moved == [True, True, True, False]  # w = 0 does not look at the guide


def test_other_images_than_the_live_faces_may_be_noised(pipeline: SpoofPipeline) -> None:
    """The live faces stay the condition: at T₀ 1000 there is next to nothing left of the start, and at 30 most."""
    live, guide = images(1), images(2)
    plain = pipeline(live, guide, t0=30, steps=5)
    assert torch.equal(pipeline(live, guide, t0=30, steps=5, start=live), plain)
    other = images(3)
    moved = pipeline(live, guide, t0=30, steps=5, start=other)
    assert float((moved - other).square().mean()) < float((moved - live).square().mean())
    early, late = (
        float(
            (pipeline(live, guide, t0=t0, steps=5, start=other) - pipeline(live, guide, t0=t0, steps=5)).abs().mean()
        )
        for t0 in (30, 1000)
    )
    assert early > late
    for wrong, message in ((images(3, 2), "start images of shape"), (other * 3, "start images lie in")):
        with pytest.raises(ValueError, match=message):
            pipeline(live, guide, start=wrong)


def test_a_sample_does_not_depend_on_its_neighbours(pipeline: SpoofPipeline) -> None:
    """Bit for bit: replacing the other rows, or permuting all, leaves a row as it was."""
    live, guide = images(1), images(2)
    spoof = pipeline(live, guide, steps=5, **SETTINGS)
    order = [2, 0, 3, 1]
    permuted: dict[str, Any] = {name: [values[i] for i in order] for name, values in SETTINGS.items()}
    assert torch.equal(pipeline(live[order], guide[order], steps=5, **permuted), spoof[order])
    for row in range(4):
        others: dict[str, Any] = {name: [values[row]] * 4 for name, values in SETTINGS.items()}
        mixed_live, mixed_guide = images(5), images(6)
        mixed_live[row], mixed_guide[row] = live[row], guide[row]
        assert torch.equal(pipeline(mixed_live, mixed_guide, steps=5, **others)[row], spoof[row])


@pytest.mark.parametrize("sampler", ["ddim", "ddpm", "dpm_solver_pp_2m"])
def test_the_batch_shape_changes_rounding_alone(sampler: str) -> None:
    """A sample alone, with one neighbour, with three and with seven: within 1e-5.

    At 64², where no norm has a group of one pixel, whose deviation is nothing but rounding.
    """
    torch.manual_seed(0)
    wide = SpoofUNet(base_channels=12, channel_multipliers=(1, 1, 2, 2, 2, 2), embed_channels=16)
    for parameter in wide.parameters():
        if parameter.ndim == 4 and not parameter.any():
            torch.nn.init.normal_(parameter, std=0.05)
    pipeline = SpoofPipeline(wide, StyleEncoder(["a"], **{**ENCODER, "channels": (8, 24, 24, 24)}))
    live, guide = (F.interpolate(images(seed), size=64, mode="bilinear") for seed in (1, 2))
    settings = {**SETTINGS, "cfg_scale": [2.0, 1.5, 3.5, 0.5]}
    four = pipeline(live, guide, steps=5, sampler=sampler, **settings)
    for rows in ([1], [3, 0], [0, 1, 2, 3, 3, 2, 1, 0]):
        some: dict[str, Any] = {name: [values[row] for row in rows] for name, values in settings.items()}
        made = pipeline(live[rows], guide[rows], steps=5, sampler=sampler, **some)
        assert float((made - four[rows]).abs().max()) <= 1e-5


def test_cfg_scale_one_takes_half_the_work_for_the_same_image(pipeline: SpoofPipeline) -> None:
    live, guide = images(1), images(2)
    mixed = pipeline(live, guide, cfg_scale=[1.0, 2.0, 1.0, 1.0], steps=5)
    single = pipeline(live, guide, cfg_scale=1, steps=5)
    assert torch.equal(mixed[[0, 2, 3]], single[[0, 2, 3]])
    assert not torch.allclose(mixed[1], single[1], atol=1e-3)


def test_scalars_serve_all_samples(pipeline: SpoofPipeline) -> None:
    live, guide = images(1), images(2)
    scalars = pipeline(live, guide, t0=100, cfg_scale=2, seed=5, steps=4)
    lists = pipeline(live, guide, t0=[100] * 4, cfg_scale=(2.0,) * 4, seed=np.full(4, 5), steps=4)  # type: ignore[arg-type]
    assert torch.equal(scalars, lists)


def test_guides_may_be_encoded_before(pipeline: SpoofPipeline) -> None:
    live, guide = images(1), images(2)
    spoof = pipeline(live, guide, steps=3)
    assert torch.equal(pipeline(live, pipeline.encode_guides(guide), steps=3), spoof)
    assert torch.equal(pipeline(live, pipeline.encode_conditions(guide), steps=3), spoof)
    with pytest.raises(ValueError, match="conditions of 3 guides for 4 live images"):
        pipeline(live, pipeline.encode_conditions(guide[:3]), steps=3)
    larger = F.interpolate(live, size=(64, 64))
    with pytest.raises(ValueError, match="conditions of guides of another size for live images of 64×64"):
        pipeline(larger, pipeline.encode_conditions(guide), steps=3)


def test_null_conditions_are_those_of_the_grey_image(pipeline: SpoofPipeline) -> None:
    null = pipeline.null_conditions(32, 32)
    with torch.no_grad():
        expected = pipeline.unet.encode_conditions(pipeline.style_encoder(torch.zeros(1, 3, 32, 32))[0])
    assert all(torch.equal(a, b) for pair in zip(null, expected, strict=True) for a, b in zip(*pair, strict=True))
    assert pipeline.null_conditions(32, 32) is null


def test_start_noise_and_first_call_agree() -> None:
    """DDIM with ε = 0 only divides by √ᾱ of where it started: start noise and first call agree at T₀ − 1."""
    torch.manual_seed(0)
    zero = SpoofPipeline(SpoofUNet(**UNET), StyleEncoder(["a"], **ENCODER))  # predicts ε = 0
    live = images(1, 2) * 0.2
    noise = torch.randn(3, 32, 32, generator=torch.Generator().manual_seed(9))
    spoof = zero(live, images(2, 2), t0=250, seed=9, steps=25)
    alpha = 0.524085  # ᾱ_249
    torch.testing.assert_close(
        spoof, (q_sample(live, torch.tensor([249]), noise) / alpha**0.5).clamp(-1, 1), atol=1e-4, rtol=0
    )


def swapped(pipeline: SpoofPipeline, scheduler: Any) -> SpoofPipeline:
    return SpoofPipeline(pipeline.unet, pipeline.style_encoder, scheduler)


def test_schedulers_may_be_swapped(pipeline: SpoofPipeline, tmp_path: Path) -> None:
    """As in diffusers: another scheduler from the config of this one, also through a saved folder."""
    live, guide = images(1), images(2)
    options: dict[str, Any] = {"t0": 250, "cfg_scale": 2.0, "seed": [1, 2, 3, 4], "steps": 10}
    config = pipeline.scheduler.config
    euler = swapped(pipeline, EulerDiscreteScheduler.from_config(config))
    # Euler's steps on x₀ + σ·ε are DDIM's on √ᾱ·x₀ + √(1−ᾱ)·ε.
    torch.testing.assert_close(euler(live, guide, **options), pipeline(live, guide, **options), atol=2e-3, rtol=0)
    solver = swapped(pipeline, DPMSolverMultistepScheduler.from_config(config, final_sigmas_type="zero"))
    solver.save_pretrained(tmp_path)
    loaded = SpoofPipeline.from_pretrained(tmp_path)
    assert isinstance(loaded.scheduler, DPMSolverMultistepScheduler)
    made = loaded(live, guide, **options)
    torch.testing.assert_close(made, pipeline(live, guide, sampler="dpm_solver_pp_2m", **options), atol=2e-3, rtol=0)
    assert torch.equal(made, loaded(live, guide, **options))
    with pytest.raises(ValueError, match="keeps one timestep for the whole batch"):
        loaded(live, guide, steps=5, **SETTINGS)
    loaded.scheduler = pipeline.scheduler
    assert torch.equal(loaded(live, guide, **options), pipeline(live, guide, **options))


@pytest.mark.parametrize("sampler", ["ddpm", "dpm_solver_pp_2m"])
def test_other_samplers(pipeline: SpoofPipeline, sampler: str) -> None:
    live, guide = images(1), images(2)
    spoof = pipeline(live, guide, steps=4, sampler=sampler, **SETTINGS)
    assert torch.equal(spoof, pipeline(live, guide, steps=4, sampler=sampler, **SETTINGS))
    assert not torch.allclose(spoof, pipeline(live, guide, steps=4, **SETTINGS), atol=1e-3)


def digests(folder: Path) -> dict[str, str]:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_model_folder_round_trips(pipeline: SpoofPipeline, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    pipeline.save_pretrained(first)
    loaded = SpoofPipeline.from_pretrained(first)
    loaded.save_pretrained(second)
    assert digests(first) == digests(second)
    assert sorted(digests(first)) == [
        "model_index.json",
        "pipeline.py",
        "scheduler/scheduler_config.json",
        "style_encoder/config.json",
        "style_encoder/diffusion_pytorch_model.safetensors",
        "unet/config.json",
        "unet/diffusion_pytorch_model.safetensors",
    ]
    live, guide = images(1), images(2)
    assert torch.equal(loaded(live, guide, steps=3), pipeline(live, guide, steps=3))
    assert loaded.style_encoder.styles == ("a-print", "a-replay")
    assert DDIMScheduler.from_pretrained(first, subfolder="scheduler").config["timestep_spacing"] == "trailing"


def test_saving_takes_what_diffusers_takes_but_never_pickles(pipeline: SpoofPipeline, tmp_path: Path) -> None:
    pipeline.save_pretrained(save_directory=tmp_path / "half", safe_serialization=True, variant="half")
    loaded = SpoofPipeline.from_pretrained(tmp_path / "half", variant="half")
    assert torch.equal(loaded(images(1), images(2), steps=2), pipeline(images(1), images(2), steps=2))
    with pytest.raises(ValueError, match="safe_serialization is False"):
        pipeline.save_pretrained(tmp_path / "pickle", safe_serialization=False)
    assert not (tmp_path / "pickle").exists()


def test_only_the_cache_is_asked_where_only_local_files_are_allowed(
    pipeline: SpoofPipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_network(*_: Any, **__: Any) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr("socket.socket.connect", no_network)
    cached = tmp_path / "models--lab--spoofs"
    (cached / "refs").mkdir(parents=True)
    (cached / "refs" / "main").write_text("0" * 40)
    pipeline.save_pretrained(cached / "snapshots" / ("0" * 40))
    options: dict[str, Any] = {"local_files_only": True, "cache_dir": str(tmp_path)}
    loaded = SpoofPipeline.from_pretrained("lab/spoofs", **options)
    assert torch.equal(loaded(images(1), images(2), steps=3), pipeline(images(1), images(2), steps=3))
    with pytest.raises(ValueError, match="not a model folder here, and the hub gives no such model"):
        SpoofPipeline.from_pretrained("lab/other", **options)


def test_refusals(pipeline: SpoofPipeline, tmp_path: Path) -> None:
    live, guide = images(1), images(2)
    cases: list[tuple[Tensor, Tensor, dict[str, Any], str]] = [
        (live[0], guide, {}, r"give \(B, 3, H, W\)"),
        (live[:0], guide[:0], {}, r"give \(B, 3, H, W\), one or more"),
        (live, guide, {"cfg_scale": float("nan")}, "every value must be finite"),
        (live, guide, {"seed": [1, 2]}, "seed has 2 values for 4"),
        (live, guide, {"t0": 10}, "every value must lie in"),
        (live, guide, {"t0": 250.5}, "t0 250.5: give whole numbers"),
        (live, guide, {"t0": float("nan")}, "t0 nan: give one number for all"),
        (live, guide, {"t0": [250, None, 9, 9]}, "t0 .*None.*: give one number for all"),
        (live, guide, {"sampler": "euler"}, "use one of ddim"),
        (live, guide[:2], {}, "one guide per live image"),
        (live, guide, {"t0": 0, "steps": 1}, "every value must lie in"),
        (live, guide, {"t0": 1001}, "at most 1000"),
        (live, guide, {"t0": 1000, "offset": "official"}, "every value must lie in .* 999"),
        (live.where(live < 0.9, torch.nan), guide, {}, "live images hold NaN"),
        (live, guide.where(guide < 0.9, torch.inf), {}, "guide images hold NaN or infinity"),
        (127.5 * (live + 1), guide, {}, r"live images lie in \[.*, 25.*\]: scale them to \[-1, 1\]"),
        (live[:, :, :20], guide[:, :, :20], {}, "multiples of 32"),
    ]
    for bad_live, bad_guide, options, message in cases:
        with pytest.raises(ValueError, match=message):
            pipeline(bad_live, bad_guide, **options)
    with pytest.raises(ValueError, match="same widths"):
        SpoofPipeline(SpoofUNet(**UNET), StyleEncoder(["a"], channels=(8, 8, 8, 16)))
    with pytest.raises(ValueError, match="this method uses"):
        SpoofPipeline(pipeline.unet, pipeline.style_encoder, DDIMScheduler(beta_schedule="scaled_linear"))
    with pytest.raises(ValueError, match="not a model folder"):
        SpoofPipeline.from_pretrained(tmp_path)
