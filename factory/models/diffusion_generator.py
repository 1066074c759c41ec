"""The line's diffusion generator: one batch shape, each guide encoded once, the next batch started early."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np
import torch
from diffusers.utils.logging import disable_progress_bar
from torch import Tensor

from difffas.matching import Statistics
from difffas.pipeline import SpoofPipeline
from difffas.presets import PRESETS, network_dtype
from difffas.stfm import StyleCondition
from difffas.style_statistics import routed
from factory.core.recent import Recent
from factory.models.generators import Made, Request
from factory.models.settings import SamplerConfig
from factory.models.tensors import to_pixels, to_tensor

CACHE_BYTES = 1 << 30  # of cached conditions; a guide of the full network at 256² takes 2 MB

Conditions = tuple[StyleCondition, ...]


class DiffusionGenerator:
    """Makes a shard's spoofs.

    Args:
        folder: a local model folder.
        sampler: preset, name, steps and batch size; a short last batch is padded, so that every batch has one shape.
        threads: PyTorch's threads on a CPU; equal bytes need an equal number.
        compiled: compile the network of the bfloat16 presets.
        statistics: of the styles that `sampler.match` needs.
    """

    def __init__(
        self,
        folder: str,
        sampler: SamplerConfig,
        threads: int,
        compiled: bool = False,
        statistics: Mapping[str, Statistics] | None = None,
    ) -> None:
        torch.set_num_threads(threads)
        disable_progress_bar()  # a bar that counts only three files
        self._sampler, self._statistics = sampler, statistics or {}
        self._pipeline = SpoofPipeline.from_pretrained(folder)
        name = "cpu"
        if torch.cuda.is_available():
            self._pipeline.to("cuda")
            name = torch.cuda.get_device_name()
        half = network_dtype(PRESETS[sampler.preset], self._pipeline.device) == torch.bfloat16
        if compiled:
            self._pipeline.compile()
        self.device = name + half * ", bfloat16" + (half and compiled) * ", compiled"
        self._guides: Recent[str, Conditions] = Recent(CACHE_BYTES, _bytes)  # by digest of the pixels

    def __call__(self, request: Request) -> Made:
        """Return spoofs as in `Generator`; a GPU works on the next batch while the last one's pixels are copied."""
        guides = [self._encode(guide) for guide in request.guides]
        spoofs = np.empty_like(request.live)
        broken: list[int] = []
        self._splits = 0
        size = self._sampler.batch_size
        starts = range(0, len(request.live), size)
        batches = [np.arange(first, min(first + size, len(request.live))) for first in starts]
        waiting: Batch | None = None
        for rows in batches:
            batch = Batch(rows, self._sample(request, guides, np.resize(rows, size))[: len(rows)])
            if waiting is not None:
                broken += waiting.collect(spoofs)
            waiting = batch
        if waiting is not None:
            broken += waiting.collect(spoofs)
        if len(broken) == len(spoofs):
            raise FloatingPointError("every spoof came out as NaN or infinity: the generator's weights are broken")
        return Made(spoofs, broken, self._splits)

    def _sample(self, request: Request, guides: list[Conditions], rows: np.ndarray) -> Tensor:
        """Return the spoofs of these rows, float (B, 3, H, W); made in two halves if they do not fit into memory."""
        chosen = zip(*(guides[guide] for guide in request.guide_of[rows]), strict=True)
        conditions = tuple(StyleCondition(*map(torch.cat, zip(*place, strict=True))) for place in chosen)
        live = to_tensor(request.live[rows])
        routes = [request.routes[row] for row in rows] if request.routes else []
        given = to_tensor(request.guides[request.guide_of[rows]])
        condition, start = routed(live, routes, self._statistics, self._sampler.match, given)
        try:
            return self._pipeline(
                live=condition,
                start=start,
                guide=conditions,
                t0=request.t0[rows].tolist(),
                cfg_scale=request.cfg_scale[rows].tolist(),
                seed=request.seed[rows].tolist(),
                steps=self._sampler.steps,
                sampler=self._sampler.name,
                offset=self._sampler.offset,
                preset=self._sampler.preset,
            )
        except (RuntimeError, MemoryError) as error:
            if len(rows) == 1 or not _is_out_of_memory(error):
                raise
        # Outside the handler, because its error keeps the attempt's tensors alive.
        self._splits += 1
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return torch.cat([self._sample(request, guides, half) for half in np.array_split(rows, 2)])

    def _encode(self, guide: np.ndarray) -> Conditions:
        digest = hashlib.blake2b(guide.tobytes(), digest_size=16).hexdigest()
        found = self._guides.get(digest)
        if found is None:
            # One guide at a time: its conditions must not depend on which guides share the shard.
            found = self._pipeline.encode_conditions(to_tensor(guide[None]))
            self._guides.put(digest, found)
        return found


class Batch:
    """Spoofs (B, 3, H, W) on their way to the host, and their rows in the shard."""

    def __init__(self, rows: np.ndarray, images: Tensor) -> None:
        self._rows = rows
        finite = images.isfinite().flatten(1).all(1)
        clean = images.where(finite.view(-1, 1, 1, 1), -1.0)
        # From a GPU both go to pinned memory, in the stream's order; the event marks their arrival.
        self._images, self._finite = (each.to("cpu", non_blocking=True) for each in (clean, finite))
        self._arrived = torch.cuda.Event() if images.is_cuda else None  # type: ignore[no-untyped-call]
        if self._arrived is not None:
            self._arrived.record()

    def collect(self, spoofs: np.ndarray) -> list[int]:
        """Write the pixels to their rows, black for spoofs that are not finite; returns the rows of those."""
        if self._arrived is not None:
            self._arrived.synchronize()
        spoofs[self._rows] = to_pixels(self._images)
        broken: list[int] = self._rows[~self._finite.numpy()].tolist()
        return broken


def _bytes(conditions: Conditions) -> int:
    return sum(part.nbytes for condition in conditions for part in condition)


def _is_out_of_memory(error: Exception) -> bool:
    """Return whether memory ran out: PyTorch has its own error type on a GPU, and only a message on a CPU."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "DefaultCPUAllocator" in str(error)
