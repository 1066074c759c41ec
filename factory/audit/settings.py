"""The configuration of an audit."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from factory.audit.detectors import DetectorConfig
from factory.audit.semantic.settings import SemanticConfig
from factory.audit.verdict import Thresholds
from factory.core.config import Config, PathOrUrl, is_none
from factory.corpus.identity import EmbedderName
from factory.models.settings import GeneratorFolder


class AuditInputs(Config):
    """Folders, local or `s3://`; `live`, `guides` and `training` may be one corpus."""

    generated: PathOrUrl = Field(description="corpus to audit")
    live: PathOrUrl = Field(
        description="corpus of the live faces that were used for generation; of new people `generated` itself"
    )
    guides: PathOrUrl = Field(description="corpus that its guides are from")
    style_encoder: GeneratorFolder = Field(description="folder of fit-style or fit-generator")
    judge: PathOrUrl | None = Field(
        None, description="folder of a classifier that judges the style; None: the style encoder judges"
    )
    training: PathOrUrl | None = Field(None, description="corpus that the generator was fitted on; None: guides")


DetectorName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]


class AuditResources(Config):
    """Resources that the audit may use; excluded from the fingerprint."""

    workers: int = Field(2, ge=1, description="actors, each on one CPU")
    gpus_per_worker: float = Field(0.0, ge=0, description="GPU for the style encoder; usually a CPU is enough")
    threads: int = Field(1, ge=1, description="PyTorch threads of a worker")


class AuditConfig(Config):
    """One audit. Other thresholds or detectors need another folder, which may reuse the `measures` of the first."""

    inputs: AuditInputs
    out: PathOrUrl = Field(description="folder of the audit, local or s3://")
    protocol: PathOrUrl | None = Field(None, description="name or file; None: the corpora's own splits")
    identity: EmbedderName = Field(description="dlib (extra `identity`), or structure, without face recognition")
    thresholds: Thresholds = Thresholds()
    detectors: dict[DetectorName, DetectorConfig] = Field({}, description="foreign detectors, which refuse no row")
    semantic: SemanticConfig | None = Field(
        None, exclude_if=is_none, description="near-duplicates by what a network sees; None: by dHash alone"
    )
    training_split: str = Field("train", description="split whose spoofs the generator may have memorised")
    measures: PathOrUrl | None = Field(None, description="folder of an audit whose measures are reused")
    batch_size: int = Field(64, ge=1, description="images per batch of the style encoder")
    resources: AuditResources = AuditResources()
