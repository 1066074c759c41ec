"""Who is shown, as the file names of extracted frames say it: for lists of images without the tree they came from.

A name that says nothing gives nothing; nobody is made of a directory or a file. Names are those of each data set's
own reader where it can be known: OULU-NPU's user, `clientNNN`, WMCA's number.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from factory.datasets import casia_fasd, msu_mfsd, oulu_npu, padisi, replay_attack, wmca

OULU = re.compile(r"[1-6]_[1-3]_(\d{1,2})_[1-5](?!\d)")  # phone, session, user, file
OULU_SPLITS = ((20, "train"), (35, "dev"), (55, "test"))  # the last user of each official split
CLIENT = re.compile(r"(?:^|_)(client\d+)(?!\d)", re.IGNORECASE)
TRANSACTION = re.compile(rf"(?:id_)?([0-9a-f]{{{padisi.VISIT}}})", re.IGNORECASE)
SCENE, NOBODY = "scene_", "unknown_"  # the beginnings of subjects that stand for somebody whom no name says
CASIA = re.compile(r"(?P<number>\d+)_(?P<file>(?:HR_)?\d+)_(?P<frame>\d+)(?P<later> ?\(\d+\))?\.\w+", re.IGNORECASE)


class Person(NamedTuple):
    """A subject, and the official split if the person's number states it."""

    subject: str
    split: str = ""


def is_unknown(subject: str) -> bool:
    """Return whether a reader's subject stands for a scene or a recording whose names say nobody."""
    return subject.startswith((SCENE, NOBODY))


def people(images: Iterable[tuple[str, str]]) -> dict[str, Person]:
    """Return who is shown in each of the images (domain, path); images whose names do not say it are left out."""
    found: dict[str, Person] = {}
    casia: list[str] = []
    for domain, path in images:
        if domain == casia_fasd.DOMAIN:
            casia.append(path)
        elif person := _person(domain, path.rpartition("/")[2]):
            found[path] = person
    return found | _casia(casia)


def _person(domain: str, name: str) -> Person | None:
    if domain == oulu_npu.DOMAIN and (match := OULU.match(name)):
        user = int(match[1])
        split = next((split for last, split in OULU_SPLITS if user <= last), "")
        return Person(f"{user:02d}", split) if user and split else None
    if domain in (replay_attack.DOMAIN, msu_mfsd.DOMAIN) and (match := CLIENT.search(name)):
        return Person(match[1].lower())
    if domain == wmca.DOMAIN and (match := wmca.CAPTURE.match(name)):
        return Person(wmca.person_of(match.groupdict()))
    if domain == padisi.DOMAIN and (match := TRANSACTION.match(name)):
        return Person(match[1].lower())
    return None


def _casia(paths: Iterable[str]) -> dict[str, Person]:
    """CASIA-FASD's frames: training and test number people anew, and a later copy of a name got a suffix, ` (2)`.

    A number with and without the suffix is two people. Where a recording has a frame without the suffix whose copy is
    absent, the frame may be of either, and both share one subject: a merged person costs data, a divided one leaks.
    """
    parsed = [(path, match) for path in paths if (match := CASIA.fullmatch(path.rpartition("/")[2]))]
    first: dict[tuple[str, str, str], set[str]] = defaultdict(set)  # frames of each recording of each number
    later: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for path, match in parsed:
        frames = later if match["later"] else first
        frames[match["number"], path.rpartition("/")[0], match["file"]].add(match["frame"])
    either = {number for number, folder, file in later if first[number, folder, file] - later[number, folder, file]}
    return {
        path: Person(
            f"{match['number']}_later" if match["later"] and match["number"] not in either else match["number"]
        )
        for path, match in parsed
    }
