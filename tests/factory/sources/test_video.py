from __future__ import annotations

import builtins
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.sources import Files, Source, read_sources, video
from factory.sources.video import Frames, list_frames
from tests.factory.datasets.trees import FRAMES, SHADE, frame, turn_container, write_video


def numbers(path: Path, frames: Frames) -> list[int]:
    files = Files(str(path.parent))
    return list_frames(files, next(file for file in files.find() if file.name == path.name), frames)


def read(path: Path, wanted: list[int], turn: int = 0) -> list[Any]:
    places = [Source(f"{path.name}/{n}", 0, format="video", file=path.name, group=0, at=n, turn=turn) for n in wanted]
    return list(read_sources(str(path.parent), places, {}))


def close(pixels: Any, expected: np.ndarray) -> bool:
    return bool(pixels.shape == expected.shape and np.abs(pixels.astype(int) - expected).max() <= 40)


@given(count=st.integers(0, 3000), wanted=st.integers(1, 60), within=st.none() | st.integers(1, 100))
def test_frames_are_spaced_evenly(count: int, wanted: int, within: int | None) -> None:
    found = Frames(wanted, within).of(count)
    reach = min(count, within or count)
    assert found == sorted(set(found)) and all(0 <= number < reach for number in found)
    assert len(found) == min(reach, wanted)
    if reach > wanted:
        gaps = np.diff([-found[0] - 1, *found, 2 * reach - found[-1]])
        assert gaps.max() - gaps.min() <= 2
    if reach > 2 * wanted:
        assert found[-1] < reach - 1


def test_frames_for_ever() -> None:
    assert Frames(4).of(100) == [12, 37, 62, 87]
    assert Frames(4, within=60).of(450) == [7, 22, 37, 52]
    assert Frames(4).of(3) == [0, 1, 2]


@pytest.mark.parametrize("name", ["a.avi", "b.mp4", "c.mov", "d.AVI", "e.MP4"])
def test_frames_are_those_of_their_numbers(tmp_path: Path, name: str) -> None:
    path = write_video(tmp_path / name)
    assert numbers(path, Frames(4)) == [2, 7, 12, 17]
    found = read(path, [2, 7, 12, 19])
    assert all(pixels.dtype == np.uint8 and pixels.flags.c_contiguous for pixels in found)
    assert all(close(pixels, frame(n)) for pixels, n in zip(found, [2, 7, 12, 19], strict=True))
    shades = [int(pixels[40, 40].mean()) for pixels in read(path, [*range(FRAMES)])]
    assert shades == pytest.approx([SHADE * n for n in range(FRAMES)], abs=3)


