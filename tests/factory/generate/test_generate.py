"""The generation line on real Ray, with the dummy generator."""

from __future__ import annotations

import dataclasses
import io
import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import webdataset

from benchmarks.corpora import small_rows, write_corpus
from factory.core.config import build, fingerprint, load
from factory.corpus import Corpus
from factory.corpus.row import SPOOF
from factory.corpus.shards import FORMATS, OutputConfig
from factory.corpus.verify import verify
from factory.generate import GenerateConfig, _identity, compare_codecs, open_inputs, recipe_of, run
from factory.generate.plan import Plan
from factory.images import decode
from factory.line import LineSummary
from factory.models.generators import DummyGenerator, Request
from factory.run.ledger import Ledger


def config(tmp_path: Path, out: str, *settings: str) -> GenerateConfig:
    given = [
        f"inputs.live={tmp_path}/real",
        f"inputs.guides={tmp_path}/real",
        "inputs.generator=dummy",
        f"out={tmp_path}/{out}",
        "plan.samples=23",
        "sampler.t0=[100, 300]",
        "sampler.cfg_scale=[1.0, 3.0]",
        "sampler.batch_size=4",
        "output.rows_per_shard=6",
        "output.formats=[parquet, webdataset]",
        "resources.gpus_per_generator=0",
    ]
    return load(GenerateConfig, None, [*given, *settings])


@pytest.fixture(scope="module")
def generated(tmp_path_factory: Any, ray_local: None) -> tuple[Path, LineSummary]:
    tmp_path = tmp_path_factory.mktemp("generate")
    write_corpus(tmp_path / "real", small_rows())
    return tmp_path, run(config(tmp_path, "spoofs"))


def test_planned_equals_written(generated: tuple[Path, LineSummary]) -> None:
    tmp_path, summary = generated
    assert (summary["planned"], summary["written"], summary["rejected"], summary["shards"]) == (23, 23, 0, 3 + 1)
    assert len(Corpus(str(tmp_path / "spoofs"))) == 23


def test_rows_say_where_they_come_from(generated: tuple[Path, LineSummary]) -> None:
    tmp_path, _ = generated
    real, spoofs = Corpus(str(tmp_path / "real")), Corpus(str(tmp_path / "spoofs"))
    by_key = {row.key: row for row in real.rows(np.arange(len(real)))}
    rows = spoofs.rows(np.arange(len(spoofs)))
    for row in rows:
        live, guide = by_key[str(row.live_key)], by_key[str(row.guide_key)]
        assert (row.label, row.subject, row.split) == (SPOOF, live.subject, live.split)
        assert (row.style, row.domain, row.attack) == (guide.style, guide.domain, guide.attack)
        assert row.brisque is not None
        assert row.generator == "dummy"
        assert 100 <= int(row.t0 or 0) <= 300
    counts = Counter(row.style for row in rows)
    assert max(counts.values()) - min(counts.values()) <= 1


@pytest.mark.usefixtures("here")
def test_a_record_that_went_missing_is_made_again(generated: tuple[Path, LineSummary], tmp_path: Path) -> None:
    """As `verify` and `status` tell a user to: delete the damaged record and run the command again."""
    folder, summary = generated
    shutil.copytree(folder / "spoofs", tmp_path / "spoofs")
    shutil.copytree(folder / "real", tmp_path / "real")
    (tmp_path / "spoofs" / "ledger" / "train-000002.json").unlink()
    assert run(config(tmp_path, "spoofs")) == summary
    assert verify(str(tmp_path / "spoofs"))["problems"] == []


@pytest.mark.usefixtures("here")
def test_rows_say_the_t0_and_w_of_their_style_and_without_any_the_fingerprint_is_that_of_before(
    generated: tuple[Path, LineSummary],
) -> None:
    tmp_path, _ = generated
    plain = config(tmp_path, "spoofs")
    assert "by_style" not in _identity(plain, open_inputs(plain))["sampler"]
    styled = config(tmp_path, "by-style", "sampler.by_style={cam-print: {t0: [400, 400], cfg_scale: [5, 5]}}")
    assert run(styled)["written"] == 23
    before, after = (Corpus(str(tmp_path / name)) for name in ("spoofs", "by-style"))
    for first, then in zip(before.rows(range(23)), after.rows(range(23)), strict=True):
        own = then.style == "cam-print"
        assert (then.live_key, then.guide_key, then.seed) == (first.live_key, first.guide_key, first.seed)
        assert (then.t0, then.cfg_scale) == ((400, 5.0) if own else (first.t0, first.cfg_scale))


