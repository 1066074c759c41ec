from __future__ import annotations

import hashlib

import numpy as np

from factory.core import draws

N = np.arange(100_000)


def test_a_draw_depends_on_its_counter_and_names_alone() -> None:
    whole = draws.bits(N, 1, "t0")
    assert np.array_equal(draws.bits(N[500:510], 1, "t0"), whole[500:510])
    assert not np.array_equal(draws.bits(N, 2, "t0"), whole)
    assert not np.array_equal(draws.bits(N, 1, "t1"), whole)
    assert len(set(whole.tolist())) == len(N)


def test_bits_are_splitmix64() -> None:
    """From state 0 the reference generator's first output is 0xE220A8397B1DCDAF (Steele et al. 2014, Vigna's code)."""
    key = int.from_bytes(hashlib.blake2b(b"x", digest_size=8).digest(), "little")
    counter_of_state_0 = -key * pow(0x9E3779B97F4A7C15, -1, 2**64) % 2**64
    assert int(draws.bits(np.array([counter_of_state_0], dtype=np.uint64), "x")[0]) == 0xE220A8397B1DCDAF


def test_uniforms_are_uniform() -> None:
    values = draws.uniform(N, 3, "w")
    assert values.min() >= 0
    assert values.max() < 1
    assert abs(values.mean() - 0.5) < 0.005
    counts = np.histogram(values, bins=20)[0]
    assert ((counts - 5000) ** 2 / 5000).sum() < 45  # chi-square, 19 degrees of freedom, p < 1e-3
    assert set(draws.below(7, N, "k")) == set(range(7))
