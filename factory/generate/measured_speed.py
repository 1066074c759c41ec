"""Measured speed of generators: images per second by device, network, image side and sampler."""

from __future__ import annotations

import datetime
from pathlib import Path

from pydantic import Field, model_validator

from difffas.errors import UserError
from factory.core.config import Config, build, read_yaml

FILE = Path(__file__).with_suffix(".yaml")
MILLION = 1_000_000


class Speed(Config):
    """One row of measured_speed.yaml."""

    device: str = Field(description="short name that `difffas plan --device` accepts")
    parameters: int = Field(ge=1, description="parameters of the U-Net")
    side: int = Field(ge=1, description="image side in pixels")
    sampler: str
    steps: int = Field(ge=1)
    preset: str
    guided: bool = Field(description="whether w differs from 1, which needs two branches")
    batch: int = Field(ge=1)
    images_per_second: float | None = Field(None, gt=0, description="speed of one generator; None: not measured")
    price_per_hour: float | None = Field(None, ge=0, description="price of the device, if one was paid")
    date: datetime.date | None = None
    commit: str | None = None
    command: str | None = None

    @model_validator(mode="after")
    def _check(self) -> Speed:
        if self.images_per_second is not None and not (self.date and self.commit and self.command):
            raise UserError(f"the row of {self.device} is measured: say date, commit and command")
        return self


class _Speeds(Config):
    speeds: tuple[Speed, ...]


class Workload(Config):
    """The facts that decide the speed of a generator on a given device."""

    parameters: int
    side: int
    sampler: str
    steps: int
    preset: str
    guided: bool

    def __str__(self) -> str:
        way = f"{self.sampler}, {self.steps} steps, preset {self.preset}{'' if self.guided else ', w 1'}"
        return f"{self.parameters / MILLION:.1f} M parameters, {self.side}², {way}"


def read_speeds() -> tuple[Speed, ...]:
    """Every row of the file; raises UserError if a row does not fit `Speed`."""
    return build(_Speeds, read_yaml(FILE, "speed")).speeds


def measured(speeds: tuple[Speed, ...], workload: Workload) -> dict[str, Speed]:
    """The measured rows that fit a workload, by device; if several fit, the one with the fastest batch size."""
    fitting: dict[str, Speed] = {}
    for speed in sorted(speeds, key=lambda row: row.images_per_second or 0.0):
        if speed.images_per_second and all(getattr(speed, name) == value for name, value in workload):
            fitting[speed.device] = speed
    return fitting


def table(speeds: tuple[Speed, ...]) -> str:
    """The rows as a Markdown table; cells without a measurement stay empty."""
    head = (
        "| device | parameters | side | sampler | preset | batch | images/s | hours per million | price per million |"
    )
    lines = [f"{head} measured |", "|---" * 10 + "|"]
    for row in speeds:
        way = f"{row.sampler}, {row.steps} steps, {'w ≠ 1' if row.guided else 'w = 1'}"
        rate, hours, price, when = "", "", "", "not measured"
        if row.images_per_second:
            needed = MILLION / row.images_per_second / 3600
            rate, hours = f"{row.images_per_second:g}", f"{needed:,.1f}"
            price = "" if row.price_per_hour is None else f"{needed * row.price_per_hour:,.0f}"
            when = f"{row.date}, {row.commit}, `{row.command}`"
        size = f"{row.parameters / MILLION:.1f} M | {row.side}"
        lines.append(
            f"| {row.device} | {size} | {way} | {row.preset} | {row.batch} | {rate} | {hours} | {price} | {when} |"
        )
    return "\n".join(lines)
