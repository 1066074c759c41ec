"""Decide for each image its row's facts, its key, its split, and its face box or its reject reason."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from difffas.errors import UserError
from factory.core.progress import say
from factory.corpus.row import LIVE, LIVE_ATTACK, SPOOF, Facts, domain_part, style_of
from factory.corpus.splits import split_subjects
from factory.datasets import DATASETS, capture_fields, field_names
from factory.datasets.names import is_unknown
from factory.prepare.config import FOLDER_PATTERN
from factory.sources import Source, printable
from factory.sources.faces import Box, read_boxes, read_landmarks
from factory.sources.pattern import Pattern, field_value, vocabulary_name

if TYPE_CHECKING:
    from factory.prepare.config import PrepareConfig

NO_MATCH = "no pattern match"
NO_DIVIDERS = {"domain", "label", "attack", "key", "license"}  # fields that divide no domain
NO_STYLES = {*NO_DIVIDERS, "subject", "split", "image"}  # fields that make no style finer
_PLACE = ("path", "size", "format", "file", "group", "at", "turn", "boxes")
NAMES = (
    "label",
    "attack",
    "domain",
    "subject",
    "split",
    "capture",
    "sitting",
)  # fields whose values are vocabulary names


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """One image of the plan: its location, the facts of its row, and its reject reason if already known."""

    path: str
    size: int
    key: str
    label: int | None = None
    attack: str | None = None
    domain: str | None = None
    subject: str | None = None
    capture: str | None = None
    split: str = ""
    license: str | None = None
    box: Box | None = None
    reject: str | None = None
    format: str = "folder"
    file: str = ""
    group: int = -1
    at: int = 0
    turn: int = 0
    boxes: str = ""
    points: tuple[float, ...] | None = None
    sitting: str | None = None
    style: str | None = None

    def row(self, license_name: str) -> Facts:
        """The row's facts; without a domain or attack, only key, source and licence are meaningful."""
        return {
            "key": self.key,
            "label": self.label,
            "attack": self.attack,
            "domain": self.domain,
            "subject": self.subject,
            "capture": self.capture,
            "sitting": self.sitting,
            "style": self.style,
            "split": self.split if self.style else None,
            "source": printable(self.path),
            "license": self.license or license_name,
        }

    @property
    def rank(self) -> tuple[str, int]:
        """Rank within its split, by a hash; images of one Parquet row group or one video stay together."""
        if self.group < 0:
            return self.key[-16:], 0
        block = f"{self.file}\0{self.group}".encode("utf-8", "surrogatepass")
        return hashlib.blake2b(block, digest_size=8).hexdigest(), self.at


def list_entries(config: PrepareConfig, sources: list[Source]) -> list[Entry]:
    """Entries of all sources, in their order; entries that lack a needed field are rejects from the start.

    Raises:
        UserError: if a field that every row needs has no source, the pattern matches no path, keys repeat, or the box
            table cannot be read or names none of the images.
    """
    reader = _Reader(config, sources)
    entries = [reader.entry(source) for source in sources]
    matched = [entry for entry in entries if entry.subject]
    if not matched:
        example = printable(sources[0].path)
        if reader.pattern and all(entry.reject == NO_MATCH for entry in entries):
            raise UserError(
                f"pattern {reader.pattern.text!r} fits none of the {len(sources)} images in {config.source}, "
                f"such as {example!r}: mend the pattern"
            )
        raise UserError(f"none of the {len(sources)} images in {config.source} has a subject, such as {example!r}")
    if reader.boxes is not None and not any(printable(source.path) in reader.boxes for source in sources):
        raise UserError(
            f"{config.boxes} names none of the images in {config.source}: its paths must be like {sources[0].path!r}"
        )
    if "key" in reader.given and len({entry.key for entry in entries}) < len(entries):
        key = Counter(entry.key for entry in entries).most_common(1)[0][0]
        raise UserError(f"the key column of {config.source} repeats {key[:-17]!r}: set columns.key=null")
    reader.check_styles()
    if config.domain:
        _say_unmixed(config.domain, entries)
        entries = _with_people_apart(config.domain, entries)
    return _with_splits(config, entries)


def _say_unmixed(divider: str, entries: list[Entry]) -> None:
    """Print a line if live faces and spoofs are in no part of a domain together, as a field of attacks has it."""
    good = [entry for entry in entries if not entry.reject]
    live, spoof = ({entry.domain for entry in good if entry.label == label} for label in (LIVE, SPOOF))
    if live and spoof and not live & spoof:
        say(
            f"prepare: with domain={divider} no domain has both live faces and spoofs, so fit-generator will find no "
            f"pair: choose a field that both share"
        )


