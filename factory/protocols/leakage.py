"""Checks corpora and models under a protocol: data may only be used for the purpose of its part."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from difffas.errors import UserError
from factory.core.progress import say
from factory.corpus import Corpus
from factory.corpus.generated import are_generated, are_invented
from factory.corpus.row import LIVE, LIVE_ATTACK, SPOOF, whole_domain
from factory.protocols.families import load
from factory.protocols.rules import PARTS, Lines, Protocol
from factory.run import CLAIM, read_claim
from factory.storage import Storage
from factory.tables.columns import TextColumn


def open_corpus(url: str, protocol: str | Protocol | None) -> Corpus:
    """Open a corpus, viewed under a protocol if one is given: by name or file, or read already, as workers get it."""
    return Corpus(url).under(load(protocol) if isinstance(protocol, str) else protocol)


def record(protocol: Protocol | None) -> dict[str, str] | None:
    """Return a protocol's entry in a run's identity: the digests of the whole protocol and of its training rules."""
    return None if protocol is None else {"digest": protocol.digest, "training": protocol.training_digest}


def protocol_of(corpus: Corpus) -> Protocol | None:
    """Return the protocol under which a corpus is viewed; None if it is viewed as written."""
    assert corpus.protocol is None or isinstance(corpus.protocol, Protocol)
    return corpus.protocol


def check(corpus: Corpus, parts: Sequence[str | None]) -> None:
    """Refuse a corpus that lacks rows of these parts, has people in train and test, or has generated rows that leak.

    Does nothing for a corpus without a protocol; None among the parts is skipped.

    Raises:
        UserError: naming the protocol and the fault.
    """
    protocol = protocol_of(corpus)
    if protocol is None:
        return
    wanted = tuple(dict.fromkeys(part for part in parts if part is not None))
    for part in wanted:
        if part not in PARTS:
            raise UserError(f"split {part!r} is not a part of a protocol: the parts are {', '.join(PARTS)}")
    missing = protocol.missing(corpus.official, wanted)
    if missing:
        raise UserError(
            f"{corpus.storage.url} does not hold protocol {protocol.name}: {'; '.join(missing)}; prepare what is "
            f"missing, or see `difffas protocols {protocol.name} --corpus {corpus.storage.url}`"
        )
    shared = shared_subjects(corpus, "train", "test")
    if shared and protocol.disjoint_subjects:
        raise UserError(
            f"{corpus.storage.url}: protocol {protocol.name} has {len(shared)} subjects in train and in test, such as "
            f"{' '.join(shared[0])}: prepare it with the official split"
        )
    if are_generated(corpus.index).any():  # a corpus may mix real and generated rows
        for part in wanted:
            check_generated(corpus, [corpus], part)


def check_held_out(corpus: Corpus, split: str, held_out: str) -> None:
    """Refuse to judge a network on the split that it learns from; print a line if people are in both splits.

    Raises:
        UserError: if both splits are the same.
    """
    if held_out == split:
        raise UserError(f"held_out is {held_out!r}, the split that is trained on: choose one of other people")
    shared = shared_subjects(corpus, split, held_out)
    if shared:
        say(
            f"warning: {len(shared):,} subjects of split {held_out!r}, such as {' '.join(shared[0])}, are in "
            f"{split!r} as well: figures of {held_out!r} are not of held-out people alone"
        )


def check_apart(corpus: Corpus, splits: Sequence[str]) -> None:
    """Refuse people who are in two of these splits, unless the protocol divides by something other than people.

    Raises:
        UserError: naming one of them.
    """
    protocol = protocol_of(corpus)
    if protocol is not None and not protocol.disjoint_subjects:
        return
    for first, second in itertools.combinations(splits, 2):
        if shared := shared_subjects(corpus, first, second):
            raise UserError(
                f"{corpus.storage.url} has {len(shared):,} subjects in split {first!r} and in {second!r}, such as "
                f"{' '.join(shared[0])}: prepare it with splits by subject, or, if these are different people of one "
                f"name, plan each split into a folder of its own"
            )


def shared_subjects(corpus: Corpus, first: str, second: str) -> list[tuple[str, str]]:
    """Return the sorted (whole domain, subject) pairs of real rows that are in both splits of a corpus."""
    real = corpus.index.select(["domain", "subject", "split"]).filter(pa.array(~are_generated(corpus.index)))
    people: dict[str, set[tuple[str, str]]] = {first: set(), second: set()}
    for line in real.group_by(["domain", "subject", "split"]).aggregate([]).to_pylist():
        people.get(line["split"], set()).add((whole_domain(line["domain"]), line["subject"]))
    return sorted(people[first] & people[second])


def check_generated(generated: Corpus, sources: Sequence[Corpus], part: str = "train") -> dict[str, int]:
    """Refuse a generated corpus if sources of its rows in a part do not belong to that part.

    The rules must admit domain and attack of every guide, and domain and recording of every live face. Live faces and
    guides that one of `sources` holds (views under the same protocol) must be in that very part. Returns the number of
    those found with the number of rows. Rows of new people have no sources: only their domain, attack and generator
    are checked. Does nothing without a protocol.

    Raises:
        UserError: naming a row that leaks and the reason, or if the corpus was generated under other training rules.
    """
    protocol = protocol_of(generated)
    if protocol is None:
        return {}
    check_model(generated.storage, protocol, "the generator of")
    index = generated.index.filter(pa.array(TextColumn(generated.index, "split").among({part})))
    invented, index = index.filter(pa.array(are_invented(index))), index.filter(pc.is_valid(index["guide_key"]))

    def refuse(leaks: np.ndarray, why: str, index: pa.Table = index) -> None:
        if leaks.any():
            line = index.slice(int(np.flatnonzero(leaks)[0]), 1).to_pylist()[0]
            raise UserError(
                f"{generated.storage.url} leaks into the {part} part of protocol {protocol.name}: {int(leaks.sum())} "
                f"of {len(index)} rows, such as {line['key']}, {why.format(**line)}; generate it with protocol="
                f"{protocol.name}"
            )

    for table in (index, invented):
        refuse(~_guides_admitted(table, protocol, part), "show {attack} of domain {domain}", table)
    refuse(~_lives_admitted(index, protocol, part), "were made from a live face of {live_domain}, {capture}")
    found = {"rows": len(index)}
    for kind, label, columns in (
        ("live", LIVE, {"domain": "live_domain"}),
        ("guide", SPOOF, {"domain": "domain", "attack": "attack"}),
    ):
        known = np.zeros(len(index), dtype=bool)
        for source in sources:
            here, where = _looked_up(index, f"{kind}_key", label, columns, source.index)
            refuse(here & (where != part), f"were made from a {kind} that is not in that part, {{{kind}_key}}")
            known |= here
        found[kind] = int(known.sum())
    unknown = len(index) - min(found["live"], found["guide"])
    if unknown:
        say(
            f"protocol {protocol.name}: no corpus at hand has the sources of {unknown:,} of {len(index):,} generated "
            f"rows; their domains, attacks and recordings were checked"
        )
    return found


def _guides_admitted(index: pa.Table, protocol: Protocol, part: str) -> np.ndarray:
    domain, attack = TextColumn(index, "domain"), TextColumn(index, "attack")
    admitted = np.array([[protocol.admits(part, d, a) for a in attack.values] for d in domain.values], dtype=bool)
    return admitted[domain.codes, attack.codes] if len(index) else np.zeros(0, dtype=bool)


def _lives_admitted(index: pa.Table, protocol: Protocol, part: str) -> np.ndarray:
    """Apply the rules without their splits: a generated row does not state the official split of its live face."""
    nothing = pa.nulls(len(index), pa.string())
    lives = pa.table(
        {
            "domain": index["live_domain"],
            "split": index["split"],
            "attack": pa.array([LIVE_ATTACK] * len(index), pa.string()),
            "capture": index["capture"],
            "guide_key": nothing,
            "generator": nothing,
        }
    )
    lines, admitted = Lines(lives), np.zeros(len(index), dtype=bool)
    for rule in protocol.rules(part):
        admitted |= lines.matching(rule.model_copy(update={"split": None}), protocol)
    return admitted


def _looked_up(
    index: pa.Table, key: str, label: int, columns: dict[str, str], source: pa.Table
) -> tuple[np.ndarray, np.ndarray]:
    """Return which rows have their `key` in a source, with the expected label and columns; and its part there."""
    if not len(index):
        return np.zeros(0, dtype=bool), np.zeros(0, dtype=object)
    place = pc.index_in(index[key], value_set=source["key"].combine_chunks())
    here: np.ndarray = pc.is_valid(place).to_numpy()
    found = source.select(["label", "split", *columns]).take(place.fill_null(0))
    here &= found["label"].to_numpy() == label
    for theirs, ours in columns.items():
        here &= pc.equal(found[theirs].cast(pa.string()), index[ours].cast(pa.string())).fill_null(False).to_numpy()
    return here, np.array(found["split"].to_pylist(), dtype=object)


def check_model(storage: Storage, protocol: Protocol | None, what: str) -> None:
    """Refuse a model that was trained under other training rules; warn of a model trained without a protocol.

    Raises:
        UserError: if the folder's run names a protocol with another training part, or its run.json is broken.
    """
    if protocol is None:
        return
    # A model from elsewhere has no run.json. A broken run.json must not count as absent: the training data is unknown.
    trained = read_claim(storage)["identity"].get("protocol") if storage.exists(CLAIM) else None
    if trained is None:
        say(f"protocol {protocol.name}: nothing says whether {what} {storage.url} has seen faces of its test part")
    elif not isinstance(trained, dict) or trained.get("training") != protocol.training_digest:
        raise UserError(
            f"{what} {storage.url} was trained under another protocol, which may hold test faces of {protocol.name}: "
            f"train it with protocol={protocol.name}"
        )


def check_judge(url: str, setting: str, corpora: Sequence[Corpus], splits: Sequence[str | None]) -> None:
    """Refuse a judge of style that learned from the people whom it is to judge, or under other training rules.

    Args:
        url: folder of fit-judge or fit-classifier; one without run.json does not say what it learned from.
        setting: key that names the judge, for messages.
        corpora: of the faces to judge, viewed under one protocol or none. splits: of those faces; None is skipped.

    Raises:
        UserError: naming the split and the corpus, or the protocol.
    """
    storage = Storage(url)
    check_model(storage, protocol_of(corpora[0]), setting)
    if not storage.exists(CLAIM):
        return
    learned = read_claim(storage)["identity"]
    for corpus in corpora:
        if learned.get("split") in splits and learned.get("corpus") == corpus.digest:
            raise UserError(
                f"{setting} {storage.url} learned from split {learned['split']!r} of {corpus.storage.url}, whose "
                f"people it is to judge: fit it on others (fit-judge split=…)"
            )
