"""SpoofPipeline: live face + guide → spoof face, in a diffusers-style model folder."""

from __future__ import annotations

import copy
import json
import math
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from diffusers.pipelines.pipeline_utils import DiffusionPipeline
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from diffusers.utils.import_utils import is_accelerate_available
from torch import Tensor

from difffas.alignment import align, aligned
from difffas.errors import UserError
from difffas.guidance import Branches, Conditions, guided
from difffas.model_files import LocalFiles
from difffas.model_folder import CLASS, CLASS_BY_CODE, CODE, INDEX, check_parts, code, has_student, index_bytes
from difffas.presets import Preset, network_dtype, preset_named
from difffas.samplers import SAMPLERS, PerSampleNoise, Sampler, ddim
from difffas.schedule import (
    Offset,
    ddim_scheduler,
    q_sample,
    start_timesteps,
    timestep_table,
    upload,
)
from difffas.schedulers import check_process, is_ours, scheduled
from difffas.stfm import StyleCondition
from difffas.student import SpoofStudent, check_taught, sample_student
from difffas.style_encoder import StyleEncoder
from difffas.unet import Features, SpoofUNet

Number = TypeVar("Number", int, float)

_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")
# From x, live faces, conditions of the guides and a source of noise to spoofs.
Way = Callable[[Tensor, Tensor, Conditions, PerSampleNoise], Tensor]

_CONFIGS = (INDEX, "unet/config.json", "style_encoder/config.json", "scheduler/scheduler_config.json")
STUDENT_CONFIG = "student/config.json"


