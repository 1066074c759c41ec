"""Pickles that say so when they are loaded, for every place where somebody could leave one."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path
from typing import Any


class Bomb:
    """Its pickle makes a folder when it is loaded."""

    def __init__(self, marker: Path) -> None:
        self._marker = str(marker)

    def __reduce__(self) -> Any:
        return os.mkdir, (self._marker,)


def bomb(marker: Path) -> bytes:
    """A pickle that makes the folder `marker`."""
    return pickle.dumps(Bomb(marker))


def tune_json(marker: Path) -> bytes:
    """A state file of Ray Tune's, which is JSON with pickles in it."""
    fallback = {"_type": "CLOUDPICKLE_FALLBACK", "value": bomb(marker).hex()}
    return json.dumps({"trial_data": [fallback], "runner_data": fallback, "stats": {}}).encode()


# Where Ray 2.60 reads a pickle if it is told to restore a search or a training: (place, what makes the bytes).
SEARCH = [
    ("search/tuner.pkl", bomb),
    ("search/trainer.pkl", bomb),
    ("search/experiment_state-x.json", tune_json),
    ("search/experiment_state-2026-01-01_00-00-00.json", tune_json),
    ("search/search_gen_state-2026-01-01_00-00-00.json", bomb),
    ("search/searcher-state-2026-01-01_00-00-00.pkl", bomb),
    ("search/basic-variant-state-2026-01-01_00-00-00.json", bomb),
    ("search/callback-states-2026-01-01_00-00-00.pkl", bomb),
    ("search/0001/error.pkl", bomb),
    ("search/0001/params.pkl", bomb),
    ("search/0001/result.json", tune_json),
    ("search/0001/checkpoint_000000/dict_checkpoint.pkl", bomb),
    ("search/0001/checkpoint_000000/.tune_metadata", bomb),
    ("search/rungs/0001.pkl", bomb),
    ("search/stopped/0001.pkl", bomb),
    ("search/trials/0001.pkl", bomb),
    ("tuner.pkl", bomb),
    ("trainer.pkl", bomb),
    ("trials/tuner.pkl", bomb),
]
TRAINING = [
    ("tuner.pkl", bomb),
    ("trainer.pkl", bomb),
    ("training/trainer.pkl", bomb),
    ("training/tuner.pkl", bomb),
    ("training/experiment_state-2026-01-01_00-00-00.json", tune_json),
    ("training/searcher-state-2026-01-01_00-00-00.pkl", bomb),
    ("training/error.pkl", bomb),
    ("training/params.pkl", bomb),
    ("training/.metadata.json", tune_json),
    ("training/.metadata", bomb),
    ("training/checkpoint_000000/dict_checkpoint.pkl", bomb),
    ("training/checkpoint_000000/.metadata", bomb),
]
# In the folder of a checkpoint, which torch.distributed.checkpoint reads.
CHECKPOINT = [(".metadata", bomb), ("__0_0.distcp", bomb), ("model.pt", bomb), (".metadata.json", tune_json)]


def plant(out: Path, places: list[tuple[str, Any]], markers: Path, below: str = "") -> None:
    """A pickle of its own in every place; `markers` shows which were loaded."""
    markers.mkdir(exist_ok=True)
    for place, make in places:
        file = out / below / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(make(markers / f"{below}/{place}".replace("/", "__")))


def loaded(markers: Path) -> list[str]:
    """The places whose pickle was loaded."""
    return sorted(path.name for path in markers.iterdir())
