"""The report station: one self-contained HTML page about the other stations' results, and the explorer next to it.

Reads only finished folders (index columns, some sampled rows, summaries) and omits sections without input. The pages
follow from the identity in `run.json` alone: they contain neither dates nor paths.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import NotRequired, TypedDict, cast

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import Field, model_validator

from difffas.errors import UserError
from factory import charts
from factory.charts.detection import chart_style
from factory.core.config import Config, PathOrUrl
from factory.core.documents import JsonObject
from factory.corpus import Corpus
from factory.corpus.row import SPOOF
from factory.evaluate.scores import SCORES
from factory.report import sections
from factory.report.ablation_section import Ablations, ablations, open_table
from factory.report.audit_section import AuditLimits, audit
from factory.report.comparison import compare
from factory.report.detection_section import Detection, detection
from factory.report.explorer import Explored, ExplorerConfig, theme_script, themed, write_explorer
from factory.report.explorer.verdicts import AUDIT, Verdicts
from factory.report.figures import PAPER, FiguresConfig, asked, files, prepare_all
from factory.report.figures.figure import Figure, Prepared
from factory.report.finding import Finding, finding
from factory.report.patch_section import Patches, PatchSides, open_patches, patches
from factory.report.search_section import Tuning, tuning
from factory.report.sections import Folder, corpus_folder, open_folder
from factory.report.strength_section import GRID, Strength, strength
from factory.report.training_section import ShownSummary as ShownTraining
from factory.report.training_section import TrainedModel, samples_file, training
from factory.run import Claim, Run
from factory.storage import Storage

PAGE = "index.html"
TEMPLATES = Path(__file__).with_name("page")  # of the page and of each section
SHOWN_AT_ONCE = 3  # triplets of a style, a line of a wide window; the others are behind a click
FIGURE = "figure"  # kind of a folder that a figure of the paper reads
HEADINGS = {
    "faces": "Live, guide, spoof",
    "counts": "Counts",
    "quality": "Quality",
    "audit": "Audit",
    "training": "Training",
    "strength": "Strength",
    "patches": "Patch sides",
    "detection": "Detection",
    "tuning": "Tuning",
    "ablations": "Ablations",
    "paper": "The paper's figures",
}


class ReportInputs(Config):
    """Finished folders, local or `s3://`, all optional; the page shows the names given here."""

    real: PathOrUrl | None = Field(None, description="corpus of real faces and attacks")
    live: PathOrUrl | None = Field(None, description="corpus of the live faces, where it is another one")
    generated: PathOrUrl | None = Field(None, description="corpus of spoofs")
    audit: PathOrUrl | None = Field(None, description="folder of audit")
    models: dict[str, PathOrUrl] = Field({}, description="folders of trainings, by the name to show")
    strength: PathOrUrl | None = Field(None, description="folder of strength")
    patches: dict[str, PathOrUrl] = Field(
        {}, description="generated corpora by their generators' patch sides: p_m,p_v"
    )
    evaluations: dict[str, PathOrUrl] = Field({}, description="folders of evaluate, by the name to show")
    tune: PathOrUrl | None = Field(None, description="folder of tune")
    ablations: dict[str, PathOrUrl] = Field({}, description="folders of ablate, by the name to show")

    @model_validator(mode="after")
    def _check(self) -> ReportInputs:
        if self.audit is not None and self.generated is None:
            raise UserError("an audit is shown beside the rows that it judges: give generated, too")
        return self


class ReportConfig(Config):
    """One report."""

    inputs: ReportInputs = ReportInputs()
    figures: FiguresConfig = Field(FiguresConfig(), description="figures of the paper, each of folders of its own")
    out: PathOrUrl = Field(description="folder of the page, local or s3://")
    title: str = Field("Spoof factory report", description="title of the page")
    triplets_per_style: int = Field(6, ge=1, description="examples of live face, guide and spoof for each style")
    explorer: ExplorerConfig = ExplorerConfig()

    @model_validator(mode="after")
    def _check(self) -> ReportConfig:
        if not any(self.inputs.model_dump().values()) and not asked(self.figures):
            names = (
                f"{part}.{name}" for part in ("inputs", "figures") for name in type(getattr(self, part)).model_fields
            )
            raise UserError(f"nothing to report on: give at least one of {', '.join(names)}")
        return self


@dataclasses.dataclass(frozen=True)
class OpenedInputs:
    """The opened inputs. `folders` holds those of the sections and figures by (kind, name), in the page's order."""

    corpora: dict[str, Corpus]
    verdicts: Verdicts | None
    patches: Patches | None
    figures: dict[str, Prepared]
    folders: dict[tuple[str, str], Folder]

    def of(self, kind: str) -> dict[str, Folder]:
        """The folders of one kind, by name."""
        return {name: folder for (its_kind, name), folder in self.folders.items() if its_kind == kind}


