"""How far the run of a folder has come: corpus, training, search, or the folders of a pipeline or of the demo."""

from __future__ import annotations

import re
from collections.abc import Mapping

from difffas.errors import UserError
from factory.run import read_summary
from factory.run.claim import CLAIM, Claim, read_claim
from factory.storage import Storage

# Folders that `pipeline` and `demo` make, in their order.
PARTS = (
    "corpus", "real", "style", "generator", "own-spoofs", "spoofs", "others", "judge", "audit", "classifier",
    "evaluation", "classifier-real", "classifier-real-scores", "classifier-generated", "classifier-generated-scores",
    "search", "report",
)  # fmt: skip
_STEPS = re.compile(r"events\.out\.tfevents\.(\d+)")  # named after the last step that a checkpoint kept


def standing(url: str) -> Mapping[str, object]:
    """Return what a folder shows of its run; of a folder of runs, a line for each.

    Raises:
        UserError: if neither the folder nor one that a pipeline or the demo would make in it holds a run.
    """
    storage = Storage(url)
    if storage.exists(CLAIM):
        return _of_run(storage)
    parts = {name: Storage(storage.path(name)) for name in PARTS if storage.exists(f"{name}/{CLAIM}")}
    if not parts:
        raise UserError(f"{storage.url} has no {CLAIM}: it is not a folder that difffas wrote")
    found = {name: _of_run(part) for name, part in parts.items()}
    done = sum(each["state"] == "finished" for each in found.values())
    return {
        "progress": f"{done} of {len(found)} begun stations finished",
        "stations": {name: f"{each['job']}: {each['state']}, {each['progress']}" for name, each in found.items()},
    }


def _of_run(storage: Storage) -> Mapping[str, object]:
    claim = read_claim(storage)
    if "planned" in claim:
        from factory.line.status import status

        return status(storage.url)
    finished = read_summary(storage) is not None
    return {
        "job": claim["job"],
        "state": "finished" if finished else "unfinished",
        "progress": _progress(storage, claim, finished),
    }


def _progress(storage: Storage, claim: Claim, finished: bool) -> str:
    """What the folder shows of a run without shards."""
    config = claim["config"]
    if steps := _number(config.get("train"), "steps"):
        kept = [int(match[1]) for name in storage.names("tensorboard") if (match := _STEPS.fullmatch(name))]
        return f"{max(kept, default=0):,} of at most {steps:,} steps kept"
    if claim["job"] == "tune" and (trials := _number(config, "trials")):
        from factory.tune.record import trial_names

        over = sum(_is_over(storage, name) for name in trial_names(trials))
        return f"{over:,} of {trials:,} trials over"
    return "its summary.json is written" if finished else "its summary.json is not written yet"


def _is_over(storage: Storage, trial: str) -> bool:
    from factory.tune.record import REFUSED, STOPPED
    from factory.tune.settings import TRIALS

    ends = (f"{TRIALS}/{trial}/summary.json", f"{STOPPED}/{trial}.json", f"{REFUSED}/{trial}.txt")
    return any(storage.exists(end) for end in ends)


def _number(section: object, key: str) -> int | None:
    """A whole number of a configuration that another version may have written."""
    found = section.get(key) if isinstance(section, Mapping) else None
    return found if isinstance(found, int) and not isinstance(found, bool) else None
