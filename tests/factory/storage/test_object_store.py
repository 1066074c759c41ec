"""What Storage promises, on a real S3 server."""

from __future__ import annotations

import io
import random
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from factory.storage import Storage, object_store
from tests.faultproxy import FaultProxy
from tests.s3 import S3Server, client, uploads


def begin_upload(s3_storage: Storage, name: str) -> None:
    bucket, _, prefix = s3_storage.url.removeprefix("s3://").partition("/")
    made = client().call_s3("create_multipart_upload", Bucket=bucket, Key=f"{prefix}/{name}")
    part = {"Bucket": bucket, "Key": f"{prefix}/{name}", "UploadId": made["UploadId"], "PartNumber": 1}
    client().call_s3("upload_part", **part, Body=b"part")


def test_create_never_overwrites(s3_storage: Storage) -> None:
    assert not s3_storage.exists("a/b.bin")
    assert s3_storage.create("a/b.bin", b"first")
    assert not s3_storage.create("a/b.bin", b"second")
    assert not s3_storage.create("a/b.bin", b"first")
    assert s3_storage.exists("a/b.bin")
    assert s3_storage.read("a/b.bin") == b"first"
    assert s3_storage.create("empty", b"")
    assert s3_storage.read("empty") == b"" == s3_storage.open("empty").read()
    assert not s3_storage.exists("a")


def test_a_browser_shows_a_page_of_the_store(s3_storage: Storage) -> None:
    bucket, _, prefix = s3_storage.url.removeprefix("s3://").partition("/")
    for name, kind in (
        ("index.html", "text/html; charset=utf-8"),
        ("explorer/rows-0001.js", "text/javascript; charset=utf-8"),
        ("explorer/faces-0001.webp", "image/webp"),
        ("data/spoof.parquet", "application/octet-stream"),
    ):
        s3_storage.create(name, b"content")
        assert client().call_s3("head_object", Bucket=bucket, Key=f"{prefix}/{name}")["ContentType"] == kind


def test_what_is_not_there(s3_storage: Storage) -> None:
    for reader in (s3_storage.read, s3_storage.open):
        with pytest.raises(FileNotFoundError, match="no such object") as caught:
            reader("absent.bin")
        assert caught.value.filename == f"{s3_storage.url}/absent.bin"
    assert s3_storage.names("absent") == []


@pytest.mark.parametrize("equal", [False, True])
def test_one_of_many_racing_writers_wins_whole(s3_storage: Storage, equal: bool) -> None:
    payloads = [bytes([0 if equal else i]) * 100_000 for i in range(12)]
    for name in ("one", "two"):
        with ThreadPoolExecutor(12) as pool:
            won = list(pool.map(lambda data, name=name: s3_storage.create(name, data), payloads))
        assert sum(won) == 1
        assert s3_storage.read(name) == payloads[won.index(True)]


def test_names_lists_files_of_one_folder_over_many_pages(s3_storage: Storage) -> None:
    names = [f"{i:04d}.json" for i in range(1105)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: s3_storage.create(f"ledger/{name}", b""), names))
    s3_storage.create("ledger/sub/file", b"")
    s3_storage.create("ledger-of-another/file", b"")
    s3_storage.create("top", b"")
    assert s3_storage.names("ledger") == names
    assert s3_storage.names() == ["top"]


def test_names_may_be_any_text(s3_storage: Storage) -> None:
    names = sorted(["Gesicht äöü.png", "顔 1.png", "a+b=c&d.png", "50 %.png", "quote'\".png", "#?.png"])
    for name in names:
        assert s3_storage.create(f"d/{name}", name.encode())
    assert s3_storage.names("d") == names
    assert [s3_storage.read(f"d/{name}").decode() for name in names] == names


