"""Turn a table into station runs, each only once, ordered so that every run comes after those that it needs.

A run's folder is named by the fingerprint of everything that decides it: its settings with the defaults, the content
of the inputs, the rules of the protocol, and the names of the runs that it reads. So rows that share a generator share
its folder, and a row whose settings change gets another folder.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from difffas.errors import UserError
from factory import evaluate, generate, prepare, protocols
from factory.ablate.tables import DSDG, Table, TableRow
from factory.core.config import Config, build, fingerprint
from factory.core.documents import JsonObject, JsonValue
from factory.models import backbone
from factory.storage import Storage
from factory.train.recipes import classifier as fit_classifier
from factory.train.recipes import dsdg as fit_dsdg
from factory.train.recipes import generator as fit_generator
from factory.train.recipes import style as fit_style

if TYPE_CHECKING:
    from factory.ablate.settings import AblateConfig, StationOfProtocol

OWN = "own"  # stands for the corpus's own splits, instead of a protocol
TABLE_STATIONS: dict[str, tuple[Any, type[Config]]] = {
    "fit_style": (fit_style, fit_style.FitStyleConfig),
    "fit_generator": (fit_generator, fit_generator.FitGeneratorConfig),
    "fit_dsdg": (fit_dsdg, fit_dsdg.FitDsdgConfig),
    "generate": (generate, generate.GenerateConfig),
    "fit_classifier": (fit_classifier, fit_classifier.FitClassifierConfig),
    "evaluate": (evaluate, evaluate.EvaluateConfig),
}
PREPARE = "prepare"  # of the faces at another size, before everything else
STATIONS: dict[str, tuple[Any, type[Config]]] = {
    PREPARE: (prepare, prepare.PrepareConfig),
    **TABLE_STATIONS,
}
SEED = {
    **dict.fromkeys(("fit_style", "fit_generator", "fit_dsdg", "fit_classifier"), "train"),
    "generate": "plan",
}
OF_GENERATION = ("fit_style", "fit_generator", "fit_dsdg", "generate")
# Settings of `generate` that mean nothing without sampling steps, and of its plan for new people.
UNUSED_SAMPLER, UNUSED_PLAN = "sampler", ("policies", "live_domains", "guides_per_style")
INPUTS = ("corpus", "inputs", "out", "protocol", "generated", "style_encoder", "classifier", "scores", "dev_scores")
NO_RESULT = {"out", "resources", "threads"}  # settings of a station that do not decide its result

Digest = Callable[[str, str], str]  # (kind of input, its folder) -> digest of its content


class MissingError(UserError):
    """A row needs an input that the configuration does not give: its cells stay empty, other cells are filled."""


@dataclasses.dataclass(frozen=True)
class RunInput:
    """An input of a station: a folder, and the value that represents its content in the reader's fingerprint."""

    url: str
    identity: str


@dataclasses.dataclass(frozen=True)
class TableRun:
    """One run of a station, in the folder `name` below the folder of all runs."""

    name: str
    station: str
    config: Config
    needs: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class RowEvaluation:
    """A row under a protocol with a seed: the evaluation that gives its figures, or why it is missing."""

    row: str
    protocol: str
    seed: int
    evaluation: str | None
    reason: str = ""


