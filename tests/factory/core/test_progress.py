from __future__ import annotations

import pytest

from factory.core.progress import Progress, TrainingProgress, duration, progress_line


def test_line_counts_images() -> None:
    line = progress_line(312, 1000, 312_000, 41.2, 4 * 3600 + 38 * 60)
    assert line == "312/1,000 shards · 312,000 images · 41.2 img/s · 4 h 38 m left"
    assert progress_line(2, 2, 20, 3.0, None) == "2/2 shards · 20 images · 3.0 img/s"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.6, "1 m 0 s"), (200, "3 m 20 s"), (16_680, "4 h 38 m"), (2 * 86400 + 3 * 3600, "2 d 3 h")],
)
def test_durations_have_two_units_at_most(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_resumed_run_estimates_by_what_it_made_itself() -> None:
    progress = Progress("x", of_shards=10, of_images=100, done_shards=8)
    assert "left" not in progress.line()
    progress.add(10)
    assert progress.line().startswith("9/10 shards · 90 images")
    assert progress.line().endswith("left")


def test_a_line_without_a_loss_yet_says_none(capsys: pytest.CaptureFixture[str]) -> None:
    progress = TrainingProgress("fit-x", steps=10, batch_size=2, first=0, every=-1.0)
    progress.show(1, None, 1, last=False)
    progress.show(2, 0.25, 0, last=False)
    progress.show(10, 0.125, 3, last=True)
    first, second, third = capsys.readouterr().err.splitlines()
    assert first.startswith("fit-x: step 1/10 · 1 skipped · ")
    assert second.startswith("fit-x: step 2/10 · loss 0.2500 · ")
    assert third.startswith("fit-x: step 10/10 · loss 0.1250 · 3 skipped · ") and third.endswith(" · 0 s left")


def test_the_last_line_and_the_summary_have_one_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 10.0, 10.0, 25.0, 25.0, 25.0])
    monkeypatch.setattr("factory.core.progress.time.monotonic", lambda: next(clock))
    progress = Progress("x", of_shards=1, of_images=100, done_shards=0)
    progress.add(100)
    assert progress.rate == 10.0  # and not less for the seconds that writing the index took
