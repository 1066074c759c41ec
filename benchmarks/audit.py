"""How long an audit's judgements take on a million rows: near pairs of hashes, and everything that follows.

`python benchmarks/audit.py [ROWS]`. The hashes are of two kinds: random ones, and such as aligned faces have, whose
bits are far from even. The ratio is to comparing all with all, extrapolated from a sample of the same run.
"""

from __future__ import annotations

import resource
import sys
import time

import numpy as np
import pyarrow as pa

from factory.audit.hashes import bits_apart, nearest_before
from factory.audit.verdict import Measures, RowLimits, Thresholds, judge, leaks, near_duplicates


def even(rows: int) -> np.ndarray:
    """Random hashes."""
    return np.random.default_rng(0).integers(0, 2**64, rows, dtype=np.uint64)


def uneven(rows: int) -> np.ndarray:
    """Hashes whose bits are 1 with probabilities between 0.02 and 0.98, as in a corpus of aligned faces."""
    rng = np.random.default_rng(1)
    likely = rng.beta(0.5, 0.5, 64).clip(0.02, 0.98)
    bits = [rng.random((min(100_000, rows - first), 64)) < likely for first in range(0, rows, 100_000)]
    return np.packbits(np.concatenate(bits), axis=1).view(">u8")[:, 0].astype(np.uint64)


def all_with_all(hashes: np.ndarray) -> float:
    """Seconds that comparing every hash with every other would take."""
    sample = hashes[:2000]
    started = time.perf_counter()
    (bits_apart(sample[:, None], sample) <= 2).sum()
    return (time.perf_counter() - started) * (len(hashes) / len(sample)) ** 2


def judge_all(rows: int, hashes: np.ndarray) -> None:
    """Near-duplicates by style, leaks and verdicts of a made-up index of spoofs, as the driver does them."""
    rng = np.random.default_rng(2)
    number, subject = np.arange(rows), rng.integers(0, 20_000, rows)
    live = np.char.add("face-", (subject * 10 + number % 10).astype(str))
    spoofs = pa.table(
        {
            "key": np.char.add("f9008fc6-train-", np.char.zfill(number.astype(str), 10)),
            "style": np.char.add("phone-attack", (number % 20).astype(str)),
            "subject": np.char.add("s", subject.astype(str)),
            "live_domain": np.where(subject % 2, "phone", "webcam"),
            "live_key": live,
            "split": np.array(["train", "dev", "test"])[subject % 3],
        }
    )
    brisque, brisque_z = rng.normal(30, 5, rows), rng.normal(0, 1, rows)
    style_probability, distance = rng.random(rows), rng.random(rows)
    bits, key = rng.integers(0, 30, rows), spoofs["key"].to_numpy()
    started = time.perf_counter()
    place, near_bits = near_duplicates(spoofs, hashes, 2)
    between = time.perf_counter()
    leak = leaks(spoofs, even(20_000 * 10)[subject * 10 + number % 10], [], 2)
    later = time.perf_counter()
    measures = Measures(
        key=key,
        dhash=hashes,
        identity_distance=np.full(rows, np.nan),
        style_probability=style_probability,
        nearest_spoof=key,
        nearest_spoof_bits=bits,
        nearest_spoof_distance=distance,
        near_duplicate_place=place,
        near_duplicate_bits=near_bits,
        brisque=brisque,
        brisque_z=brisque_z,
        mirror_distance=np.full(rows, np.nan),
        tone_drift=np.full(rows, np.nan),
        leak=leak,
    )
    judge(measures, Thresholds(), RowLimits(np.full(rows, 0.45), np.full(rows, 0.5), np.full(rows, np.nan)))
    times = np.diff([started, between, later, time.perf_counter()])
    for name, seconds in zip(("near-duplicates", "leaks", "verdicts"), times, strict=True):
        print(f"{name:16} {seconds:6.1f} s")


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    print(f"{'hashes':8} {'bits':>4} {'seconds':>8} {'found':>8} {'all with all':>13} {'ratio':>9}")
    for name, hashes in (("even", even(rows)), ("uneven", uneven(rows))):
        whole = all_with_all(hashes)
        for radius in (0, 2, 4):
            started = time.perf_counter()
            places, _ = nearest_before(hashes, radius)
            seconds = time.perf_counter() - started
            found = int((places >= 0).sum())
            print(
                f"{name:8} {radius:4} {seconds:8.1f} {found:8,} {whole:11,.0f} s {whole / seconds:8,.0f}×", flush=True
            )
    judge_all(rows, uneven(rows))
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB, {rows:,} rows")


if __name__ == "__main__":
    main()
