from __future__ import annotations

import json
from pathlib import Path

import pytest

from factory.cli import main
from factory.core.config import Config, load
from factory.core.credentials import held, hide
from factory.storage import Storage
from tests.growth import grows_at_most

SECRET = "hunter2hunter2"
# Each holds the secret somewhere in its credentials.
HELD = [
    "http://user:{}@host/x",
    "HTTPS://USER:{}@HOST/x",
    "s3://AKIA:{}@bucket/x",
    "s3://AKIA:a/b+{}=@bucket/x",
    "http://{}@host/x",
    "http://:{}@host/x",
    "http://user:a@b{}@host/",
    "http://user:a?{}@host/",
    "http://user:a#{}@host/",
    "ray://user:{}@[::1]:10001",
    "git+ssh://user:{}@host/x",
    "http:/user:{}@host/x",
    "//user:{}@host/x",
    "user:{}@host/path",
    "local-dir:http://user:{}@host/x",
    "local-dir:user:{}@host/x",
    "http://user%3A{}%40host/x",
    "http%3A%2F%2Fuser%3A{}%40host%2Fx",
    "http://user%253A{}%2540host/x",
    "http:\\/\\/user:{}@host\\/x",
    "https://bucket/key?X-Amz-Algorithm=AWS4&X-Amz-Credential=AKIA&X-Amz-Signature={}",
    "https://bucket/key?x-amz-security-token={}",
    "https://bucket/key?AWSAccessKeyId=AKIA&Signature={}&Expires=1",
    "https://account.blob.core.windows.net/c?sv=2022&sig={}%3D",
    "https://storage.googleapis.com/b/o?X-Goog-Signature={}",
    "https://host/x?token={}",
    "https://host/x?a=1&access_token={}",
    "s3://bucket/x#token={}",
    "https://host/x?api_key={}",
    "https%3A%2F%2Fhost%2Fx%3Fsig%3D{}",
    "DefaultEndpointsProtocol=https;AccountName=a;AccountKey={}==;EndpointSuffix=x",
    "Authorization: Bearer {}",
]
FREE = [
    "s3://bucket/a@b",
    "models/x@2",
    "local-dir:models/x@2",
    "tpr@fpr=1%",
    "evaluate.threshold={a: eer@dev}",
    "http://127.0.0.1:8265",
    "s3://bucket/key?versionId=3",
    "https://huggingface.co/datasets/a/b@main",
    "hf-hub:timm/vit_base@main",
    "nobody@example.org",
    "12:30:05 a@b",
    "key=value",
    "plan.seed=5",
    "columns={image: picture, key: name}",
    json.dumps({"address": "http://127.0.0.1:8265", "columns": ["bpcer@dev"]}),
    '{"address":"http://127.0.0.1:8265","column":"bpcer@dev"}',
    "train:5@0.3",
]


@pytest.mark.parametrize("form", HELD)
def test_every_form_of_credentials_is_masked(form: str) -> None:
    url = form.format(SECRET)
    for text in (
        url,
        f"out={url}",
        f"--out={url}",
        f"{{a: [{url}]}}",
        f"before '{url}' after",
        json.dumps({"a": url}),
    ):
        assert held(text), text
        assert SECRET not in hide(text), text
        assert hide(hide(text)) == hide(text)
    assert json.loads(hide(json.dumps({"a": url, "b": [1]})))["b"] == [1]


@pytest.mark.parametrize("text", FREE)
def test_what_holds_none_stays_as_it_is(text: str) -> None:
    assert hide(text) == text


def test_the_host_stays() -> None:
    assert hide("no cluster at http://a:b@host:80/x or s3://k:s@bucket") == (
        "no cluster at http://***@host:80/x or s3://***@bucket"
    )


def test_secrets_of_the_environment_are_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "planted/aws/secret")
    monkeypatch.setenv("RAY_AUTH_TOKEN", "t" * 64)
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", "/somewhere/auth_token")
    monkeypatch.setenv("OTHER_TOKEN", "true")
    assert hide(f"planted/aws/secret {'t' * 64} /somewhere/auth_token true") == "*** *** /somewhere/auth_token true"


