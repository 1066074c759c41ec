"""Export a classifier as a folder that timm reads: its backbone, the head's directions, labels and a card."""

from __future__ import annotations

import json
from pathlib import Path

import torch.nn.functional as F
from safetensors.torch import save_file

from difffas.classifier import SpoofClassifier
from difffas.patches import starts

HEAD = "model.head.safetensors"  # the name of another variant, by diffusers' naming: neither timm nor we load it
CARD = "README.md"
KEPT = ("interpolation", "fixed_input_size", "first_conv", "classifier")  # keys of timm's configuration

# timm's model returns features: a linear head cannot divide them by their length, as the cosine head does.
SNIPPET = """\
import timm
import torch
from PIL import Image
from safetensors.torch import load_file

model = timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
images = timm.data.resolve_model_data_config(model, {"input_size": (3, SIDE, SIDE)})  # those of the training
transform = timm.data.create_transform(**images, is_training=False)
head = load_file(f"{folder}/model.head.safetensors")["weight"]  # styles × features, of unit length
styles = model.pretrained_cfg["label_names"]
face = transform(Image.open(path).convert("RGB"))  # a face crop, made as those of the training
pieces = PIECES
with torch.no_grad():
    features = torch.nn.functional.normalize(model(pieces))
    probabilities = (SCALE * features @ head.T).softmax(dim=1).mean(dim=0)
liveness = sum(float(p) for p, style in zip(probabilities, styles) if style in LIVE)
"""


def export_timm(classifier: SpoofClassifier, folder: str | Path, size: int = 256) -> None:
    """Write what `timm.create_model("local-dir:FOLDER", pretrained=True)` reads, and what it takes to score with it.

    Such a model returns pooled features, or with `num_classes=` the logits of a new layer. It takes images as timm
    does: in [0, 1], minus `mean`, divided by `std` of its configuration; `size` is recorded as its input size, or the
    side of the patches that the classifier looks at, and the whole image is used (`crop_pct` 1).
    `model.head.safetensors` has the directions of the styles (K, D), `label_names` of the configuration their names,
    and README.md the lines that turn both into the classifier's scores.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    known = classifier.backbone.pretrained_cfg
    kept = {name: known[name] for name in KEPT if known.get(name) is not None}
    # The normalisation is that of the weights, which timm's default for the architecture may not be.
    taken = {"mean": classifier.mean.flatten().tolist(), "std": classifier.std.flatten().tolist()}
    side = size if classifier.patches is None else classifier.patches.side
    images = {"input_size": [3, side, side], "crop_pct": 1.0, "crop_mode": "center"}
    config = {
        "architecture": classifier.architecture,
        "num_classes": 0,
        "num_features": classifier.backbone.num_features,
        "label_names": list(classifier.styles),
        "model_args": classifier.backbone_args,
        "pretrained_cfg": {**taken, **kept, **images, "num_classes": 0},
    }
    weights = {name: tensor.contiguous() for name, tensor in classifier.backbone.state_dict().items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    head = F.normalize(classifier.head.weight.detach().float()).contiguous()
    save_file({"weight": head}, folder / HEAD, metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    (folder / CARD).write_text(card(classifier, size), encoding="utf-8")


def _pieces(classifier: SpoofClassifier, size: int) -> str:
    """The expression for what the model sees of a face: the whole, or a grid of patches."""
    patches = classifier.patches
    if patches is None:
        return "face[None]"
    corners, side = starts(size, patches), patches.side
    piece = f"face[:, top : top + {side}, left : left + {side}]"
    return f"torch.stack([{piece} for top in {corners} for left in {corners}])"


def card(classifier: SpoofClassifier, size: int, folder: str = ".", front: str = "") -> str:
    """The folder's README.md; `front` are further lines of its front matter, such as the licence."""
    code = SNIPPET.replace("SIDE", str(size)).replace("PIECES", _pieces(classifier, size))
    code = code.replace("SCALE", f"{classifier.scale:g}").replace("LIVE", repr(list(classifier.live_styles)))
    started = classifier.pretrained or {}
    name = ".".join(started[key] for key in ("architecture", "tag") if key in started)
    terms = f", licence {started['license']}" if "license" in started else ""
    weights = f"`{name}` (sha256 `{started.get('sha256')}`{terms})"
    begun = f"\nIts training started from the weights {weights}.\n" if started else ""
    kinds = {style: "live" if style in classifier.live_styles else "spoof" for style in classifier.styles}
    styles = "".join(f"| {style} | {kind} |\n" for style, kind in kinds.items())
    return f"""\
---
library_name: timm
pipeline_tag: image-classification
tags: [face-anti-spoofing, presentation-attack-detection]
{front}---

# Spoof classifier

timm's `{classifier.architecture}`, fitted to tell live faces from attacks on face crops of {size} × {size} pixels.
{begun}
The model in `{folder}` gives features; the head is the cosine between them and one direction for each style. These
lines give the scores of the classifier:

```python
folder, path = "{folder}", "face.png"
{code}```

`liveness` is the probability of a live face in [0, 1], the sum over the live styles:

| style | |
|---|---|
{styles}"""
