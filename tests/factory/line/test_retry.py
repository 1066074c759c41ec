"""Which job makes a folder's shards again, and with which settings; test_line.py closes quarantines on real Ray."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.corpora import NoConfig
from factory.core.config import build
from factory.generate import GenerateConfig
from factory.line import retry
from factory.prepare import PrepareConfig
from factory.run import Run


def claimed(folder: Path) -> GenerateConfig:
    inputs = {"live": "/faces", "guides": "/faces", "generator": "dummy"}
    config = build(GenerateConfig, {"inputs": inputs, "out": str(folder)})
    Run(str(folder), "generate", {"plan": 1}, config, {"shards": 1, "images": 2})
    return config


def test_the_settings_are_the_run_s_own_in_the_place_where_it_is_now(tmp_path: Path) -> None:
    config = claimed(tmp_path / "out")
    moved = (tmp_path / "out").rename(tmp_path / "moved")
    job, found = retry.claimed_config(str(moved), ["resources.generators=3"])
    assert job == "generate"
    resources = config.resources.model_copy(update={"generators": 3})
    assert found == config.model_copy(update={"out": str(moved), "resources": resources})


@pytest.mark.parametrize("split", [{"train": 0.6, "dev": 0.2, "test": 0.2}, {"test": 0.5, "seen": 0.5}])
def test_splits_keep_their_order(tmp_path: Path, split: dict[str, float]) -> None:
    """Another order of the splits is another run; older versions sorted all keys of run.json."""
    config = build(PrepareConfig, {"source": "/photos", "out": str(tmp_path / "out"), "crop": "none", "split": split})
    Run(config.out, "prepare", {"split": list(config.split.items())}, config, {"shards": 1, "images": 2})
    file = tmp_path / "out" / "run.json"
    file.write_text(json.dumps(json.loads(file.read_text()), sort_keys=True))
    assert list(retry.claimed_config(config.out, [])[1].split.items()) == list(split.items())


def test_a_run_without_shards_is_refused(tmp_path: Path) -> None:
    Run(str(tmp_path / "out"), "report", {}, NoConfig())
    with pytest.raises(ValueError, match="holds a run of report, which makes no shards"):
        retry.retry_failed(str(tmp_path / "out"), [], reject=False)


@pytest.mark.parametrize(("reject", "failed"), [(False, "retry"), (True, "reject")])
def test_the_job_is_told_what_becomes_of_quarantined_shards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reject: bool, failed: str
) -> None:
    config, asked = claimed(tmp_path / "out"), []

    def run(given: GenerateConfig, **options: Any) -> dict[str, Any]:
        asked.append((given, options))
        return {"images": 2}

    monkeypatch.setattr("factory.generate.run", run)
    found: Any = retry.retry_failed(config.out, [], reject)
    assert found == {"images": 2}
    assert asked == [(config, {"failed": failed})]
