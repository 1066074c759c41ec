"""New people in the line: the plan of a generator that invents both halves of a pair, and the stage that samples them.

A pair takes two rows, a live face and a spoof, with one subject, capture and domain. No image was edited, so the rows
name no live face, guide, T₀, w, steps or preset; their sampler is `dsdg`. A subject's name follows from the generator
and the seed of the person, and holds `__`, which no name of the vocabulary does: it cannot be that of a real person.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from difffas.errors import UserError
from factory.core import arithmetic, draws
from factory.corpus import Corpus
from factory.corpus.encode import ImageRecord
from factory.corpus.license import strictest_of
from factory.corpus.provenance import SourceType
from factory.corpus.row import INVENTED_PERSON, LIVE, LIVE_ATTACK, SPOOF, Facts, style_of
from factory.corpus.shards import OutputConfig, shard_sizes, shard_span
from factory.generate.settings import PlanConfig
from factory.generate.within_protocol import generation_plan
from factory.line import metrics
from factory.line.block import Block
from factory.line.faults import carry
from factory.models.load import load_people
from factory.models.people_sampler import PeopleFacts, people_facts
from factory.models.settings import SamplerConfig
from factory.protocols import check_model, protocol_of
from factory.run import CLAIM, read_claim
from factory.storage import Storage

if TYPE_CHECKING:
    from difffas.routes import Route

SAMPLER, CAPTURE = "dsdg", "sampled"
MARK: SourceType = "trainedAlgorithmicMedia"  # of both halves: no part of them was in front of a camera
HALVES = 2  # rows of a pair: the live face, then the spoof


@dataclasses.dataclass(frozen=True)
class PairStyle:
    """A style of pairs: its name, and the domain and attack of its spoofs."""

    style: str
    domain: str
    attack: str


@dataclasses.dataclass(frozen=True)
class PeopleShard:
    """Everything needed to make one shard of pairs; `keys` has two entries for each pair."""

    shard: str
    split: str
    keys: list[str]
    styles: list[PairStyle]
    seed: np.ndarray  # int64, 63 bits, one for each pair


class PeoplePlan:
    """The plan of new people: pair n has style n mod S and its own seed, so that a shard follows from its number.

    Args:
        config: `samples` pairs in the one split of `splits`. styles: of the spoofs, in turn.
        rows_per_shard, batch_size: as of a generation; a shard holds whole pairs.
        license: of all rows. generator: digest of the model. fingerprint: of the run; begins every key.
    """

    def __init__(
        self,
        config: PlanConfig,
        styles: list[PairStyle],
        rows_per_shard: int,
        batch_size: int,
        license: str,
        generator: str,
        fingerprint: str,
    ) -> None:
        assert config.samples is not None, "checked before"
        (self._split,), self._pairs = config.splits, config.samples
        self._styles, self._license, self._generator = styles, license, generator
        self._prefix, self._seed = fingerprint[:8], config.seed
        self._shards = shard_sizes(self._pairs, max(1, rows_per_shard // HALVES), batch_size)[0]

    def __len__(self) -> int:
        """Number of rows, two for each pair."""
        return HALVES * self._pairs

    @property
    def shard_count(self) -> int:
        """Number of shards."""
        return self._shards

    def shards(self) -> Iterator[str]:
        """Shard names `<split>-<number>`."""
        return (f"{self._split}-{number:06d}" for number in range(self._shards))

    def style_counts(self) -> dict[str, int]:
        """Rows per style, live styles included, in closed form."""
        counts: dict[str, int] = {}
        turns, more = divmod(self._pairs, len(self._styles))
        for number, style in enumerate(self._styles):
            for name in (style_of(style.domain, LIVE_ATTACK), style.style):
                counts[name] = counts.get(name, 0) + turns + (number < more)
        return counts

    def sizes(self) -> dict[str, int]:
        """Rows per split."""
        return {self._split: len(self)}

    def distinct(self) -> int:
        """Distinct rows: all, since every pair is another person."""
        return len(self)

    def routes(self) -> set[Route]:
        """No sample leads from one style to another."""
        return set()

    def locate(self, key: str) -> tuple[str, int]:
        """Shard of a key and its place in the shard's order; raises UserError for a key outside this plan."""
        match = re.fullmatch(r"([0-9a-f]{8})-(.+)-(\d{10,})", key)
        if match is None or (match[1], match[2]) != (self._prefix, self._split) or int(match[3]) >= len(self):
            raise UserError(f"key {key!r} is not in this plan of {len(self)} rows")
        pair, half = divmod(int(match[3]), HALVES)
        for number, shard in enumerate(self.shards()):
            first, size = shard_span(number, self._pairs, self._shards)
            if pair < first + size:
                return shard, HALVES * (pair - first) + half
        raise AssertionError("the shards hold every pair")

    def shard_plan(self, shard: str) -> PeopleShard:
        """The plan of one shard."""
        match = re.fullmatch(r"(.+)-(\d{6,})", shard)
        if match is None or match[1] != self._split or int(match[2]) >= self._shards:
            raise UserError(f"shard {shard!r} is not in this plan of {self._shards} shards")
        first, size = shard_span(int(match[2]), self._pairs, self._shards)
        n = np.arange(first, first + size)
        rows = range(HALVES * first, HALVES * (first + size))
        return PeopleShard(
            shard=shard,
            split=self._split,
            keys=[f"{self._prefix}-{self._split}-{row:010d}" for row in rows],
            styles=[self._styles[number % len(self._styles)] for number in n],
            seed=(draws.bits(n, self._seed, self._split, "person") >> np.uint64(1)).astype(np.int64),
        )

    def records(self, shard: PeopleShard) -> list[ImageRecord]:
        """What is known of the rows of a shard before they are sampled, in the order of its keys."""
        found: list[ImageRecord] = []
        for place, key in enumerate(shard.keys):
            style, seed = shard.styles[place // HALVES], int(shard.seed[place // HALVES])
            spoof = place % HALVES == SPOOF
            attack = style.attack if spoof else LIVE_ATTACK
            row: Facts = {
                "key": key,
                "label": SPOOF if spoof else LIVE,
                "attack": attack,
                "domain": style.domain,
                "style": style.style if spoof else style_of(style.domain, LIVE_ATTACK),
                "subject": f"{INVENTED_PERSON}{self._generator[:8]}_{seed:016x}",
                "capture": CAPTURE,
                "split": shard.split,
                "source": f"sampled by {self._generator[:16]}",
                "license": self._license,
                "sampler": SAMPLER,
                "seed": seed,
                "generator": self._generator,
            }
            found.append({"row": row, "reject": None, "source_type": MARK})
        return found


def lay_plan(
    config: PlanConfig,
    sampler: SamplerConfig,
    output: OutputConfig,
    name: str,
    corpus: Corpus | None,
    digest: str,
    fingerprint: str,
) -> PeoplePlan:
    """Make the plan of a run with the generator of people in folder `name`.

    Args:
        corpus: on which the generator was fitted; None if the run names two. digest: of the model.

    Raises:
        UserError: if settings, corpus and generator do not fit each other.
    """
    check_settings(config, sampler, output.paired)
    model = Storage(name)
    facts = people_facts(model)
    fitted = read_claim(model)["identity"].get("corpus") if model.exists(CLAIM) else None
    if corpus is None or fitted not in (None, corpus.digest):
        raise UserError(
            f"generator {name} samples new people like those that it was fitted on: set inputs.live and inputs.guides "
            "both to that corpus, whose rows name domains and licences"
        )
    check_model(model, protocol_of(corpus), "the generator")
    inside = generation_plan(config, corpus, corpus)
    styles = pair_styles(inside, facts, corpus, name)
    terms = license_of(corpus, facts.split)
    return PeoplePlan(inside, styles, output.rows_per_shard, sampler.batch_size, terms, digest, fingerprint)


def check_settings(plan: PlanConfig, sampler: SamplerConfig, paired: bool) -> None:
    """Refuse settings that mean nothing for new people.

    Raises:
        UserError: naming the setting and the mend.
    """
    what = "a generator of new people"
    if sampler != SamplerConfig(batch_size=sampler.batch_size):
        raise UserError(f"{what} has no T₀, w, steps, match or preset: leave sampler out but for batch_size")
    for name in ("policies", "live_domains", "guides_per_style"):
        if getattr(plan, name) != PlanConfig.model_fields[name].default:
            raise UserError(f"{what} takes no live face and no guide: leave plan.{name} out")
    if plan.samples is None:
        raise UserError(f"{what} has no end: set plan.samples, the number of pairs of a live face and a spoof")
    if paired:
        raise UserError(f"live faces of {what} are rows of their own: leave output.paired out")


def pair_styles(config: PlanConfig, facts: PeopleFacts, corpus: Corpus, name: str) -> list[PairStyle]:
    """The styles of a plan, with what the rows of the generator's corpus say about them.

    Raises:
        UserError: for another split than that of the generator's people, a style that it does not know or that the
            protocol does not allow, or images of another size.
    """
    if config.splits != (facts.split,):
        raise UserError(
            f"plan.splits {list(config.splits)}: the people of generator {name} are like those of split "
            f"{facts.split!r}, on which it was fitted: set plan.splits=[{facts.split}]"
        )
    if unknown := sorted(set(config.styles or ()) - set(facts.styles)):
        raise UserError(f"plan.styles: generator {name} knows no {unknown[0]!r}, only {', '.join(facts.styles)}")
    rows = corpus.where(split=facts.split, label=SPOOF)
    shown = corpus.index.select(["style", "domain", "attack"]).take(pa.array(rows))
    lines = {line["style"]: line for line in shown.group_by(["style", "domain", "attack"]).aggregate([]).to_pylist()}
    found = []
    for style in config.styles or facts.styles:
        if style not in lines:
            raise UserError(
                f"{corpus.storage.url} has no row of style {style!r} in split {facts.split!r}: give the corpus that "
                f"generator {name} was fitted on"
            )
        line = lines[style]
        for kind, allowed in (("domain", config.allowed_domains), ("attack", config.allowed_attacks)):
            if allowed is not None and line[kind] not in allowed:
                raise UserError(
                    f"style {style!r} of generator {name} is of {kind} {line[kind]!r}, which is not among the allowed "
                    f"{list(allowed)}: set plan.styles"
                )
        found.append(PairStyle(style, line["domain"], line["attack"]))
    return found


def license_of(corpus: Corpus, split: str) -> str:
    """The strictest licence of the rows of a split, on which a generator of people was fitted."""
    return strictest_of(set(corpus.column("license")[corpus.where(split=split)].tolist()))


class SamplePeople:
    """The stage that makes shards, an actor: it samples both halves of every pair."""

    def __init__(self, plan: PeoplePlan, generator: str, digest: str, batch_size: int, threads: int) -> None:
        self._plan = plan
        self._sample = load_people(generator, batch_size, threads, digest)
        self._busy = metrics.Busy()
        self._notes = {"arithmetic": arithmetic.describe()} if self._sample.device == "cpu" else {}

    def __call__(self, row: Block) -> Block:
        """Return a shard's rows with the pixels of both halves of its pairs."""
        with self._busy.at_work():
            return carry(row, "generate", self._work)

    def _work(self, row: Block) -> Block:
        shard = self._plan.shard_plan(row["shard"])
        made = self._sample([style.style for style in shard.styles], shard.seed)
        records = self._plan.records(shard)
        for pair in made.broken:
            for half in range(HALVES):
                records[HALVES * pair + half]["reject"] = "the generator made non-finite pixels"
        pixels = np.stack((made.live, made.spoof), axis=1)  # N, 2, H, W, 3
        return {
            "shard": shard.shard,
            "records": json.dumps(records),
            "pixels": pixels.reshape(-1, *pixels.shape[2:]),
            "device": self._sample.device,
            "notes": json.dumps(self._notes),
        }
