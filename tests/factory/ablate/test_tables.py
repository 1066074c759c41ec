"""The shipped tables and what a table file may say."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
import yaml

from difffas.errors import UserError
from difffas.losses import LOSSES
from factory.ablate.tables import Table, load_table, titles
from factory.protocols import load as load_protocol
from factory.protocols import names as protocol_names
from tests.ablations import graph_of, settings_of, table_of
from tests.compositions import held

HALF = {"live_share": 0.25, "generated_share": 0.5}


def rows_of(table: Table) -> list[Any]:
    """The rows, whose settings are looked into without checks."""
    return list(table.rows)


@pytest.mark.parametrize("name", titles())
def test_every_shipped_table_is_a_table_of_runs(name: str) -> None:
    table = load_table(name)
    graph = graph_of(table, fit_dsdg={})
    assert all(each.evaluation for each in graph.evaluations)
    assert len(graph.evaluations) == len(table.rows) * len(table.protocols) * len(table.seeds)
    assert "[ours]" in table.note
    assert "DiffFAS" in table.shape


def test_the_generator_s_table_has_the_controls_and_every_source_of_pairs() -> None:
    table = load_table("generator")
    assert [row.generator for row in table.rows if row.generator] == ["recolour", "simulate"]
    found = settings_of(graph_of(table, seeds=[0]), "fit_generator")
    assert {tuple(c.pairs.model_dump().values()) for c in found} == {
        (0.0, 0.0, 0.0),
        (0.0, 0.5, 0.0),
        (0.0, 0.0, 0.8),
        (1.0, 0.0, 0.0),
        (1.0, 0.0, 0.8),
        (0.5, 0.5, 0.8),
    }
    made = settings_of(graph_of(table, seeds=[0], generate={"sampler": {"steps": 7}}), "generate")
    assert {(c.inputs.generator in ("recolour", "simulate"), c.sampler.steps) for c in made} == {
        (True, 25),
        (False, 7),
    }


def test_a_row_that_names_a_generator_fits_none(tmp_path: Path) -> None:
    row = {"name": "a", "generator": "recolour", "fit_generator": {"ema_decay": 0.5}}
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({"title": "T", "shape": "S", "columns": ["auc"], "rows": [row]}))
    with pytest.raises(UserError, match="row 'a' names generator recolour: it fits none"):
        load_table(str(path))


def test_components_are_with_and_without_generation_and_rq() -> None:
    table = load_table("components")
    found = {(row.generated, row.fit_classifier["loss"]["name"]) for row in rows_of(table)}
    assert found == set(itertools.product((False, True), ("cross-entropy", "rq")))
    assert (table.protocols, table.columns) == (("mi-c", "mi-o"), ("hter@test_eer", "auc"))
    classifiers = settings_of(graph_of(table), "fit_classifier")
    assert {(c.generated is not None, c.loss.name) for c in classifiers} == found


def test_rq_scales_are_a_grid_with_the_papers_row() -> None:
    rows = [row.fit_classifier["loss"] for row in rows_of(load_table("rq_scales"))]
    grid = [(loss["live_margin"], loss["spoof_margin"]) for loss in rows]
    assert sorted(grid) == sorted(itertools.product((0.1, 0.2, 0.3, 0.4), repeat=2))
    assert {loss["name"] for loss in rows} == {"rq"}
    assert {(0.4, spoof) for spoof in (0.1, 0.2, 0.3, 0.4)} <= set(grid)


def test_losses_are_all_there_are_and_each_by_its_own_defaults() -> None:
    assert [row.fit_classifier["loss"]["name"] for row in rows_of(load_table("losses"))] == list(LOSSES)
    found = settings_of(graph_of(load_table("losses"), seeds=[0]), "fit_classifier")
    assert {c.loss.parameters["scale"] for c in found} == {30.0}


def test_combinations_are_the_whole_methods_with_and_without_rq() -> None:
    table = load_table("combinations")
    names = [row.fit_classifier["loss"]["name"] for row in rows_of(table)]
    assert names == ["ssdg-whole", "rq+ssdg-whole", "patchnet-whole", "rq+patchnet-whole"]
    assert table.columns == ("hter@test_eer", "auc")


def test_sampling_backbones_variants_and_patches() -> None:
    rows = rows_of(load_table("quality_sampling"))
    assert [row.fit_classifier.get("sampling", {}).get("quality_weight") for row in rows] == [None, 1, 2, 3, 4]
    backbones = load_table("backbones")
    assert [row.fit_classifier["backbone"] for row in backbones.rows] == ["resnet18", "mobilevit_s"]
    assert backbones.protocols == ("oci-m", "omi-c", "ocm-i", "icm-o")
    assert backbones.average
    variants = [row.fit_generator["network"]["variant"] for row in rows_of(load_table("stfm"))]
    assert variants == ["adain", "patch_substitution", "no_patches", "stfm"]
    sides = [tuple(row.fit_generator["network"].values()) for row in rows_of(load_table("patches"))]
    assert len(set(sides)) == 9
    assert (6, 2) in sides


@pytest.mark.parametrize(
    ("name", "domain", "protocol"),
    [("sampling", "oulu_npu", "oci-m"), ("camera_sampling", "world__phone", "world-ptw-c")],
)
def test_sampling_weights_the_domain_of_the_best_pictures(name: str, domain: str, protocol: str) -> None:
    table = load_table(name)
    assert [row.name for row in table.rows] == ["average", "2×", "3×", "random", "4×"]
    assert table.protocols == (protocol,)
    found = settings_of(graph_of(table), "fit_classifier")[: len(table.rows)]  # of the first seed
    assert [c.sampling.domain_weights for c in found] == [{domain: 1}, {domain: 2}, {domain: 3}, {}, {domain: 4}]
    assert {(c.generated, c.loss.name, c.sampling.live_share) for c in found} == {(None, "cross-entropy", None)}
    if name == "sampling":
        assert {c.backbone for c in found} == {"resnet18"}


@pytest.mark.parametrize("name", titles())
def test_rows_with_generated_faces_have_a_share_of_them_and_keep_their_live_faces(name: str) -> None:
    table = load_table(name)
    one = table.model_copy(update={"protocols": table.protocols[:1], "seeds": (0,)})
    classifiers = settings_of(graph_of(one), "fit_classifier")
    for config in classifiers:
        sampling = config.sampling
        assert (sampling.generated_share is not None) == (config.generated is not None)
        if config.generated is not None:
            for batch in held(sampling, 32):
                assert batch == (8, 32 * (0.75 - sampling.generated_share), 32 * sampling.generated_share)
    shares = {config.sampling.live_share for config in classifiers}
    assert len(shares) == 1, "rows differ in what the table compares, and not in their live faces"


def test_settings_of_the_ablation_come_before_those_of_the_table_and_after_those_of_the_row() -> None:
    rows = ({"name": "a"}, {"name": "b", "generated": False})
    table = table_of(*rows, {"name": "c", "fit_classifier": {"sampling": {"live_share": 0.4}}}, sampling=HALF)
    given = {"sampling": {"generated_share": 0.2}}
    found = [c.sampling for c in settings_of(graph_of(table, fit_classifier=given), "fit_classifier")]
    assert [(s.live_share, s.generated_share) for s in found] == [(0.25, 0.2), (0.25, None), (0.4, 0.2)]
    nothing = settings_of(graph_of(table, fit_classifier={"sampling": {"generated_share": None}}), "fit_classifier")
    assert [c.sampling.generated_share for c in nothing] == [None, None, None]
    assert "sampling" not in table_of(*rows).model_dump(), "a table without it keeps its fingerprint"


def test_each_stands_for_every_value_and_keeps_its_kind(tmp_path: Path) -> None:
    row = {"name": "$a of $b", "each": {"a": [1, 2], "b": ["x"]}, "fit_classifier": {"train": {"steps": "$a"}}}
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({"title": "T", "shape": "S", "columns": ["auc"], "rows": [row]}))
    rows = rows_of(load_table(str(path)))
    assert [row.name for row in rows] == ["1 of x", "2 of x"]
    assert [row.fit_classifier["train"]["steps"] for row in rows] == [1, 2]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"columns": ["hter"]}, "no evaluation has the metric 'hter'; did you mean"),
        ({"rows": [{"name": "a"}, {"name": "a"}]}, "rows has 'a' twice"),
        ({"rows": [{"name": "a", "generated": False, "generate": {"plan": {}}}]}, "changes generate and trains on no"),
        ({"rows": [{"name": "a", "fit_clasifier": {}}]}, "did you mean 'fit_classifier'"),
        ({"seeds": [1, 1]}, "seeds has '1' twice"),
    ],
)
def test_a_mistake_in_a_table_is_one_line(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    values = {"title": "T", "shape": "S", "columns": ["auc"], "rows": [{"name": "a"}], **change}
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(values))
    with pytest.raises(ValueError, match="table mine.yaml") as caught:
        load_table(str(path))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_table_is_named_with_the_nearest() -> None:
    with pytest.raises(ValueError, match="no table 'loses'; did you mean 'losses'"):
        load_table("loses")


def test_an_average_names_two_or_more_of_the_table_s_protocols() -> None:
    protocols = ["mi-c", "mi-o", "oci-m"]
    for average, message in (
        (["mi-c", "icm-o"], "average names 'icm-o', which is not among the protocols"),
        (["mi-c"], "must name two or more protocols, each once"),
        (["mi-c", "mi-c"], "must name two or more protocols, each once"),
    ):
        with pytest.raises(UserError, match=message):
            table_of({"name": "a"}, protocols=protocols, average=average)
    table = table_of({"name": "a"}, protocols=protocols, average=["mi-c", "mi-o"])
    assert table.averaged == ("mi-c", "mi-o")
    assert table.narrowed(("mi-o", "mi-c"), None).averaged == ("mi-c", "mi-o")
    assert table.narrowed(("mi-o", "oci-m"), (7,)).averaged == ()
    every = table_of({"name": "a"}, protocols=protocols, average=True)
    assert (every.averaged, every.narrowed(("own",), None).averaged) == (("mi-c", "mi-o", "oci-m"), ())
    assert every.model_dump(mode="json")["average"] is True, "tables of earlier versions keep their fingerprint"


def test_wmca_s_average_counts_the_seven_unseen_attacks() -> None:
    table = load_table("wmca")
    assert table.protocols == tuple(
        name for name in protocol_names() if name.startswith("wmca-") and "padisi" not in name
    )
    assert table.averaged == table.protocols[1:] and len(table.averaged) == 7
    assert table.columns == ("acer@dev_bpcer=1%",)
    thresholds = {threshold for name in table.protocols for threshold in load_protocol(name).thresholds}
    assert thresholds == {"dev_bpcer=1%", "dev_eer"}


def test_wmca_and_padisi_are_compared_both_ways_at_the_fixed_threshold() -> None:
    table = load_table("wmca_padisi")
    assert (table.protocols, table.columns) == (("wmca-padisi", "padisi-wmca"), ("hter@0.5", "acer@0.5"))
    assert {load_protocol(name).thresholds for name in table.protocols} == {("0.5",)}
