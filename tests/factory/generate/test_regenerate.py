"""What can be asked of a generated corpus: show, regenerate, status, verify, the forecast."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from benchmarks.corpora import small_rows, write_corpus
from difffas.pipeline import SpoofPipeline
from difffas.style_encoder import StyleEncoder
from difffas.unet import SpoofUNet
from factory.core.config import load
from factory.corpus import Corpus
from factory.corpus.verify import verify
from factory.generate import GenerateConfig, run
from factory.generate.forecast import forecast
from factory.generate.regenerate import regenerate, show
from factory.images import decode
from factory.line.status import status


@pytest.fixture(scope="module")
def made(tmp_path_factory: Any, in_process: None) -> Path:
    """A corpus that a small diffusion generator made: batches of 4, in shards of 5 and 6, some rows of w = 1."""
    folder = tmp_path_factory.mktemp("made")
    write_corpus(folder / "real", small_rows())
    torch.manual_seed(0)
    unet = SpoofUNet(base_channels=8, channel_multipliers=(1, 1, 1, 1, 1, 1), embed_channels=16)
    encoder = StyleEncoder(["a-print", "a-live"], stem_channels=8, channels=(8, 8, 8, 8), depths=(1, 1, 1, 1))
    for parameter in unet.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    SpoofPipeline(unet, encoder).save_pretrained(folder / "model")
    run(config(folder))
    return folder


def config(folder: Path, *settings: str) -> GenerateConfig:
    given = [
        f"inputs.live={folder}/real",
        f"inputs.guides={folder}/real",
        f"inputs.generator={folder}/model",
        f"out={folder}/spoofs",
        "plan.samples=17",
        "sampler.steps=2",
        "sampler.t0=[100, 300]",
        "sampler.cfg_scale=[1.0, 3.0]",
        "sampler.batch_size=4",
        "output.rows_per_shard=6",
        "output.formats=[parquet, webdataset]",
        "resources.gpus_per_generator=0",
        "resources.threads=1",
    ]
    return load(GenerateConfig, None, [*given, *settings])


def test_every_sample_comes_out_the_same_again(made: Path) -> None:
    corpus = Corpus(str(made / "spoofs"))
    for row in corpus.rows(np.arange(0, len(corpus), 4)):
        data, verdict = regenerate(str(made / "spoofs"), row.key, [])
        assert verdict["equal"] is True
        assert verdict["largest_difference"] == 0
        assert data == row.image


def test_a_generator_that_is_not_whole_any_more_is_refused(made: Path, tmp_path: Path) -> None:
    """Where the inputs have moved; a digest of another model is refused by itself."""
    moved = shutil.copytree(made / "model", tmp_path / "model")
    without = load_file(moved / "unet" / "diffusion_pytorch_model.safetensors")
    del without["conv_in.weight"]
    save_file(without, moved / "unet" / "diffusion_pytorch_model.safetensors", metadata={"format": "pt"})
    key = next(iter(Corpus(str(made / "spoofs")).column("key")))
    with pytest.raises(ValueError, match="missing: conv_in.weight"):
        regenerate(str(made / "spoofs"), key, [f"inputs.generator={moved}"])


def test_a_sample_that_is_no_longer_the_same_is_told(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another seed stands for other software: the verdict says how far off the image is."""
    from factory.core.draws import bits

    key = str(Corpus(str(made / "spoofs")).index["key"][3])
    monkeypatch.setattr("factory.generate.plan.draws.bits", lambda *given: bits(*given) + np.uint64(2))
    _, verdict = regenerate(str(made / "spoofs"), key, [])
    assert verdict["equal"] is False
    assert verdict["largest_difference"] > 0


def test_other_inputs_are_refused(made: Path) -> None:
    key = str(Corpus(str(made / "spoofs")).index["key"][0])
    with pytest.raises(ValueError, match="belongs to another run"):
        regenerate(str(made / "spoofs"), key, ["plan.seed=1"])
    write_corpus(made / "other", small_rows())
    with pytest.raises(ValueError, match="holds a run of prepare"):
        regenerate(str(made / "other"), key, [])


def test_show_gives_the_facts_of_a_row(made: Path) -> None:
    corpus = Corpus(str(made / "spoofs"))
    line = corpus.index.slice(7, 1).to_pylist()[0]
    row, facts = show(str(made / "spoofs"), line["key"])
    assert {name: facts[name] for name in ("shard", "position", "style", "live_key", "t0")} == {
        name: line[name] for name in ("shard", "position", "style", "live_key", "t0")
    }
    assert decode(row.image).shape == (facts["height"], facts["width"], 3)
    json.dumps(facts)
    with pytest.raises(ValueError, match="no finished shard of .* holds key 'nobody'"):
        show(str(made / "spoofs"), "nobody")


def test_status_says_how_far_a_run_is(made: Path) -> None:
    found = status(str(made / "spoofs"))
    assert found["state"] == "finished"
    assert found["progress"].startswith("3/3 shards · 17 images · ")
    assert found["quarantined"] == {}
    assert (found["planned"], found["written"]) == (17, 17)


def test_verify_finds_what_was_done_to_a_corpus(made: Path, tmp_path: Path) -> None:
    assert verify(str(made / "spoofs"))["problems"] == []
    summary = verify(str(made / "spoofs"))
    assert (summary["shards"], summary["images"], summary["keys"]) == (3, 17, 17)

    def spoiled(name: str, change: Any) -> list[str]:
        import shutil

        folder = tmp_path / name
        shutil.copytree(made / "spoofs", folder)
        change(folder)
        return list(verify(str(folder))["problems"])

    data = "data/spoof-train-000001.parquet"

    def flip(folder: Path) -> None:
        content = bytearray((folder / data).read_bytes())
        content[100] ^= 1
        (folder / data).write_bytes(content)

    def twice(folder: Path) -> None:
        record = json.loads((folder / "ledger/train-000001.json").read_text())
        (folder / "ledger/train-000000.json").write_text(json.dumps({**record, "shard": "train-000000"}))

    assert f"{data} is not the file of the ledger" in spoiled("flipped", flip)[0]
    assert spoiled("gone", lambda folder: (folder / data).unlink()) == [f"{data} is missing"]
    gap = spoiled("gap", lambda folder: (folder / "ledger/train-000002.json").unlink())
    assert "1 shards of 3 are missing" in gap
    assert "data/spoof-train-000002.parquet is in no ledger record" in gap
    assert "is corrupt" in spoiled("torn", lambda folder: (folder / "ledger/train-000001.json").write_text("{"))[0]
    assert any("keys occur more than once" in problem for problem in spoiled("twice", twice))


def test_forecast_of_a_run(made: Path) -> None:
    corpus = Corpus(str(made / "spoofs"))
    found = forecast(config(made, "out=/nowhere", "resources.generators=4"), images_per_second=0.5, price=3.0)
    assert found["samples"] == 17
    assert found["shards"] == 3
    assert sum(found["styles"].values()) == 17
    real = sum(path.stat().st_size for path in (made / "spoofs" / "data").iterdir())
    assert 0.5 * real < found["bytes"] < 2 * real
    assert found["generator_hours"] == pytest.approx(17 / 0.5 / 3600, abs=1e-3)
    assert found["hours_with_all_generators"] == pytest.approx(17 / 0.5 / 3600 / 4, abs=1e-3)
    assert found["cost"] == pytest.approx(17 / 0.5 / 3600 * 3, abs=0.01)
    assert not Path("/nowhere").exists()
    assert len(corpus) == 17
