"""The dummy generator tells rows apart; a lost GPU ends the process of any generator."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.corpora import face
from factory.generate import GenerateShard
from factory.models.generators import DummyGenerator, Request
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


@pytest.mark.parametrize(
    ("error", "left"), [(torch.AcceleratorError("CUDA error", 1), [70]), (RuntimeError("bad weights"), [])]
)
def test_a_lost_gpu_ends_the_process_and_another_error_is_its_shards(
    monkeypatch: pytest.MonkeyPatch, error: Exception, left: list[int]
) -> None:
    def fails(asked: Request) -> Any:
        raise error

    ended: list[int] = []

    def leave(status: int) -> None:
        ended.append(status)
        raise SystemExit

    stage = GenerateShard("dummy", "dummy", SAMPLER, threads=1, compiled=False, paired=False, statistics={})
    monkeypatch.setattr(stage, "_generate", fails)
    monkeypatch.setattr("os._exit", leave)
    row: Any = {"shard": "train-000001", "pixels": request([0]).live, **vars(request([0]))}
    if left:
        with pytest.raises(SystemExit):
            stage(row)
    else:
        assert stage(row)["fault"] == "generate: RuntimeError: bad weights"
    assert ended == left


def test_the_dummy_tells_by_its_pixels_what_went_into_a_row() -> None:
    whole = request([0, 1, 2, 3])
    made = DummyGenerator()(whole)
    assert made.pixels.shape == whole.live.shape and made.pixels.dtype == np.uint8
    assert (made.broken, made.splits) == ([], 0)
    assert np.array_equal(DummyGenerator()(request([2])).pixels[0], made.pixels[2])  # whatever shard it is in
    tints = whole.guides.mean(axis=(1, 2))[whole.guide_of]
    expected = (0.7 * whole.live + 0.3 * tints[:, None, None, :]).mean(axis=(1, 2))
    np.testing.assert_allclose(made.pixels.mean(axis=(1, 2)), expected, atol=1.0)
    for field, by in (("live", 40), ("guide_of", 1), ("seed", 1)):
        value = getattr(request([1]), field)
        changed = dataclasses.replace(request([1]), **{field: (value + by) % 3 if field == "guide_of" else value + by})
        assert not np.array_equal(DummyGenerator()(changed).pixels[0], made.pixels[1]), field
