"""The plan: which live face meets which guide, with which T₀, w and seed, in which shard and at which place.

A plan is a function, not a file. Everything about sample n of a split follows from the configuration and the corpus
indexes by counters and hashes, so `shard_plan(shard)` takes time for one shard only, however large the run is:

* styles take turns: sample n has style n mod S, so style counts differ by at most one;
* turn r = n div S of a style with L live faces and R turns uses live face floor(r·L/R): live faces are visited evenly
  and in corpus order, so that a shard reads a few neighbouring row groups and not the whole corpus;
* guide, T₀, w and seed are drawn by hashing (plan seed, split, n).
"""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from difffas.errors import UserError
from difffas.routes import Route
from factory.core import draws
from factory.corpus.row import LIVE, SPOOF, whole_domain
from factory.corpus.shards import shard_sizes, shard_span
from factory.corpus.style_statistics import route_of
from factory.generate.nothing import no_guide, no_guide_of, no_live, no_pair
from factory.generate.settings import PlanConfig
from factory.models.settings import SamplerConfig
from factory.tables.columns import TextColumn


@dataclasses.dataclass(frozen=True)
class ShardPlan:
    """Everything needed to make one shard; arrays have one entry per sample."""

    shard: str
    split: str
    keys: list[str]
    live: np.ndarray  # int64, positions in the live corpus
    guide: np.ndarray  # int64, positions in the guide corpus
    t0: np.ndarray  # int64
    cfg_scale: np.ndarray  # float64
    seed: np.ndarray  # int64, 63 bits


class Plan:
    """The plan of one run.

    Args:
        config, sampler: what to generate, and how.
        rows_per_shard: upper bound of a shard's rows.
        live, guides: pixel-free indexes of the two corpora (`Corpus.index`; the same one may serve as both).
        fingerprint: fingerprint of the run; its first 8 digits begin every key.

    Raises:
        UserError: if a split has no live faces, a wanted style has no guide, no pair satisfies the policies, or
            `sampler.by_style` names a style of no guide.
    """

    def __init__(
        self,
        config: PlanConfig,
        sampler: SamplerConfig,
        rows_per_shard: int,
        live: pa.Table,
        guides: pa.Table,
        fingerprint: str,
    ) -> None:
        self.config = config
        self.sampler = sampler
        self._prefix = fingerprint[:8]
        check_by_style(sampler, guides)
        self._styles: dict[str, list[StylePool]] = {}
        self._samples: dict[str, int] = {}
        self._shards: dict[str, int] = {}
        for split in config.splits:
            styles = style_pools(config, split, live, guides)
            triples = sum(len(style.live) * style.guides_per_face for style in styles)
            self._styles[split] = styles
            self._samples[split] = config.samples or triples
            self._shards[split] = shard_sizes(self._samples[split], rows_per_shard, sampler.batch_size)[0]

    def __len__(self) -> int:
        """Number of samples."""
        return sum(self._samples.values())

    @property
    def shard_count(self) -> int:
        """Number of shards."""
        return sum(self._shards.values())

    def shards(self) -> Iterator[str]:
        """Shard names `<split>-<number>`, dense within each split."""
        for split, count in self._shards.items():
            for number in range(count):
                yield f"{split}-{number:06d}"

    def style_counts(self) -> dict[str, int]:
        """Samples per style, in closed form."""
        counts: dict[str, int] = {}
        for split, styles in self._styles.items():
            turns, more = divmod(self._samples[split], len(styles))
            for number, style in enumerate(styles):
                counts[style.style] = counts.get(style.style, 0) + turns + (number < more)
        return counts

    def routes(self) -> set[Route]:
        """Every route that a sample may take."""
        return {route for styles in self._styles.values() for style in styles for route in style.routes}

    def sizes(self) -> dict[str, int]:
        """Samples per split."""
        return dict(self._samples)

    def distinct(self) -> int:
        """Upper bound of distinct combinations of live face, guide, T₀ and w, in closed form; never above the samples.

        The bound is exact if T₀ and w are single values. Further samples repeat a combination with another seed.
        """
        found = 0
        for split, styles in self._styles.items():
            for number, style in enumerate(styles):
                (low, high), (least, most) = self.sampler.ranges(style.style)
                settings = (high - low + 1) * (round((most - least) * 1000) + 1)  # w has three decimals
                turns = _turns(self._samples[split], number, len(styles))
                found += _distinct(turns, len(style.live), style.guides_per_face, settings)
        return found

    def locate(self, key: str) -> tuple[str, int]:
        """Shard of a key and its place in the shard's order; raises UserError for a key outside this plan."""
        match = re.fullmatch(r"([0-9a-f]{8})-(.+)-(\d{10,})", key)
        if match is None or match[1] != self._prefix or int(match[3]) >= self._samples.get(match[2], 0):
            raise UserError(f"key {key!r} is not in this plan of {len(self)} samples")
        split, n = match[2], int(match[3])
        size, longer = divmod(self._samples[split], self._shards[split])
        number, place = divmod(n, size + 1)
        if number >= longer:  # the longer shards come first
            number, place = divmod(n - longer * (size + 1), size)
            number += longer
        return f"{split}-{number:06d}", place

    def shard_plan(self, shard: str) -> ShardPlan:
        """The plan of one shard; takes time and memory for that shard only."""
        split, number = _parse(shard)
        if not (split in self._shards and number < self._shards[split]):
            raise UserError(f"shard {shard!r} is not in this plan of {self.shard_count} shards")
        samples = self._samples[split]
        styles = self._styles[split]
        first, size = shard_span(number, samples, self._shards[split])
        n = np.arange(first, first + size)
        key = (self.config.seed, split)
        live, guide, t0 = (np.empty(size, np.int64) for _ in range(3))
        cfg_scale = np.empty(size, np.float64)
        for offset, style in enumerate(styles):
            mine = n % len(styles) == offset
            turns = _turns(samples, offset, len(styles))
            turn = n[mine] // len(styles)
            face = turn * len(style.live) // turns
            live[mine] = style.live[face]
            # Neighbouring turns may share a live face: consecutive guides make their pairs distinct.
            guide[mine] = style.guide(face, turn + style.live[face])
            (low, high), (least, most) = self.sampler.ranges(style.style)
            t0[mine] = low + draws.below(high - low + 1, n[mine], *key, "t0")
            scale = np.round(least + draws.uniform(n[mine], *key, "cfg_scale") * (most - least), 3)
            cfg_scale[mine] = scale.clip(least, most)
        return ShardPlan(
            shard=shard,
            split=split,
            keys=[f"{self._prefix}-{split}-{i:010d}" for i in n],
            live=live,
            guide=guide,
            t0=t0,
            cfg_scale=cfg_scale,
            seed=(draws.bits(n, *key, "seed") >> np.uint64(1)).astype(np.int64),
        )


