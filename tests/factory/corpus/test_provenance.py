from __future__ import annotations

import io
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from benchmarks.corpora import face, png
from difffas.metrics import auc
from factory.corpus.encode import encode
from factory.corpus.provenance import (
    TERMS,
    VOCABULARY,
    SourceType,
    read_source_type,
    size_auc,
    source_type_of_spoof,
    xmp_packet,
)
from factory.corpus.shards import OutputConfig
from factory.images import decode
from tests.container import features, skeleton

CODECS: list[dict[str, Any]] = [
    {"codec": "png"}, {"codec": "webp"}, {"codec": "webp", "quality": 80}, {"codec": "jpeg", "quality": 95},
]  # fmt: skip
codecs = pytest.mark.parametrize("given", CODECS, ids=lambda given: "-".join(map(str, given.values())))


def test_every_term_makes_a_packet_of_one_length_that_xml_readers_take() -> None:
    assert len({len(xmp_packet(term)) for term in TERMS}) == 1
    for term in TERMS:
        text = xmp_packet(term).decode()
        [description] = ElementTree.fromstring(text[text.index("<x:") : text.rindex("<?xpacket")])[0]
        name = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType"
        assert description.attrib[name] == f"{VOCABULARY}{term}"


@codecs
def test_the_mark_is_where_others_look_for_it_and_touches_no_pixel(given: dict[str, Any]) -> None:
    output = OutputConfig.model_validate(given)
    data = encode(face(3, 64), output, "compositeWithTrainedAlgorithmicMedia")
    assert Image.open(io.BytesIO(data)).info["xmp"] == xmp_packet("compositeWithTrainedAlgorithmicMedia")
    assert read_source_type(data) == "compositeWithTrainedAlgorithmicMedia"
    other = encode(face(3, 64), output, "digitalCapture")
    assert len(other) == len(data)
    assert np.array_equal(decode(other), decode(data))
    assert skeleton(other) == skeleton(data)
    assert other.replace(xmp_packet("digitalCapture"), b"") != other  # not compressed: a search finds it


def test_a_file_without_a_mark_says_nothing() -> None:
    assert read_source_type(png(face(1))) is None
    assert read_source_type(b"") is None


def test_of_several_marks_the_least_of_a_capture_counts() -> None:
    """A C2PA manifest names the photograph that an edited image was made from, too; no quote follows the term."""
    manifest = b"".join(
        b"x" + VOCABULARY.encode() + term + b"dbyte" for term in (b"compositeCapture", b"digitalCapture")
    )
    assert read_source_type(manifest) == "compositeCapture"
    assert read_source_type(manifest + xmp_packet("trainedAlgorithmicMedia")) == "trainedAlgorithmicMedia"


@pytest.mark.parametrize(
    ("live", "guide", "trained", "spoof"),
    [
        ("digitalCapture", "digitalCapture", True, "compositeWithTrainedAlgorithmicMedia"),
        ("algorithmicMedia", "digitalCapture", True, "compositeWithTrainedAlgorithmicMedia"),
        ("trainedAlgorithmicMedia", "algorithmicMedia", True, "trainedAlgorithmicMedia"),
        ("compositeWithTrainedAlgorithmicMedia", "algorithmicMedia", True, "compositeWithTrainedAlgorithmicMedia"),
        ("digitalCapture", "digitalCapture", False, "algorithmicallyEnhanced"),
        ("algorithmicMedia", "algorithmicMedia", False, "algorithmicMedia"),
    ],
)
def test_a_spoof_is_marked_by_what_went_into_it(
    live: SourceType, guide: SourceType, trained: bool, spoof: SourceType
) -> None:
    assert source_type_of_spoof((live, guide), trained) == spoof


@codecs
def test_nothing_but_the_pixels_tells_live_from_spoof(given: dict[str, Any]) -> None:
    """Classifiers on the whole container stay at chance: within the band of permuted labels. The mark is masked.

    The control is the same with live images that some other encoder wrote: there they must see everything.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict
    from sklearn.tree import DecisionTreeClassifier

    output = OutputConfig.model_validate(given)
    live = [face(i, 64) for i in range(40)]
    noise = np.random.default_rng(0)
    spoof = [(pixels + noise.integers(0, 25, pixels.shape)).clip(0, 255).astype(np.uint8) for pixels in live]
    lives = [encode(pixels, output, "digitalCapture") for pixels in live]
    spoofs = [encode(pixels, output, "compositeWithTrainedAlgorithmicMedia") for pixels in spoof]
    labels = np.repeat([0, 1], 40)

    def scores(files: list[bytes], labels: np.ndarray) -> list[float]:
        models = (LogisticRegression(max_iter=200), DecisionTreeClassifier(random_state=0))
        known = features(files)
        return [
            auc(1 - cross_val_predict(model, known, labels, cv=4, method="predict_proba")[:, 1], labels)
            for model in models
        ]

    shuffled = [scores(lives + spoofs, np.random.default_rng(i).permutation(labels)) for i in range(5)]
    low, high = np.min(shuffled) - 0.05, np.max(shuffled) + 0.05
    assert all(low <= score <= high for score in scores(lives + spoofs, labels))
    assert 0.35 < low < high < 0.65  # the band is a band
    elsewhere = [png(pixels) for pixels in live]
    assert min(scores(elsewhere + spoofs, labels)) > 0.95


@given(st.lists(st.integers(0, 5), max_size=8), st.lists(st.integers(0, 5), max_size=8))
def test_size_auc_counts_pairs(live: list[int], spoof: list[int]) -> None:
    pairs = [(s > l) + (s == l) / 2 for l in live for s in spoof]
    found = size_auc(live, spoof)
    assert (found is None) == (not pairs)
    if found is not None:
        assert found["auc"] == pytest.approx(sum(pairs) / len(pairs))
