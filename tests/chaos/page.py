"""The page about the runs: what was done, where, and one line per run."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess

from tests.chaos.siege import TARGETS, Report
from tests.chaos.workload import Workload
from tests.root import ROOT

TEXT = """# Under fire

`make chaos` kills processes of running generations with `kill -9` and compares what comes out with an undisturbed run.
It writes this page.

Every run has a Ray cluster of its own, made of real processes: a head without CPUs and two worker nodes of two logical
CPUs each. On it `difffas generate` makes {images} images of 32×32 in {shards} shards, as Parquet and as WebDataset,
with a small diffusion model on {generators} generator actors. From the first finished shard on, up to {kills} kills
hit, by the run's seed, one of

* **D** the driver; the same command is started again at once,
* **G** the process of a generator actor,
* **R** the raylet of a worker node, and with it every process of that node; another node joins after 0 to 4 s.

Before a kill the run waits 0.2 to 4 s, in 60 % of cases for one more finished shard first: so kills also hit drivers,
actors and nodes that are just starting. The seed fixes targets, delays and choices; it cannot fix the machine's
scheduling. `.venv/bin/python -m tests.chaos --seed 3` runs one.

A run is good if the command ends with status 0; planned = written + rejected; no key occurs twice in a format;
`difffas verify` finds no problem; `data/` holds what the ledger names and nothing else; and every file in `data/`
equals that of the undisturbed run (seed 0) byte for byte. *Leftovers* are temporary files of writers that were killed
while writing: no reader sees them, and `difffas verify --sweep` removes them when they are a day old. *(worker)* is a
node that died without being asked to; it is replaced too.

{facts}

| {columns} |
|---|---|---|---|---|---|---|---|---|
{lines}

{summary}
"""
COLUMNS = (
    "seed",
    "kills in order",
    "restarts of the driver",
    "seconds",
    "planned / written / rejected",
    "duplicates",
    "bytes equal",
    "leftovers",
    "result",
)


def page(reports: list[Report], workload: Workload, kills: int) -> str:
    """The whole page in Markdown."""
    return TEXT.format(
        images=f"{workload.shards * workload.rows:,}",
        shards=workload.shards,
        generators=workload.generators,
        kills=kills,
        facts=_facts(),
        columns=" | ".join(COLUMNS),
        lines="\n".join(line(report) for report in reports),
        summary=_summary(reports[1:]),
    )


def line(report: Report) -> str:
    """One run as a line of the table."""
    kills = " ".join(kill[0].upper() if kill in TARGETS else kill for kill in report.kills) or "none"
    start = [str(report.seed), kills, str(report.restarts), f"{report.seconds:.0f}"]
    verdict = report.verdict
    if verdict is None:
        end = ["", "", "", "", "**out of time**" if report.status is None else f"**exit status {report.status}**"]
    else:
        counts = f"{verdict.planned} / {verdict.written} / {verdict.rejected}"
        equal = "the reference" if report.seed == 0 else "yes" if verdict.equal else "**no**"
        result = "good" if report.good else f"**bad** {'; '.join(verdict.problems)}"
        end = [counts, str(verdict.duplicates), equal, str(verdict.leftovers), result]
    return f"| {' | '.join(start + end)} |"


def _facts() -> str:
    git = ["git", "-C", str(ROOT)]
    commit = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    changed = subprocess.run(
        [*git, "status", "--porcelain", "factory", "difffas"], capture_output=True, text=True, check=False
    )
    version = f"{commit.stdout.strip() or 'unknown'}{', with changes' if changed.stdout else ''}"
    python, ray, torch = platform.python_version(), *(importlib.metadata.version(name) for name in ("ray", "torch"))
    return (
        f"Machine: {os.cpu_count()} cores ({platform.machine()}), no GPU used; load average of the last quarter\n"
        f"of an hour {os.getloadavg()[2]:.1f}. Python {python}, Ray {ray}, PyTorch {torch}. Commit {version}.\n"
        "Command: `make chaos`."
    )


def _summary(reports: list[Report]) -> str:
    by_target = ", ".join(f"{sum(r.kills.count(target) for r in reports)} of a {target}" for target in TARGETS)
    total = sum(report.struck for report in reports)
    good = sum(report.good for report in reports)
    return f"{total} kills: {by_target}. {good} of {len(reports)} runs are good."
