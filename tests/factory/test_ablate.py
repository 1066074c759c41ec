"""Ablation tables: what runs they make, what their figures are, how they resume and what a fault leaves."""

from __future__ import annotations

import csv
import io
import itertools
import json
import statistics
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from difffas.losses import LOSSES
from factory import protocols, report
from factory.ablate import AblateConfig, Gaps, expand, forecast, run
from factory.ablation_section import ablations, open_table
from factory.ablations import STATIONS, Cell, Graph, Table, cells_of, load_table, markdown_of, titles
from factory.ablations.figures import csv_of
from factory.ablations.graph import merged
from factory.cli import main
from factory.config import build
from factory.corpus import Corpus
from factory.run import Run
from tests.corpora import small_rows, write_corpus
from tests.pages import scored

NETWORK = {"base_channels": 8, "channel_multipliers": [1] * 6, "embed_channels": 16, "timesteps": 300}
FITS = ("fit_style", "fit_generator", "fit_classifier")
SUMMARY = {"n_live": 4, "n_spoof": 6, "n_dev_live": 0, "n_dev_spoof": 0, "hter@dev_eer": None, "video": None}


def table_of(*rows: dict[str, Any], **given: Any) -> Table:
    values = {"name": "own", "title": "Own", "shape": "None.", "columns": ["auc"], "seeds": [0], "rows": rows}
    return build(Table, {**values, **given})


def config_of(**given: Any) -> AblateConfig:
    return build(AblateConfig, {"table": "components", "corpus": "faces", "out": "out", "fit_generator": {}, **given})


def graph_of(table: Table, **given: Any) -> Graph:
    return Graph(config_of(**given), table, "runs", lambda kind, url: f"{kind} {url}")


def settings_of(graph: Graph, job: str) -> list[Any]:
    return [step.config for step in graph.steps.values() if step.job == job]


# ---------------------------------------------------------------- tables


@pytest.mark.parametrize("name", titles())
def test_every_shipped_table_is_a_table_of_runs(name: str) -> None:
    table = load_table(name)
    graph = graph_of(table)
    assert all(place.evaluation for place in graph.places)
    assert len(graph.places) == len(table.rows) * len(table.protocols) * len(table.seeds)
    assert "[ours]" in table.note
    assert "DiffFAS" in table.shape


def test_components_are_with_and_without_generation_and_rq() -> None:
    table = load_table("components")
    found = {(row.generated, row.fit_classifier["loss"]["name"]) for row in table.rows}
    assert found == set(itertools.product((False, True), ("cross-entropy", "rq")))
    assert (table.protocols, table.columns) == (("mi-c", "mi-o"), ("hter@test_eer", "auc"))
    classifiers = settings_of(graph_of(table), "fit_classifier")
    assert {(c.generated is not None, c.loss.name) for c in classifiers} == found


def test_rq_scales_are_a_grid_with_the_papers_row() -> None:
    rows = [row.fit_classifier["loss"] for row in load_table("rq_scales").rows]
    grid = [(loss["live_margin"], loss["spoof_margin"]) for loss in rows]
    assert sorted(grid) == sorted(itertools.product((0.1, 0.2, 0.3, 0.4), repeat=2))
    assert {loss["name"] for loss in rows} == {"rq"}
    assert {(0.4, spoof) for spoof in (0.1, 0.2, 0.3, 0.4)} <= set(grid)


def test_losses_are_all_there_are_and_each_by_its_own_defaults() -> None:
    assert [row.fit_classifier["loss"]["name"] for row in load_table("losses").rows] == list(LOSSES)
    found = settings_of(graph_of(load_table("losses"), seeds=[0]), "fit_classifier")
    assert {c.loss.parameters["scale"] for c in found} == {30.0}


def test_sampling_backbones_variants_and_patches() -> None:
    weights = [row.fit_classifier.get("sampling", {}).get("quality_weight") for row in load_table("sampling").rows]
    assert weights == [None, 1, 2, 3, 4]
    backbones = load_table("backbones")
    assert [row.fit_classifier["backbone"] for row in backbones.rows] == ["resnet18", "mobilevit_s"]
    assert backbones.protocols == ("oci-m", "omi-c", "ocm-i", "icm-o")
    assert backbones.average
    variants = [row.fit_generator["network"]["variant"] for row in load_table("stfm").rows]
    assert variants == ["adain", "patch_substitution", "no_patches", "stfm"]
    sides = [tuple(row.fit_generator["network"].values()) for row in load_table("patches").rows]
    assert len(set(sides)) == 9
    assert (6, 2) in sides


