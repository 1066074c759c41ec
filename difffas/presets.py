"""Presets: trade the arithmetic that a spoof costs against its distance from the plain run of the same model.

The plain run is float32, two forwards per step, 25 DDIM steps. Distances and speeds: benchmarks/sampler.md and
benchmarks/student.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:  # drivers use this module to plan by preset name, without PyTorch
    import torch

PresetName = Literal["exact", "balanced", "fast", "student", "student-2"]
STUDENT = "student"  # the sampler of the presets that a model folder's student computes, see `difffas.student`


class Preset(NamedTuple):
    """How a sample is computed.

    sampler, steps, spacing: see `SAMPLERS` and `timestep_table`; None: the caller chooses. A student's steps are its
        network calls.
    guided_at: the steps at which the style-free branch is computed; its difference is held between them. None: all.
    half: the network's weights and activations are bfloat16 if the device computes with it. Conditions, statistics
        and sampler steps are computed in float32.
    """

    sampler: str | None = None
    steps: int | None = None
    spacing: float = 1.0
    guided_at: tuple[int, ...] | None = None
    half: bool = False

    @property
    def of_student(self) -> bool:
        """Whether the folder's student computes the sample."""
        return self.sampler == STUDENT

    @property
    def forwards(self) -> int | None:
        """Passes of one image through the network, counting both branches; None if the caller chooses the steps."""
        if self.steps is None or self.of_student:
            return self.steps
        return self.steps + len(self.guided_at or range(self.steps))


PRESETS: dict[str, Preset] = {
    "exact": Preset(),
    "balanced": Preset("dpm_solver_pp_2m", steps=5, spacing=1.5, guided_at=(0, 1, 3), half=True),
    "fast": Preset("dpm_solver_pp_2m", steps=3, spacing=1.5, guided_at=(0, 1), half=True),
    "student": Preset(STUDENT, steps=1, half=True),
    "student-2": Preset(STUDENT, steps=2, half=True),
}


def preset_named(name: str) -> Preset:
    """The preset of that name; raises ValueError for any other."""
    if name not in PRESETS:
        raise ValueError(f"preset {name!r} is unknown: use one of {', '.join(PRESETS)}")
    return PRESETS[name]


def network_dtype(preset: Preset, device: torch.device) -> torch.dtype:
    """bfloat16 if the preset asks for it and the device has instructions for it, else float32."""
    import torch

    return torch.bfloat16 if preset.half and _computes_bfloat16(device) else torch.float32


def _computes_bfloat16(device: torch.device) -> bool:
    import torch

    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
