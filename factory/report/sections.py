"""The content of each section of the report, for the template; None if its input is absent."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from difffas.errors import UserError
from factory import charts
from factory.core.config import fingerprint
from factory.core.documents import JsonObject
from factory.core.progress import progress_line
from factory.corpus import Corpus, Totals
from factory.corpus.row import LIVE, SPOOF
from factory.report.triplets import Triplet, sample_triplets
from factory.run import SUMMARY, Claim, SummaryT, checked_figures, read_claim, read_summary
from factory.storage import Storage

GROUPS = ("live", "spoof", "generated")


@dataclasses.dataclass(frozen=True)
class Folder:
    """A finished run: its `run.json`, its `summary.json` and the digest of its content."""

    storage: Storage
    claim: Claim
    summary: JsonObject
    digest: str
    file: str = SUMMARY  # the file that holds the summary

    def figures(self, kind: type[SummaryT]) -> SummaryT:
        """The summary as the TypedDict `kind`; a UserError if it has another form."""
        return checked_figures(self.storage, self.summary, kind, self.file)


def open_folder(url: str, needs: str, *others: str) -> Folder:
    """A finished folder whose summary has the key `needs`; its digest covers the summary and existing `others`.

    Raises:
        UserError: if the folder is unfinished, or its run is of another kind.
    """
    storage = Storage(url)
    claim, summary = read_claim(storage), read_summary(storage)
    if summary is None:
        raise UserError(f"{storage.url} is not finished: run the command that writes it again")
    if needs not in summary:
        raise UserError(
            f"{storage.url} holds a run of {claim['job']}, whose summary has no {needs!r}: give another folder"
        )
    present = [SUMMARY, *filter(storage.exists, others)]
    return Folder(
        storage, claim, summary, fingerprint([hashlib.sha256(storage.read(name)).hexdigest() for name in present])
    )


def corpus_folder(corpus: Corpus) -> Folder:
    """The folder of an opened corpus; its digest is that of the images."""
    return dataclasses.replace(open_folder(corpus.storage.url, "planned"), digest=corpus.digest)


def software(claims: Iterable[Claim]) -> list[dict[str, str]]:
    """The distinct software versions of the runs, in order of appearance."""
    distinct: list[dict[str, str]] = []
    for claim in claims:
        if (versions := claim.get("software", {})) not in distinct:
            distinct.append(versions)
    return distinct


def figures(folders: Mapping[str, Folder], corpora: Mapping[str, Corpus]) -> list[tuple[str, str, str]]:
    """(name, figure, detail) of the page's main subjects, for its header."""
    found = []
    for name, corpus in corpora.items():
        styles = len(_spoof_styles([corpus]))
        detail = f"{styles} spoof {'style' if styles == 1 else 'styles'}" if styles else "no spoofs"
        rejected = folders[name].figures(Totals)["rejected"]
        if rejected:
            detail += f", {rejected:,} rejected"
        found.append((f"{name} images", f"{len(corpus):,}", detail))
    return found


@dataclasses.dataclass(frozen=True)
class StyleFaces:
    """A generated style: its number of spoofs, and some of them as triplets."""

    style: str
    count: int
    triplets: list[Triplet]


@dataclasses.dataclass(frozen=True)
class Faces:
    """Triplets of every generated style, and how the spoofs were sampled: names with texts."""

    styles: list[StyleFaces]
    recipe: list[tuple[str, str]]


def faces(corpora: Mapping[str, Corpus], per_style: int) -> Faces | None:
    """Triplets of every generated style, and how the spoofs were sampled."""
    if "generated" not in corpora:
        return None
    generated = corpora["generated"]
    lives = [corpora[name] for name in ("live", "real") if name in corpora]
    guides = [corpora[name] for name in ("real", "live") if name in corpora]
    sampled = sample_triplets(generated, lives, guides, per_style)
    if not sampled:
        return None
    styles = [
        StyleFaces(style, len(generated.where(style=style, label=SPOOF)), triplets)
        for style, triplets in sampled.items()
    ]
    return Faces(styles, _recipe(generated))


