"""Fig. 5: columns differ in the generator alone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks.corpora import small_rows, write_corpus
from difffas.pipeline import SpoofPipeline
from difffas.style_encoder import StyleEncoder
from difffas.unet import SpoofUNet
from factory.core.config import build
from factory.report.figures.variants import VariantsFigure, prepare

STYLES = [f"{domain}-{attack}" for domain in ("cam", "phone") for attack in ("live", "print", "replay")]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus, two generators that share a style encoder, and one with another."""
    root = tmp_path_factory.mktemp("variants")
    write_corpus(root / "real", small_rows(splits=("train", "test")))
    torch.manual_seed(0)
    shared, other = (
        StyleEncoder(STYLES, stem_channels=8, channels=(8, 8, 8, 8), depths=(1, 1, 1, 1)) for _ in range(2)
    )
    for name, encoder, variant in (("a", shared, "adain"), ("d", shared, "stfm"), ("other", other, "stfm")):
        unet = SpoofUNet(
            base_channels=8, channel_multipliers=(1,) * 6, embed_channels=16, timesteps=300, variant=variant
        )
        for parameter in unet.parameters():
            torch.nn.init.normal_(parameter, std=0.2)
        SpoofPipeline(unet, encoder).save_pretrained(root / name)
    return root


def config(root: Path, *names: str, **given: Any) -> VariantsFigure:
    generators = {f"{name} <{n}>": str(root / name) for n, name in enumerate(names)}
    small = {"faces": 4, "t0": 60, "steps": 2, "split": "train", "threads": 1}
    return build(VariantsFigure, {"generators": generators, "live": str(root / "real"), **small, **given})


def test_one_generator_twice_gives_equal_columns_and_another_others(root: Path) -> None:
    prepared = prepare(config(root, "d", "d", "a"))
    figure = prepared.draw()
    (panel,) = figure.panels
    uris = re.findall(r'href="(data:[^"]+)"', panel.chart)
    rows = [uris[at : at + 5] for at in range(0, len(uris), 5)]
    assert len(uris) == 4 * 5
    for live, guide, first, again, adain in rows:
        assert first == again and len({live, guide, first, adain}) == 4
    assert "d &lt;0&gt;" in panel.chart and panel.chart.count('class="made"') == 12
    assert figure.table is not None
    assert figure.table.columns == ["identity change", "strength"]
    assert figure.table.rows[0][1] == figure.table.rows[1][1] != figure.table.rows[2][1]
    assert "live faces" in prepared.folders


def test_strengths_under_different_encoders_are_not_compared(root: Path) -> None:
    figure = prepare(config(root, "d", "other")).draw()
    assert figure.table is not None
    assert figure.table.columns == ["identity change"] and "cannot be compared" in figure.notes[0]


def test_identity_is_of_contents_and_settings(root: Path) -> None:
    first = prepare(config(root, "a", "d")).identity
    assert first == prepare(config(root, "a", "d", threads=2)).identity
    assert first != prepare(config(root, "a", "d", seed=1)).identity
    assert first != prepare(config(root, "d", "a")).identity
    assert str(root) not in str(first)


def test_what_no_generator_can_show_is_refused(root: Path) -> None:
    for given, message in (
        ({"t0": 400}, "was trained for T₀ up to 300"),
        ({"split": "dev"}, "split 'dev' has 0 live faces"),
        ({"styles": ["cam-mask"]}, r"no guide of \['cam-mask'\]"),
    ):
        with pytest.raises(ValueError, match=message):
            prepare(config(root, "a", "d", **given))
    with pytest.raises(ValueError, match="is not a model folder"):
        prepare(config(root, "a", "real"))
