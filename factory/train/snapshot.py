"""Check Ray Train's snapshot of a run's checkpoints before Ray Train uses it.

The snapshot is a JSON file in the output folder, which anyone with write access there may have changed. Ray Train
takes each name in it as a folder, reads the last and deletes the earlier ones: no name may lead outside the folder.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from typing import Any

from difffas.errors import UserError
from factory.run.reading import read_json
from factory.storage import Storage

TRAINING = "training"  # folder of a run, Ray Train's
SNAPSHOT = f"{TRAINING}/checkpoint_manager_snapshot.json"
NAME = re.compile(r"checkpoint_[0-9A-Za-z_.-]+")
MEND = f"delete the folder {TRAINING} and run the command again, from the first step"


def check_snapshot(storage: Storage) -> None:
    """Refuse to resume a training from files that Ray Train did not write.

    Raises:
        UserError: if the snapshot is not a JSON object or names a folder elsewhere, or a name in `training` is a link:
            Ray Train would write or delete at the link's target.
    """
    if storage.folder and os.path.isdir(storage.path(TRAINING)):
        for entry in os.scandir(storage.path(TRAINING)):
            if entry.is_symlink():
                raise UserError(f"{entry.path} is a link, which Ray Train did not write: {MEND}")
    try:
        found = read_json(storage, SNAPSHOT, MEND)
    except FileNotFoundError:
        return
    for name in _names(found):
        if not (isinstance(name, str) and NAME.fullmatch(name)):
            raise UserError(f"{storage.path(SNAPSHOT)} names {json.dumps(name)[:80]} as a checkpoint: {MEND}")


def _names(value: Any) -> Iterator[Any]:
    """Every folder name in a JSON value, at any depth."""
    if isinstance(value, list):
        for item in value:
            yield from _names(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key == "checkpoint_dir_name":
                yield item
            elif key != "metrics":
                yield from _names(item)
