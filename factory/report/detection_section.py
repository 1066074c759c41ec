"""The report's section on evaluations, for the template."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from difffas.metrics.document import Metrics
from factory.charts import detection as detection_charts
from factory.charts.detection import Curve
from factory.charts.metric_table import THRESHOLDS, Group, Row, metric_table
from factory.evaluate import EvaluationSummary, detection_curves
from factory.evaluate.scores import SCORES
from factory.report.sections import Folder

WHOLE, RATES = ("AUC", "D-EER", "TPR"), ("HTER", "ACER")  # of the rows that are shown first


@dataclasses.dataclass(frozen=True)
class Chart:
    """A chart as SVG, and a note on how to read it."""

    title: str
    note: str
    chart: str


@dataclasses.dataclass(frozen=True)
class Detection:
    """Evaluations side by side; `intervals` are sentences with the columns that each applies to.

    `main` has the few rows of `groups` that answer most questions.
    """

    columns: list[str]
    main: list[Row]
    groups: list[Group]
    intervals: dict[str, list[str]]
    charts: list[Chart]
    curves: list[str]


def detection(evaluations: Mapping[str, Folder]) -> Detection | None:
    """Metrics of the evaluations side by side, with ROC and DET if the scores.csv has both classes.

    An evaluation whose recordings have several frames has separate columns and curves for frames and for videos.
    """
    if not evaluations:
        return None
    columns: dict[str, Metrics] = {}
    curves: dict[str, Curve] = {}
    for name, folder in evaluations.items():
        summary = folder.figures(EvaluationSummary)
        video = summary.get("video")
        names = {"frames": f"{name}, frames", "videos": f"{name}, videos"} if video else {"frames": name}
        columns[names["frames"]] = summary
        if video:
            columns[names["videos"]] = video
        curves |= {names[unit]: curve for unit, curve in _curves(folder).items() if unit in names}
    groups = metric_table(columns)
    return Detection(
        columns=list(columns),
        main=_main(groups),
        groups=groups,
        intervals={text: names for text, names in _intervals(columns).items() if text},
        charts=_charts(curves) if curves else [],
        curves=list(curves),
    )


def _main(groups: list[Group]) -> list[Row]:
    """AUC, D-EER and TPR; HTER and ACER at the first threshold that any evaluation has."""
    rows = {row.label: row for group in groups for row in group.rows}
    found = [row for row in groups[0].rows if row.label.startswith(WHOLE)]
    for _, label, _ in THRESHOLDS:
        at = [rows[f"{rate} at {label}"] for rate in RATES]
        if any(cell.value is not None for row in at for cell in row.cells):
            return [*found, *at]
    return found


def _charts(curves: dict[str, Curve]) -> list[Chart]:
    return [
        Chart("ROC", detection_charts.ROC, detection_charts.roc(curves)),
        Chart("DET", detection_charts.DET, detection_charts.det(curves)),
    ]


def _curves(folder: Folder) -> Mapping[str, Curve]:
    if not folder.storage.exists(SCORES):
        return {}
    return detection_curves(folder.storage.read(SCORES), str(folder.claim["identity"]["split"]))


def _intervals(columns: dict[str, Metrics]) -> dict[str, list[str]]:
    """Sentences that explain the columns' intervals, or why there are none, each with the columns it applies to."""
    found: dict[str, list[str]] = {}
    for name, summary in columns.items():
        interval, people = summary.get("interval"), summary.get("n_subjects")
        if interval is not None:
            text = (
                f"{100 * interval['level']:g} % percentile intervals of {interval['resamples']:,} bootstrap resamples "
                f"of {people:,} subjects"
            )
        elif not summary["n_live"] or not summary["n_spoof"]:
            text = "no intervals, for want of a class"
        elif people is None:
            text = "no intervals, because its scores do not all name a subject"
        else:
            text = "no intervals, because it has one subject" if people < 2 else "no intervals were asked for"
        found.setdefault(text, []).append(name)
    return found