def test_each_stands_for_every_value_and_keeps_its_kind(tmp_path: Path) -> None:
    row = {"name": "$a of $b", "each": {"a": [1, 2], "b": ["x"]}, "fit_classifier": {"train": {"steps": "$a"}}}
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({"title": "T", "shape": "S", "columns": ["auc"], "rows": [row]}))
    rows = load_table(str(path)).rows
    assert [row.name for row in rows] == ["1 of x", "2 of x"]
    assert [row.fit_classifier["train"]["steps"] for row in rows] == [1, 2]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"columns": ["hter"]}, "no evaluation has the metric 'hter'; did you mean"),
        ({"rows": [{"name": "a"}, {"name": "a"}]}, "rows has 'a' twice"),
        ({"rows": [{"name": "a", "generated": False, "generate": {"plan": {}}}]}, "changes generate and trains on no"),
        ({"rows": [{"name": "a", "fit_clasifier": {}}]}, "did you mean 'fit_classifier'"),
        ({"seeds": [1, 1]}, "seeds has '1' twice"),
    ],
)
def test_a_mistake_in_a_table_is_one_line(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    values = {"title": "T", "shape": "S", "columns": ["auc"], "rows": [{"name": "a"}], **change}
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(values))
    with pytest.raises(ValueError, match="table mine.yaml") as caught:
        load_table(str(path))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_table_is_named_with_the_nearest() -> None:
    with pytest.raises(ValueError, match="no table 'loses'; did you mean 'losses'"):
        load_table("loses")


# ---------------------------------------------------------------- expansion

changes = st.fixed_dictionaries(
    {},
    optional={
        "fit_generator": st.sampled_from([{"network": {"mean_patch": 2}}, {"ema_decay": 0.5}]),
        "generate": st.sampled_from([{"plan": {"samples": 3}}, {"sampler": {"steps": 5}}]),
        "fit_classifier": st.sampled_from([{"loss": {"name": "focal"}}, {"train": {"steps": 7}}]),
    },
)


@settings(max_examples=25, deadline=None)
@given(st.lists(changes, min_size=1, max_size=4), st.lists(st.integers(0, 9), min_size=1, max_size=2, unique=True))
def test_expansion_laws(rows: list[dict[str, Any]], seeds: list[int]) -> None:
    named = [{"name": str(number), **row} for number, row in enumerate(rows)]
    graph = graph_of(table_of(*named, seeds=seeds))
    assert len(graph.places) == len(rows) * len(seeds)
    seen: set[str] = set()
    for name, step in graph.steps.items():
        assert set(step.needs) <= seen, "a run comes after those it needs"
        assert step.config.model_dump()["out"] == f"runs/{name}"
        seen.add(name)
    for seed in seeds:
        mine = [place for place in graph.places if place.seed == seed]
        for (first, one), (second, other) in itertools.combinations(zip(rows, mine, strict=True), 2):
            assert (one.evaluation == other.evaluation) == (first == second)
    for job in FITS:
        assert {config.train.seed for config in settings_of(graph, job)} == set(seeds)
    assert {config.plan.seed for config in settings_of(graph, "generate")} == set(seeds)
    generators = {json.dumps(row.get("fit_generator")) for row in rows}
    assert len(settings_of(graph, "fit_generator")) == len(generators) * len(seeds), "each is fitted once"
    assert len(settings_of(graph, "fit_style")) == len(seeds)
    again = graph_of(table_of(*reversed(named), seeds=list(reversed(seeds))), resources={"workers": 2}, out="else")
    assert set(again.steps) == set(graph.steps), "neither order, place nor resources make another run"


