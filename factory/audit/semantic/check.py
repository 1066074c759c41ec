"""The check as the audit runs it: what decides its findings, and the findings."""

from __future__ import annotations

from typing import Any

from factory.audit.corpora import AuditedCorpora
from factory.audit.semantic import embed
from factory.audit.semantic.findings import Semantic, findings
from factory.audit.semantic.settings import SemanticConfig
from factory.audit.semantic.stages import Pool, compared_rows, run_stages


def semantic_identity(config: SemanticConfig, style_encoder: str) -> dict[str, Any]:
    """What decides the findings, in JSON; raises UserError as `embed.embedder_identity`."""
    settings = config.model_dump(mode="json", exclude={"embedder", "embeddings"})
    return {**settings, "embeddings": embed.embedder_identity(config, style_encoder)}


def find(config: SemanticConfig, corpora: AuditedCorpora, style_encoder: str, batch_size: int, pool: Pool) -> Semantic:
    """Run the stages that are missing, and return what is near each audited spoof.

    Raises:
        UserError: if a side table does not know a row.
        Quarantined: if a piece of work failed at every attempt.
    """
    rows = compared_rows(corpora, config, pool.out)
    tools = embed.Tools(embed.located(config), style_encoder, batch_size, pool.threads)
    return findings(rows.keys, rows.facts, run_stages(rows, config, tools, pool), config.cosine)
