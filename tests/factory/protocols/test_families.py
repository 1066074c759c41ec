"""Protocols from files: official lists in the place of rules, and mistakes that are named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from ray import cloudpickle

from factory import protocols
from factory.protocols import PARTS
from tests.protocol_rows import index, oulu

PADISI_LINES = """transaction_id,trial_id,trial_name,partition_name
abc0,11,FACE_A,train
abc1,12,FACE_B,valid
abc2,13,FACE_C,test
"""


def test_padisi_folds_are_read_from_the_official_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="part1.csv is not there: set DIFFFAS_LISTS"):
        protocols.load("padisi-part1")
    monkeypatch.setenv("DIFFFAS_LISTS", str(tmp_path))
    with pytest.raises(ValueError, match=f"part1.csv is not in {tmp_path}: set DIFFFAS_LISTS"):
        protocols.load("padisi-part1")
    official = tmp_path / "padisi_USC_FACE_dataset_partition_3folds_part1.csv"
    for text, message in (
        (PADISI_LINES.replace("partition_name", "set"), "part1.csv has no column partition_name: it needs"),
        (PADISI_LINES.replace("valid", "dev"), "part1.csv has no row with {'partition_name': 'valid'}"),
    ):
        official.write_text(text)
        with pytest.raises(ValueError, match=message):
            protocols.load("padisi-part1")
    turned = [",".join(f'"{cell}"' for cell in line.split(",")[::-1]) for line in PADISI_LINES.splitlines()]
    official.write_text("\r\n".join(turned))
    other_order = protocols.load("padisi-part1")
    official.write_text(PADISI_LINES)
    protocol = protocols.load("padisi-part1")
    assert protocol.digest == other_order.digest, "columns go by their names"
    lines = [
        {"domain": "padisi", "split": "train", "attack": attack, "subject": str(n), "capture": capture}
        for n, (attack, capture) in enumerate(
            [
                ("live", "id_abc0_11_face_a_m00000"),
                ("makeup", "id_abc1_12_face_b_m50602"),
                ("pai_01", "id_abc2_13_face_c_m50101"),
                ("live", "x"),
            ]
        )
    ]
    assert protocol.assign(index(lines)).tolist() == ["train", "dev", "test", ""]
    monkeypatch.delenv("DIFFFAS_LISTS")
    again = cloudpickle.loads(cloudpickle.dumps(protocol))  # as a worker gets it, without the file
    assert again.digest == protocol.digest and again.assign(index(lines)).tolist()[2] == "test"


def test_an_official_oulu_list_gives_what_the_rules_give(tmp_path: Path) -> None:
    lines = oulu()
    by_rules = protocols.load("oulu-4_2").assign(index(lines))
    values: dict[str, Any] = {"title": "by lists", "source": "own", "thresholds": ["dev_eer"]}
    for part in PARTS:
        mine = [lines[n] for n in np.flatnonzero(by_rules == part)]
        text = [f"{'+1' if line['attack'] == 'live' else '-1'},{line['capture']}" for line in mine]
        (tmp_path / f"{part}.txt").write_text("\r\n".join(text) + "\r\n")
        values[part] = [{"domain": "oulu_npu", "list": {"file": f"{part}.txt", "line": r"[+-]\d,(?P<capture>\w+)"}}]
    (tmp_path / "own.yaml").write_text(yaml.safe_dump({"protocols": {"mine": values}}))
    protocol = protocols.load(f"{tmp_path}/own.yaml")
    assert protocol.name == "mine" and (protocol.assign(index(lines)) == by_rules).all()
    (tmp_path / "dev.txt").write_text("+1,9_9_99_9\n")
    assert protocols.load(f"{tmp_path}/own.yaml:mine").digest != protocol.digest


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "list a.txt: say either line, a regular expression, or columns of a CSV"),
        ({"line": "(?P<capture>.+)", "columns": {"capture": "x"}}, "list a.txt: say either line"),
        ({"line": "("}, "official list a.txt: line '.' is not a regular expression"),
        ({"line": "x"}, "official list a.txt: line 'x' has no group"),
        ({"line": "(?P<capture>y)"}, "a.txt has no line of the form"),
    ],
)
def test_lists_that_are_told_wrongly(tmp_path: Path, given: dict[str, Any], message: str) -> None:
    (tmp_path / "a.txt").write_text("x\n")
    rule = [{"domain": "oulu_npu", "list": {"file": "a.txt", **given}}]
    values = {"title": "t", "source": "own", "thresholds": ["0.5"], "train": rule, "test": rule}
    (tmp_path / "own.yaml").write_text(yaml.safe_dump({"protocols": {"mine": values}}))
    with pytest.raises(ValueError, match=message) as caught:
        protocols.load(f"{tmp_path}/own.yaml")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"each": "north"}, "own.yaml: mine: each must hold a list of values for every name"),
        ({"each": {"camera": 3}}, "own.yaml: mine: each must hold a list of values for every name"),
        ({"generation": {"policies": "cross-domian"}}, "generation.policies.0.*'cross-domain' or 'cross-attack'"),
    ],
)
def test_families_that_are_told_wrongly(tmp_path: Path, given: dict[str, Any], message: str) -> None:
    rule = [{"domain": "oulu_npu"}]
    values = {"title": "t", "source": "own", "thresholds": ["0.5"], "train": rule, "test": rule, **given}
    (tmp_path / "own.yaml").write_text(yaml.safe_dump({"protocols": {"mine": values}}))
    with pytest.raises(ValueError, match=message) as caught:
        protocols.load(f"{tmp_path}/own.yaml")
    assert "\n" not in str(caught.value)