class SpoofPipeline(DiffusionPipeline):  # type: ignore[misc]
    """Noise a live face to T₀, then denoise it conditioned on the live face and a guide (method.md §4).

    Args:
        unet, style_encoder: the two networks; both are put in eval mode. Their widths at strides 8, 16, 32 must match.
        scheduler: `ddim_scheduler()` by default, which stands for `difffas.samplers.ddim`. Any other diffusers
            scheduler of the same process may replace it; the whole batch must then share one T₀.
        student: of this U-Net, for the presets `student` and `student-2`; most folders have none.

    Results that depend only on the weights are cached at the first call: build another pipeline for other weights.
    """

    _optional_components = ["scheduler", "student"]

    def __init__(
        self,
        unet: SpoofUNet,
        style_encoder: StyleEncoder,
        scheduler: DDIMScheduler | None = None,
        student: SpoofStudent | None = None,
    ) -> None:
        super().__init__()
        if unet.style_channels != style_encoder.style_channels:
            raise ValueError(
                f"the U-Net has {unet.style_channels} channels at strides 8, 16, 32, the style encoder "
                f"{style_encoder.style_channels}: build both with the same widths"
            )
        scheduler = ddim_scheduler() if scheduler is None else scheduler
        check_process(scheduler)
        if student is not None and student.style_channels != unet.style_channels:
            raise ValueError(
                f"the student has {student.style_channels} channels at strides 8, 16, 32, the U-Net "
                f"{unet.style_channels}: give the student of this U-Net"
            )
        taught = None if student is None else student.eval()
        self.register_modules(
            unet=unet.eval(), style_encoder=style_encoder.eval(), scheduler=scheduler, student=taught
        )
        self._null_conditions: dict[tuple[int, int, torch.device, torch.dtype], tuple[StyleCondition, ...]] = {}
        self._halves: dict[str, SpoofUNet | SpoofStudent] = {}  # copies in bfloat16 by name of the part
        self._compiled = False

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: str | os.PathLike[str], **kwargs: Any) -> SpoofPipeline:
        """Load a model folder: model_index.json, unet/, style_encoder/, scheduler/, and student/ if there is one.

        Weights are read from safetensors only, never from a pickle.

        A name `owner/model` that is not a local path is looked up on the Hugging Face hub, or with
        `local_files_only=True` only in the hub's cache on this machine. Raises UserError if the model is missing or
        incomplete.
        """
        name = os.fspath(pretrained_model_name_or_path)
        local = (Path(name) / "model_index.json").is_file()
        if not local and (Path(name).exists() or not _HUB_NAME.fullmatch(name)):
            raise UserError(f"{name} is not a model folder: it has no model_index.json")
        options = {"use_safetensors": True, "low_cpu_mem_usage": is_accelerate_available(), **kwargs}
        folder = name if local else cls._downloaded(name, options)
        check_parts(LocalFiles(folder))  # the networks check their own files while loading
        if not has_student(LocalFiles(folder)):
            options.setdefault("student", None)
        pipeline: SpoofPipeline = super().from_pretrained(folder, **options)
        return pipeline

    @classmethod
    def _downloaded(cls, name: str, options: dict[str, Any]) -> str:
        try:
            return str(_OnTheHub.download(name, **options))
        except OSError as error:
            reason = " ".join(str(error).split())
            raise UserError(f"{name} is not a model folder here, and the hub gives no such model: {reason}") from None

    def save_pretrained(
        self, save_directory: str | os.PathLike[str], safe_serialization: bool = True, **kwargs: Any
    ) -> None:
        """Write the model folder; the same weights and versions give the same bytes, wherever they came from.

        Its `pipeline.py` lets `DiffusionPipeline.from_pretrained(folder, trust_remote_code=True)` read it, too.
        Further arguments go to diffusers, such as `variant`. Raises ValueError for `safe_serialization=False`.
        """
        if not safe_serialization:
            raise ValueError("safe_serialization is False, which would pickle the weights: leave it True")
        super().save_pretrained(save_directory, **kwargs)
        for name in (*_CONFIGS, *([STUDENT_CONFIG] if self.student is not None else [])):
            path = Path(save_directory) / name
            config = json.loads(path.read_text(encoding="utf-8"))
            config.pop("_name_or_path", None)  # the folder that it was loaded from
            if name == INDEX:
                config["_class_name"] = CLASS_BY_CODE
                if config.get("student") == [None, None]:  # folders without a student keep their bytes
                    del config["student"]
            path.write_bytes(index_bytes(config))
        (Path(save_directory) / CODE).write_bytes(code())

    @classmethod
    def _dict_from_json_file(cls, json_file: str | os.PathLike[str]) -> dict[str, Any]:
        """Read an index as that of this class, so that diffusers does not look for the class in the folder's code."""
        index: dict[str, Any] = super()._dict_from_json_file(json_file)
        return {**index, "_class_name": CLASS} if index.get("_class_name") == CLASS_BY_CODE else index

    @torch.no_grad()
    def encode_guides(self, guides: Tensor) -> Features:
        """Feature maps of guides (B, 3, H, W) in [-1, 1]: (B, C, H/8, W/8), …/16, …/32; rows may be reused.

        Raises ValueError for other shapes and for values outside [-1, 1].
        """
        _check_values("guide", guides)
        align(self.style_encoder)
        features, _ = self.style_encoder(aligned(guides.to(self.device, self.style_encoder.dtype)))
        stride8, stride16, stride32 = features
        return stride8, stride16, stride32

    @torch.no_grad()
    def encode_conditions(self, guides: Tensor) -> tuple[StyleCondition, ...]:
        """The conditions of the seven STFMs for guides (B, 3, H, W) in [-1, 1], B rows each, for any later call."""
        return self._encoded(self.encode_guides(guides))

    def _encoded(self, features: Features) -> tuple[StyleCondition, ...]:
        align(self.unet)
        aligned_features = tuple(aligned(feature) for feature in features)
        conditions: tuple[StyleCondition, ...] = self.unet.encode_conditions(aligned_features)
        return conditions

    def null_conditions(self, height: int, width: int) -> tuple[StyleCondition, ...]:
        """The conditions of the all-zero image, one row, for the style-free branch; computed once per image size."""
        device, dtype = self.style_encoder.device, self.style_encoder.dtype
        if torch.is_autocast_enabled(device.type):
            dtype = torch.get_autocast_dtype(device.type)
        key = (height, width, device, dtype)
        if key not in self._null_conditions:
            self._null_conditions[key] = self.encode_conditions(torch.zeros(1, 3, height, width))
        return self._null_conditions[key]

    def compile(self) -> None:
        """Compile the network of the bfloat16 presets at its first call per batch shape; on GPUs as CUDA graphs.

        The compiler rounds differently from eager PyTorch: pixels change by no more than bfloat16 changes them.
        """
        self._compiled = True

    def network(self, preset: Preset) -> SpoofUNet | SpoofStudent:
        """The network that a preset runs: U-Net or student, as it is or as its copy in bfloat16 and channels_last.

        Raises ValueError for a student's preset without a student.
        """
        part = "student" if preset.of_student else "unet"
        network: SpoofUNet | SpoofStudent | None = getattr(self, part)
        if network is None:
            raise ValueError("this generator has no student: choose another preset, or run `difffas fit-student`")
        align(network)
        if network_dtype(preset, self.device) == torch.float32:
            return network
        if part not in self._halves or self._halves[part].device != self.device:
            self._halves[part] = self._half(network)
        return self._halves[part]

    def _half(self, network: SpoofUNet | SpoofStudent) -> SpoofUNet | SpoofStudent:
        half = copy.deepcopy(network)
        for module in half.modules():  # as ModelMixin.to does, but without its warning about float32 modules
            module._apply(lambda each: each.to(torch.bfloat16) if each.is_floating_point() else each, recurse=False)
        half.to(memory_format=torch.channels_last)
        if self._compiled:
            half.compile(mode="reduce-overhead" if self.device.type == "cuda" else None, dynamic=False)
        return half

    @torch.no_grad()
    def __call__(
        self,
        live: Tensor,
        guide: Tensor | Features | Conditions,
        t0: int | Sequence[int] = 250,
        cfg_scale: float | Sequence[float] = 2.0,
        seed: int | Sequence[int] = 0,
        steps: int | None = None,
        sampler: str | None = None,
        offset: Offset = "trailing",
        preset: str = "exact",
        start: Tensor | None = None,
    ) -> Tensor:
        """Spoof images (B, 3, H, W) in [-1, 1], float32, of the live faces in the guides' styles.

        Args:
            live: (B, 3, H, W) in [-1, 1], H and W multiples of 32.
            guide: one guide per live face, same size, or the result of `encode_guides` or `encode_conditions`.
            t0: T₀, steps … 1000; a larger T₀ gives a stronger spoof and preserves identity less.
            cfg_scale: w; 1 is purely conditional and halves the work if all samples of the batch have w = 1.
            seed: seed of each sample's own CPU noise generator.
            steps: network calls of the conditional branch, by default 25; with a preset of the student, all calls.
            sampler: "ddim", "ddpm" or "dpm_solver_pp_2m"; by default the sampler that `scheduler` stands for.
            offset: how timesteps follow from T₀, see `timestep_table`.
            preset: a name in `PRESETS`; with a preset that sets steps and sampler, leave both arguments out.
            start: the images that are noised to T₀, of the live faces' shape and range; None: the live faces
                themselves, as in the paper. Images from `difffas.matching` reach a style of another domain.

        t0, cfg_scale and seed are one value for all samples or one per sample. On a CPU, to the bit, a sample's pixels
        depend on its own row and the batch's shape (on some processors on its place, too, unless `MKL_CBWR` is
        `AUTO,STRICT`).
        Raises ValueError for shapes, lengths and ranges that do not fit.
        """
        if live.ndim != 4 or live.shape[1] != 3 or not len(live):
            raise ValueError(f"live images of shape {tuple(live.shape)}: give (B, 3, H, W), one or more")
        _check_values("live", live)
        if start is not None:
            if start.shape != live.shape:
                raise ValueError(f"start images of shape {tuple(start.shape)} for live images of {tuple(live.shape)}")
            _check_values("start", start)
        chosen = preset_named(preset)
        batch, height, width = live.shape[0], live.shape[2], live.shape[3]
        levels = _one_each(int, "t0", t0, batch)
        scales = _one_each(float, "cfg_scale", cfg_scale, batch)
        if not all(map(math.isfinite, scales)):
            raise ValueError(f"cfg_scale {scales}: every value must be finite")
        denoise, begin = self._way(chosen, preset, sampler, steps, offset, levels, scales)
        noise = PerSampleNoise(_one_each(int, "seed", seed, batch), (3, height, width), self.device)

        live = aligned(upload(live.to(torch.float32), self.device))
        conditions = self._conditions(guide, batch, height, width)
        begun = live if start is None else aligned(upload(start.to(torch.float32), self.device))
        x = q_sample(begun, upload(begin, self.device), noise())
        return denoise(x, live, conditions, noise).clamp(-1.0, 1.0)

    def _way(
        self,
        chosen: Preset,
        preset: str,
        sampler: str | None,
        steps: int | None,
        offset: Offset,
        levels: list[int],
        scales: list[float],
    ) -> tuple[Way, Tensor]:
        """How x becomes a spoof, and the timesteps (B,) to which the start is noised, on the CPU; checks all of it."""
        if chosen.sampler is not None and sampler not in (None, chosen.sampler):
            raise ValueError(f"sampler {sampler!r} with preset {preset!r}: leave it out or use preset 'exact'")
        calls, weights = _steps(steps, chosen, preset), torch.tensor(scales, dtype=torch.float64)
        if chosen.of_student:
            student, begin = self.network(chosen), start_timesteps(levels, calls, offset)
            assert isinstance(student, SpoofStudent)
            check_taught(student, levels, scales, offset, calls)

            def by_student(x: Tensor, live: Tensor, conditions: Conditions, noise: PerSampleNoise) -> Tensor:
                there = upload(begin, self.device), upload(weights, self.device)
                return sample_student(student, x, live, conditions, *there, calls)

            return by_student, begin
        sample = self._sampler(chosen.sampler or sampler)
        trained = int(self.unet.config["timesteps"])
        if max(levels) > trained:
            raise ValueError(
                f"t0 {max(levels)} is beyond the timesteps of this generator's training: give at most {trained}"
            )
        timesteps = timestep_table(levels, calls, offset, chosen.spacing)

        def by_steps(x: Tensor, live: Tensor, conditions: Conditions, noise: PerSampleNoise) -> Tensor:
            unet, null = self.network(chosen), self.null_conditions(*live.shape[2:])
            assert isinstance(unet, SpoofUNet)
            branches = Branches(unet, live, conditions, null)
            return sample(guided(branches, weights, chosen.guided_at), x, timesteps, noise)

        return by_steps, start_timesteps(levels, calls, offset)

    def _conditions(self, guide: Tensor | Features | Conditions, batch: int, height: int, width: int) -> Conditions:
        if not isinstance(guide, Tensor) and isinstance(guide[0], StyleCondition):
            conditions: Conditions = guide  # type: ignore[assignment]
            guides, tokens = conditions[0].variance.shape[:2]
            if guides != batch:
                raise ValueError(f"conditions of {guides} guides for {batch} live images")
            if tokens != self.null_conditions(height, width)[0].variance.shape[1]:
                raise ValueError(f"conditions of guides of another size for live images of {height}×{width}")
            return [StyleCondition(*map(aligned, condition)) for condition in conditions]
        features: Features = self.encode_guides(guide) if isinstance(guide, Tensor) else guide  # type: ignore[assignment]
        if (len(features[0]), *features[0].shape[2:]) != (batch, height // 8, width // 8):
            raise ValueError(
                f"guides with stride-8 features of shape {tuple(features[0].shape)} for live images of "
                f"{batch}×3×{height}×{width}: give one guide per live image, of the same size"
            )
        return self._encoded(features)

    def _sampler(self, name: str | None) -> Sampler:
        if name is None:
            check_process(self.scheduler)
            return ddim if is_ours(self.scheduler) else scheduled(self.scheduler)
        if name not in SAMPLERS:
            raise ValueError(f"sampler {name!r} is unknown: use one of {', '.join(SAMPLERS)}")
        return SAMPLERS[name]


class _OnTheHub(SpoofPipeline):
    """A SpoofPipeline to be downloaded: diffusers gets no parts from modules that it does not know, as ours.

    After the download `check_parts` looks at the names that the index really has.
    """

    @classmethod
    def _dict_from_json_file(cls, json_file: str | os.PathLike[str]) -> dict[str, Any]:
        index = super()._dict_from_json_file(json_file)
        return {name: ["diffusers", *part[1:]] if isinstance(part, list) else part for name, part in index.items()}


def _steps(steps: int | None, preset: Preset, preset_name: str) -> int:
    if preset.steps is None:
        return 25 if steps is None else steps
    if steps not in (None, preset.steps):
        raise ValueError(f"steps {steps} with preset {preset_name!r}: leave them out or use preset 'exact'")
    return preset.steps


def _check_values(name: str, images: Tensor) -> None:
    """Refuse images from a forgotten normalisation or a broken decoder; one pass over the images."""
    least, most = images.aminmax() if images.numel() else (images.new_zeros(()), images.new_zeros(()))
    if not bool(torch.isfinite(least + most)):
        raise ValueError(f"{name} images hold NaN or infinity: drop those rows or decode them again")
    if float(most) > 1.01 or float(least) < -1.01:
        raise ValueError(f"{name} images lie in [{float(least):g}, {float(most):g}]: scale them to [-1, 1]")


def _one_each(kind: Callable[[Any], Number], name: str, value: Any, batch: int) -> list[Number]:
    """Expand a scalar for all samples, or a list, array or tensor of one value per sample, to a list of B values."""
    try:
        values = [kind(each) for each in value] if np.ndim(value) else [kind(value)] * batch
        whole = kind is float or all(int(each) == each for each in (value if np.ndim(value) else [value]))
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{name} {value!r}: give one number for all or a list of one for each") from None
    if not whole:
        raise ValueError(f"{name} {value!r}: give whole numbers")
    if len(values) != batch:
        raise ValueError(f"{name} has {len(values)} values for {batch} live images: give one for all or one for each")
    return values