def _turns(samples: int, offset: int, styles: int) -> int:
    """Number of turns of the style at this offset."""
    return (samples - offset + styles - 1) // styles


def _distinct(turns: int, live: int, guides: int, settings: int) -> int:
    """Combinations among the turns of one style: turns visit live faces evenly, and each face meets guides in turn."""
    each, more = divmod(turns, live)

    def of_face(turns: int) -> int:
        rounds, beyond = divmod(turns, guides)
        return beyond * min(rounds + 1, settings) + (guides - beyond) * min(rounds, settings)

    return more * of_face(each + 1) + (live - more) * of_face(each)


def _parse(shard: str) -> tuple[str, int]:
    match = re.fullmatch(r"(.+)-(\d{6,})", shard)
    if match is None:
        raise UserError(f"shard {shard!r} is not of the form <split>-<number>")
    return match[1], int(match[2])


@dataclasses.dataclass(frozen=True)
class StylePool:
    """The live faces that will get a style and the guides that show the style, as index positions in corpus order."""

    style: str
    live: np.ndarray
    guides: np.ndarray
    routes: tuple[Route, ...]  # one for each domain of the live faces
    meets: np.ndarray | None = None  # (live, M): places in `guides` that each face meets; None: all of them

    @property
    def guides_per_face(self) -> int:
        """The number of guides that each live face meets, one after the other."""
        return len(self.guides) if self.meets is None else self.meets.shape[1]

    def guide(self, face: np.ndarray, number: np.ndarray) -> np.ndarray:
        """Index positions of the guides that faces, places in `live`, meet in their turns of these numbers."""
        turn = number % self.guides_per_face
        return np.asarray(self.guides[turn if self.meets is None else self.meets[face, turn]])


def style_pools(config: PlanConfig, split: str, live: pa.Table, guides: pa.Table) -> list[StylePool]:
    """Styles of a split with their live faces and guides, all from that split, so that no subject crosses splits."""
    lives = _Index(live, split, LIVE, config.live_domains)
    spoofs = _Index(guides, split, SPOOF)
    if not len(lives.positions):
        raise UserError(no_live(config, split, live))
    if not len(spoofs.positions):
        raise UserError(no_guide(split, guides))
    _refuse_foreign(config.allowed_domains, lives.domain.present(), "live faces of domain", "plan.live_domains")
    owned = _owned([live] if live is guides else [live, guides])
    pools, asked = [], {}
    for style in config.styles or spoofs.style.present():
        lines = np.flatnonzero(spoofs.style.among({style}))
        shown = spoofs.positions[lines]
        if not len(shown):
            raise UserError(no_guide_of(style, split, spoofs.style.present()))
        domain, attack = spoofs.domain[lines[0]], spoofs.attack[lines[0]]
        _refuse_foreign(config.allowed_domains, [domain], "guides of domain", "plan.styles")
        _refuse_foreign(config.allowed_attacks, [attack], "guides of attack", "plan.styles")
        asked[style] = domain
        eligible = _eligible(config, lives, domain, attack, owned)
        chosen = _choose(config, split, style, shown)
        meets = None
        if "same-style" in config.policies:
            own = _own(lives, np.flatnonzero(eligible), spoofs, chosen)
            eligible[eligible], meets = ~own.all(axis=1), _others(own)
        if eligible.any():
            routes = tuple(route_of(found, domain, style) for found in lives.domain.present(eligible))
            pools.append(StylePool(style, lives.positions[eligible], chosen, routes, meets))
    if not pools:
        raise UserError(no_pair(config, split, lives.domain.present(), asked))
    return pools


