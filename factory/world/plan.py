"""The plan of a rendered corpus: every picture follows from the settings and its number."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from factory.corpus.row import LIVE, LIVE_ATTACK, PART, SPOOF, Facts, style_of
from factory.corpus.shards import shard_sizes, shard_span
from factory.corpus.splits import split_subjects
from factory.world.capture import cameras, rooms
from factory.world.settings import WorldConfig

LICENSE = "CC0-1.0"
CAMERAS, ROOMS = tuple(cameras.CAMERAS), tuple(rooms.ROOMS)


@dataclass(frozen=True)
class Picture:
    """One picture to be made.

    A spoof shows the same person and room as the live picture of its person, domain and capture, its pair.

    Args:
        number: the person's, from 0.
        person: seed of the person; successive people have successive seeds, over which tones and ages are even.
        moment: seed of expression, gaze and pose.
        scene: seed of the room's looks and all else that is drawn.
        room: name of the room.
        camera: name of the camera; the domain is this part of the world.
        attack: name of the attack, or `live`.
        pair: whether a spoof has a live picture of its own, which has its pose and framing.
        bare: this is that live picture.
    """

    number: int
    person: int
    moment: int
    scene: int
    room: str
    camera: str
    attack: str
    capture: int
    split: str
    pair: bool = False
    bare: bool = False

    @property
    def subject(self) -> str:
        """Name of the person: with another seed another name, so that corpora of several seeds can be joined."""
        seed = self.person >> 32
        return f"s{seed}p{self.number:06d}" if seed else f"p{self.number:06d}"

    @property
    def domain(self) -> str:
        """The camera as a part of one whole domain: a person keeps their name before every camera."""
        return domain_of(self.camera)

    @property
    def key(self) -> str:
        """Key of the row."""
        return self.live_key if self.bare else f"{self._place}-{self.attack}"

    @property
    def live_key(self) -> str:
        """Key of the live picture that this one is compared with."""
        return f"{self._place}-{self.attack}-{LIVE_ATTACK}" if self.pair else f"{self._place}-{LIVE_ATTACK}"

    @property
    def _place(self) -> str:
        return f"{self.subject}-{self.camera}-{self.capture:02d}"

    def row(self) -> Facts:
        """All columns but what encoding adds."""
        attack = LIVE_ATTACK if self.bare else self.attack
        capture = f"{self.capture:02d}-{self.attack}" if self.pair else f"{self.capture:02d}"
        source = f"rendered/{self.person}/{self.camera}/{self.attack}/{self.capture:02d}"
        return {
            "key": self.key,
            "label": LIVE if attack == LIVE_ATTACK else SPOOF,
            "attack": attack,
            "domain": self.domain,
            "style": style_of(self.domain, attack),
            "subject": self.subject,
            "capture": capture,
            "split": self.split,
            "source": f"{source}/{LIVE_ATTACK}" if self.bare else source,
            "license": LICENSE,
        }


def domain_of(camera: str) -> str:
    """The domain of a camera's pictures, such as `world__phone`."""
    return f"world{PART}{camera}"


class Plan:
    """All pictures in shards `<split>-<number>`: a split's people one after the other, so that a shard has few.

    Rooms take turns: with every camera, a person is seen in every room.
    """

    def __init__(self, config: WorldConfig) -> None:
        self._config = config
        spoofs = [
            (attack, bare) for attack in config.attacks for bare in ((False, True) if config.aligned else (False,))
        ]
        self._kinds = [(LIVE_ATTACK, False), *spoofs]
        self._each = config.captures * len(config.domains) * len(self._kinds)
        splits = split_subjects(map(str, range(config.people)), config.split, config.seed)
        self._people: dict[str, list[int]] = {}
        for person in range(config.people):
            self._people.setdefault(splits[str(person)], []).append(person)
        self._shards = {
            split: shard_sizes(self._each * len(people), config.output.rows_per_shard)[0]
            for split, people in sorted(self._people.items())
        }

    def __len__(self) -> int:
        return self._config.people * self._each

    def shards(self) -> Iterator[str]:
        """Names of all shards."""
        for split, count in self._shards.items():
            yield from (f"{split}-{number:06d}" for number in range(count))

    @property
    def shard_count(self) -> int:
        """Number of shards."""
        return sum(self._shards.values())

    def style_counts(self) -> dict[str, int]:
        """Number of pictures of each style."""
        each, found = self._config.people * self._config.captures, Counter[str]()
        for camera in self._config.domains:
            for attack, bare in self._kinds:
                found[style_of(domain_of(camera), LIVE_ATTACK if bare else attack)] += each
        return dict(found)

    def shard_plan(self, shard: str) -> list[Picture]:
        """The pictures of one shard."""
        split, _, number = shard.rpartition("-")
        first, size = shard_span(int(number), self._each * len(self._people[split]), self._shards[split])
        return [self._picture(split, place) for place in range(first, first + size)]

    def _picture(self, split: str, place: int) -> Picture:
        config = self._config
        turn, place = divmod(place, self._each)
        capture, place = divmod(place, len(config.domains) * len(self._kinds))
        at, kind = divmod(place, len(self._kinds))
        attack, bare = self._kinds[kind]
        number, camera = self._people[split][turn], config.domains[at]
        name = zlib.crc32(camera.encode())
        return Picture(
            number=number,
            person=(config.seed << 32) + number,
            moment=_mixed(1, config.seed, number, name, capture),
            scene=_mixed(2, config.seed, number, name, capture),
            room=ROOMS[(number + CAMERAS.index(camera) + capture) % len(ROOMS)],
            camera=camera,
            attack=attack,
            capture=capture,
            split=split,
            pair=config.aligned and attack != LIVE_ATTACK,
            bare=bare,
        )

    def describe(self) -> str:
        """One readable line."""
        config = self._config
        people = ", ".join(f"{split} {len(people):,}" for split, people in sorted(self._people.items()))
        shown = ", ".join((LIVE_ATTACK, *config.attacks))
        kinds = f"domains {', '.join(config.domains)} · {shown} · captures {config.captures}"
        if config.aligned:
            kinds += " · aligned pairs"
        return f"{len(self):,} pictures · people {people} · {kinds}"


def _mixed(*parts: int) -> int:
    """A 63-bit seed from several integers; the first identifies its purpose."""
    return int(np.random.SeedSequence(list(parts)).generate_state(1, np.uint64)[0] >> np.uint64(1))