def test_planning_decodes_nothing(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.avi")
    path.write_bytes(path.read_bytes().replace(b"\x00\x00\x01\xb6", b"\x00\x00\x01\x00"))  # no picture starts any more
    assert numbers(path, Frames(2)) == [5, 15]
    assert [str(pixels) for pixels in read(path, [5, 15])] == ["broken frame", "broken frame"]


@pytest.mark.parametrize(("degrees", "turned"), [(90, -1), (180, 2), (270, 1)])
def test_the_container_says_how_a_video_is_turned(tmp_path: Path, degrees: int, turned: int) -> None:
    path = write_video(tmp_path / "a.mp4")
    turn_container(path, degrees)
    [pixels] = read(path, [3])
    assert close(pixels, np.rot90(frame(3), turned))
    [same] = read(path, [3], turn=180)
    assert (same == pixels).all(), "what the container says is not turned again"


def test_a_video_that_says_nothing_is_turned_by_the_list(tmp_path: Path) -> None:
    [pixels] = read(write_video(tmp_path / "a.mp4"), [3], turn=180)
    assert close(pixels, frame(3)[::-1, ::-1])


def test_a_video_that_is_cut_off_loses_its_last_frames_alone(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.avi")
    path.write_bytes(path.read_bytes()[: int(0.8 * path.stat().st_size)])
    assert numbers(path, Frames(4)) == [2, 7, 12, 17]
    found = read(path, [2, 7, 12, 17])
    assert close(found[0], frame(2))
    assert isinstance(found[-1], ValueError) and str(found[-1]) in ("truncated video", "broken frame")


def test_a_packet_in_the_middle_is_broken(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.avi")
    with av.open(str(path)) as container:
        packets = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    data = bytearray(path.read_bytes())
    start, size = packets[9]
    data[start + 8 : start + 8 + size] = b"\xff" * size
    path.write_bytes(data)
    found = read(path, [2, 9, 15])
    assert close(found[0], frame(2))
    assert isinstance(found[1], ValueError) and str(found[1]) == "broken frame"
    assert isinstance(found[2], np.ndarray), "what follows is still there, in its place"


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.avi", b"", "broken video"),
        ("a.mp4", b"no video", "broken video"),
        ("a.mov", b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n", "broken video"),
        ("a.avi", b"ffconcat version 1.0\nfile /etc/passwd\n", "broken video"),
    ],
)
def test_what_is_no_video_is_a_reject(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ValueError, match=reason):
        numbers(path, Frames(2))
    assert [str(found) for found in read(path, [0, 3])] == [reason, reason]


def test_the_demuxer_goes_by_the_name(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.avi").rename(tmp_path / "a.mp4")
    with pytest.raises(ValueError, match="broken video"):
        numbers(path, Frames(2))


def only_sound(path: Path) -> None:
    with av.open(str(path), "w", format="mov") as container:
        stream: Any = container.add_stream("pcm_s16le", rate=8000)
        samples = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        samples.sample_rate = 8000
        for packet in [*stream.encode(samples), *stream.encode()]:
            container.mux(packet)


def test_sound_alone_has_no_frames(tmp_path: Path) -> None:
    only_sound(tmp_path / "a.mov")
    with pytest.raises(ValueError, match="no frames"):
        numbers(tmp_path / "a.mov", Frames(2))
    assert [str(found) for found in read(tmp_path / "a.mov", [0])] == ["no frames"]


def test_sizes_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_video(tmp_path / "a.avi")
    limits: list[tuple[str, int, str]] = [
        ("MAX_PIXELS", 64 * 48 - 1, "image too large"),
        ("MAX_FRAMES", FRAMES - 1, "video too long"),
        ("MAX_BYTES", 100, "file too large"),
    ]
    for name, limit, reason in limits:
        with monkeypatch.context() as patch:
            patch.setattr(video, name, limit)
            with pytest.raises(ValueError, match=reason):
                numbers(path, Frames(2))
            if name == "MAX_PIXELS":
                assert [str(found) for found in read(path, [1])] == [reason]
            if name == "MAX_FRAMES":
                assert numbers(path, Frames(2, within=10)) == [2, 7]


def test_a_disk_that_fails_is_no_broken_video(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() > 2000:
                raise OSError(5, "Input/output error")
            return super().read(size)

    data = write_video(tmp_path / "a.avi").read_bytes()
    monkeypatch.setattr(Files, "whole", lambda files, name: Failing(data))
    with pytest.raises(OSError, match="Input/output error"):
        read(tmp_path / "a.avi", [0, 19])


def hidden(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    plain: Callable[..., Any] = builtins.__import__

    def refuse(name: str, *arguments: Any, **more: Any) -> Any:
        if name == package:
            raise ImportError(f"No module named '{package}'")
        return plain(name, *arguments, **more)

    monkeypatch.setattr(builtins, "__import__", refuse)


def test_without_pyav_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_video(tmp_path / "a.avi")
    hidden(monkeypatch, "av")
    with pytest.raises(ValueError, match=r"videos need PyAV: pip install 'difffas-factory\[datasets\]'"):
        numbers(path, Frames(2))
