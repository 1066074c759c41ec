from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.corpora import small_rows, write_corpus
from difffas.pipeline import SpoofPipeline
from difffas.style_encoder import StyleEncoder
from difffas.unet import SpoofUNet
from factory import strength
from factory.core.config import build
from factory.corpus import Corpus
from factory.corpus.row import LIVE, SPOOF
from factory.models.generators import Made
from factory.strength import StrengthConfig, choose_faces, run
from factory.strength.figures import summarise

SMALL = {"t0": [10, 60], "cfg_scale": [1.0, 20.0], "steps": 2, "faces": 6, "split": "train", "batch_size": 4}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: Any) -> Corpus:
    return write_corpus(tmp_path_factory.mktemp("corpus") / "real", small_rows(splits=("train", "test")))


@pytest.fixture(scope="module")
def model(tmp_path_factory: Any) -> Path:
    """A small generator that was trained below T₀ = 300 and whose output depends on everything."""
    torch.manual_seed(0)
    unet = SpoofUNet(base_channels=8, channel_multipliers=(1,) * 6, embed_channels=16, timesteps=300)
    styles = [f"{domain}-{attack}" for domain in ("cam", "phone") for attack in ("live", "print", "replay")]
    encoder = StyleEncoder(styles, stem_channels=8, channels=(8, 8, 8, 8), depths=(1, 1, 1, 1))
    for parameter in unet.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    folder = tmp_path_factory.mktemp("model")
    SpoofPipeline(unet, encoder).save_pretrained(folder)
    return folder


Settings = Callable[..., StrengthConfig]


@pytest.fixture
def settings(corpus: Corpus, model: Path, tmp_path: Path) -> Settings:
    def of(**given: Any) -> StrengthConfig:
        url = corpus.storage.url
        inputs = {"live": url, "guides": url, "generator": str(model)}
        resources = {"threads": 1}
        return build(
            StrengthConfig, {"inputs": inputs, "out": str(tmp_path / "out"), **SMALL, "resources": resources, **given}
        )

    return of


def test_faces_are_even_and_guides_are_other_people(corpus: Corpus, settings: Settings) -> None:
    faces = choose_faces(settings(faces=8), corpus, corpus)
    assert faces.style == ["cam-print", "cam-replay", "phone-print", "phone-replay"] * 2
    assert (corpus.column("label")[faces.live] == LIVE).all() and (corpus.column("label")[faces.guide] == SPOOF).all()
    assert set(corpus.column("split")[np.r_[faces.live, faces.guide]]) == {"train"}
    assert corpus.column("style")[faces.guide].tolist() == faces.style
    assert len(set(faces.live)) == len(set(faces.seed)) == 8
    for live, guide in zip(corpus.rows(faces.live), corpus.rows(faces.guide), strict=True):
        assert (live.domain, live.subject) != (guide.domain, guide.subject)
    assert not np.array_equal(choose_faces(settings(faces=8, seed=1), corpus, corpus).seed, faces.seed)


def test_a_lone_subject_is_guided_by_itself(tmp_path: Path, settings: Settings) -> None:
    alone = write_corpus(tmp_path / "alone", small_rows(subjects=1, domains=("cam",)))
    faces = choose_faces(settings(faces=2, styles=["cam-print"]), alone, alone)
    assert set(alone.column("style")[faces.guide]) == {"cam-print"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"t0": [10, 301]}, "was trained for T₀ up to 300"),
        ({"t0": [60, 10]}, "must rise"),
        ({"cfg_scale": [2, 2]}, "must rise"),
        ({"t0": [1, 60]}, "must lie within steps"),
        ({"split": "dev"}, "0 live faces"),
        ({"faces": 9}, "8 live faces, `faces` is 9"),
        ({"faces": 3}, "3 faces cannot show 4 styles"),
        ({"styles": ["cam-mask"]}, "no guide of .'cam-mask'."),
        ({"match": "style"}, "the generator has no statistics of style 'cam-live'.*sampler.match_unseen=estimate"),
    ],
)
def test_a_mistake_is_one_line_and_claims_nothing(settings: Settings, given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        run(settings(**given))
    assert "\n" not in str(caught.value)
    assert not Path(settings().out).exists()


def test_a_style_that_the_encoder_does_not_know_is_refused(tmp_path: Path, model: Path, settings: Settings) -> None:
    other = write_corpus(tmp_path / "other", small_rows(domains=("dslr",)))
    url = other.storage.url
    with pytest.raises(ValueError, match="does not know .'dslr-print', 'dslr-replay'."):
        run(settings(inputs={"live": url, "guides": url, "generator": str(model)}))
    with pytest.raises(ValueError, match="not a model folder"):
        run(settings(inputs={"live": url, "guides": url, "generator": "dummy"}))


def test_images_of_another_size_are_refused(tmp_path: Path, corpus: Corpus, model: Path, settings: Settings) -> None:
    large = write_corpus(tmp_path / "large", small_rows(side=64))
    inputs = {"live": corpus.storage.url, "guides": large.storage.url, "generator": str(model)}
    with pytest.raises(ValueError, match="live faces are 32×32, guides 64×64"):
        run(settings(inputs=inputs))
    assert not Path(settings().out).exists()


def lines_of(folder: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((Path(folder) / "samples.csv").read_text())))


