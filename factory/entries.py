"""What each image file becomes: its row's facts, its split, its face box, or its reject reason."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import TYPE_CHECKING, Any

from factory.faces import Box, read_boxes
from factory.pattern import Pattern, vocabulary_name
from factory.row import LIVE, LIVE_ATTACK, SPOOF, style_of
from factory.sources import Source, key_of, printable, split_subjects

if TYPE_CHECKING:
    from factory.prepare import PrepareConfig

NO_MATCH = "no pattern match"


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """One image of the plan: where it is, what its row will say, and the reject reason if that is known already."""

    path: str
    size: int
    key: str
    label: int | None = None
    attack: str | None = None
    domain: str | None = None
    subject: str | None = None
    capture: str | None = None
    split: str = ""
    box: Box | None = None
    reject: str | None = None

    def row(self, license_name: str) -> dict[str, Any]:
        """The row's facts; of a path that matches no pattern only key, source and licence are known."""
        style = style_of(self.domain, self.attack) if self.domain and self.attack else None
        facts = {name: getattr(self, name) for name in ("key", "label", "attack", "domain", "subject", "capture")}
        split = self.split if style else None
        return {**facts, "style": style, "split": split, "source": printable(self.path), "license": license_name}


def check_fields(config: PrepareConfig) -> None:
    """Every row needs a domain, a subject and an attack, by the pattern or by default; ValueError names what lacks."""
    pattern, defaults = Pattern(config.pattern), config.defaults
    given = {*pattern.fields, *defaults.model_dump(exclude_none=True)}
    live_by_default = "label" not in pattern.fields and _is_live(config, defaults.label)
    for name in ("domain", "subject", "attack"):
        if name not in given and not (name == "attack" and live_by_default):
            raise ValueError(f"no {name}: put {{{name}}} into pattern {config.pattern!r} or set defaults.{name}=NAME")


def _is_live(config: PrepareConfig, name: str | None) -> bool:
    return name is not None and vocabulary_name(name) in map(vocabulary_name, config.live)


def list_entries(config: PrepareConfig, sources: list[Source]) -> list[Entry]:
    """Entries of all sources, in their order; those that match no pattern are rejects from the start.

    Raises:
        ValueError: if the pattern fits no file, or the box table cannot be read or names none of them.
    """
    pattern = Pattern(config.pattern)
    boxes = read_boxes(config.boxes) if config.crop == "table" and config.boxes else None
    entries = [_entry(config, pattern, boxes, source) for source in sources]
    matched = [entry for entry in entries if entry.reject != NO_MATCH]
    if not matched:
        raise ValueError(
            f"pattern {config.pattern!r} fits none of the {len(sources)} images in {config.source}, "
            f"such as {printable(sources[0].path)!r}: mend the pattern"
        )
    if boxes is not None and not any(printable(source.path) in boxes for source in sources):
        raise ValueError(
            f"{config.boxes} names none of the images in {config.source}: its paths must be like {sources[0].path!r}"
        )
    if not matched[0].split:
        split = split_subjects((str(entry.subject) for entry in matched), config.split, config.seed)
        entries = [dataclasses.replace(entry, split=split.get(str(entry.subject), "")) for entry in entries]
    # What has no split still needs a shard to be recorded in: one of the largest split.
    sizes = Counter(entry.split for entry in entries if entry.split)
    largest = min(sizes, key=lambda name: (-sizes[name], name))
    return [entry if entry.split else dataclasses.replace(entry, split=largest) for entry in entries]


def _entry(config: PrepareConfig, pattern: Pattern, boxes: dict[str, Box | None] | None, source: Source) -> Entry:
    found = pattern.match(source.path)
    if found is None:
        return Entry(source.path, source.size, key_of("", source.path), reject=NO_MATCH)
    given = config.defaults.model_dump(exclude_none=True)
    values = {name: vocabulary_name(value) for name, value in given.items()} | found
    reject, box = source.reject, None
    live = _is_live(config, values.get("label", values.get("attack")))
    if "label" in values and not live and _is_live(config, values.get("attack")):
        reject = reject or "label and attack disagree"
    if boxes is not None:
        box = boxes.get(printable(source.path))
        reject = reject or (None if box else "no face" if printable(source.path) in boxes else "no box in the table")
    return Entry(
        path=source.path,
        size=source.size,
        key=key_of(values["domain"], source.path),
        label=LIVE if live else SPOOF,
        attack=LIVE_ATTACK if live else values["attack"],
        domain=values["domain"],
        subject=values["subject"],
        capture=values.get("capture"),
        split=values.get("split", ""),
        box=box,
        reject=reject,
    )
