"""The claim of a folder: what another version or a stranger wrote is refused in one line, never trusted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from difffas.errors import UserError
from factory.run.claim import CLAIM, read_claim, read_planned
from factory.storage import Storage

WHOLE = {"job": "generate", "fingerprint": "f" * 64, "identity": {}, "config": {}, "software": {}, "code": {}}


def folder(path: Path, **facts: Any) -> Storage:
    (path / CLAIM).write_text(json.dumps({**WHOLE, **facts}))
    return Storage(str(path))


def test_a_claim_is_read_as_it_was_written(tmp_path: Path) -> None:
    planned = {"shards": 3, "images": 17, "styles": {"cam-print": 17}}
    storage = folder(tmp_path, planned=planned)
    assert dict(read_claim(storage)) == {**WHOLE, "planned": planned}
    assert read_planned(storage)[1] == planned


def test_a_folder_without_a_claim_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has no run.json: it is not a folder that difffas wrote"):
        read_claim(Storage(str(tmp_path)))


@pytest.mark.parametrize(
    "facts",
    [
        {"job": 7},
        {"fingerprint": None},
        {"config": []},
        {"identity": 7},
        {"software": {"ray": 2}},
        {"code": "0.2.0"},
        {"planned": [3]},
        {"planned": {"shards": 3}},
        {"planned": {"shards": "3"}},
        {"planned": {"images": 1.5}},
        {"planned": {"images": True}},
    ],
)
def test_a_claim_of_another_form_is_refused(tmp_path: Path, facts: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="run.json is corrupt"):
        read_claim(folder(tmp_path, **facts))


@pytest.mark.parametrize("fact", ["job", "fingerprint", "identity", "config"])
def test_a_claim_without_a_key_names_it(tmp_path: Path, fact: str) -> None:
    claim = {name: value for name, value in WHOLE.items() if name != fact}
    (tmp_path / CLAIM).write_text(json.dumps(claim))
    with pytest.raises(UserError, match=rf"run.json is corrupt \(its {fact} is missing\): bring it back from a copy"):
        read_claim(Storage(str(tmp_path)))


@pytest.mark.parametrize("fact", ["code", "software"])
def test_a_claim_without_what_no_reader_needs_is_read(tmp_path: Path, fact: str) -> None:
    claim = {name: value for name, value in WHOLE.items() if name != fact}
    (tmp_path / CLAIM).write_text(json.dumps(claim))
    assert dict(read_claim(Storage(str(tmp_path)))) == claim


def test_a_run_without_shards_has_no_plan(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds a run of generate, which makes no shards"):
        read_planned(folder(tmp_path))
