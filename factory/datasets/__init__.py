"""Readers of the licensed face anti-spoofing data sets: each module knows one data set's tree; this is the contract.

A reader lists the images, or the frames that represent a video, without decoding a pixel, and gives for each the facts
in the official documents. docs/datasets.md is the manual. The rows of a corpus that
`difffas prepare ROOT --dataset NAME` writes hold the following, and protocols rely on it:

`domain`   the data set, as the table below names it; a pair list (`pairs`) names the domains of its images.
`label`    0 live, 1 spoof.
`attack`   `live`, or a coarse name: `print`, `replay`, `mask`, `glasses`, `makeup`, `partial`. With
           `attack_names: instrument` the finer name that `fields()["instrument"]` gives.
`subject`  the person, unique within the data set: `01`, `client001`; CASIA-FASD numbers people anew in each split, so
           its subjects are `train_1`, `test_1`. `unknown_…` and a pair list's `scene_…` stand for somebody whom no
           name says (`factory.datasets.names.is_unknown`).
`split`    the official split as `train`, `dev` or `test` (`devel` and `valid` are `dev`, `eval` is `test`).
`capture`  the recording's official stem as a vocabulary name: lower case, dashes are underscores. If a document says
           more than the stem, that follows at the end. `fields(domain, capture)` takes the capture apart.
`sitting`  what a person's live recordings and attacks share as the names state it: the fields that the table marks
           with *, as `phone_1_session_2`. `fit-generator` pairs within a sitting.
`source`   the path below ROOT; for a frame `/<number>` follows: `frame_number(source)`. Videos count from 0 in the
           order of decoding, HDF5 files state the number (`Frame_<n>`); an image has no number.

Per data set: an example of a capture, the names that `fields(domain, capture)` gives besides `attack` and `instrument`
(all values are text), and the instruments:

oulu_npu       `1_1_01_1`: phone*, session*, subject, file. print_1, print_2, replay_1, replay_2.
casia_fasd     `1` … `8`, `hr_1` … `hr_4`: file, quality* (low, normal, high). print_warped, print_cut, replay.
replay_attack  `client001_session01_webcam_authenticate_adverse_1`: subject, session, webcam, purpose, light*, take.
               `attack_print_client001_session01_highdef_photo_adverse_fixed`, with the support at the end: presented,
               subject, session, device, sample, light*, support. print, replay_mobile, replay_highdef.
msu_mfsd       `real_client001_android_sd_scene01`, `attack_client001_laptop_sd_ipad_video_scene01`: subject, camera*,
               quality, presented (attacks), scene. print, replay_ipad, replay_iphone.
wmca           `100_03_015_2_10`: client, session*, presenter, type, pai. print, replay, glasses, fake_head,
               paper_mask, rigid_mask, flexible_mask, wig, makeup.
padisi         `id_<transaction>_<trial>_<trial name>_<code>`: transaction, visit* (32 of its digits), trial, name,
               code. The code, as `m50602`.
celeba_spoof   `<number>_<type>_<illumination>_<environment>`: these four. photo, poster, a4, face_mask,
               upper_body_mask, region_mask, pc, pad, phone, 3d_mask.
siw            `003_1_2_1_1`: subject, sensor*, type, medium, session*. print_<medium>, replay_<medium>.
siw_m          `live_1`, `makeup_co_1` …: type, number. print, replay, makeup_cosmetic, makeup_impersonation,
               makeup_obfuscation, half_mask, paper_mask, transparent_mask, silicone_mask, mannequin, partial_eye,
               partial_mouth, funny_eye_glasses, paper_glasses.
nuaa           `client_0001_00_00_01`, `imposter_0001_…`: kind, subject, glasses, position, session*. print.
rose_youtu     `g_nt_5s_g_e_2_1`: type, speaking, device*, glasses, environment, subject, number. print_still,
               print_quivering, replay_lenovo, replay_mac, mask_cropped, mask_full, mask_upper, mask_lower.
casia_surf     `real`, `01_e_s` …: recording, number, cut, bend. print_<cut>_<bend>.
casia_cefa     `1_012_1_1_1`: race, subject, device, session*, type. print_cloth, print_photo, replay.
               `1_002_1_1_2_1_3`: mask, subject, dresses, glasses, device, session*, light. 3d_mask, silicone_mask.
hifimask       `1_01_0_1_1_1`: complexion, subject, type, scene*, light*, sensor*. transparent_mask, plaster_mask,
               resin_mask.
uniattackdata  `real`, `cloth_indoor`, `cloth_outdoor`, `screen_rs`: recording, place. print_cloth, replay.
pairs          `scene_0`: no instruments, and no `fields`.

Coarse attacks: WMCA type 1 glasses, 2 mask, 3 print, 4 replay, 5 makeup; PADISI-Face code 06 makeup, others
`pai_<code>`; CelebA-Spoof types 1–3 print, 4–6 and 10 mask, 7–9 replay; SiW-M's makeup, masks and the mannequin
makeup and mask, what covers a part of the face partial.
"""

