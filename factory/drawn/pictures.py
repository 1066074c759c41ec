"""Drawn faces of people who do not exist, and simulated attacks on them, as an image folder: for tests, in seconds."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from difffas.errors import UserError
from factory.drawn.portrait import Capture, Subject, landmarks, render
from factory.simulate.attacks import ATTACKS, CAMERAS, record

# The settings with which `difffas prepare` reads the folder.
PATTERN = "{domain}/{attack}/{subject}/{capture}.png"
LIVE = "live"
DOMAINS = ("webcam", "phone", "dslr")
MEANS = ("print", "replay", "mask")


def domain_of(subject: int, domains: Sequence[str]) -> str:
    """The domain of a subject: as in real data sets, each subject has one domain; domains take turns."""
    return domains[subject % len(domains)]


def attacks_of(subject: int, domains: Sequence[str], attacks: Sequence[str]) -> tuple[str, ...]:
    """The attacks recorded of a subject: in each group of len(attacks) + 1 in a domain, only the first has them all.

    Each of the others lacks one attack.
    """
    turn = subject // len(domains) % (len(attacks) + 1)
    return tuple(attack for i, attack in enumerate(attacks) if i != turn - 1)


def planned(subjects: int, captures: int, domains: Sequence[str], attacks: Sequence[str]) -> int:
    """The number of images that `draw` writes: a live face and the attacks of every subject, times captures."""
    rounds = len(attacks) + 1
    complete = sum(-(-len(range(d, subjects, len(domains))) // rounds) for d in range(len(domains)))
    return captures * (subjects * len(attacks) + complete)


def draw(
    out: Path,
    subjects: int,
    captures: int,
    size: int,
    domains: Sequence[str] = DOMAINS,
    attacks: Sequence[str] = MEANS,
    seed: int = 0,
) -> int:
    """Write OUT/<domain>/<attack or live>/<subject>/<capture>.png and return the number of images.

    A spoof has the subject and the capture of its live face and is aligned with it: the portrait is attacked, and the
    camera of the domain records both. The same arguments write the same bytes. Raises UserError for a domain or an
    attack that `factory.simulate` lacks, for a size outside 16..1024, or for fewer than one subject or capture.
    """
    _check(subjects, captures, domains, attacks, seed)
    written = 0
    for subject in range(subjects):
        domain, name = domain_of(subject, domains), f"s{subject:04d}"
        means = (LIVE, *attacks_of(subject, domains, attacks))
        for attack in means:
            (out / domain / attack / name).mkdir(parents=True, exist_ok=True)
        for number in range(captures):
            # Each picture has its own seed, independent of the numbers of subjects, captures, domains and attacks.
            person = Subject.from_seed(_mixed(1, seed, subject))
            moment = Capture.from_seed(_mixed(2, seed, subject, number))
            bare, points = render(person, moment, size), landmarks(person, moment, size)
            for attack in means:
                taken = _mixed(3, seed, subject, number, zlib.crc32(attack.encode()))
                scene = bare if attack == LIVE else ATTACKS[attack](bare, taken, points)
                picture = record(scene, CAMERAS[domain], taken)
                Image.fromarray(picture).save(out / domain / attack / name / f"{number:03d}.png")
                written += 1
    return written


def _mixed(*parts: int) -> int:
    """A 63-bit seed from several integers; the first identifies its purpose."""
    return int(np.random.SeedSequence(list(parts)).generate_state(1, np.uint64)[0] >> np.uint64(1))


def _check(subjects: int, captures: int, domains: Sequence[str], attacks: Sequence[str], seed: int) -> None:
    for name, count in (("subjects", subjects), ("captures", captures)):
        if count < 1:
            raise UserError(f"{name} is {count}: give 1 or more")
    if seed < 0:
        raise UserError(f"seed is {seed}: give 0 or more")
    for kind, names, known in (("domain", domains, CAMERAS), ("attack", attacks, ATTACKS)):
        if not names or len(set(names)) != len(names):
            raise UserError(f"{kind}s are {list(names)}: give at least one, each once")
        for name in names:
            if name not in known:
                raise UserError(f"unknown {kind} {name!r}: choose from {', '.join(known)}")
