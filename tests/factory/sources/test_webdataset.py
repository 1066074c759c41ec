from __future__ import annotations

import random
import tarfile
from pathlib import Path
from typing import Any

import pytest

from factory.sources import Source, list_sources, listing_digest, read_sources
from tests.photo_tables import count_reads, write_tar


def listed(path: Path, **columns: str | None) -> list[Source]:
    return list_sources(str(path), columns=columns)


def test_samples_are_what_shares_a_key(tmp_path: Path) -> None:
    write_tar(
        tmp_path / "in" / "a-000.tar",
        {
            "./live/1.jpg": b"one",
            "./live/1.json": {"subject": 7, "attack": "live", "boxes": [1, 2], "split": None},
            "live/1.seg.png": b"mask",
            "live/2.JPEG": b"two!",
            "notes.txt": b"",
            "__pycache__": b"",
            ".hidden/3.jpg": b"",
            "live/._2.jpg": b"resource fork",
            "2.webp": b"another",
            "2.cls": "1",
        },
    )
    write_tar(tmp_path / "in" / "b.tar", {"x.json": {"label": "spoof"}, "x.png": b"three", "x.cls": "0\n"})
    found = listed(tmp_path / "in")
    assert [(source.path, source.size, source.file, source.fields) for source in found] == [
        ("a-000.tar/live/1.jpg", 3, "a-000.tar", {"subject": "7", "attack": "live"}),
        ("a-000.tar/live/2.JPEG", 4, "a-000.tar", {}),
        ("a-000.tar/2.webp", 7, "a-000.tar", {"label": "1"}),
        ("b.tar/x.png", 5, "b.tar", {"label": "spoof"}),
    ]
    assert list(read_sources(str(tmp_path / "in"), found[::-1], {})) == [b"three", b"another", b"two!", b"one"]
    assert {source.group for source in found} == {-1}


def test_columns_by_other_names(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.tar", {"1.left.png": b"l", "1.right.png": b"r", "1.json": {"id": 3}, "1.cls": "0"})
    [source] = listed(path, image="right.png", subject="id", label=None)
    assert (source.path, source.fields) == ("a.tar/1.right.png", {"subject": "3"})
    assert list(read_sources(str(path), [source], {})) == [b"r"]
    [source] = listed(path, image="left.png", subject="cls")
    assert source.fields == {"subject": "0", "label": "0"}
    with pytest.raises(ValueError, match=r"a\.tar has no column 'person': mend columns\.subject"):
        listed(path, image="left.png", subject="person")


@pytest.mark.parametrize(
    ("members", "reject"),
    [
        ({"1.json": b"{"}, "broken json"),
        ({"1.json": b"\xff"}, "broken json"),
        ({"1.json": b"[1]"}, "broken json"),
        ({"1.json": b"[" * 100_000}, "broken json"),
        ({"1.json": b'{"subject": "' + b"x" * (1 << 20) + b'"}'}, "broken json"),
        ({"1.cls": b"print"}, "broken cls"),
        ({"1.cls": b"1e999"}, "broken cls"),
        ({"1.json": {"subject": ["a"]}}, "subject is neither text nor a number"),
        ({"1.json": b'{"license": "\\ud800"}'}, "license is neither text nor a number"),
        ({"2.json": {"subject": "a"}}, None),
    ],
)
def test_bad_members_are_rejects(tmp_path: Path, members: dict[str, Any], reject: str | None) -> None:
    found = listed(write_tar(tmp_path / "a.tar", {"1.jpg": b"x", **members}))
    assert found[0].reject == reject
    assert [source.reject for source in found[1:]] == (["no image in the sample"] if reject is None else [])


def write_members(path: Path, *members: tarfile.TarInfo) -> Path:
    """A tar of members as they are, each with as many bytes as it says, or fewer of lying sizes."""
    with path.open("wb") as file:
        for member in members:
            file.write(member.tobuf(tarfile.GNU_FORMAT) + bytes(512 * (0 < member.size <= 512)))
        file.write(bytes(1024))
    return path


def member(name: str, size: int = 1, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = size, kind, "1.png" if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE) else ""
    return info


def test_names_that_climb_are_images_and_links_are_rejects(tmp_path: Path) -> None:
    links = {"s": tarfile.SYMTYPE, "h": tarfile.LNKTYPE, "p": tarfile.FIFOTYPE, "n": tarfile.CHRTYPE}
    names = [
        "1.png",
        "../../2.png",
        "/etc/3.png",
        "a/../4.png",
        "a/./5.png",
        "2.png",
        "-rf.png",
        "TWICE.png",
        "twice.png",
    ]
    found = listed(
        write_members(
            tmp_path / "a.tar",
            *map(member, names),
            *(member(f"{name}.png", 0, kind) for name, kind in links.items()),
            member("folder.png", 0, tarfile.DIRTYPE),
            member("sparse.png", kind=tarfile.GNUTYPE_SPARSE),
            member("twice.png"),
        )
    )
    rejects = {source.path.removeprefix("a.tar/"): source.reject for source in found}
    odd = [f"{name}.png" for name in (*links, "sparse")]
    assert rejects == {**dict.fromkeys(names), **dict.fromkeys(odd, "not a regular file"), "twice.png": TWICE}


TWICE = "two members of one name"


@pytest.mark.parametrize(
    "lie",
    [
        b"\0\0\0\0\0\0\0\0\0\0\0\0".replace(b"\0", b"7"),
        (1 << 95 | 1 << 60).to_bytes(12, "big"),
        (-1024 + (1 << 96)).to_bytes(12, "big"),
    ],
)
@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE])
def test_a_size_that_lies_ends(tmp_path: Path, lie: bytes, kind: bytes) -> None:
    header = bytearray(member("notes", 0, kind).tobuf(tarfile.GNU_FORMAT))
    header[124:136], header[148:156] = lie, b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    path = write_members(tmp_path / "a.tar", member("1.png"))
    path.write_bytes(path.read_bytes()[:1024] + header + bytes(1024))
    with pytest.raises(ValueError, match=r"a\.tar is broken or not a tar file"):
        listed(path)


