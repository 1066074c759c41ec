"""Every way in for a model: a broken one is one line, status 2, and no folder is claimed."""

from __future__ import annotations

import hashlib
import json
import shutil
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks.corpora import NoConfig, face, png, row, small_rows, write_corpus
from difffas.classifier import SpoofClassifier
from difffas.pipeline import SpoofPipeline
from difffas.style_encoder import StyleEncoder
from difffas.timm_export import export_timm
from difffas.unet import SpoofUNet
from factory.cli import main
from factory.core.config import fingerprint
from factory.core.homes import private_folder
from factory.corpus.row import LIVE, Row
from factory.models.diffusion_generator import DiffusionGenerator
from factory.models.load import (
    check_sampler,
    check_side,
    encoder_digest,
    load_generator,
    load_unet,
    model_digest,
    parts_digest,
)
from factory.models.settings import SamplerConfig, StyleRanges
from factory.play.playground import PlayConfig, Playground
from factory.run import Run
from factory.storage import Storage
from factory.storage.embedded import GENERATOR
from tests.broken_models import CONFIGS, WEIGHTS, with_config, with_tensors
from tests.gloo import NETWORK
from tests.students import write_student

SAMPLER = SamplerConfig(steps=3, t0=(30, 90), batch_size=4)
UNET: dict[str, Any] = {"base_channels": 8, "channel_multipliers": (1,) * 6, "embed_channels": 16, "timesteps": 300}
ENCODER: dict[str, Any] = {"stem_channels": 8, "channels": (8, 8, 8, 8), "depths": (1, 1, 1, 1)}
FEW = ("one missing", "nan", "a variance below zero", "truncated", "two files")
SPOILS = {name: WEIGHTS[name] for name in FEW}
SPOILS |= {name: CONFIGS[name] for name in ("a list", "too deep")}
HUGE = {"base_channels": 10**6, "channels": [8, 8, 8, 10**6], "model_args": {"channels": [10**6] * 4}}
SPOILS["a million channels"] = (with_config(**HUGE), "unknown|asks for a larger")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ways")
    real = small_rows(subjects=4, splits=("train", "dev", "test"))
    write_corpus(folder / "real", real)
    write_corpus(folder / "made", made_rows(real))
    styles = sorted({each.style for each in real})
    torch.manual_seed(0)
    encoder = StyleEncoder(styles, **ENCODER)
    SpoofPipeline(SpoofUNet(**UNET), encoder).save_pretrained(folder / "generator")
    encoder.save_pretrained(folder / "style" / "style_encoder")
    live = [style for style in styles if style.endswith("live")]
    SpoofClassifier(styles, live, backbone="test_resnet", image_size=32).save(folder / "classifier" / "classifier")
    export_timm(SpoofClassifier(styles, live, backbone="test_resnet"), folder / "backbone", 32)
    for name in ("generator", "style", "classifier"):
        claim = Run(str(folder / name), f"fit-{name}", {"corpus": "any"}, NoConfig())
        claim.finish({})
    return folder


def made_rows(real: list[Row]) -> list[Row]:
    live = next(r for r in real if r.label == LIVE and r.split == "train")
    guide = next(r for r in real if r.label != LIVE and r.split == "train")
    facts = {"label": guide.label, "attack": guide.attack, "domain": guide.domain, "subject": live.subject}
    return [row(1, key="made", image=png(face(9)), live_key=live.key, guide_key=guide.key, **facts)]


@pytest.fixture
def place(root: Path, tmp_path: Path) -> Path:
    """A copy to break."""
    return shutil.copytree(root, tmp_path / "ways")


