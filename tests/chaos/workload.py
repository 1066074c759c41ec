"""What is generated under fire: a small corpus by a tiny diffusion model, and the judgement of what came out."""

from __future__ import annotations

import contextlib
import hashlib
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.corpora import small_rows, write_corpus
from factory.corpus.shards import FORMATS
from factory.corpus.verify import verify
from factory.run.ledger import Ledger
from factory.run.record import ShardRecord
from factory.storage import Storage
from factory.storage.exclusive import UNFINISHED

STALL_SECONDS = 180.0  # far above what any shard takes here


@dataclass(frozen=True)
class Workload:
    """Inputs in `folder` and how much is made of them."""

    folder: Path
    shards: int = 40
    rows: int = 24
    steps: int = 8
    generators: int = 2

    def prepare(self) -> Workload:
        """Write corpus and model; torch is imported here only."""
        import torch

        from difffas.pipeline import SpoofPipeline
        from difffas.style_encoder import StyleEncoder
        from difffas.unet import SpoofUNet

        write_corpus(self.folder / "real", small_rows())
        torch.manual_seed(0)
        unet = SpoofUNet(base_channels=8, channel_multipliers=(1, 1, 1, 1, 1, 1), embed_channels=16)
        encoder = StyleEncoder(["a-print", "a-live"], stem_channels=8, channels=(8, 8, 8, 8), depths=(1, 1, 1, 1))
        for parameter in unet.parameters():  # as initialised it would return its input
            torch.nn.init.normal_(parameter, std=0.2)
        SpoofPipeline(unet, encoder).save_pretrained(self.folder / "model")
        return self

    def command(self, out: Path) -> list[str]:
        """The `difffas generate` that fills `out`."""
        settings = [
            f"inputs.live={self.folder}/real",
            f"inputs.guides={self.folder}/real",
            f"inputs.generator={self.folder}/model",
            f"out={out}",
            f"plan.samples={self.shards * self.rows}",
            f"sampler.steps={self.steps}",
            "sampler.t0=[100, 300]",
            "sampler.cfg_scale=[1.0, 3.0]",
            "sampler.batch_size=8",
            f"output.rows_per_shard={self.rows}",
            "output.formats=[parquet, webdataset]",
            f"resources.generators={self.generators}",
            "resources.gpus_per_generator=0",
            "resources.threads=1",
            f"resources.stall_seconds={STALL_SECONDS}",
        ]
        return [sys.executable, "-m", "factory.entry", "generate", *settings]


@dataclass(frozen=True)
class Rendering(Workload):
    """Rendered people instead, a shard each: live and under one attack in two domains."""

    rows: int = 4

    def command(self, out: Path) -> list[str]:
        """The `difffas world` that fills `out`."""
        attack = "rigid_mask"  # needs no enrolment
        options = ["--people", str(self.shards), "--domains", "phone,webcam", "--attacks", attack, "--size", "32"]
        settings = [
            f"output.rows_per_shard={self.rows}",
            "output.formats=[parquet, webdataset]",
            f"resources.stall_seconds={STALL_SECONDS}",
        ]
        given = [part for setting in settings for part in ("--set", setting)]
        return [sys.executable, "-m", "factory.entry", "world", "--out", str(out), "--samples", "1", *options, *given]


def finished_shards(out: Path) -> int:
    """Ledger records there are."""
    return len(Ledger(Storage(str(out))).done())


def hashes(out: Path) -> dict[str, str]:
    """sha256 of every file in `data/`; what a killed writer left unfinished is not one."""
    files = sorted((out / "data").iterdir())
    return {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in files
        if not file.name.startswith(UNFINISHED)
    }


@dataclass(frozen=True)
class Verdict:
    """What a run left behind, against what an undisturbed one leaves."""

    planned: int
    written: int
    rejected: int
    duplicates: int
    equal: bool
    leftovers: int  # unfinished files of killed writers: never read or listed
    problems: list[str]

    @property
    def good(self) -> bool:
        """Everything once, nothing else, every byte the same."""
        whole = self.planned == self.written + self.rejected
        return whole and self.equal and not self.duplicates and not self.problems


def judge(out: Path, workload: Workload, reference: dict[str, str] | None) -> Verdict:
    """Count a finished run from its ledger and its files; compare these with the hashes of the reference, if any."""
    storage = Storage(str(out))
    records = list(_readable(Ledger(storage)))
    planned = sum(record["planned"] for record in records)
    problems = list(verify(str(out))["problems"])
    named = {file["path"].removeprefix("data/") for record in records for file in record["files"].values()}
    found = hashes(out)
    if set(found) != named:
        problems.append(f"data/ and the ledger differ in {sorted(set(found) ^ named)}")
    if planned != workload.shards * workload.rows:
        problems.append(f"{planned} images planned in the ledger of {workload.shards * workload.rows}")
    return Verdict(
        planned=planned,
        written=sum(record["rows"] for record in records),
        rejected=sum(len(record["rejects"]) for record in records),
        duplicates=sum(_duplicates(storage, name, records, found) for name in FORMATS),
        equal=reference is None or found == reference,
        leftovers=sum(1 for _ in out.rglob(f"{UNFINISHED}*")),
        problems=problems,
    )


def _readable(ledger: Ledger) -> Iterator[ShardRecord]:
    for shard in sorted(ledger.done()):
        with contextlib.suppress(ValueError):  # a broken record is a problem that `verify` names
            yield ledger.read(shard)


def _duplicates(storage: Storage, name: str, records: list[ShardRecord], found: dict[str, str]) -> int:
    """Rows of one format beyond the first of their key; a file that is not the ledger's is a problem by itself."""
    keys: Counter[str] = Counter()
    for record in records:
        file = record["files"][name]
        if found.get(file["path"].removeprefix("data/")) == file["sha256"]:
            with storage.open(file["path"]) as opened:
                keys.update(FORMATS[name].read_facts(opened)["key"].to_pylist())
    return keys.total() - len(keys)
