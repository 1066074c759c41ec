"""From checkpoint files as the release writes them to a folder that generates."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from difffas.pipeline import SpoofPipeline
from difffas.style_encoder import StyleEncoder
from difffas.unet import SpoofUNet
from factory.cli import main
from tests.difffas.test_official import released

PATCHES = ["--mean-patch", "1", "--variance-patch", "1"]


class Conf:
    """The release pickles its configuration into the checkpoint."""


class ResNet(nn.Module):
    """The release pickles its encoder whole; the tree below is our encoder's, whose names are the release's."""

    def __init__(self, parts: dict[str, nn.Module]) -> None:
        super().__init__()
        for name, part in parts.items():
            self.add_module(name, part)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, SpoofUNet, StyleEncoder]:
    torch.manual_seed(0)
    shape = {"base_channels": 8, "channel_multipliers": (1,) * 6, "embed_channels": 8, "out_channels": 6}
    unet = SpoofUNet(**shape, mean_patch=1, variance_patch=1, form="official", condition_norm="batch").eval()
    encoder = StyleEncoder(["0", "1"], stem_channels=8, channels=(8, 8, 8, 8), depths=(1, 1, 1, 1)).eval()
    torch.save({"model": released(unet), "ema": released(unet), "conf": Conf()}, tmp_path / "net.pt")
    torch.save(released(unet), tmp_path / "plain.pt")
    alone = {**released(unet), "input_blocks.0.0.weight": torch.ones(8, 3, 3, 3)}
    torch.save({"model": alone}, tmp_path / "alone.pt")
    torch.save(ResNet(dict(encoder.named_children())), tmp_path / "encoder.pth")
    return tmp_path, unet, encoder


def test_imported_folder_generates_what_the_networks_do(files: tuple[Path, SpoofUNet, StyleEncoder]) -> None:
    folder, unet, encoder = files
    main_ok(
        ["import-official", f"{folder}/net.pt", "--encoder", f"{folder}/encoder.pth", "--out", f"{folder}/m", *PATCHES]
    )
    live, guide = torch.rand(2, 3, 32, 32), torch.rand(2, 3, 32, 32)

    def spoofs(pipeline: SpoofPipeline) -> Tensor:
        return pipeline(live, guide, t0=50, steps=5)

    assert torch.equal(spoofs(SpoofPipeline.from_pretrained(folder / "m")), spoofs(SpoofPipeline(unet, encoder)))


def test_a_network_may_come_alone(files: tuple[Path, SpoofUNet, StyleEncoder]) -> None:
    folder, unet, encoder = files
    for name in ("net", "plain"):
        main_ok(["import-official", f"{folder}/{name}.pt", "--out", f"{folder}/{name}", *PATCHES])
        assert_same(SpoofUNet.from_pretrained(folder / name), unet)
    main_ok(["import-official", f"{folder}/encoder.pth", "--out", f"{folder}/encoder"])
    assert_same(StyleEncoder.from_pretrained(folder / "encoder"), encoder)


def assert_same(ours: nn.Module, theirs: nn.Module) -> None:
    state = ours.state_dict()
    for name, tensor in theirs.state_dict().items():
        if not name.endswith("num_batches_tracked"):
            assert torch.equal(state[name], tensor), name


@pytest.mark.parametrize(
    ("file", "entry", "caveat"),
    [
        ("net.pt", "model", "no average"),
        ("net.pt", "ema", "never averaged the BatchNorm statistics"),
        ("plain.pt", "model", "does not say whether"),
    ],
)
def test_caveat_of_the_weights_is_said(
    files: tuple[Path, SpoofUNet, StyleEncoder],
    file: str,
    entry: str,
    caveat: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    main_ok(["import-official", f"{files[0]}/{file}", "--out", f"{files[0]}/m", "--entry", entry, *PATCHES])
    assert caveat in capsys.readouterr().err


def main_ok(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert not caught.value.code


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{}/net.pt", "--encoder", "{}/encoder.pth", "--out", "{}/m", "--entry", "best"], "it has: model, ema, conf"),
        (["{}/nowhere.pt", "--encoder", "{}/encoder.pth", "--out", "{}/m"], "does not exist"),
        (["{}/net.pt", "--encoder", "{}/net.pt", "--out", "{}/m"], "'conv1.weight' is missing"),
        (["{}/alone.pt", "--encoder", "{}/encoder.pth", "--out", "{}/m"], "takes 3 channels"),
    ],
)
def test_mistakes_are_one_line_and_write_nothing(
    files: tuple[Path, SpoofUNet, StyleEncoder], arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = files[0]
    with pytest.raises(SystemExit) as caught:
        main(["import-official", *(argument.format(folder) for argument in arguments), *PATCHES])
    assert caught.value.code == 2
    assert message in capsys.readouterr().err
    assert not (folder / "m").exists()
