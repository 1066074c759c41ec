"""The embedded people as a folder of photographs, such as a small laboratory might have.

It has two cameras, a good one and a poor one. Every training person was before one of them, live and under three of
the five attacks; what is missing is left to be generated. Of the people who are held out, everything is there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from factory.corpus import Corpus
from factory.corpus.row import LIVE_ATTACK
from factory.storage.embedded import PEOPLE

# The setting of `difffas prepare` for the folder.
PATTERN = "{split}/{domain}/{attack}/{subject}/{capture}.webp"
DOMAINS = ("world__phone", "world__webcam")
TAKEN = 3  # attacks on a training person


def write(folder: Path) -> int:
    """Write <split>/<domain>/<attack>/<subject>/<capture>.webp below `folder`; return the number of photographs.

    Files that are there are left as they are.
    """
    people = Corpus(PEOPLE)
    found = list(_chosen(people))
    for row in people.rows(found):
        name = PATTERN.format(
            split=row.split, domain=row.domain, attack=row.attack, subject=row.subject, capture=row.capture
        )
        path = folder / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(row.image)
    return len(found)


def taken(number: int, attacks: Sequence[str]) -> tuple[str, set[str]]:
    """The domain and the attacks of the n-th training person; both take turns."""
    turn, camera = divmod(number, len(DOMAINS))
    return DOMAINS[camera], {attacks[(turn + more) % len(attacks)] for more in range(TAKEN)}


def _chosen(people: Corpus) -> Iterator[int]:
    """Positions of the pictures that were taken, in the corpus."""
    facts = [people.column(name) for name in ("split", "subject", "domain", "attack")]
    attacks = sorted(set(facts[3]) - {LIVE_ATTACK})
    training = sorted(set(facts[1][facts[0] == "train"]))
    where = {person: taken(number, attacks) for number, person in enumerate(training)}
    for position, (split, person, domain, attack) in enumerate(zip(*facts, strict=True)):
        camera, presented = where.get(person, (domain, {attack}))
        if domain in DOMAINS and (split != "train" or (domain == camera and attack in {LIVE_ATTACK, *presented})):
            yield position
