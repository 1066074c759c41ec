"""Model folders as diffusers' own loader reads them: by the folder's code, which asks for our package."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from diffusers import DiffusionPipeline
from huggingface_hub import snapshot_download

from difffas.model_files import LocalFiles
from difffas.model_folder import CLASS, CODE, INDEX, check_pipeline, code, decisive_index
from difffas.pipeline import SpoofPipeline
from factory.drawn import PRETRAINED
from tests.hub import Hub


@pytest.fixture(autouse=True)
def _modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """diffusers copies a folder's code into a cache and imports it there."""
    monkeypatch.setattr("diffusers.utils.dynamic_modules_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.syspath_prepend(str(tmp_path / "modules"))
    for name in [name for name in sys.modules if name.startswith("diffusers_modules")]:
        monkeypatch.delitem(sys.modules, name)


def spoofs(pipeline: Any) -> torch.Tensor:
    draw = torch.Generator().manual_seed(0)
    live, guide = (torch.rand(2, 3, 32, 32, generator=draw) * 2 - 1 for _ in range(2))
    made: torch.Tensor = pipeline(live, guide, steps=2, seed=[3, 4])
    return made


def of_an_earlier_version(model: Path) -> None:
    """Folders had no code, and their index named the class alone."""
    (model / CODE).unlink()
    (model / INDEX).write_bytes(decisive_index(LocalFiles(model)))


def test_diffusers_loads_a_folder_that_it_is_told_to_trust(model: Path) -> None:
    loaded = DiffusionPipeline.from_pretrained(str(model), trust_remote_code=True)
    assert isinstance(loaded, SpoofPipeline)
    assert loaded.student is None
    assert torch.equal(spoofs(loaded), spoofs(SpoofPipeline.from_pretrained(model)))
    with pytest.raises(ValueError, match="trust_remote_code=True"):
        DiffusionPipeline.from_pretrained(str(model))


def test_the_shipped_folder_with_its_student(tmp_path: Path) -> None:
    assert (PRETRAINED / CODE).read_bytes() == code()
    loaded = DiffusionPipeline.from_pretrained(str(PRETRAINED), trust_remote_code=True)
    assert isinstance(loaded, SpoofPipeline)
    assert loaded.student is not None


def test_its_code_loads_a_folder_of_an_earlier_version(model: Path, tmp_path: Path) -> None:
    wanted = spoofs(SpoofPipeline.from_pretrained(model))
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / CODE).write_bytes(code())
    for name in ("pipeline", str(model), str(model / CODE)):
        loaded = DiffusionPipeline.from_pretrained(str(model), custom_pipeline=name, trust_remote_code=True)
        assert torch.equal(spoofs(loaded), wanted)
    of_an_earlier_version(model)
    given: dict[str, Any] = {"custom_pipeline": str(tmp_path / "code"), "trust_remote_code": True}
    assert torch.equal(spoofs(DiffusionPipeline.from_pretrained(str(model), **given)), wanted)
    assert torch.equal(spoofs(SpoofPipeline.from_pretrained(model)), wanted)


def test_our_loader_runs_no_code_of_a_folder(model: Path) -> None:
    (model / CODE).write_text("raise SystemExit('run')\n")
    check_pipeline(LocalFiles(model))
    assert isinstance(SpoofPipeline.from_pretrained(model), SpoofPipeline)


class _Absent:
    """An environment without our package."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name.partition(".")[0] == "difffas":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return None


def test_without_our_package_a_line_says_what_is_missing(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "difffas"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [_Absent(), *sys.meta_path])
    with pytest.raises(
        ImportError, match="^this model is loaded by the package difffas-factory: pip install"
    ) as caught:
        DiffusionPipeline.from_pretrained(str(model), trust_remote_code=True)
    assert "\n" not in str(caught.value)


def test_a_folder_comes_from_the_hub(model: Path, hub: Hub) -> None:
    files = {path.relative_to(model).as_posix(): path.read_bytes() for path in model.rglob("*") if path.is_file()}
    hub.repositories["lab/spoofs"] = {**files, "unet/diffusion_pytorch_model.bin": b"pickle"}
    loaded = SpoofPipeline.from_pretrained("lab/spoofs", cache_dir=str(hub.cache))
    assert torch.equal(spoofs(loaded), spoofs(SpoofPipeline.from_pretrained(model)))
    assert not [line for line in hub.asked if line.endswith(".bin")]
    hub.repositories["lab/evil"] = {**files, INDEX: files[INDEX].replace(b"difffas.unet", b"antigravity")}
    with pytest.raises(ValueError, match=r"unet must be \['difffas.unet', 'SpoofUNet'\]"):
        SpoofPipeline.from_pretrained("lab/evil", cache_dir=str(hub.cache))


def test_diffusers_loads_what_it_fetched_from_the_hub(model: Path, hub: Hub) -> None:
    """By a repository's name alone diffusers asks for modules without a dot, beside each network; docs/method.md."""
    files = {path.relative_to(model).as_posix(): path.read_bytes() for path in model.rglob("*") if path.is_file()}
    hub.repositories["lab/spoofs"] = files
    hub.repositories["lab/code"] = {CODE: files[CODE]}
    wanted = spoofs(SpoofPipeline.from_pretrained(model))
    folder = snapshot_download("lab/spoofs", cache_dir=str(hub.cache))
    loaded = DiffusionPipeline.from_pretrained(folder, trust_remote_code=True)
    assert isinstance(loaded, SpoofPipeline) and torch.equal(spoofs(loaded), wanted)
    given: dict[str, Any] = {"cache_dir": str(hub.cache), "trust_remote_code": True}
    loaded = DiffusionPipeline.from_pretrained(folder, custom_pipeline="lab/code", **given)
    assert torch.equal(spoofs(loaded), wanted)
    with pytest.raises(ValueError, match="style_encoder/difffas.style_encoder.py .* does not exist in lab/spoofs"):
        DiffusionPipeline.from_pretrained("lab/spoofs", **given)


def test_the_digest_s_part_of_an_index_is_that_of_earlier_versions(model: Path) -> None:
    before = decisive_index(LocalFiles(model))
    assert json.loads(before)["_class_name"] == CLASS
    of_an_earlier_version(model)
    assert (model / INDEX).read_bytes() == decisive_index(LocalFiles(model)) == before