def test_a_bucket_may_be_the_whole_folder(s3_server: S3Server, s3_bucket: str) -> None:
    s3_storage = Storage(f"s3://{s3_server.new_bucket()}/")
    assert s3_storage.create("run.json", b"{}")
    assert s3_storage.create("data/x", b"x")
    assert (s3_storage.names(), s3_storage.names("data")) == (["run.json"], ["x"])


def test_open_reads_only_what_is_asked(s3_storage: Storage, s3_proxy: FaultProxy) -> None:
    data = random.Random(0).randbytes(12_000_000)
    s3_storage.create("data.bin", data)
    with s3_proxy.after(), s3_storage.open("data.bin") as file:
        assert file.seek(-1000, io.SEEK_END) == len(data) - 1000
        assert file.read() == data[-1000:]
        assert file.seek(5_000_000) == 5_000_000 == file.tell()
        assert file.read(3_000_000) == data[5_000_000:8_000_000]
        assert file.seek(10, io.SEEK_CUR) == 8_000_010
        assert file.read(5) == data[8_000_010:8_000_015]
        assert file.seek(20_000_000) and file.read() == b""
        with pytest.raises(ValueError, match="seek"):
            file.seek(-1)
        assert sum(s3_proxy.counts.values()) == 4  # size, tail, middle in whole mebibytes, its rest with what follows
    with s3_proxy.after(), s3_storage.open("data.bin") as file:
        assert file.read() == data
        assert file.read() == b""
        assert sum(s3_proxy.counts.values()) == 2


def test_parquet_row_groups_are_read_one_by_one(s3_storage: Storage) -> None:
    table = pa.table({"n": range(20_000), "bytes": [bytes(100)] * 20_000})
    buffer = io.BytesIO()
    pq.write_table(table, buffer, row_group_size=1000)
    s3_storage.create("t.parquet", buffer.getvalue())
    with s3_storage.open("t.parquet") as file:
        assert pq.ParquetFile(file).read_row_group(7, columns=["n"])["n"].to_pylist() == list(range(7000, 8000))
    with s3_storage.open("t.parquet") as file:
        assert pq.read_table(file).equals(table)


@pytest.mark.slow
def test_a_large_object_is_one_put(s3_storage: Storage, s3_proxy: FaultProxy) -> None:
    data = np.random.default_rng(0).bytes(105 * 2**20)  # s3fs by itself begins a multipart upload at 100 MiB
    with s3_proxy.after("late_error"):
        assert s3_storage.create("large.bin", data)
        assert sum(s3_proxy.counts.values()) == 3  # carried out; taken; ours
    assert uploads(s3_storage.url) == []
    with s3_proxy.after():
        assert s3_storage.read("large.bin") == data
        assert sum(s3_proxy.counts.values()) == 1


def test_an_object_that_no_put_can_hold_is_refused(s3_storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_store, "LARGEST_OBJECT", 10)
    with pytest.raises(ValueError, match=r"would have 11 bytes, S3 takes 10 in one PUT: write fewer rows per shard"):
        s3_storage.create("x", bytes(11))
    assert s3_storage.names() == []


def test_old_uploads_below_our_prefix_are_aborted(s3_storage: Storage, s3_proxy: FaultProxy) -> None:
    beside = Storage(f"{s3_storage.url}-beside")
    s3_storage.create("data/whole", b"whole")
    for name in ("data/leaked", "model/leaked ü"):
        begin_upload(s3_storage, name)
    begin_upload(beside, "data/leaked")
    assert s3_storage.sweep_uploads(3600) == []
    assert len(uploads(s3_storage.url)) == 3
    time.sleep(1.1)  # uploads are dated in whole seconds
    with s3_proxy.after("slow_down", None, "lost_answer", "reset"):
        assert s3_storage.sweep_uploads(0) == ["data/leaked", "model/leaked ü"]
    assert [key.partition("/")[0] for key in uploads(s3_storage.url)] == [beside.url.rpartition("/")[2]]
    assert s3_storage.sweep_uploads(0) == []
    assert s3_storage.read("data/whole") == b"whole"
