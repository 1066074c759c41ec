"""Training batches through real Ray Data."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.corpora import small_rows, write_corpus
from factory.corpus import Corpus
from factory.train.batches import Shuffled, flips
from factory.train.ingest import Batch, BatchReader, BatchRequest, Places, cpus_per_task, image_reader, stream
from factory.train.triples import Pairs
from tests.root import ROOT
from tests.s3 import S3Server

ROLES = ("live", "spoof", "guide")
BATCH, SEED, STEPS = 6, 5, 9


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return write_corpus(tmp_path_factory.mktemp("ingest") / "corpus", small_rows(side=24))


def triples(corpus: Corpus, rank: int = 0, world: int = 1) -> BatchReader[Places]:
    pairs = Pairs(corpus, "train", SEED)
    return image_reader([corpus], lambda n: dict(zip(ROLES, pairs(n), strict=True)), {}, BATCH, SEED, rank, world)


def marking(folder: Path, accident: Any = None) -> BatchReader[dict[str, int]]:
    """Batches of their own number, 8 KiB each; every try to read one leaves a file, and may then have an accident."""

    def read(places: dict[str, int]) -> Batch:
        step = int(places["step"])
        tries = len(list(folder.glob(f"{step}-*")))
        (folder / f"{step}-{tries}").touch()
        if accident is not None:
            accident(step, tries)
        return {"x": np.full((2, 64, 64), step, np.uint8)}

    folder.mkdir()
    return BatchReader(lambda step: BatchRequest({"counter": np.array([step])}, {"step": step}), read)


def same(found: Iterator[Batch], expected: list[Batch]) -> None:
    count = 0
    for ours, theirs in zip(found, expected, strict=True):
        assert list(ours) == list(theirs)
        for name in ours:
            assert ours[name].dtype == theirs[name].dtype
            assert np.array_equal(ours[name], theirs[name])
        count += 1
    assert count == len(expected) > 0


def test_a_batch_is_what_the_plan_names_mirrored_alike_in_every_role(corpus: Corpus) -> None:
    positions, mirrored = Pairs(corpus, "train", SEED)(np.arange(BATCH, 2 * BATCH)), flips(np.arange(BATCH, 12), SEED)
    assert 0 < mirrored.sum() < BATCH
    batch = triples(corpus)(1)
    assert list(batch) == ["keys", *ROLES]
    for number, role in enumerate(ROLES):
        expected = corpus.pixels(positions[number])
        expected[mirrored] = expected[mirrored, :, ::-1]
        assert np.array_equal(batch[role], expected)
        assert list(batch["keys"][:, number]) == list(corpus.column("key")[positions[number]])


def test_rows_of_several_corpora_have_one_numbering(corpus: Corpus, tmp_path: Path) -> None:
    other = write_corpus(tmp_path / "other", small_rows(subjects=2, side=24, domains=("web",)), per_shard=3)
    plan = Shuffled(np.arange(len(corpus) + len(other)), SEED)
    labels = np.arange(len(corpus) + len(other)) * 10
    reader = image_reader([corpus, other], lambda n: {"image": plan(n)}, {"label": labels}, 8, SEED, 0, 1)
    seen = set()
    for step in range(8):
        batch = reader(step)
        counters = np.arange(step * 8, step * 8 + 8)
        for image, key, label, mirror in zip(
            batch["image"], batch["keys"][:, 0], batch["label"], flips(counters, SEED), strict=True
        ):
            source, position = (
                (corpus, label // 10) if label // 10 < len(corpus) else (other, label // 10 - len(corpus))
            )
            expected = source.pixels([position])[0]
            assert key == source.column("key")[position]
            assert np.array_equal(image, expected[:, ::-1] if mirror else expected)
            seen.add(source is corpus)
    assert seen == {True, False}


def test_mixed_sizes_are_refused(corpus: Corpus, tmp_path: Path) -> None:
    other = write_corpus(tmp_path / "other", small_rows(subjects=2, side=32))
    plan = Shuffled(np.arange(len(corpus) + len(other)), SEED)
    reader = image_reader([corpus, other], lambda n: {"image": plan(n)}, {}, 40, SEED, 0, 1)
    with pytest.raises(ValueError, match="sizes .*24, 24.*32, 32.*prepare with one --size"):
        reader(0)


def test_an_indivisible_batch_is_refused(corpus: Corpus) -> None:
    with pytest.raises(ValueError, match="does not divide among 4 workers"):
        triples(corpus, 0, 4)


def test_two_workers_share_the_batch_of_one(corpus: Corpus) -> None:
    whole, first, second = triples(corpus), triples(corpus, 0, 2), triples(corpus, 1, 2)
    for step in range(4):
        for name, values in whole(step).items():
            assert np.array_equal(values, np.concatenate([first(step)[name], second(step)[name]]))


@pytest.mark.slow
def test_the_stream_gives_what_reading_gives_from_any_step_on(ray_local: None, corpus: Corpus) -> None:
    reader = triples(corpus)
    expected = [reader(step) for step in range(STEPS)]
    same(stream(reader, 0, STEPS, ahead=2), expected)
    same(stream(reader, 4, STEPS, ahead=3), expected[4:])
    assert list(stream(reader, STEPS, STEPS)) == []


def test_a_slow_and_a_killed_task_change_nothing(ray_local: None, tmp_path: Path) -> None:
    def accident(step: int, tries: int) -> None:
        if step == 2:
            time.sleep(1.0)
        if step in (5, 6) and tries == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    folder = tmp_path / "tries"
    found = list(stream(marking(folder, accident), 0, 12, ahead=3))
    assert [int(batch["x"].max()) for batch in found] == list(range(12))
    assert [int(batch["x"].min()) for batch in found] == [int(batch["counter"][0]) for batch in found]
    assert {path.name for path in folder.glob("*-1")} >= {"5-1", "6-1"}


@pytest.mark.slow
def test_a_batch_that_kills_every_task_ends_the_stream(ray_local: None, tmp_path: Path) -> None:
    import ray

    def accident(step: int, tries: int) -> None:
        if step == 3:
            os.kill(os.getpid(), signal.SIGKILL)

    folder = tmp_path / "tries"
    with pytest.raises(ray.exceptions.RayError):
        list(stream(marking(folder, accident), 0, 8, ahead=1))
    assert len(list(folder.glob("3-*"))) == 3


def test_an_unreadable_batch_is_named_by_its_error(ray_local: None, tmp_path: Path) -> None:
    def accident(step: int, tries: int) -> None:
        if step == 1:
            raise ValueError("shard train-000001 is gone")

    with pytest.raises(Exception, match="shard train-000001 is gone"):
        list(stream(marking(tmp_path / "tries", accident), 0, 8, ahead=1))


@pytest.mark.slow
def test_reading_stays_so_far_ahead_and_ends_with_the_iterator(ray_local: None, tmp_path: Path) -> None:
    folder = tmp_path / "tries"
    batches = stream(marking(folder), 0, 400, ahead=2)
    for taken in range(12):
        next(batches)
        time.sleep(0.2)
        assert len(list(folder.iterdir())) - taken <= 2 * 2 + 2 + 4
    batches.close()  # type: ignore[attr-defined]
    time.sleep(1.0)
    read = len(list(folder.iterdir()))
    time.sleep(1.0)
    assert len(list(folder.iterdir())) == read < 40


@pytest.mark.slow
def test_windows_follow_each_other_without_a_seam(ray_local: None, tmp_path: Path) -> None:
    reader = BatchReader(
        lambda step: BatchRequest({}, {"step": step}), lambda places: {"x": np.array([places["step"]])}
    )
    assert [int(batch["x"][0]) for batch in stream(reader, 7, 280, ahead=4)] == list(range(7, 280))


@pytest.mark.slow
def test_workers_that_hold_every_cpu_are_fed(ray_local: None, corpus: Corpus) -> None:
    """Two workers on two CPUs, as Ray Train places them."""
    import ray
    from ray.util.placement_group import placement_group, remove_placement_group
    from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

    def worker(reader: BatchReader[Any], num_cpus: float) -> list[Batch]:
        return [{name: values.copy() for name, values in batch.items()} for batch in stream(reader, 0, 5, 2, num_cpus)]

    group = placement_group([{"CPU": 1}] * 2)
    try:
        ray.get(group.ready(), timeout=60)
        readers = [triples(corpus, rank, 2) for rank in range(2)]
        cpus = cpus_per_task(ray.cluster_resources()["CPU"], workers=2, cpus_per_worker=1, ahead=2)
        places = [PlacementGroupSchedulingStrategy(group, rank) for rank in range(2)]
        made = [
            ray.remote(worker).options(num_cpus=1, max_retries=0, scheduling_strategy=place).remote(reader, cpus)
            for place, reader in zip(places, readers, strict=True)
        ]
        for found, reader in zip(ray.get(made, timeout=120), readers, strict=True):
            same(iter(found), [reader(step) for step in range(5)])
    finally:
        remove_placement_group(group)


READ_ON_S3 = """
import hashlib, sys
import numpy as np
from factory import cluster
from factory.train.batches import Shuffled
from factory.corpus import Corpus
from factory.train.ingest import image_reader, stream
cluster.connect(num_cpus=2)
corpus = Corpus(sys.argv[1])
plan = Shuffled(np.arange(len(corpus)), 5)
reader = image_reader([corpus], lambda counters: {"image": plan(counters)}, {}, 6, 5, 0, 1)
print(*(hashlib.sha256(batch["image"]).hexdigest() for batch in stream(reader, 2, 6, 2)))
"""


@pytest.mark.soak
def test_a_corpus_on_s3_gives_the_same_batches(s3_server: S3Server, s3_bucket: str, corpus: Corpus) -> None:
    """In a process of its own: Ray's workers have the environment in which Ray was started."""
    write_corpus(f"{s3_bucket}/corpus", small_rows(side=24))  # type: ignore[arg-type]
    done = subprocess.run(
        [sys.executable, "-c", READ_ON_S3, f"{s3_bucket}/corpus"],
        env=os.environ | s3_server.environment() | {"RAY_ADDRESS": "local"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    plan = Shuffled(np.arange(len(corpus)), SEED)
    reader = image_reader([corpus], lambda n: {"image": plan(n)}, {}, BATCH, SEED, 0, 1)
    assert done.stdout.split() == [hashlib.sha256(reader(step)["image"].tobytes()).hexdigest() for step in range(2, 6)]


@given(cluster=st.integers(1, 64), workers=st.integers(1, 8), each=st.floats(0, 8), ahead=st.integers(1, 8))
def test_tasks_ask_for_no_more_than_the_workers_leave(cluster: int, workers: int, each: float, ahead: int) -> None:
    cpus = cpus_per_task(cluster, workers, each, ahead)
    assert 0 <= cpus <= 1
    assert cpus * ahead * workers <= max(0.0, cluster - workers * each) + 1e-9


@pytest.mark.slow
def test_a_stream_that_nobody_takes_from_costs_no_core(ray_local: None, tmp_path: Path) -> None:
    """Ray Data's loop turns without a rest where it may not go on: `Pausing` gives it one."""

    def feeds() -> float:
        """CPU seconds of the processes that feed streams."""
        import psutil

        return sum(sum(process.cpu_times()[:2]) for process in psutil.process_iter() if mine(process))

    def mine(process: Any) -> bool:
        return process.name().startswith("ray::_feed") and os.getpid() in [parent.pid for parent in process.parents()]

    batches = stream(marking(tmp_path / "tries"), 0, 400, ahead=2)
    for _ in range(4):
        next(batches)
    time.sleep(1.0)
    before = feeds()
    time.sleep(2.0)
    spent = feeds() - before
    batches.close()  # type: ignore[attr-defined]
    assert before > 0
    assert spent < 0.6  # 0.1 alone; without the pauses 1.8
