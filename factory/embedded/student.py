"""The recipe of the shipped generator's student: `python -m factory.embedded.student OUT` teaches and ships it.

The generator of drawn people makes its spoofs of drawn strangers, and a student learns them. A second call resumes.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from factory import generate, prepare
from factory.core.config import build
from factory.core.documents import JsonObject
from factory.core.progress import say
from factory.corpus.provenance import DRAWN
from factory.drawn import PRETRAINED, pictures
from factory.embedded.fit import CPU, SIZE, narrowed
from factory.train import TrainSummary, model_evaluation
from factory.train.recipes import student as fit_student

DOMAINS, ATTACKS = ("webcam", "phone"), ("print", "replay", "mask")
OWN_PEOPLE, OWN_SEED = 360, 64  # whom the generator was fitted on, as its card says, of 400
PEOPLE, SEED = 300, 91  # strangers to it, from whom the student learns; a tenth of them are held out
TAUGHT: JsonObject = {"t0": [300, 460], "cfg_scale": [2.0, 6.0], "match": "style"}
FIGURES = "held_out_student.json"


def fit(out: str) -> TrainSummary:
    """Draw people, let the generator make its spoofs of them, and teach the student, all below `out`."""
    root = Path(out).absolute()
    pictures.draw(root / "faces", PEOPLE, 2, SIZE, DOMAINS, ATTACKS, seed=SEED)
    prepare.run(build(prepare.PrepareConfig, _corpus(root)))
    if not (root / "teacher").exists():
        write_teacher(root / "teacher")
    for name, split, samples in (("taught", "train", 5000), ("held", "dev", 192)):
        generate.run(build(generate.GenerateConfig, _generated(root, name, split, samples)))
    return fit_student.run(build(fit_student.FitStudentConfig, _student(root)))


def write_teacher(folder: Path) -> None:
    """Copy the shipped generator, with the statistics of the styles that it was fitted to, which matching needs."""
    from difffas.matching import Moments
    from difffas.style_statistics import PART, write_statistics
    from factory.models.tensors import to_tensor

    with tempfile.TemporaryDirectory() as name:
        drawn, teacher = Path(name) / "faces", Path(name) / "teacher"
        pictures.draw(drawn, OWN_PEOPLE, 2, SIZE, DOMAINS, ATTACKS, seed=OWN_SEED)
        images: dict[str, list[np.ndarray]] = {}
        for path in sorted(drawn.rglob("*.png")):
            images.setdefault("-".join(path.relative_to(drawn).parts[:2]), []).append(np.asarray(Image.open(path)))
        for part in ("unet", "style_encoder", "scheduler"):
            shutil.copytree(PRETRAINED / part, teacher / part)
        index = json.loads((PRETRAINED / "model_index.json").read_text(encoding="utf-8"))
        plain = {key: value for key, value in index.items() if key != "student"}
        (teacher / "model_index.json").write_text(json.dumps(plain, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        write_statistics(
            teacher, {style: Moments.of(to_tensor(np.stack(each))).statistics for style, each in images.items()}
        )
        (teacher / PART / "statistics.safetensors").chmod(0o644)
        shutil.copytree(teacher, folder)


def _corpus(root: Path) -> JsonObject:
    return {
        "source": f"{root}/faces",
        "out": f"{root}/real",
        "pattern": pictures.PATTERN,
        "crop": "none",
        "size": SIZE,
        "license": "CC0-1.0",
        "digital_source_type": DRAWN,
        "split": {"train": 0.85, "dev": 0.1, "test": 0.05},
        "output": {"rows_per_shard": 200},
    }


def _generated(root: Path, name: str, split: str, samples: int) -> JsonObject:
    return {
        "inputs": {"live": f"{root}/real", "guides": f"{root}/real", "generator": f"{root}/teacher"},
        "out": f"{root}/{name}",
        "plan": {"samples": samples, "guides_per_style": 48, "splits": [split]},
        "sampler": {"preset": "exact", "name": "dpm_solver_pp_2m", "steps": 10, **TAUGHT, "batch_size": 20},
        "output": {"formats": ["parquet"], "rows_per_shard": 100 if split == "train" else 60},
        "resources": {"gpus_per_generator": 0, "threads": 2},
    }


def _student(root: Path) -> JsonObject:
    training = {"steps": 3600, "batch_size": 16, "learning_rate": 1e-3, "warmup_steps": 100, "cosine_decay": True}
    return {
        "teacher": f"{root}/teacher",
        "generated": f"{root}/taught",
        "held_out_generated": f"{root}/held",
        "live": f"{root}/real",
        "guides": f"{root}/real",
        "out": f"{root}/fitted",
        "train": {**training, "evaluate_every": 300},
        "ema_decay": 0.995,
        "evaluation": {"samples": 96},
        "resources": {**CPU, "checkpoint_every": 150},
    }


def ship(root: Path, folder: Path = PRETRAINED) -> dict[str, float]:
    """Copy the student that `fit` made below `root` into the generator's folder, in bfloat16; return its figures."""
    summary: TrainSummary = json.loads((root / "fitted" / "summary.json").read_text(encoding="utf-8"))
    figures = model_evaluation(summary)
    with tempfile.TemporaryDirectory() as name:
        narrowed(root / "fitted", Path(name), ("student", "style_statistics"))
        for path in (path for path in Path(name).rglob("*") if path.is_file()):
            place = folder / path.relative_to(name)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(path.read_bytes())
    (folder / FIGURES).write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return figures


if __name__ == "__main__":
    fit(sys.argv[1])
    say(f"embedded: {ship(Path(sys.argv[1]))}; now write the card")
