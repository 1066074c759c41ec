"""What a rendered corpus's card says beside the rest: who is in it, counted from the index and `scenes.parquet`.

The ledger's records tell which shards were rendered, so that a corpus without that table is not taken for photographs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from factory.corpus import read_index
from factory.corpus.scenes import SCENES
from factory.run.record import ShardRecord
from factory.storage import Storage

# Classes of the typology angle in degrees (Chardon et al. 1991), by their lower ends.
TONES = {"very light": 55.0, "light": 41.0, "intermediate": 28.0, "tan": 10.0, "brown": -30.0, "dark": -180.0}
AGES = {"60 and more": 60.0, "45 to 59": 45.0, "30 to 44": 30.0, "18 to 29": 0.0}


@dataclasses.dataclass(frozen=True)
class RenderedFacts:
    """Number of rendered pictures, their people by skin tone, age and sex in each split, and what rendered them.

    Without `scenes.parquet`, `balance` and `rooms` are empty.
    """

    pictures: int
    balance: dict[str, dict[str, dict[str, int]]]  # people by quality, its class and split
    rooms: dict[str, int]  # pictures
    renderer: list[str]


def rendered_facts(storage: Storage, records: list[ShardRecord]) -> RenderedFacts | None:
    """Return the facts about a corpus's rendered pictures, or None if it has none."""
    rendered = [record for record in records if "renderer" in record]
    if not rendered:
        return None
    pictures, renderer = (
        sum(record["rows"] for record in rendered),
        sorted({record["renderer"] for record in rendered}),
    )
    scenes = SCENES.read(storage)
    if scenes is None:
        return RenderedFacts(pictures, {}, {}, renderer)
    return RenderedFacts(pictures, *_counted(storage, scenes), renderer)


def _counted(storage: Storage, scenes: pa.Table) -> tuple[dict[str, dict[str, dict[str, int]]], dict[str, int]]:
    """Count the people by quality, its class and split, and the pictures by room."""
    index = read_index(storage, ["key", "subject", "split"])
    index = index.set_column(1, "subject", index["subject"].cast(pa.string()))
    pictures = index.set_column(2, "split", index["split"].cast(pa.string())).join(scenes, "key")
    rooms = pc.value_counts(pictures["room"]).to_pylist()
    people = {line["subject"]: line for line in pictures.sort_by("key").to_pylist()}.values()
    qualities: dict[str, Callable[[dict[str, object]], str]] = {
        "skin tone": lambda line: _class(line["tone"], TONES),
        "age": lambda line: _class(line["age"], AGES),
        "sex": lambda line: str(line["sex"]),
    }
    orders = {"skin tone": list(TONES), "age": list(AGES)[::-1], "sex": ["female", "male"]}
    balance: dict[str, dict[str, dict[str, int]]] = {}
    for quality, class_of in qualities.items():
        balance[quality] = {name: {} for name in orders[quality]}
        for line in people:
            counts = balance[quality].setdefault(class_of(line), {})
            counts[line["split"]] = counts.get(line["split"], 0) + 1
    return balance, {item["values"]: item["counts"] for item in sorted(rooms, key=lambda item: str(item["values"]))}


def _class(value: object, lower_ends: dict[str, float]) -> str:
    assert isinstance(value, float)
    return next(name for name, lowest in lower_ends.items() if value > lowest or lowest == min(lower_ends.values()))