@pytest.mark.parametrize("part", ["a", "a:", "http://", "http://a:", "a:b@", "?a", "%3a", "&key"])
def test_no_line_takes_long(part: str) -> None:
    grows_at_most(lambda size: hide(part * (size // len(part))), 10_000)


COMMANDS = [
    ["status", "{}"],
    ["status", "{}", "--watch"],
    ["verify", "{}", "--sweep"],
    ["show", "{}", "key"],
    ["show", "folder", "{}"],
    ["show", "folder", "key", "--image", "{}"],
    ["regenerate", "{}", "key"],
    ["regenerate", "folder", "key", "inputs.live={}"],
    ["retry-failed", "{}"],
    ["retry-failed", "folder", "inputs.live={}"],
    ["release", "{}"],
    ["release", "folder", "--to", "{}"],
    ["release", "--config", "{}"],
    ["protocols", "{}"],
    ["protocols", "oci-m", "--corpus", "{}"],
    ["submit", "generate", "--wheel", "{}"],
    ["submit", "generate", "--config", "{}"],
    ["submit", "{}"],
    ["submit", "generate", "--address={}"],
    ["job", "status", "--address", "{}"],
    ["job", "logs", "{}"],
    ["job", "stop", "{}", "--address", "http://127.0.0.1:1"],
    ["generate", "--config", "{}"],
    ["generate", "--live", "{}"],
    ["generate", "--out={}"],
    ["generate", "inputs={{live: '{}'}}"],
    ["generate", "inputs={{'{}': 1}}"],
    ["generate", "{}=1"],
    ["generate", "out={}/["],
    ["generate", "{}"],
    ["prepare", "{}"],
    ["prepare", "x", "--set", "out={}"],
    ["prepare", "x", "--boxes", "{}"],
    ["world", "--out", "{}"],
    ["evaluate", "--scores", "{}"],
    ["ablate", "{}"],
    ["plan", "--device", "{}"],
    ["export-classifier", "{}", "--out", "x"],
    ["fetch-backbone", "resnet18.tv_in1k", "{}"],
    ["fetch-backbone", "{}", "x"],
    ["import-official", "x", "--out", "{}"],
    ["import-official", "x", "--out", "y", "--encoder", "{}"],
    ["demo", "--out", "{}"],
    ["fit-classifier", "backbone=local-dir:{}"],
    ["{}"],
    ["--{}"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("url", ["http://user:hunter2@host/x", "https://host/x?X-Amz-Signature=hunter2"])
def test_every_argument_is_refused_unrepeated_before_anything_happens(
    command: list[str], url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main([argument.format(url) for argument in command])
    printed = "".join(capsys.readouterr())
    assert ended.value.code == 2
    assert printed.startswith("difffas: error: ")
    assert printed.count("\n") == 1
    assert "a URL with credentials in it; leave them out" in printed
    assert "hunter2" not in printed
    assert not list(tmp_path.iterdir())


class Outer(Config):
    out: str
    more: dict[str, list[str]] = {}


@pytest.mark.parametrize(
    "text",
    [
        "out: http://user:hunter2@host",
        "out: x\nmore: {a: [x, 'http://user:hunter2@host']}",
        "out: x\nmore: {'http://user:hunter2@host': []}",
        "http://user:hunter2@host: x",
        "out: x\nmore: !!int 'http://user:hunter2@host'",
        "out: http://user:hunter2@host: x",
        "out: 'http://user:hunter2@host",
        "out: !<http://user:hunter2@host> x",
        "http://user:hunter2@host: x\nhttp://user:hunter2@host: y",
        "out: *http://user:hunter2@host",
        "out: 'x?sig=hunter2'",
    ],
)
def test_no_fault_of_a_file_repeats_them(tmp_path: Path, text: str) -> None:
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(ValueError, match=r"c\.yaml|credentials") as caught:
        load(Outer, str(tmp_path / "c.yaml"))
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "override", ["out=http://user:hunter2@host/[", "http://user:hunter2@host", "more={a: [s3://a:hunter2@b]}"]
)
def test_no_fault_of_an_override_repeats_them(override: str) -> None:
    with pytest.raises(ValueError, match="host|credentials") as caught:
        load(Outer, None, [override])
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://user:hunter2@host/x", "s3://user:hunter2@bucket/x", "user:hunter2@host/x"])
def test_no_folder_is_opened_by_them(url: str) -> None:
    with pytest.raises(ValueError, match="a URL holds no credentials: set AWS_ACCESS_KEY_ID") as caught:
        Storage(url)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("name", ["RAY_ADDRESS", "RAY_API_SERVER_ADDRESS"])
def test_an_address_of_the_environment_is_not_repeated(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(name, "http://user:hunter2@127.0.0.1:1")
    with pytest.raises(SystemExit) as ended:
        main(["job", "status"])
    assert ended.value.code == 2
    assert "hunter2" not in "".join(capsys.readouterr())
