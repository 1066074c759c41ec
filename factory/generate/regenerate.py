"""Show one sample of a corpus, and check whether regenerating the sample gives the same bytes."""

from __future__ import annotations

import json
from typing import NamedTuple, TypedDict

import numpy as np

from difffas.errors import UserError
from factory.core import arithmetic
from factory.corpus import Corpus, read_shard_rows
from factory.corpus.encode import ImageRecord, encode
from factory.corpus.row import Facts, Row
from factory.corpus.shards import FORMATS
from factory.corpus.style_statistics import matching_statistics
from factory.generate import GenerateConfig, match_sources, open_inputs, people, plan_run, recipe_of
from factory.generate.inputs import read_inputs, routes_of
from factory.images import decode
from factory.line.retry import claimed_config
from factory.models.generators import Request
from factory.models.load import load_generator, load_people
from factory.run import read_claim, read_summary
from factory.run.ledger import Ledger
from factory.storage import Storage


class Comparison(TypedDict):
    """A sample that was made again, compared with the stored one."""

    key: str
    shard: str
    position: int
    device: str
    arithmetic: dict[str, str | int]
    equal: bool  # byte for byte
    largest_difference: int  # of a pixel value, on a scale of 0 to 255


def show(url: str, key: str) -> tuple[Row, Facts]:
    """The row of a key, and its columns that have a value, with shard and place; the run may be unfinished.

    Raises:
        UserError: if no finished shard holds the key; if the sample was rejected, with the reason.
    """
    storage = Storage(url)
    shard, place = _find(storage, key)
    row = read_shard_rows(storage, shard, [place])[0]
    height, width, _ = decode(row.image).shape
    return row, {
        "shard": shard,
        "position": place,
        "height": height,
        "width": width,
        "bytes": len(row.image),
        **{name: value for name, value in row.facts().items() if value is not None},
    }


def regenerate(url: str, key: str, overrides: list[str]) -> tuple[bytes, Comparison]:
    """Regenerate one sample of a generated corpus within its original batch; return its bytes and the comparison.

    `overrides` say where the inputs are now, such as `inputs.live=…`; other inputs or settings are refused.

    Raises:
        UserError: if the folder is not a generated corpus, lacks the key, or the inputs differ from the run's inputs.
    """
    if (station := read_claim(Storage(url))["job"]) != "generate":
        raise UserError(f"{url} holds a run of {station}: only generated samples can be made again")
    config = claimed_config(url, overrides)[1]
    row, _ = show(url, key)
    opened = open_inputs(config)
    _, plan = plan_run(config, opened)
    shard, place = plan.locate(key)
    if isinstance(plan, people.PeoplePlan):
        sampled = _sampled_again(config, plan, shard, place, opened.generator)
        data = encode(sampled.pixels, config.output, people.MARK)
        return data, _compared(key, (shard, place), row.image, data, sampled.device)
    live, guides = ((corpus.storage, corpus.index) for corpus in (opened.live, opened.guides))
    inputs = read_inputs(plan.shard_plan(shard), live, guides, recipe_of(config, opened))
    size = config.sampler.batch_size
    first = place // size * size
    batch = slice(first, first + size)
    generate = load_generator(
        config.inputs.generator,
        config.sampler,
        config.resources.threads,
        config.resources.compile,
        opened.generator,
        matching_statistics(match_sources(config, opened, plan)),
    )
    records: list[ImageRecord] = json.loads(inputs["records"])
    request = Request(
        live=inputs["pixels"][batch],
        guides=inputs["guides"],
        guide_of=inputs["guide_of"][batch],
        t0=inputs["t0"][batch],
        cfg_scale=inputs["cfg_scale"][batch],
        seed=inputs["seed"][batch],
        routes=routes_of(records)[batch],
    )
    pixels = generate(request).pixels[place - first]
    data = encode(pixels, config.output, records[place]["source_type"])
    return data, _compared(key, (shard, place), row.image, data, generate.device)


class _Sampled(NamedTuple):
    """One half of a pair of a new person, uint8 (H, W, 3), and the device that made it."""

    pixels: np.ndarray
    device: str


def _sampled_again(config: GenerateConfig, plan: people.PeoplePlan, shard: str, place: int, digest: str) -> _Sampled:
    """Sample a row of a plan of new people again, in its batch."""
    mine, size, resources = plan.shard_plan(shard), config.sampler.batch_size, config.resources
    pair, half = divmod(place, people.HALVES)
    first = pair // size * size
    styles = [style.style for style in mine.styles[first : first + size]]
    sample = load_people(config.inputs.generator, size, resources.threads, digest)
    made = sample(styles, mine.seed[first : first + size])
    return _Sampled((made.live, made.spoof)[half][pair - first], sample.device)


def _compared(key: str, where: tuple[str, int], before: bytes, data: bytes, device: str) -> Comparison:
    stored = decode(before).astype(int)
    return {
        "key": key,
        "shard": where[0],
        "position": where[1],
        "device": device,
        "arithmetic": arithmetic.describe(),
        "equal": data == before,
        "largest_difference": int(np.abs(stored - decode(data)).max()),
    }


def _find(storage: Storage, key: str) -> tuple[str, int]:
    """Shard and place of a key: from the index if the run is finished, else by reading its finished shards."""
    if read_summary(storage) is not None:
        corpus = Corpus(storage.url)
        for found in corpus.where(key=key):
            line = corpus.index.slice(int(found), 1).to_pylist()[0]
            return line["shard"], line["position"]
    for record in Ledger(storage).records():
        for reject in record["rejects"]:
            if reject["key"] == key:
                raise UserError(f"key {key} was rejected in shard {record['shard']}: {reject['reason']}")
        for name, file in list(record["files"].items())[:1]:
            with storage.open(file["path"]) as opened:
                keys = FORMATS[name].read_facts(opened)["key"].to_pylist()
            if key in keys:
                return record["shard"], keys.index(key)
    raise UserError(f"no finished shard of {storage.url} holds key {key!r}")
