"""Open the inputs of an audit and check that they belong together, before anything is written."""

from __future__ import annotations

import dataclasses
from typing import NotRequired, TypedDict

import numpy as np
import pyarrow as pa

from difffas.errors import UserError
from factory.audit.pairs import Pairs, choose_pairs
from factory.audit.settings import AuditConfig, AuditInputs
from factory.core.progress import say
from factory.corpus import Corpus
from factory.corpus.generated import are_generated, are_invented, live_halves
from factory.corpus.identity import EmbedderName, load_embedder
from factory.corpus.references import places_of
from factory.corpus.row import SPOOF
from factory.models.load import ENCODER, encoder_config, encoder_digest
from factory.models.style_judge import judge_digest, judge_styles
from factory.protocols import check_model, open_corpus, protocol_of, record
from factory.run import CLAIM, read_claim
from factory.storage import Storage


@dataclasses.dataclass(frozen=True)
class AuditedCorpora:
    """The corpora, and how the generated rows refer to them."""

    generated: Corpus
    live: Corpus
    guides: Corpus
    training: Corpus
    spoofs: pa.Table  # index rows of the audited spoofs
    live_of: np.ndarray  # int64, position of each spoof's live face
    training_rows: np.ndarray  # int64, positions of the training spoofs
    unseen_rows: np.ndarray  # int64, positions of real spoofs in the same corpus's other splits
    pairs: Pairs  # real spoofs of the training corpus that calibrate the limits
    invented: bool = False  # whether the spoofs are of new people, whose live faces are generated too

    @property
    def real(self) -> list[Corpus]:
        """The corpora of real faces, each once."""
        given = (*([] if self.invented else [self.live]), self.guides, self.training)
        return list({corpus.storage.url: corpus for corpus in given}.values())


class Measured(TypedDict):
    """What decides the measures, as the identity of an audit holds it: digests, and which rows are compared."""

    generated: str
    live: str
    guides: str
    training: str
    style_encoder: str
    judge: NotRequired[str]  # only if it is not the style encoder
    identity: EmbedderName
    embedder: str
    protocol: dict[str, str] | None
    training_split: str
    batch_size: int


def open_corpora(config: AuditConfig) -> AuditedCorpora:
    """Open the corpora.

    Raises:
        UserError: if nothing was generated, a live face or guide is not in its corpus, the judge does not know a
            style, or the training split has no spoof.
    """
    inputs = config.inputs
    urls = {"generated": inputs.generated, "live": inputs.live, "guides": inputs.guides}
    urls["training"] = inputs.training or inputs.guides
    opened = {url: open_corpus(url, config.protocol) for url in dict.fromkeys(urls.values())}
    corpora = {name: opened[url] for name, url in urls.items()}
    generated, training = corpora["generated"], corpora["training"]
    spoofs = generated.index.filter(pa.array(are_generated(generated.index) & (generated.column("label") == SPOOF)))
    if not len(spoofs):
        raise UserError(f"{generated.storage.url} has no generated row: give a corpus that `difffas generate` wrote")
    invented = bool(are_invented(spoofs).any())
    if invented:
        live_of = _live_halves(generated, spoofs, corpora["live"])
        place = spoofs.column_names.index("live_domain")  # a pair has one domain
        spoofs = spoofs.set_column(place, "live_domain", spoofs["domain"])
    else:
        live_of = places_of(spoofs, "live_key", corpora["live"])
        places_of(spoofs, "guide_key", corpora["guides"])
    known = _known_styles(inputs, spoofs)
    spoof = (training.column("label") == SPOOF) & ~are_generated(training.index)
    seen = training.column("split") == config.training_split
    if not (spoof & seen).any():
        raise UserError(
            f"{training.storage.url} has no real spoof in split {config.training_split!r}: set training_split"
        )
    training_rows, unseen_rows = np.flatnonzero(spoof & seen), np.flatnonzero(spoof & ~seen)
    pairs = choose_pairs(training, training_rows, unseen_rows, known)
    return AuditedCorpora(
        **corpora,
        spoofs=spoofs,
        live_of=live_of,
        training_rows=training_rows,
        unseen_rows=unseen_rows,
        pairs=pairs,
        invented=invented,
    )


def _live_halves(generated: Corpus, spoofs: pa.Table, live: Corpus) -> np.ndarray:
    """Positions of the live halves of spoofs of new people, int64.

    Raises:
        UserError: if the live faces are sought elsewhere, or some spoofs are not of new people.
    """
    if live is not generated:
        raise UserError(
            f"{generated.storage.url} holds new people, whose live faces are rows of its own: set inputs.live to it "
            "too, and inputs.guides to the corpus that their generator was fitted on"
        )
    if not are_invented(spoofs).all():
        raise UserError(
            f"{generated.storage.url} holds spoofs of new people and of live faces: audit the corpora that it joins"
        )
    return live_halves(generated, spoofs)


def measured_identity(config: AuditConfig, corpora: AuditedCorpora) -> Measured:
    """The facts that decide the measures.

    Raises:
        UserError: if the face embedder is not installed.
    """
    training = corpora.training
    encoder = Storage(config.inputs.style_encoder)
    fitted = read_claim(encoder)["identity"].get("corpus") if encoder.exists(CLAIM) else None
    if fitted not in (None, training.digest):
        say(f"audit: {encoder.url} was fitted on another corpus than {training.storage.url}")
    measured: Measured = {
        "generated": corpora.generated.digest,
        "live": corpora.live.digest,
        "guides": corpora.guides.digest,
        "training": training.digest,
        "style_encoder": encoder_digest(encoder),
        "identity": config.identity,
        "embedder": load_embedder(config.identity).digest,
        "protocol": record(protocol_of(corpora.generated)),
        "training_split": config.training_split,
        "batch_size": config.batch_size,
    }
    if config.inputs.judge is not None:
        judge = Storage(config.inputs.judge)
        check_model(judge, protocol_of(corpora.generated), "inputs.judge")
        measured["judge"] = judge_digest(judge)
    return measured


def _known_styles(inputs: AuditInputs, spoofs: pa.Table) -> list[str]:
    """The styles that the judge knows; raises UserError if it lacks one of the spoofs' styles."""
    encoder = Storage(inputs.style_encoder)
    if inputs.judge is not None:
        name, storage = "judge", Storage(inputs.judge)
        known = judge_styles(storage)
    else:
        name, storage = "style encoder", encoder
        known = list(encoder_config(encoder)["styles"]) if encoder.names(ENCODER) else []
    unknown = sorted(set(spoofs["style"].unique().to_pylist()) - set(known))
    if unknown and known:
        raise UserError(f"the {name} of {storage.url} does not know {unknown}, only {known}: give another")
    encoder_digest(encoder)  # one-line error if the encoder is missing or incomplete
    return known
