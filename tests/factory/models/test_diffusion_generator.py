"""The line's diffusion generator: a sample depends on its own inputs alone, whatever becomes of its batch."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.corpora import face
from difffas.pipeline import SpoofPipeline
from factory.models.diffusion_generator import DiffusionGenerator
from factory.models.generators import Request
from factory.models.settings import SamplerConfig

SAMPLER = SamplerConfig(steps=3, t0=(30, 90), batch_size=4)


def request(rows: list[int]) -> Request:
    return Request(
        live=np.stack([face(i) for i in rows]),
        guides=np.stack([face(100 + i) for i in range(3)]),
        guide_of=np.array([i % 3 for i in rows]),
        t0=np.array([30 + 6 * i for i in rows]),
        cfg_scale=np.array([20.0 + i for i in rows]),
        seed=np.array([7 * i for i in rows]),
    )


def test_a_sample_does_not_depend_on_its_shard(model: Path) -> None:
    generate = DiffusionGenerator(str(model), SAMPLER, threads=1)
    whole = generate(request([0, 1, 2, 3, 4, 5])).pixels
    again = generate(request([5, 3])).pixels
    assert np.array_equal(again, whole[[5, 3]])
    assert whole.shape == (6, 32, 32, 3)
    assert len({image.tobytes() for image in whole}) == 6


@pytest.mark.parametrize(
    ("field", "by"), [("live", 40), ("guide_of", 1), ("t0", 1), ("cfg_scale", 1), ("seed", 10**6)]
)
def test_every_input_counts(model: Path, field: str, by: int) -> None:
    generate = DiffusionGenerator(str(model), SAMPLER, threads=1)
    base = request([1])
    changed = dataclasses.replace(base, **{field: getattr(base, field) + by})
    assert not np.array_equal(generate(changed).pixels, generate(base).pixels)


def no_gpu_memory() -> None:
    raise torch.OutOfMemoryError("tried to allocate 20 GiB")


def no_memory() -> None:
    torch.empty(10**15)  # a plain RuntimeError of PyTorch's


@pytest.mark.parametrize("out_of_memory", [no_gpu_memory, no_memory])
def test_a_batch_that_does_not_fit_is_cut_in_two(
    out_of_memory: Callable[[], None], model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generate = DiffusionGenerator(str(model), SAMPLER, threads=1)
    whole = generate(request([0, 1, 2, 3, 4, 5]))
    sample = SpoofPipeline.__call__

    def small_memory(pipeline: SpoofPipeline, live: torch.Tensor, **given: Any) -> torch.Tensor:
        if len(live) > 1:
            out_of_memory()
        return sample(pipeline, live, **given)  # type: ignore[no-any-return]

    monkeypatch.setattr(SpoofPipeline, "__call__", small_memory)
    made = generate(request([0, 1, 2, 3, 4, 5]))
    assert (whole.splits, made.splits) == (0, 6)  # two batches of four, each in halves and quarters
    assert int(np.abs(made.pixels.astype(int) - whole.pixels).max()) <= 1
    monkeypatch.setattr(SpoofPipeline, "__call__", lambda *_, **__: (_ for _ in ()).throw(MemoryError("nothing left")))
    with pytest.raises(MemoryError):
        generate(request([0]))


def test_a_spoof_of_nan_is_named_and_the_others_stand(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    generate = DiffusionGenerator(str(model), SAMPLER, threads=1)
    whole = generate(request([0, 1, 2, 3, 4, 5]))
    sample = SpoofPipeline.__call__

    def broken(pipeline: SpoofPipeline, seed: list[int], **given: Any) -> torch.Tensor:
        images = sample(pipeline, seed=seed, **given)
        images[torch.tensor([value in (14, 35) for value in seed])] = torch.nan  # rows 2 and 5
        return images

    monkeypatch.setattr(SpoofPipeline, "__call__", broken)
    made = generate(request([0, 1, 2, 3, 4, 5]))
    assert made.broken == [2, 5]
    assert np.array_equal(made.pixels[[0, 1, 3, 4]], whole.pixels[[0, 1, 3, 4]])
    with pytest.raises(FloatingPointError, match="every spoof came out as NaN"):
        generate(request([2, 5]))
