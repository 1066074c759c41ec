"""Training batches through Ray Data: planned here on the pixel-free index, read by CPU tasks, in the order of steps.

The step is the position in the data: a stream begun at step k yields the same batches as a stream from 0 yields from
its k-th batch on. Tasks return only pixels; keys, labels and other facts of the index stay in this process.
"""

from __future__ import annotations

import dataclasses
import itertools
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Generic, NamedTuple, TypedDict, TypeVar

import numpy as np
import pyarrow as pa

from difffas.errors import UserError
from factory import cluster
from factory.cluster.retries import BOUNDED
from factory.cluster.settling import settle
from factory.corpus import Corpus
from factory.train.batches import flips, share
from factory.train.random_reads import images_at

if TYPE_CHECKING:
    from ray.data import Dataset

Batch = dict[str, np.ndarray]

WINDOW = 256  # steps handed to Ray at a time: bounds this process's memory
AT_HAND = 2  # batches kept ready, so that training continues while the next window starts
# Pauses of Ray Data's loop: while a batch is wanted, which takes a few turns of the loop, and while none is wanted.
TURN_SECONDS, REST_SECONDS = 0.005, 0.05


class Places(TypedDict):
    """Where the images of a batch are, as a row of Ray Data: one entry per image, role after role."""

    corpus: np.ndarray  # int64, number of the corpus
    shard: list[str]
    position: np.ndarray  # int64, in the shard
    mirrored: np.ndarray  # bool


PlacesT = TypeVar("PlacesT", bound=Mapping[str, object])


class BatchRequest(NamedTuple, Generic[PlacesT]):
    """One batch before its images are read."""

    facts: Batch  # the batch's facts from the index; they are added to the pixels
    places: PlacesT  # input of the reading task, a row of Ray Data: strings, numbers, lists and arrays of them


class BatchReader(NamedTuple, Generic[PlacesT]):
    """The batches of one worker, as two functions: `plan` goes to one process, `read` to every task that reads.

    Keep both small: `plan` may hold the index's columns, but must not hold a network.
    """

    plan: Callable[[int], BatchRequest[PlacesT]]
    read: Callable[[PlacesT], Batch]

    def __call__(self, step: int) -> Batch:
        """Read the batch of a step in this process."""
        request = self.plan(step)
        return {**request.facts, **self.read(request.places)}


def image_reader(
    corpora: Sequence[Corpus],
    samples: Callable[[np.ndarray], Mapping[str, np.ndarray]],
    columns: Mapping[str, np.ndarray],
    batch_size: int,
    seed: int,
    rank: int,
    world: int,
    mirror: bool = True,
) -> BatchReader[Places]:
    """A reader of batches of images, with half of the samples mirrored unless `mirror` is off.

    Args:
        corpora: the corpora that hold the images. Rows are numbered consecutively through all of them, in this order.
        samples: maps counters of samples (`batches.share`) to row numbers by role, such as live, spoof and guide.
        columns: facts of all rows by name, in the order of row numbers; a batch has the facts of its first role.
        batch_size: over all workers. seed: decides which samples are mirrored. rank, world: this worker's rank, and
            the number of workers.

    A batch has uint8 (N, H, W, 3) for every role, the columns' values, and `keys`, the keys of its rows (N, roles).

    Raises:
        UserError: if the batch does not divide among the workers.
    """
    share(0, batch_size, rank, world)
    roles = tuple(samples(share(0, batch_size, rank, world)))
    rows = _RowNumbers(corpora)

    def plan(step: int) -> BatchRequest[Places]:
        counters = share(step, batch_size, rank, world)
        numbers = samples(counters)
        taken = {name: values[numbers[roles[0]]] for name, values in columns.items()}
        keys = np.stack([rows.keys(numbers[role]) for role in roles], axis=1)
        every = np.concatenate([numbers[role] for role in roles])
        mirrored = np.tile(flips(counters, seed) & mirror, len(roles))
        return BatchRequest({**taken, "keys": keys}, rows.places(every, mirrored))

    return BatchReader(plan, ReadImages(tuple(corpus.storage.url for corpus in corpora), roles))


@dataclasses.dataclass(frozen=True)
class ReadImages:
    """Reads, decodes and mirrors the images of one batch, one role after the other.

    Raises UserError if the images differ in size.
    """

    urls: tuple[str, ...]
    roles: tuple[str, ...]

    def __call__(self, places: Places) -> Batch:
        """uint8 (N, H, W, 3) by role."""
        corpus, shard, position = map(np.asarray, (places["corpus"], places["shard"], places["position"]))
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


def stream(
    reader: BatchReader[PlacesT], first: int, last: int, ahead: int = 4, num_cpus: float = 0.0
) -> Iterator[Batch]:
    """Yield the batches of steps `first` … `last` − 1 in that order, each read by a task of Ray Data.

    A separate process plans and drives Ray Data, which takes tens of milliseconds of Python per batch: too long for
    a training loop that starts GPU kernels.

    Args:
        reader: defines the batches; `BatchReader(plan, read)` accepts any two functions.
        ahead: batches that are being read or wait to be taken; briefly twice as many where two windows meet.
        num_cpus: CPUs of each reading task. Ray Train's workers hold CPUs as long as they live: if they hold all,
            only 0 lets the tasks run; at most `ahead` tasks run at once.

    Closing the iterator ends the reading. Arrays are read-only views of the object store.

    Raises:
        ray.exceptions.RayError: if a batch cannot be read; if its process dies, after three attempts.
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


def _feed(reader: BatchReader[PlacesT], first: int, last: int, ahead: int, num_cpus: float) -> Iterator[Batch]:
    """Yield window after window; each starts before the previous one ends. The first reveals the size of a batch."""
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


def _begin(
    reader: BatchReader[PlacesT], window: range, ahead: int, num_cpus: float, size: int | None
) -> Iterator[Batch]:
    """The batches of some steps, with the first batch already read."""
    requests = [reader.plan(step) for step in window]
    rows = iter(_dataset([request.places for request in requests], reader.read, ahead, num_cpus, size).iter_rows())
    pixels = itertools.chain([next(rows)], rows)
    return ({**request.facts, **found} for request, found in zip(requests, pixels, strict=True))


def _dataset(
    places: list[PlacesT],
    read: Callable[[PlacesT], Batch],
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
    """A Ray Data callback that makes its loop pause: otherwise the loop spins while its output is not taken.

    On two cores the spinning loop took one core from the training.
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


class _RowNumbers:
    """Locates the rows of several corpora under one consecutive numbering."""

    def __init__(self, corpora: Sequence[Corpus]) -> None:
        self._starts = np.cumsum([0, *map(len, corpora)])
        self._shards = [corpus.index.column("shard").combine_chunks() for corpus in corpora]
        self._keys = [corpus.index.column("key").combine_chunks() for corpus in corpora]
        self._position = np.concatenate([corpus.column("position") for corpus in corpora])

    def keys(self, numbers: np.ndarray) -> np.ndarray:
        """Keys, objects (N,)."""
        return self._text(self._keys, numbers)

    def places(self, numbers: np.ndarray, mirrored: np.ndarray) -> Places:
        """Where the images of these rows are."""
        return {
            "corpus": self._corpus(numbers),
            "shard": self._text(self._shards, numbers).tolist(),
            "position": self._position[numbers],
            "mirrored": mirrored,
        }

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
    """CPUs that each reading task may ask for, so that the CPUs left by the workers suffice; 0 if none are left."""
    left = max(0.0, cluster_cpus - workers * cpus_per_worker)
    return min(1.0, left / (workers * ahead))
