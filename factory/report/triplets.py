"""Live | guide | spoof triplets to show to people: a fixed sample of a generated corpus, as data URIs."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import heapq
import io
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from PIL import Image

from factory.corpus import Corpus
from factory.corpus.row import INVENTED_PERSON, LIVE, SPOOF, Row
from factory.images import decode

EMBEDDED_BYTES = 48_000  # an image above this is shown as WebP of QUALITY, so that 50 styles still make one page
QUALITY = 90
_MEDIA = {"png": "image/png", "webp": "image/webp", "jpeg": "image/jpeg"}


@dataclasses.dataclass(frozen=True)
class Picture:
    """An image as shown on the page; `uri` holds its bytes, `width` and `height` are in pixels."""

    row: Row
    uri: str
    width: int
    height: int


@dataclasses.dataclass(frozen=True)
class Triplet:
    """A generated spoof with its live face and its guide, if the given corpora contain them."""

    live: Picture | None
    guide: Picture | None
    spoof: Picture


def sample_triplets(
    generated: Corpus, lives: Sequence[Corpus], guides: Sequence[Corpus], per_style: int
) -> dict[str, list[Triplet]]:
    """Up to `per_style` triplets of every generated style, styles in order of name.

    A hash of the key chooses the triplets, so the sample is stable when other keys are added to a corpus. Only the
    rows shown are read. Live faces and guides are looked up by key in the first of `lives` and `guides` that
    holds a row of the same domain (live) or style (guide); the live face of a new person in `generated` itself.
    """
    spoofs = generated.rows(_sample(generated, per_style))
    live = find_pictures(lives, {row.live_key: row.live_domain for row in spoofs}, "domain", LIVE)
    guide = find_pictures(guides, {row.guide_key: row.style for row in spoofs}, "style", SPOOF)
    halves = _live_halves(generated, spoofs)
    triplets: dict[str, list[Triplet]] = {}
    for row in spoofs:
        triplet = Triplet(halves.get(row.subject, live.get(row.live_key)), guide.get(row.guide_key), picture(row))
        triplets.setdefault(row.style, []).append(triplet)
    return triplets


def picture(row: Row) -> Picture:
    """The image of a row for the page: its own bytes, or WebP 90 if they are too many."""
    data, media = row.image, _MEDIA[row.codec.partition("-")[0]]
    with Image.open(io.BytesIO(data)) as image:
        width, height = image.size
    if len(data) > EMBEDDED_BYTES:
        buffer = io.BytesIO()
        Image.fromarray(decode(data)).save(buffer, "WEBP", quality=QUALITY, method=4)
        data, media = buffer.getvalue(), "image/webp"
    return Picture(row, f"data:{media};base64,{base64.b64encode(data).decode()}", width, height)


def picture_of(pixels: np.ndarray, row: Row) -> Picture:
    """New pixels, uint8 (H, W, 3), as a picture, without loss up to `EMBEDDED_BYTES`; `row` is its row."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return picture(dataclasses.replace(row, image=buffer.getvalue(), codec="png"))


def _sample(generated: Corpus, per_style: int) -> np.ndarray:
    """Index positions of the sampled spoofs, ordered by style and then by the hash of their keys."""
    spoof = pc.equal(generated.index["label"], SPOOF)
    chosen: list[int] = []
    for style in sorted(pc.unique(generated.index["style"].filter(spoof)).to_pylist()):
        positions = generated.where(style=style, label=SPOOF)
        keys = generated.index["key"].take(pa.array(positions)).to_pylist()
        ranked = ((hashlib.blake2b(key.encode(), digest_size=8).digest(), place) for place, key in enumerate(keys))
        chosen += [int(positions[place]) for _, place in heapq.nsmallest(per_style, ranked)]
    return np.array(chosen, dtype=np.int64)


def _live_halves(generated: Corpus, spoofs: Sequence[Row]) -> dict[str, Picture]:
    """The live halves of the new people among spoofs, by subject."""
    people = {row.subject for row in spoofs if row.subject.startswith(INVENTED_PERSON)}
    live = generated.where(label=LIVE)
    mine = live[np.isin(generated.column("subject")[live], list(people))] if people else live[:0]
    return {row.subject: picture(row) for row in generated.rows(mine)}


def find_pictures(
    corpora: Sequence[Corpus], wanted: dict[str | None, str | None], column: str, label: int
) -> dict[str | None, Picture]:
    """Pictures of the wanted keys, by key; `wanted` gives the domain or style that each must have.

    A key is unique only within a corpus, so `column` and label must match as well.
    """
    found: dict[str | None, Picture] = {}
    for corpus in corpora:
        missing = [key for key in wanted if key is not None and key not in found]
        mask = pc.is_in(corpus.index["key"], value_set=pa.array(missing, pa.string()))
        for row in corpus.rows(np.flatnonzero(mask.to_numpy(zero_copy_only=False))):
            if row.label == label and getattr(row, column) == wanted[row.key]:
                found[row.key] = picture(row)
    return found
