"""Verdicts: z-scores by style, and leaks of people, faces and near faces."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from benchmarks.corpora import row, write_corpus
from factory.audit.verdict import LEAKS, Measures, RowLimits, Thresholds, judge, leaks, quality_z
from factory.core.config import build


def test_z_scores_refer_to_the_style_or_else_to_all_spoofs(tmp_path: Path) -> None:
    def guide(number: int, attack: str, brisque: float | None) -> Any:
        return row(number, attack=attack, label=1, brisque=brisque)

    scores = [("print", 10.0), ("print", 20.0), ("print", None), ("mask", 60.0)]
    guides = write_corpus(tmp_path / "guides", [guide(n, *each) for n, each in enumerate(scores)])
    spoofs = pa.table({"style": ["cam-print", "cam-mask", "cam-print"], "brisque": [25.0, 30.0, None]})
    z, references = quality_z(spoofs, guides)
    assert z[0] == pytest.approx(2.0)  # 15 ± 5
    assert z[1] == pytest.approx(0.0, abs=1e-12) and references["cam-mask"]["of"] == "spoof"  # mean of all is 30
    assert np.isnan(z[2]) and references["cam-print"] == {"of": "cam-print", "count": 2, "mean": 15.0, "std": 5.0}


def test_leaks_are_of_people_faces_and_near_faces(tmp_path: Path) -> None:
    real = [row(n, subject=f"s{n}", split=split) for n, split in enumerate(["train", "test", "test", "dev"])]
    corpus = write_corpus(tmp_path / "real", real)
    far = np.array([0, 2**20 - 1, 2**40 - 2**20, 2**60 - 2**40], np.uint64)
    by_key = dict(zip([f"row-{n:04d}" for n in range(4)], far, strict=True))
    hashes = np.array([by_key[key] for key in corpus.column("key")])

    def found(subject: str, live_key: str, live_hash: int, split: str, domain: str = "cam") -> str | None:
        columns = {"subject": subject, "live_key": live_key, "live_domain": domain, "split": split}
        table = pa.table({name: [value] for name, value in columns.items()})
        number = int(leaks(table, np.array([live_hash], np.uint64), [(corpus, hashes)], 2)[0])
        return None if number < 0 else LEAKS[number]

    assert found("s0", "row-0000", 0, "train") is None
    assert found("s0", "row-0000", 0, "test") == "subject"
    assert found("s0", "row-0000", 0, "test", domain="phone") == "live face"  # another person, the same image
    assert found("s9", "row-0009", 0b11, "test") == "near-duplicate of a live face"
    assert found("s9", "row-0009", 0b111, "test") is None
    assert found("s0", "row-0000", 0, "") is not None  # no split of its own, yet used by one
    # A person keeps the name in every part of a domain.
    assert found("s0", "row-0007", 0b111 << 61, "test", domain="cam__session_02") == "subject"
    assert found("s0", "row-0007", 0b111 << 61, "test", domain="phone__session_02") is None
    assert found("s9", "row-0000", 0b111 << 61, "test", domain="cam__session_02") == "live face"
    assert found("s9", "row-0007", 0b11, "test", domain="cam__session_02") == "near-duplicate of a live face"


def test_each_row_has_its_own_limits_and_none_refuses_nothing() -> None:
    nothing, unknown = np.full(4, -1), np.full(4, np.nan)
    measures = Measures(
        key=np.array(["a", "b", "c", "d"]),
        dhash=np.zeros(4, np.uint64),
        identity_distance=np.array([0.5, 0.5, 0.5, np.nan]),
        style_probability=np.array([0.3, 0.3, 0.3, 0.3]),
        nearest_spoof=np.array([""] * 4),
        nearest_spoof_bits=np.full(4, 30),
        nearest_spoof_distance=np.ones(4),
        near_duplicate_place=nothing,
        near_duplicate_bits=nothing,
        brisque=np.full(4, 30.0),
        brisque_z=unknown,
        mirror_distance=np.array([0.1, 0.1, 0.1, 0.3]),
        tone_drift=unknown,
        leak=nothing,
    )
    distance, probability = np.array([0.4, 0.6, np.nan, 0.4]), np.array([0.2, 0.4, np.nan, 0.2])
    verdict = judge(measures, Thresholds(), RowLimits(distance, probability, np.full(4, np.nan)))
    assert verdict.reasons == ["identity", "style", None, None]
    assert verdict.accepted.tolist() == [False, False, True, True]
    verdict = judge(measures, Thresholds(), RowLimits(distance, probability, np.array([0.05, np.nan, 0.2, 0.2])))
    assert verdict.reasons == ["identity, face", "style", None, "face"]


def test_numbers_keep_the_fingerprint_that_they_had_before_real_limits() -> None:
    before = {
        "identity_distance": 0.45,
        "style_probability": 0.5,
        "memorised_bits": 4,
        "memorised_distance": 0.05,
        "near_duplicate_bits": 2,
        "brisque_z": 4.0,
        "leaks": True,
        "live_bits": 2,
    }
    given = {"identity_distance": 0.45, "style_probability": 0.5}
    assert build(Thresholds, given).decisive() == before
    assert build(Thresholds, {**given, "percentile": 90, "judge_accuracy": None}).decisive() == before
    assert build(Thresholds, given | {"identity_distance": "real"}).decisive().keys() == {*before, "percentile"}
    assert build(Thresholds, {}).decisive().keys() == {*before, "percentile", "judge_accuracy"}
    assert build(Thresholds, {**given, "mirror_distance": None}).decisive(True) == before
    assert build(Thresholds, given).decisive(True) == before
    mirrored = build(Thresholds, {**given, "mirror_distance": "real"})
    assert mirrored.decisive(True).keys() == {*before, "percentile", "mirror_distance"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"identity_distance": -1}, "identity_distance': must be a number above 0, real"),
        ({"identity_distance": "reel"}, "identity_distance': must be a number above 0, real or null"),
        ({"style_probability": 1}, "style_probability': must be a number between 0 and 1, real or null"),
        ({"style_probability": True}, "style_probability': must be a number between 0 and 1"),
    ],
)
def test_a_limit_is_a_number_real_or_null(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(Thresholds, given)