def _with_splits(config: PrepareConfig, entries: list[Entry]) -> list[Entry]:
    """Give every entry a split: its own, else the split of its subject, else a split by hash."""
    known = {str(entry.subject): entry.split for entry in entries if entry.subject and entry.split}
    unknown = {entry.subject for entry in entries if entry.subject and not entry.split} - known.keys()
    if config.dataset:
        _say_unknown_people(
            config, [entry for entry in entries if not entry.reject and is_unknown(str(entry.subject))]
        )
    known |= split_subjects(unknown, config.split, config.seed)
    found = [entry.split or known.get(entry.subject or "", "") for entry in entries]
    # An entry without a split must still be recorded in some shard: it goes to the largest split.
    sizes = Counter(split for split in found if split)
    largest = min(sizes, key=lambda name: (-sizes[name], name))
    return [
        entry if entry.split else dataclasses.replace(entry, split=split or largest)
        for entry, split in zip(entries, found, strict=True)
    ]


def _say_unknown_people(config: PrepareConfig, lost: list[Entry]) -> None:
    """Print a line if these images' names do not say who is shown; raise UserError where splits would be drawn."""
    if not lost:
        return
    told = f"the names of {len(lost):,} images do not say who is shown, such as {lost[0].path}"
    drawn = any(not entry.split for entry in lost) and sum(share > 0 for share in config.split.values()) > 1
    if drawn and not config.subjects_unknown:
        raise UserError(
            f"{told}: drawn splits could hold one person twice; give split={{train: 1.0}}, or subjects_unknown=true "
            f"(--subjects-unknown) to take every {'scene' if config.dataset == 'pairs' else 'recording'} for another "
            f"person"
        )
    say(f"prepare: {told}: nothing keeps these people apart, in splits or in pairs")


def _with_people_apart(divider: str, entries: list[Entry]) -> list[Entry]:
    """Drop the given splits if they share people: where a divided domain is crossed, nothing else keeps them apart."""
    people = {(entry.subject, entry.split) for entry in entries if entry.subject and entry.split}
    shared = len(people) - len({subject for subject, _ in people})
    if not shared:
        return entries
    say(f"prepare: {shared:,} people are in several given splits: with domain={divider} people are split by hash")
    return [dataclasses.replace(entry, split="") for entry in entries]


