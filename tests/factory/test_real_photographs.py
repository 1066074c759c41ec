"""The README's second example on real photographs, cut short: a few steps, a few spoofs."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from factory import generate, prepare, report
from factory.core.config import load
from factory.corpus import Corpus
from factory.train.recipes import generator as fit_generator
from factory.train.recipes import style as fit_style
from tests.root import ROOT


@pytest.mark.soak
def test_photographs_become_spoofs(shared_data: Path, tmp_path: Path, here: None) -> None:
    for kind in ("live", "print"):
        for person in ("0001", "0002", "0003", "0005"):
            (tmp_path / "photos" / kind / person).mkdir(parents=True)
            for photo in sorted((shared_data / "nuaa" / kind / person).glob("*.jpg"))[:4]:
                shutil.copy(photo, tmp_path / "photos" / kind / person)
    (tmp_path / "portraits").mkdir()
    for portrait in sorted((shared_data / "avatars").glob("*.png"))[:12]:
        shutil.copy(portrait, tmp_path / "portraits")
    (tmp_path / "photos" / "live" / "0001" / "broken.jpg").write_bytes(b"no photograph")

    def at(name: str) -> str:
        return str(tmp_path / name)

    weights = f"weights={shared_data}/weights/retinaface_mobilenet0.25.pth"
    photos = [
        "license=research",
        f"source={at('photos')}",
        f"out={at('real')}",
        "defaults.domain=nuaa",
        weights,
        "size=64",
    ]
    summary = prepare.run(load(prepare.PrepareConfig, None, photos))
    assert (summary["written"], summary["rejected"]) == (32, 1)
    seen = pq.read_table(tmp_path / "real" / "faces.parquet")
    assert set(seen["key"].to_pylist()) == set(Corpus(at("real")).column("key"))
    assert min(seen["score"].to_pylist()) > 0.8
    portraits = [
        "license=cc-by-4.0",
        f"source={at('portraits')}",
        f"out={at('portraits-64')}",
        'pattern="{subject}"',
        weights,
        "size=64",
    ]
    prepare.run(load(prepare.PrepareConfig, None, [*portraits, "defaults={attack: live, domain: portraits}"]))

    style = [f"corpus={at('real')}", f"out={at('style')}", "train.steps=6"]
    fit_style.run(load(fit_style.FitStyleConfig, str(ROOT / "examples/style.yaml"), style))
    generator = [f"corpus={at('real')}", f"style_encoder={at('style')}", f"out={at('generator')}", "train.steps=3"]
    fit_generator.run(load(fit_generator.FitGeneratorConfig, str(ROOT / "examples/generator.yaml"), generator))
    inputs = {"live": at("portraits-64"), "guides": at("real"), "generator": at("generator")}
    spoofs = [f"inputs={yaml.safe_dump(inputs, default_flow_style=True)}", f"out={at('spoofs')}"]
    fewer = ["plan.samples=8", "sampler.batch_size=4"]
    generate.run(load(generate.GenerateConfig, str(ROOT / "examples/generate.yaml"), [*spoofs, *fewer]))
    made = Corpus(at("spoofs"))
    assert len(made) == 8
    assert set(made.column("style")) == {"nuaa-print"}
    assert set(made.column("live_domain")) == {"portraits"}
    assert (made.column("brisque") == made.column("brisque")).all()
    shown = [f"inputs.real={at('real')}", f"inputs.live={at('portraits-64')}", f"inputs.generated={at('spoofs')}"]
    assert report.run(load(report.ReportConfig, None, [*shown, f"out={at('report')}"]))["triplets"] == 6
