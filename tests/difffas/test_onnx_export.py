"""The export is the classifier, as onnxruntime computes it."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from difffas.classifier import SpoofClassifier
from difffas.onnx_export import export_onnx
from difffas.patches import Patches

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

STYLES = ("casia-live", "casia-print", "msu-live", "msu-print")
LIVE = ("casia-live", "msu-live")


def classifier_of(backbone: str, **given: Any) -> SpoofClassifier:
    """With statistics of its BatchNorms that are not those of a start."""
    torch.manual_seed(0)
    classifier = SpoofClassifier(STYLES, LIVE, backbone=backbone, **given).train()
    with torch.no_grad():
        classifier(images(8, 64))
    return classifier.eval()


def images(size: int, side: int) -> torch.Tensor:
    return torch.rand(size, 3, side, side, generator=torch.Generator().manual_seed(1)) * 2 - 1


def check(classifier: SpoofClassifier, path: Path, side: int) -> Any:
    """The file gives what the classifier gives, for batches of one and more; returns the session."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for size in (1, 2, 5):
        given = images(size, side)
        liveness, styles = session.run(["liveness", "styles"], {"images": given.numpy()})
        with torch.no_grad():
            cosines = classifier(given)
        assert liveness.shape == (size,)
        assert styles.shape == (size, len(STYLES))
        np.testing.assert_allclose(liveness, classifier.liveness(cosines).numpy(), atol=1e-5)
        np.testing.assert_allclose(styles, classifier.probabilities(cosines).numpy(), atol=1e-5)
    return session


def test_onnx_is_the_classifier_and_says_what_it_takes(tmp_path: Path) -> None:
    classifier, path = classifier_of("test_resnet"), tmp_path / "classifier.onnx"
    export_onnx(classifier, path, size=64)
    session = check(classifier, path, 64)
    assert [(each.name, each.shape) for each in session.get_inputs()] == [("images", ["batch", 3, 64, 64])]
    facts = session.get_modelmeta().custom_metadata_map
    assert facts["input_range"] == "[-1, 1]"
    assert facts["input_size"] == "64"
    assert json.loads(facts["styles"]) == list(STYLES)
    assert json.loads(facts["live_styles"]) == list(LIVE)
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    assert [entry.version for entry in model.opset_import if not entry.domain] == [18]
    assert str(Path(torch.__file__).parent.parent).encode() not in path.read_bytes()  # no path of this machine
    assert b".py" not in path.read_bytes()
    assert [file.name for file in tmp_path.iterdir()] == ["classifier.onnx"]  # no weights beside it


@pytest.mark.slow
def test_onnx_of_a_classifier_of_patches_takes_whole_faces_and_gives_the_mean(tmp_path: Path) -> None:
    classifier, path = classifier_of("test_resnet", patches=Patches(40)), tmp_path / "classifier.onnx"
    export_onnx(classifier, path, size=64)
    session = check(classifier, path, 64)
    assert session.get_modelmeta().custom_metadata_map["outputs"].endswith("; means over 3² patches of 40 × 40")
    with pytest.raises(ValueError, match="images of 32 × 32: the classifier looks at patches of 40"):
        export_onnx(classifier, path, size=32)


@pytest.mark.slow
@pytest.mark.parametrize("backbone", ["resnet18", "mobilevit_s"])
def test_the_papers_backbones_at_their_size(backbone: str, tmp_path: Path) -> None:
    classifier = classifier_of(backbone)
    export_onnx(classifier, tmp_path / "classifier.onnx")
    check(classifier, tmp_path / "classifier.onnx", 256)


@pytest.mark.slow
def test_a_transformer_that_reshapes_its_attention(tmp_path: Path) -> None:
    classifier = classifier_of("test_vit_relpos", backbone_args={"img_size": 64})
    export_onnx(classifier, tmp_path / "classifier.onnx", size=64)
    check(classifier, tmp_path / "classifier.onnx", 64)


def test_mistakes_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vit = SpoofClassifier(STYLES, LIVE, backbone="vit_tiny_patch16_224")
    with pytest.raises(ValueError, match="vit_tiny_patch16_224 takes no images of 96 × 96: "):
        export_onnx(vit, tmp_path / "vit.onnx", size=96)

    def fail(*_: Any, **__: Any) -> None:
        raise torch.onnx.OnnxExporterError("step 2/3\nnext steps") from RuntimeError("no such operator\nstack")

    monkeypatch.setattr(torch.onnx, "export", fail)
    with pytest.raises(ValueError, match="PyTorch cannot export to ONNX: vit_tiny_patch16_224: no such operator$"):
        export_onnx(vit, tmp_path / "vit.onnx", size=224)
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "onnxscript" else real(name))
    with pytest.raises(ValueError, match=r"needs onnxscript: pip install 'difffas-factory\[onnx\]'"):
        export_onnx(vit, tmp_path / "vit.onnx", size=64)
    assert not list(tmp_path.iterdir())
