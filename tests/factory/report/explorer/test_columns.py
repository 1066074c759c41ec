from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.report.explorer.columns import DIGITS, ROWS_PER_FILE, front_coded, row_files
from factory.report.explorer.verdicts import Audited
from factory.tables.columns import TextColumn

KEYS = st.text("abc019_-", min_size=1, max_size=90)


def decoded(text: str) -> list[str]:
    found, before = [], ""
    for part in text.split(","):
        before = before[: DIGITS.index(part[0])] + part[1:]
        found.append(before)
    return found


def unpacked(text: str, kind: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), kind)


@given(st.lists(KEYS, min_size=1))
def test_front_coding_loses_nothing(keys: list[str]) -> None:
    assert decoded(front_coded(keys)) == keys


def index_of(count: int, **given: Any) -> pa.Table:
    rng = np.random.default_rng(0)
    columns = {
        "key": [f"abcd1234-train-{n:010d}" for n in range(count)],
        "style": [f"cam-{'print' if n % 3 else 'replay'}" for n in range(count)],
        "live_domain": ["cam"] * count,
        "split": ["train"] * count,
        "subject": [f"s{n % 997}" for n in range(count)],
        "live_key": [
            None if n == 1 else f"cam-live-{n % 5000:04d}-{hash(n % 5000) & 0xFFFF:04x}" for n in range(count)
        ],
        "guide_key": [f"cam-print-{n % 40}" for n in range(count)],
        "t0": [None if n == 2 else 100 + n % 400 for n in range(count)],
        "cfg_scale": rng.uniform(1, 4, count),
        "brisque": [None if n == 3 else 20 + n % 50 + 0.25 for n in range(count)],
    }
    return pa.table(columns | given)


def files(index: pa.Table, audited: Audited | None = None) -> list[tuple[int, dict[str, Any], bytes]]:
    found = []
    for number, (name, data) in enumerate(row_files(index, TextColumn(index, "style"), audited)):
        assert name == f"rows-{number + 1:04d}.js"
        call, _, rest = data.decode().partition("(")
        assert call == "difffas"
        at, _, text = rest.removesuffix(")\n").partition(",")
        found.append((int(at), json.loads(text), data))
    return found


def test_columns_come_back() -> None:
    index = index_of(10)
    ((number, content, _),) = files(index)
    assert number == 0
    assert decoded(content["key"]) == index["key"].to_pylist()
    assert unpacked(content["t0"], "<i2").tolist() == [-1 if t0 is None else t0 for t0 in index["t0"].to_pylist()]
    scores = unpacked(content["brisque"], "<f4")
    assert np.isnan(scores[3])
    assert np.delete(scores, 3).tolist() == [score for score in index["brisque"].to_pylist() if score is not None]
    values, codes = decoded(content["live_key"]["values"]), unpacked(content["live_key"]["codes"], "<u2")
    assert codes[1] == 65535
    assert [None if code == 65535 else values[code] for code in codes] == index["live_key"].to_pylist()
    assert "accepted" not in content


def test_rows_beyond_one_file_go_on_in_the_next() -> None:
    index = index_of(ROWS_PER_FILE + 3)
    first, second = files(index)
    assert second[0] == 1
    assert decoded(second[1]["key"]) == index["key"].slice(ROWS_PER_FILE).to_pylist()
    assert len(unpacked(first[1]["style"], "<i2")) == ROWS_PER_FILE


def test_a_hundred_thousand_audited_rows_take_less_than_eight_megabytes() -> None:
    count = 100_000
    rng = np.random.default_rng(1)
    audited = Audited(
        rng.random(count, dtype=np.float32), rng.random(count, dtype=np.float32), np.ones(count, np.int8),
        np.zeros(count, np.uint8), [""],
    )  # fmt: skip
    lives = [f"cam-live-{rng.integers(2**63):016x}" for _ in range(count)]  # no face twice
    size = sum(len(data) for _, _, data in files(index_of(count, live_key=lives), audited))
    assert size < 8_000_000
    assert size == pytest.approx(5_600_000, rel=0.1)
