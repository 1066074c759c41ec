"""A generated corpus with a secret in its settings, written through the stations' own functions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.corpora import row
from factory.cards import write_corpus_card
from factory.core.config import Config
from factory.corpus import totals, write_index
from factory.corpus.row import SPOOF, Row, style_of
from factory.corpus.shards import OutputConfig, commit
from factory.run import Run
from factory.run.ledger import Ledger
from factory.run.record import Reject, SizeAuc
from factory.storage import Storage

SECRET = "planted-secret-88"


class Places(Config):
    live: str = f"s3://user:{SECRET}@private-bucket/lives"
    generator: str = f"/home/somebody/{SECRET}/model"


def spoof(number: int, **given: Any) -> Row:
    """A row as `generate` writes it."""
    facts = {
        "label": SPOOF, "attack": "print", "live_key": f"row-{number}", "guide_key": "row-99", "live_domain": "cam",
        "live_source": "a", "guide_source": "b", "live_license": "CC-BY-4.0", "guide_license": "OULU agreement",
        "license": "OULU agreement", "t0": 100 + number, "cfg_scale": 1.0 + number, "match": "style", "steps": 25,
        "sampler": "ddim", "preset": "exact", "seed": number, "generator": "ab" * 32, "brisque": 10.0 * number - 5,
        "brisque_impl": "ours-1",
    }  # fmt: skip
    return row(number, **{**facts, "style": style_of("cam", "print"), **given})


def generated(folder: Path, formats: tuple[str, ...] = ("parquet", "webdataset")) -> Storage:
    run = Run(str(folder), "generate", {"plan": 1}, Places(), {"shards": 2, "images": 9})
    output = OutputConfig.model_validate({"formats": formats})
    rejects: list[Reject] = [{"key": "row-7777", "reason": "the generator made non-finite pixels"}]
    auc: list[SizeAuc] = [{"auc": 0.25, "live": 6, "spoof": 6}, {"auc": 1.0, "live": 2, "spoof": 2}]
    train, test = [spoof(i) for i in range(6)], [spoof(i, split="test") for i in (6, 7)]
    commit(run.storage, "spoof", "train-000000", train, rejects, output, {"size_auc": auc[0]})
    commit(run.storage, "spoof", "test-000000", test, [], output, {"size_auc": auc[1]})
    write_index(run.storage)
    write_corpus_card(run.storage)
    run.finish(totals(Ledger(run.storage).records()))
    return run.storage
