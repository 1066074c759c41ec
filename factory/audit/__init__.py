"""The audit station: judge a generated corpus row by row before training on it.

The audit checks that identity is kept, the style is reached, the face is whole and the quality is like that of real
spoofs. It looks for memorised rows, near-duplicates and leaks between splits. The limits of identity, style and face
come from real held-out spoofs. Shards of the corpus stay untouched: `OUT/audit.parquet`
holds measures and verdicts by key, and other stations take it as `audit=OUT`. docs/auditing.md is the manual.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from difffas.errors import UserError
from factory.audit.calibration import RealSpoofs, calibrate, limits_of_rows, remarks
from factory.audit.corpora import AuditedCorpora, Measured, measured_identity, open_corpora
from factory.audit.detector_scores import DetectorFigures, detector_remarks, score_faces
from factory.audit.detectors import detectors_identity
from factory.audit.measures import to_parquet
from factory.audit.semantic.check import find, semantic_identity
from factory.audit.semantic.findings import SEMANTIC_FIELDS, Semantic, semantic_remarks
from factory.audit.semantic.stages import Pool
from factory.audit.settings import AuditConfig
from factory.audit.summary import AuditSummary, summarise
from factory.audit.tables import (
    check_mirror_distances,
    has_pairs,
    make_tables,
    pair_measures,
    real_hashes,
    spoof_measures,
    unseen_spoofs,
)
from factory.audit.tones import RealTones, ToneDrift, drifts, tone_drifts
from factory.audit.verdict import (
    AUDIT_SCHEMA,
    LEAKS,
    Measures,
    Reference,
    Verdict,
    judge,
    leaks,
    near_duplicates,
    quality_z,
)
from factory.cluster.capacity import Need
from factory.core.progress import say
from factory.corpus.identity import recognises_faces
from factory.corpus.kept import AUDIT, STATION
from factory.run import Run, read_claim, read_summary
from factory.storage import Storage

__all__ = ["AuditConfig", "run"]


def run(config: AuditConfig) -> AuditSummary:
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
        if not has_pairs(others, corpora):
            raise UserError(f"measures {others.url} are of an older version, without real pairs: leave them out")
    thresholds, recognises = config.thresholds, recognises_faces(config.identity)
    if others is not None and recognises and thresholds.mirror_distance is not None:
        check_mirror_distances(others, corpora)
    identity = {"measured": measured, "thresholds": thresholds.decisive(recognises)}
    if config.detectors:
        identity["detectors"] = detectors_identity(config.detectors)
    if config.semantic is not None:
        identity["semantic"] = semantic_identity(config.semantic, config.inputs.style_encoder)
    claim = Run(config.out, STATION, identity, config, needs=_needs(config))
    if (finished := claim.summary(AuditSummary)) is not None:
        return finished
    if others is None:
        make_tables(config, corpora, claim.storage)
    tables = others or claim.storage
    detected = _detected(config, corpora, claim.storage) if config.detectors else None
    semantic = _semantic(config, corpora, claim.storage)
    measures, references = _measures(config, corpora, tables, semantic)
    limits = calibrate(_real_spoofs(corpora, tables), thresholds, references)
    row_limits = limits_of_rows(limits, corpora.spoofs["style"].to_pylist())
    verdict = judge(measures, thresholds, row_limits)
    claim.storage.create(AUDIT, to_parquet(_table(measures, verdict)))
    unseen = unseen_spoofs(tables, corpora)
    spoofs, real = corpora.spoofs, corpora.real
    tone = _tone_drifts(corpora, tables)
    summary = summarise(spoofs, measures, verdict, thresholds, limits, row_limits, references, real, unseen, tone)
    lines = remarks(limits, thresholds)
    if detected is not None:
        summary["detectors"] = detected
        lines = [*detector_remarks(detected), *lines]
    if semantic is not None:
        summary["semantic"] = semantic.figures
        lines = [*semantic_remarks(semantic.figures), *lines]
    for line in lines:
        say(f"audit: {line}")
    return claim.finish(summary)


def _real_spoofs(corpora: AuditedCorpora, tables: Storage) -> RealSpoofs:
    """The measures of the real spoofs that calibrate the limits."""
    pairs, training = corpora.pairs, corpora.training
    measured = pair_measures(tables, corpora)
    return RealSpoofs(
        style=training.column("style")[pairs.spoofs],
        style_probability=measured["style_probability"].to_numpy(),
        style_right=measured["style_right"].to_numpy(zero_copy_only=False),
        genuine_distance=measured["genuine_distance"].to_numpy(),
        impostor_distance=measured["impostor_distance"].to_numpy(),
        brisque=training.column("brisque")[pairs.spoofs].astype(np.float64),
        mirror_distance=measured["mirror_distance"].to_numpy(),
        held_out=pairs.held_out,
    )


def _detected(config: AuditConfig, corpora: AuditedCorpora, out: Storage) -> dict[str, DetectorFigures]:
    """What the foreign detectors say; their scores are always in the audit's own folder."""
    resources = config.resources
    return score_faces(config.detectors, corpora, out, resources.workers, resources.threads)


