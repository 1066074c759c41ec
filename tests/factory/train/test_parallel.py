"""Replicated, sharded, in parts: the same loss curve, and one checkpoint for all of them. No Ray here."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch.multiprocessing.spawn import spawn

from benchmarks.corpora import small_rows, write_corpus
from difffas.classifier import SpoofClassifier
from factory.train.checkpoints import COURSE, Course, load, save
from factory.train.parallel import globalised, lay_out, norms_are_global
from tests.gloo import one_of_two, settings, start, steps, style_curve, write_style_folder
from tests.ports import free_port

# Sums of gradients in another order: after six steps of AdamW the loss differs in its sixth digit.
TOLERANCE = 1e-4
CASES: dict[str, dict[str, Any]] = {
    "ddp": {"workers": 2},
    "fsdp2": {"workers": 2, "parallel": "fsdp2"},
    "ddp-parts": {"workers": 2, "accumulate": 2},
    "fsdp2-parts": {"workers": 2, "parallel": "fsdp2", "accumulate": 2, "activation_checkpointing": True},
}


@pytest.fixture(scope="module")
def places(tmp_path_factory: Any) -> tuple[Path, tuple[str, str]]:
    """A folder with a corpus and an untrained style encoder."""
    root = tmp_path_factory.mktemp("parallel")
    write_corpus(root / "real", small_rows(subjects=3))
    write_style_folder(root / "style")
    return root, (str(root / "real"), str(root / "style"))


@pytest.fixture(scope="module")
def alone(places: tuple[Path, tuple[str, str]]) -> list[float]:
    """Losses of one worker."""
    return steps(start(settings(*places[1])), 0, 6)


@pytest.fixture(scope="module")
def together(places: tuple[Path, tuple[str, str]]) -> Path:
    """What two workers wrote."""
    root, inputs = places
    out = root / "two"
    out.mkdir()
    cases = {name: settings(*inputs, **given) for name, given in CASES.items()}
    spawn(one_of_two, (free_port(), cases, str(out)), nprocs=2)  # type: ignore[no-untyped-call]
    return out


def close(losses: list[float], wanted: list[float]) -> None:
    np.testing.assert_allclose(losses, wanted, rtol=TOLERANCE)


@pytest.mark.parametrize("given", [{"accumulate": 2}, {"activation_checkpointing": True}], ids=["parts", "twice"])
def test_one_worker_in_parts_or_computing_twice(
    places: tuple[Path, tuple[str, str]], alone: list[float], given: dict[str, Any]
) -> None:
    close(steps(start(settings(*places[1], **given)), 0, 3), alone[:3])


def test_the_curve_is_not_constant(alone: list[float]) -> None:
    assert max(np.abs(np.diff(alone))) > 100 * TOLERANCE


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_two_workers_have_the_curve_of_one(together: Path, alone: list[float], case: str) -> None:
    facts = json.loads((together / f"{case}.json").read_text())
    close(facts["losses"], alone)
    assert facts["sharded"] == ("fsdp2" in case)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["ddp", "fsdp2"])
def test_batch_norms_in_eval_mode_leave_the_curve_of_one(
    together: Path, places: tuple[Path, tuple[str, str]], how: str
) -> None:
    alone = style_curve(places[1][0])
    assert max(np.abs(np.diff(alone))) > 100 * TOLERANCE
    for rank in range(2):
        close(json.loads((together / f"styles-{rank}.json").read_text())[how], alone)


@pytest.mark.slow
def test_a_step_that_one_worker_finds_bad_is_skipped_by_all(together: Path) -> None:
    for rank in range(2):
        facts = json.loads((together / f"bad-{rank}.json").read_text())
        assert facts["guilty"] == [[], [1], []]
        assert facts["weights"][1] == facts["weights"][0] != facts["weights"][2]


@pytest.mark.slow
def test_network_and_average_are_sharded_in_the_checkpoint(together: Path) -> None:
    parts = [load_file(path) for path in sorted((together / "fsdp2").glob("*.safetensors"))]
    assert len(parts) == 2
    for module in ("network", "average", "optimiser.exp_avg"):
        name = f"{module}.down_levels.0.blocks.0.conv1.weight"
        assert [part[name].shape[0] for part in parts] == [4, 4]
    assert not list((together / "fsdp2").rglob("*.metadata"))  # which torch would pickle


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_one_worker_takes_up_the_checkpoint_of_two(
    places: tuple[Path, tuple[str, str]], together: Path, alone: list[float], case: str
) -> None:
    fit = start(settings(*places[1]))
    course = load(together / case, fit.recipe.modules, fit.optimiser)
    fit.recipe.resumed(course.updates)
    close(steps(fit, course.step, 6), alone[4:])


@pytest.mark.slow
def test_two_replicas_take_up_the_checkpoint_of_two_shards(together: Path, alone: list[float]) -> None:
    close(json.loads((together / "resumed.json").read_text()), alone[4:])


@pytest.mark.slow
def test_sharded_and_replicated_runs_export_one_average(together: Path) -> None:
    (sharded,), (replicated,) = (
        list((together / f"{case}-0" / "model" / "unet").glob("*.safetensors")) for case in ("fsdp2", "ddp")
    )
    first, second = load_file(sharded), load_file(replicated)
    assert first.keys() == second.keys()
    apart = [float((first[name] - second[name]).abs().max()) for name in first]
    assert np.quantile(apart, 0.9) < 1e-4  # AdamW turns rounding into a step where the true gradient is zero
    assert all(first[name].shape == second[name].shape for name in first)


def test_one_worker_goes_on_from_its_checkpoint_bit_for_bit(
    places: tuple[Path, tuple[str, str]], alone: list[float], tmp_path: Path
) -> None:
    given = settings(*places[1])
    fit = start(given)
    assert steps(fit, 0, 3) == alone[:3]
    save(tmp_path, fit.recipe.modules, fit.optimiser, Course(step=3, updates=3, recent=[0.5]), True)
    again = start(given)
    course = load(tmp_path, again.recipe.modules, again.optimiser)
    again.recipe.resumed(course.updates)
    assert course == Course(step=3, updates=3, recent=[0.5])
    assert steps(again, 3, 6) == alone[3:]
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".json", ".safetensors"]
    assert (tmp_path / COURSE).is_file()


def test_the_layout_that_gpus_like_is_saved_and_resumed_alike(
    places: tuple[Path, tuple[str, str]], alone: list[float], tmp_path: Path
) -> None:
    given = settings(*places[1])
    fit, again = start(given), start(given)
    for one in (fit, again):
        lay_out(one.recipe.modules, torch.channels_last, "ddp")
    kernel = fit.network.conv_in.weight  # type: ignore[union-attr]
    assert not kernel.is_contiguous()  # type: ignore[operator]
    close(steps(fit, 0, 2), alone[:2])
    save(tmp_path, fit.recipe.modules, fit.optimiser, Course(step=2, updates=2), True)
    again.recipe.resumed(load(tmp_path, again.recipe.modules, again.optimiser).updates)
    assert steps(again, 2, 3) == steps(fit, 2, 3)
    lay_out(fit.recipe.modules, torch.contiguous_format, "ddp")
    assert fit.recipe.export(tmp_path / "model")["parameters"]


def test_bfloat16_changes_the_loss_a_little(places: tuple[Path, tuple[str, str]], alone: list[float]) -> None:
    given = settings(*places[1])
    fit = start(dataclasses.replace(given, train=given.train.model_copy(update={"precision": "bfloat16"})))
    losses = steps(fit, 0, 3)
    assert losses != alone[:3]
    np.testing.assert_allclose(losses, alone[:3], rtol=0.02)
    assert all(parameter.dtype == torch.float32 for parameter in fit.network.parameters())


@pytest.mark.parametrize(("device", "world", "expected"), [("cuda", 2, True), ("cuda", 1, False), ("cpu", 2, False)])
def test_norms_are_global_where_pytorch_can(device: str, world: int, expected: bool) -> None:
    assert norms_are_global(device, world) == expected


@pytest.mark.parametrize("backbone", ["test_resnet", "mobilevit_xxs"])
def test_global_norms_are_the_same_network(backbone: str) -> None:
    """timm's norms have an activation, which PyTorch's own conversion would lose."""
    torch.manual_seed(0)
    network = SpoofClassifier(["a-live", "a-print"], ["a-live"], backbone=backbone).eval()
    images = torch.rand(2, 3, 64, 64) * 2 - 1
    with torch.no_grad():
        before = network(images)
        names, parameters = list(network.state_dict()), list(network.parameters())
        converted = globalised(network)
        assert converted is network
        assert list(network.state_dict()) == names
        assert all(a is b for a, b in zip(parameters, network.parameters(), strict=True))
        assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in network.modules())
        assert torch.equal(network(images), before)
