"""The line: Ray Data carries shards through stages of actors and tasks to the ledger.

A Ray row *is* a shard here: `{"shard", "records" (JSON), "pixels" (N, H, W, 3), …}`. Blocks can therefore be merged,
split or reordered by Ray without a sample ever changing its shard, and the last stage publishes one whole shard.
Publishing is a map stage, not a Datasink, so that finished records stream back to the driver: that is where the
progress in images comes from.
"""

from __future__ import annotations

import itertools
import json
import platform
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from factory import cluster
from factory.corpus import totals, write_index
from factory.encode import encode_and_score
from factory.ledger import Ledger
from factory.progress import Progress
from factory.run import Run, software
from factory.shards import OutputConfig, publish
from factory.storage import Storage

if TYPE_CHECKING:
    from ray.data import Dataset

WINDOW = 2000  # shards handed to Ray at a time: bounds the driver's memory


def run_line(
    run: Run,
    name: str,
    shards: Iterable[str],
    images: int,
    stages: Callable[[Dataset], Dataset],
    prefix: str,
    output: OutputConfig,
) -> dict[str, Any]:
    """Make every unfinished shard of a run, write the index, close the run; returns its summary.

    Args:
        run: the claimed output folder.
        name: what the progress line calls this run.
        shards: all shard names of the plan, finished ones included.
        images: planned images over all shards.
        stages: from a dataset of `{"shard"}` to one of `{"shard", "records", "pixels"}`.
        prefix: begins the file names in `data/`.
        output: formats, codec and shard size.
    """
    finished = run.summary()
    if finished is not None:
        return finished
    cluster.connect()
    import ray

    names = list(shards)
    ledger = Ledger(run.storage)
    done = ledger.done()
    todo = [shard for shard in names if shard not in done]
    progress = Progress(name, len(names), images, len(names) - len(todo))
    settings = {"url": run.storage.url, "prefix": prefix, "output": output.model_dump(mode="json")}
    for window in _windows(todo):
        dataset = ray.data.from_items([{"shard": shard} for shard in window], override_num_blocks=len(window))
        for finished_row in stages(dataset).map(_finish, fn_kwargs=settings, num_cpus=1).iter_rows():
            progress.add(finished_row["planned"])
    # The index is never written twice: nothing may be missing when it is.
    missing = set(names) - ledger.done()
    assert not missing, f"shards not made: {sorted(missing)[:3]}"
    counts = totals(ledger.records())
    assert counts["planned"] == images, f"{counts['planned']} images in the ledger, {images} in the plan"
    write_index(run.storage)
    made = sum(ledger.read(shard)["planned"] for shard in todo)
    rate = made / progress.seconds if todo else None
    return run.finish({**counts, "seconds": progress.seconds, "images_per_second": rate})


def _windows(shards: list[str]) -> Iterator[list[str]]:
    iterator = iter(shards)
    while window := list(itertools.islice(iterator, WINDOW)):
        yield window


def _finish(row: dict[str, Any], url: str, prefix: str, output: dict[str, Any]) -> dict[str, Any]:
    """Encode, score and publish one shard; what goes on is its counts."""
    config = OutputConfig.model_validate(output)
    rows, rejects = encode_and_score(json.loads(row["records"]), row["pixels"], config)
    notes = {"device": row.get("device", platform.machine()), "software": software()}
    record = publish(Storage(url), prefix, row["shard"], rows, rejects, config, notes)
    return {"shard": row["shard"], "planned": record["planned"]}