class Sections(TypedDict, total=False):
    """The content of the page's sections; one without input is absent."""

    faces: sections.Faces | None
    counts: list[sections.CorpusCounts]
    quality: sections.Quality | None
    audit: AuditLimits | None
    training: list[TrainedModel]
    strength: Strength | None
    patches: PatchSides | None
    detection: Detection | None
    tuning: Tuning | None
    ablations: Ablations | None
    paper: list[Figure]


@dataclasses.dataclass(frozen=True)
class Content:
    """What the page shows.

    The finding if there are generated spoofs, else the figures of the main subjects; the runs by kind and name,
    software versions, sections.
    """

    title: str
    finding: Finding | None
    figures: list[tuple[str, str, str]]
    runs: list[tuple[str, str, Claim]]
    software: list[dict[str, str]]
    sections: Sections
    explored: Explored | None


class ReportSummary(TypedDict):
    """The summary of a report: path and bytes of the page, its sections, and the number of triplets shown."""

    report: str
    bytes: int
    sections: list[str]
    triplets: int
    explorer: Explored | None
    figures: NotRequired[list[str]]  # files of figures of the paper


def run(config: ReportConfig) -> ReportSummary:
    """Write `OUT/index.html` and the explorer; return the summary.

    The summary has the page's path, bytes and sections, the number of triplets shown, and the counts of the explorer's
    rows, pictures and files.

    Raises:
        UserError: if an input is unfinished or of another kind, or OUT belongs to another report.
    """
    opened = open_inputs(config.inputs, config.figures)
    identity: JsonObject = {
        "title": config.title,
        "triplets_per_style": config.triplets_per_style,
        "explorer": config.explorer.model_dump(),
        "audit": opened.verdicts.digest if opened.verdicts else None,
        "inputs": [
            [kind, name, folder.claim["fingerprint"], folder.claim.get("software", {}), folder.digest]
            for (kind, name), folder in opened.folders.items()
            if kind != FIGURE
        ],
        **({"figures": {name: one.identity for name, one in opened.figures.items()}} if opened.figures else {}),
    }
    claim = Run(config.out, "report", identity, config)
    if (finished := claim.summary(ReportSummary)) is not None:
        return finished
    explored = write_explorer(claim.storage, config.title, opened.corpora, opened.verdicts, config.explorer)
    content = gather(config, opened, explored)
    faces = content.sections.get("faces")
    page = render(content).encode()
    drawn = dict(files(content.sections.get("paper", [])))
    for name, picture in drawn.items():
        claim.storage.create(name, picture)
    claim.storage.create(PAGE, page)
    summary: ReportSummary = {
        "report": claim.storage.path(PAGE),
        "bytes": len(page),
        "sections": list(content.sections),
        "triplets": sum(len(style.triplets) for style in faces.styles) if faces else 0,
        "explorer": explored,
    }
    if drawn:
        summary["figures"] = [claim.storage.path(name) for name in drawn]
    return claim.finish(summary)