@pytest.mark.usefixtures("here")
def test_live_faces_may_travel_with_their_spoofs(generated: tuple[Path, LineSummary]) -> None:
    """As `<key>.live.png` in WebDataset; the rows and the Parquet files are those of an unpaired run."""
    tmp_path, _ = generated
    run(config(tmp_path, "paired", "output.paired=true"))
    real, paired = Corpus(str(tmp_path / "real")), Corpus(str(tmp_path / "paired"))
    samples = [
        sample
        for path in sorted((tmp_path / "paired" / "data").glob("*.tar"))
        for sample in webdataset.WebDataset(str(path), shardshuffle=False, empty_check=False)
    ]
    rows = {row.key: row for row in paired.rows(np.arange(len(paired)))}
    places = {key: i for i, key in enumerate(real.column("key"))}
    assert len(samples) == len(rows) == 23
    for sample in samples:
        row = rows[sample["__key__"]]
        assert sample["png"] == row.image
        assert np.array_equal(decode(sample["live.png"]), real.pixels([places[str(row.live_key)]])[0])
    record = Ledger(paired.storage).read("train-000000")
    tar = (tmp_path / "paired" / record["files"]["webdataset"]["path"]).read_bytes()
    assert [row.key for row in FORMATS["webdataset"].read(io.BytesIO(tar))] == sorted(rows)[: record["rows"]]
    with pytest.raises(ValueError, match=r"add webdataset to output\.formats"):
        config(tmp_path, "paired", "output.paired=true", "output.formats=[parquet]")


def test_pixels_are_those_of_the_planned_pair_and_seed(generated: tuple[Path, LineSummary]) -> None:
    tmp_path, _ = generated
    real, spoofs = Corpus(str(tmp_path / "real")), Corpus(str(tmp_path / "spoofs"))
    places = {key: i for i, key in enumerate(real.column("key"))}
    for i, row in enumerate(spoofs.rows(np.arange(len(spoofs)))):
        request = Request(
            real.pixels([places[str(row.live_key)]]),
            real.pixels([places[str(row.guide_key)]]),
            guide_of=np.array([0]),
            t0=np.array([row.t0]),
            cfg_scale=np.array([row.cfg_scale]),
            seed=np.array([row.seed]),
        )
        made = DummyGenerator()(request).pixels
        assert np.array_equal(made, spoofs.pixels([i]))


def test_running_again_is_a_no_op(generated: tuple[Path, LineSummary]) -> None:
    tmp_path, summary = generated
    before = {path: path.stat().st_mtime_ns for path in sorted((tmp_path / "spoofs").rglob("*"))}
    assert run(config(tmp_path, "spoofs")) == summary
    assert {path: path.stat().st_mtime_ns for path in sorted((tmp_path / "spoofs").rglob("*"))} == before


@pytest.mark.slow
def test_lost_shards_are_made_again_byte_for_byte(generated: tuple[Path, LineSummary]) -> None:
    tmp_path, _ = generated
    run(config(tmp_path, "again"))
    whole = {path.name: path.read_bytes() for path in (tmp_path / "again" / "data").iterdir()}
    for name in ("summary.json", "index.parquet", "ledger/train-000001.json", "data/spoof-train-000001.tar"):
        (tmp_path / "again" / name).unlink()
    (tmp_path / "again" / "ledger" / "train-000003.json").unlink()  # data committed, record lost
    run(config(tmp_path, "again"))
    assert {path.name: path.read_bytes() for path in (tmp_path / "again" / "data").iterdir()} == whole
    assert whole == {path.name: path.read_bytes() for path in (tmp_path / "spoofs" / "data").iterdir()}


def test_ledger_holds_hashes_scores_and_versions(generated: tuple[Path, LineSummary]) -> None:
    tmp_path, _ = generated
    for record in Ledger(Corpus(str(tmp_path / "spoofs")).storage).records():
        assert record["brisque"]["count"] == record["rows"]
        assert record["device"] == "cpu"
        assert "torch" in record["software"]
        json.dumps(record, allow_nan=False)


