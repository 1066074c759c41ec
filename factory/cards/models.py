"""The card of a model folder: its training data, its training, and its results on people that it never saw."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping

from difffas.model_files import json_object
from factory.cards.facts import hub_license
from factory.corpus import read_index
from factory.corpus.license import strictest_of
from factory.run import read_claim
from factory.storage import Storage

# station: (content of the folder, the Hub's library and task, how to load it)
_KINDS = {
    "fit-style": (
        "Style encoder",
        "pytorch",
        "image-classification",
        "from difffas.style_encoder import StyleEncoder\n\n"
        "encoder = StyleEncoder.from_pretrained(folder, subfolder='style_encoder')",
    ),
    "fit-generator": (
        "Generator of spoof faces",
        "diffusers",
        "image-to-image",
        "from difffas import SpoofPipeline\n\npipeline = SpoofPipeline.from_pretrained(folder)\n"
        "# diffusers does the same: DiffusionPipeline.from_pretrained(folder, trust_remote_code=True)",
    ),
    "fit-student": (
        "Generator of spoof faces with a student",
        "diffusers",
        "image-to-image",
        "from difffas import SpoofPipeline\n\npipeline = SpoofPipeline.from_pretrained(folder)\n"
        "spoofs = pipeline(live, guide, start=start, t0=t0, cfg_scale=w, seed=seed, preset='student')",
    ),
    "fit-dsdg": (
        "Generator of new people, live and spoof",
        "diffusers",
        "unconditional-image-generation",
        "from difffas.dsdg import PairedVAE\n\nvae = PairedVAE.from_pretrained(folder, subfolder='vae').eval()\n"
        "live, spoof = vae.sample([vae.styles[0]], seeds=[1])",
    ),
    "fit-judge": (
        "Judge of style",
        "timm",
        "image-classification",
        "from difffas.classifier import SpoofClassifier\n\njudge = SpoofClassifier.load(f'{folder}/classifier')",
    ),
    "fit-classifier": (
        "Spoof classifier",
        "timm",
        "image-classification",
        "from difffas.classifier import SpoofClassifier\n\nclassifier = SpoofClassifier.load(f'{folder}/classifier')",
    ),
}
CLASSIFIER = "classifier/config.json"
LONGEST = 2000  # characters of one setting


@dataclasses.dataclass(frozen=True)
class Learned:
    """Rows of a corpus that a model was trained on: the corpus's role, and their split, style, licence and count."""

    role: str
    split: str
    style: str
    license: str
    rows: int


@dataclasses.dataclass(frozen=True)
class ModelFacts:
    """All that `model.md` states about a model folder; `settings` is JSON."""

    title: str
    job: str
    fingerprint: str
    library: str
    task: str
    loading: str
    started: str | None  # what a classifier's backbone started from
    sources: list[Learned]
    license: str
    hub_license: str | None
    figures: dict[str, float]
    settings: str
    taught: dict[str, str]  # what the folder's student knows, by name; empty without one
    software: dict[str, str]


def model_facts(storage: Storage, corpora: Mapping[str, str], figures: Mapping[str, object]) -> ModelFacts | None:
    """Return the facts that `model.md` states about a model folder; None if the folder's station has no card.

    Args:
        storage: the model folder.
        corpora: URLs of the training corpora by role; only the rows' own columns are shown.
        figures: figures of the run, as `summary.json` will have them.
    """
    claim = read_claim(storage)
    if claim["job"] not in _KINDS:
        return None
    title, library, task, loading = _KINDS[claim["job"]]
    tables = {role: read_index(Storage(url), ["split", "style", "domain", "license"]) for role, url in corpora.items()}
    sources = [
        Learned(role, line["split"], line["style"], line["license"], line["count_all"])
        for role, table in tables.items()
        for line in table.group_by(["split", "style", "license"]).aggregate([([], "count_all")]).to_pylist()
    ]
    terms = strictest_of({source.license for source in sources})
    numbers = {name: value for name, value in figures.items() if isinstance(value, int | float)}
    numbers |= _held_out(figures)
    settings = {name: value for name, value in claim["identity"].items() if len(json.dumps(value)) <= LONGEST}
    return ModelFacts(
        title=f"{title} {claim['fingerprint'][:8]}",
        job=claim["job"],
        fingerprint=claim["fingerprint"],
        library=library,
        task=task,
        loading=loading,
        started=_started(storage),
        sources=sorted(sources, key=lambda line: tuple(map(str, dataclasses.astuple(line)))),
        license=terms,
        hub_license=hub_license(terms),
        figures=numbers,
        settings=json.dumps(settings, indent=1, sort_keys=True, ensure_ascii=False),
        taught=_taught(storage) if claim["job"] == "fit-student" else {},
        software=claim.get("software", {}),
    )


def _held_out(figures: Mapping[str, object]) -> dict[str, float]:
    """What held-out people say of the weights that the run committed; empty if nobody was held out."""
    evaluations = figures.get("evaluations")
    found = [each for each in evaluations if isinstance(each, dict)] if isinstance(evaluations, list) else []
    judged = [each for each in found if each.get("step") == figures.get("model_step")] or found[-1:]
    return {f"held-out {name}": value for each in judged[:1] for name, value in each.items() if name != "step"}


def _taught(storage: Storage) -> dict[str, str]:
    from difffas.model_folder import student_config

    taught = student_config(storage)
    (low, high), (least, most) = taught["t0"], taught["cfg_scale"]
    return {
        "T₀": f"{low} to {high}",
        "w": f"{least:g} to {most:g}",
        "styles": ", ".join(taught["styles"]),
        "live faces matched by": taught["match"],
        "presets": "student" if taught["calls"] == 1 else "student, student-2",
    }


def _started(storage: Storage) -> str | None:
    """The weights that a classifier's backbone started from, in words; None for another model."""
    if not storage.exists(CLASSIFIER):
        return None
    config = json_object(storage.read(CLASSIFIER), CLASSIFIER)
    known = config.get("pretrained")
    if known is None:
        return f"random weights of timm's `{config['architecture']}`"
    name = ".".join(known[key] for key in ("architecture", "tag") if key in known)
    terms = f", licence {known['license']}" if "license" in known else ""
    return f"the weights `{name}` (sha256 `{known['sha256']}`{terms})"