@dataclasses.dataclass(frozen=True)
class StyleCounts:
    """Images by style and split; `rows` has a style's counts in the order of the splits, `totals` those of all."""

    splits: list[str]
    rows: list[tuple[str, list[int]]]
    totals: list[int]


@dataclasses.dataclass(frozen=True)
class CorpusCounts(StyleCounts):
    """The counts of a corpus, and the line of its progress."""

    corpus: str
    lives: int
    spoofs: int
    progress: str
    planned: int
    written: int
    rejected: int
    rejects_by_reason: dict[str, int]


def counts(folders: Mapping[str, Folder], corpora: Mapping[str, Corpus]) -> list[CorpusCounts]:
    """Per corpus: planned, written, rejected, rejects by reason, and images by style and split."""
    found = []
    for name, corpus in corpora.items():
        summary, rate = folders[name].figures(Totals), folders[name].summary.get("images_per_second")
        shards, speed = summary["shards"], rate if isinstance(rate, int | float) else None
        by_style = _by_style(corpus)
        found.append(
            CorpusCounts(
                splits=by_style.splits,
                rows=by_style.rows,
                totals=by_style.totals,
                corpus=name,
                lives=len(corpus.where(label=LIVE)),
                spoofs=len(corpus.where(label=SPOOF)),
                progress=progress_line(shards, shards, summary["planned"], speed, None),
                planned=summary["planned"],
                written=summary["written"],
                rejected=summary["rejected"],
                rejects_by_reason=summary["rejects_by_reason"],
            )
        )
    return found


@dataclasses.dataclass(frozen=True)
class Statistics:
    """The scores of one group: their count, how many could not be computed, mean and population deviation."""

    group: str
    count: int
    failed: int
    mean: float | None
    std: float | None


@dataclasses.dataclass(frozen=True)
class QualityPanel:
    """The scores of a style as a chart and in figures."""

    style: str
    chart: str
    statistics: list[Statistics]
    failed: int


@dataclasses.dataclass(frozen=True)
class Quality:
    """Panels on one axis, the number of scores beyond it, and the groups that any panel shows.

    `gaps` says in words in which styles the means of generated and real spoofs differ least and most.
    """

    gaps: str
    panels: list[QualityPanel]
    beyond: int
    implementations: list[str]
    groups: list[str]


def quality(corpora: Mapping[str, Corpus]) -> Quality | None:
    """Per style, BRISQUE of its domain's real live faces, its real spoofs and its generated spoofs, on one axis."""
    real = _distinct(corpora[name] for name in ("real", "live") if name in corpora)
    generated = [corpora["generated"]] if "generated" in corpora else []
    panels = {
        style: {
            "live": _scores(real, domain=domain, label=LIVE),
            "spoof": _scores(real, style=style, label=SPOOF),
            "generated": _scores(generated, style=style, label=SPOOF),
        }
        for style, domain in _spoof_styles([*real, *generated])
    }
    known = [scores[~np.isnan(scores)] for groups in panels.values() for scores in groups.values()]
    if not sum(map(len, known)):
        return None
    low, high = charts.span_of(known)
    drawn = [_panel(style, groups, (low, high)) for style, groups in panels.items()]
    return Quality(
        gaps=_gaps(drawn),
        panels=drawn,
        beyond=sum(int(((scores < low) | (scores > high)).sum()) for scores in known),
        implementations=sorted({name for corpus in [*real, *generated] for name in _unique(corpus, "brisque_impl")}),
        groups=[name for name in GROUPS if any(len(groups[name]) for groups in panels.values())],
    )


