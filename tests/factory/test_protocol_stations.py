"""Stations under a protocol: their parts are the protocol's, and leaks stop them before anything is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.corpora import face, png, row, write_corpus
from factory import protocols, strength, tune
from factory.core.config import build
from factory.corpus import Corpus
from factory.corpus.row import LIVE, SPOOF
from factory.evaluate import EvaluateConfig
from factory.evaluate import run as evaluate
from factory.generate import GenerateConfig, lay_plan, open_inputs
from factory.generate import run as generate
from factory.generate.forecast import forecast
from factory.generate.regenerate import regenerate
from factory.run import Run
from factory.storage import Storage
from factory.train.recipes.classifier import FitClassifierConfig, classifier_recipe
from factory.train.recipes.classifier import run as fit_classifier
from factory.train.recipes.generator import FitGeneratorConfig
from factory.train.recipes.generator import run as fit_generator
from factory.train.recipes.style import FitStyleConfig, style_recipe, train_styles
from factory.train.recipes.style import run as fit_style
from factory.tune.best import write_settings
from tests.factory.tune.summaries import trial_of
from tests.gloo import write_style_folder
from tests.told import told

DOMAINS = {"oulu_npu": 3, "casia_fasd": 2, "replay_attack": 3, "msu_mfsd": 2}  # with how many official splits


def four(folder: Path) -> Corpus:
    """A miniature of OULU-NPU, CASIA-FASD, Replay-Attack and MSU-MFSD in one corpus."""
    rows: list[Any] = []
    for domain, splits in DOMAINS.items():
        for split in ("train", "test", "dev")[:splits]:
            for subject in range(2):
                for attack in ("live", "print", "replay")[: 3 - subject]:
                    number = len(rows)
                    facts = {"domain": domain, "attack": attack, "split": split, "subject": f"{split}_{subject}"}
                    label = LIVE if attack == "live" else SPOOF
                    capture = f"{attack}_{subject}"
                    rows.append(row(number, image=png(face(number)), label=label, capture=capture, **facts))
    return write_corpus(folder, rows)


@pytest.fixture(scope="module")
def root(tmp_path_factory: Any) -> Path:
    folder: Path = tmp_path_factory.mktemp("protocols")
    four(folder / "real")
    return folder


def generate_config(root: Path, out: str, **given: Any) -> GenerateConfig:
    values = {
        "inputs": {"live": f"{root}/real", "guides": f"{root}/real", "generator": "dummy"},
        "out": f"{root}/{out}",
        "protocol": "mi-c",
        "output": {"rows_per_shard": 6},
        "resources": {"gpus_per_generator": 0},
    }
    return build(GenerateConfig, {**values, **given})


@pytest.fixture(scope="module")
def spoofs(root: Path, in_process: None) -> Path:
    generate(generate_config(root, "spoofs"))
    return root / "spoofs"


def test_spoofs_of_a_protocol_come_from_its_train_part(root: Path, spoofs: Path) -> None:
    made, real = Corpus(str(spoofs)), Corpus(str(root / "real")).under(protocols.load("mi-c"))
    part = dict(zip(real.column("key"), real.column("split"), strict=True))
    official = dict(zip(real.column("key"), real.official["split"].to_pylist(), strict=True))
    sources = {*made.column("live_key"), *made.column("guide_key")}
    assert {part[key] for key in sources} == {"train"} == set(made.column("split"))
    assert {official[key] for key in sources} == {"train", "test"}, "MI→C trains on both official sets"
    assert {*made.column("domain"), *made.column("live_domain")} == {"msu_mfsd", "replay_attack"}
    seen = made.under(protocols.load("mi-c"))
    assert protocols.check_generated(seen, [real]) == {name: len(made) for name in ("rows", "live", "guide")}
    assert regenerate(str(spoofs), str(made.column("key")[3]), [])[1]["equal"]


def test_another_protocol_is_another_run_and_refuses_its_spoofs(root: Path, spoofs: Path) -> None:
    with pytest.raises(ValueError, match="belongs to another run"):
        generate(generate_config(root, "spoofs", protocol="ocm-i"))
    with pytest.raises(ValueError, match="belongs to another run"):
        generate(generate_config(root, "spoofs", protocol=None))
    real = str(root / "real")
    for name in ("ocm-i", "oci-m", "icm-o"):
        with pytest.raises(ValueError, match=f"trained under another protocol, which may hold test faces of {name}"):
            protocols.check_generated(protocols.open_corpus(str(spoofs), name), [protocols.open_corpus(real, name)])


def test_plan_and_forecast_stay_inside(root: Path) -> None:
    config = generate_config(root, "planned", protocol="oci-m", plan={"policies": ["cross-domain"]})
    inputs = open_inputs(config)
    assert inputs.live is inputs.guides
    assert not [style for style in lay_plan(config, inputs).style_counts() if style.startswith("msu")]
    assert forecast(config, None, None)["samples"] == len(lay_plan(config, inputs))
    for plan in ({"styles": ["msu_mfsd-print"]}, {"live_domains": ["msu_mfsd"]}, {"allowed_domains": ["msu_mfsd"]}):
        with pytest.raises(ValueError, match="lies outside what protocol oci-m generates from"):
            lay_plan(generate_config(root, "planned", protocol="oci-m", plan=plan), inputs)
    assert not (root / "planned").exists()


TRAIN = {"steps": 10, "batch_size": 4, "learning_rate": 1e-2, "evaluate_every": 2}
CPU = {"gpus_per_worker": 0, "threads": 1, "read_ahead": 0}


def test_the_style_encoder_sees_the_train_part_alone(root: Path) -> None:
    network = {"stem_channels": 8, "channels": [8, 8, 8, 8], "depths": [1, 1, 1, 1]}
    given = {"corpus": f"{root}/real", "out": f"{root}/style", "network": network, "train": TRAIN, "resources": CPU}
    config = build(FitStyleConfig, {**given, "protocol": "oci-m"})
    corpus = protocols.open_corpus(config.corpus, config.protocol)
    styles = train_styles(corpus, "train")
    assert not [style for style in styles if style.startswith("msu")] and len(styles) == 9
    recipe = style_recipe(told(config, styles, protocols.protocol_of(corpus)))
    objective: Any = recipe.objective
    read, domain = recipe.reader(0, 1), dict(zip(corpus.column("key"), corpus.column("domain"), strict=True))
    part = dict(zip(corpus.column("key"), corpus.column("split"), strict=True))
    keys = [key for step in range(12) for (key,) in read(step)["keys"]]
    assert {part[key] for key in keys} == {"train"}
    assert {domain[key] for key in keys} == {"oulu_npu", "casia_fasd", "replay_attack"}
    assert set(corpus.column("split")[objective._held_out]) == {"dev"}


def test_training_is_refused_before_anything_is_written(root: Path, tmp_path: Path) -> None:
    real = Corpus(str(root / "real"))
    without = [r for r in real.rows(np.arange(len(real))) if r.domain != "casia_fasd"]
    write_corpus(tmp_path / "oim", without)
    write_style_folder(tmp_path / "encoder")
    given = {"corpus": f"{tmp_path}/oim", "out": f"{tmp_path}/out", "protocol": "oci-m"}
    with pytest.raises(ValueError, match="train has no row of domain casia_fasd"):
        fit_style(build(FitStyleConfig, given))
    with pytest.raises(ValueError, match="train has no row of domain casia_fasd"):
        fit_generator(build(FitGeneratorConfig, {**given, "style_encoder": f"{tmp_path}/encoder"}))
    with pytest.raises(ValueError, match="no protocol 'ocim'"):
        fit_style(build(FitStyleConfig, {**given, "protocol": "ocim"}))
    assert not (tmp_path / "out").exists()


def test_a_classifier_is_refused_spoofs_of_the_test_part(root: Path, spoofs: Path) -> None:
    given = {"corpus": f"{root}/real", "out": f"{root}/refused", "generated": str(spoofs), "resources": CPU}
    with pytest.raises(ValueError, match="trained under another protocol, which may hold test faces of oci-m"):
        fit_classifier(build(FitClassifierConfig, {**given, "protocol": "oci-m"}))
    foreign = root / "foreign"  # made under no protocol, of all domains
    generate(generate_config(root, "foreign", protocol=None))
    with pytest.raises(ValueError, match="leaks into the train part of protocol mi-c: .* rows, such as"):
        fit_classifier(build(FitClassifierConfig, {**given, "generated": str(foreign), "protocol": "mi-c"}))
    assert not (root / "refused").exists()


def test_a_classifier_reads_the_train_parts_of_both_corpora(root: Path, spoofs: Path) -> None:
    given = {"corpus": f"{root}/real", "out": f"{root}/out", "generated": str(spoofs), "resources": CPU}
    config = build(FitClassifierConfig, {**given, "protocol": "mi-c", "backbone": "resnet10t"})
    styles = train_styles(protocols.open_corpus(f"{root}/real", "mi-c"), "train")
    recipe = classifier_recipe(told(config, styles, protocols.load("mi-c")))
    kinds = recipe.export(root / "unused")["rows"]
    made, real = Corpus(str(spoofs)), protocols.open_corpus(f"{root}/real", "mi-c")
    assert kinds["generated"] == len(made)
    assert kinds["real_live"] + kinds["real_spoof"] == len(real.where(split="train")) < len(real)


def test_evaluation_asks_under_what_the_classifier_was_trained(root: Path, tmp_path: Path) -> None:
    def classifier(name: str) -> str:
        config = build(FitClassifierConfig, {"corpus": f"{root}/real", "out": f"{tmp_path}/{name}"})
        Run(f"{tmp_path}/{name}", "fit-classifier", {"protocol": protocols.record(protocols.load(name))}, config)
        return f"{tmp_path}/{name}"

    given = {"corpus": f"{root}/real", "out": f"{tmp_path}/out", "protocol": "mi-c"}
    with pytest.raises(ValueError, match="trained under another protocol, which may hold test faces of mi-c"):
        evaluate(build(EvaluateConfig, {**given, "classifier": classifier("oci-m")}))
    with pytest.raises(ValueError, match="holds no classifier"):  # one of the same training rules is opened
        evaluate(build(EvaluateConfig, {**given, "classifier": classifier("mi-o")}))


def test_a_search_is_refused_spoofs_of_the_test_part_and_keeps_the_protocol(
    root: Path, spoofs: Path, tmp_path: Path
) -> None:
    fit = {"corpus": f"{root}/real", "generated": str(spoofs), "train": TRAIN, "resources": CPU}
    given = {"out": f"{tmp_path}/out", "search": {"live_margin": [0.1, 0.5]}}
    for name, message in (
        ("oci-m", "trained under another protocol, which may hold test faces of oci-m"),
        ("ocim", "no protocol 'ocim'"),
    ):
        with pytest.raises(ValueError, match=message):
            tune.run(build(tune.TuneConfig, {**given, "fit": {**fit, "protocol": name}}))
    assert not (tmp_path / "out").exists()
    config = build(tune.TuneConfig, {**given, "fit": {**fit, "protocol": "mi-c"}})
    identity, _ = tune._checked(config)
    assert identity["protocol"] == protocols.record(protocols.load("mi-c"))
    assert tune._Rows(config)({}) == len(Corpus(str(spoofs)))
    write_settings(Storage(str(tmp_path)), [trial_of("0001", {"live_margin": 0.2})], config.fit)
    for file in ("generate.yaml", "fit_classifier.yaml"):
        assert "protocol: mi-c" in (tmp_path / "best" / file).read_text()


def test_a_study_of_strength_uses_faces_of_its_part_and_a_generator_of_its_protocol(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def model(name: str) -> str:
        identity = {"protocol": protocols.record(protocols.load(name))}
        config = build(FitGeneratorConfig, {"corpus": f"{root}/real", "out": "unused", "style_encoder": "x"})
        Run(f"{tmp_path}/{name}", "fit-generator", identity, config)
        return f"{tmp_path}/{name}"

    monkeypatch.setattr(strength, "model_digest", lambda storage: "digest")
    monkeypatch.setattr(strength, "check_sampler", lambda url, sampler, styles: None)

    def study(generator: str, **more: Any) -> strength.StrengthConfig:
        inputs = {"live": f"{root}/real", "guides": f"{root}/real", "generator": generator}
        values = {"inputs": inputs, "out": f"{tmp_path}/out", "faces": 2, "styles": ["msu_mfsd-print"]}
        return build(strength.StrengthConfig, {**values, "protocol": "oci-m", **more})

    with pytest.raises(ValueError, match="the generator .* was trained under another protocol"):
        strength.run(study(model("mi-c")))
    with pytest.raises(ValueError, match="split 'trainn' is not a part of a protocol"):
        strength.run(study(model("oci-m"), split="trainn"))
    with pytest.raises(ValueError, match="split 'train' has no guide of .*msu_mfsd-print"):  # of the test part
        strength.run(study(f"{tmp_path}/oci-m", split="train"))
    assert not (tmp_path / "out").exists()
    corpus = protocols.open_corpus(f"{root}/real", "oci-m")
    faces = strength.choose_faces(study(f"{tmp_path}/oci-m"), corpus, corpus)
    assert {corpus.column("domain")[place] for place in (*faces.live, *faces.guide)} == {"msu_mfsd"}
