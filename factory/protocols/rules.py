"""Defines protocols, and assigns each row of a corpus to a part.

A protocol is data: for each of train, dev and test a list of rules on the columns of the corpus row and on the fields
of the recording's name. Generated rows have no official split: their part is the one for which they were made, and
`factory.protocols.leakage` checks that their sources belong to that part.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
import pyarrow as pa
from pydantic import BeforeValidator, Field, field_serializer, model_validator

from difffas.errors import UserError
from factory.core.config import Config, fingerprint
from factory.corpus.generated import are_generated
from factory.datasets import dataset_of
from factory.datasets import field_names as official_names
from factory.datasets import fields as official_fields
from factory.sources.pattern import vocabulary_name
from factory.tables.columns import TextColumn

PARTS = ("train", "dev", "test")


def _as_names(value: Any) -> Any:
    """Accept one value as a list of one, and numbers as names, such as the number of a phone."""
    values = value if isinstance(value, list | tuple) else [value]
    return tuple(str(one) if isinstance(one, int) and not isinstance(one, bool) else one for one in values)


Names = Annotated[tuple[str, ...], BeforeValidator(_as_names), Field(min_length=1)]
Policies = Annotated[
    tuple[Literal["cross-domain", "cross-attack"], ...], BeforeValidator(_as_names), Field(min_length=1)
]


class Rule(Config):
    """Selects rows for a part: all conditions must hold, each with any one of its values.

    `capture` and `without` refer to the fields of a recording's name (`Protocol.fields`); `without` may also name an
    `attack`, and excludes a row that has any of the values. `listed` is the content of an official list: values of the
    fields `listed_by`, joined by underscores, or whole names.
    """

    domain: Names
    split: Names | None = None
    attack: Names | None = Field(None, description="attacks, of which `live` is one; None: live faces and all attacks")
    capture: dict[str, Names] = {}
    without: dict[str, Names] = {}
    listed: frozenset[str] | None = None
    listed_by: tuple[str, ...] = ()

    @field_serializer("listed")
    def _sorted(self, listed: frozenset[str] | None) -> list[str] | None:
        return None if listed is None else sorted(listed)

    def admits(self, domain: str, attack: str) -> bool:
        """Return whether the rule can take any rows of this domain and attack."""
        named = self.attack is None or attack in self.attack
        return domain in self.domain and named and attack not in self.without.get("attack", ())

    def asked(self) -> set[str]:
        """Return the fields of the recording's name that the rule uses."""
        return {*self.capture, *self.without, *self.listed_by} - {"attack"}

    def fits(self, fields: Mapping[str, str]) -> bool:
        """Return whether a recording's fields match the rule; its whole name is the field `capture`."""
        if self.listed is not None and "_".join(fields.get(name, "") for name in self.listed_by) not in self.listed:
            return False
        wanted = all(fields.get(name) in values for name, values in self.capture.items())
        return wanted and not any(fields.get(n) in values for n, values in self.without.items() if n != "attack")

    def __str__(self) -> str:
        columns = {"split": self.split or (), "attack": self.attack or (), **self.capture}
        parts = [f"{name} {', '.join(values)}" for name, values in columns.items() if values]
        parts += [f"without {name} {', '.join(values)}" for name, values in self.without.items()]
        parts += [f"on a list of {len(self.listed)}"] if self.listed is not None else []
        return f"domain {', '.join(self.domain)}" + (f" ({'; '.join(parts)})" if parts else "")


class Generation(Config):
    """Limits on what a generation may use within the train part."""

    policies: Policies | None = Field(None, description="the only allowed pairing policy; None: both")
    live_domains: Names | None = Field(None, description="use live faces of these domains only")