def test_a_run_reads_the_runs_before_it() -> None:
    graph = graph_of(table_of({"name": "a"}))
    names = {step.job: f"runs/{name}" for name, step in graph.steps.items()}
    assert list(names) == list(STATIONS)
    (generator,), (made,) = settings_of(graph, "fit_generator"), settings_of(graph, "generate")
    (classifier,), (evaluation,) = settings_of(graph, "fit_classifier"), settings_of(graph, "evaluate")
    assert generator.style_encoder == names["fit_style"]
    assert made.inputs.model_dump() == {"live": "faces", "guides": "faces", "generator": names["fit_generator"]}
    assert (classifier.corpus, classifier.generated) == ("faces", names["generate"])
    assert (evaluation.classifier, evaluation.corpus) == (names["fit_classifier"], "faces")
    assert evaluation.resamples == 0


def test_the_content_of_inputs_and_settings_decide_the_name_and_their_place_does_not() -> None:
    table = table_of({"name": "a"})
    here = Graph(config_of(corpus="here"), table, "runs", lambda kind, url: "same")
    there = Graph(config_of(corpus="there"), table, "runs", lambda kind, url: "same")
    other = Graph(config_of(corpus="here"), table, "runs", lambda kind, url: "other")
    assert set(here.steps) == set(there.steps)
    assert not set(here.steps) & set(other.steps)
    assert not set(here.steps) & set(
        graph_of(table, fit_style={"train": {"steps": 1, "batch_size": 1, "learning_rate": 1}}).steps
    )


def test_protocols_of_the_same_training_rules_share_models() -> None:
    graph = graph_of(table_of({"name": "a"}, protocols=["mi-c", "mi-o", "oci-m"]))
    assert protocols.load("mi-c").training_digest == protocols.load("mi-o").training_digest
    assert [config.protocol for config in settings_of(graph, "fit_classifier")] == ["mi-c", "oci-m"]
    assert [config.protocol for config in settings_of(graph, "evaluate")] == ["mi-c", "mi-o", "oci-m"]
    assert {config.protocol for config in settings_of(graph, "generate")} == {"mi-c", "oci-m"}


def test_given_models_and_spoofs_are_not_made() -> None:
    table = table_of({"name": "a"}, protocols=["mi-c", "mi-o"])
    given = graph_of(table, fit_generator=None, generated="spoofs-$protocol")
    assert {step.job for step in given.steps.values()} == {"fit_classifier", "evaluate"}
    assert {config.generated for config in settings_of(given, "fit_classifier")} == {"spoofs-mi-c"}
    given = graph_of(table, fit_generator=None, generator="dummy")
    assert {step.job for step in given.steps.values()} == {"generate", "fit_classifier", "evaluate"}
    given = graph_of(table, fit_generator={"initial": "shipped"})
    assert [config.initial for config in settings_of(given, "fit_generator")] == ["shipped"]
    assert not settings_of(given, "fit_style")
    given = graph_of(table, style_encoder="style")
    assert [config.style_encoder for config in settings_of(given, "fit_generator")] == ["style"]


@pytest.mark.parametrize(
    ("given", "row", "reason"),
    [
        ({"fit_generator": None}, {}, "needs generated faces: give generated, generator or fit_generator"),
        ({"fit_generator": None, "generated": "x"}, {"generate": {"plan": {}}}, "changes generate, which a finished"),
        ({"fit_generator": None, "generator": "x"}, {"fit_generator": {"ema_decay": 0.5}}, "changes fit_generator"),
        ({"style_encoder": "x"}, {"fit_style": {"split": "dev"}}, "changes fit_style, which a finished `style_enc"),
    ],
)
def test_what_is_not_given_leaves_a_row_empty(given: dict[str, Any], row: dict[str, Any], reason: str) -> None:
    graph = graph_of(table_of({"name": "real", "generated": False}, {"name": "a", **row}), **given)
    real, place = graph.places
    assert real.evaluation is not None
    assert place.evaluation is None
    assert reason in place.reason


@pytest.mark.parametrize(
    ("given", "row", "message"),
    [
        ({"fit_classifier": {"corpus": "x"}}, {}, "config key fit_classifier: corpus is the ablation's own"),
        ({"fit_classifier": {"train": {"seed": 1}}}, {}, "train.seed is that of the ablation"),
        ({}, {"generate": {"plan": {"seed": 1}}}, "row 'a', generate: plan.seed is that of the ablation"),
        ({}, {"fit_generator": {"initial": "x"}}, "row 'a', fit_generator: initial is the ablation's own"),
        ({}, {"fit_classifier": {"los": {}}}, "row 'a', fit_classifier: unknown config key 'los'"),
        ({}, {"fit_classifier": {"loss": {"name": "rqq"}}}, "no loss 'rqq'"),
    ],
)
def test_a_mistake_in_settings_ends_it_at_once(given: dict[str, Any], row: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match="row|config key") as caught:
        graph_of(table_of({"name": "a", **row}), **given)
    assert message in str(caught.value)


