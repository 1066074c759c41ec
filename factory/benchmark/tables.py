"""The results as text: Markdown for docs/results.md, and CSV in long form for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from factory.ablate.tables import Table
from factory.benchmark.evaluations import Evaluations, Spread
from factory.benchmark.results import NAMES, Family, Verdict, points, signed
from factory.benchmark.traces import Trace
from factory.charts import fixed
from factory.charts.metric_table import THRESHOLDS
from factory.tables.sheet import table as sheet

HEADINGS = {-1: "What makes it worse", 0: "What shows no difference", 1: "What helps"}
CSV = ("row", "family", "protocol", "seed", "metric", "attack", "value", "run")
EXPORTED = (
    *("auc", "d_eer"),
    *(f"{rate}@{name}" for rate in ("hter", "acer", "bpcer", "apcer_max") for name, *_ in THRESHOLDS),
)
OWN_TRACES = (
    "BPCER of live test faces at the dev threshold, in percent, before and after they pass through the generator with "
    "w = 0 and a small T₀. They stay live, so rows that add its faces should change no more than the others."
)
CHANCE = 0.05  # share of 95 % intervals that miss the truth


def markdown(
    table: Table,
    families: Sequence[Family],
    found: Sequence[Verdict],
    baseline: str,
    metric: str,
    notes: Sequence[str],
    gaps: Mapping[str, str],
    traces: Sequence[Trace],
) -> str:
    """The whole result in Markdown: sentences first, then a table of every family, APCER by attack, gaps."""
    paragraphs = [f"# {table.title}", *notes, *verdict_lists(found, metric, baseline)]
    for family in families:
        paragraphs += [
            f"## {family.name.capitalize()}",
            f"Means over {', '.join(f'`{name}`' for name in family.protocols)}, in percent.",
            _means(table, family, metric),
            f"The last column is the difference to *{baseline}* in {NAMES.get(metric, metric)}, in points.",
            _by_protocol(family, metric),
            "APCER at the dev threshold, by attack:",
            _apcer(family),
        ]
    if traces:
        paragraphs += ["## The generator's own traces", OWN_TRACES, _traces(traces)]
    if gaps:
        paragraphs += ["## Gaps", "\n".join(f"* {name}: {reason}" for name, reason in gaps.items())]
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph) + "\n"


def verdict_lists(found: Sequence[Verdict], metric: str, baseline: str) -> list[str]:
    """The sentences under their headings, what does not help first, and how many of them chance alone would make."""
    paragraphs = []
    for better, heading in HEADINGS.items():
        mine = [verdict for verdict in found if verdict.better == better]
        if mine:
            lines = [f"* **{each.row}**, {each.family}: {each.text}" for each in mine]
            paragraphs += [f"## {heading}", "\n".join(lines)]
    return [lead(metric, baseline), *paragraphs, chance(len(found))] if found else []


def lead(metric: str, baseline: str) -> str:
    """What the figures in the sentences are."""
    return (
        f"{NAMES.get(metric, metric)} in percent, and its difference to “{baseline}” in points, with a 95 % interval "
        f"over test people and seeds."
    )


def chance(comparisons: int) -> str:
    """A warning of many comparisons."""
    return (
        f"Of {comparisons} comparisons without any effect about {CHANCE * comparisons:.1f} would be called worse or "
        f"better by chance."
    )


def _means(table: Table, family: Family, metric: str) -> str:
    names = [NAMES.get(name, name) for name in table.columns]
    lines = [_line(["", *names, "difference"]), _line(["---", *("---:" for _ in names), "---:"])]
    for row in family.rows:
        change = row.differences.get(metric)
        cells = [_cell(row.means[name]) for name in table.columns]
        lines.append(_line([row.row, *cells, "" if change is None else points(change)]))
    return "\n".join(lines)


def _by_protocol(family: Family, metric: str) -> str:
    if len(family.alone) < 2:
        return ""
    lines = [_line([NAMES.get(metric, metric), *family.alone]), _line(["---", *("---:" for _ in family.alone)])]
    for place, row in enumerate(family.rows):
        lines.append(_line([row.row, *(_cell(rows[place].means[metric]) for rows in family.alone.values())]))
    return "\n".join(lines)


def _apcer(family: Family) -> str:
    lines = [_line(["", *family.attacks]), _line(["---", *("---:" for _ in family.attacks)])]
    lines += [_line([row.row, *map(_cell, row.apcer.values())]) for row in family.rows]
    return "\n".join(lines)


def _traces(traces: Sequence[Trace]) -> str:
    lines = [_line(["", "adds its faces", "BPCER", "passed", "change"]), _line(["---", "---", *["---:"] * 3])]
    for each in traces:
        interval = ""
        if each["low"] is not None and each["high"] is not None:
            interval = f" ({signed(each['low'])} to {signed(each['high'])})"
        rates = [fixed(100 * rate, 2) for rate in (each["bpcer"], each["passed"])]
        lines.append(
            _line([each["row"], "yes" if each["adds_faces"] else "", *rates, signed(each["change"]) + interval])
        )
    return "\n".join(lines)


def _cell(spread: Spread | None) -> str:
    return "—" if spread is None else spread.text


def _line(texts: Sequence[str]) -> str:
    return "| " + " | ".join(text.replace("|", "\\|") for text in texts) + " |"


def results_csv(evaluations: Evaluations, families: Sequence[Family]) -> str:
    """One line for every figure of every evaluation, as a fraction of 1 with all digits; APCER by attack, too."""
    lines: list[Sequence[Any]] = [CSV]
    of = {protocol: family.name for family in families for protocol in family.protocols}
    for (row, protocol, seed), judged in evaluations.judged.items():
        named = (row, of[protocol], protocol, seed)
        for metric in EXPORTED:
            value = judged.figure(metric)
            lines.append([*named, metric, "", "" if value is None else repr(value), judged.run])
        for name, *_ in THRESHOLDS:
            metric = f"apcer@{name}"
            for attack in judged.metrics["n_by_attack"]:
                value = judged.figure(metric, attack)
                lines.append([*named, metric, attack, "" if value is None else repr(value), judged.run])
    return sheet(lines)
