"""Storage on a real S3 server behind a proxy that fails on purpose."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from benchmarks.corpora import small_rows, write_corpus
from factory.corpus import Corpus
from factory.run.ledger import Ledger
from factory.storage import Storage, s3_retry
from tests.faultproxy import Fault, FaultProxy
from tests.s3 import SECRET_KEY, S3Server, uploads, variables

EVERY_FAULT: dict[Fault, float] = {  # half of all requests fail
    "slow_down": 0.1,
    "internal_error": 0.05,
    "late_error": 0.05,
    "reset": 0.1,
    "lost_answer": 0.1,
    "cut_answer": 0.1,
    "latency": 0.1,
}


@pytest.fixture
def failing(s3_proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch) -> FaultProxy:
    """The proxy with so many faults of every kind that only short waits let a test end."""
    monkeypatch.setattr(s3_retry, "FIRST_WAIT_SECONDS", 0.005)
    monkeypatch.setattr(s3_retry, "LONGEST_WAIT_SECONDS", 0.05)
    s3_proxy.rates = EVERY_FAULT
    return s3_proxy


# Faults that pass


@pytest.mark.parametrize("fault", ["late_error", "lost_answer", "cut_answer"])
def test_a_lost_answer_is_still_ours(s3_storage: Storage, s3_proxy: FaultProxy, fault: Fault) -> None:
    with s3_proxy.after(fault):
        assert s3_storage.create("x", b"ours")
        assert sum(s3_proxy.counts.values()) == 3  # carried out; taken; ours
    assert s3_storage.read("x") == b"ours"


def test_a_name_that_another_took_during_a_fault_is_not_ours(s3_storage: Storage, s3_proxy: FaultProxy) -> None:
    s3_storage.create("x", b"equal bytes")
    with s3_proxy.after("reset", None, "reset"):
        assert not s3_storage.create("x", b"equal bytes")


@pytest.mark.parametrize("fault", [fault for fault in EVERY_FAULT if fault != "latency"])
def test_every_method_survives_every_fault(s3_storage: Storage, s3_proxy: FaultProxy, fault: Fault) -> None:
    s3_storage.create("there", b"data")
    with s3_proxy.after(fault, fault):
        assert s3_storage.read("there") == b"data"
    with s3_proxy.after(fault, None, fault):
        assert s3_storage.open("there").read() == b"data"
    with s3_proxy.after(fault, fault):
        assert s3_storage.exists("there")
    with s3_proxy.after(fault, fault):
        assert not s3_storage.exists("absent")
    with s3_proxy.after(fault, fault):
        assert s3_storage.names() == ["there"]
    with s3_proxy.after(fault, fault):
        assert s3_storage.create("new", b"")


def test_our_attempts_are_the_only_ones(
    s3_storage: Storage, s3_proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_retry, "ATTEMPTS", 1)
    for fault in ("slow_down", "internal_error"):
        for call in (s3_storage.read, s3_storage.exists, s3_storage.names, lambda name: s3_storage.create(name, b"")):
            with s3_proxy.after(fault), pytest.raises(OSError, match="gave up after 1 attempts"):
                call("x")
            assert s3_proxy.counts == {fault: 1}
    with s3_proxy.after():
        assert not s3_storage.exists("x")
        assert s3_storage.names() == []
        with pytest.raises(FileNotFoundError):
            s3_storage.read("x")
        assert s3_proxy.counts == {"none": 3}  # what is not there is not asked for again


def test_many_writers_and_readers_under_faults(s3_storage: Storage, failing: FaultProxy) -> None:
    payloads = {f"data/{i:03d}": random.Random(i).randbytes(1000 * (i + 1)) for i in range(90)}

    def write_and_read(item: tuple[str, bytes]) -> None:
        name, data = item
        assert s3_storage.create(name, data)
        assert not s3_storage.create(name, data)
        assert s3_storage.read(name) == data
        with s3_storage.open(name) as file:
            file.seek(len(data) // 2)
            assert file.read() == data[len(data) // 2 :]
        assert name.removeprefix("data/") in s3_storage.names("data")

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(write_and_read, payloads.items()))
    assert [f"data/{name}" for name in s3_storage.names("data")] == sorted(payloads)
    assert set(failing.counts) == {*EVERY_FAULT, "none"}
    assert sum(failing.counts.values()) > 1.6 * failing.counts["none"]
    failing.rates = {}
    assert {name: s3_storage.read(name) for name in payloads} == payloads
    assert uploads(s3_storage.url) == []


def test_one_of_many_racing_writers_wins_under_faults(s3_storage: Storage, failing: FaultProxy) -> None:
    for name in ("one", "two", "three", "four"):
        with ThreadPoolExecutor(8) as pool:
            won = list(pool.map(lambda _, name=name: s3_storage.create(name, b"equal bytes"), range(8)))
        assert sum(won) == 1


@pytest.mark.slow
def test_a_corpus_is_byte_equal_to_a_local_one(s3_storage: Storage, failing: FaultProxy, tmp_path: Path) -> None:
    rows = small_rows(splits=("train", "test"))
    formats = ("parquet", "webdataset")
    local = write_corpus(tmp_path / "real", rows, formats, per_shard=14)
    remote = write_corpus(s3_storage.url, rows, formats, per_shard=14)  # type: ignore[arg-type]
    assert remote.index.equals(local.index)
    assert remote.digest == local.digest
    assert remote.rows(range(len(rows))) == local.rows(range(len(rows)))
    assert list(Ledger(s3_storage).records()) == list(Ledger(Storage(str(tmp_path / "real"))).records())
    files = [path.relative_to(tmp_path / "real").as_posix() for path in (tmp_path / "real").rglob("*.*")]
    assert len(files) > 10
    for name in files:
        assert s3_storage.read(name) == (tmp_path / "real" / name).read_bytes(), name
    for folder in ("", "data", "ledger"):
        assert s3_storage.names(folder) == Storage(str(tmp_path / "real")).names(folder)
    assert len(Corpus(s3_storage.url)) == len(rows)


# Faults that do not pass


def test_a_server_that_stays_busy_is_given_up(
    s3_storage: Storage, s3_proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_retry, "ATTEMPTS", 4)
    s3_proxy.rates = {"slow_down": 1.0}
    with pytest.raises(OSError, match=rf"{s3_storage.url}/x at 127.0.0.1:\d+: gave up after 4 attempts .* SlowDown"):
        s3_storage.create("x", b"data")
    assert s3_proxy.counts == {"slow_down": 4}


@pytest.mark.parametrize("fault", ["slow_down", "reset"])
def test_time_is_bounded_too(
    s3_storage: Storage, s3_proxy: FaultProxy, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_retry, "DEADLINE_SECONDS", 0.5)
    monkeypatch.setattr(s3_retry, "ATTEMPTS", 1000)
    s3_proxy.rates = {fault: 1.0}
    calls: list[Callable[[str], object]] = [s3_storage.read, s3_storage.open, s3_storage.exists, s3_storage.names]
    calls += [lambda name: s3_storage.create(name, b""), lambda _: s3_storage.sweep_uploads(0)]
    for call in calls:
        began = time.monotonic()
        with pytest.raises(OSError, match="gave up after"):
            call("x")
        assert time.monotonic() - began < 30  # a thousand attempts take ten times that


def test_a_server_that_is_not_there(s3_storage: Storage, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_retry, "ATTEMPTS", 2)
    with (
        variables(s3_server.environment("http://user:word-in-url@127.0.0.1:1")),
        pytest.raises(OSError, match=r"at 127\.0\.0\.1:1: gave up after 2 attempts") as caught,
    ):
        s3_storage.exists("x")
    assert "word-in-url" not in str(caught.value)


def refusal(s3_storage: Storage) -> str:
    """The one line that a refused user reads, the same from every method."""
    said = set()
    for call in (
        s3_storage.read,
        s3_storage.open,
        s3_storage.exists,
        s3_storage.names,
        lambda name: s3_storage.create(name, b""),
    ):
        with pytest.raises(ValueError, match=r"^s3://") as caught:
            call("x")
        said.add(str(caught.value).replace(f"{s3_storage.url}/x/:", f"{s3_storage.url}/x:").replace("(403)", "(Code)"))
    lines = {
        line.replace("(SignatureDoesNotMatch)", "(Code)").replace("(InvalidAccessKeyId)", "(Code)") for line in said
    }
    assert len(lines) == 1, lines
    (line,) = lines
    assert "\n" not in line
    return line


def test_wrong_credentials_are_named_and_never_shown(
    s3_storage: Storage, s3_server: S3Server, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    wrong = "wrong-" + SECRET_KEY
    with FaultProxy(s3_server.port) as proxy, variables(s3_server.environment(proxy.endpoint, secret=wrong)):
        line = refusal(s3_storage)
        assert "refused access (Code): check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" in line
        assert f"bucket {s3_storage.url.split('/')[2]!r} at 127.0.0.1:" in line
        assert sum(proxy.counts.values()) == 5  # a refusal is final
    assert s3_storage.create("x", b"")
    shown = [line, caplog.text, *capfd.readouterr()]
    assert caplog.text
    assert not any(SECRET_KEY in text for text in shown)


def test_no_credentials(s3_storage: Storage, s3_server: S3Server, tmp_path: Path) -> None:
    given = {"AWS_SHARED_CREDENTIALS_FILE": f"{tmp_path}/none", "AWS_CONFIG_FILE": f"{tmp_path}/none"}
    environment = s3_server.environment() | given
    with variables(environment), pytest.MonkeyPatch.context() as patch:
        patch.delenv("AWS_ACCESS_KEY_ID")
        patch.delenv("AWS_SECRET_ACCESS_KEY")
        assert "cannot be reached (NoCredentialsError): set AWS_ACCESS_KEY_ID" in refusal(s3_storage)


def test_no_bucket(s3_bucket: str) -> None:
    absent = Storage("s3://no-such-bucket-here/corpus")
    for call in (absent.read, absent.names, lambda name: absent.create(name, b"")):
        with pytest.raises(ValueError, match=r"there is no bucket 'no-such-bucket-here' at 127\.0\.0\.1:\d+: create"):
            call("x")
    with pytest.raises(ValueError, match="not a valid S3 bucket name"):
        Storage("s3://no bucket/corpus").names()


def test_faults_are_logged_without_secrets(
    s3_storage: Storage, s3_proxy: FaultProxy, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="factory")
    with s3_proxy.after("slow_down", "lost_answer"):
        s3_storage.create("x", b"")
    assert f"{s3_storage.url}/x: SlowDown, attempt 1 again in" in caplog.text
    assert SECRET_KEY not in caplog.text