class Graph:
    """The runs of a table.

    Args:
        config: the ablation. table: with its protocols and seeds. folder: of all runs.
        digest: computes the digest of an input's content, of kind `corpus`, `generator` or `style_encoder`; raises
            UserError for a folder that is not of that kind.

    Attributes:
        runs: by name, each after the runs it needs; runs of the first seed come first.
        evaluations: one for every row, protocol and seed.

    Raises:
        UserError: if a given folder is of the wrong kind, a station refuses its settings, or settings set a value that
            the ablation itself sets.
    """

    def __init__(self, config: AblateConfig, table: Table, folder: str, digest: Digest) -> None:
        self._config, self._folder, self._digest, self._sampling = config, folder, digest, table.sampling
        self._rules = {name: None if name == OWN else protocols.load(name) for name in table.protocols}
        self._check_by_protocol()
        self.runs: dict[str, TableRun] = {}
        self._corpus = RunInput(config.corpus, digest("corpus", config.corpus))
        if config.size is not None:
            self._corpus = self._resized(config.size)
        self.evaluations: list[RowEvaluation] = []
        for seed in table.seeds:
            for row in table.rows:
                self.evaluations += [self._row_evaluation(row, protocol, seed) for protocol in table.protocols]

    def _check_by_protocol(self) -> None:
        """Refuse settings for a protocol that the table lacks, or that trains as an earlier one does."""
        for name in self._config.by_protocol:
            if name not in self._rules:
                raise UserError(f"by_protocol names {name}, but the table has {', '.join(self._rules)}: leave it out")
            if (first := self._trained_alike(name)) != name:
                raise UserError(f"by_protocol.{name}: {name} shares the models of {first}: give settings for {first}")

    def _resized(self, size: int) -> RunInput:
        """The faces at another size, as `prepare` copies them with all that their rows say."""
        name = f"{PREPARE}-{fingerprint({'job': PREPARE, 'corpus': self._corpus.identity, 'size': size})[:16]}"
        url = f"{self._folder}/{name}"
        source = f"{Storage(self._corpus.url).url}/data"
        config = build(prepare.PrepareConfig, {"source": source, "out": url, "size": size, "crop": "none"})
        self.runs[name] = TableRun(name, PREPARE, config, ())
        return RunInput(url, name)

    def _row_evaluation(self, row: TableRow, protocol: str, seed: int) -> RowEvaluation:
        try:
            return RowEvaluation(row.name, protocol, seed, self._evaluation(row, protocol, seed))
        except MissingError as error:
            return RowEvaluation(row.name, protocol, seed, None, str(error))

    def _evaluation(self, row: TableRow, protocol: str, seed: int) -> str:
        training = self._trained_alike(protocol)
        inputs = {"corpus": self._corpus}
        if row.generated:
            inputs["generated"] = self._generated(row, training, seed)
        classifier = self._add("fit_classifier", row, training, seed, inputs)
        return self._add("evaluate", row, protocol, seed, {"corpus": self._corpus, "classifier": classifier}).identity

    def _trained_alike(self, protocol: str) -> str:
        """The table's first protocol with the same training rules; its models serve all protocols with these rules."""
        rules = self._rules[protocol]
        for name, others in self._rules.items():
            if rules is not None and others is not None and rules.training_digest == others.training_digest:
                return name
        return protocol

    def _generated(self, row: TableRow, protocol: str, seed: int) -> RunInput:
        if isinstance(row.generated, str):
            return self._given("corpus", row.generated, protocol)
        if self._config.generated is not None and row.generator != DSDG:
            self._refuse(row, "generated", "generator", "fit_style", "fit_generator", "generate")
            return self._given("corpus", self._config.generated, protocol)
        generator = self._generator(row, protocol, seed)
        inputs = {"live": self._corpus, "guides": self._corpus, "generator": generator}
        return self._add("generate", row, protocol, seed, {f"inputs.{name}": each for name, each in inputs.items()})

    def _generator(self, row: TableRow, protocol: str, seed: int) -> RunInput:
        if row.generator == DSDG:
            if self._config.fit_dsdg is None:
                raise MissingError("needs new people: give fit_dsdg, its settings")
            return self._add("fit_dsdg", row, protocol, seed, {"corpus": self._corpus})
        if row.generator is not None:
            return self._given("generator", row.generator, protocol)
        if self._config.generator is not None:
            self._refuse(row, "generator", "fit_style", "fit_generator")
            return self._given("generator", self._config.generator, protocol)
        if self._config.fit_generator is None:
            raise MissingError("needs generated faces: give generated, generator or fit_generator")
        inputs = {"corpus": self._corpus, **self._initial("generator", self._config.fit_generator, protocol)}
        if self._config.style_encoder is not None:
            self._refuse(row, "style_encoder", "fit_style")
            inputs["style_encoder"] = self._given("style_encoder", self._config.style_encoder, protocol)
        elif "initial" in inputs and self._config.fit_style.get("initial") is None:
            self._refuse(row, "fit_generator.initial", "fit_style")
        else:
            own = {"corpus": self._corpus, **self._initial("initial_encoder", self._config.fit_style, protocol)}
            inputs["style_encoder"] = self._add("fit_style", row, protocol, seed, own)
        return self._add("fit_generator", row, protocol, seed, inputs)

    def _initial(self, kind: str, settings: Mapping[str, JsonValue], protocol: str) -> dict[str, RunInput]:
        """The model that a station's settings start from, if any."""
        given = settings.get("initial")
        return {} if given is None else {"initial": self._given(kind, str(given), protocol)}

    def _refuse(self, row: TableRow, given: str, *stations: str) -> None:
        for station in stations:
            if getattr(row, station):
                raise MissingError(f"changes {station}, but `{given}` is given and finished: leave `{given}` out")

    def _given(self, kind: str, url: str, protocol: str) -> RunInput:
        """A finished input; `$protocol` in its name is replaced by the training protocol's name."""
        url = url.replace("$protocol", protocol).replace("${protocol}", protocol)
        return RunInput(url, self._digest(kind, url))

    def _add(self, station: str, row: TableRow, protocol: str, seed: int, inputs: Mapping[str, RunInput]) -> RunInput:
        """The run of a station; adds it, unless an earlier row has the same run."""
        model, rules = TABLE_STATIONS[station][1], self._rules[protocol]
        settings = self._settings(station, row, protocol, seed) | ({"protocol": protocol} if rules else {})

        def built(out: str, inputs: Mapping[str, str]) -> Config:
            try:
                return build(model, _with(settings | {"out": out}, inputs))
            except UserError as error:
                raise UserError(f"row {row.name!r}, {station}: {error}") from None

        by_content = built("-", {key: source.identity for key, source in inputs.items()})
        decisive = by_content.model_dump(mode="json", exclude=NO_RESULT)
        if "backbone" in decisive:
            located = backbone.found(decisive["backbone"], decisive.pop("backbones", None))
            decisive["backbone"] = backbone.identity(located)
        identity = {"job": station, "settings": decisive, "rules": rules and rules.digest}
        name = f"{station}-{fingerprint(identity)[:16]}"
        url = f"{self._folder}/{name}"
        if name not in self.runs:
            needs = dict.fromkeys(source.identity for source in inputs.values() if source.identity in self.runs)
            config = built(url, {key: source.url for key, source in inputs.items()})
            self.runs[name] = TableRun(name, station, config, tuple(needs))
        return RunInput(url, name)

    def _settings(self, station: str, row: TableRow, protocol: str, seed: int) -> JsonObject:
        """The station's settings, overridden by those for the protocol, then by the row's settings; and the seed."""
        base, over = getattr(self._config, station) or {}, getattr(row, station, {})
        _refuse_ours(f"config key {station}", station, base, INPUTS)
        own = self._config.by_protocol.get(protocol, {}).get(cast("StationOfProtocol", station), {})
        _refuse_ours(f"by_protocol.{protocol}.{station}", station, own, (*INPUTS, "initial"))
        base = merged(base, own)
        _refuse_ours(f"row {row.name!r}, {station}", station, over, (*INPUTS, "initial"))
        unused = {"initial", UNUSED_SAMPLER} if getattr(row, "generator", None) else {"initial"}
        if row.generator == DSDG and isinstance(plan := base.get("plan"), Mapping):
            base = {**base, "plan": {key: plan[key] for key in plan if key not in UNUSED_PLAN}}
        settings = _default(station) | {key: base[key] for key in base if key not in unused}
        if station == "fit_classifier":
            settings = self._drawn(settings, row)
        settings = merged(settings, over)
        if station in SEED:
            fixed = self._config.generation_seed if station in OF_GENERATION else None
            settings = merged(settings, {SEED[station]: {"seed": seed if fixed is None else fixed}})
        if station.startswith("fit_"):
            resources = self._config.resources.model_dump(mode="json")
            settings = merged({"resources": resources}, settings)
        return settings

    def _drawn(self, settings: JsonObject, row: TableRow) -> JsonObject:
        """A classifier's settings with the table's batches; a row without generated faces has no share of them."""
        settings = merged({"sampling": self._sampling}, settings)
        sampling = settings["sampling"]
        if not row.generated and isinstance(sampling, Mapping):
            settings["sampling"] = {key: value for key, value in sampling.items() if key != "generated_share"}
        return settings


