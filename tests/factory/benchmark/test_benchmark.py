"""The benchmark as a whole: every place once, resumed, with gaps that are named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from difffas.errors import UserError
from factory.ablate import Gaps
from factory.ablate.tables import load_table
from factory.benchmark import forecast, run
from factory.benchmark.outputs import DIFFERENCES, MARKDOWN, PAGE, POINTS, RESULTS, STRENGTH_GRID, TRACES
from factory.cli import main
from factory.corpus import Corpus
from tests.benchmarked import PROTOCOLS, Stubs, benchmark_of, lines_of, world

ROWS = [row.name for row in load_table("benchmark").rows]


@pytest.fixture
def stubs(monkeypatch: pytest.MonkeyPatch) -> Stubs:
    return Stubs(monkeypatch)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return world(tmp_path_factory.mktemp("world") / "people")


def test_every_row_protocol_and_seed_is_there_and_a_second_call_does_nothing(
    tmp_path: Path, corpus: Corpus, stubs: Stubs
) -> None:
    config = benchmark_of(corpus, tmp_path / "out")
    before = forecast(config)
    assert (before["finished"], before["empty"]) == (0, [])
    assert not (tmp_path / "out").exists(), "a forecast writes nothing"
    summary = run(config)
    made = {station: stubs.calls.count(station) for station in set(stubs.calls)}
    assert made == {
        "fit_style": 2,  # one for each training part: seeds and rows share it
        "fit_generator": 2,
        "generate": 2 * 3,  # of the network, simulated, recoloured
        "fit_classifier": len(ROWS) * 2 * 2,
        "evaluate": len(ROWS) * 2 * 2,
        "strength": 1,
        "traces": 2,
    }
    assert len(before["runs"]) == sum(made.values())
    out = tmp_path / "out"
    lines = lines_of((out / RESULTS).read_bytes())
    assert {(line["row"], line["protocol"], line["seed"]) for line in lines} == {
        (row, protocol, seed) for row in ROWS for protocol in PROTOCOLS for seed in "01"
    }
    assert {line["metric"] for line in lines} >= {"hter@dev_eer", "hter@0.5", "hter@test_eer", "auc", "acer@dev_eer"}
    assert {line["attack"] for line in lines if line["metric"] == "apcer@dev_eer"} == {"print", "replay"}
    evaluation = out / "runs" / lines[0]["run"] / "summary.json"
    assert float(lines[0]["value"]) == json.loads(evaluation.read_text())[lines[0]["metric"]]
    assert summary["gaps"] == summary["left_out"] == {}
    assert len(summary["verdicts"]) == (len(ROWS) - 1) * 2
    assert [trace["adds_faces"] for trace in summary["traces"]] == ["generated" in row for row in ROWS]
    for name in (PAGE, MARKDOWN, DIFFERENCES, TRACES, POINTS, STRENGTH_GRID, "roc-world-ptw-c.svg", "features-1.svg"):
        assert (out / name).stat().st_size > 100, name
    stubs.calls.clear()
    assert run(config) == summary
    assert forecast(config)["left"] == 0
    assert not stubs.calls


def test_a_killed_run_goes_on(tmp_path: Path, corpus: Corpus, stubs: Stubs) -> None:
    config = benchmark_of(corpus, tmp_path / "out")
    stubs.fault = ("evaluate", OSError(28, "No space left on device"))
    with pytest.raises(OSError, match="No space left"):
        run(config)
    assert stubs.calls.count("evaluate") == 1, "a full disk is met by every run, so the first ends it"
    done = len(stubs.calls) - 1
    stubs.calls.clear()
    stubs.fault = None
    assert run(config)["gaps"] == {}
    assert len(stubs.calls) + done == len(forecast(config)["runs"])


def test_a_fault_is_a_gap_with_its_reason_and_the_page_is_there(tmp_path: Path, corpus: Corpus, stubs: Stubs) -> None:
    config = benchmark_of(corpus, tmp_path / "out")
    stubs.fault = ("fit_generator", RuntimeError("out of memory"))
    with pytest.raises(Gaps, match="12 of 32 evaluations are missing, generated faces / world-ptw-c, seed 0"):
        run(config)
    out = tmp_path / "out"
    assert not (out / PAGE).exists() and not (out / "summary.json").exists()
    page = (out / "gaps" / "0001" / PAGE).read_text()
    assert "RuntimeError: out of memory" in page
    found = json.loads((out / "gaps" / "0001.json").read_text())
    assert len(found["gaps"]) == 12
    assert all("out of memory" in reason for reason in found["gaps"].values())
    assert "no classifier with faces of a network" in found["left_out"]["own traces"]
    with pytest.raises(Gaps):
        run(config)
    assert sorted(path.name for path in (out / "gaps").iterdir()) == ["0001", "0001.json"], "the same"
    stubs.fault = None
    assert run(config)["gaps"] == {}


def test_without_a_network_the_rest_is_made(tmp_path: Path, corpus: Corpus, stubs: Stubs) -> None:
    config = benchmark_of(corpus, tmp_path / "out", fit_generator=None, generator="dummy", features=None)
    summary = run(config)
    assert summary["left_out"] == {
        "own traces": "no row adds faces of a network",
        "strength": "no row adds faces of a network",
        "features": "not asked for",
    }
    assert not summary["traces"]
    assert "Left out: no row adds faces of a network." in (tmp_path / "out" / PAGE).read_text()


def test_a_failed_extra_is_left_out_with_its_reason(tmp_path: Path, corpus: Corpus, stubs: Stubs) -> None:
    stubs.fault = ("traces", RuntimeError("NaN everywhere"))
    summary = run(benchmark_of(corpus, tmp_path / "out"))
    assert "NaN everywhere" in summary["left_out"]["own traces"]
    assert summary["gaps"] == {}


def test_a_map_that_cannot_be_drawn_is_left_out_with_its_reason(
    tmp_path: Path, corpus: Corpus, stubs: Stubs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def maps_of(*_: object) -> None:
        raise UserError("the classifier of a gives embeddings that are not finite")

    monkeypatch.setattr("factory.benchmark.maps_of", maps_of)
    assert "not finite" in run(benchmark_of(corpus, tmp_path / "out"))["left_out"]["features"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"baseline": "nobody"}, "table benchmark has no row 'nobody' for baseline"),
        ({"judged_by": "d_eer"}, "table benchmark has no column 'd_eer' for judged_by"),
        ({"features": {"rows": ["nobody"]}}, "table benchmark has no row 'nobody' for features.rows"),
        ({"features": {"protocol": "world-x"}}, "table benchmark has no protocol 'world-x' for features.protocol"),
        ({"families": {"print": ["world-loo-prnt"]}}, "no protocol 'world-loo-prnt'; did you mean 'world-loo-print'"),
        ({"runs": "embedded://people"}, "out=embedded://people ships with this software and can only be read"),
        ({"strength": {"faces": 0}}, "faces"),
        ({"protocols": ["world-x"]}, "no protocol 'world-x'"),
        ({"protocols": ["oci-m"]}, "does not hold protocol oci-m: train has no row of domain oulu_npu"),
    ],
)
def test_a_mistake_ends_it_before_anything_is_written(
    tmp_path: Path, corpus: Corpus, given: dict[str, Any], message: str
) -> None:
    for command in (forecast, run):
        with pytest.raises(ValueError, match=message):
            command(benchmark_of(corpus, tmp_path / "out", **given))
    assert not (tmp_path / "out").exists()


def test_the_command_takes_out_and_forecasts(
    tmp_path: Path, corpus: Corpus, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [f"corpus={corpus.storage.url}", "seeds=[0]", "protocols=[world-ptw-c]", "generator=dummy"]
    with pytest.raises(SystemExit) as caught:
        main(["benchmark", "--out", f"{tmp_path}/out", "--dry-run", *given])
    assert caught.value.code == 0
    found = json.loads(capsys.readouterr().out)
    assert found["runs"][0]["job"] == "prepare", "the faces are brought to 64 pixels first"
    assert {each["job"] for each in found["runs"]} == {"prepare", "generate", "fit_classifier", "evaluate"}
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_end_to_end_on_a_tiny_corpus(tmp_path: Path, corpus: Corpus, here: None) -> None:
    """Real stations at another size, with a network, its traces, its strength and the map of features."""
    train = {"steps": 2, "batch_size": 8, "learning_rate": 1e-3}
    config = benchmark_of(
        corpus,
        tmp_path / "out",
        size=64,
        protocols=["world-ptw-c"],
        fit_style={"network": {"stem_channels": 8, "channels": [8] * 4, "depths": [1] * 4}, "train": train},
        fit_generator={
            "network": {"base_channels": 8, "channel_multipliers": [1] * 6, "embed_channels": 16},
            "train": train,
        },
        generate={
            "plan": {"policies": ["cross-domain"], "samples": 8},
            "sampler": {"steps": 2, "batch_size": 4},
            "resources": {"gpus_per_generator": 0, "threads": 1},
        },
        fit_classifier={"backbone": "test_resnet", "train": train},
        evaluate={"threads": 1},
        strength={"faces": 6, "t0": [10, 60], "cfg_scale": [1.0, 2.0], "steps": 2},
        resources={"gpus_per_worker": 0, "threads": 1, "read_ahead": 0},
    )
    summary = run(config)
    assert summary["gaps"] == summary["left_out"] == {}
    assert len(summary["traces"]) == len(ROWS)
    assert forecast(config)["left"] == 0
    (small,) = [Corpus(str(path)) for path in (tmp_path / "out" / "runs").glob("prepare-*")]
    assert small.pixels([0]).shape == (1, 64, 64, 3)
    assert set(small.column("domain")) == set(corpus.column("domain"))
    assert run(config) == summary
