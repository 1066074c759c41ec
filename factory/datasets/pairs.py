"""The authors' pair lists: JSON files of `[live path, spoof path]`, such as `OCIM.json`, and the images they name.

The directory of an image names its style: `O2`, `C4` … (data set and number), `2_18` (WMCA, type and instrument),
`paper_glass` … (PADISI-Face). A directory below it is a recording whose frames it holds: `O2/1_1_01_2/0000.png`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from difffas.errors import UserError
from factory.core.documents import parse_json
from factory.datasets import casia_fasd, padisi, wmca
from factory.datasets.names import SCENE, Person, people
from factory.datasets.tree import MISSING, UNKNOWN, Recording, Tree
from factory.sources.files import File
from factory.sources.pattern import vocabulary_name

DOMAIN, TITLE, FORMAT, EXAMPLE = "pairs", "the pair lists", "folder", "O1/<image>"
CAPTURE = re.compile(r"scene_(?P<scene>\d+)")
SITTING: tuple[str, ...] = ()  # the capture already joins what the lists pair
LIST = re.compile(r"^[^/]+\.json$", re.IGNORECASE)
FOLDERS = {
    "oulu_npu": "O[1-5][2-5]?",
    casia_fasd.DOMAIN: "C[1-9]",
    "replay_attack": "I[1-4]",
    "msu_mfsd": "M[1-8]",
    wmca.DOMAIN: r"\d_\d+",
    padisi.DOMAIN: "real|print|makeup|3d_face|(?:paper_)?glass|eyeball_[12]|mask_[1-9]",
}
LIVE_FOLDER = re.compile(r"O1[2-5]?|C[1-3]|I1|M[12]|0_\d+|real")


def attack_of(fields: Mapping[str, str]) -> tuple[str, str]:
    """Return empty names: the capture does not state the attack."""
    return "", ""


def recordings(tree: Tree, chosen: str | None) -> Iterator[Recording]:
    """Yield every image in the lists, each only once.

    Images that pairs connect, directly or through others, form a scene: they share the capture. The subject, and
    OULU-NPU's official split, are those that the name of a file or of its recording states; where it states nobody,
    the subject is that of the scene's live face, or `scene_N`, which says that nobody knows (`names.is_unknown`).
    """
    lists = [chosen] if chosen else [name for name in tree.files if LIST.search(name)]
    if not lists:
        raise UserError(f"source {tree.source} has no pair list: put OCIM.json there or set dataset_list=FILE")
    texts = ((name, tree.list_text(chosen, LIST)[1] if chosen else tree.text(name)) for name in lists)
    pairs = [pair for name, text in texts for pair in _read_list(name, text)]
    lives, scenes = {live for live, _ in pairs}, _scenes(pairs)
    flat = {path: _flat(path) for path in scenes}
    named = people((_domain(_place(path).style), flat[path]) for path in scenes)
    one = _scenes([*pairs, *_of_one_recording(scenes)])  # images that show one person, whoever it is
    of_live = {one[live]: named[flat[live]] for live in sorted(lives, reverse=True) if flat[live] in named}
    both = lives & {spoof for _, spoof in pairs}
    for path, scene in scenes.items():
        folder = _place(path).style
        person = named.get(flat[path]) or of_live.get(one[path]) or Person(f"{SCENE}{one[path]}")
        style = "live" if path in lives else vocabulary_name(folder)
        yield Recording(
            file=tree.files.get(path) or File(path, 0),
            subject=person.subject,
            capture=f"{SCENE}{scene}",
            split=person.split,
            attack=style,
            instrument=style,
            domain=_domain(folder),
            reject="live and spoof" if path in both else _fault(folder, path in lives, path in tree.files),
        )


def _fault(folder: str, live: bool, there: bool) -> str | None:
    """Return the reason why an image of this directory is a reject; None if it is a row."""
    if not _domain(folder):
        return UNKNOWN
    if live != bool(LIVE_FOLDER.fullmatch(folder)):
        return "label and attack disagree"
    return None if there else MISSING


def _read_list(name: str, text: str) -> list[tuple[str, str]]:
    """Return the pairs, as paths below the folder; raises UserError if the file is invalid or a path leads outside."""
    try:
        found = parse_json(text, name)
    except ValueError:
        found = None
    if not isinstance(found, list) or not found:
        raise UserError(f"{name} is not a pair list: a JSON list of [live path, spoof path]")
    pairs = []
    for pair in found:
        if not (isinstance(pair, list) and len(pair) == 2 and all(isinstance(path, str) and path for path in pair)):
            raise UserError(f"{name}: {json.dumps(pair)[:100]} is not [live path, spoof path]")
        live, spoof = (path.replace("\\", "/").strip("/") for path in pair)
        if ".." in (*live.split("/"), *spoof.split("/")):
            raise UserError(f"{name}: {json.dumps(pair)[:100]} leads out of the folder")
        pairs.append((live, spoof))
    return pairs


def _scenes(pairs: list[tuple[str, str]]) -> dict[str, int]:
    """Return the number of every path's connected component, counted in the order of first appearance."""
    parent: dict[str, str] = {}

    def root(path: str) -> str:
        parent.setdefault(path, path)
        while parent[path] != path:
            parent[path] = parent[parent[path]]
            path = parent[path]
        return path

    for live, spoof in pairs:
        parent[root(spoof)] = root(live)
    numbers: dict[str, int] = {}
    return {path: numbers.setdefault(root(path), len(numbers)) for path in [*parent]}


class Place(NamedTuple):
    """The directory that names an image's style, and the directory of its recording, empty if it has none."""

    style: str
    recording: str


def _place(path: str) -> Place:
    parts = path.split("/")
    above, parent = ["", "", *parts[:-1]][-2:]
    domains = _domain(above), _domain(parent)
    # CASIA-FASD's recordings, `7_1`, look like WMCA's styles.
    if domains[0] and (not domains[1] or domains == (casia_fasd.DOMAIN, wmca.DOMAIN)):
        return Place(above, "/".join(parts[:-1]))
    return Place(parent, "")


def _flat(path: str) -> str:
    """Return a frame's path as it is where recordings have no directories: `O2/1_1_01_2_0000.png`."""
    recording = _place(path).recording
    return f"{recording}_{path.rpartition('/')[2]}" if recording else path


def _of_one_recording(paths: Iterable[str]) -> list[tuple[str, str]]:
    """Return pairs that connect the frames of each recording that has a directory."""
    first: dict[str, str] = {}
    places = ((path, _place(path).recording) for path in paths)
    return [(first.setdefault(recording, path), path) for path, recording in places if recording]


def _domain(folder: str) -> str:
    """Return the data set of a style's directory; empty if the directory is not one of the authors'."""
    return next((domain for domain, names in FOLDERS.items() if re.fullmatch(names, folder)), "")
