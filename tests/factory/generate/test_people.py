"""New people in the line: two rows a pair that say what they are, whatever the shards; refusals in a line."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from difffas.dsdg import PairedVAE
from difffas.errors import UserError
from factory import generate
from factory.audit.corpora import _live_halves
from factory.cards.facts import corpus_facts
from factory.corpus import Corpus
from factory.corpus.generated import are_invented, live_halves
from factory.corpus.row import LIVE, SPOOF
from factory.corpus.verify import verify
from factory.generate import lay_plan, open_inputs, probe
from factory.generate.forecast import forecast
from factory.generate.people import HALVES, PairStyle, PeoplePlan
from factory.generate.regenerate import regenerate
from factory.generate.settings import PlanConfig
from factory.models.load import check_side, unet_config
from factory.models.people_sampler import VAE
from factory.models.tensors import to_pixels
from factory.report.triplets import sample_triplets
from factory.sources.pattern import vocabulary_name
from factory.storage import Storage
from factory.train.recipes.classifier import RowFilter
from tests.people import people_config, write_people

STYLES = [PairStyle("a-print", "a", "print"), PairStyle("a-replay", "a", "replay"), PairStyle("b-print", "b", "print")]


@pytest.fixture(scope="module")
def root(tmp_path_factory: Any) -> Path:
    folder: Path = tmp_path_factory.mktemp("people")
    write_people(folder)
    return folder


@pytest.fixture(scope="module")
def sampled(root: Path, in_process: None) -> Corpus:
    generate.run(people_config(root))
    return Corpus(f"{root}/pairs")


def test_a_pair_is_a_live_face_and_a_spoof_of_one_person(root: Path, sampled: Corpus) -> None:
    rows = sampled.rows(np.arange(len(sampled)))
    assert len(rows) == 2 * 7
    real = set(Corpus(f"{root}/real").column("subject"))
    for live, spoof in zip(rows[::2], rows[1::2], strict=True):
        assert (live.label, spoof.label, live.attack) == (LIVE, SPOOF, "live")
        assert live.style == f"{live.domain}-live" and spoof.style == f"{spoof.domain}-{spoof.attack}"
        for name in ("subject", "capture", "domain", "split", "license", "source", "seed", "generator", "sampler"):
            assert getattr(live, name) == getattr(spoof, name), name
        assert live.subject not in real and vocabulary_name(live.subject) != live.subject
        assert (live.split, live.sampler) == ("train", "dsdg")
        assert live.image != spoof.image and live.brisque is not None
        for row in (live, spoof):
            nothing = ("live_key", "guide_key", "live_domain", "live_source", "guide_license", "t0", "steps", "preset")
            assert {getattr(row, name) for name in nothing} == {None}
    assert len({row.subject for row in rows}) == 7
    counts = Counter(row.style for row in rows if row.label == SPOOF)
    assert max(counts.values()) - min(counts.values()) <= 1
    assert are_invented(sampled.index).all()


def test_pixels_are_the_generators_whatever_the_shard(root: Path, sampled: Corpus) -> None:
    vae = PairedVAE.from_pretrained(root / "people" / VAE).eval()
    rows = sampled.rows(np.arange(len(sampled)))
    spoofs = rows[1::2]
    live, spoof = vae.sample([row.style for row in spoofs], [int(row.seed or 0) for row in spoofs])
    made = np.stack((to_pixels(live), to_pixels(spoof)), axis=1).reshape(-1, *to_pixels(live).shape[1:])
    assert np.abs(sampled.pixels(np.arange(len(rows))).astype(int) - made).max() <= 1  # a batch of seven, not of two


def test_the_folder_is_whole_and_a_row_is_made_again_to_the_byte(sampled: Corpus) -> None:
    assert verify(sampled.storage.url)["problems"] == []
    for place in (0, 5, 13):
        assert regenerate(sampled.storage.url, str(sampled.column("key")[place]), [])[1]["equal"]


def test_cards_and_report_say_that_the_people_do_not_exist(sampled: Corpus) -> None:
    facts = corpus_facts(sampled.storage)
    assert (facts.generated, facts.invented) == (14, 7)
    assert facts.recipe is not None and facts.recipe.t0 is None
    assert {source.role for source in facts.sources} == {"faces that its generator was fitted on"}
    card = sampled.storage.read("README.md").decode()
    text = card.partition("# Generated faces")[2]
    assert "7 people who do not exist" in text and "T₀" not in text and "guide" not in text
    assert {mark for _, mark, _ in facts.marks} == {"trainedAlgorithmicMedia"}
    assert "T0" not in sampled.storage.read("croissant.json").decode()
    for triplets in sample_triplets(sampled, [], [], 2).values():
        for triplet in triplets:
            assert triplet.live is not None and triplet.guide is None
            assert (triplet.live.row.subject, triplet.live.row.label) == (triplet.spoof.row.subject, LIVE)


def test_an_audit_compares_the_halves_and_a_filter_of_t0_lets_them_pass(root: Path, sampled: Corpus) -> None:
    spoofs = sampled.index.filter(pc.equal(sampled.index["label"], SPOOF))
    found = live_halves(sampled, spoofs)
    assert sampled.column("subject")[found].tolist() == spoofs["subject"].to_pylist()
    assert (sampled.column("label")[found] == LIVE).all()
    assert np.array_equal(_live_halves(sampled, spoofs, sampled), found)
    with pytest.raises(UserError, match=r"set inputs\.live to it"):
        _live_halves(sampled, spoofs, Corpus(f"{root}/real"))
    assert len(RowFilter(t0=(100, 200)).positions(sampled, "train")) == 14


def test_a_forecast_is_that_of_the_run(root: Path, sampled: Corpus) -> None:
    told = forecast(people_config(root), None, None)
    assert told["samples"] == len(sampled) and told["styles"] == Counter(sampled.column("style").tolist())
    assert "unmeasured" in told["speed"] and "distinct" not in told


@given(st.integers(1, 60), st.integers(1, 9), st.integers(1, 5), st.integers(1, 3))
def test_the_plan_is_a_function_and_its_shards_hold_whole_pairs(
    pairs: int, rows: int, batch: int, styles: int
) -> None:
    config = PlanConfig(samples=pairs, seed=pairs)
    plan = PeoplePlan(config, STYLES[:styles], rows, batch, "cc0", "0123456789abcdef", "f" * 64)
    shards = [plan.shard_plan(shard) for shard in plan.shards()]
    assert len(shards) == plan.shard_count
    assert all(len(shard.keys) == HALVES * len(shard.seed) == HALVES * len(shard.styles) for shard in shards)
    keys = [key for shard in shards for key in shard.keys]
    assert keys == sorted(set(keys)) and len(keys) == len(plan) == sum(plan.sizes().values()) == plan.distinct()
    assert len({int(seed) for shard in shards for seed in shard.seed}) == pairs
    found = Counter(record["row"]["style"] for shard in shards for record in plan.records(shard))
    assert found == +Counter(plan.style_counts())  # without styles that no pair has
    for shard in shards:
        for place, key in enumerate(shard.keys):
            assert plan.locate(key) == (shard.shard, place)
    whole = PeoplePlan(config, STYLES[:styles], 1000, 1, "cc0", "0123456789abcdef", "f" * 64)
    assert whole.shard_plan("train-000000").seed.tolist() == [int(seed) for shard in shards for seed in shard.seed]


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"sampler": {"t0": [100, 200], "batch_size": 2}}, "no T₀, w, steps, match or preset"),
        ({"sampler": {"match": "domain", "batch_size": 2}}, "no T₀, w, steps, match or preset"),
        ({"plan": {"samples": 2, "policies": ["cross-domain"]}}, r"leave plan\.policies out"),
        ({"plan": {"samples": 2, "guides_per_style": 2}}, r"leave plan\.guides_per_style out"),
        ({"plan": {"samples": 2, "styles": ["cam-mask"]}}, "knows no 'cam-mask', only cam-print"),
        ({"plan": {"samples": 2, "splits": ["dev"]}}, r"set plan\.splits=\[train\]"),
        ({"plan": {}}, r"set plan\.samples"),
        ({"output": {"paired": True, "formats": ["webdataset"]}}, r"leave output\.paired out"),
    ],
)
def test_what_means_nothing_is_refused_in_a_line(root: Path, settings: dict[str, Any], fault: str) -> None:
    config = people_config(root, **settings)
    with pytest.raises(UserError, match=fault):
        lay_plan(config, open_inputs(config))
    assert not Path(config.out).exists() or config.out.endswith("pairs")


def test_other_stations_refuse_the_folder(root: Path) -> None:
    people = f"{root}/people"
    for refused in (
        lambda: unet_config(Storage(people)),
        lambda: check_side(people, 32),
        lambda: probe.run(probe.ProbeConfig(generator=people)),
    ):
        with pytest.raises(UserError, match="samples new people"):
            refused()
