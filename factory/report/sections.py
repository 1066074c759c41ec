"""The content of each section of the report, as plain values for the template; None if its input is absent."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from factory import charts
from factory.core.progress import progress_line
from factory.corpus import Corpus
from factory.corpus.row import LIVE, SPOOF
from factory.report.triplets import sample_triplets
from factory.run import Claim
from factory.storage import Storage

GROUPS = ("live", "spoof", "generated")


@dataclasses.dataclass(frozen=True)
class Folder:
    """A finished run: its `run.json`, its `summary.json` and the digest of its content."""

    storage: Storage
    claim: Claim
    summary: dict[str, Any]
    digest: str


def software(claims: Iterable[Claim]) -> list[dict[str, str]]:
    """The distinct software versions of the runs, in order of appearance."""
    distinct: list[dict[str, str]] = []
    for claim in claims:
        if claim["software"] not in distinct:
            distinct.append(claim["software"])
    return distinct


def figures(folders: Mapping[str, Folder], corpora: Mapping[str, Corpus]) -> list[tuple[str, str, str]]:
    """(name, figure, detail) of the page's main subjects, for its header."""
    found = []
    for name, corpus in corpora.items():
        styles = len(_spoof_styles([corpus]))
        detail = f"{styles} spoof {'style' if styles == 1 else 'styles'}" if styles else "no spoofs"
        rejected = folders[name].summary["rejected"]
        if rejected:
            detail += f", {rejected:,} rejected"
        found.append((f"{name} images", f"{len(corpus):,}", detail))
    return found


def faces(corpora: Mapping[str, Corpus], per_style: int) -> dict[str, Any] | None:
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
        {"style": style, "count": len(generated.where(style=style, label=SPOOF)), "triplets": triplets}
        for style, triplets in sampled.items()
    ]
    return {"styles": styles, "recipe": _recipe(generated)}


def counts(folders: Mapping[str, Folder], corpora: Mapping[str, Corpus]) -> list[dict[str, Any]]:
    """Per corpus: planned, written, rejected, rejects by reason, and images by style and split."""
    found = []
    for name, corpus in corpora.items():
        summary = folders[name].summary
        shards, planned = summary["shards"], summary["planned"]
        line = progress_line(shards, shards, planned, summary.get("images_per_second"), None)
        found.append({"corpus": name, "progress": line, **summary, **_by_style(corpus)})
    return found


def quality(corpora: Mapping[str, Corpus]) -> dict[str, Any] | None:
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
    return {
        "panels": [_panel(style, groups, (low, high)) for style, groups in panels.items()],
        "beyond": sum(int(((scores < low) | (scores > high)).sum()) for scores in known),
        "implementations": sorted(
            {name for corpus in [*real, *generated] for name in _unique(corpus, "brisque_impl")}
        ),
        "groups": [name for name in GROUPS if any(len(groups[name]) for groups in panels.values())],
    }


def _recipe(generated: Corpus) -> list[tuple[str, str]]:
    """Samplers, steps and the ranges of T₀ and w, as recorded in the rows."""
    facts = [(name, ", ".join(map(str, _unique(generated, name)))) for name in ("sampler", "steps", "preset")]
    for title, name in (("T₀", "t0"), ("w", "cfg_scale")):
        least, most = pc.min_max(generated.index[name]).as_py().values()
        if least is not None:
            low, high = charts.number(least), charts.number(most)
            facts.append((title, low if low == high else f"{low} to {high}"))
    facts.append(("generator", ", ".join(name[:12] for name in _unique(generated, "generator"))))
    return [(title, text) for title, text in facts if text]


def _by_style(corpus: Corpus) -> dict[str, Any]:
    grouped = corpus.index.group_by(["style", "split"]).aggregate([([], "count_all")]).to_pylist()
    splits = sorted({line["split"] for line in grouped}, key=_split_order)
    count = {(line["style"], line["split"]): line["count_all"] for line in grouped}
    styles = sorted({style for style, _ in count})
    return {
        "splits": splits,
        "rows": [(style, [count.get((style, split), 0) for split in splits]) for style in styles],
        "totals": [sum(count.get((style, split), 0) for style in styles) for split in splits],
    }


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


def _panel(style: str, groups: Mapping[str, np.ndarray], span: tuple[float, float]) -> dict[str, Any]:
    known = {name: scores[~np.isnan(scores)] for name, scores in groups.items()}
    failed = {name: len(groups[name]) - len(scores) for name, scores in known.items()}
    return {
        "style": style,
        "chart": charts.histogram(known, span, f"BRISQUE of {style}"),
        "statistics": [
            {
                "group": name,
                "count": len(scores),
                "failed": failed[name],
                "mean": float(scores.mean()) if len(scores) else None,
                "std": float(scores.std()) if len(scores) else None,
            }
            for name, scores in known.items()
            if len(groups[name])
        ],
        "failed": sum(failed.values()),
    }


def _unique(corpus: Corpus, column: str) -> list[Any]:
    return sorted(value for value in pc.unique(corpus.index[column]).to_pylist() if value is not None)
