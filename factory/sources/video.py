"""Frames of videos, read with PyAV: planned by the container's header, decoded from the beginning."""

from __future__ import annotations

import itertools
import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from difffas.errors import UnreadableError, UserError
from factory.images.limits import MAX_MEMORY, TOO_LARGE, fits
from factory.sources.files import File, Files
from factory.storage.s3_retry import Refused

if TYPE_CHECKING:
    from factory.sources.place import Place, Read

# The extension chooses the demuxer: choosing by content would accept a playlist and open the files that it names.
DEMUXERS = {"avi": "avi", "mov": "mov", "mp4": "mov", "m4v": "mov"}
NAME = re.compile(rf"(.*/)?[^/]+\.({'|'.join(DEMUXERS)})", re.IGNORECASE | re.DOTALL)
MAX_BYTES = 1 << 30  # largest video in bytes
FRAME_BYTES = 24  # bytes per pixel of a frame, including the earlier frames that a decoder keeps
MAX_PIXELS = MAX_MEMORY // FRAME_BYTES  # largest frame: 44 million pixels; 8K has 33 million
MAX_FRAMES = 100_000  # most frames in question: all before the last wanted one are decoded


class Frames(NamedTuple):
    """Which frames represent a video: `wanted` frames, evenly spaced, among the first `within` if that is given."""

    wanted: int
    within: int | None = None

    def of(self, count: int) -> list[int]:
        """Return places among `count` frames: the middles of `wanted` equal parts, or all if `count` is no larger.

        The last frame is never chosen if `count` is more than twice `wanted`: headers often count one too many.
        """
        count = min(count, self.within or count)
        parts = range(self.wanted)
        return (
            [(2 * part + 1) * count // (2 * self.wanted) for part in parts] if count > self.wanted else [*range(count)]
        )


def list_frames(files: Files, file: File, frames: Frames) -> list[int]:
    """Return the numbers of the frames that represent a video; packets count if the container states no number.

    Raises:
        OSError: if the file cannot be read.
        UserError: if PyAV is not installed.
        UnreadableError: with the reason why the video is unusable: `broken video`, `no frames`, `file too large`
            (1 GiB), `image too large`, `video too long`.
    """
    av = needed()
    if file.size > MAX_BYTES:
        raise UnreadableError("file too large")
    if not file.size:  # FFmpeg would seek before the beginning, which looks like a disk fault
        raise UnreadableError("broken video")
    try:
        with files.open(file.name) as stream, _opened(av, stream, file.name) as container:
            video = _stream(container)
            count = video.frames or sum(packet.size > 0 for packet in container.demux(video))
    except av.FFmpegError:
        raise UnreadableError("broken video") from None
    if not count:
        raise UnreadableError("no frames")
    if min(count, frames.within or count) > MAX_FRAMES:
        raise UnreadableError("video too long")
    return frames.of(count)


def read(files: Files, places: Sequence[Place], columns: Mapping[str, str | None]) -> Iterator[Read]:
    """Yield upright frames, uint8 (H, W, 3), in order; neighbours in one video are decoded together.

    A frame that the decoder marks as corrupt, or whose packet it refuses, gives `broken frame`; a frame after the last
    one gives `truncated video`.
    """
    for (name, turn), run in itertools.groupby(places, key=lambda place: (place.file, place.turn)):
        yield from _read_video(files, name, turn, deque(place.at for place in run))


def _read_video(files: Files, name: str, turn: int, wanted: deque[int]) -> Iterator[Read]:
    """Yield the frames with these ascending numbers."""
    av, reason, number = needed(), "truncated video", 0
    try:
        with files.whole(name) as stream, _opened(av, stream, name) as container:
            for frame in _decoded(av, container):
                if wanted[0] == number:
                    pixels = _pixels(frame, turn)
                    wanted.popleft()
                    yield pixels
                if not wanted:
                    return
                number += 1
    except av.FFmpegError:
        reason = "broken video"
    except Refused:
        raise  # a fault of the store, not of the video
    except UnreadableError as error:
        reason = str(error)
    for _ in wanted:
        yield UnreadableError(reason)


def _decoded(av: Any, container: Any) -> Iterator[Any]:
    """Yield all frames of a video in order, None for a packet that gives no frame."""
    video = _stream(container)
    video.codec_context.thread_count = 1
    video.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
    for packet in container.demux(video):
        try:
            yield from packet.decode()
        except av.FFmpegError:
            yield None


def _pixels(frame: Any, turn: int) -> np.ndarray | UnreadableError:
    if frame is None or frame.is_corrupt:
        return UnreadableError("broken frame")
    if not _frame_fits(frame):  # a frame's size may differ from the container's
        return UnreadableError(TOO_LARGE)
    # Both angles are counter-clockwise. The container's rotation counts; `turn` is for a container without one.
    quarters = round((frame.rotation or turn) / 90)
    return np.ascontiguousarray(np.rot90(frame.to_ndarray(format="rgb24"), quarters))


def _frame_fits(sized: Any) -> bool:
    return sized.width * sized.height <= MAX_PIXELS and fits(sized.width, sized.height, FRAME_BYTES)


def _opened(av: Any, stream: Any, name: str) -> Any:
    return av.open(stream, format=DEMUXERS[name.rpartition(".")[2].lower()], metadata_errors="replace")


def _stream(container: Any) -> Any:
    if not container.streams.video:
        raise UnreadableError("no frames")
    video = container.streams.video[0]
    if video.codec_context is None:
        raise UnreadableError("broken video")
    if not _frame_fits(video.codec_context):
        raise UnreadableError(TOO_LARGE)
    return video


def needed() -> Any:
    """Return PyAV; raises UserError if it is not installed."""
    try:
        import av
    except ImportError as error:
        raise UserError(f"videos need PyAV: pip install 'difffas-factory[datasets]' ({error})") from None
    return av
