"""The audit station: judge a generated corpus row by row before training on it.

The audit checks that identity is kept, the style is reached and the quality is like that of real spoofs. It looks for
memorised rows, near-duplicates and leaks between splits. Shards of the corpus stay untouched: `OUT/audit.parquet`
holds measures and verdicts by key, and other stations take it as `audit=OUT`. docs/auditing.md is the manual.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from difffas.errors import UserError
from factory.audit.corpora import AuditedCorpora, measured_identity, open_corpora
from factory.audit.measures import to_parquet
from factory.audit.settings import AuditConfig
from factory.audit.summary import summarise
from factory.audit.tables import make_tables, real_hashes, spoof_measures, unseen_spoofs
from factory.audit.verdict import AUDIT_SCHEMA, LEAKS, judge, leaks, near_duplicates, quality_z
from factory.cluster.capacity import Need
from factory.corpus.kept import AUDIT, STATION
from factory.run import Run, read_claim, read_summary
from factory.storage import Storage

__all__ = ["AuditConfig", "run"]


def run(config: AuditConfig) -> dict[str, Any]:
    """Write `OUT/audit.parquet` and return the summary. A second run measures only the missing shards.

    Raises:
        UserError: before anything is written, if the inputs do not belong together, the embedder is not installed,
            or `measures` were made from other inputs.
        Quarantined: if shards could not be measured.
    """
    corpora = open_corpora(config)
    measured = measured_identity(config, corpora)
    others = Storage(config.measures) if config.measures is not None else None
    if others is not None:
        _check_measures(others, measured)
    thresholds = config.thresholds.model_dump(mode="json")
    claim = Run(config.out, STATION, {"measured": measured, "thresholds": thresholds}, config, needs=_needs(config))
    if (finished := claim.summary()) is not None:
        return finished
    if others is None:
        make_tables(config, corpora, claim.storage)
    tables = others or claim.storage
    columns, references = _columns(config, corpora, tables)
    columns["accepted"], columns["reason"] = judge(columns, config.thresholds)
    claim.storage.create(AUDIT, to_parquet(_table(columns)))
    unseen = unseen_spoofs(tables, corpora)
    return claim.finish(summarise(corpora.spoofs, columns, config.thresholds, references, corpora.real, unseen))


def _columns(config: AuditConfig, corpora: AuditedCorpora, tables: Storage) -> tuple[dict[str, Any], dict[str, Any]]:
    """Every column except the verdict, and the references of the z-scores."""
    spoofs, limits = corpora.spoofs, config.thresholds
    measures = spoof_measures(tables, spoofs)
    columns: dict[str, Any] = {
        name: measures[name].to_numpy()
        for name in ("key", "dhash", "identity_distance", "style_probability", "nearest_spoof")
        + ("nearest_spoof_bits", "nearest_spoof_distance")
    }
    radius = limits.near_duplicate_bits
    nothing = np.full(len(spoofs), -1)
    found = near_duplicates(spoofs, columns["dhash"], radius) if radius is not None else (nothing, nothing)
    columns["near_duplicate_place"], columns["near_duplicate_bits"] = found
    columns["brisque"] = spoofs["brisque"].to_numpy().astype(np.float64)
    columns["brisque_z"], references = quality_z(spoofs, corpora.guides)
    real = [(corpus, real_hashes(tables, corpus)) for corpus in corpora.real]
    columns["leak"] = leaks(spoofs, measures["live_dhash"].to_numpy(), real, limits.live_bits)
    return columns, references


def _table(columns: dict[str, Any]) -> pa.Table:
    """The columns as stored: names instead of numbers, and null for missing values."""
    place = columns["near_duplicate_place"]
    stored = {name: columns[name] for name in AUDIT_SCHEMA.names if name in columns}
    stored["near_duplicate_of"] = pa.array(columns["key"]).take(pa.array(place, mask=place < 0))
    stored["near_duplicate_bits"] = pa.array(columns["near_duplicate_bits"], mask=place < 0)
    stored["leak"] = pa.array(LEAKS).take(pa.array(columns["leak"], mask=columns["leak"] < 0))
    for name in ("identity_distance", "style_probability", "brisque", "brisque_z"):
        stored[name] = pa.array(columns[name], from_pandas=True)  # NaN is null
    return pa.table({name: stored[name] for name in AUDIT_SCHEMA.names}, AUDIT_SCHEMA)


def _needs(config: AuditConfig) -> list[Need]:
    """The resources that an audit needs at least: one worker; with fewer than configured it takes longer.

    Empty if the measures already exist.
    """
    gpus = config.resources.gpus_per_worker
    need = Need(f"a worker (resources.gpus_per_worker={gpus:g})", cpus=1.0, gpus=gpus)
    return [need] if config.measures is None else []


def _check_measures(storage: Storage, measured: dict[str, Any]) -> None:
    """Refuse measures of another audit unless it is finished and used the same inputs and methods."""
    found = read_claim(storage)["identity"].get("measured")
    theirs = found if isinstance(found, dict) else {}
    differ = sorted(name for name in measured if theirs.get(name) != measured[name])
    if differ:
        raise UserError(f"measures {storage.url} are of another {', '.join(differ)}: leave them out")
    if read_summary(storage) is None:
        raise UserError(f"measures {storage.url} are not finished: run that audit to its end first")
