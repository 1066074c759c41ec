"""`sampler.match`: what it changes, what it refuses, and that a sample can be made again to the byte."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from difffas.errors import UserError
from factory.corpus import Corpus
from factory.corpus.style_statistics import statistics_by_style
from factory.generate import lay_plan, open_inputs, run
from factory.generate.regenerate import regenerate
from tests.factory.generate.test_regenerate import config, made  # noqa: F401


def test_a_model_without_statistics_is_refused_before_a_folder_is_claimed(made: Path) -> None:  # noqa: F811
    given = config(made, "sampler.match=style", f"out={made}/refused")
    with pytest.raises(
        UserError, match=r"the generator has no statistics of style 'cam-live': set sampler.match_unseen"
    ):
        lay_plan(given, open_inputs(given))
    assert not (made / "refused").exists()


def test_the_dummy_generator_matches_nothing(made: Path) -> None:  # noqa: F811
    given = config(made, "sampler.match=domain", "inputs.generator=dummy")
    with pytest.raises(UserError, match="sampler.match domain does nothing with generator dummy"):
        lay_plan(given, open_inputs(given))


@pytest.mark.parametrize("name", ["recolour", "simulate"])
def test_generators_without_a_network_take_no_sampler(made: Path, name: str) -> None:  # noqa: F811
    given = config(made, f"inputs.generator={name}")
    with pytest.raises(UserError, match=f"generator {name} has no T₀, w, steps or preset: leave sampler out"):
        lay_plan(given, open_inputs(given))


def test_a_domain_match_within_one_domain_changes_nothing(made: Path) -> None:  # noqa: F811
    """No route crosses domains, so no statistics are needed, and none are missed."""
    within = "plan.policies=[cross-attack]", "plan.samples=5"
    for match in ("none", "domain"):
        given = config(made, *within, f"sampler.match={match}", f"out={made}/within-{match}")
        assert run(given)["written"] == 5
    crossed = [route for route in lay_plan(given, open_inputs(given)).routes() if route.live != route.condition]
    plain, matched = (Corpus(f"{made}/within-{match}") for match in ("none", "domain"))
    assert not crossed and (plain.pixels(range(5)) == matched.pixels(range(5))).all()
    assert [set(corpus.column("match")) for corpus in (plain, matched)] == [{"none"}, {"domain"}]


def test_matched_samples_differ_and_can_be_made_again(made: Path) -> None:  # noqa: F811
    """With statistics in the model or estimated from the inputs: these are the same rows, hence the same bytes."""
    from difffas.style_statistics import write_statistics

    estimated = config(made, "sampler.match=style", "sampler.match_unseen=estimate", f"out={made}/estimated")
    assert run(estimated)["written"] == 17
    shutil.copytree(made / "model", made / "matching-model")
    write_statistics(made / "matching-model", statistics_by_style(Corpus(f"{made}/real"), ["train"]))
    known = config(made, "sampler.match=style", f"inputs.generator={made}/matching-model", f"out={made}/known")
    assert run(known)["written"] == 17
    plain, *matched = (Corpus(f"{made}/{name}") for name in ("spoofs", "estimated", "known"))
    images = [corpus.pixels(range(17)) for corpus in (plain, *matched)]
    assert (images[1] == images[2]).all()
    assert (images[0] != images[1]).any(axis=(1, 2, 3)).all(), "every sample starts from other colours"
    assert matched[0].digest != matched[1].digest, "they were made by other model folders"
    key = str(matched[0].index["key"][3])
    assert regenerate(f"{made}/estimated", key, [])[1]["equal"]


def test_a_start_recoloured_to_the_guide_needs_no_statistics_and_can_be_made_again(made: Path) -> None:  # noqa: F811
    given = config(made, "sampler.match=guide", f"out={made}/guided")
    assert run(given)["written"] == 17
    plain, guided = Corpus(f"{made}/spoofs"), Corpus(f"{made}/guided")
    assert (plain.pixels(range(17)) != guided.pixels(range(17))).any(axis=(1, 2, 3)).all()
    assert regenerate(f"{made}/guided", str(guided.index["key"][3]), [])[1]["equal"]


def test_simulated_attacks_are_those_of_the_guides(made: Path) -> None:  # noqa: F811
    plain = ("sampler.steps=25", "sampler.t0=[250, 250]", "sampler.cfg_scale=[2.0, 2.0]")
    given = config(made, "inputs.generator=simulate", f"out={made}/simulated", *plain)
    assert run(given)["written"] == 17
    simulated = Corpus(f"{made}/simulated")
    assert set(simulated.column("generator")) == {"simulate"}
    key = str(simulated.index["key"][3])
    assert regenerate(f"{made}/simulated", key, [])[1]["equal"]
