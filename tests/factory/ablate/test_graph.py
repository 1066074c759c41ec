"""From rows, seeds and protocols to runs: laws of the expansion."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from difffas.errors import UserError
from factory import protocols
from factory.ablate.graph import TABLE_STATIONS, Graph, merged
from factory.core.documents import JsonObject
from factory.generate.settings import PlanConfig
from factory.models.settings import SamplerConfig
from tests.ablations import FITS, config_of, graph_of, settings_of, table_of

changes = st.fixed_dictionaries(
    {},
    optional={
        "fit_generator": st.sampled_from([{"network": {"mean_patch": 2}}, {"ema_decay": 0.5}]),
        "generate": st.sampled_from([{"plan": {"samples": 3}}, {"sampler": {"steps": 5}}]),
        "fit_classifier": st.sampled_from([{"loss": {"name": "focal"}}, {"train": {"steps": 7}}]),
    },
)


@settings(max_examples=25, deadline=None)
@given(st.lists(changes, min_size=1, max_size=4), st.lists(st.integers(0, 9), min_size=1, max_size=2, unique=True))
def test_expansion_laws(rows: list[dict[str, Any]], seeds: list[int]) -> None:
    named = [{"name": str(number), **row} for number, row in enumerate(rows)]
    graph = graph_of(table_of(*named, seeds=seeds))
    assert len(graph.evaluations) == len(rows) * len(seeds)
    seen: set[str] = set()
    for name, table_run in graph.runs.items():
        assert set(table_run.needs) <= seen, "a run comes after those it needs"
        assert table_run.config.model_dump()["out"] == f"runs/{name}"
        seen.add(name)
    for seed in seeds:
        mine = [each for each in graph.evaluations if each.seed == seed]
        for (first, one), (second, other) in itertools.combinations(zip(rows, mine, strict=True), 2):
            assert (one.evaluation == other.evaluation) == (first == second)
    for station in FITS:
        assert {config.train.seed for config in settings_of(graph, station)} == set(seeds)
    assert {config.plan.seed for config in settings_of(graph, "generate")} == set(seeds)
    generators = {json.dumps(row.get("fit_generator")) for row in rows}
    assert len(settings_of(graph, "fit_generator")) == len(generators) * len(seeds), "each is fitted once"
    assert len(settings_of(graph, "fit_style")) == len(seeds)
    again = graph_of(table_of(*reversed(named), seeds=list(reversed(seeds))), resources={"workers": 2}, out="else")
    assert set(again.runs) == set(graph.runs), "neither order, place nor resources make another run"


def test_a_run_reads_the_runs_before_it() -> None:
    graph = graph_of(table_of({"name": "a"}))
    names = {table_run.station: f"runs/{name}" for name, table_run in graph.runs.items()}
    assert list(names) == [station for station in TABLE_STATIONS if station != "fit_dsdg"]
    (generator,), (made,) = settings_of(graph, "fit_generator"), settings_of(graph, "generate")
    (classifier,), (evaluation,) = settings_of(graph, "fit_classifier"), settings_of(graph, "evaluate")
    assert generator.style_encoder == names["fit_style"]
    assert made.inputs.model_dump() == {"live": "faces", "guides": "faces", "generator": names["fit_generator"]}
    assert (classifier.corpus, classifier.generated) == ("faces", names["generate"])
    assert (evaluation.classifier, evaluation.corpus) == (names["fit_classifier"], "faces")
    assert evaluation.resamples == 0


def test_the_content_of_inputs_and_settings_decide_the_name_and_their_place_does_not() -> None:
    table = table_of({"name": "a"})
    here = Graph(config_of(corpus="here"), table, "runs", lambda kind, url: "same")
    there = Graph(config_of(corpus="there"), table, "runs", lambda kind, url: "same")
    other = Graph(config_of(corpus="here"), table, "runs", lambda kind, url: "other")
    assert set(here.runs) == set(there.runs)
    assert not set(here.runs) & set(other.runs)
    assert not set(here.runs) & set(
        graph_of(table, fit_style={"train": {"steps": 1, "batch_size": 1, "learning_rate": 1}}).runs
    )


def test_protocols_of_the_same_training_rules_share_models() -> None:
    graph = graph_of(table_of({"name": "a"}, protocols=["mi-c", "mi-o", "oci-m"]))
    assert protocols.load("mi-c").training_digest == protocols.load("mi-o").training_digest
    assert [config.protocol for config in settings_of(graph, "fit_classifier")] == ["mi-c", "oci-m"]
    assert [config.protocol for config in settings_of(graph, "evaluate")] == ["mi-c", "mi-o", "oci-m"]
    assert {config.protocol for config in settings_of(graph, "generate")} == {"mi-c", "oci-m"}


def test_given_models_and_spoofs_are_not_made() -> None:
    table = table_of({"name": "a"}, protocols=["mi-c", "mi-o"])
    given = graph_of(table, fit_generator=None, generated="spoofs-$protocol")
    assert {table_run.station for table_run in given.runs.values()} == {"fit_classifier", "evaluate"}
    assert {config.generated for config in settings_of(given, "fit_classifier")} == {"spoofs-mi-c"}
    given = graph_of(table, fit_generator=None, generator="dummy")
    assert {table_run.station for table_run in given.runs.values()} == {"generate", "fit_classifier", "evaluate"}
    given = graph_of(table, fit_generator={"initial": "shipped"})
    assert [config.initial for config in settings_of(given, "fit_generator")] == ["shipped"]
    assert not settings_of(given, "fit_style")
    given = graph_of(table, fit_generator={"initial": "shipped"}, style_encoder="style")
    assert [(config.initial, config.style_encoder) for config in settings_of(given, "fit_generator")] == [
        ("shipped", "style")
    ]
    given = graph_of(table, fit_generator={"initial": "shipped"}, fit_style={"initial": "encoder"})
    (style,), (generator,) = settings_of(given, "fit_style"), settings_of(given, "fit_generator")
    assert (style.initial, generator.initial, generator.style_encoder) == ("encoder", "shipped", style.out)
    given = graph_of(table, style_encoder="style")
    assert [config.style_encoder for config in settings_of(given, "fit_generator")] == ["style"]


@pytest.mark.parametrize(
    ("given", "row", "reason"),
    [
        ({"fit_generator": None}, {}, "needs generated faces: give generated, generator or fit_generator"),
        (
            {"fit_generator": None, "generated": "x"},
            {"generate": {"plan": {}}},
            "changes generate, but `generated` is given",
        ),
        (
            {"fit_generator": None, "generated": "x"},
            {"generator": "recolour"},
            "changes generator, but `generated` is given",
        ),
        ({"fit_generator": None, "generator": "x"}, {"fit_generator": {"ema_decay": 0.5}}, "changes fit_generator"),
        ({"style_encoder": "x"}, {"fit_style": {"split": "dev"}}, "changes fit_style, but `style_encoder` is given"),
    ],
)
def test_what_is_not_given_leaves_a_row_empty(given: dict[str, Any], row: dict[str, Any], reason: str) -> None:
    graph = graph_of(table_of({"name": "real", "generated": False}, {"name": "a", **row}), **given)
    real, missing = graph.evaluations
    assert real.evaluation is not None
    assert missing.evaluation is None
    assert reason in missing.reason


@pytest.mark.parametrize(
    ("given", "row", "message"),
    [
        ({"fit_classifier": {"corpus": "x"}}, {}, "config key fit_classifier: corpus is the ablation's own"),
        ({"fit_classifier": {"train": {"seed": 1}}}, {}, "train.seed is that of the ablation"),
        ({}, {"generate": {"plan": {"seed": 1}}}, "row 'a', generate: plan.seed is that of the ablation"),
        ({}, {"fit_generator": {"initial": "x"}}, "row 'a', fit_generator: initial is the ablation's own"),
        ({}, {"fit_classifier": {"los": {}}}, "row 'a', fit_classifier: unknown config key 'los'"),
        ({}, {"fit_classifier": {"loss": {"name": "rqq"}}}, "no loss 'rqq'"),
    ],
)
def test_a_mistake_in_settings_ends_it_at_once(given: dict[str, Any], row: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match="row|config key") as caught:
        graph_of(table_of({"name": "a", **row}), **given)
    assert message in str(caught.value)


def test_another_loss_takes_over_the_scale_alone() -> None:
    base: JsonObject = {"loss": {"name": "rq", "live_margin": 0.3, "scale": 20}}
    assert merged(base, {"loss": {"name": "focal"}}) == {"loss": {"name": "focal", "scale": 20}}
    same = merged(base, {"loss": {"name": "rq", "spoof_margin": 0.1}})["loss"]
    assert same == {"name": "rq", "live_margin": 0.3, "scale": 20, "spoof_margin": 0.1}
    assert merged({"a": {"b": 1, "c": 2}}, {"a": {"c": 3}}) == {"a": {"b": 1, "c": 3}}


def test_faces_of_another_size_are_prepared_first_and_by_content() -> None:
    table = table_of({"name": "a"}, {"name": "real", "generated": False})
    plain, small = graph_of(table), graph_of(table, size=64)
    first = next(iter(small.runs.values()))
    assert (first.station, first.needs) == ("prepare", ())
    config: Any = first.config
    assert (config.size, config.crop, config.source.endswith("/faces/data")) == (64, "none", True)
    assert {config.corpus for config in settings_of(small, "fit_classifier")} == {f"runs/{first.name}"}
    assert all(first.name in table_run.needs for table_run in list(small.runs.values())[1:])
    assert not set(plain.runs) & set(small.runs)
    with pytest.raises(ValueError, match="size 50 must be a multiple of 32"):
        graph_of(table, size=50)


def test_a_seed_of_generation_is_shared_by_all_seeds() -> None:
    table = table_of({"name": "a"}, {"name": "simulated", "generator": "simulate"}, seeds=[0, 1, 2])
    graph = graph_of(table, generation_seed=9)
    assert [config.plan.seed for config in settings_of(graph, "generate")] == [9, 9]
    assert [config.train.seed for config in settings_of(graph, "fit_generator")] == [9]
    assert sorted(config.train.seed for config in settings_of(graph, "fit_classifier")) == [0, 0, 1, 1, 2, 2]


def test_a_protocol_may_have_settings_of_its_own() -> None:
    """The paper's recipe is SGD, and Adam for the small training set of ICM→O."""
    table = table_of({"name": "a", "fit_classifier": {"train": {"steps": 7}}}, protocols=["oci-m", "icm-o"])
    base = {"train": {"steps": 9, "batch_size": 8, "optimizer": "sgd", "learning_rate": 2e-3}}
    adam = {"fit_classifier": {"train": {"optimizer": "adam", "learning_rate": 1e-4}}}
    plain = graph_of(table, fit_classifier=base)
    graph = graph_of(table, fit_classifier=base, by_protocol={"icm-o": adam})
    found = {c.protocol: c.train for c in settings_of(graph, "fit_classifier")}
    assert [(name, t.optimizer, t.learning_rate, t.steps) for name, t in found.items()] == [
        ("oci-m", "sgd", 2e-3, 7),
        ("icm-o", "adam", 1e-4, 7),
    ]
    shared = set(plain.runs) & set(graph.runs)
    assert len(shared) == len(plain.runs) - 2, "all but icm-o's classifier and evaluation are the same runs"


