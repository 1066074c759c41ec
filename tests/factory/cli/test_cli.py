"""A user's mistakes: one clear line, exit status 2, no traceback, nothing written."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from benchmarks.corpora import small_rows, write_corpus
from factory.cli import main
from factory.cli.stations import CONFIG_ONLY_VERBS
from tests.root import ROOT


def fails(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as caught:
        main(list(arguments))
    assert caught.value.code == 2
    message = capsys.readouterr().err
    assert message.startswith("difffas: error: ")
    assert message.count("\n") == 1
    return message


def generate(tmp_path: Path, *settings: str) -> list[str]:
    given = [f"inputs.live={tmp_path}/real", f"inputs.guides={tmp_path}/real", "inputs.generator=dummy"]
    return ["generate", *given, f"out={tmp_path}/out", *settings]


def test_options_say_what_keys_say(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_corpus(tmp_path / "real", small_rows())
    real, out = f"{tmp_path}/real", f"{tmp_path}/out"
    options = ["--live", real, "--guides", real, "--generator", f"{tmp_path}/no model: here", "--out", out]
    assert "no model: here is not a model folder" in fails(capsys, "generate", *options)


def test_s3_without_s3fs(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    import fsspec  # noqa: F401  so that its registry module exists

    monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, "s3", raising=False)
    monkeypatch.setitem(sys.modules, "s3fs", None)
    write_corpus(tmp_path / "real", small_rows())
    assert "pip install 'difffas-factory[s3]'" in fails(capsys, *generate(tmp_path, "out=s3://bucket/spoofs"))


def test_unknown_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "did you mean 'policies'" in fails(capsys, *generate(tmp_path, "plan.polices=[cross-domain]"))


@pytest.mark.parametrize("given", [["fit-style", "--resume"], ["plan", "--dry-run"]])
def test_options_that_would_change_nothing_are_none(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Every command goes on where it stopped, and a plan writes nothing."""
    with pytest.raises(SystemExit) as caught:
        main(given)
    assert caught.value.code == 2
    assert f"No such option: {given[1]}" in capsys.readouterr().err


