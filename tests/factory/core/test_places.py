from __future__ import annotations

import importlib
import pkgutil
import pwd
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import AfterValidator

import factory
from factory.cli import main
from factory.cli.submission import load_config
from factory.core.config import Config, PathOfProtocol, PathOrUrl, build
from factory.core.places import file_here, place
from factory.protocols.families import LISTS

# Text that names no file: a model's other text is a path, and must be of one of the two types.
NO_PATHS = {
    *("name", "title", "note", "shape", "reason", "says", "license", "pattern", "split", "dev_split", "held_out"),
    *("training_split", "style", "label", "attack", "domain", "subject", "capture", "entry", "host", "line", "source"),
    *("device", "sampler", "preset", "commit", "command", "key", "baseline", "judged_by", "function", "column"),
}


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("HOME", f"{tmp_path}/home")
    return tmp_path / "home"


def test_the_home_folder_is_put_in_its_place(home: Path) -> None:
    assert place("~") == str(home)
    assert place("~/x/~y") == f"{home}/x/~y"
    assert place("~root/x") == f"{pwd.getpwnam('root').pw_dir}/x"
    assert place("local-dir:~/x") == f"local-dir:{home}/x"
    assert place("file://~/x") == f"file://{home}/x"
    assert place("~/x*/[ab].jpg") == f"{home}/x*/[ab].jpg"


@pytest.mark.parametrize(
    "text", ["x", "./~x", "x~", "a/~/b", "s3://bucket/~x", "/data/a b", "dummy", "100%", "a$", "é"]
)
def test_other_paths_stay_as_they_are(text: str) -> None:
    assert place(text) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${BUCKET}", r"holds \$\{BUCKET\}, which only a shell replaces: write out its value"),
        ("s3://${BUCKET}/x", "only a shell replaces"),
        ("s3://$BUCKET/x", r"holds \$BUCKET, which only a shell replaces"),
        ("x/${HOME:-a}", "only a shell replaces"),
        ("x/${HOME", "only a shell replaces"),
        ("x/$(date)", "only a shell replaces"),
        ("x/`date`", "only a shell replaces"),
        ("x/$protocol", "only a shell replaces"),
        ("~nobody-of-this-name/x", "there is no home folder ~nobody-of-this-name"),
        ("s3://~/x", "a folder of this machine"),
        ("", "is not a path"),
        ("  ", "is not a path"),
        ("a\0b", "a zero byte"),
    ],
)
def test_what_a_shell_would_have_replaced_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        place(text)


def test_a_variable_that_the_caller_replaces_stays() -> None:
    assert place("x/$protocol/${protocol}", ("protocol",)) == "x/$protocol/${protocol}"
    with pytest.raises(ValueError, match=r"holds \$other"):
        place("x/$protocol/$other", ("protocol",))


def models() -> Iterator[type[Config]]:
    for module in pkgutil.walk_packages(factory.__path__, "factory."):
        if module.name.rpartition(".")[2] not in ("cli", "spot"):
            importlib.import_module(module.name)
    waiting = [Config]
    while waiting:
        found = [model for model in waiting.pop().__subclasses__() if model.__module__.startswith("factory.")]
        yield from found
        waiting += found


def test_every_path_of_every_model_is_of_the_type_that_knows_paths() -> None:
    """Whatever text a model has beside the names above goes through `place`."""
    seen = 0
    for model in models():
        for name, field in model.model_fields.items():
            if str in (field.annotation, *get_args(field.annotation)) and name not in NO_PATHS:
                validators = [one.func for one in field.metadata if isinstance(one, AfterValidator)]
                found = [getattr(func, "func", func) for func in validators]
                assert {place, file_here} & set(found) or str in get_args(field.annotation)[:1], (
                    f"{model.__name__}.{name}"
                )
                seen += 1
    assert seen > 20
    for name, text in (("out", "~/x"), ("out", "${X}")):
        for model in models():
            if name in model.model_fields:
                assert _fault(model, {name: text}, name) == (text == "${X}"), model


def _fault(model: type[Config], values: dict[str, Any], name: str) -> bool:
    try:
        build(model, values)
    except ValueError as error:
        return f"config key {name!r}: '${{X}}' holds" in str(error)
    return False


class Model(Config):
    out: PathOrUrl = "x"
    many: tuple[PathOrUrl, ...] = ()
    by_name: dict[str, PathOrUrl] = {}
    generated: PathOfProtocol = "x"


def test_paths_in_lists_and_sections_are_paths(home: Path) -> None:
    given = {"out": "~/a", "many": ["~/b"], "by_name": {"n": "~/c"}, "generated": "~/$protocol"}
    assert build(Model, given).model_dump() == {
        "out": f"{home}/a",
        "many": (f"{home}/b",),
        "by_name": {"n": f"{home}/c"},
        "generated": f"{home}/$protocol",
    }
    for key, value in (("many", ["$A"]), ("by_name", {"n": "${A}"}), ("generated", "$other")):
        with pytest.raises(ValueError, match=f"config key '{key}.*which only a shell replaces"):
            build(Model, {key: value})


