"""The corpus row: the only place where columns are named and typed.

Every station of the factory reads and writes tables of this schema; a generated row fills the columns that a real
row leaves null. `Row` is the row in Python, `SCHEMA` the same row in Arrow, `INDEX_SCHEMA` the row without pixels but
with its place in the shards.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from difffas.errors import UserError
from factory.core.documents import JsonObject

Facts = dict[str, str | int | float | None]  # columns of a row by name, as JSON holds them: all but the pixels

LIVE, SPOOF = 0, 1
LABELS = ("live", "spoof")
LIVE_ATTACK = "live"  # the `attack` of a live row
PART = "__"  # before a domain's part, as in `nuaa__session_03`: no name of the vocabulary holds it
INVENTED_PERSON = "sampled__"  # begins the subject of a person that a generator invented
KEY = re.compile(r"[a-z0-9_-]+")  # no dots: WebDataset splits a member's name at the first one


def style_of(domain: str, attack: str, further: Iterable[str] = ()) -> str:
    """Return the style name `<domain>-<attack>`, live rows have one, too; spoofs may have `-<field>_<value>` after it.

    No name of the vocabulary holds a dash, so a style has one domain, one attack and its further fields.
    """
    return "-".join((domain, attack, *further))


def domain_of_style(style: str) -> str:
    """Return the domain in a style's name."""
    return style.partition("-")[0]


def attack_of_style(style: str) -> str:
    """Return the attack in a style's name, without further fields."""
    return "-".join(style.split("-")[1:2])


def domain_part(domain: str, field: str, value: str) -> str:
    """Return the name of a part of a domain: that of the rows whose `field` has this value."""
    return f"{domain}{PART}{field}_{value}"


def whole_domain(domain: str) -> str:
    """Return the domain of which this is a part, or the domain itself: a subject's name is unique within it."""
    return domain.partition(PART)[0]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One face image and the facts about it.

    `image` holds the bytes encoded with `codec`; `label` is 0 (live) or 1 (spoof); `brisque` is the score of the
    decoded pixels (lower is better, unbounded; None if it cannot be computed). `capture` names the recording within
    (domain, attack, subject): frames of one video share it, and a live and a spoof row with the same domain, subject
    and capture show the same scene. `sitting` names what recordings of one subject share as their names state it:
    camera, place, light or day, such as `phone_1_session_2`; only real rows have one. Only generated rows set the
    fields from `live_key` on; `match` is what the live face was given before sampling; `seed` has 63 bits.
    A row of an invented person names no live face or guide.

    Raises:
        UserError: on a key outside `[a-z0-9_-]+` or a label other than 0 and 1.
    """

    key: str
    image: bytes
    label: int
    attack: str
    domain: str
    style: str
    subject: str
    capture: str | None = None
    sitting: str | None = None
    split: str
    brisque: float | None = None
    brisque_impl: str | None = None
    codec: str
    source: str
    license: str
    live_key: str | None = None
    guide_key: str | None = None
    live_domain: str | None = None
    live_source: str | None = None
    guide_source: str | None = None
    live_license: str | None = None
    guide_license: str | None = None
    t0: int | None = None
    cfg_scale: float | None = None
    match: str | None = None
    steps: int | None = None
    sampler: str | None = None
    preset: str | None = None
    seed: int | None = None
    generator: str | None = None

    def __post_init__(self) -> None:
        if not (isinstance(self.key, str) and KEY.fullmatch(self.key)):
            raise UserError(f"key {self.key!r} must match [a-z0-9_-]+: rename it")
        if self.label not in (LIVE, SPOOF):
            raise UserError(f"label {self.label!r} of {self.key} must be 0 (live) or 1 (spoof)")

    def facts(self) -> Facts:
        """Return every column but the pixels, in schema order: the JSON of a WebDataset sample."""
        return {name: getattr(self, name) for name in FACTS}


COLUMNS = tuple(field.name for field in dataclasses.fields(Row))
FACTS = tuple(name for name in COLUMNS if name != "image")
LATER = ("sitting", "match")  # columns that corpora of earlier versions lack; there they are null

_ARROW = {"str": pa.string(), "int": pa.int64(), "float": pa.float64(), "bytes": pa.binary()}
_IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def _arrow_field(field: dataclasses.Field[Any]) -> pa.Field:
    # All nullable: `datasets` takes a column's feature from the metadata only if the Arrow fields are equal.
    return pa.field(field.name, _IMAGE if field.name == "image" else _ARROW[str(field.type).removesuffix(" | None")])


def _huggingface() -> dict[str, str]:
    """Return the schema metadata by which the Hugging Face Hub and `datasets` show images and class names."""
    kinds = {pa.string(): "string", pa.int64(): "int64", pa.float64(): "float64"}
    features: JsonObject = {}
    for field in map(_arrow_field, dataclasses.fields(Row)):
        if field.name == "image":
            features["image"] = {"_type": "Image"}
        elif field.name == "label":
            features["label"] = {"names": list(LABELS), "_type": "ClassLabel"}
        else:
            features[field.name] = {"dtype": kinds[field.type], "_type": "Value"}
    return {"huggingface": json.dumps({"info": {"features": features}})}


SCHEMA = pa.schema([_arrow_field(field) for field in dataclasses.fields(Row)], metadata=_huggingface())
INDEX_SCHEMA = pa.schema(
    [SCHEMA.field(name) for name in FACTS] + [pa.field("shard", pa.string()), pa.field("position", pa.int64())]
)


def with_later(table: pa.Table, names: Iterable[str] = LATER) -> pa.Table:
    """Return a table of columns of `INDEX_SCHEMA`; those of `names`, of `LATER`, that it lacks are added, null."""
    for name in names:
        if name not in table.column_names:
            nothing = pa.nulls(len(table), SCHEMA.field(name).type)
            table = table.add_column(min(INDEX_SCHEMA.get_field_index(name), table.num_columns), name, nothing)
    return table


EXTENSIONS = {"png": "png", "webp": "webp", "jpeg": "jpg"}


def extension_of(codec: str) -> str:
    """Return the file extension for a value of `codec`, such as `png`, `webp-lossless` or `jpeg-95`."""
    return EXTENSIONS[codec.partition("-")[0]]


def to_table(rows: list[Row]) -> pa.Table:
    """Return rows as an Arrow table with `SCHEMA`."""
    columns = {name: [getattr(row, name) for row in rows] for name in FACTS}
    images = [{"bytes": row.image, "path": f"{row.key}.{extension_of(row.codec)}"} for row in rows]
    return pa.table({**columns, "image": images}, schema=SCHEMA)
