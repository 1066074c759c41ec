"""Settings of a preparation that do not go together."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from factory.core.config import build
from factory.datasets import BOXES, DATASETS
from factory.prepare.config import LISTED, DatasetName, PrepareConfig

PLAIN: dict[str, Any] = {"source": "faces", "out": "out", "crop": "none"}


def test_every_data_set_may_be_named_and_no_other() -> None:
    assert set(get_args(DatasetName)) == set(DATASETS) >= {*LISTED, *BOXES}
    for name in DATASETS:
        assert build(PrepareConfig, {**PLAIN, "dataset": name}).dataset == name
    with pytest.raises(ValueError, match="dataset"):
        build(PrepareConfig, {**PLAIN, "dataset": "casia"})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"size": 100}, "size 100 must be a multiple of 32: take 96 or 128"),
        ({"crop": "dataset"}, "crop=dataset needs a data set with face boxes"),
        ({"crop": "dataset", "dataset": "nuaa"}, "crop=dataset needs a data set with face boxes .*, not nuaa"),
        ({"crop": "retinaface", "dataset": "replay-attack"}, "crop=dataset takes the boxes of the data set"),
        ({"dataset": "siw", "pattern": "{attack}"}, "dataset=siw says what its files are: leave out pattern"),
        ({"dataset": "siw", "columns": {"label": "x"}}, "leave out columns"),
        (
            {"dataset": "siw", "dataset_list": "list.csv"},
            "dataset_list is for dataset=wmca, .*, not for siw",
        ),
        ({"dataset_list": "list.csv"}, "dataset_list is for"),
        ({"dataset": "nuaa", "frames_within": 60}, "frames_within is for data sets of videos, not for nuaa"),
        ({"frames_within": 60}, "frames_within is for data sets of videos"),
        ({"split": {"train": 0.5, "hold-out": 0.5}}, "call it 'hold_out'"),
        ({"split": {"train": 1.5, "test": -0.5}}, "must be fractions that sum to 1"),
        ({"columns": {"sujet": "x"}}, "columns.sujet is not a field of a row"),
        ({"pattern": "{attack}/[x]"}, "unknown syntax"),
    ],
)
def test_mistakes_are_one_line(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        build(PrepareConfig, {**PLAIN, **given})
    assert "\n" not in str(caught.value)
