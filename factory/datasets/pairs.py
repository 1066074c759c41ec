"""The authors' pair lists: JSON files of `[live path, spoof path]`, such as `OCIM.json`, and the images they name.

The directory of an image names its style: `O2`, `C4` … (data set and number), `2_18` (WMCA, type and instrument),
`paper_glass` … (PADISI-Face).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from difffas.errors import UserError
from factory.core.documents import parse_json
from factory.datasets import padisi, wmca
from factory.datasets.names import Person, people
from factory.datasets.tree import MISSING, UNKNOWN, Recording, Tree
from factory.sources.files import File
from factory.sources.pattern import vocabulary_name

DOMAIN, TITLE, FORMAT, EXAMPLE = "pairs", "the pair lists", "folder", "O1/<image>"
CAPTURE = re.compile(r"scene_(?P<scene>\d+)")
SITTING: tuple[str, ...] = ()  # the capture already joins what the lists pair
SCENE = "scene_"
LIST = re.compile(r"^[^/]+\.json$", re.IGNORECASE)
FOLDERS = {
    "oulu_npu": "O[1-5][2-5]?",
    "casia_fasd": "C[1-9]",
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
    OULU-NPU's official split, are those that a file name states; where it states nobody, the subject is that of the
    scene's live face, or `scene_N`, which says that nobody knows (`is_unknown`).
    """
    lists = [chosen] if chosen else [name for name in tree.files if LIST.search(name)]
    if not lists:
        raise UserError(f"source {tree.source} has no pair list: put OCIM.json there or set dataset_list=FILE")
    texts = ((name, tree.list_text(chosen, LIST)[1] if chosen else tree.text(name)) for name in lists)
    pairs = [pair for name, text in texts for pair in _read_list(name, text)]
    lives, scenes = {live for live, _ in pairs}, _scenes(pairs)
    named = people((_domain(_folder(path)), path) for path in scenes)
    of_scene = {scenes[live]: named[live] for live in sorted(lives, reverse=True) if live in named}
    both = lives & {spoof for _, spoof in pairs}
    for path, scene in scenes.items():
        folder = _folder(path)
        person = named.get(path) or of_scene.get(scene) or Person(f"{SCENE}{scene}")
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


def is_unknown(subject: str) -> bool:
    """Return whether a subject of this reader stands for a scene whose names say nobody."""
    return subject.startswith(SCENE)


def _folder(path: str) -> str:
    return path.split("/")[-2] if "/" in path else ""


def _domain(folder: str) -> str:
    """Return the data set of a style's directory; empty if the directory is not one of the authors'."""
    return next((domain for domain, names in FOLDERS.items() if re.fullmatch(names, folder)), "")