def test_only_t0_and_w_vary(settings: Settings, tmp_path: Path) -> None:
    config = settings()
    summary = run(config)
    lines = lines_of(config.out)
    assert len(lines) == summary["samples"] == 2 * 2 * 6
    same = ("style", "live_key", "guide_key", "seed", "live_strength", "guide_strength")
    for number in range(6):
        assert len({tuple(line[name] for name in same) for line in lines if line["face"] == str(number)}) == 1
    assert len({line["strength"] for line in lines}) == 24
    assert summary == summarise((Path(config.out) / "samples.csv").read_bytes())
    cells = list(csv.DictReader(io.StringIO((Path(config.out) / "cells.csv").read_text())))
    assert [(cell["t0"], cell["cfg_scale"], cell["n"]) for cell in cells] == [
        (t0, w, "6") for t0 in ("10", "60") for w in ("1.0", "20.0")
    ]
    # A cell by itself is the same cell.
    alone = settings(t0=[60], cfg_scale=[20.0], out=str(tmp_path / "alone"))
    run(alone)
    whole = [line for line in lines if (line["t0"], line["cfg_scale"]) == ("60", "20.0")]
    assert lines_of(alone.out) == whole


def test_match_unseen_without_a_match_is_refused_in_one_line(settings: Settings) -> None:
    with pytest.raises(
        ValueError, match="^sampler.match_unseen estimate needs sampler.match domain or style"
    ) as caught:
        settings(match_unseen="estimate")
    assert "\n" not in str(caught.value)


def test_matching_changes_every_spoof_and_none_keeps_the_fingerprint(settings: Settings, tmp_path: Path) -> None:
    one = {"t0": [60], "cfg_scale": [1.0]}
    plain, matched = (
        settings(**one),
        settings(**one, match="style", match_unseen="estimate", out=f"{tmp_path}/matched"),
    )
    for config in (plain, matched):
        run(config)
    before, after = lines_of(plain.out), lines_of(matched.out)
    same = ("style", "live_key", "guide_key", "seed", "live_strength", "guide_strength")
    for first, then in zip(before, after, strict=True):
        assert [first[name] for name in same] == [then[name] for name in same]
        assert first["rms"] != then["rms"]
    identity = json.loads((Path(plain.out) / "run.json").read_text())["identity"]
    assert not {"match", "match_unseen"} & set(identity) and "by_style" not in identity["sampler"]


def test_running_again_changes_nothing_and_an_interrupted_run_goes_on(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = settings()
    out = Path(config.out)
    summary = run(config)
    written = json.loads((out / "summary.json").read_text())
    assert sorted(written.pop("digests")) == ["cells.csv", "grid.png", "run.json", "samples.csv", "summary.json"]
    assert written == summary
    before = {path.name: path.stat().st_mtime_ns for path in out.iterdir()}
    assert sorted(before) == ["cells.csv", "grid.png", "run.json", "samples.csv", "summary.json"]
    monkeypatch.setattr(strength, "load_generator", None)  # nothing is generated from here on
    assert run(settings(resources={"threads": 2})) == summary
    assert {path.name: path.stat().st_mtime_ns for path in out.iterdir()} == before
    (out / "summary.json").unlink()
    assert run(config) == summary
    with pytest.raises(ValueError, match="belongs to another run"):
        run(settings(seed=1))


def test_spoofs_that_are_no_numbers_end_the_study(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Made(np.zeros((6, 32, 32, 3), np.uint8), broken=[4])
    monkeypatch.setattr(strength, "load_generator", lambda *_: lambda request: made)
    with pytest.raises(ValueError, match="T₀ 10, w 1: 1 of 6 spoofs came out as NaN"):
        run(settings())
    assert not (Path(settings().out) / "samples.csv").exists()
