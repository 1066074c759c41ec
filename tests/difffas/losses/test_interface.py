"""What all losses check: shapes, features that are needed, and floats that are wide enough."""

from __future__ import annotations

import pytest
import torch

from difffas.losses.interface import check, required_features, wide


@pytest.mark.parametrize(("cosines", "labels"), [((4,), (4,)), ((4, 3), (3,)), ((4, 3), (4, 1)), ((4, 3, 1), (4,))])
def test_other_shapes_are_named(cosines: tuple[int, ...], labels: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="give B,K and B"):
        check(torch.zeros(cosines), torch.zeros(labels, dtype=torch.int64))


def test_features_are_one_line_for_each_sample() -> None:
    labels = torch.zeros(3, dtype=torch.int64)
    for wrong in (None, torch.zeros(3), torch.zeros(2, 8)):
        with pytest.raises(ValueError, match="this loss needs the embeddings of 3 samples, B,D"):
            required_features(wrong, labels)
    features = torch.arange(6.0).reshape(3, 2)
    assert torch.equal(required_features(features.half(), labels), features)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (torch.float16, torch.float32),
        (torch.bfloat16, torch.float32),
        (torch.float32, torch.float32),
        (torch.float64, torch.float64),
    ],
)
def test_narrow_floats_become_float32_and_float64_stays(given: torch.dtype, expected: torch.dtype) -> None:
    assert wide(torch.ones(2, dtype=given)).dtype == expected
