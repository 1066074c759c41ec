"""Fig. 8: a copy of a training spoof is found and told from what is not a copy."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks.corpora import face, png, small_rows, write_corpus
from difffas.style_encoder import StyleEncoder
from factory.core.config import build
from factory.corpus import Corpus
from factory.corpus.row import SPOOF
from factory.report.figures.nearest import NearestFigure, Space, prepare
from tests.pages import scored, spoofs_of


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Training spoofs; a generator that copied them, and one that did not."""
    root = tmp_path_factory.mktemp("nearest")
    real = scored(small_rows(splits=("train", "test"), subjects=6))
    write_corpus(root / "real", real)
    train = [r for r in real if r.label == SPOOF and r.split == "train"]
    made = spoofs_of([r for r in real if r.split == "train"], 12)
    copied = [dataclasses.replace(r, image=train[n % len(train)].image) for n, r in enumerate(made)]
    new = [dataclasses.replace(r, image=png(face(7000 + n))) for n, r in enumerate(made)]
    write_corpus(root / "copied", copied)
    write_corpus(root / "new", new)
    torch.manual_seed(0)
    encoder = StyleEncoder(["cam-print", "cam-replay"], stem_channels=8, channels=(8, 8, 8, 8), depths=(1, 1, 1, 1))
    encoder.save_pretrained(root / "model" / "style_encoder")
    return root


def config(folders: Path, **given: Any) -> NearestFigure:
    generated = {name: str(folders / name) for name in ("copied", "new")}
    values = {"generated": generated, "training": str(folders / "real"), "encoder": str(folders / "model"), "shown": 3}
    return build(NearestFigure, {**values, **given})


def test_copies_have_distance_zero_and_their_originals_beside_them(folders: Path) -> None:
    figure = prepare(config(folders)).draw()
    assert figure.table is not None
    columns, rows = figure.table
    cells = {name: dict(zip(columns, found, strict=True)) for name, found in rows}
    assert cells["copied"]["95th percentile"] == "0"
    assert float(cells["new"]["least"]) > 0
    below = columns[-1]  # real spoofs of unseen people are never copies
    assert below.startswith("below ") and cells["copied"][below] == "100.0 %" != cells["new"][below]
    assert [panel.title for panel in figure.panels[:-1]] == ["copied", "copied", "new", "new"]
    for panel in figure.panels[:-1]:
        assert panel.chart.count("<image") == 6
    uris = [part.split('"')[0] for part in figure.panels[0].chart.split('href="')[1:]]
    assert uris[:3] == uris[3:], "below each copy is its original"
    assert figure.panels[-1].chart.count('class="dot generated"') == 2


def test_the_nearest_is_that_of_the_cosine_of_all_pairs(folders: Path) -> None:
    from factory.models.load import load_style_encoder
    from factory.models.tensors import to_tensor

    training, made = Corpus(str(folders / "real")), Corpus(str(folders / "new"))
    spoofs, rows = training.where(split="train", label=SPOOF), made.where(label=SPOOF)
    encoder = load_style_encoder(str(folders / "model"))
    found = Space(encoder, training, spoofs).nearest(made, rows)
    with torch.no_grad():
        theirs, ours = (
            encoder(to_tensor(corpus.pixels(at)))[0][-1].flatten(1)
            for corpus, at in ((training, spoofs), (made, rows))
        )
    cosine = torch.nn.functional.cosine_similarity(
        (ours - theirs.mean(0))[:, None], (theirs - theirs.mean(0))[None], dim=-1
    )
    assert found.distance == pytest.approx(1 - cosine.max(dim=1).values.numpy(), abs=1e-5)
    assert (found.training == spoofs[cosine.argmax(dim=1).numpy()]).all()


def test_without_unseen_people_nothing_is_said_of_what_is_usual(folders: Path) -> None:
    figure = prepare(config(folders, unseen=None)).draw()
    assert figure.table is not None
    assert not figure.table.columns[-1].startswith("below") and len(figure.notes) == 1


def test_what_cannot_be_compared_is_refused(folders: Path, tmp_path: Path) -> None:
    write_corpus(tmp_path / "odd", small_rows(side=40))
    for given, message in (
        ({"split": "dev"}, "figures.nearest.split: .* has no spoof in split 'dev'"),
        ({"unseen": "dev"}, "figures.nearest.unseen"),
        ({"generated": {"x": str(tmp_path / "odd")}}, "images of 40 × 40, and a style encoder needs"),
        ({"encoder": str(folders / "real")}, "holds no style_encoder"),
    ):
        with pytest.raises(ValueError, match=message):
            prepare(config(folders, **given))
