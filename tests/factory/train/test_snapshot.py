"""Ray Train's note of its checkpoints, when somebody else has written it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from factory.storage import Storage
from factory.train.snapshot import check_snapshot
from tests.factory.train.test_train import train
from tests.planted import CHECKPOINT, TRAINING, loaded, plant

GOOD = "checkpoint_2026-11-28_19-59-36.366371"


def snapshot(*names: Any, latest: Any = GOOD, pending: Any = GOOD) -> dict[str, Any]:
    of = lambda name: {"version": 0, "checkpoint_dir_name": name, "metrics": {"step": 6}}  # noqa: E731
    return {
        "ray_version": "2.60.0",
        "checkpoint_results": [of(name) for name in names],
        "latest_checkpoint_result": of(latest),
        "pending_training_results": [of(pending)],
    }


def place(folder: Path, value: Any) -> Storage:
    (folder / "training").mkdir(parents=True)
    text = value if isinstance(value, str) else json.dumps(value)
    (folder / "training" / "checkpoint_manager_snapshot.json").write_text(text)
    return Storage(str(folder))


def test_what_ray_train_writes_passes(tmp_path: Path) -> None:
    check_snapshot(Storage(str(tmp_path / "nothing")))
    check_snapshot(place(tmp_path, snapshot(GOOD, GOOD)))


@pytest.mark.parametrize(
    "bad",
    [
        "../../../home",
        "/etc",
        "..",
        "",
        "checkpoint_1/../../x",
        "checkpoint_1\n",
        "checkpoint_1/x",
        "x",
        3,
        None,
        ["x"],
    ],
)
@pytest.mark.parametrize("where", ["results", "latest", "pending"])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, bad: Any, where: str) -> None:
    """Ray Train deletes the checkpoints before the last two, wherever they are."""
    found = snapshot(GOOD, bad) if where == "results" else snapshot(GOOD, **{where: bad})
    with pytest.raises(ValueError, match=r"^[^\n]*snapshot.json names .* as a checkpoint: delete the folder training"):
        check_snapshot(place(tmp_path, found))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "\x00"])
def test_a_torn_snapshot_is_one_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]*snapshot.json is corrupt: delete the folder training and run"):
        check_snapshot(place(tmp_path, text))


@pytest.mark.parametrize("name", [".validate_storage_marker", "checkpoint_manager_snapshot.json", GOOD])
def test_a_link_is_refused(tmp_path: Path, name: str) -> None:
    """Ray Train would empty the file at its other end, or delete the folder there."""
    (tmp_path / "run" / "training").mkdir(parents=True)
    (tmp_path / "run" / "training" / name).symlink_to(tmp_path / "precious")
    with pytest.raises(ValueError, match=rf"{name} is a link"):
        check_snapshot(Storage(str(tmp_path / "run")))


@pytest.mark.slow
def test_no_pickle_beside_a_training_is_loaded_when_it_begins_or_goes_on(ray_local: None, tmp_path: Path) -> None:
    clean = train(tmp_path / "clean", read_ahead=0)
    run, markers = tmp_path / "run", tmp_path / "markers"
    plant(run, TRAINING, markers)
    accident = {"accident": "crash", "accident_at": 10, "max_failures": 0, "marker": str(tmp_path / "accident")}
    with pytest.raises(Exception, match="worker"):
        train(run, read_ahead=0, **accident)
    checkpoints = [path.parent for path in run.glob("training/*/course.json")]
    assert checkpoints
    for folder in checkpoints:
        plant(folder, CHECKPOINT, markers, "")
    summary = train(run, read_ahead=0, **accident)
    assert loaded(markers) == []
    assert [point[1] for point in summary["curve"]] == pytest.approx([point[1] for point in clean["curve"]])
