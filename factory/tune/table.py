"""A search's trials as a table: Markdown for people, CSV for programs."""

from __future__ import annotations

from collections.abc import Sequence

from factory.charts import number
from factory.tables.sheet import table
from factory.tune.space import SearchSpace
from factory.tune.summary import SearchSummary, Trial

FIGURES = ("rows", "step", "auc", "d_eer", "status", "reason")


def parameter_names(trials: Sequence[Trial]) -> list[str]:
    """All parameters of the trials, in the order of `SearchSpace`."""
    known = list(SearchSpace.model_fields)
    names = {name for trial in trials for name in trial["parameters"]}
    return sorted(names, key=lambda name: (known.index(name.partition(".")[0]), name))


def csv_table(summary: SearchSummary) -> str:
    """One line per trial in order of name, with all digits; missing values are empty."""
    names = parameter_names(summary["trials"])
    lines = [
        [trial["trial"], *map(trial["parameters"].get, names), *map(trial.get, FIGURES)] for trial in summary["trials"]
    ]
    return table([["trial", *names, *FIGURES], *lines])


def markdown_table(summary: SearchSummary) -> str:
    """The same table to four digits, with the best trial in bold and the results of regenerating below."""
    names = parameter_names(summary["trials"])
    lines = [_line(["trial", *names, *FIGURES]), _line(["---"] * (1 + len(names) + len(FIGURES)))]
    for trial in summary["trials"]:
        name = f"**{trial['trial']}**" if trial["trial"] == summary["best"] else trial["trial"]
        figures = [_cell(trial["parameters"].get(key)) for key in names] + [_cell(trial.get(key)) for key in FIGURES]
        lines.append(_line([name, *figures]))
    if summary["regenerated"]:
        metric = summary["metric"]
        titles = ["trial", "T₀", "w", "rows, filtered", "rows, regenerated"]
        lines += ["", _line([*titles, f"{metric}, filtered", f"{metric}, regenerated"]), _line(["---"] * 7)]
    for again in summary["regenerated"]:
        ranges = ["–".join(map(_cell, again[key])) for key in ("t0", "cfg_scale")]
        pairs = [_cell(again[key][kind]) for key in ("rows", "metric") for kind in ("filtered", "regenerated")]
        lines.append(_line([again["trial"], *ranges, *pairs]))
    return "\n".join(lines) + "\n"


def _cell(value: object) -> str:
    if value is None:
        return ""
    return number(value) if isinstance(value, int | float) else str(value).replace("|", "\\|")


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
