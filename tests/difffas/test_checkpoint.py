from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from torch import nn

from difffas.checkpoint import Inert, module_state, read_checkpoint


class Settings:
    """A configuration object, as research code pickles them."""

    def __init__(self) -> None:
        self.learning_rate = 1e-4


class Hostile:
    """Would create a file when unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.system, (f"touch {self._path}",)


def touch(path: str) -> None:
    Path(path).touch()


class Subtle(Hostile):
    """The same through a function that no list of dangerous ones holds."""

    def __reduce__(self) -> tuple[object, ...]:
        return touch, (str(self._path),)


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4), nn.Sequential(nn.Linear(2, 2)))


def test_tensors_beside_an_unknown_object_are_reached(tmp_path: Path) -> None:
    torch.save({"model": network().state_dict(), "conf": Settings()}, tmp_path / "net.pt")
    found = read_checkpoint(tmp_path / "net.pt")
    assert isinstance(found["conf"], Inert)
    for name, tensor in network().state_dict().items():
        assert torch.equal(module_state(found["model"])[name], tensor)


def test_a_whole_pickled_module_gives_its_state_dict(tmp_path: Path) -> None:
    torch.save(network(), tmp_path / "module.pt")
    found = module_state(read_checkpoint(tmp_path / "module.pt"))
    expected = network().state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_nothing_that_the_file_names_is_run(tmp_path: Path) -> None:
    torch.save({"model": {}, "conf": Subtle(tmp_path / "harm")}, tmp_path / "subtle.pt")
    assert isinstance(read_checkpoint(tmp_path / "subtle.pt")["conf"], Inert)
    torch.save({"model": {}, "conf": Hostile(tmp_path / "harm")}, tmp_path / "hostile.pt")
    with pytest.raises(ValueError, match=r"hostile\.pt cannot be read as tensors alone"):
        read_checkpoint(tmp_path / "hostile.pt")
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04 broken"])
def test_other_files_are_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file.pt").write_bytes(content)
    with pytest.raises(ValueError, match=r"file\.pt cannot be read") as caught:
        read_checkpoint(tmp_path / "file.pt")
    assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match="does not exist"):
        read_checkpoint(tmp_path / "absent.pt")
