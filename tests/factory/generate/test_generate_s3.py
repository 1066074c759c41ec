"""A generation run on S3 through a failing proxy, by the command and real Ray workers, against a local run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.corpora import small_rows, write_corpus
from factory.core.config import load
from factory.corpus import Corpus
from factory.generate import GenerateConfig, run
from factory.run.ledger import Ledger
from factory.storage import Storage
from tests.faultproxy import FaultProxy
from tests.s3 import SECRET_KEY, S3Server

SETTINGS = [
    "plan.samples=40",
    "sampler.t0=[100, 300]",
    "sampler.batch_size=4",
    "output.rows_per_shard=6",
    "output.formats=[parquet, webdataset]",
    "resources.gpus_per_generator=0",
]


def inputs(real: str, out: str) -> list[str]:
    return [f"inputs.live={real}", f"inputs.guides={real}", "inputs.generator=dummy", f"out={out}", *SETTINGS]


@pytest.mark.slow
def test_a_run_on_a_failing_s3_is_byte_equal_to_a_local_run(
    s3_server: S3Server, s3_bucket: str, tmp_path: Path, ray_local: None
) -> None:
    write_corpus(tmp_path / "real", small_rows())
    write_corpus(f"{s3_bucket}/real", small_rows())  # type: ignore[arg-type]
    here = run(load(GenerateConfig, None, inputs(f"{tmp_path}/real", f"{tmp_path}/spoofs")))

    rates = dict.fromkeys(("slow_down", "late_error", "reset", "lost_answer", "cut_answer", "latency"), 0.05)
    with FaultProxy(s3_server.port, rates) as proxy:  # type: ignore[arg-type]
        done = subprocess.run(
            [sys.executable, "-m", "factory.entry", "generate", *inputs(f"{s3_bucket}/real", f"{s3_bucket}/spoofs")],
            env=os.environ | s3_server.environment(proxy.endpoint) | {"RAY_ADDRESS": "local"},
            capture_output=True,
            text=True,
            timeout=300,
        )
    assert done.returncode == 0, done.stderr[-3000:]
    assert SECRET_KEY not in done.stdout + done.stderr
    assert all(proxy.counts[fault] for fault in rates), proxy.counts

    local, remote = Storage(f"{tmp_path}/spoofs"), Storage(f"{s3_bucket}/spoofs")
    timing = {"seconds": 0, "images_per_second": 0}
    figures = json.loads(remote.read("summary.json"))
    assert figures.pop("digests")["index.parquet"]  # run.json's is of other places
    assert figures | timing == here | timing
    assert here["written"] == 40 == len(Corpus(remote.url))
    assert Corpus(remote.url).digest == Corpus(local.url).digest
    assert remote.names("data") == local.names("data")
    for name in local.names("data"):
        assert remote.read(f"data/{name}") == local.read(f"data/{name}"), name
    for ours, theirs in zip(Ledger(local).records(), Ledger(remote).records(), strict=True):
        for fact in ("shard", "planned", "rows", "rejects", "styles", "files", "brisque", "attempt", "device"):
            assert ours[fact] == theirs[fact]
    assert len(local.names("data")) == 2 * here["shards"]
    assert remote.read("index.parquet") == local.read("index.parquet")
