"""A search's own record: what is read back, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from factory.storage import Storage
from factory.tune import trials as searching
from factory.tune.record import Record, kept
from factory.tune.space import draw, settings_of
from factory.tune.trials import search
from tests.factory.tune.stand_in import config_of, trial_claim, trial_summary


def test_a_folder_of_another_run_is_no_trial_that_ended(tmp_path: Path) -> None:
    """Ray Train's claim then refuses it, as ever."""
    config = config_of(tmp_path)
    parameters = draw(config.search, 0, 0)
    fit = settings_of(config.fit, parameters, config.fit.out)
    storage = Storage(config.out)
    look = trial_summary({"step": 40, "auc": 1.0, "d_eer": 0.0})
    storage.create("trials/0001/summary.json", look)
    other = {**fit.model_dump(mode="json"), "loss": {"name": "focal"}}
    storage.create("trials/0001/run.json", trial_claim(other))
    assert Record(storage).ended("0001", parameters, fit) is None
    same = {**fit.model_dump(mode="json"), "corpus": "/mnt/elsewhere"}
    storage.create("trials/0002/summary.json", look)
    storage.create("trials/0002/run.json", trial_claim(same))
    assert Record(storage).ended("0002", parameters, fit) is not None


@pytest.mark.parametrize("text", ["", "{", "[]", "\x80", '{"step": "3"}', '{"step": true}', '{"step": NaN}', "{}"])
@pytest.mark.parametrize("place", ["search/stopped/0001.json", "search/rungs/0001-10.json"])
def test_a_corrupt_record_is_one_line(tmp_path: Path, place: str, text: str) -> None:
    config = config_of(tmp_path, trials=1)
    Storage(config.out).create(place, text.encode("latin-1"))
    record = Record(Storage(config.out))

    def read() -> None:
        record.ended("0001", draw(config.search, 0, 0), settings_of(config.fit, {}, config.fit.out))
        record.reports()

    with pytest.raises(ValueError, match=rf"^[^\n]*{place} is corrupt: delete it and run the command again$"):
        read()


def test_optuna_s_search_of_an_earlier_version_is_refused_and_others_go_on(tmp_path: Path) -> None:
    config = config_of(tmp_path, searcher="optuna")
    storage = Storage(config.out)
    state = json.dumps({"trial_data": [[json.dumps({"trial_id": "0a1b2c3d"}), "{}"]]})
    storage.create("search/experiment_state-2026-01-01_00-00-00.json", state.encode())
    storage.create("search/tuner.pkl", b"a pickle")
    Record(storage).check_version()  # nothing was run: somebody put it there
    storage.create("trials/0a1b2c3d/run.json", b"{}")
    with pytest.raises(ValueError, match="search with Optuna of an earlier version.* is not read: begin it again"):
        search(storage, config)
    # The random search's trials follow from the seed.
    assert list(searching._begun(Record(storage), config_of(tmp_path))) == ["0001", "0002", "0003", "0004"]


def test_only_figures_of_a_report_are_kept() -> None:
    report = {"step": 3, "loss": float("nan"), "auc": 0.5, "d_eer": None, "hostname": "h", "config/trial/name": "0001"}
    assert kept(report) == {"step": 3, "loss": None, "auc": 0.5, "d_eer": None}
