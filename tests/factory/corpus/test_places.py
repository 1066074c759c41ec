from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.corpora import face, png, row
from difffas.errors import UserError
from factory.corpus.places import HEAD, places_in, places_of
from factory.corpus.shards import FORMATS, Format
from factory.run.record import ShardRecord

RECORD: ShardRecord = {
    "shard": "train-000000",
    "planned": 2,
    "rows": 2,
    "rejects": [],
    "rejects_by_reason": {},
    "styles": {},
    "files": {"parquet": {"path": "data/x-train-000000.parquet", "bytes": 100, "sha256": "0" * 64}},
}


@pytest.mark.parametrize("module", FORMATS.values(), ids=list(FORMATS))
def test_each_place_holds_its_image(module: Format) -> None:
    """In several row groups, with images that repeat within and across them, and more than a dictionary holds."""
    images = [png(face(number % 240, 48)) for number in range(260)]
    images[30] = images[29]
    data = module.to_bytes([row(number, image=image) for number, image in enumerate(images)])
    places = places_of(data, images)
    assert places is not None
    assert [data[start : start + size] for start, size in zip(places[::2], places[1::2], strict=True)] == images
    facts = module.read_facts(io.BytesIO(data))
    assert len(facts) == 260


@given(
    beginning=st.binary(max_size=2 * HEAD), ends=st.lists(st.binary(max_size=4), max_size=6), gap=st.binary(max_size=3)
)
def test_images_with_one_beginning_are_told_apart(beginning: bytes, ends: list[bytes], gap: bytes) -> None:
    images = [beginning + end for end in ends]
    data = gap + gap.join(images)
    places = places_of(data, images)
    assert places is not None
    assert [data[start : start + size] for start, size in zip(places[::2], places[1::2], strict=True)] == images


def test_what_is_stored_in_another_form_has_no_place() -> None:
    assert places_of(b"....first....", [b"first", b"second"]) is None


def test_a_record_states_its_places() -> None:
    assert places_in(RECORD) is None
    found = places_in({**RECORD, "places": [4, 9, 20, 80]})
    assert found is not None and np.array_equal(found, [[4, 9], [20, 80]])


@pytest.mark.parametrize(
    "places",
    [None, "4 9 20 80", [4, 9], [4, 9, 20, 81], [4, 9, 20, -1], [4, 9, 20, 2**63], [4, 9, 20, True], [4, 9, [], 1]],
)
def test_places_of_a_stranger_that_lead_elsewhere_are_refused(places: Any) -> None:
    with pytest.raises(UserError, match="ledger of train-000000: its places are invalid"):
        places_in({**RECORD, "places": places})
