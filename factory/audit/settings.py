"""The configuration of an audit."""

from __future__ import annotations

from pydantic import Field

from factory.audit.identity import EmbedderName
from factory.audit.verdict import Thresholds
from factory.core.config import Config, PathOrUrl


class AuditInputs(Config):
    """Folders, local or `s3://`; `live`, `guides` and `training` may be one corpus."""

    generated: PathOrUrl
    live: PathOrUrl = Field(description="the corpus of the live faces that were generated from")
    guides: PathOrUrl
    style_encoder: PathOrUrl = Field(description="folder of fit-style or fit-generator")
    training: PathOrUrl | None = Field(None, description="what the generator was fitted on; None: guides")


class AuditResources(Config):
    """What the audit may use; no part of the fingerprint."""

    workers: int = Field(2, ge=1, description="actors, each on one CPU")
    gpus_per_worker: float = Field(0.0, ge=0, description="for the style encoder; a CPU is mostly enough")
    threads: int = Field(1, ge=1, description="PyTorch threads of a worker")


class AuditConfig(Config):
    """One audit. Another set of thresholds is another folder, which may take over the `measures` of the first."""

    inputs: AuditInputs
    out: PathOrUrl
    protocol: PathOrUrl | None = Field(None, description="name or file; None: the corpora's own splits")
    identity: EmbedderName = Field(description="dlib (extra `identity`), or structure, which is no face recognition")
    thresholds: Thresholds = Thresholds()
    training_split: str = Field("train", description="whose spoofs the generator may have memorised")
    measures: PathOrUrl | None = Field(None, description="folder of an audit whose measures are taken, not made again")
    batch_size: int = Field(64, ge=1, description="images at a time at the style encoder")
    resources: AuditResources = AuditResources()
