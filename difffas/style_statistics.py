"""The statistics of every style that a generator was fitted to, as a small part of its model folder [ours].

Live faces have a style, too: `<domain>-live`. `routed` uses the statistics before sampling, see `difffas.matching`.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from difffas.errors import UserError
from difffas.matching import Statistics, match, recolour
from difffas.model_files import Files, Stored, is_finite, place, read_tensors, stored_tensors
from difffas.routes import Matching, Route

PART, STEM = "style_statistics", "statistics"
LARGEST_SIDE = 1 << 14  # pixels


def write_statistics(folder: Path, statistics: Mapping[str, Statistics]) -> None:
    """Write `folder/style_statistics/statistics.safetensors`; equal statistics give equal bytes."""
    (folder / PART).mkdir(parents=True)
    tensors: dict[str, Tensor] = {}
    for style, each in sorted(statistics.items()):
        tensors[f"{style}/count"] = torch.tensor([each.count, *each.size])
        for name in ("mean", "covariance", "spectrum"):
            tensors[f"{style}/{name}"] = getattr(each, name).contiguous()
    save_file(tensors, folder / PART / f"{STEM}.safetensors", metadata={"format": "pt"})


def read_statistics(files: Files) -> dict[str, Statistics]:
    """Return the statistics in a model folder by style; empty for a model that has none.

    Raises:
        UserError: naming a tensor that is missing, misshapen or not finite.
    """
    if not files.names(PART):
        return {}
    stored = stored_tensors(files, PART, STEM)
    _check(files, stored)
    tensors = dict(read_tensors(files, stored))
    found = {}
    for style in sorted({key.rpartition("/")[0] for key in stored}):
        count, height, width = tensors[f"{style}/count"].tolist()
        mean, covariance, spectrum = (tensors[f"{style}/{name}"] for name in ("mean", "covariance", "spectrum"))
        whole = all(map(is_finite, (mean, covariance, spectrum)))
        if not (whole and count > 0 and 0 < height <= LARGEST_SIDE and 0 < width <= LARGEST_SIDE):
            raise UserError(f"{place(files, PART)}: statistics of {style!r} are broken: restore them from a copy")
        found[style] = Statistics(count, (height, width), mean, covariance, spectrum)
    return found


def routed(
    live: Tensor,
    routes: Sequence[Route],
    statistics: Mapping[str, Statistics],
    how: Matching,
    guides: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Condition and start of sampling for live faces (B, 3, H, W) in [-1, 1], one route each.

    With `none` both are the live face. With `guide` the start has the tint and contrast of its guide, the condition is
    the live face; neither routes nor statistics are needed. With `domain` and `style` the condition looks like a live
    face of the guide's domain; with `domain` the start is the condition, with `style` it is the live face with the
    colours and sharpness of the guide's style. A row depends on nothing but its own image, guide and route.

    Raises:
        ValueError: unless there is one route for each image, or for `guide` one guide.
        KeyError: if a style of `difffas.routes.needed` has no statistics.
    """
    if how == "none":
        return live, live
    if how == "guide":
        if guides is None or guides.shape != live.shape:
            raise ValueError("match guide needs one guide for each live image, of its shape")
        return live, recolour(live, guides)
    if len(routes) != len(live):
        raise ValueError(f"{len(routes)} routes for {len(live)} live images: give one for each")
    carry = functools.cache(lambda source, target: match(statistics[source], statistics[target]))
    condition, start = live.clone(), live.clone()
    for row, route in enumerate(routes):
        face = live[row : row + 1]  # alone, so that its bits do not depend on its neighbours
        if route.live != route.condition:
            condition[row] = carry(route.live, route.condition)(face)[0]
        start[row] = carry(route.live, route.spoof)(face)[0] if how == "style" else condition[row]
    return condition, start


def _check(files: Files, stored: Mapping[str, Stored]) -> None:
    styles = {key.rpartition("/")[0] for key in stored}
    for style in sorted(styles):
        radii = stored.get(f"{style}/spectrum", Stored("", (1, 3, 3), "F64")).shape[:1]
        wanted = {"count": ((3,), "I64"), "mean": ((3,), "F64"), "covariance": ((3, 3), "F64")}
        for name, kind in {**wanted, "spectrum": ((*radii, 3, 3), "F64")}.items():
            found = stored.get(f"{style}/{name}")
            if found is None or (found.shape, found.dtype) != kind:
                raise UserError(
                    f"{place(files, PART)}: {style}/{name} is missing or misshapen: restore it from a copy"
                )
    if len(stored) != 4 * len(styles):
        raise UserError(f"{place(files, PART)} holds other tensors than statistics: bring it back from a copy")
