"""What semantic near-duplicates cost and miss: `python -m benchmarks.near_duplicates [ROWS] [WIDTH]`.

The embeddings are made up: 20,000 centres, around which rows lie at cosines of some 0.7, and 2 % of the rows are
planted duplicates of another row at cosines from 0.95 to 1. The stages are those of the audit, one after the other in
this process on one thread, without Ray. Processor seconds count where other work shares the machine. Recall is that of
the planted pairs; precision is the share of refused rows that were planted. `--images FOLDER` shows instead what
embedders take for a duplicate among the images of a corpus.
"""

from __future__ import annotations

import argparse
import io
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pyarrow as pa
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from benchmarks.machine import describe
from factory.audit.hashes import bits_apart, difference_hash
from factory.audit.measures import read_table
from factory.audit.semantic.buckets import members, nearest
from factory.audit.semantic.embed import Tools, load
from factory.audit.semantic.findings import findings
from factory.audit.semantic.settings import SemanticConfig
from factory.audit.semantic.stages import ComparedRows, Pool, run_stages
from factory.audit.semantic.tables import VECTORS, VectorTables, vector_table
from factory.audit.semantic.vectors import whole
from factory.audit.semantic.work import BUCKETS, Facts, read_centroids
from factory.corpus import Corpus, pixels, read_rows
from factory.line.walk import place_of
from factory.storage import Storage

PER_TABLE = 10_000
CENTRES, STYLES, PLANTED = 20_000, 20, 0.02
SPREAD = 0.65  # length of the noise around a centre of length 1: rows of one centre have cosines of 1 / (1 + 0.65²)
COSINES = (0.951, 0.999)  # of planted pairs


class Here(Pool):
    """Runs every stage in this process, and prints its time and the peak of memory until then."""

    def run(
        self,
        name: str,
        folder: str,
        shards: Sequence[str],
        task: Callable[[str], Any],
        actor: type,
        arguments: Callable[[], tuple[object, ...]],
        gpus: float = 0.0,
    ) -> None:
        there = set(self.out.names(folder))
        todo = [shard for shard in shards if f"{shard}.parquet" not in there]
        wall, processor = time.perf_counter(), time.process_time()
        if todo:
            with patch("ray.get", lambda value: value), patch("ray.put", lambda value: value):
                work = actor(*arguments())
            for shard in todo:
                done = work({**task(shard), "place": place_of(folder, shard)})
                assert not done["fault"], done["fault"]
        told(name, time.perf_counter() - wall, time.process_time() - processor)


def told(name: str, wall: float, processor: float) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{name:18} {wall:9.1f} s {processor:9.1f} s processor   peak {peak:5.2f} GiB", flush=True)


def plant(out: Storage, rows: int, width: int) -> None:
    """Write the vectors; rows of the first part are originals, the last are planted duplicates, in a mixed order."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(CENTRES, width)).astype(np.float32)
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    place, centre, source, cosine = plan(rows)
    by_place = np.argsort(place)
    for table in range(-(-rows // PER_TABLE)):
        chosen = by_place[table * PER_TABLE : (table + 1) * PER_TABLE]
        original = np.where(source[chosen] >= 0, source[chosen], chosen)
        vectors = np.stack([own(centres[centre[row]], int(row)) for row in original])
        aside = np.stack([own(np.zeros(width), rows + int(row)) for row in chosen])
        aside -= (aside * vectors).sum(1, keepdims=True) * vectors
        aside /= np.linalg.norm(aside, axis=1, keepdims=True)
        angle = np.arccos(np.where(source[chosen] >= 0, cosine[chosen], 1.0))[:, None]
        found = np.cos(angle) * vectors + np.sin(angle) * aside
        keys = [f"row-{row:08d}" for row in chosen]
        out.create(place_of(VECTORS, f"{table:06d}"), vector_table(keys, whole(found)))


def own(centre: np.ndarray, seed: int) -> np.ndarray:
    """A row's vector of unit length near a centre."""
    noise = np.random.Generator(np.random.SFC64(seed)).normal(size=len(centre))
    vector = centre + SPREAD * noise / np.linalg.norm(noise)
    return np.asarray(vector / np.linalg.norm(vector))


