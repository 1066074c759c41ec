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
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from benchmarks.corpora import face, small_rows, write_corpus
from difffas.pipeline import SpoofPipeline
from difffas.style_encoder import StyleEncoder
from difffas.unet import SpoofUNet
from factory import charts, strength
from factory.core.config import build
from factory.corpus import Corpus
from factory.corpus.row import LIVE, SPOOF
from factory.models.generators import Made
from factory.models.measures import log_odds, rms_change, structure_change
from factory.strength import StrengthConfig, choose_faces, run
from factory.strength.figures import correlations, ranks, spearman, summarise
from factory.strength.grid import AISLE, CELL, GAP, LABEL, TITLE, Block, draw_grid, shown_faces
from tests.pages import Page, report, samples_csv, study

SMALL = {"t0": [10, 60], "cfg_scale": [1.0, 20.0], "steps": 2, "faces": 6, "split": "train", "batch_size": 4}


def values(least: int = 2) -> st.SearchStrategy[list[float]]:
    return st.lists(st.integers(-50, 50).map(float), min_size=least, max_size=30)


def test_spearman_by_hand() -> None:
    assert ranks([10, 30, 20, 20, 5]).tolist() == [2, 5, 3.5, 3.5, 1]
    assert spearman([1, 2, 3, 4, 5], [1, 2, 3, 5, 4]) == pytest.approx(0.9)  # 1 − 6·2 / (5·24)
    assert spearman([1, 2, 3], [7, 7, 9]) == pytest.approx(np.sqrt(3) / 2)
    assert spearman([1, 2, 3], [4, 4, 4]) is None
    assert spearman([1], [2]) is None
    with pytest.raises(ValueError, match="2 and 3 values"):
        spearman([1, 2], [1, 2, 3])


@given(values(), st.randoms(use_true_random=False))
def test_spearman_equals_scipy(first: list[float], random: Any) -> None:
    stats = pytest.importorskip("scipy.stats")
    second = [random.choice(first) + random.randint(-3, 3) for _ in first]
    found = spearman(first, second)
    if found is None:
        assert len(set(first)) == 1 or len(set(second)) == 1
    else:
        assert found == pytest.approx(stats.spearmanr(first, second).statistic, abs=1e-12)


@given(values())
def test_spearman_sees_order_only(first: list[float]) -> None:
    found = spearman(first, [value**3 - 7 for value in first])
    assert found is None if len(set(first)) == 1 else found == pytest.approx(1)
    assert spearman(first, [-value for value in first]) == (None if found is None else pytest.approx(-1))


def test_correlations_tell_apart_what_they_average() -> None:
    levels, t0 = [100, 200, 300], np.arange(3.0)[:, None, None]
    faces = 100 * np.arange(4.0)  # differences between faces far above the effect
    styles = ["a", "b", "a", "b"]
    found = correlations(np.broadcast_to(t0 + faces, (3, 2, 4)), levels, styles)
    assert found["cells"] == found["styles"] == found["faces"] == pytest.approx(1)
    assert found["pooled"] is not None and 0 < found["pooled"] < 0.5
    nothing = correlations(np.ones((3, 2, 4)), levels, styles)
    assert nothing == dict.fromkeys(("cells", "styles", "faces", "pooled"))
    # One face of four falls while the others rise: the means still rise.
    mixed = np.where(np.arange(4) == 0, -t0, t0) + np.zeros((3, 2, 4))
    found = correlations(mixed, levels, ["a", "b", "b", "b"])
    assert [found[kind] for kind in ("cells", "styles", "faces")] == pytest.approx([1, 0, 0.5])
    # All faces of one style fall, and still the means rise, by the other style alone.
    steep = np.where(np.arange(4) % 2 == 0, -t0, 9 * t0) + np.zeros((3, 2, 4))
    found = correlations(steep, levels, styles)
    assert [found[kind] for kind in ("cells", "styles", "faces")] == pytest.approx([1, 0, 0])


def test_summary_of_a_known_study() -> None:
    summary = summarise(samples_csv([100, 250], [1.0, 2.0, 4.0], 4, lambda t0, w, face: t0 / 100 + 10 * w + face))
    assert (summary["samples"], summary["faces"]) == (24, 4)
    assert summary["t0"] == [100, 250]
    first = summary["cells"][0]
    assert (first["t0"], first["cfg_scale"], first["n"]) == (100, 1.0, 4)
    assert first["strength_mean"] == pytest.approx(1 + 10 + 1.5)
    assert first["strength_std"] == pytest.approx(np.std([0, 1, 2, 3]))
    assert summary["change"]["strength"] == {"t0": pytest.approx(1.5), "cfg_scale": pytest.approx(30)}
    assert summary["spearman"]["strength"]["cfg_scale"]["cells"] == pytest.approx(1)
    assert summary["spearman"]["rms"]["t0"]["cells"] == pytest.approx(-1)
    assert summary["references"] == {
        "live": {"mean": pytest.approx(-5), "std": pytest.approx(0)},
        "guide": {"mean": pytest.approx(9), "std": pytest.approx(0)},
    }


