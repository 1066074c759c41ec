"""A classifier as a judge of style: its probabilities whatever the batch, its styles and its digest."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest

from difffas.patches import Patches
from factory.models.style_judge import ClassifierOfStyle, judge_digest, judge_styles
from factory.storage import Storage
from tests.factory.audit.planted import STYLES, TINTS, fitted_classifier, fitted_encoder, person


def test_the_probabilities_are_those_of_each_image_whatever_the_batch(tmp_path: Path) -> None:
    fitted_classifier().save(tmp_path / "classifier")
    attacks = list(TINTS)
    images = np.stack([person(number, attacks[number % 3], number) for number in range(7)])
    judge = ClassifierOfStyle(str(tmp_path), batch_size=3)
    found = judge.probabilities(images)
    np.testing.assert_allclose(found.sum(axis=1), 1.0)
    assert [judge.styles[place] for place in found.argmax(axis=1)] == [f"cam-{attacks[n % 3]}" for n in range(7)]
    np.testing.assert_allclose(ClassifierOfStyle(str(tmp_path), batch_size=7).probabilities(images), found, atol=1e-5)


def test_a_judge_of_patches_says_their_mean(tmp_path: Path) -> None:
    classifier = copy.deepcopy(fitted_classifier())  # that one is every test's
    images = np.stack([person(number, next(iter(TINTS)), number) for number in range(3)])
    side, images = images.shape[1], np.pad(images, ((0, 0), (0, 4), (0, 4), (0, 0)), mode="reflect")
    classifier.save(tmp_path / "whole")
    classifier.patches = Patches(side, 2)
    classifier.save(tmp_path / "patches")
    whole = ClassifierOfStyle(str(tmp_path / "whole"), batch_size=3)
    corners = [images[:, top : top + side, left : left + side] for top in (0, 4) for left in (0, 4)]
    wanted = np.mean([whole.probabilities(corner) for corner in corners], axis=0)
    found = ClassifierOfStyle(str(tmp_path / "patches"), batch_size=2).probabilities(images)
    np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_the_part_and_the_folder_of_a_classifier_are_the_same_judge(tmp_path: Path) -> None:
    fitted_encoder().save_pretrained(tmp_path / "style" / "style_encoder")
    fitted_classifier().save(tmp_path / "model" / "classifier")
    whole, part = Storage(f"{tmp_path}/model"), Storage(f"{tmp_path}/model/classifier")
    assert judge_styles(whole) == judge_styles(part) == list(STYLES)
    assert judge_digest(whole) == judge_digest(part)
    fitted_classifier(right=False).save(tmp_path / "other")
    assert judge_digest(Storage(str(tmp_path / "other"))) != judge_digest(whole)
    with pytest.raises(ValueError, match="holds no classifier"):
        judge_styles(Storage(f"{tmp_path}/style"))