class Protocol(Config):
    """Divides rows into those for training, for setting the threshold, and for testing.

    Rules use the fields of `factory.datasets.fields`; for a user's own domain `recordings` holds the regular
    expression of its capture names, in the vocabulary of `factory.sources.pattern`, with the fields as named groups.
    `thresholds` states the thresholds at which the protocol's figures are reported: at the EER of the test set, at the
    EER of the dev set, where BPCER is 1 % on the dev set, or fixed at 0.5.

    Raises:
        ValueError: if a rule uses a field that no recording of its domain has, or a regular expression is invalid.
    """

    name: str
    title: str
    source: str
    note: str = ""
    thresholds: tuple[Literal["test_eer", "dev_eer", "dev_bpcer=1%", "0.5"], ...] = Field(min_length=1)
    disjoint_subjects: bool = Field(True, description="refuse a corpus whose train and test parts share a subject")
    recordings: dict[str, str] = {}
    train: tuple[Rule, ...] = Field(min_length=1)
    dev: tuple[Rule, ...] = ()
    test: tuple[Rule, ...] = Field(min_length=1)
    generation: Generation = Generation()

    @model_validator(mode="after")
    def _check(self) -> Protocol:
        for domain, pattern in self.recordings.items():
            try:
                re.compile(pattern)
            except re.error as error:
                raise UserError(f"recordings.{domain} is not a regular expression: {error}") from None
        for rule in (*self.train, *self.dev, *self.test):
            for domain in rule.domain:
                absent = sorted(rule.asked() - self.field_names(domain))
                if absent:
                    raise UserError(
                        f"a rule asks for {absent[0]!r} of a {domain} recording, whose fields are "
                        f"{', '.join(sorted(self.field_names(domain)))}: write recordings.{domain} or mend the rule"
                    )
        return self

    def rules(self, part: str) -> tuple[Rule, ...]:
        """Return the rules of one part."""
        found: tuple[Rule, ...] = getattr(self, part)
        return found

    def field_names(self, domain: str) -> set[str]:
        """Return the names that `fields` can give for a recording of a domain."""
        if domain in self.recordings:
            return {"capture", *re.compile(self.recordings[domain]).groupindex}
        dataset = dataset_of(domain)
        official = {"instrument", *official_names(dataset)} if dataset else ()
        return {"capture", *official}

    def fields(self, domain: str, capture: str) -> dict[str, str]:
        """Return the fields of a recording, including its whole name `capture`; an unknown name gives only that."""
        name = vocabulary_name(capture)
        if domain in self.recordings:
            match = re.fullmatch(self.recordings[domain], name)
            found = {key: value for key, value in match.groupdict().items() if value is not None} if match else {}
        else:
            try:
                found = official_fields(domain, name)
            except ValueError:
                found = {}
        return {**found, "capture": name}

    @functools.cached_property
    def digest(self) -> str:
        """Return the digest of all that decides the parts: two names for the same parts have one digest."""
        return fingerprint(self.model_dump(mode="json", exclude={"name", "title", "source", "note", "thresholds"}))

    @functools.cached_property
    def training_digest(self) -> str:
        """Return the digest of the training rules; MI→C and MI→O share it, and so can share a model."""
        return fingerprint(self.model_dump(mode="json", include={"recordings", "train", "dev"}))

    def admits(self, part: str, domain: str, attack: str) -> bool:
        """Return whether a part can hold rows of this domain and attack."""
        return any(rule.admits(domain, attack) for rule in self.rules(part))

    def assign(self, index: pa.Table) -> np.ndarray:
        """Return the part of every line of a `Corpus.index`: `train`, `dev`, `test` or an empty string; objects (N,).

        Raises:
            UserError: if a row belongs to two parts.
        """
        lines = Lines(index)
        number = np.zeros(len(index), dtype=np.int8)
        for place, part in enumerate(PARTS, start=1):
            mine = np.zeros(len(index), dtype=bool)
            for rule in self.rules(part):
                mine |= lines.matching(rule, self)
            mine = np.where(lines.generated, lines.split.among({part}), mine)
            twice = np.flatnonzero(mine & (number > 0))
            if len(twice):
                key, other = index["key"][int(twice[0])].as_py(), PARTS[number[twice[0]] - 1]
                raise UserError(f"protocol {self.name} puts {len(twice)} rows, such as {key}, in {other} and {part}")
            number[mine] = place
        return np.array(["", *PARTS], dtype=object)[number]

    def missing(self, index: pa.Table, parts: tuple[str, ...] = PARTS) -> list[str]:
        """Return one line for each thing that the rules of these parts name and no real row of the corpus has."""
        lines, found = Lines(index), []
        for part in parts:
            for rule in self.rules(part):
                mine = lines.matching(rule, self)
                for domain in rule.domain:
                    here = mine & lines.domain.among({domain})
                    if not here.any():
                        found.append(f"{part} has no row of {rule.model_copy(update={'domain': (domain,)})}")
                        continue
                    present = lines.attack.present(here)
                    found += [
                        f"{part} has no row of domain {domain} with attack {attack}"
                        for attack in rule.attack or ()
                        if attack not in present
                    ]
        return found


class Lines:
    """The columns that rules look at.

    Attributes:
        generated: bool, one per line: whether a generator made the row.
    """

    def __init__(self, index: pa.Table) -> None:
        self.domain, self.split, self.attack, self.capture = (
            TextColumn(index, name) for name in ("domain", "split", "attack", "capture")
        )
        self.generated = are_generated(index)

    def matching(self, rule: Rule, protocol: Protocol) -> np.ndarray:
        """Return which lines of real rows a rule takes, bool (N,)."""
        mask: np.ndarray = ~self.generated & self.domain.among(rule.domain)
        if rule.split is not None:
            mask &= self.split.among(rule.split)
        if rule.attack is not None:
            mask &= self.attack.among(rule.attack)
        mask &= ~self.attack.among(rule.without.get("attack", ()))
        if rule.asked():
            fitting = np.zeros(len(mask), dtype=bool)
            for domain in rule.domain:
                here = mask & self.domain.among({domain})
                names = {name for name in self.capture.present(here) if rule.fits(protocol.fields(domain, name))}
                fitting |= here & self.capture.among(names)
            mask = fitting
        return mask