class _Reader:
    """Makes entries from sources by the configuration."""

    def __init__(self, config: PrepareConfig, sources: list[Source]) -> None:
        text = config.pattern or (FOLDER_PATTERN if sources[0].format == "folder" and not config.dataset else None)
        self.pattern = Pattern(text) if text else None
        self.given = {name for source in sources if source.fields for name in source.fields}
        table = config.boxes if config.crop == "table" else None
        self.boxes = read_boxes(table) if table else None
        self.points = read_landmarks(table) if table and config.align else None
        self._live = {vocabulary_name(name) for name in config.live}
        self._numbers = any(name.isdigit() for name in config.live)
        defaults = config.defaults.model_dump(exclude_none=True)
        self._defaults = {name: field_value(name, value) for name, value in defaults.items()}
        self._dataset = DATASETS[config.dataset] if config.dataset else None
        self._divider, self._finer = config.domain, config.style_fields
        self._of_spoofs: set[str] = set()  # fields that any spoof has
        self._check()
        self._check_named("domain", [self._divider] if self._divider is not None else [], NO_DIVIDERS)
        self._check_named("style_fields", self._finer, NO_STYLES)

    def _check_named(self, setting: str, fields: Sequence[str], excluded: set[str]) -> None:
        """Raise UserError if nothing gives a field that divides the domain or makes styles finer."""
        names = {*(self.pattern.fields if self.pattern else ()), *self.given, *self._defaults}
        names |= field_names(self._dataset) if self._dataset else set()
        there = sorted(names - excluded)
        for field in fields:
            if field not in there:
                known = f"there are {', '.join(there)}" if there else "their names have none that could be chosen"
                raise UserError(f"{setting}={field} is not a field of these images: {known}")

    def check_styles(self) -> None:
        """Raise UserError if a field that makes styles finer is one that only live faces have."""
        for field in self._finer:
            if self._of_spoofs and field not in self._of_spoofs:
                there = ", ".join(sorted(self._of_spoofs - NO_STYLES))
                raise UserError(f"style_fields={field} is not a field of these spoofs: there are {there}")

    def _known(self, values: dict[str, str], columns: Mapping[str, str]) -> dict[str, str]:
        """Every field of an image that may divide its domain or make its style finer."""
        official = capture_fields(self._dataset, values.get("capture", "")) if self._dataset else {}
        asked = columns.keys() & {self._divider, *self._finer}
        return official | values | {name: vocabulary_name(columns[name]) for name in asked}

    def _style(self, values: dict[str, str], known: dict[str, str]) -> str | None:
        """The style with those of the finer fields that are known; None without a domain or attack."""
        if not {"domain", "attack"} <= values.keys():
            return None
        finer = [f"{name}_{known[name]}" for name in self._finer if name in known]
        return style_of(values["domain"], values["attack"], finer)

    def _check(self) -> None:
        """Raise UserError naming a field without a source; every row needs a domain, a subject and an attack."""
        varying = {*(self.pattern.fields if self.pattern else ()), *self.given}
        all_live = "label" not in varying and self._defaults.get("label") in self._live
        for name in ("domain", "subject", "attack"):
            if name not in varying and name not in self._defaults and not (name == "attack" and all_live):
                if self.pattern:
                    where = f"put {{{name}}} into pattern {self.pattern.text!r}"
                else:
                    where = f"name its column, columns.{name}=COLUMN, put {{{name}}} into a pattern"
                raise UserError(f"no {name}: {where} or set defaults.{name}=NAME")

    def entry(self, source: Source) -> Entry:
        """The entry of one image, with a split only if the path or the columns give one."""
        place = {name: getattr(source, name) for name in _PLACE}
        found = self.pattern.match(source.path) if self.pattern else {}
        if found is None:
            return Entry(**place, key=key_of("", source.path), reject=NO_MATCH)
        columns = source.fields or {}
        values = self._defaults | found | {name: field_value(name, columns[name]) for name in NAMES if name in columns}
        reject, box, points = source.reject, None, None
        if "label" in columns and re.fullmatch(r"-?\d+", columns["label"]) and not self._numbers:
            live = columns["label"] == str(LIVE)
            reject = reject or (None if columns["label"] in (str(LIVE), str(SPOOF)) else "label is neither 0 nor 1")
        else:
            live = values.get("label", values.get("attack")) in self._live
        if "label" in values and not live and values.get("attack") in self._live:
            reject = reject or "label and attack disagree"
        if live:
            values["attack"] = LIVE_ATTACK
        for name in ("domain", "subject", "attack"):
            reject = reject or (None if name in values else f"no {name}")
        if self.boxes is not None:
            name = printable(source.path)
            box = self.boxes.get(name)
            reject = reject or (None if box else "no face" if name in self.boxes else "no box in the table")
        if self.points is not None:
            points = self.points.get(printable(source.path))
            reject = reject or (None if points else "no face")
        key = key_of(values.get("domain", ""), columns.get("key", source.path))  # the same however it is divided
        known = self._known(values, columns) if self._divider is not None or self._finer else {}
        if self._divider is not None and "domain" in values:
            part = known.get(self._divider, "")
            reject = reject or (None if part else f"no {self._divider}")
            values["domain"] = domain_part(values["domain"], self._divider, part)
        if not (live or reject):
            self._of_spoofs |= known.keys()
            reject = next((f"no {name}" for name in self._finer if name not in known), None)
        return Entry(
            **place,
            key=key,
            label=LIVE if live else SPOOF,
            attack=values.get("attack"),
            domain=values.get("domain"),
            subject=values.get("subject"),
            capture=values.get("capture"),
            sitting=values.get("sitting"),
            style=self._style(values, {} if live else known),
            split=values.get("split", ""),
            license=columns.get("license"),
            box=box,
            points=points,
            reject=reject,
        )


def key_of(domain: str, path: str) -> str:
    """Row key `[a-z0-9_-]+`: the end of the path, for readability, and 64 bits of a hash of domain and path.

    The domain is in the hash so that the same path in two data sets gives two keys.
    """
    readable = re.sub(r"[^a-z0-9_]+", "-", os.path.splitext(path)[0].lower())[-48:].strip("-")
    name = f"{domain}\0{path}".encode("utf-8", "surrogatepass")
    digest = hashlib.blake2b(name, digest_size=8).hexdigest()
    return f"{readable}-{digest}" if readable else digest