from __future__ import annotations

import functools
import re
import typing
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

from difffas.errors import UnreadableError, UserError
from factory.core.progress import say
from factory.corpus.row import LABELS, LIVE_ATTACK, whole_domain
from factory.datasets import (
    casia_cefa,
    casia_fasd,
    casia_surf,
    celeba_spoof,
    frame_folders,
    hifimask,
    msu_mfsd,
    nuaa,
    oulu_npu,
    padisi,
    pairs,
    replay_attack,
    rose_youtu,
    siw,
    siw_m,
    uniattackdata,
    wmca,
)
from factory.datasets.tree import MAX_BOXES, Recording, Tree
from factory.sources import LISTING, Files, Source, hdf5, video
from factory.sources.faces import Box
from factory.sources.pattern import vocabulary_name
from factory.sources.video import Frames as Frames

FRAME = re.compile(rf".+\.(?:{'|'.join(video.DEMUXERS)}|hdf5|h5)/(\d+)", re.IGNORECASE | re.DOTALL)


class Dataset(typing.Protocol):
    """The interface of a data set's module in this package."""

    DOMAIN: str
    TITLE: str  # name for people
    FORMAT: str  # format of its recordings: folder (images), frames (a folder of images each), video, hdf5 or npz
    EXAMPLE: str  # example of a recording's name below ROOT
    CAPTURE: re.Pattern[str]  # its groups are the official fields
    SITTING: tuple[str, ...]  # fields that a person's live recordings and attacks can have in common

    def attack_of(self, fields: Mapping[str, str]) -> tuple[str, str]:
        """Return the coarse name of the attack, and the instrument."""

    def recordings(self, tree: Tree, chosen: str | None) -> Iterator[Recording]:
        """Yield all recordings in the tree; raises UserError naming what is missing. `chosen`: the user's list."""


DATASETS: dict[str, Dataset] = {
    "oulu-npu": oulu_npu,
    "casia-fasd": casia_fasd,
    "replay-attack": replay_attack,
    "msu-mfsd": msu_mfsd,
    "wmca": wmca,
    "padisi": padisi,
    "celeba-spoof": celeba_spoof,
    "siw": siw,
    "siw-m": siw_m,
    "nuaa": nuaa,
    "rose-youtu": rose_youtu,
    "casia-surf": casia_surf,
    "casia-cefa": casia_cefa,
    "hifimask": hifimask,
    "uniattackdata": uniattackdata,
    "pairs": pairs,
}
# For data sets that ship boxes: maps the text of a box file, frame, width and height to the box, or None for no face.
BOXES: dict[str, Callable[[str, int, int, int], Box | None]] = {
    "oulu-npu": oulu_npu.box,
    "replay-attack": replay_attack.box,
    "msu-mfsd": msu_mfsd.box,
    "celeba-spoof": celeba_spoof.box,
}

# For data sets that define it, by rule or in lists of videos: all recordings of a whole tree, without extensions.
WHOLE: dict[str, Callable[[Tree], Iterator[str]]] = {
    "oulu-npu": oulu_npu.whole,
    "casia-fasd": casia_fasd.whole,
    "replay-attack": replay_attack.whole,
    "msu-mfsd": msu_mfsd.whole,
}
# For data sets whose names imply a further field: its name, and a function of the official fields.
DERIVED: dict[str, tuple[str, Callable[[Mapping[str, str]], str]]] = {
    casia_fasd.DOMAIN: ("quality", casia_fasd.quality_of),
    padisi.DOMAIN: ("visit", padisi.visit_of),
}
NAMED = 5  # missing recordings that are named; the others are only counted


