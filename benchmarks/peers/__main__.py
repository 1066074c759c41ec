"""The same work by this line and by other data tools, on one machine in one run: the tables of docs/peers.md.

    python -m benchmarks.peers rates --rows 20000 --python PEERS/bin/python              # rows/s and memory
    python -m benchmarks.peers kills --rows 1000 --shard 50 --python PEERS/bin/python    # what ten kills leave
    python -m benchmarks.peers readers --rows 20000 --python PEERS/bin/python            # readers for training

`--python` is an interpreter with this project's requirements and the other tools: datatrove, daft, webdataset and
img2dataset; litdata and mosaicml-streaming for the readers. A tool that it cannot import has a row that says so. This
line and Ray Data run in the interpreter of this command.

A module for each tool does the work as its documentation recommends. `work.py` is the work that they share, `trial.py`
runs one of them, `readers.py` compares readers for training.
"""

from __future__ import annotations

import argparse
import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.corpora import face, png, row, write_corpus
from benchmarks.machine import describe
from benchmarks.peers.readers import table_of_readers
from benchmarks.peers.trial import TOOLS, Calm, Tool, calm, killed

SIDE, SEED = 64, 21
Installed = tuple[Tool, str, str | None]  # a tool, the interpreter that runs it, and its version if there is one
VERSION = "import importlib.metadata, sys; print(importlib.metadata.version(sys.argv[1]))"


def write_source(folder: Path, rows: int, shard: int) -> str:
    """A corpus of live faces in Parquet and tar shards of so many rows."""
    source = folder / f"source-{rows}"
    if not (source / "summary.json").exists():
        lines = (row(number, key=f"face-{number:06d}", image=png(face(number, SIDE))) for number in range(rows))
        write_corpus(source, list(lines), ("parquet", "webdataset"), shard)
    return str(source)


def version(python: str, package: str) -> str | None:
    """The version of a package that an interpreter can import, or None."""
    found = subprocess.run([python, "-c", VERSION, package], capture_output=True, text=True, check=False)
    return found.stdout.strip() if found.returncode == 0 else None


def found_tools(names: list[str] | None, python: str) -> list[Installed]:
    """The tools with these names, all by default; for each the interpreter and the version, None if not installed."""
    found = []
    for tool in TOOLS:
        if names is None or tool.module in names:
            mine = sys.executable if tool.package == "ray" else python
            found.append((tool, mine, version(mine, tool.package)))
    return found


def table_of_rates(source: str, folder: Path, rows: int, turns: int, tools: list[Installed]) -> None:
    """Rates in turns, so that a change of the machine's load meets all tools."""
    runs: dict[str, list[Calm]] = {tool.module: [] for tool, _, _ in tools}
    for turn in range(turns):
        (folder / f"turn-{turn}").mkdir()
        for tool, mine, known in tools:
            if known:
                with told(tool):
                    run = calm(tool, mine, source, folder / f"turn-{turn}", rows)
                    runs[tool.module].append(run)
                    print(f"{tool.name}: {run.rate:.1f} rows/s, {run.megabytes:,.0f} MB", file=sys.stderr, flush=True)
    best = max(median([run.rate for run in mine]) for mine in runs.values() if mine)
    print(f"{rows:,} faces of {SIDE}², {turns} turns; {describe()}\n")
    print("| ÷ fastest | tool | version | rows/s | spread | peak MB |\n|---|---|---|---|---|---|")
    for tool, _, known in tools:
        rates = [run.rate for run in runs[tool.module]]
        figures = " | | |"
        if rates:
            peak = max(run.megabytes for run in runs[tool.module])
            figures = f" {median(rates):.1f} | {min(rates):.1f} … {max(rates):.1f} | {peak:,.0f} |"
        ratio = f"{median(rates) / best:.2f}" if rates else ""
        print(f"| {ratio} | {tool.name} | {known or 'not installed'} |{figures}")


def table_of_kills(source: str, folder: Path, rows: int, kills: int, tools: list[Installed]) -> None:
    """What each tool's folder holds after so many kills, beside that of a run without any."""
    print(f"{rows:,} faces of {SIDE}²; {describe()}\n")
    print("| tool | kills | rows made | rows lost | rows duplicated | files that differ |\n|---|---|---|---|---|---|")
    for tool, mine, known in tools:
        if not known:
            print(f"| {tool.name} | not installed | | | | |")
            continue
        with told(tool):
            before = calm(tool, mine, source, folder, rows)
            after = killed(tool, mine, source, folder, before, kills, SEED, rows)
            files = f"{after.differing} of {before.held.digests.total()}"
            counts = f"{after.kills} | {after.made:.2f} × | {after.lost} | {after.duplicated} | {files}"
            print(f"| {tool.name} | {counts} |", flush=True)


@contextlib.contextmanager
def told(tool: Tool) -> Iterator[None]:
    """Say that a tool failed, and let the others have their turns."""
    try:
        yield
    except RuntimeError as error:
        print(f"{tool.name}: {error}", file=sys.stderr, flush=True)


def median(values: list[float]) -> float:
    """The median, the lower one of two."""
    return sorted(values)[(len(values) - 1) // 2]


def main() -> None:
    """Parse the command line and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", choices=["rates", "kills", "readers"])
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--shard", type=int, default=500, help="rows of a shard, as a corpus has by default")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--tools", nargs="+", choices=[tool.module for tool in TOOLS], help="all by default")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder, tools = Path(name), found_tools(given.tools, given.python)
        source = write_source(folder, given.rows, given.shard)
        if given.table == "rates":
            table_of_rates(source, folder, given.rows, given.turns, tools)
        elif given.table == "kills":
            table_of_kills(source, folder, given.rows, given.kills, tools)
        else:
            table_of_readers(source, folder, given.python, given.turns)


if __name__ == "__main__":
    main()