def _gaps(panels: Sequence[QualityPanel]) -> str:
    """In which styles the means of generated and real spoofs differ least and most; empty without such a style."""
    means = {panel.style: {line.group: line.mean for line in panel.statistics} for panel in panels}
    pairs = [
        (abs(made - real), f"{style} ({charts.fixed(made, 1)} and {charts.fixed(real, 1)})")
        for style, of in means.items()
        if (made := of.get("generated")) is not None and (real := of.get("spoof")) is not None
    ]
    if not pairs:
        return ""
    least, most = min(pairs), max(pairs)
    also = "" if least == most else f", and most in {most[1]}"
    return f"The means of generated and real spoofs differ {'least ' if also else ''}in {least[1]}{also}."


def _recipe(generated: Corpus) -> list[tuple[str, str]]:
    """Samplers, steps and the ranges of T₀ and w, as recorded in the rows."""
    facts = [(name, ", ".join(map(str, _unique(generated, name)))) for name in ("sampler", "steps", "preset", "match")]
    for title, name in (("T₀", "t0"), ("w", "cfg_scale")):
        least, most = pc.min_max(generated.index[name]).as_py().values()
        if least is not None:
            low, high = charts.number(least), charts.number(most)
            facts.append((title, low if low == high else f"{low} to {high}"))
    facts.append(("generator", ", ".join(name[:12] for name in _unique(generated, "generator"))))
    return [(title, text) for title, text in facts if text]


def _by_style(corpus: Corpus) -> StyleCounts:
    grouped = corpus.index.group_by(["style", "split"]).aggregate([([], "count_all")]).to_pylist()
    splits = sorted({line["split"] for line in grouped}, key=_split_order)
    count = {(line["style"], line["split"]): line["count_all"] for line in grouped}
    styles = sorted({style for style, _ in count})
    return StyleCounts(
        splits=splits,
        rows=[(style, [count.get((style, split), 0) for split in splits]) for style in styles],
        totals=[sum(count.get((style, split), 0) for style in styles) for split in splits],
    )


def _split_order(split: str) -> tuple[int, str]:
    usual = ("train", "dev", "validation", "test")
    return (usual.index(split) if split in usual else len(usual), split)


def _distinct(corpora: Iterable[Corpus]) -> list[Corpus]:
    """The corpora without repeats: one folder may serve as real and as live."""
    return list({corpus.digest: corpus for corpus in corpora}.values())


def _spoof_styles(corpora: Sequence[Corpus]) -> list[tuple[str, str]]:
    """(style, domain) of all spoofs, in order of style."""
    found: set[tuple[str, str]] = set()
    for corpus in corpora:
        spoofs = corpus.index.select(["style", "domain"]).filter(pc.equal(corpus.index["label"], SPOOF))
        found |= {
            (line["style"], line["domain"]) for line in spoofs.group_by(["style", "domain"]).aggregate([]).to_pylist()
        }
    return sorted(found)


def _scores(corpora: Sequence[Corpus], **equal: str | int) -> np.ndarray:
    """BRISQUE of the matching rows, float64; NaN if it could not be computed."""
    columns = [corpus.index["brisque"].take(pa.array(corpus.where(**equal))) for corpus in corpora]
    return np.concatenate([np.empty(0), *(column.to_numpy(zero_copy_only=False).astype(float) for column in columns)])


def _panel(style: str, groups: Mapping[str, np.ndarray], span: tuple[float, float]) -> QualityPanel:
    known = {name: scores[~np.isnan(scores)] for name, scores in groups.items()}
    failed = {name: len(groups[name]) - len(scores) for name, scores in known.items()}
    statistics = [
        Statistics(
            group=name,
            count=len(scores),
            failed=failed[name],
            mean=float(scores.mean()) if len(scores) else None,
            std=float(scores.std()) if len(scores) else None,
        )
        for name, scores in known.items()
        if len(groups[name])
    ]
    return QualityPanel(style, charts.histogram(known, span, f"BRISQUE of {style}"), statistics, sum(failed.values()))


def _unique(corpus: Corpus, column: str) -> list[Any]:
    return sorted(value for value in pc.unique(corpus.index[column]).to_pylist() if value is not None)
