"""Weights of the hub become a timm folder, which fits and ablations take where there is no network."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import save

from factory.cli import main
from factory.models.backbone import identity
from tests.hub import Hub, published
from tests.root import ROOT

NAME = "test_resnet.r160_in1k"


def ended(command: list[str]) -> Any:
    with pytest.raises(SystemExit) as caught:
        main(command)
    return caught.value.code


def test_a_folder_that_timm_reads(hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network = published(hub, NAME)
    assert ended(["fetch-backbone", NAME, str(tmp_path / "out")]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["backbone"] == f"local-dir:{tmp_path}/out"
    assert said["name"] == f"{NAME}@{hub.commit(f'timm/{NAME}')}"
    assert (said["license"], len(said["sha256"])) == ("apache-2.0", 64)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["config.json", "model.safetensors"]
    model = timm.create_model(said["backbone"], pretrained=True).eval()
    images = torch.rand(2, 3, 64, 64)
    assert torch.equal(model(images), network.eval()(images))
    assert identity(said["backbone"]) == identity(NAME)
    assert ended(["fetch-backbone", NAME, str(tmp_path / "out")]) == 2
    assert "holds a model already (config.json): give another out folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("resnet18", "'resnet18' is not a name of weights: give resnet18.a1_in1k, "),
        ("resnet17", "'resnet17' is not a name of weights: give NAME.TAG or hf-hub:OWNER/NAME"),
        ("resnet10t.c3_in1k", "resnet10t.c3_in1k has no model.safetensors on the hub, and no other file is read"),
        (NAME, "model.safetensors are not complete and finite weights of this network; missing: bn1.weight"),
    ],
)
def test_mistakes_are_one_line_and_write_nothing(
    name: str, message: str, hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.repositories["timm/resnet10t.c3_in1k"] = {"pytorch_model.bin": b"pickle"}
    weights = published(hub, NAME).state_dict()
    weights.pop("bn1.weight")
    hub.repositories[f"timm/{NAME}"] = {"model.safetensors": save(weights)}
    assert ended(["fetch-backbone", name, str(tmp_path / "out")]) == 2
    printed = capsys.readouterr().err
    assert message in printed
    assert printed.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_user_s_process_asks_the_hub_of_its_environment(hub: Hub, tmp_path: Path) -> None:
    published(hub, NAME)
    there = {**os.environ, "HF_ENDPOINT": hub.endpoint, "HF_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT)}
    script = "from factory.cli import main; main()"
    command = [sys.executable, "-c", script, "fetch-backbone", NAME, str(tmp_path / "out")]
    done = subprocess.run(command, env=there, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr.count("\n")) == (0, 0)
    assert (tmp_path / "out" / "model.safetensors").read_bytes() == hub.repositories[f"timm/{NAME}"][
        "model.safetensors"
    ]