# Each takes the folder of everything and the one to write; the part that is broken is the first.
SMALL = ["network.base_channels=8", "network.channel_multipliers=[1,1,1,1,1,1]", "network.embed_channels=16"]
SHORT = "train={steps: 2, batch_size: 2, learning_rate: 0.1}"
WAYS: dict[str, tuple[str, Callable[[Path, Path], list[str]]]] = {
    "generate": ("generator/unet", lambda p, out: generate("generate", p, out)),
    "generate, encoder": ("generator/style_encoder", lambda p, out: generate("generate", p, out)),
    "plan": ("generator/unet", lambda p, out: ["plan", *generate("generate", p, out)[1:]]),
    "strength": ("generator/style_encoder", lambda p, out: generate("strength", p, out) + ["split=train"]),
    "probe": ("generator/unet", lambda p, out: ["probe", f"generator={p}/generator", "size=32"]),
    "fit-generator": (
        "style/style_encoder",
        lambda p, out: ["fit-generator", f"corpus={p}/real", f"style_encoder={p}/style", f"out={out}", SHORT, *SMALL],
    ),
    "fit-generator, initial": (
        "generator/unet",
        lambda p, out: ["fit-generator", f"corpus={p}/real", f"initial={p}/generator", f"out={out}", SHORT],
    ),
    "fit-generator, its encoder": (
        "generator/style_encoder",
        lambda p, out: ["fit-generator", f"corpus={p}/real", f"initial={p}/generator", f"out={out}", SHORT],
    ),
    "fit-generator, both": (
        "style/style_encoder",
        lambda p, out: [
            *("fit-generator", f"corpus={p}/real", f"initial={p}/generator", f"style_encoder={p}/style"),
            *(f"out={out}", SHORT),
        ],
    ),
    "fit-style, initial": (
        "style/style_encoder",
        lambda p, out: ["fit-style", f"corpus={p}/real", f"initial={p}/style", f"out={out}", SHORT],
    ),
    "audit": (
        "style/style_encoder",
        lambda p, out: [
            *("audit", f"inputs.generated={p}/made", f"inputs.live={p}/real", f"inputs.guides={p}/real"),
            *(f"inputs.style_encoder={p}/style", "identity=structure", f"out={out}"),
        ],
    ),
    "evaluate": (
        "classifier/classifier",
        lambda p, out: ["evaluate", "--classifier", f"{p}/classifier", "--corpus", f"{p}/real", "--out", f"{out}"],
    ),
    "export-classifier": (
        "classifier/classifier",
        lambda p, out: ["export-classifier", f"{p}/classifier", "--out", f"{out}"],
    ),
    "fit-classifier": (
        "backbone",
        lambda p, out: ["fit-classifier", f"corpus={p}/real", f"backbone=local-dir:{p}/backbone", f"out={out}", SHORT],
    ),
}


def generate(verb: str, place: Path, out: Path) -> list[str]:
    inputs = [f"inputs.live={place}/real", f"inputs.guides={place}/real", f"inputs.generator={place}/generator"]
    return [verb, *inputs, f"out={out}"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("fault", SPOILS)
def test_a_broken_model_is_one_line_and_claims_nothing(way: str, fault: str, place: Path, capsys: Any) -> None:
    part, command = WAYS[way]
    spoil, message = SPOILS[fault]
    spoil(place / part)
    with pytest.raises(SystemExit) as ended:
        main(command(place, place / "out"))
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("difffas: error")]
    assert ended.value.code == 2
    assert len(lines) == 1
    assert str(place / part) in lines[0]
    with pytest.raises(ValueError, match=message):
        raise ValueError(lines[0])
    assert not (place / "out").exists()


@pytest.mark.parametrize("way", WAYS)
def test_a_pipe_for_a_configuration_is_not_waited_for(way: str, place: Path, capsys: Any) -> None:
    """Apart from the others: stations that ask first whether there is one name the folder above."""
    part, command = WAYS[way]
    CONFIGS["a pipe"][0](place / part)
    with pytest.raises(SystemExit) as ended:
        main(command(place, place / "out"))
    assert ended.value.code == 2
    assert str((place / part).parent) in capsys.readouterr().err
    assert not (place / "out").exists()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("std", [0, 0, 0]),
        ("std", [0.5, 0.5]),
        ("mean", ["a", 0, 0]),
        ("classifier", 7),
        ("input_size", [3, -1, 32]),
        ("fixed_input_size", "yes"),
    ],
)
def test_a_backbone_s_configuration_is_as_timm_writes_it(key: str, value: Any, place: Path, capsys: Any) -> None:
    config = json.loads((place / "backbone" / "config.json").read_text())
    config["pretrained_cfg"] = {**config.get("pretrained_cfg", {}), key: value}
    (place / "backbone" / "config.json").write_text(json.dumps(config))
    with pytest.raises(SystemExit) as ended:
        main(WAYS["fit-classifier"][1](place, place / "out"))
    assert ended.value.code == 2
    assert f"pretrained_cfg.{key} is" in capsys.readouterr().err
    assert not (place / "out").exists()


