"""Configuration of a preparation; docs/prepare.md and docs/datasets.md are the manuals."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from difffas.errors import UserError
from factory.core.config import Config, PathHere, PathOrUrl, is_empty
from factory.corpus.provenance import CAPTURE, SourceType
from factory.corpus.shards import OutputConfig
from factory.datasets import BOXES, DATASETS
from factory.images import FACE_MARGIN
from factory.line.rounds import STALL_SECONDS
from factory.sources.pattern import Pattern, vocabulary_name
from factory.sources.values import FIELDS

FOLDER_PATTERN = "{attack}/{subject}/{image}"

DatasetName = Literal[
    "oulu-npu", "casia-fasd", "replay-attack", "msu-mfsd", "wmca", "padisi", "celeba-spoof", "siw", "siw-m", "nuaa",
    "rose-youtu", "casia-surf", "casia-cefa", "hifimask", "uniattackdata", "pairs",
]  # fmt: skip
# Data sets for which another list can be chosen, and why their tree may lack a split; pair lists never have one.
LISTED = {
    "wmca": "the tree has no grandtest list, *grand*.csv",
    "padisi": "the tree has no padisi_USC_FACE_dataset_partition_3folds_part0.csv",
    "pairs": "pair lists say none",
}
# Data sets whose split is in several lists of the tree, and why a tree may lack a split.
SEVERAL_LISTS = {
    "siw-m": "the tree has no trainlist_all.txt, trainlist_live.txt, testlist_all.txt and testlist_live.txt",
    "hifimask": "the tree has no protocol/CASIA_HiFiMask@p1_video_train.txt (dev, test)",
    "uniattackdata": "the tree has no protocol/UniAttackData@p1_video_train.txt (dev, test)",
}


class Defaults(Config):
    """Default values for fields that the pattern does not give."""

    label: str | None = Field(None, description="live or spoof")
    attack: str | None = Field(None, description="attack of images that name none")
    subject: str | None = Field(None, description="person of images that name none")
    domain: str | None = Field(None, description="domain of images that name none")
    split: str | None = Field(None, description="split of images that name none")
    capture: str | None = Field(None, description="recording of images that name none")


class PrepareResources(Config):
    """Resources that the line may use; excluded from the fingerprint."""

    num_cpus: float = Field(1.0, gt=0, description="CPUs that one reading task reserves; it uses one thread")
    task_labels: dict[str, str] = Field({}, description="labels of nodes that tasks may run on; empty: any node")
    stall_seconds: float = Field(STALL_SECONDS, gt=0, description="give up after this long without a finished shard")


class PrepareConfig(Config):
    """One preparation."""

    source: PathOrUrl = Field(
        description="folder, file or glob of photographs, videos, Parquet or WebDataset, local or s3://"
    )
    dataset: DatasetName | None = Field(
        None, description="reader of a public data set's layout; null: pattern and columns say what is what"
    )
    subjects_unknown: bool = Field(
        False,
        exclude_if=is_empty,
        description="draw splits although some names do not say who is shown (pair lists, SiW-M)",
    )
    frames_per_video: int = Field(
        8, ge=1, le=1000, description="frames taken from each video or folder of frames, evenly spaced"
    )
    frames_within: int | None = Field(None, ge=1, description="use only this many first frames; SiW protocol 1: 60")
    attack_names: Literal["attack", "instrument"] = Field(
        "attack", description="names of PADISI's and WMCA's attacks: of the attack, or of each instrument"
    )
    dataset_list: PathHere | None = Field(None, description="protocol, partition or pair list, instead of the tree's")
    source_format: Literal["auto", "folder", "parquet", "webdataset"] = Field(
        "auto", description="kind of files; auto: by their names"
    )
    columns: dict[str, str | None] = Field(
        {}, description="column of the table for each field; null: the table has none"
    )
    out: PathOrUrl = Field(description="corpus folder to write, local or s3://")
    pattern: str | None = Field(None, description=f"None: {FOLDER_PATTERN} in a folder of images, else columns alone")
    defaults: Defaults = Defaults()
    domain: str | None = Field(None, description="field that divides the domain, such as session; None: undivided")
    style_fields: tuple[str, ...] = Field(
        (), description="fields that make the styles of spoofs finer, such as session, quality or camera"
    )
    live: tuple[str, ...] = Field(
        ("live", "real", "genuine", "bonafide"), min_length=1, description="names that mean a live face"
    )
    license: str | None = Field(None, description="required, unless a column gives it for every image")
    digital_source_type: SourceType = Field(CAPTURE, description="IPTC term for images whose file states none")
    size: int = Field(256, ge=32, description="side of the stored images in pixels, a multiple of 32")
    crop: Literal["dataset", "retinaface", "table", "none"] = Field(
        "retinaface",
        description="how a face is found: by the data set's boxes, by RetinaFace, by a table of boxes, or not at all",
    )
    weights: PathHere | None = Field(
        None, description="RetinaFace's weights file on this machine, for crop=retinaface"
    )
    boxes: PathHere | None = Field(None, description="CSV or Parquet of boxes or landmarks, for crop=table")
    margin: float = Field(FACE_MARGIN, ge=1, le=4, description="side of the crop over the longer side of the box")
    min_face: int | None = Field(None, ge=1, description="pixels of a face box's shorter side; smaller is a reject")
    reject_several: bool = Field(False, description="reject an image in which the detector finds several faces")
    reject_unclear: bool = Field(True, description="reject a face that is nearly black, or a live one that is covered")
    upright: bool = Field(False, description="turn the image until the eyes of the face are level")
    align: bool = Field(
        False, exclude_if=is_empty, description="bring eyes, nose and mouth to a template instead of cutting the box"
    )
    split: dict[str, float] = Field(
        {"train": 0.8, "dev": 0.1, "test": 0.1},
        description="shares of people in each split, where the source names no split",
    )
    seed: int = Field(0, description="seed by which people are drawn into splits")
    output: OutputConfig = OutputConfig()
    resources: PrepareResources = PrepareResources()

    @model_validator(mode="after")
    def _check(self) -> PrepareConfig:
        if self.size % 32:
            lower = self.size // 32 * 32
            raise UserError(f"size {self.size} must be a multiple of 32: take {lower} or {lower + 32}")
        if self.crop == "retinaface" and self.weights is None:
            shipped = "crop=dataset takes the boxes of the data set, " if self.dataset in BOXES else ""
            raise UserError(
                f"crop=retinaface needs weights=FILE; {shipped}crop=none (--no-crop) takes images that are faces"
            )
        if self.crop == "table" and self.boxes is None:
            raise UserError("crop=table needs boxes=FILE, a CSV or Parquet table of face boxes or landmarks")
        if self.crop == "dataset" and self.dataset not in BOXES:
            raise UserError(f"crop=dataset needs a data set with face boxes ({', '.join(BOXES)}), not {self.dataset}")
        if self.align and self.crop not in ("retinaface", "table"):
            raise UserError(f"align needs the landmarks of a face, and crop={self.crop} has none: leave it out")
        for name in ("min_face", "reject_several", "upright"):
            if getattr(self, name) and self.crop != "retinaface":
                raise UserError(f"{name} is what the face detector tells, and crop={self.crop} has none: leave it out")
        for name in ("pattern", "columns", "source_format", "live") if self.dataset else ():
            if getattr(self, name) != type(self).model_fields[name].default:
                raise UserError(f"dataset={self.dataset} says what its files are: leave out {name}")
        if self.dataset_list and self.dataset not in LISTED:
            raise UserError(f"dataset_list is for dataset={', '.join(LISTED)}, not for {self.dataset}: leave it out")
        of_videos = self.dataset is not None and DATASETS[self.dataset].FORMAT in ("video", "hdf5", "frames")
        if self.frames_within and not of_videos:
            raise UserError(f"frames_within is for data sets of videos, not for {self.dataset}: leave it out")
        for name in self.split:
            if name != vocabulary_name(name):
                raise UserError(f"split name {name!r} must be of [a-z0-9_]: call it {vocabulary_name(name)!r}")
        if min(self.split.values(), default=0) < 0 or abs(sum(self.split.values()) - 1) > 1e-6:
            raise UserError(f"split {self.split} must be fractions that sum to 1")
        if self.domain in ("domain", "label", "attack", "image", "key", "license"):
            raise UserError(f"domain={self.domain} divides no domain: name a field such as session, camera or capture")
        for name in self.style_fields:
            if name in ("domain", "label", "attack", "subject", "split", "image", "key", "license"):
                raise UserError(f"style_fields={name} makes no style: name a field such as session, quality or camera")
            if name != vocabulary_name(name):
                raise UserError(
                    f"style_fields={name} must be of [a-z0-9_]: name it {vocabulary_name(name)}, and its column "
                    f"columns.{vocabulary_name(name)}"
                )
        if len(set(self.style_fields)) < len(self.style_fields):
            raise UserError(f"style_fields {', '.join(self.style_fields)} names a field twice: name it once")
        known = ("image", *FIELDS, *self._further)
        for name in self.columns.keys() - set(known):
            raise UserError(f"columns.{name} is not a field of a row: there are {', '.join(known)}")
        if self.pattern is not None:
            Pattern(self.pattern)
        return self

    @property
    def read_columns(self) -> dict[str, str | None]:
        """`columns`, with those that divide the domain or make styles finer unless the pattern gives these fields."""
        given = (*FIELDS, *(Pattern(self.pattern).fields if self.pattern else ()))
        return {**{name: name for name in self._further if name not in given}, **self.columns}

    @property
    def _further(self) -> tuple[str, ...]:
        """Fields beside those of a row that the configuration names."""
        return (*((self.domain,) if self.domain else ()), *self.style_fields)
