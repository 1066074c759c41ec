from __future__ import annotations

import dataclasses
import json
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.corpora import face
from difffas.pipeline import SpoofPipeline
from difffas.style_encoder import StyleEncoder
from difffas.unet import SpoofUNet
from factory.core.homes import private_folder
from factory.generate import GenerateShard
from factory.models.diffusion_generator import DiffusionGenerator
from factory.models.generators import Request
from factory.models.load import check_side, check_t0, load_generator, model_digest
from factory.models.settings import SamplerConfig
from factory.models.tensors import to_pixels, to_tensor
from factory.storage import Storage

SAMPLER = SamplerConfig(steps=3, t0=(30, 90), batch_size=4)


@pytest.fixture(scope="module")
def model(tmp_path_factory: Any) -> Path:
    """A small generator whose output depends on live face, guide and noise."""
    folder = tmp_path_factory.mktemp("model") / "generator"
    torch.manual_seed(0)
    # Twelve channels: PyTorch normalises no group of a single value, which eight would leave of one image of 32².
    unet = SpoofUNet(base_channels=12, channel_multipliers=(1, 1, 1, 1, 1, 1), embed_channels=16)
    encoder = StyleEncoder(["a-print", "a-live"], stem_channels=8, channels=(8, 12, 12, 12), depths=(1, 1, 1, 1))
    for parameter in unet.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    SpoofPipeline(unet, encoder).save_pretrained(folder)
    return folder


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

    stage = GenerateShard("dummy", "dummy", SAMPLER.model_dump(mode="json"), threads=1, compiled=False, paired=False)
    monkeypatch.setattr(stage, "_generate", fails)
    monkeypatch.setattr("os._exit", leave)
    row: Any = {"shard": "train-000001", "pixels": request([0]).live, **vars(request([0]))}
    if left:
        with pytest.raises(SystemExit):
            stage(row)
    else:
        assert stage(row)["fault"] == "generate: RuntimeError: bad weights"
    assert ended == left


def test_loading_goes_by_name_and_refuses_what_is_no_model(model: Path, tmp_path: Path) -> None:
    assert isinstance(load_generator(str(model), SAMPLER, 1), DiffusionGenerator)
    with pytest.raises(ValueError, match="not a model folder"):
        model_digest(Storage(str(tmp_path)))


def test_t0_beyond_the_training_is_refused(tmp_path: Path) -> None:
    (tmp_path / "unet").mkdir()
    (tmp_path / "unet" / "config.json").write_text('{"timesteps": 300}')
    check_t0(str(tmp_path), SamplerConfig(t0=(100, 300)))
    check_t0("dummy", SamplerConfig(t0=(100, 900)))
    with pytest.raises(ValueError, match="was trained for T₀ up to 300"):
        check_t0(str(tmp_path), SamplerConfig(t0=(100, 301)))


def test_model_digest_is_of_the_bytes(model: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in model.rglob("*"):
        if path.is_file():
            (copy / path.relative_to(model)).parent.mkdir(exist_ok=True)
            (copy / path.relative_to(model)).write_bytes(path.read_bytes())
    assert model_digest(Storage(str(copy))) == model_digest(Storage(str(model)))
    config = copy / "unet" / "config.json"
    config.write_text(config.read_text() + " ")
    assert model_digest(Storage(str(copy))) != model_digest(Storage(str(model)))


def test_pixels_survive_the_way_to_tensors_and_back() -> None:
    pixels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1).repeat(3, axis=3)
    assert np.array_equal(to_pixels(to_tensor(pixels)), pixels)
    assert to_tensor(pixels).min() == -1
    assert to_tensor(pixels).max() == 1
    with pytest.raises(FloatingPointError, match="non-finite"):
        to_pixels(torch.full((1, 3, 2, 2), float("nan")))


def test_models_are_copied_to_where_nobody_else_can_put_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = private_folder("models")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert private_folder("models") == folder
    folder.chmod(0o777)
    with pytest.raises(ValueError, match="not a folder of this user's alone"):
        private_folder("models")
    folder.rmdir()
    folder.symlink_to(tmp_path)
    with pytest.raises(ValueError, match="not a folder of this user's alone"):
        private_folder("models")


def test_a_remote_model_is_read_once_on_a_node(
    model: Path, s3_storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who knows its digest reads no weights for it, and a node that has a copy reads nothing at all."""
    for path in model.rglob("*"):
        if path.is_file():
            s3_storage.create(str(path.relative_to(model)), path.read_bytes())
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    digest, read = model_digest(s3_storage), []
    real = Storage.read

    def noting(self: Storage, name: str) -> bytes:
        if self.url == s3_storage.url:
            read.append(name)
        return real(self, name)

    monkeypatch.setattr(Storage, "read", noting)
    load_generator(s3_storage.url, SAMPLER, 1, digest=digest)
    assert len(read) == len(set(read)) >= 4
    load_generator(s3_storage.url, SAMPLER, 1, digest=digest)
    assert len(read) == len(set(read))
    with pytest.raises(ValueError, match="was changed while it was in use"):
        load_generator(s3_storage.url, SAMPLER, 1, digest="0" * 64)
    assert [path.name for path in private_folder("models").iterdir()] == [digest[:16]]


def test_images_too_small_for_the_official_form_are_refused_before_a_run(tmp_path: Path) -> None:
    def network(form: str) -> None:
        text = json.dumps({"form": form, "mean_patch": 5, "variance_patch": 3, "variant": "stfm"})
        (tmp_path / "unet" / "config.json").write_text(text)

    (tmp_path / "unet").mkdir()
    network("official")
    check_side(str(tmp_path), 160)
    with pytest.raises(ValueError, match="images of side 128: .* prepare them with size 160 or more"):
        check_side(str(tmp_path), 128)
    network("paper")
    check_side(str(tmp_path), 32)
    check_side("dummy", 32)
