"""Training batches through Ray Data: planned here on the pixel-free index, read by CPU tasks, in the order of steps.

The position in the data is the step: a stream begun at step k gives what a stream from 0 gives from its k-th batch
on. Only pixels come back from the tasks; keys, labels and whatever else the index knows stay in this process.
"""

from __future__ import annotations

import dataclasses
import itertools
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from difffas.errors import UserError
from factory import cluster
from factory.cluster.settling import settle
from factory.corpus import Corpus
from factory.train.batches import flips, share
from factory.train.random_reads import images_at

if TYPE_CHECKING:
    from ray.data import Dataset

Batch = dict[str, np.ndarray]

WINDOW = 256  # steps handed to Ray at a time: bounds this process's memory
AT_HAND = 2  # batches at hand, so that training goes on while the next window starts
# Pauses of Ray Data's loop: while a batch is wanted, which takes a few turns of it, and while none is.
TURN_SECONDS, REST_SECONDS = 0.005, 0.05
# Ray Data's default is endless: an image that kills its process would start it again for ever.
BOUNDED = {"max_retries": 2}


class Order(NamedTuple):
    """One batch before it is read."""

    facts: Batch  # what the index knows of it; joins the pixels in the batch
    places: dict[str, Any]  # what the reading task gets; strings, numbers, lists and arrays of them


class Reader(NamedTuple):
    """The batches of one worker, by two functions: `plan` goes to one process, `read` to every task that reads.

    Keep both small: `plan` may hold the index's columns, but no network.
    """

    plan: Callable[[int], Order]
    read: Callable[[dict[str, Any]], Batch]

    def __call__(self, step: int) -> Batch:
        """The batch of a step, read right here."""
        order = self.plan(step)
        return {**order.facts, **self.read(order.places)}


def image_reader(
    corpora: Sequence[Corpus],
    samples: Callable[[np.ndarray], Mapping[str, np.ndarray]],
    columns: Mapping[str, np.ndarray],
    batch_size: int,
    seed: int,
    rank: int,
    world: int,
) -> Reader:
    """Batches of images, half of the samples mirrored.

    Args:
        corpora: where the images are. Rows are numbered through all of them, in this order.
        samples: counters of samples (`batches.share`) to row numbers by role, such as live, spoof and guide.
        columns: facts of all rows by name, in the order of row numbers; a batch has those of its first role.
        batch_size: over all workers. seed: decides what is mirrored. rank, world: of this worker.

    A batch has uint8 (N, H, W, 3) for every role, the columns' values, and `keys`, the keys of its rows (N, roles).

    Raises:
        ValueError: if the batch does not divide among the workers.
    """
    share(0, batch_size, rank, world)
    roles = tuple(samples(share(0, batch_size, rank, world)))
    sources = _Sources(corpora)

    def plan(step: int) -> Order:
        counters = share(step, batch_size, rank, world)
        numbers = samples(counters)
        taken = {name: values[numbers[roles[0]]] for name, values in columns.items()}
        keys = np.stack([sources.keys(numbers[role]) for role in roles], axis=1)
        every = np.concatenate([numbers[role] for role in roles])
        mirrored = np.tile(flips(counters, seed), len(roles))
        return Order({**taken, "keys": keys}, {**sources.places(every), "mirrored": mirrored})

    return Reader(plan, ReadImages(tuple(corpus.storage.url for corpus in corpora), roles))


@dataclasses.dataclass(frozen=True)
class ReadImages:
    """Reads, decodes and mirrors the images of one batch; those of all roles stand one after the other.

    Raises ValueError if the images are not all of one size.
    """

    urls: tuple[str, ...]
    roles: tuple[str, ...]

    def __call__(self, places: dict[str, Any]) -> Batch:
        """uint8 (N, H, W, 3) by role."""
        corpus, shard, position = (np.asarray(places[name]) for name in ("corpus", "shard", "position"))
        found: list[np.ndarray] = [np.empty(0)] * len(position)
        for source, name in dict.fromkeys(zip(corpus.tolist(), shard.tolist(), strict=True)):
            mine = np.flatnonzero((corpus == source) & (shard == name))
            distinct, back = np.unique(position[mine], return_inverse=True)
            images = images_at(self.urls[source], name, distinct.tolist())
            for place, which in zip(mine, back, strict=True):
                found[place] = images[which]
        sizes = {image.shape for image in found}
        if len(sizes) > 1:
            raise UserError(f"{', '.join(self.urls)}: image sizes {sorted(sizes)}; prepare with one --size")
        pixels = np.stack(found)
        mirrored = np.asarray(places["mirrored"])
        pixels[mirrored] = pixels[mirrored, :, ::-1]
        return dict(zip(self.roles, np.split(pixels, len(self.roles)), strict=True))


