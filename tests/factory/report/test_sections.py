from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.corpora import small_rows, write_corpus
from factory.corpus import Corpus
from factory.report.sections import Folder, counts
from factory.run import read_claim, read_summary
from tests.pages import Page, report, summary_of


def test_counts_have_the_line_of_the_log(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "real", small_rows())
    summary = {**(read_summary(corpus.storage) or {}), "images_per_second": 41.23}
    found = counts({"real": Folder(corpus.storage, read_claim(corpus.storage), summary, "")}, {"real": corpus})
    shards = summary["shards"]
    assert found[0].progress == f"{shards}/{shards} shards · {len(corpus)} images · 41.2 img/s"


def test_counts_add_up(page: Page) -> None:
    text = page.text["counts"]
    assert "style train test all cam-live 4 4 8" in text
    assert "cam-replay 4 0 4" in text
    assert "real : 40 images, 16 live and 24 spoofs; 24 train, 16 test." in text
    assert "generated : 40 spoofs; 40 train." in text
    assert "written 24 16 40 40 planned = 40 written + 0 rejected" in text


def test_rejects_are_counted_by_reason(inputs: dict[str, Any], tmp_path: Path) -> None:
    shutil.copytree(inputs["real"], tmp_path / "real")
    summary = summary_of(inputs["real"])
    summary |= {"planned": 43, "rejected": 3, "rejects_by_reason": {"no face": 2, "truncated <file>": 1}}
    (tmp_path / "real" / "summary.json").unlink()
    (tmp_path / "real" / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    page = report(tmp_path / "out", {"real": str(tmp_path / "real")})
    assert "43 planned = 40 written + 3 rejected" in page.text["counts"]
    assert "Rejected: 2 no face, 1 truncated <file>." in page.text["counts"]
    assert "3 rejected" in page.text["header"]


def test_quality_compares_real_and_generated_per_style(page: Page, inputs: dict[str, Any]) -> None:
    text = page.text["quality"]
    generated = Corpus(inputs["generated"])
    style = generated.where(style="cam-print")
    scores = generated.column("brisque")[style].astype(float)
    failed = int(np.isnan(scores).sum())
    assert failed
    mean, deviation = np.nanmean(scores), np.nanstd(scores)
    assert f"generated {len(scores)} {mean:.1f} {deviation:.1f} {failed}" in text
    charts = re.findall(r'<svg [^>]*aria-label="BRISQUE of.*?</svg>', page.raw)
    assert len(charts) == 4
    assert len({tuple(re.findall(r"<text.*?</text>", chart)) for chart in charts}) == 1  # one axis for all styles
    classes = [attributes.get("class") for attributes in page.of("path")]
    assert [classes.count(f"area {name}") for name in ("live", "spoof", "generated")] == [9, 9, 9]  # 4, and legends


def test_quality_says_where_the_means_differ_least_and_most(page: Page, inputs: dict[str, Any]) -> None:
    real, made = (Corpus(inputs[name]) for name in ("real", "generated"))
    means = {
        style: [float(np.nanmean(c.column("brisque")[c.where(style=style)].astype(float))) for c in (made, real)]
        for style in sorted(set(made.column("style")))
    }
    least, most = (pick(means, key=lambda style: abs(means[style][0] - means[style][1])) for pick in (min, max))
    words = [f"{style} ({means[style][0]:.1f} and {means[style][1]:.1f})" for style in (least, most)]
    assert f"differ least in {words[0]}, and most in {words[1]}." in page.text["quality"]


def test_unscored_corpora_have_no_quality_section(tmp_path: Path) -> None:
    write_corpus(tmp_path / "real", small_rows())
    assert report(tmp_path / "out", {"real": str(tmp_path / "real")}).sections == ["counts"]
