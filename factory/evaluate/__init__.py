"""Score a corpus with a classifier, or read a score file; write scores.csv, from which alone the metrics follow."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Literal, NotRequired, cast

import numpy as np
from pydantic import Field, model_validator

from difffas.errors import UserError
from difffas.metrics import Metrics
from factory.charts.detection import Curves, curves_of, det_picture, roc_picture
from factory.core.config import Config, PathOrUrl
from factory.core.documents import JsonObject
from factory.core.progress import say
from factory.corpus import Corpus
from factory.corpus.kept import Audit, kept_by
from factory.evaluate.scores import SCORES, Scores, corpus_scores, joined, read, read_file
from factory.models.load import load_classifier
from factory.protocols import check, check_model, open_corpus, protocol_of
from factory.run import Run, read_claim
from factory.storage import Storage

if TYPE_CHECKING:
    from difffas.classifier import SpoofClassifier

DEV = "dev"


class EvaluateConfig(Config):
    """One evaluation: metrics of `split`, some thresholds from `dev_split`."""

    classifier: PathOrUrl | None = Field(None, description="folder that fit-classifier wrote")
    corpus: PathOrUrl | None = Field(None, description="corpus to score")
    protocol: PathOrUrl | None = Field(None, description="name or file; None: the corpus's own splits")
    scores: PathOrUrl | None = Field(None, description="score file, instead of classifier and corpus")
    dev_scores: PathOrUrl | None = Field(None, description="score file of the development set, if separate")
    higher_is: Literal["live", "spoof"] = Field("live", description="what a higher score in the score files means")
    out: PathOrUrl | None = Field(None, description="optional with `scores`: then metrics are only printed")
    audit: PathOrUrl | None = Field(None, description="audit of generated rows in `corpus`: only accepted rows count")
    split: str = Field("test", description="split whose metrics are asked for")
    dev_split: str | None = Field(DEV, description="split that sets thresholds; null: none is set on it")
    batch_size: int = Field(64, ge=1, description="faces a network call")
    threads: int = Field(2, ge=1, description="PyTorch threads")
    resamples: int = Field(1000, ge=0, description="draws of the bootstrap by subject; 0: no intervals")
    seed: int = Field(0, ge=0, description="seed of the bootstrap")

    @model_validator(mode="after")
    def _check(self) -> EvaluateConfig:
        if self.scores is None and None in (self.classifier, self.corpus, self.out):
            raise UserError("give classifier, corpus and out, or scores (a CSV of scores)")
        if self.scores is not None and (self.classifier or self.corpus or self.protocol or self.audit):
            raise UserError("scores replaces classifier and corpus: give one or the other")
        if self.higher_is == "spoof" and self.scores is None:
            raise UserError("higher_is is for score files: a classifier's scores are higher for live faces")
        if self.dev_scores is not None and self.scores is None:
            raise UserError("dev_scores goes with scores: a classifier scores the dev_split itself")
        return self


class UnitMetrics(Metrics):
    """The metrics of one unit of scores."""

    unit: Literal["frame", "video"]


class EvaluationSummary(UnitMetrics):
    """The metrics of the frames; `video` has those of the recordings, None if every recording has one frame."""

    video: UnitMetrics | None
    left_out_by_audit: NotRequired[dict[str, dict[str, int]]]  # by split and reason; absent without an audit


def run(config: EvaluateConfig) -> EvaluationSummary:
    """Write `OUT/scores.csv`, `roc.svg` and `det.svg`, and return the metrics, which are the run's summary.

    Raises:
        UserError: if the corpus or the score file has no row of the split, or the file is invalid (`scores.read`).
    """
    if config.scores is None:
        found, mend = (
            _of_classifier(config),
            "the classifier takes live faces for attacks",
        )
    else:
        found, other = _of_file(config, config.scores), "spoof" if config.higher_is == "live" else "live"
        mend = f"the scores may be the wrong way round; if a higher one means {other}, set higher_is={other}"
    if (auc := found["auc"]) is not None and auc < 0.5:
        say(f"evaluate: AUC {auc:.3g} is below 0.5, worse than chance: {mend}")
    return found


def _of_classifier(config: EvaluateConfig) -> EvaluationSummary:
    assert config.corpus is not None and config.classifier is not None and config.out is not None
    corpus = open_corpus(config.corpus, config.protocol)
    storage = Storage(config.classifier)
    splits = [split for split in (config.split, config.dev_split) if split is not None]
    if not len(corpus.where(split=config.split)):
        raise UserError(f"{corpus.storage.url} has no row in split {config.split!r}: choose another split")
    check(corpus, [split for split in splits if len(corpus.where(split=split))])
    check_model(storage, protocol_of(corpus), "the classifier")
    inputs = {"classifier": read_claim(storage)["fingerprint"], "corpus": corpus.digest}
    if config.audit is not None:
        inputs["audit"] = Audit(config.audit).digest
    classifier = load_classifier(storage)
    _check_patches(classifier, corpus, config)
    claim = Run(config.out, "evaluate", {**inputs, **_settings(config)}, config)
    if (finished := claim.summary(EvaluationSummary)) is not None:
        return finished
    parts: list[Scores] = []
    left_out: dict[str, dict[str, int]] = {}
    for split in splits:
        positions, excluded = kept_by(config.audit, corpus, corpus.where(split=split))
        if excluded is not None:
            left_out[split] = excluded
        if split == config.split and not len(positions):
            raise UserError(f"{corpus.storage.url}: the audit accepts no row of split {split!r}: leave it out")
        parts.append(corpus_scores(corpus, positions, liveness(classifier, corpus, positions, config)))
    return _finish(claim, joined(parts), config, left_out if config.audit is not None else None)


def _check_patches(classifier: SpoofClassifier, corpus: Corpus, config: EvaluateConfig) -> None:
    """Refuse faces that are smaller than the patches that the classifier looks at."""
    if classifier.patches is None:
        return
    size = min(corpus.pixels(corpus.where(split=config.split)[:1])[0].shape[:2])
    if size < classifier.patches.side:
        raise UserError(
            f"{corpus.storage.url} has faces of {size} pixels, and {config.classifier} looks at patches of "
            f"{classifier.patches.side}: prepare the faces with the size of its fit"
        )


def _of_file(config: EvaluateConfig, path: str) -> EvaluationSummary:
    scores = read_file(path)
    if config.dev_scores is not None:
        dev_split = config.dev_split or DEV
        scores = joined([scores.of(config.split), read_file(config.dev_scores).named(dev_split)])
    if config.higher_is == "spoof":
        scores = scores.turned()
    known = scores.splits()
    for split in (config.split, config.dev_split):
        if split not in (*known, DEV, None) or config.split not in known:
            raise UserError(f"{path} has no line of split {split!r}; it has {', '.join(map(repr, known))}")
    if config.out is None:
        return _metrics(scores.csv(), config)
    digest = hashlib.sha256(scores.csv()).hexdigest()
    claim = Run(config.out, "evaluate", {"scores": digest, **_settings(config)}, config)
    if (finished := claim.summary(EvaluationSummary)) is not None:
        return finished
    return _finish(claim, scores, config, None)


def _settings(config: EvaluateConfig) -> JsonObject:
    """The settings that decide the metrics, besides the scores."""
    return config.model_dump(include={"split", "dev_split", "resamples", "seed"})


def _metrics(data: bytes, config: EvaluateConfig) -> EvaluationSummary:
    return metrics_of(data, config.split, config.dev_split, config.resamples, config.seed)


def _finish(
    claim: Run, scores: Scores, config: EvaluateConfig, left_out: dict[str, dict[str, int]] | None
) -> EvaluationSummary:
    """Write the files and close the run, whose summary has the metrics and, after an audit, what it left out."""
    claim.storage.create(SCORES, scores.csv())
    data = claim.storage.read(SCORES)
    curves = detection_curves(data, config.split)
    if curves:
        claim.storage.create("roc.svg", roc_picture(curves).encode())
        claim.storage.create("det.svg", det_picture(curves).encode())
    summary = _metrics(data, config)
    if left_out is not None:
        summary["left_out_by_audit"] = left_out
    return claim.finish(summary)


def liveness(classifier: SpoofClassifier, corpus: Corpus, positions: np.ndarray, config: EvaluateConfig) -> np.ndarray:
    """Probability mass of the live classes for each position, float64 in [0, 1]."""
    import torch

    from factory.models.tensors import to_tensor

    torch.set_num_threads(config.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    classifier = classifier.to(device)
    scores = []
    with torch.no_grad():
        for first in range(0, len(positions), config.batch_size):
            images = to_tensor(corpus.pixels(positions[first : first + config.batch_size])).to(device)
            scores.append(classifier.liveness(classifier(images)).double().cpu().numpy())
    return np.concatenate(scores) if scores else np.empty(0)


def metrics_of(
    scores_csv: bytes, split: str, dev_split: str | None, resamples: int = 1000, seed: int = 0
) -> EvaluationSummary:
    """All metrics of the frames, and under `video` those of the recordings, from the text of a scores.csv alone.

    `video` is None if every recording has one frame, because its metrics would be the same.
    """
    from difffas.metrics import report

    test, dev = (read(scores_csv).of(name) if name is not None else None for name in (split, dev_split))
    assert test is not None

    def metrics(unit: Literal["frame", "video"], test: Scores, dev: Scores | None) -> UnitMetrics:
        return {"unit": unit, **report(test.score_set(), dev.score_set() if dev else None, resamples, seed=seed)}

    found, videos = metrics("frame", test, dev), test.videos()
    of_videos = metrics("video", videos, dev.videos() if dev else None) if len(videos) < len(test) else None
    return cast(EvaluationSummary, {**found, "video": of_videos})


def detection_curves(scores_csv: bytes, split: str) -> Curves:
    """The curves of frames and, if different, of videos; empty unless both classes are present."""
    frames = read(scores_csv).of(split)
    videos = frames.videos()
    units = {"frames": frames} if len(videos) == len(frames) else {"frames": frames, "videos": videos}
    return curves_of({name: scores.score_set() for name, scores in units.items()})
