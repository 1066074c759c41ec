"""Shards through an actor pool on real Ray: a killed audit goes on, a bad shard is named, what is there is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from factory.audit.walk import place_of, walk
from factory.core.errors import Quarantined
from factory.core.progress import Progress
from factory.storage import Storage
from tests.factory.audit.planted import audit, planted_rows, spoof, write_world


@pytest.mark.slow
def test_a_killed_audit_goes_on_where_it_was(
    world: tuple[Path, dict[str, Any], dict[str, Any]], monkeypatch: pytest.MonkeyPatch, ray_local: None
) -> None:
    root, inputs, summary = world
    out, seen = root / "killed", 0

    def add(self: Progress, images: int) -> None:
        nonlocal seen
        seen += 1
        if seen == 6:  # the second table of spoofs: there are four of real faces
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Progress, "add", add)
        with pytest.raises(KeyboardInterrupt):
            audit(inputs, out)
    assert not (out / "summary.json").exists()
    before = {path: path.stat().st_mtime_ns for path in out.glob("*/*.parquet")}
    assert len(before) >= 6
    first = next(iter(sorted((out / "spoofs").glob("*.parquet"))))
    kept = first.read_bytes()
    first.unlink()  # as if it had been killed before
    assert audit(inputs, out) == summary
    assert first.read_bytes() == kept
    changed = [path for path, time in before.items() if path.stat().st_mtime_ns != time]
    assert changed == [first]
    assert (out / "audit.parquet").read_bytes() == (root / "audit" / "audit.parquet").read_bytes()


@pytest.mark.slow
def test_an_image_that_cannot_be_read_is_named_and_the_rest_is_measured(
    world: tuple[Path, dict[str, Any], dict[str, Any]], monkeypatch: pytest.MonkeyPatch, ray_local: None
) -> None:
    root, _, _ = world
    monkeypatch.setattr("factory.line.rounds.ATTEMPTS", 1)
    rows = planted_rows()[:6]
    broken = spoof("broken", 0, np.zeros((32, 32, 3), np.uint8), image=b"no image")
    inputs = write_world(root, [*rows, broken], name="broken")
    with pytest.raises(Quarantined, match=r"1 of 3 shards could not be measured.*image of made-broken: not a supp"):
        audit(inputs, root / "audit-broken")
    assert len(list((root / "audit-broken" / "spoofs").glob("*.parquet"))) == 2


def test_where_every_table_is_there_nothing_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*given: Any) -> Any:
        raise AssertionError("a finished walk asks no cluster")

    monkeypatch.setattr("factory.cluster.connect", never)
    out = Storage(str(tmp_path))
    for shard in ("a", "b"):
        out.create(place_of("real", shard), b"a table")
    walk("audit", out, "real", ["a", "b"], never, object, never, workers=1, gpus=0.0)
    with pytest.raises(AssertionError, match="asks no cluster"):
        walk("audit", out, "real", ["a", "b", "c"], never, object, never, workers=1, gpus=0.0)