def stream(reader: Reader, first: int, last: int, ahead: int = 4, num_cpus: float = 0.0) -> Iterator[Batch]:
    """The batches of steps `first` … `last` − 1 in that order, each read by a task of Ray Data.

    A process beside this one plans and keeps Ray Data going, which takes tens of milliseconds of Python for every
    batch: a training loop that starts GPU kernels has none to spare.

    Args:
        reader: what to read. `Reader(plan, read)` with any two functions does.
        ahead: batches that are being read or wait to be taken, twice as many for a moment where windows meet.
        num_cpus: of each reading task. Ray Train's workers hold CPUs for as long as they live: where they hold all,
            only 0 lets the tasks run; there are never more than `ahead` of them.

    Closing the iterator ends the reading. Arrays are read-only views of the object store.

    Raises:
        ray.exceptions.RayError: if a batch cannot be read, three times where its process dies.
    """
    if first >= last:
        return
    cluster.connect()
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    # One call per process: a cancellation that comes late must not hit the next stream.
    feed = ray.remote(max_calls=1)(_feed).options(
        num_cpus=0,
        num_returns="streaming",
        max_retries=0,
        scheduling_strategy=NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False),
        _generator_backpressure_num_objects=AT_HAND,
    )
    batches = feed.remote(reader, first, last, ahead, num_cpus)
    try:
        for batch in batches:
            yield ray.get(batch)
    except GeneratorExit:
        ray.cancel(batches, force=True)
        raise


def _feed(reader: Reader, first: int, last: int, ahead: int, num_cpus: float) -> Iterator[Batch]:
    """Window after window, each begun before the one in front ends; the first tells how large a batch is."""
    cluster.connect()
    starts = [first, *range(first + ahead, last, WINDOW)]
    windows = [range(start, min(stop, last)) for start, stop in itertools.pairwise([*starts, last])]
    following: Future[Iterator[Batch]] | None = None
    with ThreadPoolExecutor(max_workers=1) as beside:
        for window, after in itertools.zip_longest(windows, windows[1:]):
            _wanted.set()
            batches = following.result() if following else _begin(reader, window, ahead, num_cpus, None)
            following = None
            for step, batch in zip(window, batches, strict=True):
                if after and following is None and window.stop - step <= 2 * ahead:
                    size = sum(array.nbytes for array in batch.values())
                    following = beside.submit(_begin, reader, after, ahead, num_cpus, size)
                _wanted.clear()
                yield batch
                _wanted.set()


def _begin(reader: Reader, window: range, ahead: int, num_cpus: float, size: int | None) -> Iterator[Batch]:
    """The batches of some steps, the first of them read."""
    orders = [reader.plan(step) for step in window]
    rows = iter(_dataset([order.places for order in orders], reader.read, ahead, num_cpus, size).iter_rows())
    pixels = itertools.chain([next(rows)], rows)
    return ({**order.facts, **found} for order, found in zip(orders, pixels, strict=True))


def _dataset(
    places: list[dict[str, Any]],
    read: Callable[[dict[str, Any]], Batch],
    ahead: int,
    num_cpus: float,
    size: int | None,
) -> Dataset:
    import ray.data
    from ray.data import ExecutionResources, TaskPoolStrategy

    dataset = ray.data.from_items(places, override_num_blocks=len(places))
    options = dataset.context.execution_options
    options.preserve_order = True
    dataset.context.custom_execution_callback_classes = [Pausing]
    settle(dataset)
    if size is not None:
        options.resource_limits = ExecutionResources(object_store_memory=ahead * size)
    return dataset.map(read, compute=TaskPoolStrategy(size=ahead), num_cpus=num_cpus, **BOUNDED)


_wanted = threading.Event()  # in the process of `_feed`: a batch is asked for


class Pausing:
    """Ray Data's callback by which its loop pauses: while nobody takes its output it would turn without a rest.

    On two cores that loop took one of them from the training beside it.
    """

    def before_execution_starts(self, executor: object) -> None:
        """Nothing to do."""

    def on_execution_step(self, executor: object) -> None:
        """Called in each turn of the loop."""
        if _wanted.is_set():
            time.sleep(TURN_SECONDS)
        else:
            _wanted.wait(REST_SECONDS)

    def after_execution_succeeds(self, executor: object) -> None:
        """Nothing to do."""

    def after_execution_fails(self, executor: object, error: Exception) -> None:
        """Nothing to do."""


class _Sources:
    """Where the rows of some corpora are, under one numbering."""

    def __init__(self, corpora: Sequence[Corpus]) -> None:
        self._starts = np.cumsum([0, *map(len, corpora)])
        self._shards = [corpus.index.column("shard").combine_chunks() for corpus in corpora]
        self._keys = [corpus.index.column("key").combine_chunks() for corpus in corpora]
        self._position = np.concatenate([corpus.column("position") for corpus in corpora])

    def keys(self, numbers: np.ndarray) -> np.ndarray:
        """Keys, objects (N,)."""
        return self._text(self._keys, numbers)

    def places(self, numbers: np.ndarray) -> dict[str, Any]:
        """Corpus, shard and position in it."""
        shard = self._text(self._shards, numbers).tolist()
        return {"corpus": self._corpus(numbers), "shard": shard, "position": self._position[numbers]}

    def _corpus(self, numbers: np.ndarray) -> np.ndarray:
        return np.searchsorted(self._starts, numbers, side="right") - 1

    def _text(self, columns: list[pa.Array], numbers: np.ndarray) -> np.ndarray:
        corpus = self._corpus(numbers)
        values = np.empty(len(numbers), dtype=object)
        for which, column in enumerate(columns):
            mine = corpus == which
            values[mine] = column.take(pa.array(numbers[mine] - self._starts[which])).to_pylist()
        return values


def cpus_per_task(cluster_cpus: float, workers: int, cpus_per_worker: float, ahead: int) -> float:
    """CPUs a reading task may ask for, so that what the workers leave is enough for all: 0 where they leave none."""
    left = max(0.0, cluster_cpus - workers * cpus_per_worker)
    return min(1.0, left / (workers * ahead))
