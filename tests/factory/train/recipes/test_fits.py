"""The three recipes without Ray: what they read, how they look at held-out subjects, what they refuse."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.corpora import row, write_corpus
from difffas.classifier import SpoofClassifier
from factory.core.config import build
from factory.corpus import Corpus
from factory.train.recipes.classifier import FitClassifierConfig, classifier_recipe
from factory.train.recipes.generator import GeneratorRecipe
from factory.train.recipes.style import style_recipe, train_styles
from tests.factory.train.recipes.small import CPU, TRAIN, generator_settings, style_settings
from tests.told import told


def test_classifier_reads_real_and_generated_rows_under_one_numbering(root: Path) -> None:
    rows = [row(n, key=f"made-{n}", attack="print", label=1, t0=100 * n, cfg_scale=1.0) for n in range(4)]
    made = write_corpus(root / "made", rows)
    given = {
        "corpus": f"{root}/real",
        "generated": f"{root}/made",
        "generated_rows": {"t0": [100, 200]},
        "out": f"{root}/out",
        "backbone": "resnet18",
        "train": {**TRAIN, "evaluate_every": None},
        "resources": CPU,
    }
    real = Corpus(f"{root}/real")
    styles = train_styles(real, "train")
    recipe = classifier_recipe(told(build(FitClassifierConfig, given), styles))
    known = {
        key: (style, brisque)
        for corpus in (real, made)
        for key, style, brisque in zip(*map(corpus.column, ("key", "style", "brisque")), strict=True)
    }
    seen = set()
    for step in range(8):
        batch = recipe.reader(0, 1)(step)
        for (key,), label, brisque in zip(batch["keys"], batch["label"], batch["brisque"], strict=True):
            seen.add(key)
            assert styles[label] == known[key][0]
            np.testing.assert_equal(brisque, np.float64(known[key][1]))
    recipe.export(root / "exported")
    assert SpoofClassifier.load(root / "exported" / "classifier").image_size == 32
    train = {key for key, split in zip(real.column("key"), real.column("split"), strict=True) if split == "train"}
    assert seen == train | {"made-1", "made-2"}


def test_what_is_sent_to_the_readers_is_small(root: Path) -> None:
    """A reader is pickled for its own process: one that holds its recipe would take the network along."""
    from ray import cloudpickle

    for recipe in (style_recipe(style_settings(root)), GeneratorRecipe(generator_settings(root))):
        sent = cloudpickle.dumps(recipe.reader(0, 1))
        assert b"torch" not in sent
        assert len(sent) < 50_000