def merged(base: Mapping[str, JsonValue], over: Mapping[str, JsonValue]) -> JsonObject:
    """`base` overridden by `over`, section by section; if the loss changes, only its scale is kept."""
    found = dict(base)
    for key, value in over.items():
        below = found.get(key)
        if isinstance(value, Mapping) and isinstance(below, Mapping):
            if key == "loss" and value.get("name", "rq") != below.get("name", "rq"):
                below = {name: number for name, number in below.items() if name == "scale"}
            value = merged(below, value)
        found[key] = value
    return found


def _default(station: str) -> JsonObject:
    """The station's default `train`, so that a row may change part of it; without the bootstrap, unused in tables."""
    if station == "evaluate":
        return {"resamples": 0}
    field = TABLE_STATIONS[station][1].model_fields.get("train")
    return {} if field is None else {"train": field.default.model_dump(mode="json")}


def _with(settings: Mapping[str, JsonValue], inputs: Mapping[str, str]) -> JsonObject:
    found = dict(settings)
    for dotted, value in inputs.items():
        section, _, key = dotted.rpartition(".")
        found = merged(found, {section: {key: value}} if section else {key: value})
    return found


def _refuse_ours(where: str, station: str, values: Mapping[str, JsonValue], inputs: Sequence[str]) -> None:
    ours = [key for key in inputs if key in values]
    if ours:
        raise UserError(f"{where}: {ours[0]} is the ablation's own: leave it out")
    section = values.get(SEED.get(station, ""))
    if isinstance(section, Mapping) and "seed" in section:
        raise UserError(f"{where}: {SEED[station]}.seed is that of the ablation: leave it out, and set seeds")
