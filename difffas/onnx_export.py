"""Export a classifier as an ONNX file, which runs without PyTorch."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from difffas.classifier import SpoofClassifier
from difffas.errors import UserError

OPSET = 18
INPUT = "float32 RGB, B,3,H,W, range [-1, 1]: pixel / 127.5 - 1; the backbone's own normalisation is inside"
PACKAGES = ("onnx", "onnxscript")


class _Probabilities(nn.Module):
    """Images → the classifier's liveness and its probabilities of all styles."""

    def __init__(self, classifier: SpoofClassifier) -> None:
        super().__init__()
        self.classifier = classifier
        self.places = [place for place, live in enumerate(classifier.live.tolist()) if live]

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        styles = self.classifier.probabilities(self.classifier(images))
        return styles[:, self.places].sum(dim=1), styles


def export_onnx(classifier: SpoofClassifier, path: str | Path, size: int = 256) -> None:
    """Write an ONNX file (opset 18) of a classifier in eval mode.

    Input `images` B,3,size,size in [-1, 1], B free. Outputs `liveness` B in [0, 1] and `styles` B,K, probabilities;
    the liveness is the sum over the live styles. The file's metadata say so, and list the styles in order.

    Raises:
        UserError: if onnx or onnxscript is not installed, the backbone does not take the size, or PyTorch cannot
            export the backbone.
    """
    absent = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if absent:
        raise UserError(f"ONNX export needs {' and '.join(absent)}: pip install 'difffas-factory[onnx]'")
    device = next(classifier.parameters()).device
    network = _Probabilities(classifier).eval()
    images = torch.zeros(2, 3, size, size, device=device)
    try:
        with torch.no_grad():
            network(images)
    except (AssertionError, RuntimeError) as error:
        raise UserError(f"{classifier.architecture} takes no images of {size} × {size}: {error}") from error
    try:
        # Some of timm's transformers cannot reshape a fused attention if B is free.
        with sdpa_kernel(SDPBackend.MATH):
            program = torch.onnx.export(
                network,
                (images,),
                dynamo=True,
                opset_version=OPSET,
                input_names=["images"],
                output_names=["liveness", "styles"],
                dynamic_shapes={"images": {0: torch.export.Dim("batch")}},
                verbose=False,
            )
    except torch.onnx.OnnxExporterError as error:
        raise UserError(f"PyTorch cannot export to ONNX: {classifier.architecture}: {_reason(error)}") from error
    assert program is not None
    for node in program.model.graph.all_nodes():
        node.metadata_props.clear()  # they include paths of this machine's Python files
    program.model.metadata_props.update(_facts(classifier, size))
    program.save(str(path), external_data=False)


def _reason(error: BaseException) -> str:
    """The first line of the error that caused this one."""
    while error.__cause__ is not None:
        error = error.__cause__
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _facts(classifier: SpoofClassifier, size: int) -> dict[str, str]:
    """The facts that a user of the file must know, as ONNX metadata."""
    patches = classifier.patches
    of_patches = f"; means over {patches.grid}² patches of {patches.side} × {patches.side}" if patches else ""
    return {
        "input": INPUT,
        "input_range": "[-1, 1]",
        "input_size": str(size),
        "outputs": "liveness: probability of being live, the sum over live styles; styles: probability of each style"
        + of_patches,
        "styles": json.dumps(classifier.styles),
        "live_styles": json.dumps(classifier.live_styles),
        "architecture": classifier.architecture,
    }
