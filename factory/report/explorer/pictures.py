"""The pictures of the explorer: choose the spoofs with pictures, and put live | guide | spoof side by side on sheets.

Sheets instead of files per face: a few hundred objects on S3 in place of thousands, and a reader who moves to a
neighbour has already loaded it. The rows are read once, in the order of the shards, into a temporary file.
"""

from __future__ import annotations

import hashlib
import io
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from PIL import Image

from factory.corpus import Corpus
from factory.corpus.formats.parquet import ROWS_PER_GROUP
from factory.corpus.row import LIVE, SPOOF
from factory.images import decode
from factory.report.explorer.columns import packed
from factory.storage import Storage
from factory.tables.columns import TextColumn

if TYPE_CHECKING:
    from factory.report.explorer.listing import Listing


class Compression(TypedDict, total=False):
    """Arguments of Pillow's WebP encoder."""

    lossless: bool
    quality: int


THUMB = 96  # pixels, the largest side of a thumbnail
THUMBS, FACES = (100, 5), (8, 2)  # triplets on a sheet, and side by side
LOSSLESS = 128  # pixels; faces up to this side are exact
LOSSY: Compression = {"quality": 92}
THUMB_QUALITY = 85
READ_AT_ONCE = 256  # rows
Name = tuple[str, Any]  # name of a picture: live, guide or spoof; and its key or row
ABSENT = 128  # grey level for a face that is in no given corpus


class Layout(TypedDict):
    """Where a triplet lies on its sheet: the files' prefix, side of a face in pixels, triplets a sheet and a line."""

    prefix: str
    side: int
    per: int
    columns: int


class Pictures(TypedDict):
    """What the page knows of the pictures; `rows` and `present`, a bit for each face of a triplet, are packed."""

    count: int
    rows: str
    present: str
    seeds: list[str]
    exact: bool
    faces: Layout
    thumbs: Layout


def picture_files(
    listing: Listing,
    styles: TextColumn,
    others: Mapping[str, Sequence[Corpus]],
    images: int,
    storage: Storage,
    folder: str,
) -> tuple[Pictures, int]:
    """Write the sheets of at most `images` triplets; return the page's facts about them, and the number of files.

    A live face and a guide are looked up by key in the first of the corpora that holds a row of the same domain
    (live) or style (guide).
    """
    rows = chosen(styles, _blocks(listing.index), images)
    who = listing.index.select(["live_domain", "subject", "live_key"]).take(pa.array(rows)).to_pylist()
    people = [f"{each['live_domain']}/{each['subject'] or each['live_key']}" for each in who]
    rows = rows[by_turns(people, styles.codes[rows].tolist(), len(styles.values))]
    facts = listing.index.select(["live_key", "guide_key", "live_domain", "style", "seed"]).take(pa.array(rows))
    lives, guides, domains, shown, seeds = (column.to_pylist() for column in facts.columns)
    trios: list[list[Name]] = [
        [("live", live), ("guide", guide), ("spoof", row)]
        for live, guide, row in zip(lives, guides, rows.tolist(), strict=True)
    ]
    with Spool() as spool:
        spool.fill("spoof", listing.corpus, listing.places[rows], rows.tolist())
        spool.find("live", others["lives"], dict(zip(lives, domains, strict=True)), "domain", LIVE)
        spool.find("guide", others["guides"], dict(zip(guides, shown, strict=True)), "style", SPOOF)
        side = max(spool.picture(trios[0][2]).shape[:2]) if trios else THUMB
        exact = side <= LOSSLESS
        sheets = {
            "faces": Sheets(storage, f"{folder}/faces", side, FACES, {"lossless": True} if exact else LOSSY),
            "thumbs": Sheets(storage, f"{folder}/thumbs", min(side, THUMB), THUMBS, {"quality": THUMB_QUALITY}),
        }
        for trio in trios:
            pixels = [spool.picture(name) if name in spool else None for name in trio]
            for sheet in sheets.values():
                sheet.add(pixels)
        present = [sum((name in spool) << place for place, name in enumerate(trio)) for trio in trios]
    for sheet in sheets.values():
        sheet.flush()
    about: Pictures = {
        "count": len(rows),
        "rows": packed(rows, "<u4"),
        "present": packed(np.array(present), "<u1"),
        "seeds": ["" if seed is None else str(seed) for seed in seeds],
        "exact": exact,
        "faces": sheets["faces"].layout,
        "thumbs": sheets["thumbs"].layout,
    }
    return about, sum(sheet.count for sheet in sheets.values())


