"""Search RQ margins and sampler ranges on cached features (Ray Tune, ASHA).

Sampler parameters are data: a trial that wants "T₀ at most 200" filters the rows of one generated corpus. Features
come once from a fitted classifier's frozen backbone; a trial fits the cosine head on them.
"""

from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from factory import cluster, draws
from factory.config import Config
from factory.corpus import Corpus
from factory.evaluate import load_classifier
from factory.fit_style import train_styles
from factory.losses import LossConfig, is_live, make_loss
from factory.row import SPOOF
from factory.run import Run, read_claim
from factory.storage import Storage

if TYPE_CHECKING:
    from difffas.classifier import SpoofClassifier

METRIC = "auc"


class SearchSpace(Config):
    """Closed ranges that are searched uniformly; the upper bounds of T₀ and w act as row filters."""

    live_margin: tuple[float, float] = (0.1, 0.5)
    spoof_margin: tuple[float, float] = (0.1, 0.5)
    t0_max: tuple[int, int] = (100, 1000)
    cfg_scale_max: tuple[float, float] = (1.0, 5.0)


class TuneConfig(Config):
    """One search; every trial is judged by the AUC on the real rows of `dev_split`."""

    corpus: str
    generated: str
    classifier: str = Field(description="folder that fit-classifier wrote; its backbone gives the features")
    out: str
    split: str = "train"
    dev_split: str = "dev"
    search: SearchSpace = SearchSpace()
    trials: int = Field(20, ge=1)
    epochs: int = Field(16, ge=1)
    batch_size: int = Field(64, ge=2)
    learning_rate: float = Field(1e-2, gt=0)
    seed: int = 0
    concurrent: int = Field(2, ge=1, description="trials at a time; no part of the fingerprint")


@dataclasses.dataclass(frozen=True)
class Features:
    """What the trials share: embeddings (N, F) with class numbers, BRISQUE, T₀ and w (NaN for real rows)."""

    train: np.ndarray
    label: np.ndarray
    brisque: np.ndarray
    t0: np.ndarray
    cfg_scale: np.ndarray
    dev: np.ndarray
    dev_spoof: np.ndarray
    styles: list[str]


def run(config: TuneConfig) -> dict[str, Any]:
    """Run the search and write the trials, best first by `metric`, as the run's summary."""
    corpus, generated = Corpus(config.corpus), Corpus(config.generated)
    storage = Storage(config.classifier)
    if not len(corpus.where(split=config.dev_split)):
        raise ValueError(f"{corpus.storage.url} has no row in split {config.dev_split!r}: tuning is judged on it")
    identity = {
        "settings": config.model_dump(mode="json", exclude={"corpus", "generated", "classifier", "out", "concurrent"}),
        "corpus": corpus.digest,
        "generated": generated.digest,
        "classifier": read_claim(storage)["fingerprint"],
    }
    claim = Run(config.out, "tune", identity, config)
    if (finished := claim.summary()) is not None:
        return finished
    features = _features(load_classifier(storage), corpus, generated, config)
    cluster.connect()
    trials = _search(claim.storage, features, config)
    scored = [trial for trial in trials if trial["metric"] is not None]
    if not scored:
        raise ValueError(f"{claim.storage.url}: every trial failed; see {claim.storage.path('search')}")
    best = max(scored, key=lambda trial: float(trial["metric"]))
    return claim.finish({"metric": METRIC, "trials": trials, "best": best["parameters"]})