def list_dataset(
    name: str, source: str, frames: Frames, chosen: str | None = None, instruments: bool = False
) -> list[Source]:
    """Return every image of a data set, and some `frames` of each video, in the order of their paths.

    Args:
        name: a name of `DATASETS`.
        source: the folder that the data set's owner gave, local or `s3://`.
        frames: which frames represent a video, or a folder of its frames.
        chosen: the list that gives splits or pairs, instead of the list in the tree.
        instruments: whether attacks get their finer names.

    Raises:
        UserError: naming the files that the tree lacks, or a package that reading needs and that is not installed.
    """
    dataset = DATASETS[name]
    tree = Tree(source, dataset.TITLE)
    found = sorted(dataset.recordings(tree, chosen), key=lambda recording: recording.file.name)
    if all(recording.reject for recording in found):
        reasons = ", ".join(sorted({str(recording.reject) for recording in found})) or "none"
        raise UserError(
            f"source {source} has no usable recording of {dataset.TITLE} like {dataset.EXAMPLE} ({len(found)} others: "
            f"{reasons}){_of_pictures(tree, dataset.FORMAT)}"
        )
    if dataset.FORMAT == frame_folders.FORMAT:
        found = sorted(frame_folders.thinned(found, frames), key=lambda recording: recording.file.name)
    if name in WHOLE:
        _say_absent(tree, dataset.TITLE, list(WHOLE[name](tree)))
    if (module := _FRAMES.get(dataset.FORMAT)) is not None:
        module.needed()
    with ThreadPoolExecutor(LISTING) as pool:
        listed = pool.map(lambda recording: _sources(tree, dataset, recording, frames, instruments), found)
        return [source for part in listed for source in part]


def _of_pictures(tree: Tree, form: str) -> str:
    """Advice for a tree that holds frames instead of videos; empty for any other tree."""
    endings = tuple(f".{ending}" for ending in frame_folders.PICTURES.split())
    if form != "video" or not any(name.lower().endswith(endings) for name in tree.files):
        return ""
    return "; pictures that were cut from its videos are read by --dataset pairs with a list, or by --pattern"


def _say_absent(tree: Tree, title: str, whole: list[str]) -> None:
    """Print one line on the number and names of recordings that the tree lacks; nothing if it is whole."""
    there = {name.lower().rpartition(".")[0] for name in tree.files if video.NAME.fullmatch(name)}
    absent = [name for name in whole if name.lower() not in there]
    if absent:
        named = ", ".join(absent[:NAMED]) + (" …" if len(absent) > NAMED else "")
        say(f"prepare: {tree.source} lacks {len(absent):,} of the {len(whole):,} recordings of {title}: {named}")


_FRAMES = {"video": video, "hdf5": hdf5}


def _sources(tree: Tree, dataset: Dataset, recording: Recording, frames: Frames, instruments: bool) -> list[Source]:
    """Return the sources of one recording; a single one, with the reason, if the recording is a reject."""
    file, module = recording.file, _FRAMES.get(dataset.FORMAT)
    reject, numbers = file.reject or recording.reject, [0]
    if module is not None and not reject:
        try:
            numbers = module.list_frames(tree.reader, file, frames)
        except OSError as error:
            raise UserError(f"{tree.source}/{file.name} cannot be read: {error.strerror or error}") from None
        except UnreadableError as error:
            reject = str(error)
    source = functools.partial(
        Source,
        reject=reject,
        version=_version(tree, recording, module is not None),
        fields=_row_fields(dataset, recording, instruments),
        format="folder" if dataset.FORMAT == frame_folders.FORMAT else dataset.FORMAT,
        file=file.name,
        turn=recording.turn,
        boxes=recording.boxes,
    )
    if module is None or reject:
        return [source(file.name, file.size if module is None else 0)]
    return [source(f"{file.name}/{number:06d}", 0, group=0, at=number) for number in numbers]


def _version(tree: Tree, recording: Recording, in_container: bool) -> str:
    """Return what identifies a recording in addition to its path and facts."""
    file, boxes = recording.file, tree.files.get(recording.boxes)
    parts = [file.size] if in_container else []
    return "-".join(str(part) for part in (*parts, file.version, boxes.size if boxes else "", recording.turn) if part)


