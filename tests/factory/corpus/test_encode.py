from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks.corpora import face, row
from difffas.brisque import IMPLEMENTATION, brisque
from factory.corpus.encode import ImageRecord, encode, encode_and_score
from factory.corpus.shards import OutputConfig
from factory.images import decode


def records(count: int, rejected: tuple[int, ...] = ()) -> list[ImageRecord]:
    made: list[ImageRecord] = []
    for i in range(count):
        facts = row(i).facts()
        for column in ("codec", "brisque", "brisque_impl"):
            del facts[column]
        reject = "no face" if i in rejected else None
        made.append({"row": facts, "reject": reject, "source_type": "digitalCapture"})
    return made


@pytest.mark.parametrize("codec", ["png", "webp"])
def test_lossless_means_lossless_and_repeatable(codec: str) -> None:
    output = OutputConfig.model_validate({"codec": codec})
    data = encode(face(1), output, "digitalCapture")
    assert np.array_equal(decode(data), face(1))
    assert encode(face(1), output, "digitalCapture") == data


@pytest.mark.parametrize(
    ("given", "name", "kind"),
    [
        ({"codec": "png"}, "png", "PNG"),
        ({"codec": "webp"}, "webp-lossless", "WEBP"),
        ({"codec": "webp", "quality": 80}, "webp-80", "WEBP"),
        ({"codec": "jpeg", "quality": 95}, "jpeg-95", "JPEG"),
    ],
)
def test_the_row_names_its_codec_and_scores_what_a_reader_decodes(given: dict[str, Any], name: str, kind: str) -> None:
    pixels = np.stack([face(i, 64) for i in range(3)])
    rows, rejects = encode_and_score(records(3), pixels, OutputConfig.model_validate(given))
    assert not rejects
    for made in rows:
        assert made.codec == name
        assert Image.open(io.BytesIO(made.image)).format == kind
        assert made.brisque == brisque(decode(made.image)[None])[0][0]
        assert made.brisque_impl == IMPLEMENTATION


def test_rejects_are_left_out_and_named() -> None:
    pixels = np.stack([face(i, 64) for i in range(4)])
    rows, rejects = encode_and_score(records(4, rejected=(1, 2)), pixels, OutputConfig())
    assert [made.key for made in rows] == ["row-0000", "row-0003"]
    assert rejects == [{"key": f"row-000{i}", "reason": "no face"} for i in (1, 2)]
    assert np.array_equal(decode(rows[1].image), pixels[3])
    assert encode_and_score(records(1, rejected=(0,)), pixels[:1], OutputConfig())[0] == []


def test_a_flat_image_has_no_score_and_harms_no_neighbour() -> None:
    pixels = np.stack([face(0, 64), np.full((64, 64, 3), 9, np.uint8), face(2, 64)])
    rows, _ = encode_and_score(records(3), pixels, OutputConfig())
    alone, _ = encode_and_score(records(1), pixels[:1], OutputConfig())
    assert rows[1].brisque is None
    assert rows[0].brisque == alone[0].brisque
    assert rows[2].brisque is not None
