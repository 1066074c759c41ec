"""Where the statistics of a style come from: the model, or real rows of the inputs where that is allowed."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.corpora import face, png, row, small_rows, write_corpus
from difffas.errors import UserError
from difffas.matching import Moments
from difffas.routes import Route
from difffas.style_statistics import write_statistics
from factory.corpus import Corpus
from factory.corpus import style_statistics as ours
from factory.models.settings import SamplerConfig
from factory.models.tensors import to_tensor

ROUTE = Route("a-live", "b-live", "b-print")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    folder = tmp_path_factory.mktemp("statistics")
    write_corpus(folder / "real", small_rows(splits=("train", "test")))
    return Corpus(str(folder / "real"))


def sampler(**settings: str) -> SamplerConfig:
    return SamplerConfig.model_validate({"match": "style", **settings})


def test_every_style_of_the_split_has_statistics(corpus: Corpus) -> None:
    found = ours.statistics_by_style(corpus, ["train"])
    mine = corpus.column("split") == "train"
    assert found.keys() == set(corpus.column("style")[mine])
    assert any(style.endswith("-live") for style in found), "live faces have a style, too"
    for style, each in found.items():
        rows = np.flatnonzero(mine & (corpus.column("style") == style))
        assert each.count == len(rows)
        expected = Moments.of(to_tensor(corpus.pixels(rows))).statistics
        torch.testing.assert_close(each.covariance, expected.covariance, rtol=0, atol=1e-12)


def test_a_large_style_is_read_in_part(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ours, "IMAGES", 3)
    monkeypatch.setattr(ours, "CHUNK", 2)
    assert {each.count for each in ours.statistics_by_style(corpus, ["train"]).values()} <= {1, 2, 3}


def test_the_model_comes_first_and_the_inputs_only_if_asked(corpus: Corpus) -> None:
    styles = sorted({str(style) for style in corpus.column("style")})
    live = next(style for style in styles if style.endswith("-live"))
    spoof = next(style for style in styles if style.startswith(live.removesuffix("live")) and style != live)
    route, size = Route(live, live, spoof), corpus.pixels([0]).shape[1:3]
    known = {live: ours.statistics_by_style(corpus, ["train"])[live]}
    with pytest.raises(
        UserError, match=rf"no statistics of style '{spoof}', only of {live}: set sampler.match_unseen"
    ):
        ours.match_sources(known, sampler(), [route], [corpus], ["train"], size)
    allowed = sampler(match_unseen="estimate")
    found = ours.match_sources(known, allowed, [route], [corpus], ["train"], size)
    assert found[live] is known[live]
    estimated = found[spoof]
    assert isinstance(estimated, ours.RowsOfStyle)
    assert ours.matching_statistics(found)[spoof].count == len(estimated.rows)
    with pytest.raises(UserError, match="no input has a real image of style 'b-none' in split train"):
        ours.match_sources({}, allowed, [Route(live, live, "b-none")], [corpus], ["train"], size)
    with pytest.raises(UserError, match=r"are of images of .* the inputs have \(8, 8\)"):
        ours.match_sources(known, allowed, [route], [corpus], ["train"], (8, 8))


def test_splits_share_no_estimate(corpus: Corpus) -> None:
    """Else the looks of test people would be in training rows."""
    allowed = sampler(match_unseen="estimate")
    with pytest.raises(UserError, match=r"plan.splits \['train', 'test'\] would share the statistics"):
        ours.match_sources(
            {}, allowed, [Route("cam-live", "cam-live", "cam-live")], [corpus], ["train", "test"], (32, 32)
        )


def test_an_image_that_cannot_be_read_or_has_an_odd_size_is_left_out(tmp_path: Path) -> None:
    rows = [row(number, label=0) for number in range(5)]
    broken, odd = dataclasses.replace(rows[1], image=b"no image"), dataclasses.replace(rows[3], image=png(face(3, 48)))
    corpus = write_corpus(tmp_path / "real", [rows[0], broken, rows[2], odd, rows[4]])
    found = ours.statistics_by_style(corpus, ["train"])["cam-live"]
    assert found.count == 3 and found.size == (32, 32)
    expected = Moments.of(to_tensor(np.stack([face(number) for number in (0, 2, 4)]))).statistics
    torch.testing.assert_close(found.covariance, expected.covariance, rtol=0, atol=1e-12)
    alone = write_corpus(tmp_path / "broken", [broken])
    with pytest.raises(UserError, match="no image of style 'cam-live' can be read"):
        ours.statistics_by_style(alone, ["train"])


def test_without_a_match_nothing_is_needed() -> None:
    none = SamplerConfig()
    assert ours.match_sources({}, none, [ROUTE], [], ["train"], (8, 8)) == {}


def test_a_route_goes_from_the_live_face_s_domain_to_the_guide_s_style() -> None:
    assert ours.route_of("a", "b", "b-print") == ROUTE
    assert ours.route_of("a", "a", "a-print-session_2") == ("a-live", "a-live", "a-print-session_2")


def test_sources_of_a_run_are_the_model_s_statistics_and_rows_of_its_own_split(corpus: Corpus, tmp_path: Path) -> None:
    routes, size = {Route("cam-live", "phone-live", "phone-print")}, corpus.pixels([0]).shape[1:3]
    known = ours.statistics_by_style(corpus, ["train"])
    write_statistics(tmp_path / "model", {"cam-live": known["cam-live"]})
    asked = (routes, (corpus, corpus), "test", size)
    assert ours.sources_of_run(str(tmp_path / "nowhere"), SamplerConfig(), *asked) == {}
    with pytest.raises(UserError, match="no statistics of style 'phone-live', only of cam-live"):
        ours.sources_of_run(str(tmp_path / "model"), sampler(), *asked)
    found = ours.sources_of_run(str(tmp_path / "model"), sampler(match_unseen="estimate"), *asked)
    assert sorted(found) == ["cam-live", "phone-live", "phone-print"]
    for style in ("phone-live", "phone-print"):
        source = found[style]
        assert isinstance(source, ours.RowsOfStyle) and set(corpus.column("split")[source.rows]) == {"test"}