def test_another_loss_takes_over_the_scale_alone() -> None:
    base = {"loss": {"name": "rq", "live_margin": 0.3, "scale": 20}}
    assert merged(base, {"loss": {"name": "focal"}}) == {"loss": {"name": "focal", "scale": 20}}
    same = merged(base, {"loss": {"name": "rq", "spoof_margin": 0.1}})["loss"]
    assert same == {"name": "rq", "live_margin": 0.3, "scale": 20, "spoof_margin": 0.1}
    assert merged({"a": {"b": 1, "c": 2}}, {"a": {"c": 3}}) == {"a": {"b": 1, "c": 3}}


# ---------------------------------------------------------------- figures


def cell(
    values: dict[int, float], reasons: dict[int, str] | None = None, row: str = "a", protocol: str = "own"
) -> Cell:
    return Cell(row, protocol, "auc", values, reasons or {}, {seed: f"evaluate-{seed}" for seed in values})


def test_mean_and_deviation_by_hand() -> None:
    found = cell({0: 0.10, 1: 0.14, 2: 0.18})
    assert found.mean == pytest.approx(0.14)
    assert found.deviation == pytest.approx(0.04)  # sqrt((0.04² + 0 + 0.04²) / 2)
    assert found.text == "14.00 ± 4.00"
    assert (cell({0: 0.5}).deviation, cell({0: 0.5}).text) == (None, "50.00")
    part = cell({0: 0.5, 2: 0.7}, {1: "it failed"})
    assert (part.text, part.filled) == ("60.00 ± 14.14 (2 of 3 seeds)", False)
    assert (cell({}, {0: "it failed"}).text, cell({}, {0: "x"}).mean) == ("—", None)


def test_markdown_has_a_reason_for_every_gap() -> None:
    table = table_of({"name": "a"}, {"name": "b|c"}, protocols=["own", "mi-c"], seeds=[0, 1])
    fault = "fit_classifier-1: ValueError: no"
    cells = [
        cell({0: 0.5, 1: 0.5}),
        cell({}, {0: fault, 1: fault}, protocol="mi-c"),
        cell({0: 0.25}, {1: fault}, row="b|c"),
        cell({}, {0: "other", 1: fault}, row="b|c", protocol="mi-c"),
    ]
    lines = markdown_of(table, cells, "frame").splitlines()
    assert "|  | auc | mi-c auc |" in lines
    assert "| a | 50.00 ± 0.00 | — [1] |" in lines
    assert "| b\\|c | 25.00 (1 of 2 seeds) [1] | — [2] [1] |" in lines
    assert f"1. {fault}" in lines
    assert "2. other" in lines
    assert "Percent, mean ± standard deviation (n − 1) over seeds 0, 1; per frame." in lines


def test_the_long_form_has_a_line_per_seed() -> None:
    lines = list(csv.DictReader(io.StringIO(csv_of([cell({0: 0.1, 1: 0.3}, {2: "it failed"})]))))
    assert [(line["statistic"], line["seed"]) for line in lines] == [
        ("value", "0"),
        ("value", "1"),
        ("value", "2"),
        ("mean", ""),
        ("deviation", ""),
    ]
    assert [line["value"] for line in lines][:3] == ["0.1", "0.3", ""]
    assert float(lines[3]["value"]) == pytest.approx(0.2)
    assert lines[2]["reason"] == "it failed"
    assert lines[0]["run"] == "evaluate-0"


# ---------------------------------------------------------------- running