def plan(rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """For each row: its place, its centre, the row that it duplicates (−1 if none), and their cosine."""
    rng = np.random.default_rng(1)
    copies = int(PLANTED * rows)
    source = np.full(rows, -1)
    source[rows - copies :] = rng.choice(rows - copies, copies, replace=False)
    centre = rng.integers(0, CENTRES, rows)
    centre = np.where(source >= 0, centre[source], centre)
    return rng.permutation(rows), centre, source, rng.uniform(*COSINES, rows)


def measure(rows: int, width: int, settings: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory(prefix="near-duplicates-") as folder:
        out = Storage(folder)
        command = [sys.executable, "-m", "benchmarks.near_duplicates", str(rows), str(width), "--plant", folder]
        subprocess.run(command, check=True)  # in a process of its own, whose memory does not count
        print(
            f"{describe()}\n{rows:,} rows of {width} numbers, {settings or 'default settings'}, one thread", flush=True
        )
        place, centre, source, _ = plan(rows)
        by_place = np.argsort(place)
        names = [f"{table:06d}" for table in range(-(-rows // PER_TABLE))]
        starts = np.minimum(np.arange(len(names) + 1) * PER_TABLE, rows)
        facts = Facts(by_place, (centre[by_place] % STYLES).astype(np.int32), np.zeros(rows, np.int8))
        keys = pa.array([f"row-{row:08d}" for row in by_place])
        nothing = np.full(rows, -1)
        compared = ComparedRows(keys, nothing, nothing, facts, VectorTables(folder, names, starts), {})
        config, pool = SemanticConfig.model_validate(settings), Here(out, 1, 0.0, 1)
        wall, processor = time.perf_counter(), time.process_time()
        stages = run_stages(compared, config, Tools("structure", "", 64, 1), pool)
        found = findings(keys, facts, stages, config.cosine)
        told("all", time.perf_counter() - wall, time.process_time() - processor)
        print(found.figures | {"duplicates": found.figures["duplicates"]["count"], "copies": 0})
        copies = np.flatnonzero(source >= 0)
        refused = by_place[np.flatnonzero(found.duplicate >= 0)]
        print(f"recall of planted duplicates {np.isin(copies, refused).mean():.4f}, ", end="")
        print(f"precision {np.isin(refused, copies).mean():.4f}, refused {len(refused):,}")
        by_probes(out, compared, place[copies], place[source[copies]], pool)


def by_probes(out: Storage, rows: ComparedRows, first: np.ndarray, second: np.ndarray, pool: Pool) -> None:
    """The share of planted pairs that buckets meet, and how many pairs are compared, by the number of probes."""
    import torch

    torch.set_num_threads(pool.threads)
    centroids = read_centroids(out)
    a, b = (nearest(rows.tables.gather(side), centroids, 16) for side in (first, second))
    runs = [read_table(out, place_of(BUCKETS, name.removesuffix(".parquet"))) for name in out.names(BUCKETS)]
    all_rows = np.concatenate([np.stack([c.to_numpy() for c in run.columns], axis=1) for run in runs])
    for probes in (1, 2, 4, 8, 16):
        met = (a[:, :probes] == b[:, :1]).any(1) | (b[:, :probes] == a[:, :1]).any(1)
        line = f"probes {probes:2}: {met.mean():.4f} of the planted pairs share a bucket"
        if probes <= all_rows.shape[1]:
            held = members(all_rows[:, :probes], len(centroids))
            sizes, homes = np.diff(held.starts), held.homes
            line += f", {(homes * (homes - 1) // 2 + homes * (sizes - homes)).sum():,} pairs compared"
        print(line)


def jpeg(face: Image.Image) -> Image.Image:
    buffer = io.BytesIO()
    face.save(buffer, "JPEG", quality=50)
    return Image.open(buffer).convert("RGB")


def moved(face: Image.Image) -> Image.Image:
    """By 4 % of the side, the edge repeated."""
    by = round(0.04 * face.width)
    padded = np.pad(np.asarray(face), ((by, 0), (by, 0), (0, 0)), "edge")
    return Image.fromarray(padded[: face.height, : face.width])


def nearer(face: Image.Image) -> Image.Image:
    edge = round(0.05 * face.width)
    inner = face.crop((edge, edge, face.width - edge, face.height - edge))
    return inner.resize(face.size, Image.Resampling.BILINEAR)


EDITS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "JPEG 50": jpeg,
    "brighter by 30 %": lambda face: ImageEnhance.Brightness(face).enhance(1.3),
    "contrast by 40 %": lambda face: ImageEnhance.Contrast(face).enhance(1.4),
    "colour cast": lambda face: Image.fromarray((np.asarray(face) * np.array([1.0, 0.85, 0.7])).astype(np.uint8)),
    "blur, 1.5 of 64 pixels": lambda face: face.filter(ImageFilter.GaussianBlur(1.5 * face.width / 64)),
    "mirrored": ImageOps.mirror,
    "moved by 4 %": moved,
    "turned by 5°": lambda face: face.rotate(5, Image.Resampling.BILINEAR),
    "nearer by 10 %": nearer,
}


def embedders(url: str, names: list[str], most: int) -> None:
    """What each embedder takes for a duplicate at cosine 0.95, beside dHash at 2 bits, and its time on one thread."""
    import torch

    torch.set_num_threads(1)
    corpus = Corpus(url)
    chosen = np.unique(np.linspace(0, len(corpus) - 1, most).astype(int))
    rows = read_rows(corpus.storage, corpus.index.select(["shard", "position"]).combine_chunks(), chosen)
    images, person = pixels(rows), np.array([f"{row.domain}/{row.subject}" for row in rows])
    style = np.array([row.style for row in rows])
    edited = {name: np.stack([np.asarray(edit(Image.fromarray(i))) for i in images]) for name, edit in EDITS.items()}
    above = np.triu(np.ones((len(rows), len(rows)), dtype=bool), 1)
    same = person[:, None] == person
    pairs = {
        "another picture of person and style": above & same & (style[:, None] == style),
        "the person in another style": above & same & (style[:, None] != style),
        "another person": above & ~same,
    }
    print(f"{describe()}\n{len(images)} images of {images.shape[1]}², {len(np.unique(person))} people")
    for name in ("dHash", *names):
        embed = difference_hash if name == "dHash" else load(Tools(name, "", 64, 1))
        embed(images[:1])
        processor = time.process_time()
        mine = embed(images)
        print(f"{name}: {1000 * (time.process_time() - processor) / len(images):.2f} ms of a processor for an image")
        for edit, others in edited.items():
            print(f"  {edit:36} {np.diag(alike(mine, embed(others))).mean():.2f}")
        for kind, chosen_pairs in pairs.items():
            print(f"  {kind:36} {alike(mine, mine)[chosen_pairs].mean():.3f} of {chosen_pairs.sum():,}", flush=True)


def alike(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Which hashes or embeddings are near one another, bool (N, N)."""
    if first.ndim == 1:
        return bits_apart(first[:, None], second) <= 2
    unit = [side / np.linalg.norm(side, axis=1, keepdims=True).clip(1e-9) for side in (first, second)]
    return np.asarray(unit[0] @ unit[1].T >= 0.95)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=int, nargs="?", default=1_000_000)
    parser.add_argument("width", type=int, nargs="?", default=128)
    parser.add_argument("--plant", type=Path, help="only write the vectors, into this folder")
    parser.add_argument("--images", help="show what embedders see in this corpus")
    parser.add_argument("--most", type=int, default=100, help="images of it")
    parser.add_argument("--embedders", nargs="+", default=["structure"])
    parser.add_argument("--set", nargs="*", default=[], help="settings such as probes=1", metavar="NAME=NUMBER")
    given = parser.parse_args()
    settings = {
        name: float(value) if "." in value else int(value) for name, value in (s.split("=") for s in given.set)
    }
    if given.images:
        embedders(given.images, given.embedders, given.most)
    elif given.plant:
        plant(Storage(str(given.plant)), given.rows, given.width)
    else:
        measure(given.rows, given.width, settings)


if __name__ == "__main__":
    main()