def test_a_member_that_leads_back_ends(tmp_path: Path) -> None:
    """Of the size in an extended header tarfile believes even a negative one, and reads in a circle."""
    record = b"14 size=-1536\n"
    extended = member("extended", len(record), tarfile.XHDTYPE).tobuf(tarfile.GNU_FORMAT) + record.ljust(512, b"\0")
    path = write_members(tmp_path / "a.tar", member("1.png"), member("notes"))
    data = path.read_bytes()
    path.write_bytes(data[:1024] + extended + data[1024:])
    with pytest.raises(ValueError, match=r"a\.tar is broken or not a tar file"):
        listed(path)


def test_two_images_of_one_sample_and_none(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"'1\.jpg' and '1\.png' are of one sample: set columns\.image"):
        listed(write_tar(tmp_path / "a.tar", {"1.jpg": b"", "1.png": b""}))
    with pytest.raises(ValueError, match=r"no sample has an image, such as '1': set columns\.image"):
        listed(write_tar(tmp_path / "a.tar", {"1.rgb.jpg": b"", "1.json": {}}))
    with pytest.raises(ValueError, match="1 files but no image in them"):
        listed(write_tar(tmp_path / "a.tar", {"notes.txt": b""}))


def test_broken_files_are_named(tmp_path: Path) -> None:
    good = write_tar(tmp_path / "good.tar", {f"{n}.jpg": bytes(700) for n in range(3)}).read_bytes()
    (tmp_path / "in").mkdir()
    bad = tmp_path / "in" / "bad.tar"
    block = tarfile.BLOCKSIZE
    # no tar; cut in the second image; in the second header; a header overwritten
    for data in (b"x" * 2000, good[: block * 4 + 100], good[: block * 3 + 100], good[: block * 3] + b"x" * block):
        bad.write_bytes(data)
        with pytest.raises(ValueError, match=r"bad\.tar is broken or not a tar file"):
            listed(tmp_path / "in")
    bad.write_bytes(good[: block * 9])  # without an end mark, which not every writer leaves
    assert len(listed(tmp_path / "in")) == 3


def test_a_tar_that_shrank_is_no_reject(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.tar", {f"{n}.jpg": bytes(20_000) for n in range(9)})
    found = listed(path)
    write_tar(path, {"0.jpg": bytes(20_000)})
    with pytest.raises(OSError, match="shorter than when it was listed"):
        list(read_sources(str(path), found[8:], {}))


def test_planning_loads_no_pixels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = count_reads(monkeypatch)
    noise = random.Random(0)
    images: dict[str, Any] = {f"{n}.jpg": noise.randbytes(100_000) for n in range(50)}
    facts: dict[str, Any] = {f"{n}.json": {"subject": n} for n in range(50)}
    path = write_tar(tmp_path / "a.tar", dict(sorted({**images, **facts}.items())))
    found = listed(path)
    assert len(found) == 50 and path.stat().st_size > 5_000_000
    assert counted["bytes"] < 150_000
    counted["bytes"] = 0
    assert list(read_sources(str(path), [found[7]], {})) == [images[found[7].path.removeprefix("a.tar/")]]
    assert counted["bytes"] == 0  # ranges are not read through `open`


def test_what_the_webdataset_library_writes(tmp_path: Path) -> None:
    webdataset = pytest.importorskip("webdataset")
    with webdataset.TarWriter(str(tmp_path / "a.tar")) as writer:
        writer.write({"__key__": "live/0001", "jpg": b"one", "json": {"subject": "s"}, "cls": 0})
    [source] = listed(tmp_path)
    assert (source.path, source.fields) == ("a.tar/live/0001.jpg", {"subject": "s", "label": "0"})
    assert list(read_sources(str(tmp_path), [source], {})) == [b"one"]


def test_the_digest_knows_fields_and_sizes_and_no_offsets(tmp_path: Path) -> None:
    def digest(**members: Any) -> str:
        return listing_digest(
            listed(write_tar(tmp_path / "a.tar", {n.replace("_", "."): m for n, m in members.items()}))
        )

    first = digest(a_jpg=b"x", a_json={"subject": 1})
    assert digest(notes=b"", a_jpg=b"y", a_json={"subject": 1}) == first
    assert len({first, digest(a_jpg=b"xx", a_json={"subject": 1}), digest(a_jpg=b"x", a_json={"subject": 2})}) == 3
