"""`python -m tests.chaos --kills 100 --out docs/chaos.md`: seeded kills until there were so many, and a page."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from tests.chaos.page import line, page
from tests.chaos.siege import Report, Siege, schedule
from tests.chaos.workload import Workload, hashes

KILLS_PER_RUN = 10


def main() -> int:
    """Exit status 1 if any run was not as it must be."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="go on until so many processes were killed")
    parser.add_argument("--kills-per-run", type=int, default=KILLS_PER_RUN, help="at most; part of what a seed means")
    parser.add_argument("--seed", type=int, help="one run with this seed; by default seeds 1, 2, 3 …")
    parser.add_argument("--out", type=Path, help="Markdown page to write")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="chaos-runs-"))
    workload = Workload(folder).prepare()
    reports = [_run(0, workload, folder, 0, None)]
    undisturbed = hashes(folder / "out-0")
    seeds = iter([given.seed] if given.seed is not None else range(1, 10_000))
    while reports[0].good and sum(report.struck for report in reports) < given.kills:
        seed = next(seeds, None)
        if seed is None:
            break
        reports.append(_run(seed, workload, folder, given.kills_per_run, undisturbed))
        if given.out:
            given.out.write_text(page(reports, workload, given.kills_per_run), encoding="utf-8")
    good = all(report.good for report in reports)
    if good:
        shutil.rmtree(folder)
    else:
        print(f"what the failed runs left is in {folder}", file=sys.stderr)
    return 0 if good else 1


def _run(seed: int, workload: Workload, folder: Path, kills: int, reference: dict[str, str] | None) -> Report:
    out = folder / f"out-{seed}"
    report = Siege(seed, workload, out).run(schedule(seed, kills), reference)
    print(line(report), flush=True)
    if kills and report.good:
        shutil.rmtree(out)
    return report


if __name__ == "__main__":
    raise SystemExit(main())
