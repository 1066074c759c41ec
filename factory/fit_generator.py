"""Fit the generator: ε-loss on [noisy spoof ⊕ live] under a guide of the same style (method: `difffas.objective`)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from factory.batches import Pairs, PixelCache, flips, training_images
from factory.config import Config
from factory.corpus import Corpus
from factory.run import Run, read_claim
from factory.storage import Storage
from factory.train import TrainConfig, TrainResources, fit, train_loop

if TYPE_CHECKING:
    import torch

    from difffas.objective import TrainingNoise

JOB = "fit-generator"


class GeneratorNetworkConfig(Config):
    """Arguments of `difffas.SpoofUNet`; the defaults are the full-size paper form."""

    base_channels: int = 128
    channel_multipliers: tuple[int, int, int, int, int, int] = (1, 1, 2, 2, 4, 4)
    embed_channels: int = 512
    dropout: float = Field(0.1, ge=0, lt=1)
    out_channels: Literal[3, 6] = 3
    mean_patch: int = Field(6, ge=1)
    variance_patch: int = Field(2, ge=1)
    form: Literal["paper", "official"] = "paper"
    condition_norm: Literal["fixed", "batch"] = "fixed"
    variant: Literal["stfm", "adain", "patch_substitution", "no_patches"] = "stfm"
    timesteps: int = Field(1000, ge=1, le=1000, description="t is drawn below this, and no T₀ may exceed it")


class FitGeneratorConfig(Config):
    """One generator."""

    corpus: str
    style_encoder: str = Field(description="folder that fit-style wrote")
    out: str
    split: str = "train"
    network: GeneratorNetworkConfig = GeneratorNetworkConfig()
    train: TrainConfig = TrainConfig(steps=200_000, batch_size=32, learning_rate=1e-4, warmup_steps=5000)
    style_dropout: float = Field(0.2, ge=0, le=1)
    live_dropout: bool = Field(False, description="drop the live face with the style, as the release does")
    ema_decay: float = Field(0.9999, ge=0, lt=1)
    resources: TrainResources = TrainResources()


def run(config: FitGeneratorConfig) -> dict[str, Any]:
    """Fit and publish a model folder that `SpoofPipeline.from_pretrained` loads; returns the run's summary."""
    corpus = Corpus(config.corpus)
    Pairs(corpus, config.split, config.train.seed)  # a corpus without pairs is refused before any worker starts
    encoder = Storage(config.style_encoder)
    if not encoder.exists("style_encoder/config.json"):
        raise ValueError(f"{encoder.url} holds no style encoder: run `difffas fit-style` to its end first")
    settings = {"job": JOB, **config.model_dump(mode="json", exclude={"out", "resources"})}
    identity = {**settings, "corpus": corpus.digest, "style_encoder": read_claim(encoder)["fingerprint"]}
    places = {"corpus": corpus.storage.url, "style_encoder": encoder.url}
    return fit(Run(config.out, JOB, identity, config), worker, {**settings, **places}, config.resources)


def worker(settings: dict[str, Any]) -> None:
    """What every Ray Train worker runs."""
    train_loop(GeneratorRecipe(settings), settings)


class GeneratorRecipe:
    """The ε-loss with style dropout; keeps an average of parameters and buffers, which is what is exported."""

    def __init__(self, settings: dict[str, Any]) -> None:
        import torch

        from difffas.ema import EMA
        from difffas.style_encoder import feature_statistics
        from difffas.unet import SpoofUNet
        from factory.generators import to_tensor

        self._settings = settings
        self._seed = settings["train"]["seed"]
        corpus = Corpus(settings["corpus"])
        self._pixels = PixelCache(corpus)
        self._pairs = Pairs(corpus, settings["split"], self._seed)
        self._encoder = load_style_encoder(settings["style_encoder"])
        torch.manual_seed(self._seed)
        self.network = SpoofUNet(**settings["network"])
        shown = np.unique(self._pairs.spoofs)
        chunks = np.array_split(shown, max(1, len(shown) // 64))
        statistics = feature_statistics(self._encoder, (to_tensor(self._pixels(chunk)) for chunk in chunks))
        self.network.set_condition_statistics(*statistics)
        # The average is meaningless while the network still moves fast: copy during the first fifth of the steps.
        self._average = EMA(self.network, settings["ema_decay"], warm_start=settings["train"]["steps"] // 5)
        self._device = torch.device("cpu")

    def to(self, device: torch.device) -> None:
        """Move what the loss needs besides the network to the worker's device."""
        self._device = device
        self._encoder.to(device)
        self._average.model.to(device)

    def loss(self, network: torch.nn.Module, counters: np.ndarray, step: int) -> torch.Tensor:
        """Scalar loss of the samples with these counters."""
        from difffas.objective import training_loss

        mirrored = flips(counters, self._seed)
        live, spoof, guide = (
            training_images(self._pixels, positions, mirrored, self._device) for positions in self._pairs(counters)
        )
        draw = draw_by_counter(counters, tuple(spoof.shape[1:]), self._settings)
        return training_loss(network, self._encoder, spoof, live, guide, draw).total

    def updated(self) -> None:
        """Called after every optimiser step."""
        self._average.update(self.network)

    def state(self) -> dict[str, Any]:
        """Tensors and plain values that a restart needs."""
        return {"network": self.network.state_dict(), "average": self._average.state_dict()}

    def load_state(self, state: dict[str, Any]) -> None:
        """Take up what `state` gave."""
        self.network.load_state_dict(state["network"])
        self._average.load_state_dict(state["average"])

    def export(self, folder: Path) -> dict[str, Any]:
        """Write the model below `folder`; returns the figures of the run."""
        from difffas.pipeline import SpoofPipeline

        SpoofPipeline(unet=self._average.model, style_encoder=self._encoder).save_pretrained(folder)
        return {"parameters": sum(parameter.numel() for parameter in self.network.parameters())}


def draw_by_counter(counters: np.ndarray, shape: tuple[int, ...], settings: dict[str, Any]) -> TrainingNoise:
    """t, ε and style mask of samples by their counters: the same at any number of workers and after a restart."""
    import torch

    from difffas.objective import TrainingNoise, draw_training_noise
    from factory import draws

    seeds = draws.bits(counters, settings["train"]["seed"], "noise") >> np.uint64(1)
    chances = settings["style_dropout"], settings["network"]["timesteps"], settings["live_dropout"]
    drawn = [draw_training_noise((1, *shape), torch.Generator().manual_seed(int(value)), *chances) for value in seeds]
    return TrainingNoise(*(torch.cat(parts) for parts in zip(*drawn, strict=True)))


def load_style_encoder(url: str) -> Any:
    """The frozen encoder of a folder that fit-style wrote, local or `s3://`, in eval mode."""
    import tempfile

    from difffas.style_encoder import StyleEncoder

    storage = Storage(url)
    with tempfile.TemporaryDirectory() as folder:
        for name in storage.names("style_encoder"):
            (Path(folder) / name).write_bytes(storage.read(f"style_encoder/{name}"))
        return StyleEncoder.from_pretrained(folder, use_safetensors=True).eval().requires_grad_(False)
