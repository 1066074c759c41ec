from __future__ import annotations

import numpy as np

from factory import draws

N = np.arange(100_000)


def test_a_draw_depends_on_its_counter_and_names_alone() -> None:
    whole = draws.bits(N, 1, "t0")
    assert np.array_equal(draws.bits(N[500:510], 1, "t0"), whole[500:510])
    assert not np.array_equal(draws.bits(N, 2, "t0"), whole)
    assert not np.array_equal(draws.bits(N, 1, "t1"), whole)
    assert len(set(whole.tolist())) == len(N)


def test_published_values_of_splitmix64() -> None:
    """The generator's own first outputs from state 0 are 0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4 (Vigna's reference)."""
    key = int.from_bytes(__import__("hashlib").blake2b(b"x", digest_size=8).digest(), "little")
    first = int(draws.bits(np.array([(-key * pow(0x9E3779B97F4A7C15, -1, 2**64)) % 2**64], dtype=np.uint64), "x")[0])
    assert first == 0xE220A8397B1DCDAF


def test_uniforms_are_uniform() -> None:
    values = draws.uniform(N, 3, "w")
    assert values.min() >= 0
    assert values.max() < 1
    assert abs(values.mean() - 0.5) < 0.005
    counts = np.histogram(values, bins=20)[0]
    assert ((counts - 5000) ** 2 / 5000).sum() < 45  # chi-square, 19 degrees of freedom, p < 1e-3
    assert set(draws.below(7, N, "k")) == set(range(7))
