"""Index rows of data sets by their published names, and protocols over them."""

from __future__ import annotations

import itertools
from typing import Any

import pyarrow as pa

from factory import protocols
from factory.corpus import Corpus
from factory.corpus.row import INDEX_SCHEMA, LIVE, SPOOF
from factory.protocols import PARTS, Protocol
from factory.storage import Storage

OULU_ATTACK = {1: "live", 2: "print", 3: "print", 4: "replay", 5: "replay"}
WMCA_ATTACKS = ("print", "replay", "fake_head", "rigid_mask", "flexible_mask", "paper_mask", "glasses")
SHIPPED = {name: protocols.load(name) for name in protocols.names() if not name.startswith("padisi-part")}
WMCA_LOO = [f"wmca-loo-{attack}" for attack in WMCA_ATTACKS]


def index(lines: list[dict[str, Any]]) -> pa.Table:
    """Index lines that hold the columns a protocol looks at."""
    whole = [
        {
            "key": f"row-{number:05d}",
            "label": LIVE if line["attack"] == "live" else SPOOF,
            "style": f"{line['domain']}-{line['attack']}",
            **line,
        }
        for number, line in enumerate(lines)
    ]
    return pa.Table.from_pylist(whole, schema=INDEX_SCHEMA)


def view(lines: list[dict[str, Any]], protocol: Protocol | None) -> Corpus:
    """A corpus without a folder, under a protocol."""
    corpus = object.__new__(Corpus)
    corpus.storage = Storage("no/such/folder")
    corpus.index = corpus.official = index(lines)
    corpus.protocol = None
    return corpus.under(protocol)


def oulu() -> list[dict[str, Any]]:
    """Every recording of OULU-NPU."""
    return [
        {
            "domain": "oulu_npu",
            "split": "train" if user <= 20 else "dev" if user <= 35 else "test",
            "attack": OULU_ATTACK[file],
            "subject": f"{user:02d}",
            "capture": f"{phone}_{session}_{user:02d}_{file}",
        }
        for phone, session, user, file in itertools.product(range(1, 7), range(1, 4), range(1, 56), range(1, 6))
    ]


def faces(domain: str, attacks: tuple[str, ...], splits: tuple[str, ...] = PARTS) -> list[dict[str, Any]]:
    """Two subjects in each split, one recording of everything each."""
    return [
        {"domain": domain, "split": split, "attack": attack, "subject": f"{split}_{n}", "capture": f"{attack}_{n}"}
        for split, attack, n in itertools.product(splits, ("live", *attacks), range(2))
    ]


WMCA_TYPES = {
    "live": "0_00",
    "glasses": "1_01",
    "fake_head": "2_01",
    "paper_mask": "2_08",
    "rigid_mask": "2_12",
    "flexible_mask": "2_18",
    "print": "3_01",
    "replay": "4_01",
}


def wmca(attacks: tuple[str, ...] = WMCA_ATTACKS, coarse: bool = False) -> list[dict[str, Any]]:
    """Two clients in each split; with coarse names the masks are all one attack."""
    names = {name: "mask" for name in WMCA_ATTACKS if coarse and name.endswith(("mask", "head"))}
    return [
        {
            "domain": "wmca",
            "split": PARTS[client // 2],
            "attack": names.get(attack, attack),
            "subject": f"{client:03d}",
            "capture": f"{client:03d}_01_000_{WMCA_TYPES[attack]}",
        }
        for client, attack in itertools.product(range(6), ("live", *attacks))
    ]


def four() -> list[dict[str, Any]]:
    """A miniature of O, C, I and M."""
    dataless = ("casia_fasd", "msu_mfsd")
    return [
        line
        for domain in ("oulu_npu", "casia_fasd", "replay_attack", "msu_mfsd")
        for line in faces(domain, ("print", "replay"), ("train", "test") if domain in dataless else PARTS)
    ]


def generated(**changed: Any) -> dict[str, Any]:
    """A row that a generator made of two faces of `four()`: a live face of M, a guide of I."""
    made = {
        "key": "made-0",
        "domain": "replay_attack",
        "attack": "print",
        "split": "train",
        "subject": "train_0",
        "capture": "live_0",
        "live_domain": "msu_mfsd",
        "live_key": "row-00048",
        "guide_key": "row-00032",
    }
    return {**made, **changed}


def small() -> list[dict[str, Any]]:
    """`four()` as arguments of `benchmarks.corpora.row`, splits as the shards of the corpus are, in order."""
    lines = sorted(four(), key=lambda line: str(line["split"]))
    return [{**line, "label": LIVE if line["attack"] == "live" else SPOOF} for line in lines]
