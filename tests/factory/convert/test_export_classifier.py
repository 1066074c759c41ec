from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from difffas.classifier import SpoofClassifier
from factory.cli import main

pytest.importorskip("onnxscript")


@pytest.mark.slow
def test_export_classifier(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(0)
    classifier = SpoofClassifier(["a-live", "a-print"], ["a-live"], backbone="test_resnet").eval()
    classifier.save(tmp_path / "run" / "classifier")  # where fit-classifier leaves it
    (tmp_path / "run" / "README.md").write_text("---\nlicense: cc0-1.0\ntags: [x]\n---\n\n# Card\n")
    command = ["export-classifier", str(tmp_path / "run"), "--out", str(tmp_path / "out"), "--size", "64"]
    with pytest.raises(SystemExit) as caught:
        main(command)
    assert caught.value.code == 0
    said = json.loads(capsys.readouterr().out)
    assert said["styles"] == ["a-live", "a-print"]
    assert "[-1, 1]" in said["images"]
    files = sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.*"))
    assert files == [
        "README.md",
        "backbone/README.md",
        "backbone/config.json",
        "backbone/model.head.safetensors",
        "backbone/model.safetensors",
        "classifier.onnx",
        "config.json",
        "model.safetensors",
    ]
    card = (tmp_path / "out" / "README.md").read_text()
    assert "\nlicense: cc0-1.0\n---\n" in card and 'folder, path = "backbone", "face.png"' in card
    images = torch.zeros(1, 3, 64, 64)
    assert torch.equal(SpoofClassifier.load(tmp_path / "out")(images), classifier(images))
    SpoofClassifier(["x-live", "x-mask"], ["x-live"], backbone=said["backbone"])
    for again, message in ((command, "holds a model already"), ([*command[:1], str(tmp_path), *command[2:]], "holds")):
        with pytest.raises(SystemExit) as caught:
            main(again)
        assert caught.value.code == 2
        assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("fitted", "given", "message"),
    [
        (None, None, "does not say the size of the images it was fitted on: give --size"),
        (64, 96, "was fitted on images of 64; leave --size out"),
        (64, None, None),
        (64, 64, None),
    ],
)
def test_the_size_is_the_one_of_the_fit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], fitted: int | None, given: int | None, message: str | None
) -> None:
    classifier = SpoofClassifier(["a-live", "a-print"], ["a-live"], backbone="test_resnet", image_size=fitted)
    classifier.save(tmp_path / "run" / "classifier")
    size = [] if given is None else ["--size", str(given)]
    with pytest.raises(SystemExit) as caught:
        main(["export-classifier", str(tmp_path / "run"), "--out", str(tmp_path / "out"), *size])
    assert caught.value.code == (2 if message else 0)
    said = capsys.readouterr()
    if message:
        assert message in said.err
        assert not (tmp_path / "out").exists()
    else:
        assert "H = W = 64" in json.loads(said.out)["images"]
        assert SpoofClassifier.load(tmp_path / "out").image_size == 64


def test_a_folder_without_a_classifier(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["export-classifier", str(tmp_path), "--out", str(tmp_path / "out")])
    assert caught.value.code == 2
    assert "holds no classifier: run `difffas fit-classifier`" in capsys.readouterr().err