def test_missing_corpus(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "real is not a finished corpus" in fails(capsys, *generate(tmp_path))


def test_style_without_guide(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_corpus(tmp_path / "real", small_rows())
    assert "style 'cam-mask' has no guide" in fails(capsys, *generate(tmp_path, "plan.styles=[cam-mask]"))
    assert not (tmp_path / "out").exists()


def test_folder_of_another_fingerprint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_corpus(tmp_path / "real", small_rows())
    message = fails(capsys, *generate(tmp_path, f"out={tmp_path}/real"))
    assert "belongs to another run" in message


def test_empty_corpus(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="empty"):
        write_corpus(tmp_path / "real", [])
    assert "empty corpus" in fails(capsys, *generate(tmp_path))


def test_config_file_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert "nowhere.yaml does not exist" in fails(capsys, "tune", "--config", "nowhere.yaml")


def test_size_that_no_network_takes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "photos").mkdir()
    arguments = ["prepare", str(tmp_path / "photos"), "--out", str(tmp_path / "out"), "--no-crop", "--size", "100"]
    assert "100" in fails(capsys, *arguments)


@pytest.mark.parametrize("given", [("--attacks", "print,hologram"), ("--set", "attacks=[hologram]")])
def test_an_attack_that_the_world_lacks(
    given: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = fails(capsys, "world", "--out", str(tmp_path / "out"), *given)
    assert "unknown attack 'hologram': choose from print" in said
    assert not (tmp_path / "out").exists()


def test_the_options_of_world_are_its_settings(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from factory import world

    asked: list[world.WorldConfig] = []

    def run(config: world.WorldConfig) -> dict[str, int]:
        asked.append(config)
        return {}

    monkeypatch.setattr(world, "run", run)
    first, second, *_ = world.WorldConfig(out="x").domains
    options = ["--people", "7", "--captures", "2", "--size", "64", "--samples", "3", "--seed", "5"]
    with pytest.raises(SystemExit) as caught:
        main(["world", "--out", "here", "--domains", f"{first}, {second}", "--attacks", "print", *options])
    assert caught.value.code == 0
    [config] = asked
    assert (config.domains, config.attacks) == ((first, second), ("print",))
    assert (config.people, config.captures, config.size, config.samples, config.seed) == (7, 2, 64, 3, 5)
    with pytest.raises(SystemExit) as caught:  # and, as of every other station, settings after the file
        main(["world", "--config", str(ROOT / "jobs" / "world.yaml"), "out=s3://lab/world", "attacks=[]", "people=4"])
    assert caught.value.code == 0
    assert (asked[1].out, asked[1].attacks, asked[1].people, asked[1].size) == ("s3://lab/world", (), 4, 128)


def test_every_verb_has_help_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    for verb in (
        *CONFIG_ONLY_VERBS,
        "prepare",
        "world",
        "generate",
        "evaluate",
        "annotate",
        "export-classifier",
        "fetch-backbone",
        "import-official",
        "demo",
    ):
        with pytest.raises(SystemExit) as caught:
            main([verb, "--help"])
        assert caught.value.code == 0
        assert "Example: difffas" in " ".join(capsys.readouterr().out.split())


def test_the_verbs_are_frozen() -> None:
    assert set(CONFIG_ONLY_VERBS) == {
        "join",
        "fit-style",
        "fit-generator",
        "fit-student",
        "fit-dsdg",
        "fit-classifier",
        "fit-judge",
        "strength",
        "calibrate",
        "tune",
        "audit",
        "report",
        "pipeline",
        "probe",
        "play",
    }


@pytest.mark.parametrize("given", [(), ("corpora/spoofs", "--to", "lab/spoofs"), ("--config", "x.yaml"), ("--help",)])
def test_the_old_name_of_release_names_the_new_one(given: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    said = fails(capsys, "publish", *given)
    assert said == "difffas: error: publish sends nothing and is now called release: difffas release ...\n"
    with pytest.raises(SystemExit):
        main(["--help"])
    assert not re.search(r"^ *publish", capsys.readouterr().out, re.MULTILINE)


def test_the_files_that_help_names_are_there(capsys: pytest.CaptureFixture[str]) -> None:
    root = ROOT
    for verb in CONFIG_ONLY_VERBS:
        with pytest.raises(SystemExit):
            main([verb, "--help"])
        said = " ".join(capsys.readouterr().out.split())
        named = re.findall(r"--config (jobs/\w+\.yaml)", said)
        assert named or re.search(rf"Example: difffas {verb} \w+=", said)
        assert all((root / name).is_file() for name in named), named


@pytest.mark.parametrize(("raised", "status"), [("Quarantined", 3), ("Stalled", 4)])
def test_a_run_that_did_not_get_through_says_so_in_its_status(
    raised: str, status: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from factory import generate
    from factory.core import errors

    def run(*_: object) -> None:
        raise getattr(errors, raised)("3 of 7 shards are done")

    def leave(code: int) -> None:
        raise SystemExit(code)

    monkeypatch.setattr(generate, "run", run)
    monkeypatch.setattr("os._exit", leave)
    with pytest.raises(SystemExit) as caught:
        main(["generate", "inputs.live=a", "inputs.guides=a", "inputs.generator=dummy", "out=b"])
    assert caught.value.code == status
    assert capsys.readouterr().err == "difffas: error: 3 of 7 shards are done\n"


def test_the_shipped_generator_has_a_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_corpus(tmp_path / "real", small_rows())
    given = generate(tmp_path, "inputs.generator=portrait-64", "sampler.t0=[700, 700]", "sampler.preset=student")
    assert "embedded://portrait-64" in fails(capsys, *given)
