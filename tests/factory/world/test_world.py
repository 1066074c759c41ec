"""A rendered corpus from end to end: rows, side table, card; resumed, and equal on one and two workers."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from factory import world
from factory.core.config import build
from factory.corpus import Corpus
from factory.corpus.scenes import SCHEMA
from factory.corpus.verify import verify
from factory.line.retry import retry_failed
from factory.run import Run
from factory.run.ledger import Ledger
from factory.world.capture.cameras import CAMERAS
from factory.world.render import renderer
from factory.world.settings import WorldConfig

DOMAINS = tuple(CAMERAS)


def config(out: Path, **given: Any) -> WorldConfig:
    small = {
        "people": 3,
        "domains": [DOMAINS[0]],
        "attacks": ["rigid_mask"],
        "size": 32,
        "samples": 1,
    }  # no enrolment: fast
    return build(WorldConfig, {"out": str(out), "output": {"rows_per_shard": 2}, **small, **given})


def hashes(out: Path) -> dict[str, str]:
    files = [*(out / "data").iterdir(), out / "index.parquet", out / "scenes.parquet"]
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory, in_process: None) -> Path:
    out = tmp_path_factory.mktemp("world") / "corpus"
    world.run(config(out))
    return out


def test_the_corpus_is_whole(rendered: Path) -> None:
    corpus = Corpus(str(rendered))
    assert len(corpus) == 6 and corpus.pixels(range(6)).shape == (6, 32, 32, 3)
    assert set(corpus.column("license")) == {"CC0-1.0"}
    assert sorted(set(corpus.column("split"))) == ["dev", "test", "train"]
    assert verify(str(rendered))["problems"] == []
    assert {record["renderer"] for record in Ledger(corpus.storage).records()} == {renderer()}


def test_the_side_table_has_a_row_for_each_picture(rendered: Path) -> None:
    scenes = pq.read_table(rendered / "scenes.parquet")
    assert scenes.schema.equals(SCHEMA)
    assert sorted(scenes["key"].to_pylist()) == sorted(Corpus(str(rendered)).column("key"))


def test_the_card_says_who_is_in_it_and_where_it_comes_from(rendered: Path) -> None:
    card = (rendered / "README.md").read_text()
    assert "license: cc0-1.0" in card and "tags: [synthetic, " in card
    assert "The people do not exist" in card and "MakeHuman" in card
    assert f"rendered by {renderer()}" in card
    assert "| skin tone | very light |" in card and "| age | 18 to 29 |" in card
    assert '"synthetic"' in (rendered / "croissant.json").read_text()


@pytest.mark.slow
def test_a_run_goes_on_where_it_stopped_with_other_workers(rendered: Path, tmp_path: Path) -> None:
    """What a killed run leaves: some shards, and perhaps parts of the side table whose shards are missing."""
    out, last = tmp_path / "corpus", config(tmp_path / "corpus", resources={"num_cpus": 2})
    world.run(last)
    assert hashes(out) == hashes(rendered)
    lost = ["summary.json", "index.parquet", "scenes.parquet", "scenes/dev-000000.parquet"]
    for split in ("train", "dev"):  # the part of train stays
        lost += [f"ledger/{split}-000000.json", f"data/rendered-{split}-000000.parquet"]
    for name in lost:
        (out / name).unlink()
    summary = world.run(last)
    assert summary["written"] == 6 and hashes(out) == hashes(rendered)
    assert world.run(last) == summary  # again is a no-op
    assert retry_failed(str(out), [], reject=False) == summary  # run.json holds the same run
    with pytest.raises(ValueError, match="belongs to another run"):
        world.run(config(out, samples=2))
    for name in ("summary.json", "scenes.parquet", "scenes/test-000000.parquet"):
        (out / name).unlink()
    with pytest.raises(ValueError, match=r"^scenes/test-000000.parquet is gone: delete ledger/test-000000.json"):
        world.run(last)  # closing now would leave pictures without a scene


def test_the_renderer_and_what_decides_a_picture_are_in_the_fingerprint(monkeypatch: pytest.MonkeyPatch) -> None:
    changes: list[dict[str, Any]] = [
        {"people": 4},
        {"size": 64},
        {"samples": 2},
        {"seed": 1},
        {"captures": 2},
        {"attacks": []},
        {"domains": [DOMAINS[1]]},
        {"split": {"train": 0.5, "test": 0.5}},
        {"output": {"rows_per_shard": 3}},
    ]
    identities = [str(world.identity(config(Path("x"), **change))) for change in [{}, *changes]]
    same = world.identity(config(Path("elsewhere"), resources={"num_cpus": 2}))
    assert str(same) == identities[0] and len(set(identities)) == len(identities)
    monkeypatch.setattr(world, "renderer", lambda: "mitsuba 4")
    assert world.identity(config(Path("x"))) != same


@pytest.mark.parametrize(("size", "stated"), [(64, 192), (128, None)])
def test_folders_begun_with_finer_enrolments_of_small_pictures_are_others(size: int, stated: int | None) -> None:
    assert world.identity(config(Path("x"), size=size), "mitsuba 3").get("enrolled_side") == stated


def test_without_mitsuba_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mitsuba", None)
    with pytest.raises(ValueError, match=r"^rendering needs Mitsuba: pip install 'difffas-factory\[world\]'$"):
        world.run(config(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_a_finished_folder_needs_no_mitsuba(rendered: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mitsuba", None)
    assert world.run(config(rendered))["written"] == 6
    with pytest.raises(ValueError, match="belongs to another run"):
        world.run(config(rendered, seed=1))


def test_where_no_mitsuba_is_a_finished_folder_says_what_rendered_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = str(tmp_path / "out")
    claim = Run(out, "world", world.identity(config(Path(out)), "mitsuba 3.0"), config(Path(out)))
    monkeypatch.setitem(sys.modules, "mitsuba", None)
    with pytest.raises(ValueError, match="^rendering needs Mitsuba"):
        world._renderer_of(out)  # something is left to render
    claim.finish({})
    assert world._renderer_of(out) == "mitsuba 3.0"