@given(st.lists(st.floats(-6, 6), min_size=2, max_size=5), st.data())
def test_log_odds_are_those_of_the_softmax(logits: list[float], data: Any) -> None:
    chosen = data.draw(st.integers(0, len(logits) - 1))
    p = torch.tensor(logits, dtype=torch.float64).softmax(0)[chosen]
    assert float(log_odds(torch.tensor([logits]), torch.tensor([chosen]))) == pytest.approx(
        float(torch.logit(p)), abs=1e-4
    )


def test_log_odds_stay_finite_where_the_softmax_is_one() -> None:
    logits = torch.tensor([[900.0, -900.0, 0.0], [900.0, -900.0, 0.0]])
    assert log_odds(logits, torch.tensor([0, 1])).tolist() == [900.0, -1800.0]
    assert log_odds(torch.tensor([[1.0, 1.0, 1.0]]), torch.tensor([2])).tolist() == pytest.approx([-np.log(2)])


def test_identity_change_goes_by_structure() -> None:
    live = np.stack([face(seed, 64) for seed in range(3)])
    assert structure_change(live, live) == pytest.approx(np.zeros(3), abs=1e-9)
    tinted = (live * np.array([0.9, 1.0, 1.1])).clip(0, 255).astype(np.uint8)
    moved = np.roll(live, 3, axis=2)
    assert (structure_change(live, tinted) < 0.05).all()
    assert (structure_change(live, moved) > 5 * structure_change(live, tinted)).all()
    assert rms_change(live[:1], live[:1] // 2 * 2 + (live[:1] % 2 == 0)).tolist() == [1.0]


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


def test_the_picture_has_every_spoof_in_its_place() -> None:
    spoofs = np.stack([np.full((32, 32, 3), 10 * n + 40, np.uint8) for n in range(6)]).reshape(2, 3, 32, 32, 3)
    block = Block("cam-print", np.full((32, 32, 3), 1, np.uint8), np.full((32, 32, 3), 2, np.uint8), spoofs)
    with Image.open(io.BytesIO(draw_grid([block, block], [100, 250], [1.0, 2.0, 4.5]))) as image:
        pixels = np.asarray(image)
    height, middle = pixels.shape[0] // 2, CELL // 2
    for top in (TITLE, height + TITLE):
        for row in range(2):
            for column in range(3):
                x = CELL + AISLE + LABEL + column * (CELL + GAP) + middle
                shown = pixels[top + row * (CELL + GAP) + middle, x]
                assert shown.tolist() == [*spoofs[row, column, 0, 0], 255]
        assert pixels[top + middle, middle].tolist() == [1, 1, 1, 255]
        assert pixels[top + CELL + TITLE + middle, middle].tolist() == [2, 2, 2, 255]
        heads = pixels[top - TITLE : top, CELL + AISLE + LABEL :, 3].reshape(TITLE, 3, CELL + GAP)
        assert (heads.max(axis=(0, 2)) > 0).all()  # each column has a label above it
    assert pixels[0, 0, 3] == 0


def test_faces_shown_are_of_different_styles() -> None:
    assert shown_faces(["a", "b", "c", "d"] * 2, 3) == [0, 1, 2]
    assert shown_faces(["a", "b"] * 4, 3) == [0, 1, 5]
    assert shown_faces(["a"] * 16, 3) == [0, 6, 11]
    assert shown_faces(["a"] * 2, 3) == [0, 1]


def test_the_report_has_a_section(tmp_path: Path) -> None:
    page = report(tmp_path / "report", {"strength": study(tmp_path / "study")})
    assert page.sections == ["strength"]
    text = page.text["strength"]
    summary = json.loads((tmp_path / "study" / "summary.json").read_text())
    for name, decimals in (("strength", 2), ("identity_change", 3), ("rms", 1)):
        for cell in summary["cells"]:
            assert charts.fixed(cell[f"{name}_mean"], decimals) in text
    assert "Strength T₀ 1.00 1.00 1.00" in text and "Strength w 1.00 1.00 1.00" in text  # cell means, style, face
    assert "+1.50 Strength w" in text and "+0.35 Identity change T₀" in text  # how far they move
    assert "Identity change w — — —" in text
    assert "untouched live faces have −5.0 ± 0.0, the real guides 9.0 ± 0.0" in text
    heats = [
        float(cell["style"].removeprefix("--heat: ").removesuffix("%")) for cell in page.of("td") if "style" in cell
    ]
    assert len(heats) == 3 * 6
    assert min(heats) == 0 and max(heats) == 45
    assert heats[:6] == sorted(heats[:6])  # strength rises along the rows
    pictures = [image for image in page.of("img") if image.get("class") == "matrix"]
    assert pictures[0]["src"].startswith("data:image/webp;base64,")


def test_the_report_goes_without_the_picture(tmp_path: Path) -> None:
    folder = study(tmp_path / "study")
    (tmp_path / "study" / "grid.png").unlink()
    page: Page = report(tmp_path / "report", {"strength": folder})
    assert page.sections == ["strength"]
    assert not page.of("img")
