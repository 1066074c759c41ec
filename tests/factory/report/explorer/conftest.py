"""One browser and one report for all tests of the explorer."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from benchmarks.corpora import small_rows, write_corpus
from factory.core.config import build
from factory.corpus.row import LIVE, SPOOF
from factory.report import ReportConfig, run
from factory.report.explorer import PAGE
from tests.browser import chromium
from tests.factory.report.explorer.site import PICTURES, SPOOFS, Site, audit_of
from tests.pages import folder, scored, spoofs_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    root = tmp_path_factory.mktemp("site")
    real = scored(small_rows(splits=("train", "test")))
    copies = [dataclasses.replace(r, key=f"copy-{r.key}") for r in real if r.label == LIVE][
        :3
    ]  # as a paired corpus has
    made = [*copies, *spoofs_of(real, SPOOFS)]
    corpora = write_corpus(root / "real", real), write_corpus(root / "generated", made)
    index = corpora[1].index.filter(pc.equal(corpora[1].index["label"], SPOOF))
    audit = audit_of(index["key"].to_pylist()[:-5])  # the last five were not audited
    buffer = io.BytesIO()
    pq.write_table(audit, buffer)
    folder(root / "audit", "audit", {"refused_by_reason": {}}, {"audit.parquet": buffer.getvalue()})
    inputs = {"real": str(root / "real"), "generated": str(root / "generated"), "audit": str(root / "audit")}
    explorer = {"images": PICTURES}
    done = run(build(ReportConfig, {"inputs": inputs, "out": str(root / "report"), "explorer": explorer}))
    assert done["explorer"] is not None
    assert (done["explorer"]["rows"], done["explorer"]["pictured"]) == (SPOOFS, PICTURES)
    rows = index.append_column("position_in_index", pa.array(range(len(index)))).join(audit, "key")
    return Site((root / "report" / PAGE).as_uri(), rows.sort_by("position_in_index"), *corpora)
