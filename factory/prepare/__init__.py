"""The prepare station: turn photographs, wherever they are stored, into a corpus. docs/prepare.md is its manual."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
from collections import Counter
from collections.abc import Callable
from typing import Any, TypedDict

import numpy as np
import pyarrow as pa

from difffas.errors import UnreadableError, UserError
from factory import cluster
from factory.cluster.capacity import Need
from factory.cluster.retries import BOUNDED
from factory.core.progress import say
from factory.core.regular import NotRegular, open_regular
from factory.corpus.detected import FACES, Detected
from factory.corpus.encode import ImageRecord
from factory.corpus.provenance import SourceType, read_source_type
from factory.corpus.row import LIVE
from factory.corpus.shards import shard_sizes, shard_span
from factory.datasets import Frames, ShippedBoxes, list_dataset
from factory.images import decode
from factory.line import Failed, LineSummary, Work, finished_run, run_line
from factory.line.block import Block
from factory.line.faults import carry
from factory.prepare.config import FOLDER_PATTERN, LISTED, SEVERAL_LISTS, PrepareResources
from factory.prepare.config import PrepareConfig as PrepareConfig
from factory.prepare.entries import Entry, list_entries
from factory.prepare.faces import COVERED, NO_FACE, Choice, choose, covered
from factory.run import Planned, Run
from factory.sources import list_sources, listing_digest, printable, read_sources
from factory.sources.aligned import aligned_square, cut_aligned
from factory.sources.faces import Box, centre_square, cut_square
from factory.sources.folder import MAX_BYTES as MAX_BYTES
from factory.sources.place import Read
from factory.sources.retinaface import retinaface

PREFIX = "face"
_DETECTION = ("min_face", "reject_several", "reject_unclear", "upright", "align")
FaceFinder = Callable[[np.ndarray], Choice]  # uint8 (H, W, 3)


@dataclasses.dataclass(frozen=True)
class PreparePlan:
    """The entries of every shard `<split>-<number>`, and the facts that identify the run."""

    shards: dict[str, list[Entry]]
    identity: dict[str, Any]

    def __len__(self) -> int:
        return sum(map(len, self.shards.values()))

    def describe(self) -> str:
        """One readable line: images by style, subjects by split, images rejected beforehand."""
        entries = [entry for shard in self.shards.values() for entry in shard]
        good = [entry for entry in entries if not entry.reject]
        subjects = {(entry.split, entry.subject) for entry in good}
        styles = Counter(str(entry.style) for entry in good)
        rejects = Counter(str(entry.reject) for entry in entries if entry.reject)
        shared = len(subjects) - len({subject for _, subject in subjects})
        parts = [
            f"{len(entries):,} images",
            ", ".join(f"{name} {count:,}" for name, count in sorted(styles.items())),
            "subjects " + ", ".join(f"{name} {n:,}" for name, n in sorted(Counter(s for s, _ in subjects).items())),
            *(f"{count:,} rejected: {reason}" for reason, count in sorted(rejects.items())),
        ]
        if shared:
            parts.append(f"warning: {shared:,} subject names are in more than one split")
        return " · ".join(part for part in parts if part)


def plan(config: PrepareConfig) -> PreparePlan:
    """List the source and decide every row and its shard, without reading images.

    Each shard holds one split. Shards of a split differ in size by at most one row and mix the source by a hash:
    single images one by one, but Parquet row groups whole, because a row group is read whole.

    Raises:
        UserError: if the source is missing, empty or broken, a field that rows need has no source, the pattern matches
            no image, or the box table names no image.
    """
    if config.dataset:
        frames = Frames(config.frames_per_video, config.frames_within)
        finer = config.attack_names == "instrument"
        sources = list_dataset(config.dataset, config.source, frames, config.dataset_list, finer)
        if not any("split" in (source.fields or {}) for source in sources):
            why = (LISTED | SEVERAL_LISTS)[config.dataset]
            say(f"prepare: no official split, {why}: people are split by hash")
    else:
        sources = list_sources(config.source, config.source_format, config.read_columns)
    in_folder = sources[0].format == "folder" and not config.dataset
    entries = list_entries(config, sources)
    if config.license is None and (bare := next((e for e in entries if not e.license and not e.reject), None)):
        raise UserError(
            f"no licence for {printable(bare.path)}: say what the photographs may be used for, such as "
            f"license=CC-BY-4.0 or license='research use, agreement of the data set', or in a license column"
        )
    identity = {
        "sources": listing_digest(sources),
        "pattern": config.pattern or (FOLDER_PATTERN if in_folder else None),
        **config.model_dump(mode="json", include={"defaults", "live", "license", "size", "crop", "output"}),
        "split": list(config.split.items()),
        "seed": config.seed,
        "digital_source_type": config.digital_source_type,
    }
    if config.domain:
        identity["domain"] = config.domain
    if config.style_fields:
        identity["style_fields"] = list(config.style_fields)
    if config.dataset:
        identity["dataset"] = config.dataset
    elif not in_folder:
        identity["columns"] = config.columns
    if config.crop != "none":
        identity["margin"] = config.margin
    if config.crop in ("retinaface", "table"):
        identity |= {name: getattr(config, name) for name in _DETECTION if getattr(config, name)}
        identity[config.crop] = _file_digest(str(config.weights if config.crop == "retinaface" else config.boxes))
    shards: dict[str, list[Entry]] = {}
    for split in sorted({entry.split for entry in entries}):
        mine = sorted((entry for entry in entries if entry.split == split), key=lambda entry: entry.rank)
        count = shard_sizes(len(mine), config.output.rows_per_shard)[0]
        for number in range(count):
            first, size = shard_span(number, len(mine), count)
            shards[f"{split}-{number:06d}"] = mine[first : first + size]
    return PreparePlan(shards, identity)


class Images(TypedDict):
    """The images of one shard: records, and pixels, uint8 (R, size, size, 3), which are zeros in place of a reject."""

    records: list[ImageRecord]
    pixels: np.ndarray


def read_shard(config: PrepareConfig, entries: list[Entry]) -> Images:
    """Read, decode and crop the images of one shard.

    Raises:
        OSError: if a file cannot be read: the image is not at fault, so the line should retry.
        UserError: if the detector cannot be loaded.
    """
    find, shipped = face_finder(config), None
    if config.crop == "dataset" and config.dataset:
        shipped = ShippedBoxes(config.dataset, config.source)
    pixels = np.zeros((len(entries), config.size, config.size, 3), np.uint8)
    rejects = [entry.reject or ("file too large" if entry.size > MAX_BYTES else None) for entry in entries]
    good = [entry for entry, reject in zip(entries, rejects, strict=True) if reject is None]
    images = read_sources(config.source, good, config.columns)
    detected: dict[int, Detected] = {}
    source_types: list[SourceType] = [config.digital_source_type] * len(entries)
    for place, entry in enumerate(entries):
        if rejects[place] is None:
            read = next(images)
            square = None
            try:
                image = _pixels(read)
                if isinstance(read, bytes):  # a mark in the file itself takes precedence
                    source_types[place] = read_source_type(read) or config.digital_source_type
                box = shipped.find(entry.boxes, entry.at, *image.shape[1::-1]) if shipped else entry.box
                if box is None:
                    choice = find(image)
                    image, box, square, rejects[place] = choice.pixels, choice.box, choice.square, choice.reject
                    if (
                        config.reject_unclear and entry.label == LIVE and covered(choice.detected)
                    ):  # an attack may be a cover
                        rejects[place] = rejects[place] or COVERED
                    if choice.detected:
                        detected[place] = {"key": entry.key, **choice.detected}
                elif entry.points is not None:
                    square = aligned_square(np.array(entry.points).reshape(-1, 2), config.margin)
                    rejects[place] = NO_FACE if square is None else None
                if rejects[place] is None:
                    margin = 1.0 if config.crop == "none" else config.margin
                    pixels[place] = (
                        cut_aligned(image, square, config.size, margin)
                        if square is not None
                        else cut_square(image, box, config.size, margin)
                    )
            except UnreadableError as error:
                rejects[place] = str(error)
    rows = (entry.row(config.license or "unknown") for entry in entries)
    records: list[ImageRecord] = [
        {"row": row, "reject": reject, "source_type": source_type}
        for row, reject, source_type in zip(rows, rejects, source_types, strict=True)
    ]
    for place, facts in detected.items():
        records[place]["detected"] = {**facts, "reject": rejects[place]}
    return {"records": records, "pixels": pixels}


def _pixels(read: Read) -> np.ndarray:
    """Upright pixels of a decoded image, uint8 (H, W, 3); raises UserError with a reason if it is not an image."""
    if isinstance(read, UnreadableError):
        raise read
    if isinstance(read, bytes) and len(read) > MAX_BYTES:  # the size of a Parquet cell is unknown until now
        raise UnreadableError("file too large")
    return read if isinstance(read, np.ndarray) else decode(read)


def face_finder(config: PrepareConfig) -> FaceFinder:
    """The face finder that `crop` names; entries from a box table or a data set already have their boxes."""
    if config.crop == "retinaface":
        return functools.partial(choose, detect=retinaface(config.weights or ""), config=config)
    return lambda pixels: Choice(pixels, centre_square(pixels), {})


def _file_digest(path: str) -> str:
    try:
        with open_regular(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except NotRegular as error:
        raise UserError(f"{path} is {error}: give the path of the file itself") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None


def _read(row: Block, shared: list[Any]) -> Block:
    """First stage, a CPU task: decode and crop the images of one shard, or return the fault that prevented it."""
    return carry(row, "read", lambda row: _read_planned(row["shard"], shared))


def _read_planned(name: str, shared: list[Any]) -> Block:
    import ray

    config, out, numbers, blobs = ray.get(shared[0])
    if config.crop == "retinaface":
        import torch

        torch.set_num_threads(1)  # sums depend on the thread count, and boxes depend on sums
    shard = read_shard(config, _from_json(blobs[numbers[name]].as_py()))
    if config.crop == "retinaface":
        FACES.write_part(out, name, _detected(shard["records"]))
    return {"shard": name, "records": json.dumps(shard["records"]), "pixels": shard["pixels"]}


def _detected(records: list[ImageRecord]) -> list[Detected]:
    """What the detector saw, of the images that it looked at."""
    return [record["detected"] for record in records if "detected" in record]


_ENTRY = tuple(field.name for field in dataclasses.fields(Entry))


def _to_json(entries: list[Entry]) -> bytes:
    return json.dumps([[getattr(entry, name) for name in _ENTRY] for entry in entries]).encode()


def _from_json(blob: bytes) -> list[Entry]:
    found = (dict(zip(_ENTRY, values, strict=True)) for values in json.loads(blob))
    return [Entry(**{**values, "box": values["box"] and Box(*values["box"])}) for values in found]


def needs(resources: PrepareResources) -> list[Need]:
    """The resources that a preparation needs at least: one task that reads, and one that writes."""
    labels = resources.task_labels
    return [
        Need(f"resources.num_cpus={resources.num_cpus:g}", cpus=resources.num_cpus, labels=labels),
        Need("a task that writes", cpus=1.0, labels=labels),
    ]


def run(config: PrepareConfig, failed: Failed = "skip") -> LineSummary:
    """Prepare every image that is not in the corpus yet; return the run's summary."""
    planned = plan(config)
    totals: Planned = {"shards": len(planned.shards), "images": len(planned)}
    claim = Run(config.out, "prepare", planned.identity, config, totals, needs(config.resources))
    if (finished := finished_run(claim, planned.shards)) is not None:
        return finished
    face_finder(config)  # fail on a missing package or a wrong weights file here, not in a task
    say(f"prepare: {planned.describe()}")
    cluster.connect()
    import ray

    numbers = {shard: number for number, shard in enumerate(planned.shards)}
    # One binary value per shard: tasks see the array in shared memory and parse their own shard only.
    blobs = pa.array(map(_to_json, planned.shards.values()), pa.large_binary())
    del planned  # a million entries take a gigabyte
    shared = ray.put((config, claim.storage.url, numbers, blobs))
    work = Work(
        "prepare",
        numbers,
        totals["images"],
        lambda dataset, _: dataset.map(
            _read,
            fn_kwargs={"shared": [shared]},
            num_cpus=config.resources.num_cpus,
            **cluster.placed(config.resources.task_labels),
            **BOUNDED,
        ),
        PREFIX,
        config.output,
        lambda shard: [entry.key for entry in _from_json(blobs[numbers[shard]].as_py())],
        stall_seconds=config.resources.stall_seconds,
        labels=config.resources.task_labels,
        closing=(lambda: FACES.join_parts(claim.storage, sorted(numbers))) if config.crop == "retinaface" else None,
    )
    return run_line(claim, work, failed)
