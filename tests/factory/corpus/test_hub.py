"""The Hub's limit on the files of a corpus."""

from __future__ import annotations

import pytest

from factory.corpus.hub import too_many_files


@pytest.mark.parametrize(
    ("images", "shards", "formats", "rows"),
    [
        ({"train": 5_000_000}, 10_000, 1, None),
        ({"train": 5_000_000}, 5_000, 2, None),
        ({"train": 5_025_000}, 10_050, 1, 503),
        ({"train": 2_525_000}, 5_050, 2, 505),
        ({"train": 10_001, "dev": 1}, 10_002, 1, 2),
        ({"train": 9_999, "dev": 9_999, "test": 3}, 20_001, 1, 3),
    ],
)
def test_the_rows_of_a_shard_that_fit_are_named(
    images: dict[str, int], shards: int, formats: int, rows: int | None
) -> None:
    said = too_many_files(images, shards, formats)
    assert (said is None) == (rows is None)
    if rows is not None:
        assert f"rows_per_shard={rows} or more" in str(said)
        assert sum(-(-count // rows) for count in images.values()) * formats <= 10_000
        assert sum(-(-count // (rows - 1)) for count in images.values()) * formats > 10_000