def open_inputs(inputs: ReportInputs, figures: FiguresConfig) -> OpenedInputs:
    """Open every input of the sections and figures, before anything is written.

    Raises:
        UserError: if a folder is unfinished, of another kind, or was not written by this software.
    """
    corpora: dict[str, Corpus] = {}
    folders: dict[tuple[str, str], Folder] = {}
    for name, url in (("real", inputs.real), ("live", inputs.live), ("generated", inputs.generated)):
        if url is not None:
            corpora[name] = Corpus(url)
            folders["corpus", name] = corpus_folder(corpora[name])
    if inputs.audit is not None:
        folders["audit", "audit"] = open_folder(inputs.audit, "refused_by_reason", AUDIT)
    for name, url in inputs.models.items():
        model = open_folder(url, "curve")
        samples = samples_file(model.figures(ShownTraining))
        folders["model", name] = model if samples is None else open_folder(url, "curve", samples)
    if inputs.strength is not None:
        folders["strength", "strength"] = open_folder(inputs.strength, "spearman", GRID)
    compared = open_patches(inputs.patches)
    for name, corpus in zip(inputs.patches, compared.corpora.values() if compared else (), strict=True):
        folders["patches", name] = corpus_folder(corpus)
    for name, url in inputs.evaluations.items():
        folders["evaluation", name] = open_folder(url, "auc", SCORES)
    if inputs.tune is not None:
        folders["tune", "tune"] = open_folder(inputs.tune, "regenerated")
    for name, url in inputs.ablations.items():
        folders["ablation", name] = open_table(url)
    prepared = prepare_all(figures)
    for name, one in prepared.items():
        folders |= {(FIGURE, f"{PAPER[name]}, {role}"): folder for role, folder in one.folders.items()}
    return OpenedInputs(corpora, _verdicts(inputs, corpora.get("generated")), compared, prepared, folders)


def gather(config: ReportConfig, opened: OpenedInputs, explored: Explored | None) -> Content:
    """The content of the page; sections without input are absent."""
    lives, guides = (
        [opened.corpora[name] for name in names if name in opened.corpora]
        for names in (("live", "real"), ("real", "live"))
    )
    found: Sections = {
        "faces": sections.faces(opened.corpora, config.triplets_per_style),
        "counts": sections.counts(opened.of("corpus"), opened.corpora),
        "quality": sections.quality(opened.corpora),
        "audit": audit(opened.of("audit")),
        "training": training(opened.of("model")),
        "strength": strength(opened.of("strength")),
        "patches": patches(opened.patches, lives, guides),
        "detection": detection(opened.of("evaluation")),
        "tuning": tuning(opened.of("tune")),
        "ablations": ablations(opened.of("ablation")),
        "paper": [one.draw() for one in opened.figures.values()],
    }
    return Content(
        title=config.title,
        finding=_finding(opened),
        figures=sections.figures(opened.of("corpus"), opened.corpora),
        runs=[(kind, name, folder.claim) for (kind, name), folder in opened.folders.items()],
        software=sections.software(folder.claim for folder in opened.folders.values()),
        sections=cast(Sections, {name: content for name, content in found.items() if content}),
        explored=explored,
    )


def _finding(opened: OpenedInputs) -> Finding | None:
    """The page's opening; None without generated spoofs."""
    generated = opened.corpora.get("generated")
    if generated is None or not len(generated.where(label=SPOOF)):
        return None
    compared = compare(opened.of("evaluation"), opened.of("model"), generated.digest)
    return finding(generated, opened.of("audit"), opened.verdicts, compared)


def render(content: Content) -> str:
    """The page from the content of `gather`; everything except our own SVG is escaped."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": charts.number, "fixed": charts.fixed}
    return environment.get_template("page.html").render(
        vars(content),
        headings=HEADINGS,
        paper=PAPER,
        shown_at_once=SHOWN_AT_ONCE,
        style=page_style(),
        theme=theme_script(),
        enlarge=(TEMPLATES / "enlarge.js").read_text(encoding="utf-8"),
    )


def page_style() -> str:
    """The CSS of a page, with that of its charts, light and dark."""
    return themed(chart_style()) + Path(__file__).with_name("report.css").read_text(encoding="utf-8")


def _verdicts(inputs: ReportInputs, generated: Corpus | None) -> Verdicts | None:
    """The configured audit, or else the audit in the generated corpus's folder."""
    if generated is None:
        return None
    storage = Storage(inputs.audit) if inputs.audit is not None else generated.storage
    if inputs.audit is None and not storage.exists(AUDIT):
        return None
    verdicts = Verdicts(storage)
    if not verdicts.know(generated.index["key"]):
        raise UserError(f"{storage.url} is an audit of another corpus: none of its keys is in {generated.storage.url}")
    return verdicts
