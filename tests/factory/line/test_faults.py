"""Faults as rows: what one shard alone meets, and what every shard would meet."""

from __future__ import annotations

import errno
from pathlib import Path

from benchmarks.corpora import NoConfig
from factory.line.block import Block
from factory.line.faults import Quarantine, carry
from factory.run import Run
from factory.storage.s3_retry import Refused


def test_the_latest_fault_of_a_shard_is_known(tmp_path: Path) -> None:
    quarantine = Quarantine(Run(str(tmp_path / "out"), "test", {}, NoConfig()).storage)
    for number in range(12):  # twelve: the order must not be that of text
        quarantine.add("train-000001", f"fault {number}", 3)
    quarantine.add("train-000002", "other", 3)
    assert quarantine.shards() == {"train-000001": "fault 11", "train-000002": "other"}


def test_what_every_shard_would_meet_is_told_from_a_fault_of_one() -> None:
    def stops(error: Exception, stage: str = "publish") -> bool:
        def work(_: Block) -> Block:
            raise error

        return bool(carry(Block(shard="train-000000"), stage, work)["stops"])

    assert stops(Refused("s3://bucket/x: bucket 'bucket' refused access (ExpiredToken)"))
    assert stops(OSError(errno.EROFS, "Read-only file system"))
    assert not stops(OSError(errno.EIO, "gave up after 20 attempts"))
    assert stops(PermissionError(errno.EACCES, "Permission denied"))
    assert not stops(PermissionError(errno.EACCES, "Permission denied"), "read"), "one photograph, not the output"
    assert not stops(ValueError("a strange image"))