def test_settings_for_a_protocol_that_is_not_there_are_refused() -> None:
    table = table_of({"name": "a"}, protocols=["mi-c", "mi-o"])
    adam = {"fit_classifier": {"train": {"optimizer": "adam"}}}
    with pytest.raises(UserError, match="by_protocol names oci-m, but the table has mi-c, mi-o"):
        graph_of(table, by_protocol={"oci-m": adam})
    with pytest.raises(UserError, match="mi-o shares the models of mi-c: give settings for mi-c"):
        graph_of(table, by_protocol={"mi-o": adam})
    with pytest.raises(UserError, match=r"by_protocol\.mi-c\.fit_classifier: corpus is the ablation's own"):
        graph_of(table, by_protocol={"mi-c": {"fit_classifier": {"corpus": "x"}}})
    assert "by_protocol" not in config_of().model_dump()


def test_one_table_compares_several_generators() -> None:
    """A row names its generated corpus, another the generator that invents people; a third takes the table's own."""
    rows: list[dict[str, Any]] = [
        {"name": "real", "generated": False},
        {"name": "named", "generated": "spoofs-$protocol"},
        {"name": "dsdg", "generator": "dsdg", "fit_dsdg": {"ema_decay": 0.5}},
        {"name": "ours"},
    ]
    plan = {"samples": 5, "policies": ["cross-domain"], "guides_per_style": 2}
    given = {"generate": {"sampler": {"steps": 7}, "plan": plan}, "fit_dsdg": {"network": {"latent": 8}}}
    graph = graph_of(table_of(*rows), **given)
    people, ours = settings_of(graph, "generate")
    (fitted,) = settings_of(graph, "fit_dsdg")
    assert (fitted.ema_decay, fitted.network.latent, fitted.corpus) == (0.5, 8, "faces")
    assert people.inputs.generator == fitted.out and people.sampler == SamplerConfig()
    assert people.plan == PlanConfig(samples=5) and ours.plan.guides_per_style == 2 and ours.sampler.steps == 7
    trained = [config.generated for config in settings_of(graph, "fit_classifier")]
    assert trained == [None, "spoofs-own", people.out, ours.out]
    finished = graph_of(table_of(*rows), **{**given, "fit_generator": None, "generated": "corpus"})
    assert [config.generated for config in settings_of(finished, "fit_classifier")][3] == "corpus"
    assert len(settings_of(finished, "fit_dsdg")) == 1
    without = graph_of(table_of(*rows))
    assert [each.reason for each in without.evaluations if each.evaluation is None] == [
        "needs new people: give fit_dsdg, its settings"
    ]


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ({"generated": "x", "generate": {"plan": {"samples": 1}}}, "names a finished corpus and generate"),
        ({"generated": "x", "generator": "dsdg"}, "names a finished corpus and a generator"),
        ({"fit_dsdg": {"ema_decay": 0.5}}, "set generator: dsdg"),
        ({"generator": "dsdg", "fit_generator": {"ema_decay": 0.5}}, "it needs no other"),
    ],
)
def test_a_row_has_one_source_of_generated_faces(row: dict[str, Any], fault: str) -> None:
    with pytest.raises(UserError, match=fault):
        table_of({"name": "a", **row})
