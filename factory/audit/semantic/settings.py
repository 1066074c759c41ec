"""The configuration of the check for semantic duplicates."""

from __future__ import annotations

from pydantic import Field

from factory.core.config import Config, PathOrUrl


class Embeddings(Config):
    """Embeddings that `difffas annotate` wrote: a column of lists of numbers, all of one length."""

    generated: PathOrUrl = Field(description="folder of the side table of `inputs.generated`")
    training: PathOrUrl = Field(
        description="folder of the side table of `inputs.training`, by default `inputs.guides`"
    )
    column: str = Field("embedding", description="name of the column in both")


class SemanticConfig(Config):
    """Which spoofs look alike to a network: pairs within the buckets of a k-means over embeddings (SemDeDup)."""

    embedder: PathOrUrl = Field(
        "structure",
        description="structure, dlib, style (the style encoder), or a timm backbone: NAME.TAG or local-dir:FOLDER",
    )
    embeddings: Embeddings | None = Field(None, description="embeddings of your own in the place of the embedder's")
    cosine: float = Field(
        0.95, ge=0.5, lt=1, description="duplicates have at least this cosine; the embedder sets the scale"
    )
    copies: bool = Field(True, description="refuse spoofs that are this near to a training spoof, too")
    buckets: int | None = Field(None, ge=1, le=65536, description="buckets; null: the root of the number of rows")
    probes: int = Field(4, ge=1, le=64, description="nearest buckets in which a row is compared: more find more pairs")
    seed: int = Field(
        0, ge=0, lt=2**63, description="decides which rows the buckets are fitted to and recall is measured on"
    )
    recall_rows: int = Field(1000, ge=0, description="spoofs that are compared with all rows, to measure recall")