def _semantic(config: AuditConfig, corpora: AuditedCorpora, out: Storage) -> Semantic | None:
    """What is near each spoof by embeddings, if that is asked for; its tables are always in the audit's own folder."""
    if config.semantic is None:
        return None
    resources, encoder = config.resources, Storage(config.inputs.style_encoder).url
    pool = Pool(out, resources.workers, resources.gpus_per_worker, resources.threads)
    return find(config.semantic, corpora, encoder, config.batch_size, pool)


def _tone_drifts(corpora: AuditedCorpora, tables: Storage) -> list[ToneDrift]:
    training, spoofs = corpora.training, corpora.pairs.spoofs
    real, measured = pair_measures(tables, corpora), spoof_measures(tables, corpora.spoofs)
    return tone_drifts(
        corpora.spoofs,
        measured["tone"].to_numpy(),
        measured["live_tone"].to_numpy(),
        RealTones(
            domain=training.column("domain")[spoofs],
            style=training.column("style")[spoofs],
            spoof=real["tone"].to_numpy(),
            live=real["live_tone"].to_numpy(),
        ),
    )


def _measures(
    config: AuditConfig, corpora: AuditedCorpora, tables: Storage, semantic: Semantic | None
) -> tuple[Measures, dict[str, Reference]]:
    """The measures of every spoof, and the references of the z-scores by style."""
    spoofs, limits = corpora.spoofs, config.thresholds
    measured = spoof_measures(tables, spoofs)
    dhash, live_dhash = measured["dhash"].to_numpy(), measured["live_dhash"].to_numpy()
    radius = limits.near_duplicate_bits
    nothing = np.full(len(spoofs), -1)
    near, near_bits = near_duplicates(spoofs, dhash, radius) if radius is not None else (nothing, nothing)
    brisque_z, references = quality_z(spoofs, corpora.guides)
    real = [(corpus, real_hashes(tables, corpus)) for corpus in corpora.real]
    measures = Measures(
        key=measured["key"].to_numpy(),
        dhash=dhash,
        identity_distance=measured["identity_distance"].to_numpy(),
        style_probability=measured["style_probability"].to_numpy(),
        nearest_spoof=measured["nearest_spoof"].to_numpy(),
        nearest_spoof_bits=measured["nearest_spoof_bits"].to_numpy(),
        nearest_spoof_distance=measured["nearest_spoof_distance"].to_numpy(),
        near_duplicate_place=near,
        near_duplicate_bits=near_bits,
        brisque=spoofs["brisque"].to_numpy().astype(np.float64),
        brisque_z=brisque_z,
        mirror_distance=measured["mirror_distance"].to_numpy(),
        tone_drift=drifts(measured["live_tone"].to_numpy(), measured["tone"].to_numpy()),
        leak=leaks(spoofs, live_dhash, real, limits.live_bits),
        semantic=semantic,
    )
    return measures, references


def _table(measures: Measures, verdict: Verdict) -> pa.Table:
    """The columns as stored: names instead of numbers, and null for missing values."""
    place = measures.near_duplicate_place
    stored = {**vars(measures), "accepted": verdict.accepted, "reason": verdict.reasons}
    stored["near_duplicate_of"] = pa.array(measures.key).take(pa.array(place, mask=place < 0))
    stored["near_duplicate_bits"] = pa.array(measures.near_duplicate_bits, mask=place < 0)
    stored["leak"] = pa.array(LEAKS).take(pa.array(measures.leak, mask=measures.leak < 0))
    for name in ("identity_distance", "style_probability", "brisque", "brisque_z", "mirror_distance", "tone_drift"):
        stored[name] = pa.array(stored[name], from_pandas=True)  # NaN is null
    schema = AUDIT_SCHEMA
    if measures.semantic is not None:
        stored |= measures.semantic.columns(measures.key)
        schema = pa.schema([*schema, *SEMANTIC_FIELDS])
    return pa.table({name: stored[name] for name in schema.names}, schema)


def _needs(config: AuditConfig) -> list[Need]:
    """The resources that an audit needs at least: one worker; with fewer than configured it takes longer.

    Empty if the measures already exist, and neither detectors nor embeddings are asked for.
    """
    works = config.measures is None or config.semantic is not None
    gpus = config.resources.gpus_per_worker if works else 0.0
    need = Need(f"a worker (resources.gpus_per_worker={gpus:g})", cpus=1.0, gpus=gpus)
    return [need] if works or config.detectors else []


def _check_measures(storage: Storage, measured: Measured) -> None:
    """Refuse measures of another audit unless it is finished and used the same inputs and methods."""
    found = read_claim(storage)["identity"].get("measured")
    theirs, ours = found if isinstance(found, dict) else {}, dict(measured)
    differ = sorted(name for name in {*ours, *theirs} if theirs.get(name) != ours.get(name))
    if differ:
        raise UserError(f"measures {storage.url} are of another {', '.join(differ)}: leave them out")
    if read_summary(storage) is None:
        raise UserError(f"measures {storage.url} are not finished: run that audit to its end first")
