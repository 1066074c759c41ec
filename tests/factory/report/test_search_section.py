"""The report's section on a search."""

from __future__ import annotations

import re

from tests.pages import Page


def test_tuning_ranks_the_trials_and_marks_the_best(page: Page) -> None:
    text = page.text["tuning"]
    assert "trial live_margin t0_max rows step auc d_eer status 0003 best 0.3 300 34 1,200 0.9 0.1 finished" in text
    assert "0001 0.1 100 12 1,200 0.7 0.3 finished 0004 0.4 400 40 400 0.95 0.05 stopped" in text  # no rival
    assert "0002 0.2 200 0 — — — failed Trial 0002 failed: no row <passes>" in text
    assert [row.get("class") for row in page.of("tr")].count("best") == 1


def test_tuning_draws_every_trial_that_has_the_metric_over_every_parameter(page: Page) -> None:
    charts = re.findall(r'<svg [^>]*aria-label="auc over (\w+)".*?</svg>', page.raw)
    assert charts == ["live_margin", "t0_max"]
    (chart,) = re.findall(r'<svg [^>]*aria-label="auc over t0_max".*?</svg>', page.raw)
    circles = re.findall(r'<circle class="([^"]+)" cx="([\d.]+)" cy="([\d.]+)"', chart)
    assert [name for name, _, _ in circles] == ["line line-0", "line line-5", "mark spoof"]  # finished, stopped, best
    left, right, middle = (float(x) for _, x, _ in circles)
    assert left < middle < right
    low, high, best = (float(y) for _, _, y in circles)
    assert high < best < low


def test_tuning_shows_what_regenerating_gave(page: Page) -> None:
    assert page.text["tuning"].endswith("auc, generated again 0003 150 to 300 1 to 3 34 40 0.9 0.91")
