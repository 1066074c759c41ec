from __future__ import annotations

import dataclasses
import json

import pytest

from benchmarks.corpora import row
from factory.corpus.row import (
    COLUMNS,
    FACTS,
    INDEX_SCHEMA,
    SCHEMA,
    Row,
    attack_of_style,
    domain_of_style,
    extension_of,
    style_of,
    to_table,
)


def test_arrow_schema_has_every_field_of_the_row_in_order() -> None:
    assert tuple(SCHEMA.names) == COLUMNS == tuple(field.name for field in dataclasses.fields(Row))
    assert INDEX_SCHEMA.names == [*FACTS, "shard", "position"]
    assert "image" not in INDEX_SCHEMA.names


def test_hugging_face_key_types_every_column() -> None:
    features = json.loads(SCHEMA.metadata[b"huggingface"])["info"]["features"]
    assert list(features) == list(COLUMNS)
    assert features["image"] == {"_type": "Image"}
    assert features["label"] == {"names": ["live", "spoof"], "_type": "ClassLabel"}
    assert features["brisque"] == {"dtype": "float64", "_type": "Value"}


def test_table_keeps_values_and_names_the_image_by_key() -> None:
    table = to_table([row(3, brisque=-1.5, t0=250)])
    item = table.to_pylist()[0]
    assert item["image"]["path"] == "row-0003.png"
    assert (item["brisque"], item["t0"], item["seed"]) == (-1.5, 250, None)


@pytest.mark.parametrize("key", ["a.b", "Upper", "with space", "", "ümlaut", "a/b"])
def test_key_that_webdataset_would_split_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="key"):
        row(key=key)


def test_label_outside_the_classes_is_refused() -> None:
    with pytest.raises(ValueError, match="label 2"):
        row(label=2)


def test_extensions() -> None:
    assert [extension_of(codec) for codec in ("png", "webp-lossless", "jpeg-95")] == ["png", "webp", "jpg"]


@pytest.mark.parametrize("further", [(), ("session_2",), ("quality_low", "session_2")])
def test_a_style_says_its_domain_and_its_attack_however_fine(further: tuple[str, ...]) -> None:
    style = style_of("nuaa__session_03", "3d_mask", further)
    assert style == "-".join(("nuaa__session_03", "3d_mask", *further))
    assert (domain_of_style(style), attack_of_style(style)) == ("nuaa__session_03", "3d_mask")