def _search(storage: Storage, features: Features, config: TuneConfig) -> list[dict[str, Any]]:
    os.environ.setdefault("TUNE_GLOBAL_CHECKPOINT_S", "1")  # a killed driver finds its trials where they stood
    from ray import tune
    from ray.tune.schedulers import ASHAScheduler
    from ray.tune.search.basic_variant import BasicVariantGenerator

    space = config.search
    parameters = {
        "live_margin": tune.uniform(*space.live_margin),
        "spoof_margin": tune.uniform(*space.spoof_margin),
        "t0_max": tune.randint(space.t0_max[0], space.t0_max[1] + 1),
        "cfg_scale_max": tune.uniform(*space.cfg_scale_max),
    }
    settings = config.model_dump(mode="json", include={"epochs", "batch_size", "learning_rate", "seed"})
    trainable = tune.with_resources(tune.with_parameters(_trial, features=features, settings=settings), {"cpu": 1})
    path = storage.path("search")
    if tune.Tuner.can_restore(path):
        tuner = tune.Tuner.restore(path, trainable, resume_errored=True)
    else:
        tuner = tune.Tuner(
            trainable,
            param_space=parameters,
            tune_config=tune.TuneConfig(
                metric=METRIC,
                mode="max",
                num_samples=config.trials,
                search_alg=BasicVariantGenerator(max_concurrent=config.concurrent, random_state=config.seed),
                scheduler=ASHAScheduler(max_t=config.epochs, grace_period=max(1, config.epochs // 4)),
            ),
            run_config=tune.RunConfig(name="search", storage_path=storage.url, verbose=0),
        )
    return [
        {
            "parameters": dict(result.config or {}),
            "metric": (result.metrics or {}).get(METRIC),
            "epochs": (result.metrics or {}).get("training_iteration"),
            "rows": (result.metrics or {}).get("rows"),
            "status": "failed" if result.error else "finished",
        }
        for result in tuner.fit()
    ]


def _trial(parameters: dict[str, Any], features: Features, settings: dict[str, Any]) -> None:
    """Fit a cosine head on the rows that pass the filters; report the dev AUC after every epoch."""
    from ray import tune

    keep = ~((features.t0 > parameters["t0_max"]) | (features.cfg_scale > parameters["cfg_scale_max"]))
    for epoch_auc in fit_head(features, keep, parameters, settings):
        tune.report({METRIC: epoch_auc, "rows": int(keep.sum())})


def fit_head(features: Features, keep: np.ndarray, parameters: dict[str, Any], settings: dict[str, Any]) -> Any:
    """Yield the dev AUC after every epoch of a cosine head trained with the RQ loss on the kept rows."""
    import torch

    from difffas import metrics
    from difffas.classifier import CosineHead
    from difffas.losses import relative_quality

    torch.manual_seed(settings["seed"])
    margins = {name: parameters[name] for name in ("live_margin", "spoof_margin")}
    loss_config = LossConfig.model_validate({"name": "rq", **margins})
    loss_of = make_loss(loss_config, features.styles)
    live = torch.tensor([is_live(style) for style in features.styles])
    head = CosineHead(features.train.shape[1], len(features.styles))
    optimiser = torch.optim.Adam(head.parameters(), settings["learning_rate"])
    kept = np.flatnonzero(keep)
    for epoch in range(settings["epochs"]):
        rank = draws.bits(np.arange(len(kept)), settings["seed"], "head", epoch)
        shuffled = kept[np.argsort(rank, kind="stable")]
        for chunk in np.array_split(shuffled, max(1, len(kept) // settings["batch_size"])):
            cosines = head(torch.tensor(features.train[chunk]))
            labels, scores = torch.tensor(features.label[chunk]), torch.tensor(features.brisque[chunk])
            optimiser.zero_grad()
            loss_of(cosines, labels, relative_quality(scores)).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        with torch.no_grad():
            probabilities = (loss_config.parameters["scale"] * head(torch.tensor(features.dev))).softmax(dim=1)
            liveness = probabilities[:, live].sum(dim=1).double().numpy()
        yield metrics.auc(liveness, features.dev_spoof)


def _features(classifier: SpoofClassifier, corpus: Corpus, generated: Corpus, config: TuneConfig) -> Features:
    real, made = corpus.where(split=config.split), generated.where(split=config.split)
    dev = corpus.where(split=config.dev_split)
    styles = sorted({*train_styles(corpus, config.split), *generated.column("style")[made]})
    number = {style: i for i, style in enumerate(styles)}
    nothing = np.full(len(real), np.nan)

    def joined(name: str) -> np.ndarray:
        return np.concatenate([corpus.column(name)[real], generated.column(name)[made]])

    return Features(
        train=np.concatenate([embed(classifier, corpus, real), embed(classifier, generated, made)]),
        label=np.array([number[style] for style in joined("style")]),
        brisque=joined("brisque").astype(np.float64),
        t0=np.concatenate([nothing, generated.column("t0")[made].astype(np.float64)]),
        cfg_scale=np.concatenate([nothing, generated.column("cfg_scale")[made].astype(np.float64)]),
        dev=embed(classifier, corpus, dev),
        dev_spoof=(corpus.column("label")[dev] == SPOOF).astype(np.int64),
        styles=styles,
    )


def embed(classifier: SpoofClassifier, corpus: Corpus, positions: np.ndarray) -> np.ndarray:
    """Pooled features of the classifier's backbone, float32 (N, F)."""
    import torch

    from factory.generators import to_tensor

    with torch.no_grad():
        chunks = np.array_split(positions, max(1, len(positions) // 64))
        parts = [classifier.features(to_tensor(corpus.pixels(chunk))).float().cpu().numpy() for chunk in chunks]
    return np.concatenate(parts)