class Stubs:
    """Stations that leave a finished folder and a figure, and count how often they are asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[str] = []
        self.fault: tuple[str, Exception] | None = None
        for job, (module, _) in STATIONS.items():
            monkeypatch.setattr(module, "run", self._station(job))

    def _station(self, job: str) -> Any:
        def station(config: Any) -> dict[str, Any]:
            self.calls.append(job)
            if self.fault is not None and self.fault[0] == job:
                raise self.fault[1]
            claim = Run(config.out, job, {}, config)
            fitted = json.loads((Path(config.classifier) / "summary.json").read_text()) if job == "evaluate" else {}
            seed = config.train.seed if job == "fit_classifier" else fitted.get("seed", 0)
            generated = bool(getattr(config, "generated", None) or fitted.get("generated"))
            figures = {"auc": 0.5 + 0.1 * seed + 0.2 * generated, "seed": seed, "generated": generated}
            return claim.finish({**SUMMARY, **figures})

        return station


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
    assert {job: stubs.calls.count(job) for job in STATIONS} == {
        "fit_style": 3,
        "fit_generator": 3,
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
    for step in list(graph.steps.values())[:7]:
        STATIONS[step.job][0].run(step.config)
    stubs.calls.clear()
    run(config)
    assert len(stubs.calls) == len(graph.steps) - 7
    stubs.calls.clear()
    elsewhere = config.model_copy(update={"out": str(tmp_path / "other"), "runs": str(tmp_path / "out" / "runs")})
    run(elsewhere)
    assert not stubs.calls, "tables share runs"


def test_a_killed_run_goes_on(tmp_path: Path, corpus: Corpus, stubs: Stubs) -> None:
    config = ablation(tmp_path, corpus)
    stubs.fault = ("generate", OSError(28, "No space left on device"))
    with pytest.raises(OSError, match="No space left"):
        run(config)
    done = [job for job in stubs.calls if job != "generate"]
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
    (real, both) = found["tables"][0]["rows"]
    assert real == ("real", [{"text": "60.00 ± 10.00", "why": ""}])
    assert "out of memory" in both[1][0]["why"]
    stubs.fault = None
    assert run(config)["gaps"] == {}
    found = ablations({"own": open_table(str(out))})
    assert found is not None
    assert found["tables"][0]["rows"][1] == ("both", [{"text": "80.00 ± 10.00", "why": ""}])


def test_a_metric_that_was_not_measured_is_a_gap(tmp_path: Path, corpus: Corpus, stubs: Stubs) -> None:
    config = ablation(tmp_path, corpus, ("auc", "hter@dev_eer", "d_eer"), fit_generator=None)
    with pytest.raises(Gaps, match="5 of 6 cells"):
        run(config)
    text = (tmp_path / "out" / "gaps" / "0001.md").read_text()
    assert "| real | 60.00 ± 10.00 | — [1] | — [2] |" in text
    assert "1. hter@dev_eer needs a development split with live faces and attacks" in text
    assert "2. the evaluation has no d_eer" in text
    assert "3. needs generated faces: give generated, generator or fit_generator" in text


def test_rq_without_scores_is_a_gap(tmp_path: Path, stubs: Stubs) -> None:
    bare = write_corpus(tmp_path / "bare", small_rows(subjects=3, splits=("train", "dev", "test")))
    config = ablation(tmp_path, bare, fit_generator=None)
    with pytest.raises(Gaps):
        run(config)
    text = (tmp_path / "out" / "gaps" / "0001.md").read_text()
    assert "loss 'rq' needs the column brisque, and no row of split 'train' has a score" in text
    assert not stubs.calls


def test_the_average_is_over_protocols_seed_by_seed() -> None:
    table = table_of({"name": "a"}, protocols=["mi-c", "oci-m"], average=True, seeds=[0, 1])
    places = graph_of(table).places
    figures: dict[tuple[str, int], float | str] = {
        ("mi-c", 0): 0.1,
        ("oci-m", 0): 0.3,
        ("mi-c", 1): 0.2,
        ("oci-m", 1): "it failed",
    }
    cells = cells_of(table, places, lambda place, metric: figures[place.protocol, place.seed])
    assert [cell.protocol for cell in cells] == ["mi-c", "oci-m", "average"]
    assert cells[-1].values == {0: pytest.approx(0.2)}
    assert cells[-1].reasons == {1: "no figure under oci-m"}
    assert statistics.fmean(cells[0].values.values()) == pytest.approx(0.15)


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


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_end_to_end_on_a_tiny_corpus(tmp_path: Path, ray_local: None) -> None:
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