def test_finite_weights_whose_spoofs_are_not_are_the_model_s_fault(place: Path, capsys: Any) -> None:
    with_tensors(lambda tensors: tensors["conv_out.weight"].fill_(3e38))(place / "generator" / "unet")
    with pytest.raises(SystemExit) as ended:
        main(["probe", f"generator={place}/generator", "size=64"])
    assert ended.value.code == 2
    assert "every spoof came out as NaN or infinity" in capsys.readouterr().err


def test_images_too_large_to_try_a_network_on_are_refused(place: Path, capsys: Any) -> None:
    with_config(image_size=60_000)(place / "classifier" / "classifier")
    with pytest.raises(SystemExit) as ended:
        main(WAYS["export-classifier"][1](place, place / "out"))
    assert ended.value.code == 2
    assert "a side of 60000: 4096 is the most" in capsys.readouterr().err
    assert not (place / "out").exists()


def test_the_playground_takes_whole_models_only(place: Path) -> None:
    with_tensors(lambda tensors: tensors.pop("conv_in.weight"))(place / "generator" / "unet")
    with pytest.raises(ValueError, match="missing: conv_in.weight"):
        Playground(PlayConfig(generator=str(place / "generator"), size=32))


def test_digests_are_those_of_the_names_and_bytes(root: Path) -> None:
    """By the rule that is in every row written so far."""

    def rule(storage: Storage, parts: list[str], *more: str) -> str:
        paths = [*more, *(f"{part}/{name}" for part in parts for name in storage.names(part))]
        by_code = (
            b'[\n    "pipeline",\n    "SpoofPipeline"\n  ]'  # how the index has named the class since pipeline.py
        )
        named = {path: storage.read(path).replace(by_code, b'"SpoofPipeline"') for path in paths}
        digests = {path: hashlib.sha256(data).hexdigest() for path, data in named.items()}
        return fingerprint(digests if more else {path.partition("/")[2]: sha for path, sha in digests.items()})

    assert model_digest(Storage(GENERATOR)) == "3f1add01ed04a289b2e15229a898722d9b58a5cb010e58f9523442f221051d51"
    for place in (GENERATOR, root / "generator"):
        shipped = Storage(str(place))
        assert model_digest(shipped) == rule(
            shipped, ["unet", "style_encoder", "student", "scheduler", "style_statistics"], "model_index.json"
        )
    assert encoder_digest(Storage(str(root / "style"))) == rule(Storage(str(root / "style")), ["style_encoder"])


def test_the_digest_is_of_a_whole_encoder(place: Path) -> None:
    before, folder = encoder_digest(Storage(str(place / "style"))), place / "generator"
    assert encoder_digest(Storage(str(folder))) == before, "the same encoder in another folder"
    (folder / "style_encoder" / "notes.txt").write_text("more")
    assert encoder_digest(Storage(str(folder))) != before
    (folder / "style_encoder" / "config.json").unlink()
    with pytest.raises(ValueError, match="config.json does not exist"):
        encoder_digest(Storage(str(folder)))
    with pytest.raises(ValueError, match="holds no style_encoder: give a folder of fit-style"):
        encoder_digest(Storage(str(place / "classifier")))


def test_a_warm_start_takes_half_precision_and_shards(place: Path) -> None:
    unet = SpoofUNet.from_pretrained(place / "generator" / "unet")
    wanted = {name: value.to(torch.bfloat16).float() for name, value in unet.state_dict().items()}
    shutil.rmtree(place / "generator" / "unet")
    unet.to(torch.bfloat16).save_pretrained(place / "generator" / "unet", max_shard_size="100KB")
    network = SpoofUNet(**UNET)
    load_unet(network, str(place / "generator"))
    assert all(torch.equal(value, wanted[name]) for name, value in network.state_dict().items())


def test_a_configuration_without_later_keys_means_their_defaults(place: Path, capsys: Any) -> None:
    """Folders from before `timesteps` was one of the keys."""
    with_config(timesteps=None, variant=None)(place / "generator" / "unet")
    with pytest.raises(SystemExit):
        main([*generate("plan", place, place / "out"), "sampler.t0=[250,1001]"])
    assert "must lie within" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="0"):
        main([*generate("plan", place, place / "out"), "sampler.t0=[250,1000]", "plan.samples=4"])
    assert json.loads(capsys.readouterr().out)["samples"] == 4


# -- training state --


def test_loading_goes_by_name_and_refuses_what_is_no_model(model: Path, tmp_path: Path) -> None:
    assert isinstance(load_generator(str(model), SAMPLER, 1), DiffusionGenerator)
    with pytest.raises(ValueError, match="not a model folder"):
        model_digest(Storage(str(tmp_path)))


