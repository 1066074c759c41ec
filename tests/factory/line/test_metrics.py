"""What Prometheus is told, up to the scrape of a real Ray's export port."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.corpora import row, small_rows, write_corpus
from factory.corpus import totals
from factory.line import metrics
from factory.run.ledger import Ledger
from factory.storage import Storage
from tests.root import ROOT

PAGE = ROOT / "docs" / "metrics.md"


def test_the_page_names_every_metric_and_no_other() -> None:
    table = [line.split("|")[1:-1] for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    documented = {cells[0].strip().strip("`"): [cell.strip() for cell in cells[1:]] for cells in table}
    assert set(documented) == {f"ray_{name}" for name in metrics.METRICS}
    for name, metric in metrics.METRICS.items():
        kind, labels, _ = documented[f"ray_{name}"]
        assert kind == metric.kind
        assert labels == ", ".join(f"`{label}`" for label in metric.labels)


def test_the_dashboard_asks_for_metrics_and_labels_that_exist() -> None:
    known: dict[str, set[str]] = {}
    for name, metric in metrics.METRICS.items():
        for suffix in ("_bucket", "_sum", "_count") if metric.kind == "histogram" else ("",):
            known[f"ray_{name}{suffix}"] = {*metric.labels, *(["le"] if suffix == "_bucket" else [])}
    dashboard = json.loads((ROOT / "docs" / "grafana" / "difffas.json").read_text(encoding="utf-8"))
    page = re.findall(r"```\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    assert len(asked) >= 10
    for expression in [*asked, *(text for text in page if "rate(" in text)]:
        names = re.findall(r"ray_\w+", expression)
        assert names and set(names) <= known.keys(), expression
        labels = set(re.findall(r"(\w+)=~?\"", expression))
        labels |= {label for group in re.findall(r"by \(([\w, ]+)\)", expression) for label in group.split(", ")}
        assert labels <= set().union(*(known[name] for name in names)), expression
    used = {re.sub(r"_(bucket|sum|count)$", "", name) for text in asked for name in re.findall(r"ray_\w+", text)}
    assert used == {f"ray_{name}" for name in metrics.METRICS}, "every metric is shown"


def test_names_follow_the_rules_of_prometheus() -> None:
    for name, metric in metrics.METRICS.items():
        assert name.endswith("_total") == (metric.kind == "counter")
        assert bool(metric.buckets) == (metric.kind == "histogram")


def test_without_ray_nothing_is_told_and_nothing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "_metric", lambda name: pytest.fail("no Ray runs"))
    monkeypatch.setitem(sys.modules, "ray", None)
    metrics.record("factory_shards_total", 1, station="x", status="made")
    with metrics.stage("read"), metrics.Busy().at_work():
        pass


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, float, dict[str, str]]]:
    calls: list[tuple[str, float, dict[str, str]]] = []
    monkeypatch.setattr(metrics, "record", lambda name, value, **labels: calls.append((name, value, labels)))
    return calls


def test_a_shard_counts_by_style_and_reason(told: list[tuple[str, float, dict[str, str]]]) -> None:
    rows = [row(0, brisque=12.5), row(1, brisque=None), row(2, brisque=31.0, domain="phone")]
    records: Any = [
        {"row": {"style": "cam-live"}, "reject": None},
        {"row": {"style": "cam-print"}, "reject": "no face"},
        {"row": {"style": None}, "reject": "no face"},
    ]
    metrics.shard_done("prepare", rows, records)
    images = {(labels["style"], labels["status"]): n for name, n, labels in told if name == "factory_images_total"}
    assert images == {
        ("cam-live", "written"): 2,
        ("phone-live", "written"): 1,
        ("cam-print", "rejected"): 1,
        ("unknown", "rejected"): 1,
    }
    assert [call[1:] for call in told if call[0] == "factory_rejects_total"] == [
        (2, {"station": "prepare", "reason": "no face"})
    ]
    assert [value for name, value, _ in told if name == "factory_brisque"] == [12.5, 31.0]


def test_an_error_in_a_stage_is_counted_and_goes_on(told: list[tuple[str, float, dict[str, str]]]) -> None:
    with pytest.raises(KeyError), metrics.stage("read"):
        raise KeyError
    with metrics.stage("publish"):
        pass
    assert [(name, labels["stage"]) for name, _, labels in told] == [
        ("factory_faults_total", "read"),
        ("factory_stage_seconds_total", "read"),
        ("factory_stage_seconds_total", "publish"),
    ]


def test_a_generator_that_waits_is_not_busy(
    told: list[tuple[str, float, dict[str, str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([10.0, 11.0, 14.0, 14.0, 20.0])  # made; waits a second, works three; works six without a wait
    monkeypatch.setattr("time.perf_counter", lambda: next(clock))
    busy = metrics.Busy()
    for _ in range(2):
        with busy.at_work():
            pass
    assert [(labels["state"], value) for _, value, labels in told] == [
        ("waiting", 1.0),
        ("busy", 3.0),
        ("waiting", 0.0),
        ("busy", 6.0),
    ]


SCRIPT = """
import json, sys, time, urllib.request
from factory import cluster
from factory.core.config import load
from factory.generate import GenerateConfig, run
run(load(GenerateConfig, None, sys.argv[1:]))
import ray
(node,) = ray.nodes()
time.sleep(4)  # longer than the reports and the memory of gauges, of a second each here
url = f"http://{node['NodeManagerAddress']}:{node['MetricsExportPort']}/metrics"
sys.stdout.write(urllib.request.urlopen(url, timeout=10).read().decode())
"""


@pytest.mark.soak
def test_prometheus_scrapes_what_the_ledger_counts(tmp_path: Path) -> None:
    write_corpus(tmp_path / "real", small_rows())
    settings = [
        f"inputs.live={tmp_path}/real",
        f"inputs.guides={tmp_path}/real",
        "inputs.generator=dummy",
        f"out={tmp_path}/spoofs",
        "plan.samples=60",
        "sampler.batch_size=4",
        "output.rows_per_shard=10",
        "resources.gpus_per_generator=0",
    ]
    environment = {**os.environ, "RAY_metrics_report_interval_ms": "1000"}
    environment.pop("RAY_ADDRESS", None)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *settings],
        env=environment,
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=150,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    families = {family.name: family for family in text_string_to_metric_families(done.stdout)}
    for name in ("images", "shards", "stage_seconds", "shards_in_flight", "generator_seconds", "brisque"):
        assert f"ray_factory_{name}" in families, sorted(name for name in families if "factory" in name)

    def summed(name: str, *by: str) -> dict[tuple[str, ...], float]:
        sums: dict[tuple[str, ...], float] = {}
        for sample in families[f"ray_factory_{name}".removesuffix("_total")].samples:
            if sample.name == f"ray_factory_{name}":
                key = tuple(sample.labels[label] for label in by)
                sums[key] = sums.get(key, 0.0) + sample.value
        return sums

    counted = totals(Ledger(Storage(str(tmp_path / "spoofs"))).records())
    styles = counted["styles"]
    assert isinstance(styles, dict)
    assert summed("images_total", "style", "status") == {(style, "written"): n for style, n in styles.items()}
    assert summed("shards_total", "status") == {("made",): counted["shards"]}
    assert summed("shards_in_flight", "station") == {("generate",): 0.0}
    assert {stage for (stage,) in summed("stage_seconds_total", "stage")} == {"read", "generate", "publish"}
    seconds = summed("generator_seconds_total", "state")
    assert 0 < summed("stage_seconds_total", "stage")["generate",] <= seconds["busy",]
    assert seconds["waiting",] > 0
    counts = [s.value for s in families["ray_factory_brisque"].samples if s.name.endswith("_count")]
    assert sum(counts) == counted["written"]
