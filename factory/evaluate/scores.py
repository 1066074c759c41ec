"""The score file: a CSV with the columns of bob.pad.base and ours; all results of `evaluate` follow from it.

A higher score is more bona fide. In bob's columns, `claimed_id` is the person, `test_label` the recording and
`sample_n` the number of the frame in it. Other tools' files need only `is_bonafide`, `attack_type` and `score`.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import math
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from difffas.errors import UserError
from difffas.metrics import ScoreSet
from factory.corpus import Corpus
from factory.corpus.row import LIVE, LIVE_ATTACK, SPOOF
from factory.storage import Storage
from factory.tables.decimals import decimal
from factory.tables.sheet import plain, table

SCORES = "scores.csv"
BOB = ("claimed_id", "test_label", "is_bonafide", "attack_type", "sample_n", "score")
COLUMNS = (*BOB, "split", "domain", "capture", "key")
NEEDED = ("is_bonafide", "attack_type", "score")
TRUE, FALSE = ("true", "1"), ("false", "0")


@dataclasses.dataclass(frozen=True)
class Scores:
    """Lines of a score file by column: `is_bonafide` bool, `score` float64, all others text, empty if unknown."""

    columns: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.columns["score"])

    def of(self, split: str) -> Scores:
        """The lines of one split."""
        mine = self.columns["split"] == split
        return Scores({name: values[mine] for name, values in self.columns.items()})

    def splits(self) -> list[str]:
        """The names of the splits."""
        return sorted(set(self.columns["split"].tolist()))

    def named(self, split: str) -> Scores:
        """The same lines, all assigned to one split."""
        return Scores({**self.columns, "split": np.full(len(self), split, dtype=object)})

    def turned(self) -> Scores:
        """Turn scores that are higher for attacks: s becomes 1 − s if all scores lie in [0, 1], else −s."""
        scores = self.columns["score"]
        shares = bool(((scores >= 0) & (scores <= 1)).all())
        return Scores({**self.columns, "score": 1.0 - scores if shares else -scores})

    def videos(self) -> Scores:
        """One line per recording, with the mean of its frames' scores.

        A recording is a `capture` of one split, domain, attack and person. Lines without a capture are grouped by
        `test_label`; a line with neither forms its own recording.
        """
        parts = ("split", "domain", "is_bonafide", "attack_type", "claimed_id", "capture", "test_label")
        numbers: dict[tuple[Any, ...], int] = {}
        video = np.empty(len(self), dtype=np.int64)
        for line, (*place, capture, label) in enumerate(zip(*(self.columns[name] for name in parts), strict=True)):
            recording = capture or label
            video[line] = numbers.setdefault((*place, recording) if recording else (line,), len(numbers))
        _, first = np.unique(video, return_index=True)
        mean = np.bincount(video, self.columns["score"]) / np.bincount(video)
        return Scores({**{name: values[first] for name, values in self.columns.items()}, "score": mean})

    def score_set(self) -> ScoreSet:
        """The input of the metrics; without subjects if any line lacks a subject."""
        attacks, people = (self.columns[name].tolist() for name in ("attack_type", "claimed_id"))
        labels = np.where(self.columns["is_bonafide"], LIVE, SPOOF)
        return ScoreSet(self.columns["score"], labels, attacks, people if all(people) else None)

    def csv(self) -> bytes:
        """The file, with all digits of the scores, so that it gives the same metrics; cells are never formulas."""
        lists = {name: self.columns[name].tolist() for name in COLUMNS}
        lists["score"] = [repr(score) for score in lists["score"]]
        return table([COLUMNS, *zip(*lists.values(), strict=True)]).encode()


def joined(parts: Iterable[Scores]) -> Scores:
    """The lines of several files, one after the other."""
    columns = [part.columns for part in parts]
    return Scores({name: np.concatenate([each[name] for each in columns]) for name in COLUMNS})


def corpus_scores(corpus: Corpus, positions: np.ndarray, scores: np.ndarray) -> Scores:
    """Lines for rows of a corpus; recordings are named `domain/attack/subject/capture`, or by key if without one."""
    names = ("subject", "key", "attack", "domain", "split")
    facts = {name: corpus.column(name)[positions].astype(object) for name in names}
    captures = [capture or "" for capture in corpus.column("capture")[positions]]
    lines = zip(*(facts[name] for name in ("domain", "attack", "subject")), captures, facts["key"], strict=True)
    labels = ["/".join(place) if place[-1] else key for *place, key in lines]
    count: Counter[str] = Counter()
    frames = []
    for label in labels:
        frames.append(str(count[label]))
        count[label] += 1
    return _scores(
        {
            "claimed_id": facts["subject"],
            "test_label": labels,
            "is_bonafide": corpus.column("label")[positions] == LIVE,
            "attack_type": facts["attack"],
            "sample_n": frames,
            "score": scores,
            "split": facts["split"],
            "domain": facts["domain"],
            "capture": captures,
            "key": facts["key"],
        }
    )


def read_file(path: str) -> Scores:
    """The scores of a CSV file, local or `s3://`.

    Raises:
        UserError: naming the file, the line and its fault.
    """
    folder, _, name = path.rpartition("/")
    try:
        return read(Storage(folder or ("/" if path.startswith("/") else ".")).read(name), path)
    except FileNotFoundError:
        raise UserError(f"score file {path} does not exist") from None


def read(data: bytes, name: str = SCORES) -> Scores:
    """The scores of a CSV; messages use `name`. In a file without a `split` column, all lines are `test`.

    Raises:
        UserError: for a missing or repeated column, a line longer than the header, or the first line with a score that
            is not a finite decimal number, an `is_bonafide` that is neither true nor false, or an unnamed attack.
    """
    try:
        reader = csv.DictReader(io.StringIO(data.decode("utf-8-sig")), strict=True, restval="")
        present = [column.strip() for column in reader.fieldnames or ()]
        reader.fieldnames = present
        missing = [column for column in NEEDED if column not in present]
        if missing:
            raise UserError(f"{name} has no column {missing[0]!r}; it has {', '.join(present) or 'none'}")
        alike = [unicodedata.normalize("NFKC", column).strip("\ufeff \t").casefold() for column in present]
        if twice := [column for column in COLUMNS if alike.count(column) > 1]:
            raise UserError(f"{name} has two columns {twice[0]!r}: give each a name of its own")
        lines = [(reader.line_num, line) for line in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{name} is not a CSV file in UTF-8: {error}") from None
    for number, line in lines:
        if any(line.get(None) or ()):  # type: ignore[call-overload]
            raise UserError(f"{name} line {number} has more fields than the header: write decimals with a point")
    if not lines:
        raise UserError(f"{name} has no line below its header")
    columns: dict[str, Sequence[Any]] = {
        column: [_text(line.get(column, "")) for _, line in lines] for column in COLUMNS
    }
    columns["is_bonafide"] = [_truth(line["is_bonafide"], f"{name} line {number}") for number, line in lines]
    columns["score"] = [_number(line["score"], f"{name} line {number}") for number, line in lines]
    for (number, _), live, attack in zip(lines, columns["is_bonafide"], columns["attack_type"], strict=True):
        if not live and attack in ("", LIVE_ATTACK):
            raise UserError(
                f"{name} line {number}: an attack (is_bonafide False) with attack_type {attack!r}: name it"
            )
    if "split" not in present:
        columns["split"] = ["test"] * len(lines)
    return _scores(columns)


def _scores(columns: Mapping[str, Sequence[Any] | np.ndarray]) -> Scores:
    kinds = {"is_bonafide": np.bool_, "score": np.float64}
    return Scores({name: np.array(columns[name], dtype=kinds.get(name, object)) for name in COLUMNS})


def _text(cell: str) -> str:
    """A cell without surrounding blanks; for a cell that we made safe, its exact original text."""
    was = plain(cell)
    return cell.strip() if was == cell else was


def _truth(text: str, where: str) -> bool:
    if text.strip().lower() not in (*TRUE, *FALSE):
        raise UserError(f"{where}: is_bonafide {text!r} is neither True nor False")
    return text.strip().lower() in TRUE


def _number(text: str, where: str) -> float:
    if text.strip(" \t").lower().lstrip("+-") in ("nan", "inf", "infinity"):
        raise UserError(f"{where}: score {text!r} is not finite: leave the line out")
    try:
        score = decimal(text)
    except ValueError:
        raise UserError(f"{where}: score {text!r} is not a number") from None
    if not math.isfinite(score):
        raise UserError(f"{where}: score {text!r} is not finite: leave the line out")
    return score
