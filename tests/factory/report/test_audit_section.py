"""The report's section on an audit's limits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa

from factory.audit.measures import to_parquet
from factory.audit.verdict import AUDIT_SCHEMA
from factory.corpus import Corpus
from factory.report.audit_section import audit
from factory.report.sections import Folder
from factory.run import read_claim, read_summary
from factory.storage import Storage
from tests.pages import Page, folder, one_of_everything, report

PASSED = {"identity": 0.954, "style": None, "quality": 0.99, "face": 0.96, "all": 0.94}
STYLE = {
    "spoofs": 100,
    "pairs": 98,
    "pooled": ["identity"],
    "auc": 0.87,
    "identity_distance": 0.4444,
    "no_identity_limit": None,
    "style_probability": None,
    "no_style_limit": "the judge is right too <seldom>",
    "mirror_distance": 0.2018,
    "no_mirror_limit": None,
    "passed": PASSED,
}
SUMMARY: dict[str, Any] = {
    "rows": 40,
    "accepted": 10,
    "refused_by_reason": {"style": 22, "quality": 0, "identity": 30},
    "balance": {
        "train": {"cam-print": {"rows": 20, "accepted": 4}},
        "dev": {"cam-print": {"rows": 20, "accepted": 6}},
    },
    "detectors": {
        "foreign": {
            "auc": 0.913,
            "padded": 0.8025,
            "generated": {"faces": 40, "share": 0.75},
            "live": {"faces": 20, "share": 0.96},
            "real_spoofs": {"faces": 98, "share": 0.45},
            "real_lives": {"faces": 90, "share": 0.9},
            "by_style": {
                "cam-<print>": {"generated": {"faces": 40, "share": 0.7}, "real": {"faces": 0, "share": None}}
            },
        }
    },
    "semantic": {
        "cosine": 0.95,
        "duplicates": {"count": 2, "listed": [{"key": "a-<2>", "of": "a-1", "cosine": 0.9876}]},
        "groups": {"count": 1, "spoofs": 3, "largest": [3]},
        "copies": {"count": 1, "listed": [{"key": "a-1", "of": "real-7", "cosine": 0.96}]},
        "control": {"count": 50, "within": 5},
        "recall": {"spoofs": 10, "pairs": 4, "pairs_found": 0.75, "refused": 2, "refused_found": 1.0},
        "rows": 90,
        "buckets": 2,
        "largest_bucket": 50,
        "comparisons": 4000,
    },
    "skin_tone": [
        {
            "live_domain": "<cam>",
            "guide_domain": "cam",
            "style": "cam-print",
            "rows": 40,
            "drift": -12.34,
            "real_pairs": 98,
            "real_drift": -4.0,
            "live_difference": 30.0,
        },
        {
            "live_domain": "cam",
            "guide_domain": "cam",
            "style": "cam-print",
            "rows": 9,
            "drift": 1.0,
            "real_pairs": 0,
            "real_drift": None,
            "live_difference": None,
        },
    ],
    "limits": {
        "held_out": True,
        "spoofs": 150,
        "judge_accuracy": 0.812,
        "by_style": {"cam-print": STYLE},
        "passed": PASSED,
    },
}


def opened(url: str) -> Folder:
    summary = read_summary(Storage(url))
    assert summary is not None
    return Folder(Storage(url), read_claim(Storage(url)), summary, "digest")


def test_limits_and_shares_are_those_of_the_summary(tmp_path: Path) -> None:
    found = audit({"audit": opened(folder(tmp_path / "audit", "audit", SUMMARY))})
    assert found is not None
    line = found["rows"][0]
    assert (line["identity"], line["probability"]) == ("0.444*", None)
    assert line["passed"] == found["all"] == ["95 %", None, "99 %", "96 %", "94 %"]
    assert (line["accepted"], found["accepted"], found["accuracy"]) == ("25 %", "25 %", "81 %")
    assert found["pooled"] and found["held_out"]
    assert found["refused"] == [("identity", 30, 75), ("style", 22, 55)] and line["share"] == 25
    assert found["farthest"] is not None
    assert (found["farthest"]["drift"], found["farthest"]["real_drift"]) == ("−12.3", "−4.0")
    near = found["nearness"]
    assert near is not None
    assert (near["duplicates"], near["copies"], near["spoofs"], near["groups"], near["largest"]) == (2, 1, 3, 1, 3)
    assert (near["cosine"], near["control"], near["found"]) == ("0.95", "10 %", "100 %")


def test_without_control_or_pairs_nothing_is_said_of_them(tmp_path: Path) -> None:
    nothing = {"count": 0, "listed": []}
    bare = SUMMARY["semantic"] | {
        "duplicates": nothing,
        "copies": nothing,
        "groups": {"count": 0, "spoofs": 0, "largest": []},
        "control": {"count": 0, "within": 0},
        "recall": SUMMARY["semantic"]["recall"] | {"refused": 0, "refused_found": None},
    }
    found = audit({"audit": opened(folder(tmp_path / "audit", "audit", SUMMARY | {"semantic": bare}))})
    assert found is not None and found["nearness"] is not None
    near = found["nearness"]
    assert near["control"] is near["found"] is None and near["duplicate_pairs"] == near["copy_pairs"] == []


def test_an_audit_without_limits_has_no_section(tmp_path: Path) -> None:
    older = {name: value for name, value in SUMMARY.items() if name != "limits"}
    assert audit({"audit": opened(folder(tmp_path / "audit", "audit", older))}) is None
    assert audit({}) is None


def test_an_audit_of_before_faces_and_tones_has_fewer_figures(tmp_path: Path) -> None:
    passed = {name: share for name, share in PASSED.items() if name != "face"}
    style = {name: value for name, value in STYLE.items() if "mirror" not in name} | {"passed": passed}
    limits = SUMMARY["limits"] | {"by_style": {"cam-print": style}, "passed": passed}
    new = ("skin_tone", "detectors", "semantic")
    older = {name: value for name, value in SUMMARY.items() if name not in new} | {"limits": limits}
    found = audit({"audit": opened(folder(tmp_path / "audit", "audit", older))})
    assert found is not None and not found["tones"] and not found["detectors"] and found["farthest"] is None
    assert found["nearness"] is None
    assert found["rows"][0]["no_mirror"] == "measured by an older version" and found["rows"][0]["passed"][3] is None


def test_the_page_shows_the_table_and_why_a_limit_is_missing(tmp_path: Path) -> None:
    inputs = one_of_everything(tmp_path / "inputs")
    keys = Corpus(inputs["generated"]).column("key").tolist()
    table = pa.Table.from_pylist([{"key": key, "accepted": True} for key in keys], AUDIT_SCHEMA)
    url = folder(tmp_path / "audit", "audit", SUMMARY, {"audit.parquet": to_parquet(table)})
    page: Page = report(tmp_path / "report", {"generated": inputs["generated"], "audit": url})
    assert "audit" in page.sections
    text = page.text["audit"]
    assert "cam-print 100 98 0.87 0.444* — 0.202 95 % — 99 % 96 % 94 % 25 %" in text
    assert "<cam> cam-print 40 −12.3 98 −4.0 30.0" in text and "cam cam-print 9 1.0 0 — —" in text
    assert "foreign calls 96 % of the live faces that were used live, and 90 % of real live faces" in text
    assert "real spoofs: 0.91. 80 % of its input repeats the edge" in text
    assert "cam-<print> 70 % — all 75 % 45 %" in text
    assert "25 % of the spoofs are accepted; of real spoofs, 94 % keep the same limits" in text
    assert "Refused, by reason a spoof may have several identity 30 style 22" in text
    assert "differ most from <cam> to cam-print: −12.3°, and −4.0° in real spoofs" in text
    assert "right on 81 % of 150 held-out real spoofs" in text
    assert "(cosine 0.95 and more): to another spoof 2, to a training spoof 1; in groups of near spoofs 3" in text
    assert "in the largest 3. Of real spoofs that the generator has not seen, 10 %" in text
    assert "a-<2> a-1 another spoof 0.988 a-1 real-7 a training spoof 0.960" in text
    assert any(cell.get("title") == "the judge is right too <seldom>" for cell in page.of("span"))
