"""A corpus's card: what it says is so, it keeps secrets, and its snippets run."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from benchmarks.corpora import small_rows, write_corpus
from factory.cards import CARD, CROISSANT, write_corpus_card
from factory.cards.facts import corpus_facts
from factory.corpus import Corpus, write_index
from factory.corpus.shards import OutputConfig, commit
from factory.release.join import JoinConfig
from factory.release.join import run as join
from factory.run import Run
from factory.storage import Storage
from tests.factory.cards.corpora import SECRET, Places, generated


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("cards") / "spoofs"
    return folder, generated(folder).read(CARD).decode()


def test_front_matter_is_what_the_hub_wants(card: tuple[Path, str]) -> None:
    front = yaml.safe_load(card[1].split("---\n")[1])
    assert front["license"] == "other" and front["license_name"] == "OULU agreement"
    assert front["task_categories"] == ["image-classification"]
    assert {"synthetic", "face-anti-spoofing", "presentation-attack-detection", "webdataset"} == set(front["tags"])
    assert front["size_categories"] == ["n<1K"] and front["annotations_creators"] == ["machine-generated"]
    [config] = front["configs"]
    assert config["data_files"] == [
        {"split": "train", "path": "data/spoof-train-*.parquet"},
        {"split": "test", "path": "data/spoof-test-*.parquet"},
    ]
    info = front["dataset_info"]
    assert {split["name"]: split["num_examples"] for split in info["splits"]} == {"train": 6, "test": 2}
    features = {feature["name"]: feature["dtype"] for feature in info["features"]}
    assert features["image"] == "image" and features["label"] == {
        "class_label": {"names": {"0": "live", "1": "spoof"}}
    }
    assert features["t0"] == "int64"


def test_body_says_what_was_made_how_and_what_was_left_out(card: tuple[Path, str]) -> None:
    text = card[1]
    for line in (
        "| cam-print | 6 | 2 | 8 |",
        "9 images were planned, 8 written, 1 rejected.",
        "| the generator made non-finite pixels | 1 |",
        "| T₀ (noise level at which editing starts, of 1,000) | 100 to 107 |",
        "| w (guidance) | 1.0 to 8.0 |",
        "| live faces matched before sampling | style |",
        "| sampler | ddim, 25 steps, exact |",
        "| live faces | cam | CC-BY-4.0 | 8 |",
        "| guides | cam | OULU agreement | 8 |",
        "**OULU agreement**: the most restrictive of what the images derive from.",
        "size AUC 0.325 is the chance",  # (36 × 0.25 + 4 × 1) / 40
        "ab" * 32,
    ):
        assert line in text, line
    assert "       below 0          1  ####" in text and "      60 to 70          1  " in text
    assert "## Intended use" in text and "Not intended:" in text and "## Limits" in text


def test_neither_paths_nor_secrets_are_in_the_cards(card: tuple[Path, str]) -> None:
    folder = card[0]
    assert SECRET in (folder / "run.json").read_text()
    for name in (CARD, CROISSANT):
        text = (folder / name).read_text(encoding="utf-8")
        for private in (SECRET, "private-bucket", "somebody", str(folder.parent)):
            assert private not in text


@pytest.mark.slow
def test_every_snippet_runs_in_the_folder(card: tuple[Path, str], tmp_path: Path) -> None:
    snippets = re.findall(r"```python\n(.*?)```", card[1], re.DOTALL)
    assert [re.search(r"(datasets|pyarrow|duckdb|webdataset)", snippet)[1] for snippet in snippets] == [  # type: ignore[index]
        "datasets", "pyarrow", "duckdb", "webdataset",
    ]  # fmt: skip
    code = "\n".join(snippets)
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=card[0], env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]
    lines = done.stdout.splitlines()
    assert lines[0] == "(32, 32) spoof cam-print"
    assert lines[1] == "5"
    assert any("cam-print" in line and "8" in line for line in lines[2:-1])
    assert lines[-1] == "row-0000 cam-print"


def test_it_is_written_once_and_equal_for_equal_corpora(card: tuple[Path, str], tmp_path: Path) -> None:
    storage = generated(tmp_path / "elsewhere")
    assert storage.read(CARD).decode() == card[1]
    (tmp_path / "elsewhere" / CARD).write_text("mine now")
    write_corpus_card(storage)
    assert storage.read(CARD) == b"mine now"


def test_a_prepared_corpus_is_not_called_synthetic(tmp_path: Path) -> None:
    rows = small_rows(splits=("train", "dev"))
    rows = [dataclasses.replace(r, license="CC-BY-4.0" if r.label else "CC0-1.0", brisque=None) for r in rows]
    storage = write_corpus(tmp_path / "real", rows).storage
    write_corpus_card(storage)
    text = storage.read(CARD).decode()
    front = yaml.safe_load(text.split("---\n")[1])
    assert front["license"] == "cc-by-4.0" and "synthetic" not in front["tags"]
    assert "annotations_creators" not in front
    assert "\n| CC-BY-4.0 | 24 |" in text and "\n| CC0-1.0 | 16 |" in text
    assert f"{len(rows)} images have no score" in text
    assert "there are no pairs of live and spoof to compare here" in text
    assert "| live | none |" in text  # these were not written by our encoder


def test_tars_alone_are_a_dataset_too(tmp_path: Path) -> None:
    storage = generated(tmp_path / "tars", formats=("webdataset",))
    front = yaml.safe_load(storage.read(CARD).decode().split("---\n")[1])
    assert front["configs"][0]["data_files"][0]["path"] == "data/spoof-train-*.tar"
    assert "dataset_info" not in front
    document = json.loads(storage.read(CROISSANT))
    assert [records["@id"] for records in document["recordSet"]] == ["splits", "index"]


def test_a_corpus_of_rejects_has_no_card(tmp_path: Path) -> None:
    run = Run(str(tmp_path), "prepare", {}, Places())
    commit(run.storage, "face", "train-000000", [], [{"key": "a", "reason": "no face"}], OutputConfig(), {})
    write_index(run.storage)
    write_corpus_card(run.storage)
    assert not run.storage.exists(CARD)


def test_a_joined_corpus_has_a_card_of_its_own(tmp_path: Path) -> None:
    write_corpus(tmp_path / "a", small_rows())
    write_corpus(tmp_path / "b", [dataclasses.replace(r, key=f"b-{r.key}", license="MIT") for r in small_rows()])
    join(JoinConfig(corpora=(f"{tmp_path}/a", f"{tmp_path}/b"), out=f"{tmp_path}/both"))
    facts = corpus_facts(Storage(f"{tmp_path}/both"))
    assert facts.rows == 2 * len(Corpus(f"{tmp_path}/a")) and facts.license == "MIT"
    assert "`difffas join`" in (tmp_path / "both" / CARD).read_text(encoding="utf-8")
    assert str(tmp_path) not in "".join(path.read_text() for path in (tmp_path / "both" / "ledger").iterdir())
