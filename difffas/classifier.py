"""Face anti-spoofing classifier: any timm backbone with a cosine head over styles."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import timm
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from difffas.backbones import LOCAL, check_arguments, check_local, load_local, provenance, saved_classifier
from difffas.errors import UserError
from difffas.model_files import Files, LocalFiles, place, read_tensors, stored_tensors
from difffas.patches import Patches, grid_of
from difffas.strict import check_weights, described


class CosineHead(nn.Module):
    """Cosine between an embedding and one learned direction per style."""

    def __init__(self, width: int, num_styles: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(num_styles, width))
        nn.init.xavier_normal_(self.weight)

    def forward(self, features: Tensor) -> Tensor:
        """Embeddings B,D → cosines B,K in float32, within rounding of [-1, 1]; 0 for a zero embedding."""
        with torch.autocast(features.device.type, enabled=False):  # bfloat16 would round θ by half a degree or more
            return F.linear(F.normalize(features.float()), F.normalize(self.weight.float()))


class SpoofClassifier(nn.Module):
    """Classifies the style of a face; its liveness is the probability mass of the live styles.

    Args:
        styles: the style names "<domain>-<attack>" or finer, live styles included; the cosines come in this order.
        live_styles: the members of `styles` that are live; at least one, and not all.
        backbone: timm name (mobilevit_s is "DiffFAS-V", resnet18 "DiffFAS-R") for random weights, or
            "local-dir:FOLDER" for a folder with timm's config.json and model.safetensors, whose weights are then
            loaded. A name with one of timm's tags stands for weights and is refused: nothing is fetched here.
        scale: s of the softmax; must be the same as in the loss.
        backbone_args: further arguments of `timm.create_model`, such as {"img_size": 64} for a ViT.
        image_size: H = W of the images that the classifier was fitted on, if known; saved for a later export.
        patches: for a classifier of patches (PatchNet): their size and number. It looks at each of them and not at
            the face as a whole; what it says of a face is the mean over its patches.

    Images are B,3,H,W in [-1, 1]. Convolutional backbones take any size (resnet18 and mobilevit_s are tested down to
    32 × 32). The backbone's own input normalisation is applied here and saved with the weights.

    Attributes:
        pretrained: the weights that training started from, as `difffas.backbones.provenance`; None: random ones, or
            unknown for a folder of an earlier version. It is saved with the weights.

    Raises UserError for repeated styles, for styles that are all live or all spoof, and for an unknown backbone.
    """

    mean: Tensor
    std: Tensor
    live: Tensor

    def __init__(
        self,
        styles: Sequence[str],
        live_styles: Sequence[str],
        backbone: str = "mobilevit_s",
        scale: float = 30.0,
        backbone_args: Mapping[str, Any] | None = None,
        image_size: int | None = None,
        patches: Patches | None = None,
    ) -> None:
        super().__init__()
        self.styles, self.live_styles, self.scale = tuple(styles), tuple(live_styles), float(scale)
        self.image_size, self.patches = image_size, patches
        if len(set(self.styles)) != len(self.styles):
            raise UserError(f"styles {list(styles)} must be distinct")
        if not 0 < len(set(self.live_styles)) < len(self.styles) or not set(self.live_styles) <= set(self.styles):
            raise UserError(f"live_styles {list(live_styles)} must be some of the styles, but not all: {list(styles)}")
        self.backbone_args = dict(backbone_args or {})
        check_arguments(self.backbone_args, "backbone_args")
        folder = backbone.removeprefix(LOCAL) if backbone.startswith(LOCAL) else None
        if folder is not None:
            self.backbone_args = dict(check_local(folder).get("model_args") or {}) | self.backbone_args
        elif ":" in backbone or "." in backbone:
            raise UserError(
                f"backbone {backbone!r} stands for weights: run `difffas fetch-backbone {backbone} FOLDER` and give "
                f"{LOCAL}FOLDER"
            )
        elif not timm.is_model(backbone):
            raise UserError(
                f"backbone {backbone!r} is not known to timm: see timm.list_models(), or give {LOCAL}FOLDER"
            )
        self.backbone = timm.create_model(backbone, num_classes=0, **self.backbone_args)
        self.pretrained: dict[str, str] | None = None
        if folder is not None:
            load_local(self.backbone, folder)
            self.pretrained = provenance(folder)
        self.architecture = str(self.backbone.pretrained_cfg["architecture"])
        self.head = CosineHead(int(self.backbone.head_hidden_size), len(self.styles))
        for name in ("mean", "std"):  # of images in [0, 1]
            self.register_buffer(name, torch.tensor(self.backbone.pretrained_cfg[name]).view(1, 3, 1, 1))
        live = torch.tensor([style in self.live_styles for style in self.styles])
        self.register_buffer("live", live, persistent=False)

    def features(self, images: Tensor) -> Tensor:
        """Faces B,3,H,W in [-1, 1] → pooled embeddings B,D; of a classifier of patches, the mean over the patches.

        `head` turns the embeddings of whole faces into cosines. Raises UserError for another shape.
        """
        if self.patches is None:
            return self._embedded(images)
        pieces = grid_of(images, self.patches)  # B, P, 3, side, side
        return self._embedded(pieces.flatten(0, 1)).view(*pieces.shape[:2], -1).mean(dim=1)

    def forward(self, images: Tensor, with_features: bool = False) -> Tensor | tuple[Tensor, Tensor]:
        """Faces B,3,H,W in [-1, 1] → cosines B,K, float32, in the order of `styles`; of patches, B,P,K.

        `with_features` is for training: it takes images as they are, so that a classifier of patches is given patches,
        and returns (cosines B,K, embeddings B,D); some losses compare the embeddings.
        """
        if with_features or self.patches is None:
            features = self._embedded(images)
            cosines: Tensor = self.head(features)
            return (cosines, features) if with_features else cosines
        pieces = grid_of(images, self.patches)
        of_patches: Tensor = self.head(self._embedded(pieces.flatten(0, 1)))
        return of_patches.view(*pieces.shape[:2], -1)

    def _embedded(self, images: Tensor) -> Tensor:
        if images.ndim != 4 or images.shape[1] != 3:
            raise UserError(f"images of shape {tuple(images.shape)}: give B,3,H,W in [-1, 1]")
        embeddings: Tensor = self.backbone(((images + 1.0) / 2.0 - self.mean) / self.std)
        return embeddings

    def probabilities(self, cosines: Tensor) -> Tensor:
        """What the call returned → probabilities of styles, B,K: softmax(s·cos θ), the mean over a face's patches."""
        found = (self.scale * cosines).softmax(dim=-1)
        return found if self.patches is None or cosines.ndim == 2 else found.mean(dim=1)

    def liveness(self, cosines: Tensor) -> Tensor:
        """What the call returned → probability of being live, B, in [0, 1]: the mass of the live styles."""
        return self.probabilities(cosines)[:, self.live].sum(dim=1)

    def save(self, folder: str | Path) -> None:
        """Write config.json and model.safetensors, replacing the files of an earlier save."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        config = {
            "architecture": self.architecture,
            "backbone_args": self.backbone_args,
            "image_size": self.image_size,
            "live_styles": self.live_styles,
            **({} if self.pretrained is None else {"pretrained": self.pretrained}),
            "scale": self.scale,
            "styles": self.styles,
            **({"patches": self.patches._asdict()} if self.patches is not None else {}),
        }
        save_file(
            {name: tensor.contiguous() for name, tensor in self.state_dict().items()}, folder / "model.safetensors"
        )
        (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: str | Path) -> SpoofClassifier:
        """Read a classifier that `save` wrote, on the CPU and in eval mode, without internet access.

        Raises UserError if `folder` is not such a folder.
        """
        return cls.read(LocalFiles(folder))

    @classmethod
    def read(cls, files: Files, part: str = "") -> SpoofClassifier:
        """`load` from any readable folder, such as one in an object store; `part` is a folder in it.

        Raises UserError, in one line, for an incomplete folder, before the network takes any memory.
        """
        prefix = f"{part}/" if part else ""
        if not files.exists(f"{prefix}config.json"):
            raise UserError(f"{place(files, part)} is not a folder that SpoofClassifier.save wrote: no config.json")
        config = saved_classifier(files, part)
        stored = stored_tensors(files, part, "model")

        def build() -> SpoofClassifier:
            return cls(
                config["styles"],
                config["live_styles"],
                backbone=config["architecture"],
                scale=config["scale"],
                backbone_args=config["backbone_args"],
                image_size=config.get("image_size"),
                patches=Patches(**config["patches"]) if "patches" in config else None,
            )

        if config["architecture"].startswith(LOCAL):
            raise UserError(f"{place(files, prefix)}config.json: architecture must be a name of timm's, no folder")
        check_weights(files, stored, described(f"{place(files, prefix)}config.json", stored, build))
        classifier = build()
        classifier.load_state_dict(dict(read_tensors(files, stored)))
        if not bool((classifier.std > 0).all()):
            raise UserError(f"the weights in {place(files, prefix)}model.safetensors: std must be above 0")
        classifier.pretrained = config.get("pretrained")
        return classifier.eval()