COMMANDS = [
    ["status", "{}"],
    ["verify", "{}"],
    ["show", "{}", "key"],
    ["show", "folder", "key", "--image", "{}"],
    ["regenerate", "{}", "key"],
    ["regenerate", "folder", "key", "--image", "{}"],
    ["retry-failed", "{}"],
    ["release", "{}"],
    ["release", "folder", "--to", "{}"],
    ["release", "--config", "{}"],
    ["protocols", "{}"],
    ["protocols", "oci-m", "--corpus", "{}"],
    ["submit", "report", "out=/x", "--wheel", "{}"],
    ["submit", "report", "--config", "{}"],
    ["generate", "--config", "{}"],
    ["report", "out={}"],
    ["report", "out=x", "inputs.models.a={}"],
    ["prepare", "{}", "--out", "x", "--license", "CC0-1.0", "--no-crop"],
    ["prepare", "x", "--out", "{}", "--license", "CC0-1.0", "--no-crop"],
    ["prepare", "x", "--out", "y", "--license", "CC0-1.0", "--boxes", "{}"],
    ["prepare", "x", "--out", "y", "--license", "CC0-1.0", "--weights", "{}"],
    ["world", "--config", "{}"],
    ["evaluate", "--scores", "{}"],
    ["ablate", "{}.yaml", "corpus=x", "out=y"],
    ["join", "corpora=['{}', b]", "out=y"],
    ["fit-classifier", "corpus=x", "out=y", "backbone=local-dir:{}"],
    ["export-classifier", "{}", "--out", "x"],
    ["export-classifier", "x", "--out", "{}"],
    ["fetch-backbone", "resnet18.tv_in1k", "{}"],
    ["fit-classifier", "corpus=x", "out=y", "backbones={}"],
    ["import-official", "{}", "--out", "y"],
    ["import-official", "x", "--out", "y", "--encoder", "{}"],
    ["demo", "--out", "{}"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("path", ["${BUCKET}/x", "s3://$BUCKET/x"])
def test_every_argument_with_a_variable_is_refused_before_a_folder_is_made(
    command: list[str], path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main([argument.format(path) for argument in command])
    printed = capsys.readouterr().err
    assert (ended.value.code, printed.count("\n")) == (2, 1)
    assert "BUCKET}, which only a shell replaces" in printed or "$BUCKET, which only a shell replaces" in printed
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "command", [one for one in COMMANDS if one[0] not in ("demo", "export-classifier")], ids=" ".join
)
def test_every_argument_with_a_home_is_looked_for_there(
    command: list[str], home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And no folder named `~` is made."""
    monkeypatch.chdir(home.parent)
    with pytest.raises(SystemExit) as ended:
        main([argument.format("~/absent") for argument in command])
    assert ended.value.code == 2
    assert not (home.parent / "~").exists()


@pytest.mark.parametrize("command", [["status", "{}"], ["verify", "{}"], ["protocols", "oci-m", "--corpus", "{}"]])
def test_the_folder_of_a_home_is_named_whole(
    command: list[str], home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([argument.format("~/absent") for argument in command])
    assert f"{home}/absent" in capsys.readouterr().err


def test_a_file_says_a_home_and_a_submitted_job_gets_the_folder(home: Path) -> None:
    home.mkdir()
    (home / "job.yaml").write_text("out: ~/report\n")
    assert load_config("report", "~/job.yaml", ["inputs.real=x"]).out == f"{home}/report"  # type: ignore[attr-defined]


def test_the_folder_of_official_lists_is_a_path_too(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(LISTS, "${DATA}/lists")
    listed = "{list: {file: a, line: '(?P<capture>.*)'}}"
    text = f"protocols: {{own: {{title: t, source: s, train: [{listed}]}}}}"
    (home.parent / "own.yaml").write_text(text)
    with pytest.raises(SystemExit):
        main(["protocols", str(home.parent / "own.yaml")])
    assert "which only a shell replaces" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command", [["demo", "--out"], ["show", "folder", "key", "--image"], ["submit", "report", "out=/x", "--wheel"]]
)
@pytest.mark.parametrize("url", ["http://host/x", "s3://bucket/x"])
def test_no_folder_is_made_of_a_url(
    command: list[str], url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main([*command, url])
    assert ended.value.code == 2
    assert f"{url} is a URL: give a path on this machine" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "command",
    [
        ["prepare", "photos", "--out", "o", "--license", "x", "--boxes", "{}/boxes.csv"],
        ["prepare", "photos", "--out", "o", "--license", "x", "--weights", "{}/retinaface.pth"],
        ["report", "--config", "{}/report.yaml"],
        ["import-official", "{}/net.pt", "--out", "o"],
        ["import-official", "net.pt", "--out", "o", "--encoder", "{}/encoder.pth"],
        ["protocols", "{}/own.yaml"],
        ["ablate", "{}/own.yaml", "corpus=c", "out=o"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("store", ["s3://bucket", "gs://bucket", "hf://datasets/a/b"])
def test_what_is_read_from_a_disk_alone_says_so_of_a_url(
    command: list[str], store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main([argument.format(store) for argument in command])
    assert ended.value.code == 2
    assert "is a URL: give a path on this machine" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("embedded:/people", "embedded://people"),
        ("embedded:people", "embedded://people"),
        ("s3:/bucket/faces", "s3://bucket/faces"),
        ("gs:/bucket", "gs://bucket"),
        ("hf:datasets/owner/name", "hf://datasets/owner/name"),
    ],
)
def test_a_url_that_lacks_a_slash_is_no_local_path(text: str, meant: str) -> None:
    with pytest.raises(ValueError, match=f"^{text} is not a URL: {meant} was meant"):
        place(text)
    assert place(f"./{text}") == f"./{text}" and place(meant) == meant
    assert place(f"hf-hub:owner/{text[:2]}") == f"hf-hub:owner/{text[:2]}"
