"""A prepared and a generated corpus as the stations write them, on disk and on S3, for readers that are not ours."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.corpora import small_rows, write_corpus
from factory import line
from factory.cards import write_corpus_card
from factory.core.config import load
from factory.core.progress import Progress
from factory.corpus import Corpus
from factory.corpus.encode import encode
from factory.corpus.shards import OutputConfig
from factory.generate import PREFIX, GenerateConfig, open_inputs, plan_run, recipe_of
from factory.generate.inputs import read_inputs
from factory.generate.plan import Plan
from factory.images import decode
from factory.models.generators import DummyGenerator, Request
from tests.s3 import S3Server, client, variables

LOCAL_AND_S3 = ["local", pytest.param("s3", marks=pytest.mark.slow)]


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No reader may ask the Hub for anything."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of two finished corpora: `real`, with live and spoof rows, and `spoofs`, paired, in two splits."""
    root = tmp_path_factory.mktemp("contract")
    rows = [
        dataclasses.replace(row, image=encode(decode(row.image), OutputConfig(), "digitalCapture"))
        for row in small_rows(subjects=6, side=64, splits=("train", "test"))
    ]
    write_corpus(root / "real", rows, formats=("parquet", "webdataset"), per_shard=20)
    write_corpus_card(Corpus(str(root / "real")).storage)
    settings = [
        f"inputs.live={root}/real",
        f"inputs.guides={root}/real",
        "inputs.generator=dummy",
        f"out={root}/spoofs",
        "plan.samples=20",
        "plan.splits=[train, test]",
        "sampler.t0=[100, 300]",
        "sampler.cfg_scale=[1.0, 3.0]",
        "sampler.batch_size=4",
        "output.rows_per_shard=10",
        "output.formats=[parquet, webdataset]",
        "output.paired=true",
        "resources.gpus_per_generator=0",
    ]
    generate_here(load(GenerateConfig, None, settings))
    return root


def generate_here(config: GenerateConfig) -> None:
    """What `generate` does for every shard, here and now: these tests are about readers, not about Ray."""
    opened = open_inputs(config)
    live, guides = opened.live, opened.guides
    claim, plan = plan_run(config, opened)
    assert isinstance(plan, Plan)
    corpora = (live.storage, live.index), (guides.storage, guides.index)
    for shard in plan.shards():
        row: Any = read_inputs(plan.shard_plan(shard), *corpora, recipe_of(config, opened))
        names = ("pixels", "guides", "guide_of", "t0", "cfg_scale", "seed")
        made = DummyGenerator()(Request(*(row[name] for name in names)))
        row = {"shard": shard, "records": row["records"], "pixels": made.pixels, "lives": row["pixels"]}
        done = line._finish(row, "generate", claim.storage.url, PREFIX, config.output, attempt=1)
        assert not done["fault"], done["fault"]
    shards = list(plan.shards())
    work = line.Work("generate", shards, len(plan), lambda dataset, _: dataset, PREFIX, config.output, lambda _: [])
    line._close(claim, work, shards, Progress("generate", plan.shard_count, len(plan), 0))


@pytest.fixture(scope="session")
def on_s3(written: Path, s3_server: S3Server) -> str:
    """URL of a bucket with the same bytes."""
    bucket = s3_server.new_bucket()
    with variables(s3_server.environment()):
        files = client()
        for path in sorted(path for path in written.rglob("*") if path.is_file()):
            files.pipe_file(f"{bucket}/{path.relative_to(written).as_posix()}", path.read_bytes())
    return f"s3://{bucket}"


@pytest.fixture
def root(request: pytest.FixtureRequest, written: Path) -> Iterator[str]:
    """Where the corpora are, by the parameter `local` or `s3`; with the environment that leads to the latter."""
    if request.param == "local":
        yield str(written)
        return
    url: str = request.getfixturevalue("on_s3")
    with variables(request.getfixturevalue("s3_server").environment()):
        yield url


@pytest.fixture
def files(root: str, written: Path) -> Callable[[str, str], list[str]]:
    """`files(pattern, corpus)`: paths or URLs of the files of a corpus, by the pattern below its folder."""

    def find(pattern: str, corpus: str = "spoofs") -> list[str]:
        found = sorted((written / corpus).glob(pattern))
        return [f"{root}/{path.relative_to(written).as_posix()}" for path in found]

    return find


@pytest.fixture(scope="session")
def expected(written: Path) -> dict[str, dict[str, Any]]:
    """The generated rows by key, as our own reader has them."""
    corpus = Corpus(str(written / "spoofs"))
    return {row.key: dataclasses.asdict(row) for row in corpus.rows(range(len(corpus)))}
