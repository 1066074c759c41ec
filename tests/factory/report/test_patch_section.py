from __future__ import annotations

import base64
import dataclasses
import re
from pathlib import Path

import pytest

from benchmarks.corpora import face, png, small_rows, write_corpus
from factory.core.config import build
from factory.corpus import Corpus
from factory.report import ReportConfig, run
from tests.pages import report, scored, spoofs_of

SIDES = ("2,2", "6,2", "6,4")


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """One plan by three generators: rows agree but in pixels and key. And one by another plan."""
    root = tmp_path_factory.mktemp("patches")
    real = scored(small_rows())
    write_corpus(root / "real", real)
    rows = spoofs_of(real)
    for turn, name in enumerate(SIDES):
        made = [
            dataclasses.replace(r, key=f"{turn}-{r.key}", image=png(face(1000 * turn + place)))
            for place, r in enumerate(rows)
        ]
        write_corpus(root / name, made if turn else made[::-1])
    write_corpus(root / "other", [dataclasses.replace(r, t0=999) for r in rows])
    return {name: str(root / name) for name in ("real", "other", *SIDES)}


def test_the_same_sample_by_every_generator(corpora: dict[str, str], tmp_path: Path) -> None:
    page = report(tmp_path, {"real": corpora["real"], "patches": {name: corpora[name] for name in SIDES}})
    assert page.sections[-1] == "patches"
    pictures = [image for image in page.of("img") if image.get("class") == "patch"]
    assert len(pictures) == 3 * (2 + 3)
    opened = {name: Corpus(corpora[name]) for name in SIDES}
    images = {name: {r.key: r for r in corpus.rows(range(len(corpus)))} for name, corpus in opened.items()}
    shown = {image["alt"].split()[1]: base64.b64decode(image["src"].partition("base64,")[2]) for image in pictures}
    live, guide, *spoofs = (image["alt"].split()[1] for image in pictures[:5])
    rows = [images[name][key] for name, key in zip(SIDES, spoofs, strict=True)]
    assert len({(r.live_key, r.guide_key, r.seed, r.t0) for r in rows}) == 1
    assert (rows[0].live_key, rows[0].guide_key) == (live, guide)
    assert [shown[key] for key in spoofs] == [r.image for r in rows]
    text = page.text["patches"]
    assert text.count("p m \\ p v 2 4") == 3
    assert text.count("2 — 6") == 3, "nothing was given for p_m 2, p_v 4"
    styles = re.findall(r"(\S+) T₀", text)
    assert len(set(styles)) == 3


def test_what_cannot_be_compared_is_refused(corpora: dict[str, str], tmp_path: Path) -> None:
    for given, message in (
        ({"6": corpora["6,2"]}, "patches '6' is not of the form p_m,p_v"),
        ({"6,2": corpora["6,2"], "2,2": corpora["other"]}, "no sample in common"),
        ({"6,2": corpora["real"]}, "no sample in common"),
    ):
        with pytest.raises(ValueError, match=message):
            run(build(ReportConfig, {"inputs": {"patches": given}, "out": str(tmp_path / "out")}))
    assert not (tmp_path / "out").exists()