def _row_fields(dataset: Dataset, recording: Recording, instruments: bool) -> dict[str, str]:
    attack = recording.instrument if instruments else recording.attack
    values = {
        "domain": recording.domain or dataset.DOMAIN,
        "label": LABELS[recording.attack != LIVE_ATTACK] if attack else "",
        "attack": attack,
        "subject": recording.subject,
        "split": recording.split,
        "capture": recording.capture,
        "sitting": sitting_of(dataset, recording.capture),
    }
    return {name: value for name, value in values.items() if value}


def dataset_of(domain: str) -> Dataset | None:
    """Return the data set with this domain, or of which the domain is a part; None if there is none."""
    return next((dataset for dataset in DATASETS.values() if whole_domain(domain) == dataset.DOMAIN), None)


def field_names(dataset: Dataset) -> set[str]:
    """Return the names of the fields that a data set's captures have, besides `attack` and `instrument`."""
    # A pattern can name a group only once, so the groups of a second alternative have a prefix.
    names = {name.removeprefix("a_") for name in dataset.CAPTURE.groupindex}
    return names | ({DERIVED[dataset.DOMAIN][0]} if dataset.DOMAIN in DERIVED else set())


def capture_fields(dataset: Dataset, capture: str) -> dict[str, str]:
    """Return the fields in a capture's name; empty if it is not one of the data set."""
    found = dataset.CAPTURE.fullmatch(capture)
    values = found.groupdict() if found else {}
    official = {name.removeprefix("a_"): value for name, value in values.items() if value is not None}
    if official and dataset.DOMAIN in DERIVED:
        name, derived = DERIVED[dataset.DOMAIN]
        official[name] = derived(official)
    return official


def sitting_of(dataset: Dataset, capture: str) -> str:
    """Return the sitting of a capture, such as `phone_1_session_2`; empty if its name does not state it."""
    values = capture_fields(dataset, vocabulary_name(capture)) if dataset.SITTING else {}
    return "_".join(f"{name}_{values[name]}" for name in dataset.SITTING) if values else ""


def fields(domain: str, capture: str) -> dict[str, str]:
    """Return the official fields of a row's capture, with `attack` (coarse) and `instrument`: see the table above.

    A part of a data set's domain, such as `nuaa__session_03`, has the fields of the data set.

    Raises:
        UserError: if there is no such data set, or the data set has no such capture.
    """
    dataset = dataset_of(domain)
    if dataset is None:
        raise UserError(f"domain {domain!r} is not one of the data sets that have official fields")
    values = capture_fields(dataset, capture)
    if not values:
        raise UserError(
            f"capture {capture!r} is not one of {dataset.TITLE}, such as {vocabulary_name(dataset.EXAMPLE)!r}"
        )
    attack, instrument = dataset.attack_of(values)
    return {**values, "attack": attack, "instrument": instrument}


def frame_number(source: str) -> int | None:
    """Return the number of the frame with which a row's `source` ends; None for an image."""
    found = FRAME.fullmatch(source)
    return int(found[1]) if found else None


class ShippedBoxes:
    """The face boxes that a data set ships, which `crop: dataset` cuts out.

    Raises:
        UserError: if the data set ships no documented boxes.
    """

    def __init__(self, name: str, source: str) -> None:
        if name not in BOXES:
            raise UserError(f"{name} ships no face boxes that are documented: take crop=retinaface or crop=none")
        self._box, self._files = BOXES[name], Files(source)
        self._name, self._text = "", ""

    def find(self, boxes: str, frame: int, width: int, height: int) -> Box:
        """Return the box of one image of a recording with this box file.

        Raises:
            OSError: if the file cannot be read.
            UnreadableError: with a reason: `no box file`, `broken box file`, `no face`.
        """
        if not boxes:
            raise UnreadableError("no box file")
        if boxes != self._name:
            with self._files.whole(boxes) as file:
                self._text = file.read(MAX_BOXES + 1).decode("utf-8-sig", "replace")
            self._name = boxes
        if len(self._text) > MAX_BOXES:
            raise UnreadableError("broken box file")
        box = self._box(self._text, frame, width, height)
        if box is None:
            raise UnreadableError("no face")
        return box
