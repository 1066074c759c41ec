"""The classifier's loss as a configuration: any of `difffas.losses` by name, with its own parameters."""

from __future__ import annotations

import dataclasses
import difflib
import math
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ConfigDict, Field, model_validator

from difffas.errors import UserError
from factory.core.config import Config
from factory.core.progress import say
from factory.corpus.row import LIVE_ATTACK, attack_of_style, domain_of_style
from factory.train import TrainResources
from factory.train.recipes.views import patch_side

if TYPE_CHECKING:
    from difffas.losses import Loss
    from difffas.patches import Patches


class LossConfig(Config):
    """A loss of `difffas.losses.LOSSES` by `name`, and the parameters of its dataclass, each under its own name.

    Omitted parameters take the dataclass' defaults, so that a stored configuration always lists all of them.
    """

    model_config = ConfigDict(extra="allow")  # the validator below refuses parameters that the loss does not have
    name: str = Field(
        "rq", description="name of the loss; the other keys of this section are its parameters (docs/training.md)"
    )

    @model_validator(mode="before")
    @classmethod
    def _of_this_loss(cls, values: Any) -> Any:
        from difffas.losses import LOSSES

        if not isinstance(values, dict):
            return values
        given = dict(values)
        name = given.pop("name", "rq")
        if not isinstance(name, str) or name not in LOSSES:
            raise UserError(f"no loss {name!r}; choose one of {', '.join(LOSSES)}")
        known = {field.name: field.default for field in _parameters(LOSSES[name])}
        for key in (key for key in given if key not in known):
            near = difflib.get_close_matches(str(key), known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(sorted(known))}"
            raise UserError(f"loss {name!r} has no parameter {key!r}; {hint}")
        numbers = {key: _number(key, value) for key, value in {**known, **given}.items()}
        if not 0 < numbers.get("patch_share", 1.0) <= 1:
            raise UserError(f"patch_share {given['patch_share']!r} must be a part of a face's side, above 0 to 1")
        return {"name": name, **numbers}

    @property
    def parameters(self) -> dict[str, float]:
        """All parameters by name, `scale` (s of Eq. 18) among them."""
        return dict(self.model_extra or {})


def make_loss(config: LossConfig, styles: list[str]) -> Loss:
    """Build the loss of a configuration, with facts about the styles if the loss needs them."""
    from difffas.losses import LOSSES

    kind: Any = LOSSES[config.name]
    known = {"live": tuple(is_live(style) for style in styles), "domains": _domains(styles)}
    asked = {field.name for field in dataclasses.fields(kind)}
    loss: Loss = kind(**{name: fact for name, fact in known.items() if name in asked}, **config.parameters)
    return loss


def check_parts(loss: LossConfig, resources: TrainResources) -> None:
    """Raise UserError if the loss compares all samples of a batch and workers would split the batch into parts."""
    from difffas.losses import LOSSES

    if resources.accumulate > 1 and LOSSES[loss.name].needs_features:
        raise UserError(
            f"loss {loss.name!r} compares the features of a whole batch, but resources.accumulate "
            f"{resources.accumulate} divides the batch into parts: leave accumulate out, or take more workers"
        )


def patches_of(loss: LossConfig, size: int) -> Patches | None:
    """The patches that a classifier with this loss looks at, in faces of `size` pixels; None for whole faces."""
    from difffas.losses import LOSSES
    from difffas.patches import Patches

    if LOSSES[loss.name].views == 1:
        return None
    return Patches(patch_side(loss.parameters["patch_share"], size))


def domains_of_live(styles: list[str]) -> list[str]:
    """The domains that have a live style."""
    from difffas.losses import live_domains

    return live_domains([is_live(style) for style in styles], _domains(styles))


def say_part(loss: LossConfig, styles: list[str]) -> None:
    """Say what a loss leaves out: the rest of its paper's method, or an adversary that has nothing to tell apart."""
    from difffas.losses import LOSSES

    if f"{loss.name}-whole" in LOSSES:
        say(f"fit-classifier: loss {loss.name!r} is a part of that method; {loss.name}-whole is all of it")
    elif LOSSES[loss.name].adversarial and len(domains_of_live(styles)) == 1:
        say(f"warning: all live faces are of one domain, so the discriminator of loss {loss.name!r} learns nothing")


def goes_by_quality(loss: LossConfig) -> bool:
    """Whether a loss uses the BRISQUE scores of its samples."""
    return "rq" in loss.name.split("+")


def say_unscored(loss: LossConfig, brisque: np.ndarray) -> None:
    """Warn about training rows without the score that the loss uses; `brisque` is NaN for these rows."""
    unscored = int(np.count_nonzero(~np.isfinite(brisque)))
    if unscored and goes_by_quality(loss):
        say(
            f"warning: {unscored:,} of {len(brisque):,} training rows have no BRISQUE score, by which loss "
            f"{loss.name!r} sets margins: they count as of middling quality (q = 0)"
        )


def is_live(style: str) -> bool:
    """Whether a style name belongs to a live class."""
    return attack_of_style(style) == LIVE_ATTACK


def _domains(styles: list[str]) -> tuple[str, ...]:
    return tuple(domain_of_style(style) for style in styles)


def _parameters(kind: Any) -> list[Any]:
    return [field for field in dataclasses.fields(kind) if field.default is not dataclasses.MISSING]


def _number(key: str, value: Any) -> float:
    lowest = "above 0" if key == "scale" else "0 or more"
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not (math.isfinite(number) and number >= 0 and (number > 0 or key != "scale")):
        raise UserError(f"{key} {value!r} must be a number, {lowest}")
    return number