def chosen(styles: TextColumn, blocks: np.ndarray, images: int) -> np.ndarray:
    """Choose the rows with pictures: an equal number from each style, as far as it has rows.

    `blocks` ranks the row groups by a hash: all styles take their rows from the same first row groups, so that few
    row groups are read.
    """
    order = np.argsort(blocks, kind="stable")
    counts = np.bincount(styles.codes[styles.codes >= 0], minlength=len(styles.values))
    left, share = images, {}
    for turn, code in enumerate(np.argsort(counts, kind="stable").tolist()):
        share[code] = min(int(counts[code]), left // (len(counts) - turn))
        left -= share[code]
    named = sorted(share, key=lambda code: styles.values[code])
    found = [np.sort(order[styles.codes[order] == code][: share[code]]) for code in named]
    return np.concatenate(found) if found else np.empty(0, dtype=np.int64)


def by_turns(people: Sequence[str], styles: Sequence[int], count: int) -> list[int]:
    """Places of rows in the page's first order, that of `turns` in faces.js: opening it takes the first sheet alone.

    Every person comes once before anyone comes again, each time in another of the `count` styles, and in each such
    round the styles take turns. Rows that are in this order stay in it.
    """
    held: dict[str, list[tuple[int, int]]] = {}
    before: Counter[tuple[str, int]] = Counter()
    for place, (person, style) in enumerate(zip(people, styles, strict=True)):
        turn = before[person, style] * count + (style + sum(map(ord, person))) % count
        held.setdefault(person, []).append((turn, place))
        before[person, style] += 1
    rounds = {place: round_ for mine in held.values() for round_, (_, place) in enumerate(sorted(mine))}
    seen: Counter[tuple[int, int]] = Counter()
    order = []
    for place, style in enumerate(styles):
        which = rounds[place], style
        order.append((rounds[place], seen[which], style, place))
        seen[which] += 1
    return [place for *_, place in sorted(order)]


def _blocks(index: pa.Table) -> np.ndarray:
    """Rank of every row's row group."""
    shard = TextColumn(index, "shard")
    group = index["position"].to_numpy() // ROWS_PER_GROUP
    distinct, code = np.unique(np.stack([shard.codes, group]), axis=1, return_inverse=True)
    hashes = [
        hashlib.blake2b(f"{shard.values[file]}/{number}".encode(), digest_size=8).digest()
        for file, number in distinct.T
    ]
    rank = np.empty(len(hashes), dtype=np.int64)
    rank[sorted(range(len(hashes)), key=hashes.__getitem__)] = np.arange(len(hashes))
    return rank[code.reshape(-1)]


class Spool:
    """Encoded pictures by name, in a temporary file, which may grow to gigabytes."""

    def __enter__(self) -> Spool:
        self._file = tempfile.TemporaryFile()
        self._places: dict[Name, tuple[int, int]] = {}
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __contains__(self, name: Name) -> bool:
        return name in self._places

    def fill(self, role: str, corpus: Corpus, places: np.ndarray, names: Sequence[Any]) -> None:
        """Read the rows at `places` of the corpus's index, in its order."""
        order = np.argsort(places, kind="stable")
        for first in range(0, len(order), READ_AT_ONCE):
            part = order[first : first + READ_AT_ONCE]
            for place, row in zip(part.tolist(), corpus.rows(places[part]), strict=True):
                self._places[role, names[place]] = (self._file.seek(0, io.SEEK_END), len(row.image))
                self._file.write(row.image)

    def find(
        self, role: str, corpora: Sequence[Corpus], wanted: Mapping[str | None, str | None], column: str, label: int
    ) -> None:
        """Read the wanted keys. A key is unique only within a corpus, so `column` and label must match as well."""
        for corpus in corpora:
            keys = [key for key in wanted if key is not None and (role, key) not in self]
            places = pc.index_in(pa.array(keys, pa.string()), value_set=corpus.index["key"].combine_chunks())
            at = places.fill_null(-1).to_numpy(zero_copy_only=False)
            held = np.flatnonzero(at >= 0)
            lines = corpus.index.select([column, "label"]).take(pa.array(at[held])).to_pylist()
            agreed = [
                place
                for place, line in zip(held.tolist(), lines, strict=True)
                if line["label"] == label and line[column] == wanted[keys[place]]
            ]
            self.fill(role, corpus, at[agreed].astype(np.int64), [keys[place] for place in agreed])

    def picture(self, name: Name) -> np.ndarray:
        """A decoded picture, uint8 (H, W, 3)."""
        start, length = self._places[name]
        self._file.seek(start)
        return decode(self._file.read(length))


class Sheets:
    """Sheets of triplets; a triplet is `side` high and three times as wide; filled row by row from the top left."""

    def __init__(
        self, storage: Storage, prefix: str, side: int, shape: tuple[int, int], encoding: Compression
    ) -> None:
        self._storage, self._prefix, self._side, self._encoding = storage, prefix, side, encoding
        self._most, self._columns = shape
        self._waiting: list[Image.Image] = []
        self.count = 0

    @property
    def layout(self) -> Layout:
        """The facts that the page needs to find a triplet."""
        return {"prefix": self._prefix, "side": self._side, "per": self._most, "columns": self._columns}

    def add(self, trio: Sequence[np.ndarray | None]) -> None:
        """Put live, guide and spoof, uint8 (H, W, 3) or None, on the sheet; write the sheet when full."""
        side = self._side
        strip = Image.new("RGB", (3 * side, side), (ABSENT,) * 3)
        for place, pixels in enumerate(trio):
            if pixels is not None:
                image = Image.fromarray(pixels)
                if image.size != (side, side):
                    image = image.resize((side, side), Image.Resampling.LANCZOS)
                strip.paste(image, (place * side, 0))
        self._waiting.append(strip)
        if len(self._waiting) == self._most:
            self.flush()

    def flush(self) -> None:
        """Write the unfinished sheet. It is as large as the others, so that one layout holds for all."""
        if not self._waiting:
            return
        side, columns = self._side, self._columns
        sheet = Image.new("RGB", (3 * side * columns, side * (self._most // columns)))
        for place, strip in enumerate(self._waiting):
            sheet.paste(strip, (place % columns * 3 * side, place // columns * side))
        buffer = io.BytesIO()
        sheet.save(buffer, "WEBP", method=4, **self._encoding)
        self.count += 1
        self._storage.create(f"{self._prefix}-{self.count:04d}.webp", buffer.getvalue())
        self._waiting = []
