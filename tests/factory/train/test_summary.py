"""The last line of a training says which step the model is of and what held-out people say of it."""

from __future__ import annotations

from typing import Any, cast

from factory.train import TrainConfig, TrainSummary
from factory.train.summary import closing_line

WHOLE: dict[str, Any] = {
    **{"steps": 400, "model_step": 400, "loss": 0.002, "curve": [], "skipped": 0, "evaluations": []},
    **{"seconds": 1.0, "images_per_second": 1.0, "data_wait": 0.0},
}


def line(given: dict[str, Any], **train: Any) -> str:
    config = TrainConfig(steps=400, batch_size=1, learning_rate=0.1, **train)
    return closing_line(cast(TrainSummary, {**WHOLE, **given}), config)


def test_a_poor_encoder_is_not_hidden_behind_its_loss() -> None:
    known = {"styles": ["a", "b", "c"], "accuracy": 0.24}
    assert line(known) == "last step 400 of 400 · accuracy on held-out people 24.0%, 3 styles"
    nobody = {"styles": ["a", "b"], "accuracy": None}
    assert line(nobody) == "last step 400 of 400 · accuracy unknown, since nobody was held out"


def test_the_figures_are_those_of_the_model_and_not_of_the_last_step() -> None:
    looks = [{"step": 100, "all": 0.2}, {"step": 200, "all": 0.1}, {"step": 300, "all": 0.3}]
    judged = {"spoofs": 8, "reached": 6, "t0": 400, "cfg_scale": 2.0, "match": "none"}
    stopped = {"steps": 300, "model_step": 200, "evaluations": looks, "judged": judged}
    assert line(stopped, evaluate_every=100, patience=1) == (
        "best step 200 of 400, stopped at 300 · held-out loss 0.1000 · "
        "judged reach 0.75 (6 of 8 spoofs; T₀ 400, w 2, match none)"
    )
    looks.append({"step": 400, "all": 0.25})
    assert line({"evaluations": looks}) == "last step 400 of 400 · held-out loss 0.2500"


def test_every_station_has_its_figures() -> None:
    classifier = {"styles": ["a", "b"], "evaluations": [{"step": 400, "auc": 0.98, "d_eer": 0.07}]}
    assert line(classifier).endswith("400 · held-out AUC 0.9800 · D-EER 0.0700")
    look = {"step": 400, "accuracy": 1.0, "worst_style": 0.5}
    judge = {"styles": ["a", "b"], "accuracy": 1.0, "evaluations": [look]}
    assert line(judge).endswith("accuracy on held-out people 100.0%, 2 styles · worst style 0.5000")
    student = {"evaluations": [{"step": 400, "psnr": 35.82, "least_psnr": 28.3, "two_calls_psnr": 36.9}]}
    assert line(student).endswith("400 · held-out PSNR 35.8 dB · least 28.3 dB")
    assert line({"parameters": 3}).endswith("not evaluated on held-out people (train.evaluate_every)")
