"""The report's opening: one sentence and five numbers, and words for what was not measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.audit.measures import to_parquet
from factory.audit.verdict import AUDIT_SCHEMA
from factory.corpus import Corpus
from factory.report.comparison import Comparison
from factory.report.explorer.verdicts import Verdicts
from factory.report.finding import finding, percent
from factory.report.sections import Folder
from factory.run import read_claim, read_summary
from factory.storage import Storage
from tests.pages import Page, folder, report

PASSED = {"identity": 0.954, "style": 1.0, "quality": 0.99, "all": 0.94}
SUMMARY: dict[str, Any] = {
    "refused_by_reason": {"style": 8, "identity": 3},
    "style": {"reached": 0.9173},
    "identity": {"kept": 0.998},
    "limits": {"held_out": True, "spoofs": 96, "judge_accuracy": 1.0, "by_style": {}, "passed": PASSED},
}
COMPARED = Comparison("dev EER", "frames", 0.0794, 0.0937, (-0.107, 0.0625), 7, (1, 1), ["loss"])


@pytest.fixture(scope="module")
def generated(inputs: dict[str, Any]) -> Corpus:
    return Corpus(inputs["generated"])


def audited(root: Path, generated: Corpus) -> str:
    """The folder of an audit that accepts three of four spoofs."""
    keys = generated.column("key").tolist()
    rows = [{"key": key, "accepted": place % 4 > 0} for place, key in enumerate(keys)]
    files = {"audit.parquet": to_parquet(pa.Table.from_pylist(rows, AUDIT_SCHEMA))}
    spread = dict.fromkeys(("count", "mean", "std", "min", "p05", "p25", "p50", "p75", "p95", "max"), None)
    full = {
        **SUMMARY,
        "rows": len(keys),
        "accepted": sum(row["accepted"] is True for row in rows),
        "balance": {},
        "style": {**spread, "count": 40, "by_style": {}, **SUMMARY["style"]},
        "identity": {**spread, "count": 40, "histogram": {"edges": [], "counts": {}}, **SUMMARY["identity"]},
    }
    return folder(root / "audit", "audit", full, files)


def opened(url: str) -> Folder:
    summary = read_summary(Storage(url))
    assert summary is not None
    return Folder(Storage(url), read_claim(Storage(url)), summary, "digest")


def test_everything_measured_is_one_sentence_and_five_numbers(generated: Corpus, tmp_path: Path) -> None:
    url = audited(tmp_path, generated)
    found = finding(generated, {"audit": opened(url)}, Verdicts(Storage(url)), COMPARED)
    assert found.sentence.replace("\u00a0", " ") == (
        "Of 40 spoofs, 92 % reach their style, 99.8 % keep the person and 75 % pass the audit; "
        "trained with them, the classifier’s HTER is 7.94 % instead of 9.37 %, a difference within chance."
    )
    spoofs, reached, kept, accepted, hter = found.numbers
    people = {(r.live_domain, r.subject) for r in generated.rows(range(len(generated)))}
    assert (spoofs.figure, spoofs.detail) == ("40", f"4 styles, {len(people)} people")
    assert (reached.figure, reached.detail) == ("92\u00a0%", "real spoofs: 100\u00a0%")
    assert (kept.figure, kept.detail) == ("99.8\u00a0%", "real spoofs: 95\u00a0%")
    assert (accepted.figure, accepted.detail) == ("75\u00a0%", "30 of 40; refused most often: style (8)")
    assert hter.figure == "−1.43"
    assert hter.detail.replace("\u00a0", " ") == (
        "7.94 − 9.37 % at dev EER; 95 % interval −10.70 to +6.25, 7 people; they also differ in loss"
    )


def test_what_was_not_measured_is_said_and_never_a_number(generated: Corpus) -> None:
    found = finding(generated, {}, None, None)
    assert found.sentence.startswith("40 spoofs were made from the faces of ")
    assert not any(sign in found.sentence for sign in ("%", ";"))
    assert [(number.figure is None, number.detail) for number in found.numbers[1:]] == [
        *[(True, "no audit was given")] * 3,
        (True, "no classifiers with and without the spoofs were given"),
    ]


@pytest.mark.parametrize(
    ("interval", "ending"),
    [
        ((-0.1, 0.01), "instead of 9.37 %, a difference within chance."),
        ((-0.1, -0.01), "instead of 9.37 %."),
        (None, "instead of 9.37 %, and how far chance explains that was not measured."),
    ],
)
def test_the_sentence_says_how_sure_a_difference_is(
    generated: Corpus, interval: tuple[float, float] | None, ending: str
) -> None:
    compared = Comparison("0.5", "videos", 0.0794, 0.0937, interval, None, (2, 3), [])
    found = finding(generated, {}, None, compared)
    assert found.sentence.replace("\u00a0", " ").endswith(f"the classifiers’ mean HTER is 7.94 % {ending}")
    assert "of videos" in found.numbers[4].detail and "means of 2 and 3 classifiers" in found.numbers[4].detail


def test_an_equal_rate_is_no_difference(generated: Corpus) -> None:
    compared = Comparison("0.5", "frames", 0.05, 0.05, (-0.1, 0.1), 9, (1, 1), [])
    found = finding(generated, {}, None, compared)
    assert found.sentence.replace("\u00a0", " ").endswith("; with or without them, the classifier’s HTER is 5.00 %.")
    assert found.numbers[4].figure == "0.00"


@given(st.integers(0, 5000), st.integers(1, 5000))
def test_only_none_and_all_are_0_and_100_percent(part: int, rest: int) -> None:
    text = percent(part / (part + rest)).removesuffix("\u00a0%")
    assert abs(float(text) - 100 * part / (part + rest)) <= 0.5
    assert (float(text) == 0) == (part == 0)
    assert percent(1.0) == "100\u00a0%" and float(text) < 100


def test_the_page_opens_with_them_and_each_leads_to_its_section(
    page: Page, inputs: dict[str, Any], generated: Corpus, tmp_path: Path
) -> None:
    assert "not measured no audit was given" in page.text["header"]
    real = report(tmp_path / "real", {"real": inputs["real"]})
    assert "not measured" not in real.text["header"]
    assert "real images 4 spoof styles 40" in real.text["header"]
    url = audited(tmp_path, generated)
    found = report(tmp_path / "report", {"generated": inputs["generated"], "audit": url})
    head = found.raw[: found.raw.index("<main>")]
    assert head.index('class="finding">Of 40 spoofs, 92\u00a0%') < head.index('class="numbers"') < head.index("<nav")
    assert '<a href="#counts">spoofs</a>' in head
    assert head.count("<div><dt>") == 5 and head.count("not measured") == 1
