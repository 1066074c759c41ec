"""The rows of the explorer as JavaScript files of packed columns: about 40 bytes per row.

A file calls `difffas(number, {...})` with little-endian arrays in base64, and texts as codes into a list. Keys are
front-coded: one of 62 digits gives the number of characters shared with the previous key, and the rest follows.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from factory.core.documents import JsonObject
from factory.report.explorer.verdicts import Audited
from factory.tables.columns import TextColumn

ROWS_PER_FILE = 1 << 16  # so that two bytes number the distinct texts of one file
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def row_files(index: pa.Table, styles: TextColumn, audited: Audited | None) -> Iterator[tuple[str, bytes]]:
    """(name, content) of the files for all rows of `index`, in its order."""
    shared = {"style": styles, **{name: TextColumn(index, name) for name in ("live_domain", "split")}}
    for number, start in enumerate(range(0, len(index), ROWS_PER_FILE)):
        rows = slice(start, start + ROWS_PER_FILE)
        part = index.slice(start, ROWS_PER_FILE)
        content: JsonObject = {"key": front_coded(part["key"].to_pylist())}
        content |= {name: packed(column.codes[rows], "<i2") for name, column in shared.items()}
        for name in ("subject", "live_key", "guide_key"):
            content[name] = _texts(part, name)
        for name, kind, absent in (("t0", "<i2", -1), ("cfg_scale", "<f4", np.nan), ("brisque", "<f4", np.nan)):
            content[name] = packed(part[name].cast(pa.float64()).fill_null(absent).to_numpy(), kind)
        if audited is not None:
            content |= {
                name: packed(getattr(audited, name)[rows], kind)
                for name, kind in (("distance", "<f4"), ("probability", "<f4"), ("accepted", "<i1"), ("reason", "<u1"))
            }
        text = json.dumps(content, separators=(",", ":"))
        yield f"rows-{number + 1:04d}.js", f"difffas({number},{text})\n".encode()


def packed(values: np.ndarray, kind: str) -> str:
    """Encode an array as base64 of its little-endian bytes."""
    return base64.b64encode(np.ascontiguousarray(values).astype(kind).tobytes()).decode()


def front_coded(texts: Sequence[str]) -> str:
    """Encode texts without commas: for each, a digit for the length shared with the previous text, and the rest."""
    found, before = [], ""
    for text in texts:
        most = min(len(before), len(text), len(DIGITS) - 1)
        shared = next((place for place in range(most) if before[place] != text[place]), most)
        found.append(DIGITS[shared] + text[shared:])
        before = text
    return ",".join(found)


def _texts(part: pa.Table, name: str) -> dict[str, str]:
    """A text column: its distinct values in order, and codes in two bytes; 65535 for a missing value."""
    column = TextColumn(part.select([name]).cast(pa.schema([(name, pa.string())])), name)
    order = np.argsort(np.array(column.values, dtype=object), kind="stable")
    rank = np.append(np.empty(len(order), dtype=np.int64), -1)
    rank[order] = np.arange(len(order))
    safe = [column.values[place].replace(",", "_") for place in order]
    return {"values": front_coded(safe), "codes": packed(rank[column.codes] & 0xFFFF, "<u2")}
