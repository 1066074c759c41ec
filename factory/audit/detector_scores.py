"""Show spoofs, their live faces and real held-out faces to foreign detectors, and report what these call live."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, TypedDict

import numpy as np
import pyarrow as pa

from difffas.metrics import auc
from factory.audit.corpora import AuditedCorpora
from factory.audit.detectors import Detector, DetectorConfig, absolute
from factory.audit.measures import Task, read_table, to_parquet
from factory.corpus import Corpus, pixels, read_rows
from factory.corpus.row import LIVE, SPOOF
from factory.line.block import Result, result
from factory.line.faults import carry
from factory.line.walk import place_of, walk
from factory.storage import Storage

DETECTORS = "detectors"  # folder
AT_A_TIME = 256  # faces in a table


class CalledLive(TypedDict):
    """How many faces there are, and the share that a detector calls live; None of none."""

    faces: int
    share: float | None


class StyleCalledLive(TypedDict):
    """The generated spoofs of a style, and the real held-out ones."""

    generated: CalledLive
    real: CalledLive


class DetectorFigures(TypedDict):
    """What one detector says."""

    auc: float | None  # of real live faces against real spoofs, held-out: how far it is to be trusted here
    padded: float  # share of its input that repeats the edge of the stored crop
    generated: CalledLive
    live: CalledLive  # the live faces that the spoofs were generated from
    real_spoofs: CalledLive
    real_lives: CalledLive
    by_style: dict[str, StyleCalledLive]


@dataclasses.dataclass(frozen=True)
class _Group:
    """Faces of one corpus, by position."""

    corpus: Corpus
    positions: np.ndarray  # int64

    @property
    def styles(self) -> np.ndarray:
        return np.asarray(self.corpus.column("style")[self.positions])


class ScoreFaces:
    """An actor that turns a chunk of faces into a table of scores in `out`.

    Args:
        configs: the detectors by name. shared: the reference to shard and position of each row by corpus, in a list so
            that Ray does not copy the value into every task.
    """

    def __init__(self, out: str, configs: Mapping[str, DetectorConfig], threads: int, shared: list[Any]) -> None:
        import ray

        self._out = Storage(out)
        self._detectors = {name: Detector(name, config, threads) for name, config in configs.items()}
        self._places = ray.get(shared[0])

    def __call__(self, row: Task) -> Result:
        """Score the faces of a chunk."""
        return result(carry(row, "audit", self._work))

    def _work(self, row: Task) -> Task:
        rows = read_rows(Storage(row["url"]), self._places[row["url"]], row["positions"])
        faces = pixels(rows)
        columns: dict[str, Any] = {"key": [face.key for face in rows]}
        for name, detector in self._detectors.items():
            columns[f"{name}.score"], columns[f"{name}.live"] = detector(faces)
        self._out.create(row["place"], to_parquet(pa.table(columns)))
        return {**row, "planned": len(rows)}


def score_faces(
    configs: Mapping[str, DetectorConfig],
    corpora: AuditedCorpora,
    out: Storage,
    workers: int,
    threads: int,
) -> dict[str, DetectorFigures]:
    """Score what has no table yet, and return the figures of every detector.

    Raises:
        Quarantined: if faces could not be scored.
    """
    groups = _groups(corpora)
    chunks = {
        f"{name}-{first // AT_A_TIME:06d}": (group.corpus.storage.url, group.positions[first : first + AT_A_TIME])
        for name, group in groups.items()
        for first in range(0, len(group.positions), AT_A_TIME)
    }

    def task(chunk: str) -> Task:
        url, positions = chunks[chunk]
        return {"shard": chunk, "url": url, "positions": positions}

    def arguments() -> tuple[object, ...]:
        import ray

        corpus_of = {group.corpus.storage.url: group.corpus for group in groups.values()}
        places = {url: one.index.select(["shard", "position"]).combine_chunks() for url, one in corpus_of.items()}
        return out.url, {name: absolute(config) for name, config in configs.items()}, threads, [ray.put(places)]

    walk("audit: detectors", out, DETECTORS, list(chunks), task, ScoreFaces, arguments, workers, 0.0)
    tables = {
        name: [read_table(out, place_of(DETECTORS, chunk)) for chunk in chunks if chunk.rpartition("-")[0] == name]
        for name in groups
    }
    columns = {name: pa.concat_tables(found) if found else None for name, found in tables.items()}
    return {name: _figures(name, config, groups, columns) for name, config in configs.items()}


def detector_remarks(figures: Mapping[str, DetectorFigures]) -> list[str]:
    """A line for each detector."""
    lines = []
    for name, found in figures.items():
        doubt = "no real faces of both kinds" if found["auc"] is None else f"AUC {found['auc']:.2f} on real faces"
        padded = f"; {100 * found['padded']:.0f} % of its input repeats the crop's edge" if found["padded"] else ""
        lines.append(
            f"detector {name} calls live {_percent(found['generated'])} of the generated spoofs, "
            f"{_percent(found['live'])} of their live faces and {_percent(found['real_spoofs'])} of real spoofs "
            f"({doubt}{padded})"
        )
    return lines


def _groups(corpora: AuditedCorpora) -> dict[str, _Group]:
    generated = np.flatnonzero(corpora.generated.index["guide_key"].is_valid().to_numpy())
    pairs = corpora.pairs
    return {
        "generated": _Group(corpora.generated, generated),
        "live": _Group(corpora.live, np.unique(corpora.live_of)),
        "real-spoofs": _Group(corpora.training, pairs.spoofs),
        "real-lives": _Group(corpora.training, np.unique(pairs.lives[pairs.lives >= 0])),
    }


def _figures(
    name: str, config: DetectorConfig, groups: Mapping[str, _Group], columns: Mapping[str, pa.Table | None]
) -> DetectorFigures:
    live = {group: _column(table, f"{name}.live", bool) for group, table in columns.items()}
    spoofs, lives = (_column(columns[group], f"{name}.score", np.float64) for group in ("real-spoofs", "real-lives"))
    known = len(spoofs) and len(lives)
    labels = np.repeat([SPOOF, LIVE], [len(spoofs), len(lives)])
    styles, real_styles = groups["generated"].styles, groups["real-spoofs"].styles
    return {
        "auc": auc(np.concatenate([spoofs, lives]), labels) if known else None,
        "padded": config.padded,
        "generated": _called(live["generated"]),
        "live": _called(live["live"]),
        "real_spoofs": _called(live["real-spoofs"]),
        "real_lives": _called(live["real-lives"]),
        "by_style": {
            str(style): {
                "generated": _called(live["generated"][styles == style]),
                "real": _called(live["real-spoofs"][real_styles == style]),
            }
            for style in sorted(set(styles))
        },
    }


def _column(table: pa.Table | None, name: str, kind: type) -> np.ndarray:
    return np.empty(0, kind) if table is None else np.asarray(table[name].to_numpy()).astype(kind)


def _called(live: np.ndarray) -> CalledLive:
    return {"faces": len(live), "share": float(live.mean()) if len(live) else None}


def _percent(called: CalledLive) -> str:
    return "none" if called["share"] is None else f"{100 * called['share']:.0f} %"
