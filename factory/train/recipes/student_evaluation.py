"""Compare a student's spoofs with its teacher's, on rows of people outside its training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from factory.core import draws
from factory.models.settings import SamplerConfig
from factory.models.tensors import to_pixels, to_tensor
from factory.train import Evaluation
from factory.train.recipes.teacher_rows import TeacherRows

if TYPE_CHECKING:
    import torch

    from difffas.matching import Statistics
    from difffas.student import SpoofStudent


class ComparedSpoofs:
    """Fixed rows of a teacher's corpus that a student makes again.

    Args:
        rows, sampler, statistics: what the teacher was given. calls: 2 compares the second call as well.
        samples: at most this many rows, chosen by `seed`.
        grid_rows: faces in the picture. batch_size: images per call of the network.
    """

    def __init__(
        self,
        rows: TeacherRows,
        sampler: SamplerConfig,
        statistics: dict[str, Statistics],
        calls: int,
        samples: int,
        grid_rows: int,
        batch_size: int,
        seed: int,
    ) -> None:
        self._rows, self._sampler, self._statistics = rows, sampler, statistics
        self._calls = range(1, calls + 1)
        self._grid_rows, self._batch_size = grid_rows, batch_size
        rank = draws.bits(np.arange(len(rows)), seed, "compared")
        self._chosen = np.sort(np.argsort(rank, kind="stable")[:samples])

    def __call__(self, student: SpoofStudent, encoder: torch.nn.Module, device: torch.device) -> Evaluation:
        """PSNR to the teacher's pictures, mean and least, of one call and, if it was taught, of two.

        The picture has a row per face: the live face, the guide, the teacher's spoof, the student's in one call and
        in two.
        """
        parts = -(-len(self._chosen) // self._batch_size)
        strips = np.concatenate(
            [self._strips(student, encoder, device, rows) for rows in np.array_split(self._chosen, parts)]
        )  # N, H, 5 W, 3; 4 W if only one call was taught
        _, _, teacher, *made = np.split(strips, 3 + len(self._calls), axis=2)
        figures = {
            name: value
            for prefix, images in zip(("", "two_calls_"), made, strict=False)
            for name, value in _psnr(images, teacher, prefix).items()
        }
        grid = np.concatenate(strips[: self._grid_rows], axis=0)
        return Evaluation(figures, score=figures["psnr"], images={"samples": grid})

    def _strips(
        self, student: SpoofStudent, encoder: torch.nn.Module, device: torch.device, rows: np.ndarray
    ) -> np.ndarray:
        import torch

        from difffas.student import sample_student

        pixels = self._rows.pixels(rows)
        live, guide = (to_tensor(pixels[role], "cpu") for role in ("live", "guide"))
        given = self._rows.given(rows, live, guide, self._sampler, self._statistics).to(device)
        with torch.no_grad():
            features, _ = encoder(guide.to(device))
            conditions = student.unet.encode_conditions(features)
            made = [
                sample_student(student, given.x, given.live, conditions, given.timestep, given.cfg_scale, calls)
                for calls in self._calls
            ]
        spoofs = [to_pixels(images.clamp(-1.0, 1.0).cpu()) for images in made]
        return np.concatenate([pixels["live"], pixels["guide"], pixels["spoof"], *spoofs], axis=2)


def _psnr(made: np.ndarray, wanted: np.ndarray, prefix: str) -> dict[str, float]:
    """Mean and least PSNR in dB of images, uint8 (N, H, W, 3)."""
    error = np.square(made.astype(np.float64) - wanted).mean(axis=(1, 2, 3))
    found = 10.0 * np.log10(255.0**2 / np.maximum(error, 1e-3))
    return {f"{prefix}psnr": float(found.mean()), f"{prefix}least_psnr": float(found.min())}
