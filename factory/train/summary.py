"""The summary of a training, and the line that says the most important of it."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from factory.train.settings import TrainConfig


class JudgedReach(TypedDict):
    """What a judge of style says of spoofs that a generator made of held-out people."""

    spoofs: int
    reached: int  # spoofs whose likeliest style is that of their guide
    t0: int
    cfg_scale: float
    match: str  # as `sampler.match`


class ModelFigures(TypedDict):
    """What a recipe says about the model that it exported: each recipe has some of these figures."""

    styles: NotRequired[list[str]]
    accuracy: NotRequired[float | None]  # None if nothing was held out
    rows: NotRequired[dict[str, int]]  # by kind
    left_out_by_audit: NotRequired[dict[str, int]]  # by reason
    parameters: NotRequired[int]
    pairs: NotRequired[dict[str, int]]  # spoofs by what they share with their live faces: capture, sitting or subject
    judged: NotRequired[JudgedReach]  # if the configuration names a judge


class TrainSummary(ModelFigures):
    """The summary of a training."""

    steps: int
    model_step: int  # whose weights are the model
    loss: float | None
    curve: list[list[float]]  # [step, mean loss since the point before]
    skipped: int
    evaluations: list[dict[str, float]]
    seconds: float
    images_per_second: float
    data_wait: float  # share of the time spent waiting for batches


def model_evaluation(summary: TrainSummary) -> dict[str, float]:
    """The evaluation of the weights that a run committed: with patience the best evaluation, else the last."""
    judged = [found for found in summary["evaluations"] if found["step"] == summary["model_step"]]
    return dict(judged[0] if judged else summary["evaluations"][-1])


def closing_line(summary: TrainSummary, train: TrainConfig) -> str:
    """Which step the model is of, and what held-out people and a judge say of this model."""
    step, steps = summary["model_step"], f"of {train.steps:,}"
    parts = [f"last step {step:,} {steps}" if train.patience is None else f"best step {step:,} {steps}"]
    if train.patience is not None and summary["steps"] < train.steps:
        parts[0] += f", stopped at {summary['steps']:,}"
    held_out = model_evaluation(summary) if summary["evaluations"] else {}
    if "accuracy" in summary:
        accuracy, styles = summary["accuracy"], f"{len(summary['styles'])} styles"
        parts.append(
            "accuracy unknown, since nobody was held out"
            if accuracy is None
            else f"accuracy on held-out people {accuracy:.1%}, {styles}"
        )
    elif not held_out:
        parts.append("not evaluated on held-out people (train.evaluate_every)")
    named = {"worst_style": "worst style", "all": "held-out loss", "auc": "held-out AUC", "d_eer": "D-EER"}
    parts += [f"{name} {held_out[key]:.4f}" for key, name in named.items() if key in held_out]
    decibels = {"psnr": "held-out PSNR", "least_psnr": "least"}
    parts += [f"{name} {held_out[key]:.1f} dB" for key, name in decibels.items() if key in held_out]
    if "judged" in summary:
        judged = summary["judged"]
        share = judged["reached"] / judged["spoofs"]
        at = f"T₀ {judged['t0']}, w {judged['cfg_scale']:g}, match {judged['match']}"
        parts.append(f"judged reach {share:.2f} ({judged['reached']} of {judged['spoofs']} spoofs; {at})")
    return " · ".join(parts)