def test_t0_beyond_the_training_is_refused(tmp_path: Path) -> None:
    (tmp_path / "unet").mkdir()
    (tmp_path / "unet" / "config.json").write_text('{"timesteps": 300}')
    check_sampler(str(tmp_path), SamplerConfig(t0=(100, 300)))
    check_sampler("dummy", SamplerConfig(t0=(100, 900)))
    with pytest.raises(ValueError, match="was trained for T₀ up to 300"):
        check_sampler(str(tmp_path), SamplerConfig(t0=(100, 301)))
    with pytest.raises(ValueError, match=r"sampler.by_style.a-print.t0 .301, 301.: .* was trained for T₀ up to 300"):
        check_sampler(str(tmp_path), SamplerConfig(by_style={"a-print": StyleRanges(t0=(301, 301))}))


def test_a_student_beside_another_generator_is_refused(tmp_path: Path) -> None:
    SpoofPipeline(SpoofUNet(**NETWORK), StyleEncoder(["a-print"], **ENCODER)).save_pretrained(tmp_path / "teacher")
    parts = parts_digest(Storage(f"{tmp_path}/teacher"))
    write_student(tmp_path / "own", parts=parts)
    for part in ("unet", "style_encoder", "scheduler"):
        shutil.copytree(tmp_path / "teacher" / part, tmp_path / "own" / part, dirs_exist_ok=True)
    model_digest(Storage(f"{tmp_path}/own"))
    with pytest.raises(ValueError, match="student is the student of another generator than this folder's"):
        model_digest(Storage(write_student(tmp_path / "other", parts=parts)))


def test_model_digest_is_of_the_bytes(model: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in model.rglob("*"):
        if path.is_file():
            (copy / path.relative_to(model)).parent.mkdir(exist_ok=True)
            (copy / path.relative_to(model)).write_bytes(path.read_bytes())
    assert model_digest(Storage(str(copy))) == model_digest(Storage(str(model)))
    config = copy / "unet" / "config.json"
    config.write_text(config.read_text() + " ")
    assert model_digest(Storage(str(copy))) != model_digest(Storage(str(model)))


def test_models_are_copied_to_where_nobody_else_can_put_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = private_folder("models")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert private_folder("models") == folder
    folder.chmod(0o777)
    with pytest.raises(ValueError, match="not a folder of this user's alone"):
        private_folder("models")
    folder.rmdir()
    folder.symlink_to(tmp_path)
    with pytest.raises(ValueError, match="not a folder of this user's alone"):
        private_folder("models")


@pytest.mark.slow
def test_a_remote_model_is_read_once_on_a_node(
    model: Path, s3_storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who knows its digest reads no weights for it, and a node that has a copy reads nothing at all."""
    for path in model.rglob("*"):
        if path.is_file():
            s3_storage.create(str(path.relative_to(model)), path.read_bytes())
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    digest, read = model_digest(s3_storage), []
    real = Storage.read

    def noting(self: Storage, name: str, start: int | None = None, end: int | None = None) -> bytes:
        if self.url == s3_storage.url:
            read.append(name)
        return real(self, name, start, end)

    monkeypatch.setattr(Storage, "read", noting)
    load_generator(s3_storage.url, SAMPLER, 1, digest=digest)
    assert len(read) == len(set(read)) >= 4
    load_generator(s3_storage.url, SAMPLER, 1, digest=digest)
    assert len(read) == len(set(read))
    with pytest.raises(ValueError, match="was changed while it was in use"):
        load_generator(s3_storage.url, SAMPLER, 1, digest="0" * 64)
    assert [path.name for path in private_folder("models").iterdir()] == [digest[:16]]


def test_images_too_small_for_the_official_form_are_refused_before_a_run(tmp_path: Path) -> None:
    def network(form: str) -> None:
        text = json.dumps({"form": form, "mean_patch": 5, "variance_patch": 3, "variant": "stfm"})
        (tmp_path / "unet" / "config.json").write_text(text)

    (tmp_path / "unet").mkdir()
    network("official")
    check_side(str(tmp_path), 160)
    with pytest.raises(ValueError, match="images of side 128: .* prepare them with size 160 or more"):
        check_side(str(tmp_path), 128)
    network("paper")
    check_side(str(tmp_path), 32)
    check_side("dummy", 32)
