"""Progress in images: the same line in the log, in `status` and in the report."""

from __future__ import annotations

import sys
import time

from factory.core.credentials import hide


def progress_line(shards: int, of_shards: int, images: int, rate: float | None, left: float | None) -> str:
    """Return the line, for example `312/1,000 shards · 312,000 images · 41.2 img/s · 4 h 38 m left`."""
    parts = [f"{shards:,}/{of_shards:,} shards", f"{images:,} images"]
    if rate is not None:
        parts.append(f"{rate:.1f} img/s")
    if left is not None:
        parts.append(f"{duration(left)} left")
    return " · ".join(parts)


def duration(seconds: float) -> str:
    """Return a duration in at most two units: `42 s`, `3 m 20 s`, `4 h 38 m`, `2 d 3 h`."""
    whole = int(round(seconds))
    for unit, size, lower, step in (("d", 86400, "h", 3600), ("h", 3600, "m", 60), ("m", 60, "s", 1)):
        if whole >= size:
            return f"{whole // size} {unit} {whole % size // step} {lower}"
    return f"{whole} s"


class Progress:
    """Counts finished shards of this process and prints a line every few seconds."""

    def __init__(self, name: str, of_shards: int, of_images: int, done_shards: int, every: float = 5.0) -> None:
        self._name, self._of_shards, self._of_images = name, of_shards, of_images
        self._shards, self._images, self._start, self._every = done_shards, 0, time.monotonic(), every
        self._first_shards = done_shards
        self._printed = self._last = self._start

    @property
    def made(self) -> int:
        """Number of shards made by this process."""
        return self._shards - self._first_shards

    @property
    def rate(self) -> float:
        """Images per second of this process up to its last shard; the time for closing the run is excluded."""
        return self._images / max(self._last - self._start, 1e-9)

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._start

    def add(self, images: int) -> None:
        """Count one more finished shard with this number of images."""
        self._shards += 1
        self._images += images
        now = self._last = time.monotonic()
        if now - self._printed >= self._every or self._shards == self._of_shards:
            self._printed = now
            say(f"{self._name}: {self.line()}")

    def line(self) -> str:
        """Return the current line; the rate is that of this process, so a resumed run's estimate is right."""
        todo = self._of_shards - self._shards
        left = self.seconds * todo / self.made if self.made and todo else None
        before = self._of_images * self._first_shards // max(self._of_shards, 1)  # by earlier runs, on average
        images = before + self._images
        return progress_line(self._shards, self._of_shards, images, self.rate, left)


class TrainingProgress:
    """Prints a training's progress line every few seconds; the rate is that of this attempt."""

    def __init__(self, station: str, steps: int, batch_size: int, first: int, every: float = 10.0) -> None:
        self._station, self._steps, self._batch_size, self._first, self._every = (
            station,
            steps,
            batch_size,
            first,
            every,
        )
        self._started = self._printed = time.monotonic()

    def show(self, step: int, loss: float | None, skipped: int, last: bool) -> None:
        """Print a line if the next one is due or the `last` step was taken; without a loss while there is none."""
        now = time.monotonic()
        if now - self._printed <= self._every and not last:
            return
        self._printed = now
        made = step - self._first
        rate = made * self._batch_size / max(now - self._started, 1e-9)
        left = 0.0 if last else (self._steps - step) * (now - self._started) / made
        parts = [f"step {step:,}/{self._steps:,}"]
        if loss is not None:
            parts.append(f"loss {loss:.4f}")
        if skipped:
            parts.append(f"{skipped} skipped")
        parts += [f"{rate:.1f} img/s", f"{duration(left)} left"]
        say(f"{self._station}: {' · '.join(parts)}")


def say(text: str) -> None:
    """Print one line for the person who watches on stderr: stdout is for results."""
    line = hide(text) + "\n"
    try:
        sys.stderr.write(line)  # not print: Ray Train would log it a second time
    except UnicodeEncodeError:  # in a worker whose PYTHONIOENCODING lacks the characters
        sys.stderr.write(line.encode("ascii", "backslashreplace").decode())
    sys.stderr.flush()
