from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
import yaml

from benchmarks.corpora import small_rows, write_corpus
from factory.cards import CARD, write_model_card
from factory.core.config import Config
from factory.run import Run
from tests.students import write_student


class Places(Config):
    corpus: str = "/home/somebody/secret-place"


@pytest.mark.parametrize("station", ["fit-style", "fit-generator", "fit-classifier"])
def test_a_model_says_what_it_learned_from_and_how_it_does(tmp_path: Path, station: str) -> None:
    rows = [dataclasses.replace(row, license="CC-BY-4.0") for row in small_rows(splits=("train", "test"))]
    write_corpus(tmp_path / "real", rows)
    made = [dataclasses.replace(row, key=f"g-{row.key}", license="OULU agreement") for row in rows]
    write_corpus(tmp_path / "made", made)
    run = Run(
        str(tmp_path / "model"), station, {"corpus": "ab" * 32, "train": {"steps": 7}, "long": "x" * 9999}, Places()
    )
    corpora = {"corpus": f"{tmp_path}/real", "generated": f"{tmp_path}/made"}
    write_model_card(run.storage, corpora, {"accuracy": 0.875, "styles": ["cam-live"]})
    text = run.storage.read(CARD).decode()
    front = yaml.safe_load(text.split("---\n")[1])
    assert (front["license"], front["license_name"]) == ("other", "OULU agreement")
    assert front["pipeline_tag"] == ("image-to-image" if station == "fit-generator" else "image-classification")
    assert "| generated | train | cam-print | OULU agreement | 4 |" in text
    assert "| corpus | test | phone-live | CC-BY-4.0 | 4 |" in text
    assert "| accuracy | 0.875 |" in text and '"steps": 7' in text and "ab" * 32 in text
    assert "secret-place" not in text and str(tmp_path) not in text and "xxx" not in text
    for snippet in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(snippet.partition("\n\n")[0])  # what it imports is there
    write_model_card(run.storage, corpora, {"accuracy": 0.0})
    assert run.storage.read(CARD).decode() == text


def test_a_students_card_says_what_it_was_taught_and_how_near_it_is(tmp_path: Path) -> None:
    write_corpus(tmp_path / "real", small_rows())
    run = Run(str(tmp_path / "model"), "fit-student", {}, Places())
    write_student(tmp_path / "made", match="style", calls=1)
    for path in (tmp_path / "made").rglob("*.*"):
        run.storage.create(path.relative_to(tmp_path / "made").as_posix(), path.read_bytes())
    evaluations = [{"step": 2, "psnr": 30.5}, {"step": 4, "psnr": 29.0}]
    write_model_card(run.storage, {"live": f"{tmp_path}/real"}, {"model_step": 2, "evaluations": evaluations})
    text = run.storage.read(CARD).decode()
    for line in ("| T₀ | 50 to 200 |", "| w | 1 to 4 |", "| styles | a-print, a-replay |", "| presets | student |"):
        assert line in text
    assert "| live faces matched by | style |" in text and "| held-out psnr | 30.5 |" in text


def test_other_runs_have_none(tmp_path: Path) -> None:
    write_corpus(tmp_path / "real", small_rows())
    run = Run(str(tmp_path / "out"), "toy", {}, Places())
    write_model_card(run.storage, {"corpus": f"{tmp_path}/real"}, {})
    write_model_card(run.storage, {}, {})
    assert not run.storage.exists(CARD)
