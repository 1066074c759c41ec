"""Filling a table: once, resumed, with gaps that say why."""

from __future__ import annotations

import csv
import dataclasses
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks.corpora import small_rows, write_corpus
from factory import evaluate, report
from factory.ablate import Gaps, expand, figure_of, forecast, run, unit_of
from factory.ablate.graph import TABLE_STATIONS, RowEvaluation
from factory.ablate.settings import AblateConfig
from factory.ablate.tables import titles
from factory.cli import main
from factory.core.config import build
from factory.corpus import Corpus
from factory.report.ablation_section import TextCell, ablations, open_table
from factory.run import Run
from factory.storage import Storage
from tests.ablations import NETWORK, SUMMARY, config_of
from tests.pages import scored


class Stubs:
    """Stations that leave a finished folder and a figure, and count how often they are asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[str] = []
        self.fault: tuple[str, Exception] | None = None
        for station, (module, _) in TABLE_STATIONS.items():
            monkeypatch.setattr(module, "run", self._station(station))

    def _station(self, station: str) -> Any:
        def run_it(config: Any) -> dict[str, Any]:
            self.calls.append(station)
            if self.fault is not None and self.fault[0] == station:
                raise self.fault[1]
            claim = Run(config.out, station, {}, config)
            fitted = (
                json.loads((Path(config.classifier) / "summary.json").read_text()) if station == "evaluate" else {}
            )
            seed = config.train.seed if station == "fit_classifier" else fitted.get("seed", 0)
            generated = bool(getattr(config, "generated", None) or fitted.get("generated"))
            figures = {"auc": 0.5 + 0.1 * seed + 0.2 * generated, "seed": seed, "generated": generated}
            return claim.finish({**SUMMARY, **figures})

        return run_it


@pytest.fixture
def stubs(monkeypatch: pytest.MonkeyPatch) -> Stubs:
    return Stubs(monkeypatch)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    folder = tmp_path_factory.mktemp("faces")
    return write_corpus(folder / "real", scored(small_rows(subjects=3, splits=("train", "dev", "test"))))


def own_table(path: Path, **given: Any) -> str:
    rows = [{"name": "real", "generated": False}, {"name": "both"}]
    values = {"title": "Own", "shape": "None.", "columns": ["auc"], "seeds": [0, 1, 2], "rows": rows, **given}
    path.write_text(yaml.safe_dump(values))
    return str(path)


def ablation(tmp_path: Path, corpus: Corpus, columns: tuple[str, ...] = ("auc",), **given: Any) -> AblateConfig:
    table = own_table(tmp_path / "own.yaml", columns=list(columns))
    return config_of(table=table, corpus=corpus.storage.url, out=str(tmp_path / "out"), **given)


def test_a_table_is_filled_once(tmp_path: Path, corpus: Corpus, stubs: Stubs) -> None:
    config = ablation(tmp_path, corpus)
    before = forecast(config)
    assert (before["finished"], before["left"], before["empty"]) == (0, 21, [])
    assert not (tmp_path / "out").exists(), "a forecast writes nothing"
    summary = run(config)
    assert {station: stubs.calls.count(station) for station in TABLE_STATIONS} == {
        "fit_style": 3,
        "fit_generator": 3,
        "fit_dsdg": 0,
        "generate": 3,
        "fit_classifier": 6,
        "evaluate": 6,
    }
    assert stubs.calls[:7].count("evaluate") == 2, "the first seed's row is whole before the second begins"
    assert [cell["text"] for cell in summary["cells"]] == ["60.00 ± 10.00", "80.00 ± 10.00"]
    assert "| both | 80.00 ± 10.00 |" in (tmp_path / "out" / "table.md").read_text()
    assert (tmp_path / "out" / "table.csv").read_text().count("\n") == 1 + 2 * 5
    stubs.calls.clear()
    assert run(config) == summary
    assert forecast(config)["left"] == 0
    assert not stubs.calls
    page = {"title": "x", "inputs": {"ablations": {"own": str(tmp_path / "out")}}, "out": str(tmp_path / "page")}
    report.run(build(report.ReportConfig, page))
    html = (tmp_path / "page" / report.PAGE).read_text()
    assert '<th scope="row">both</th><td>80.00 ± 10.00</td>' in html


def test_what_is_finished_is_not_run_again(tmp_path: Path, corpus: Corpus, stubs: Stubs) -> None:
    config = ablation(tmp_path, corpus)
    _, graph = expand(config)
    for table_run in list(graph.runs.values())[:7]:
        TABLE_STATIONS[table_run.station][0].run(table_run.config)
    stubs.calls.clear()
    run(config)
    assert len(stubs.calls) == len(graph.runs) - 7
    stubs.calls.clear()
    elsewhere = config.model_copy(update={"out": str(tmp_path / "other"), "runs": str(tmp_path / "out" / "runs")})
    run(elsewhere)
    assert not stubs.calls, "tables share runs"


def test_a_killed_run_goes_on(tmp_path: Path, corpus: Corpus, stubs: Stubs) -> None:
    config = ablation(tmp_path, corpus)
    stubs.fault = ("generate", OSError(28, "No space left on device"))
    with pytest.raises(OSError, match="No space left"):
        run(config)
    done = [station for station in stubs.calls if station != "generate"]
    assert stubs.calls.count("generate") == 1, "a full disk is met by every run, so the first ends it"
    stubs.calls.clear()
    stubs.fault = None
    assert run(config)["gaps"] == {}
    assert len(done) + len(stubs.calls) == 21


def test_a_fault_leaves_a_gap_with_its_reason(tmp_path: Path, corpus: Corpus, stubs: Stubs) -> None:
    config = ablation(tmp_path, corpus)
    stubs.fault = ("fit_generator", RuntimeError("Traceback\n  File x\nout of memory"))
    with pytest.raises(Gaps, match="1 of 2 cells are not filled, both / auc: .*gaps/0001.md says why"):
        run(config)
    assert stubs.calls.count("fit_generator") == 3
    assert "generate" not in stubs.calls, "what needs a failed run is not tried"
    out = tmp_path / "out"
    assert not (out / "table.md").exists()
    assert not (out / "summary.json").exists()
    text = (out / "gaps" / "0001.md").read_text()
    assert "| real | 60.00 ± 10.00 |" in text
    assert "| both | — [1] [2] [3] |" in text
    assert "RuntimeError: out of memory" in text
    lines = list(csv.DictReader((out / "gaps" / "0001.csv").open()))
    assert [line["value"] for line in lines if line["row"] == "both"] == [""] * 5
    with pytest.raises(Gaps):
        run(config)
    assert sorted(path.name for path in (out / "gaps").iterdir()) == ["0001.csv", "0001.json", "0001.md"], "the same"
    found = ablations({"own": open_table(str(out))})
    assert found is not None
    (real, both) = found.tables[0].rows
    assert real == ("real", [TextCell("60.00 ± 10.00", "")])
    assert "out of memory" in both[1][0].why
    stubs.fault = None
    assert run(config)["gaps"] == {}
    found = ablations({"own": open_table(str(out))})
    assert found is not None
    assert found.tables[0].rows[1] == ("both", [TextCell("80.00 ± 10.00", "")])


def test_a_metric_that_was_not_measured_is_a_gap(tmp_path: Path, corpus: Corpus, stubs: Stubs) -> None:
    config = ablation(tmp_path, corpus, ("auc", "hter@dev_eer", "d_eer"), fit_generator=None)
    with pytest.raises(Gaps, match="5 of 6 cells"):
        run(config)
    text = (tmp_path / "out" / "gaps" / "0001.md").read_text()
    assert "| real | 60.00 ± 10.00 | — [1] | — [2] |" in text
    assert "1. hter@dev_eer needs a development split with live faces and attacks" in text
    assert "2. the evaluation has no d_eer" in text
    assert "3. needs generated faces: give generated, generator or fit_generator" in text


def test_the_unit_is_the_video_where_a_recording_has_several_frames(tmp_path: Path, corpus: Corpus) -> None:
    config = ablation(tmp_path, corpus)
    assert (config.unit, unit_of(config)) == (None, "frame")
    rows = small_rows(subjects=3, splits=("train", "dev", "test"))
    videos = write_corpus(tmp_path / "videos", [dataclasses.replace(row, capture="c0") for row in rows])
    unnamed = write_corpus(tmp_path / "unnamed", [dataclasses.replace(row, capture=None) for row in rows])
    units = [
        unit_of(config.model_copy(update={"corpus": each.storage.url, **given}))
        for each, given in ((videos, {}), (unnamed, {}), (videos, {"unit": "frame"}))
    ]
    assert units == ["video", "frame", "frame"]


def test_a_figure_that_an_earlier_version_did_not_measure_follows_from_the_scores(tmp_path: Path) -> None:
    lines = ["is_bonafide,attack_type,score,split"]
    for split in ("dev", "test"):
        lines += [f"True,live,0.{n},{split}" for n in (4, 6, 8)] + [f"False,print,0.{n},{split}" for n in (1, 5)]
    scores = tmp_path / "scores.csv"
    scores.write_text("\n".join(lines) + "\n")
    evaluate.run(build(evaluate.EvaluateConfig, {"scores": str(scores), "out": str(tmp_path / "evaluate-0")}))
    path = tmp_path / "evaluate-0" / "summary.json"
    older = {key: value for key, value in json.loads(path.read_text()).items() if "dev_bpcer=1%" not in key}
    path.write_text(json.dumps(older))
    each = RowEvaluation("real", "own", 0, "evaluate-0")
    assert figure_of(Storage(str(tmp_path)), "frame", {}, each, "acer@dev_bpcer=1%") == 0.25  # 0.4: one of two prints


def test_rq_without_scores_is_a_gap(tmp_path: Path, stubs: Stubs) -> None:
    bare = write_corpus(tmp_path / "bare", small_rows(subjects=3, splits=("train", "dev", "test")))
    config = ablation(tmp_path, bare, fit_generator=None)
    with pytest.raises(Gaps):
        run(config)
    text = (tmp_path / "out" / "gaps" / "0001.md").read_text()
    assert "loss 'rq' needs the column brisque, and no row of split 'train' has a score" in text
    assert not stubs.calls


def test_the_command_lists_forecasts_and_ends_with_status_3(
    tmp_path: Path, corpus: Corpus, stubs: Stubs, capsys: pytest.CaptureFixture[str]
) -> None:
    def said(*arguments: str) -> Any:
        with pytest.raises(SystemExit) as caught:
            main(["ablate", *arguments])
        return caught.value.code, capsys.readouterr()

    code, output = said()
    assert code == 0
    assert set(json.loads(output.out)["tables"]) == set(titles())
    base = [f"corpus={corpus.storage.url}", f"out={tmp_path}/out", "protocols=[own]", "seeds=[0]"]
    code, output = said("components", "--dry-run", *base)
    assert code == 0
    found = json.loads(output.out)
    assert (found["table"], found["left"], len(found["empty"])) == ("components", 4, 2)
    code, output = said("components", *base)
    assert code == 3
    assert "difffas: error: 6 of 8 cells are not filled, neither / hter@test_eer; " in output.err
    assert "generated faces alone / auc" in output.err
    code, output = said("table=components", *base, "generator=dummy", f"out={tmp_path}/full")
    assert code == 3, "the stubs measure no hter"
    code, output = said("componets", *base)
    assert (code, "did you mean 'components'" in output.err) == (2, True)


DRIVER = """
import json, sys
from factory.ablate import AblateConfig, run
from factory.core.config import build
run(build(AblateConfig, json.loads(sys.argv[1])))
"""


@pytest.mark.soak
def test_a_killed_driver_goes_on_amid_real_stations(tmp_path: Path) -> None:
    """SIGKILL when the first of two seeds is evaluated and the second's fit is under way."""
    rows = scored(small_rows(subjects=9, splits=("train", "dev", "test")))
    real = write_corpus(tmp_path / "real", rows)
    table = own_table(tmp_path / "own.yaml", seeds=[0, 1], rows=[{"name": "real", "generated": False}])
    train = {"steps": 6, "batch_size": 8, "learning_rate": 1e-3}
    config = config_of(
        table=table,
        corpus=real.storage.url,
        out=str(tmp_path / "out"),
        fit_classifier={"backbone": "test_resnet", "train": train},
        evaluate={"threads": 1},
        resources={"gpus_per_worker": 0, "threads": 1, "read_ahead": 0, "checkpoint_every": 2},
    )
    runs = tmp_path / "out" / "runs"
    command = [sys.executable, "-c", DRIVER, config.model_dump_json()]
    environment = os.environ | {"RAY_ADDRESS": "local"}
    with (tmp_path / "log").open("wb") as log:
        driver = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        deadline = time.monotonic() + 200
        while len([*runs.glob("fit_classifier-*/run.json")]) < 2 and driver.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        driver.send_signal(signal.SIGKILL)
        assert driver.wait(60) == -signal.SIGKILL, (tmp_path / "log").read_text()[-3000:]
    done = {path: path.stat().st_mtime_ns for path in runs.glob("*/summary.json")}
    assert sorted(path.parent.name.partition("-")[0] for path in done) == ["evaluate", "fit_classifier"]
    subprocess.run(command, env=environment, timeout=200, check=True, capture_output=True)
    assert len([*runs.glob("*/summary.json")]) == 4
    assert {path: path.stat().st_mtime_ns for path in done} == done
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    (cell,) = summary["cells"]
    assert summary["gaps"] == {} and len(cell["values"]) == 2


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_end_to_end_on_a_tiny_corpus(tmp_path: Path, here: None) -> None:
    rows = scored(small_rows(subjects=9, splits=("train", "dev", "test")))
    real = write_corpus(tmp_path / "real", rows)
    table = own_table(tmp_path / "own.yaml", columns=["hter@test_eer", "hter@dev_eer", "auc"], seeds=[0, 1])
    train = {"steps": 2, "batch_size": 8, "learning_rate": 1e-3}
    config = config_of(
        table=table,
        corpus=real.storage.url,
        out=str(tmp_path / "out"),
        fit_style={"network": {"stem_channels": 8, "channels": [8] * 4, "depths": [1] * 4}, "train": train},
        fit_generator={"network": NETWORK, "train": train},
        generate={
            "plan": {"samples": 8},
            "sampler": {"steps": 2, "batch_size": 4},
            "resources": {"gpus_per_generator": 0, "threads": 1},
        },
        fit_classifier={"backbone": "test_resnet", "train": train, "loss": {"name": "rq"}},
        evaluate={"threads": 1},
        resources={"gpus_per_worker": 0, "threads": 1, "read_ahead": 0},
    )
    summary = run(config)
    assert summary["gaps"] == {}
    assert [len(cell["values"]) for cell in summary["cells"]] == [2] * 6
    for found in summary["cells"]:
        scores = tmp_path / "out" / "runs" / found["runs"]["1"] / "summary.json"
        assert found["values"]["1"] == json.loads(scores.read_text())[found["metric"]]
        assert found["mean"] == pytest.approx(statistics.fmean(found["values"].values()))
    assert forecast(config)["left"] == 0
    assert run(config) == summary
