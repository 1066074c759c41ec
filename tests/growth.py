"""How cost grows with the input: what a test may say of speed on a machine that others use, too."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

TRIES = 3


def grows_at_most(work: Callable[[int], object], size: int, factor: float = 11.0) -> None:
    """Assert that four times the size takes less than `factor` times the time of the processor in this thread.

    Linear work takes 4 times as much, or 6 where it leaves the caches; quadratic work takes 16. `size` must be large
    enough for some tens of milliseconds.
    """
    gc.collect()
    gc.disable()  # it would walk all that other tests have left in this process, the more often the larger the input
    try:
        small, large = (min(_seconds(work, scale * size) for _ in range(TRIES)) for scale in (1, 4))
    finally:
        gc.enable()
    assert large < factor * small, f"{large:.3f} s for four times what takes {small:.3f} s"


def _seconds(work: Callable[[int], object], size: int) -> float:
    began = time.thread_time()
    work(size)
    return time.thread_time() - began
