"""Statistics of styles: what is written is what is read, what is broken is refused, and a row is carried alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from difffas.errors import UserError
from difffas.matching import Moments, Statistics, match
from difffas.model_files import LocalFiles
from difffas.routes import Route
from difffas.style_statistics import PART, read_statistics, routed, write_statistics
from tests.difffas.test_matching import images

A, B, PRINT = "a-live", "b-live", "b-print/of paper"


@pytest.fixture(scope="module")
def statistics() -> dict[str, Statistics]:
    return {style: Moments.of(images(seed)).statistics for seed, style in enumerate((A, B, PRINT))}


@pytest.fixture
def folder(tmp_path: Path, statistics: dict[str, Statistics]) -> Path:
    write_statistics(tmp_path / "model", statistics)
    return tmp_path / "model"


def test_what_is_written_is_read(folder: Path, statistics: dict[str, Statistics]) -> None:
    found = read_statistics(LocalFiles(folder))
    assert found.keys() == statistics.keys()
    for style, each in statistics.items():
        assert (found[style].count, found[style].size) == (12, (16, 16))
        for name in ("mean", "covariance", "spectrum"):
            assert torch.equal(getattr(found[style], name), getattr(each, name))


def test_equal_statistics_are_equal_bytes(folder: Path, statistics: dict[str, Statistics], tmp_path: Path) -> None:
    write_statistics(tmp_path / "again", dict(reversed(statistics.items())))
    files = [next((place / PART).iterdir()) for place in (folder, tmp_path / "again")]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_a_model_may_have_none(tmp_path: Path) -> None:
    assert read_statistics(LocalFiles(tmp_path)) == {}


@pytest.mark.parametrize(
    ("name", "tensor", "said"),
    [
        (f"{A}/mean", None, f"{A}/mean is missing or misshapen"),
        (f"{A}/mean", torch.zeros(4, dtype=torch.float64), f"{A}/mean is missing or misshapen"),
        (f"{B}/covariance", torch.eye(3), f"{B}/covariance is missing or misshapen"),
        (f"{B}/spectrum", torch.zeros(9, 3, dtype=torch.float64), f"{B}/spectrum is missing or misshapen"),
        (f"{PRINT}/mean", torch.tensor([0, torch.nan, 0], dtype=torch.float64), "are broken"),
        (f"{PRINT}/count", torch.tensor([0, 16, 16]), "are broken"),
        (f"{PRINT}/count", torch.tensor([4, 16, 1 << 40]), "are broken"),
        ("c-live/count", torch.tensor([4, 16, 16]), "c-live/mean is missing"),
        (f"{A}/more", torch.zeros(1), "other tensors than statistics"),
    ],
)
def test_broken_statistics_are_refused_by_name(
    folder: Path, name: str, tensor: torch.Tensor | None, said: str
) -> None:
    path = next((folder / PART).iterdir())
    tensors = dict(load_file(path))
    tensors.pop(name, None)
    save_file(tensors if tensor is None else {**tensors, name: tensor}, path)
    with pytest.raises(UserError, match=said):
        read_statistics(LocalFiles(folder))


def test_a_file_that_is_cut_off_is_refused(folder: Path) -> None:
    path = next((folder / PART).iterdir())
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(UserError, match="broken"):
        read_statistics(LocalFiles(folder))
    shutil.rmtree(folder / PART)


def test_none_is_the_live_face(statistics: dict[str, Statistics]) -> None:
    live = images(7).float()
    condition, start = routed(live, [], statistics, "none")
    assert condition is live and start is live


def test_domain_carries_the_condition_and_style_the_start(statistics: dict[str, Statistics]) -> None:
    live = images(7, count=2).float()
    across, within = Route(A, B, PRINT), Route(B, B, PRINT)
    condition, start = routed(live, [across, within], statistics, "domain")
    assert torch.equal(condition[:1], match(statistics[A], statistics[B])(live[:1]))
    assert torch.equal(condition[1], live[1]), "a face of the guide's own domain stays"
    assert torch.equal(start, condition)
    again, spoofed = routed(live, [across, within], statistics, "style")
    assert torch.equal(again, condition)
    assert torch.equal(spoofed[:1], match(statistics[A], statistics[PRINT])(live[:1]))
    assert torch.equal(spoofed[1:], match(statistics[B], statistics[PRINT])(live[1:]))


def test_every_face_needs_a_route(statistics: dict[str, Statistics]) -> None:
    with pytest.raises(ValueError, match="1 routes for 2 live images"):
        routed(images(7, count=2).float(), [Route(A, B, PRINT)], statistics, "style")


def test_a_row_does_not_depend_on_its_neighbours(statistics: dict[str, Statistics]) -> None:
    live, route = images(7, count=5).float(), Route(A, B, PRINT)
    whole = routed(live, [route] * 5, statistics, "style")
    for row in range(5):
        for all_rows, one in zip(whole, routed(live[row : row + 1], [route], statistics, "style"), strict=True):
            assert torch.equal(all_rows[row], one[0])


def test_guide_gives_the_start_the_tint_of_its_guide_and_leaves_the_condition() -> None:
    live, guides = images(7, count=3).float() * 0.5, images(8, count=3).float() * 0.3 + 0.2
    condition, start = routed(live, [], {}, "guide", guides)
    assert condition is live
    torch.testing.assert_close(start.mean((2, 3)), guides.mean((2, 3)), rtol=0, atol=1e-5)
    assert torch.equal(routed(live[1:2], [], {}, "guide", guides[1:2])[1], start[1:2])


def test_a_missing_guide_is_refused() -> None:
    with pytest.raises(ValueError, match="one guide for each live image"):
        routed(images(7).float(), [], {}, "guide")
