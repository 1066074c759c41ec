"""Sources that would take a shard, its memory or its time: one reject each, and no wait."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from factory import prepare
from factory.line import Work
from factory.prepare import plan, read_shard
from factory.sources import folder as folder_format
from tests.factory.prepare.test_prepare import config, photos
from tests.odd_images import png


@pytest.mark.timeout(60)
def test_what_would_take_a_shard_is_one_reject_each(tmp_path: Path) -> None:
    """Links to the kernel's log, to devices and to pipes, images too long or too large beside good ones."""
    source = photos(tmp_path / "in", subjects=2, captures=2)
    folder = source / "print" / "s0"
    for name, target in (("log", "/proc/kmsg"), ("zero", "/dev/zero"), ("seq", "/sys/kernel/uevent_seqnum")):
        (folder / f"{name}.jpg").symlink_to(target)
    os.mkfifo(folder / "pipe.jpg")
    (folder / "link.jpg").symlink_to("pipe.jpg")
    (folder / "folder.jpg").mkdir()
    (folder / "line.png").write_bytes(png(89_478_485, 1, 8, 2, b""))
    (folder / "column.png").write_bytes(png(1, 89_478_485, 8, 2, b""))
    (folder / "deep.png").write_bytes(png(9459, 9459, 16, 6, b""))
    planned = config(source)
    found = {}
    for entries in plan(planned).shards.values():
        for record in read_shard(planned, entries)["records"]:
            found[Path(str(record["row"]["source"])).name] = record["reject"]
    rejects = {name: reject for name, reject in found.items() if reject}
    assert rejects == {
        **dict.fromkeys(("log.jpg", "zero.jpg", "seq.jpg", "pipe.jpg", "link.jpg"), "not a regular file"),
        **dict.fromkeys(("line.png", "column.png", "deep.png"), "image too large"),
    }
    assert len([name for name in found if name not in rejects]) == 2, "the others are called 0 and 1, each"


@pytest.mark.timeout(60)
def test_what_became_of_a_file_since_it_was_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe in its place is a reject unread; so is a file that grew beyond all images."""
    source = photos(tmp_path / "in", subjects=1, captures=3)
    planned = config(source)
    entries = [entry for shard in plan(planned).shards.values() for entry in shard]
    first, second, *_ = sorted(entry.path for entry in entries)
    (source / first).unlink()
    os.mkfifo(source / first)
    monkeypatch.setattr(folder_format, "MAX_BYTES", 1 << 20)
    with (source / second).open("ab") as file:
        file.truncate(1 << 21)
    records = read_shard(planned, entries)["records"]
    assert {r["row"]["source"]: r["reject"] for r in records if r["reject"]} == {
        first: "not a regular file",
        second: "file too large",
    }


@pytest.mark.timeout(20)
@pytest.mark.parametrize("option", ["weights", "boxes"])
def test_settings_that_name_no_regular_file_are_told_at_once(option: str, tmp_path: Path) -> None:
    source = photos(tmp_path / "in", subjects=1, captures=1)
    os.mkfifo(tmp_path / "pipe")
    given = {"crop": "table" if option == "boxes" else "retinaface", option: str(tmp_path / "pipe")}
    with pytest.raises(ValueError, match="pipe is not a regular file"):
        plan(config(source, **given))


def test_the_line_is_told_the_stall_limit(tmp_path: Path, ray_local: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the line does at the limit is tested with the line."""
    told: list[Work] = []
    source = photos(tmp_path / "in", subjects=1, captures=1)
    monkeypatch.setattr(prepare, "run_line", lambda _, work, failed: told.append(work) or {})
    prepare.run(config(source, resources={"stall_seconds": 7}))
    assert [work.stall_seconds for work in told] == [7]


def test_a_bug_of_the_detector_is_no_reject(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What NumPy and detectors raise of a bug is a ValueError, too: every image would be lost in silence."""

    def buggy(pixels: np.ndarray) -> None:
        raise ValueError("operands could not be broadcast together")

    planned = config(photos(tmp_path / "in", subjects=1, captures=1))
    (entries, *_) = plan(planned).shards.values()
    monkeypatch.setattr(prepare, "face_finder", lambda _: buggy)
    with pytest.raises(ValueError, match="broadcast"):
        read_shard(planned, entries)


def test_a_corpus_without_an_image_says_so(
    tmp_path: Path, in_process: None, capsys: pytest.CaptureFixture[str]
) -> None:
    source = photos(tmp_path / "in", subjects=2, captures=1)
    pictures = [path for path in source.rglob("*") if path.is_file()]
    for path in pictures:
        path.write_bytes(b"no picture")
    assert prepare.run(config(source, out=f"{tmp_path}/out"))["written"] == 0
    said = capsys.readouterr().err
    assert f"prepare: no image was written: {len(pictures)} " in said and f"each is in {tmp_path}/out/ledger" in said