def test_another_codec_than_the_live_faces_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    live = write_corpus(tmp_path / "real", small_rows())
    compare_codecs(live, OutputConfig())
    assert capsys.readouterr().err == ""
    compare_codecs(live, OutputConfig(codec="jpeg", quality=95))
    assert "live faces are stored as png, spoofs will be as jpeg-95" in capsys.readouterr().err


def test_other_settings_need_another_folder(generated: tuple[Path, LineSummary]) -> None:
    tmp_path, _ = generated
    with pytest.raises(ValueError, match="belongs to another run"):
        run(config(tmp_path, "spoofs", "plan.seed=1"))


def test_resources_are_no_part_of_the_fingerprint(generated: tuple[Path, LineSummary]) -> None:
    tmp_path, summary = generated
    assert run(config(tmp_path, "spoofs", "resources.generators=2", "resources.threads=1")) == summary


def test_a_folder_that_is_no_model_is_refused_before_anything_is_written(
    generated: tuple[Path, LineSummary],
) -> None:
    tmp_path, _ = generated
    with pytest.raises(ValueError, match="not a model folder"):
        run(config(tmp_path, "other", f"inputs.generator={tmp_path}/real"))
    assert not (tmp_path / "other").exists()


@pytest.mark.usefixtures("here")
def test_broken_images_of_a_corpus_become_rejects(generated: tuple[Path, LineSummary]) -> None:
    tmp_path, _ = generated
    broken = {"row-0000": "live", "row-0006": "live", "row-0002": "print", "row-0004": "replay"}
    rows = [dataclasses.replace(row, image=b"rot") if row.key in broken else row for row in small_rows()]
    assert {row.key: row.attack for row in rows if row.key in broken} == broken
    write_corpus(tmp_path / "broken", rows)
    given = [f"inputs.live={tmp_path}/broken", f"inputs.guides={tmp_path}/broken", "plan.guides_per_style=8"]
    summary = run(config(tmp_path, "from-broken", *given, "plan.samples=60"))
    assert summary["planned"] == 60 == summary["written"] + summary["rejected"]
    assert set(summary["rejects_by_reason"]) == {
        "live face: not a supported image format",
        "guide: not a supported image format",
    }
    made = Corpus(str(tmp_path / "from-broken"))
    assert not ({*made.column("live_key"), *made.column("guide_key")} & set(broken))


def test_guides_of_another_size_are_refused(generated: tuple[Path, LineSummary]) -> None:
    tmp_path, _ = generated
    write_corpus(tmp_path / "larger", small_rows(side=64))
    with pytest.raises(ValueError, match="live faces are 32×32 and guides 64×64: prepare both with one size"):
        run(config(tmp_path, "mixed", f"inputs.guides={tmp_path}/larger"))
    assert not (tmp_path / "mixed").exists()


@pytest.mark.usefixtures("here")
def test_no_index_is_written_while_something_is_missing(
    generated: tuple[Path, LineSummary], monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path, summary = generated
    with monkeypatch.context() as patched:
        patched.setattr(Plan, "__len__", lambda plan: 24)
        with pytest.raises(AssertionError, match="24 in the plan"):
            run(config(tmp_path, "short"))
    assert not (tmp_path / "short" / "index.parquet").exists()
    assert run(config(tmp_path, "short"))["written"] == summary["written"]


def test_what_compiles_is_said() -> None:
    given = {"inputs": {"live": "a", "guides": "a", "generator": "dummy"}, "out": "b", "resources": {"compile": True}}
    with pytest.raises(ValueError, match=r"resources\.compile is for presets in bfloat16"):
        build(GenerateConfig, given)
    assert build(GenerateConfig, {**given, "sampler": {"preset": "fast"}}).resources.compile


@pytest.mark.usefixtures("here")
def test_the_preset_is_in_every_row_and_in_the_fingerprint(tmp_path: Path) -> None:
    """Also where sampler and steps are those of another: the precision and the guided steps are the preset's."""
    write_corpus(tmp_path / "real", small_rows())
    settings = ["sampler.name=dpm_solver_pp_2m", "sampler.steps=5"], ["sampler.preset=balanced"]
    byhand, preset = (config(tmp_path, "none", *each) for each in settings)
    recipes = [recipe_of(each, open_inputs(each)) for each in (byhand, preset)]
    assert [recipe.pop("preset") for recipe in recipes] == ["exact", "balanced"]
    assert recipes[0] == recipes[1]
    prints = {fingerprint(_identity(each, open_inputs(each))) for each in (byhand, preset)}
    assert len(prints) == 2
