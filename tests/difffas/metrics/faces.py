"""Ten faces with their scores, and a strategy of few distinct scores."""

from __future__ import annotations

from hypothesis import strategies as st

# Ten faces: live 0.9 0.8 0.6 0.4, print 0.7 0.3 0.2, replay 0.5 0.1 0.1
SCORES = [0.9, 0.8, 0.6, 0.4, 0.7, 0.3, 0.2, 0.5, 0.1, 0.1]
LABELS = [0, 0, 0, 0, 1, 1, 1, 1, 1, 1]
ATTACKS = ["live"] * 4 + ["print"] * 3 + ["replay"] * 3
Rows = tuple[list[int], list[int]]


@st.composite
def rows(draw: st.DrawFn) -> Rows:
    """Few distinct whole scores, so that ties are common; both classes."""
    live = draw(st.lists(st.integers(-5, 5), min_size=1, max_size=15))
    spoof = draw(st.lists(st.integers(-5, 5), min_size=1, max_size=15))
    order = draw(st.permutations(range(len(live) + len(spoof))))
    scores, labels = live + spoof, [0] * len(live) + [1] * len(spoof)
    return [scores[i] for i in order], [labels[i] for i in order]