def check_by_style(sampler: SamplerConfig, guides: pa.Table) -> None:
    """Refuse `sampler.by_style` for a style of which the corpus has no guide; the plan may use fewer styles."""
    if not sampler.by_style:
        return
    known = TextColumn(guides, "style", guides["label"].to_numpy() == SPOOF).present()
    for style in sampler.by_style:
        if style not in known:
            near = difflib.get_close_matches(style, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"its styles: {', '.join(known)}"
            raise UserError(f"sampler.by_style: the guides' corpus has no style {style!r}; {hint}")


def _refuse_foreign(allowed: tuple[str, ...] | None, present: list[str], what: str, choose: str) -> None:
    """Refuse a protocol's test domain or unseen attack, which must not leak into generated training data."""
    foreign = [name for name in present if allowed is not None and name not in allowed]
    if foreign:
        raise UserError(f"{what} {foreign[0]!r} are not among the allowed {list(allowed or ())}: set {choose}")


class _Index:
    """The rows of an index that have one split and label."""

    def __init__(self, table: pa.Table, split: str, label: int, domains: tuple[str, ...] | None = None) -> None:
        keep = TextColumn(table, "split").among({split}) & (table["label"].to_numpy() == label)
        if domains is not None:
            keep &= TextColumn(table, "domain").among(set(domains))
        self.positions = np.flatnonzero(keep)
        self.domain, self.attack, self.style, self.subject = (
            TextColumn(table, name, keep) for name in ("domain", "attack", "style", "subject")
        )


def _owned(tables: list[pa.Table]) -> dict[tuple[str, str], set[str]]:
    """The subjects that have a spoof, by domain and attack."""
    owned: dict[tuple[str, str], set[str]] = {}
    for table in tables:
        identity = table.select(["domain", "attack", "subject"])  # filtering copies, and an index has thirty columns
        spoof = identity.filter(pa.array(table["label"].to_numpy() == SPOOF))
        distinct = spoof.group_by(["domain", "attack", "subject"]).aggregate([])
        for domain, attack, subject in zip(*(column.to_pylist() for column in distinct.columns), strict=True):
            owned.setdefault((domain, attack), set()).add(subject)
    return owned


def _eligible(
    config: PlanConfig, lives: _Index, domain: str, attack: str, owned: dict[tuple[str, str], set[str]]
) -> np.ndarray:
    """Mask of the live faces to which the policies give the styles of a domain's attack."""
    same = lives.domain.among({domain})
    result = np.zeros(len(lives.positions), dtype=bool)
    if "cross-domain" in config.policies:
        result |= ~same
    owns = lives.subject.among(owned[domain, attack])  # a guide shows it, so a subject has it
    if "cross-attack" in config.policies:
        result |= same & ~owns
    if "same-style" in config.policies:
        result |= same & owns
    return result


def _own(lives: _Index, faces: np.ndarray, spoofs: _Index, chosen: np.ndarray) -> np.ndarray:
    """Which of the chosen guides shows the person of which live face, bool (faces, guides)."""

    def person(index: _Index, line: int) -> tuple[str, str]:
        return whole_domain(index.domain[line]), index.subject[line]

    shown = [person(spoofs, line) for line in np.searchsorted(spoofs.positions, chosen).tolist()]
    people = {who: np.array([who == other for other in shown]) for who in {person(lives, f) for f in faces.tolist()}}
    none = np.empty((0, len(chosen)), dtype=bool)
    return np.stack([people[person(lives, face)] for face in faces.tolist()]) if len(faces) else none


def _others(own: np.ndarray) -> np.ndarray:
    """For each face with a guide of another person, the places of such guides; equally many for all faces."""
    met = own[~own.all(axis=1)]
    fewest = int((~met).sum(axis=1).min()) if len(met) else 0
    return np.asarray(np.argsort(met, axis=1, kind="stable")[:, :fewest])  # guides of other people come first


def _choose(config: PlanConfig, split: str, style: str, shown: np.ndarray) -> np.ndarray:
    """Choose `guides_per_style` guides by hash; returns them in corpus order."""
    rank = draws.bits(np.arange(len(shown)), config.seed, split, "guides", style)
    return np.sort(shown[np.argsort(rank, kind="stable")[: config.guides_per_style]])
