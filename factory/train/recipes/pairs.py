"""How a training triple becomes a sample of the generator: its condition, and noise as sampling meets it."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from factory.core import draws
from factory.core.config import Config
from factory.corpus import Corpus
from factory.corpus.style_statistics import statistics_by_style
from factory.train.triples import MixedPairs

if TYPE_CHECKING:
    import torch

    from difffas.matching import Match, Statistics
    from difffas.objective import TrainingNoise


class PairsConfig(Config):
    """Where training triples come from. The defaults are the paper's; all else is ours, see docs/method.md."""

    self_pairs: float = Field(0.0, ge=0, le=1, description="share of samples whose condition is the spoof, disguised")
    other_camera: float = Field(0.0, ge=0, le=1, description="share of real pairs whose live face is filmed anew")
    shifted_noise: float = Field(0.0, ge=0, le=1, description="share of samples with noise as sampling meets it")


def are_papers(pairs: PairsConfig) -> bool:
    """Whether the triples are those of the paper; such configurations keep the fingerprint of versions before 0.3."""
    return pairs == PairsConfig()


class Samples:
    """Condition and noise of triples by their counters: the same for any number of workers and after a restart.

    Args:
        config: the shares. triples: names the self-pairs. corpus, split: give the statistics of styles.
        timesteps: t is drawn below this. seed: of the draws.
    """

    def __init__(
        self, config: PairsConfig, triples: MixedPairs, corpus: Corpus, split: str, timesteps: int, seed: int
    ) -> None:
        self._config, self._triples, self._corpus, self._split = config, triples, corpus, split
        self._timesteps, self._seed = timesteps, seed
        self._styles = corpus.column("style")

    def conditions(self, live: torch.Tensor, spoof: torch.Tensor, counters: np.ndarray) -> torch.Tensor:
        """The images that the network sees beside the noise; all images are (B, 3, H, W) in [-1, 1], on the CPU."""
        from difffas.camera import filmed
        from difffas.self_pairs import self_condition

        own = self._triples.of_self(counters)
        again = ~own & (draws.uniform(counters, self._seed, "other camera") < self._config.other_camera)
        styles = self._styles[self._triples(counters).spoof]
        found = live.clone()
        for row in np.flatnonzero(own | again).tolist():
            generator = self._generator(counters[row], "condition")
            if own[row]:
                found[row] = self_condition(spoof[row], live[row], self._to_live(str(styles[row])), generator)
            else:
                found[row] = filmed(live[row], generator)
        return found

    def noise(
        self,
        draw: TrainingNoise,
        condition: torch.Tensor,
        spoof: torch.Tensor,
        guide: torch.Tensor,
        counters: np.ndarray,
    ) -> TrainingNoise:
        """The draws, those of a share of the samples shifted as `difffas.shifted_noise` says; images on the CPU."""
        import torch

        from difffas.matching import recolour
        from difffas.shifted_noise import FROM_GUIDE, draw_start_timestep, shifted

        chosen = draws.uniform(counters, self._seed, "shifted noise") < self._config.shifted_noise
        coloured = draws.uniform(counters, self._seed, "start") < FROM_GUIDE
        levels = torch.full((len(counters), 2), -1)
        start = condition.clone()
        for row in np.flatnonzero(chosen).tolist():
            levels[row] = torch.tensor(
                draw_start_timestep(self._generator(counters[row], "start timestep"), self._timesteps)
            )
            if coloured[row]:
                start[row] = recolour(condition[row][None], guide[row][None])[0]
        return shifted(draw, start, spoof, levels[:, 0], levels[:, 1])

    def _generator(self, counter: int, name: str) -> torch.Generator:
        import torch

        return torch.Generator().manual_seed(int(draws.bits(np.array([counter]), self._seed, name)[0] >> np.uint64(1)))

    @functools.cached_property
    def _domains(self) -> dict[str, str]:
        """The domain of each style."""
        return dict(zip(self._styles.tolist(), self._corpus.column("domain").tolist(), strict=True))

    @functools.cached_property
    def _statistics(self) -> dict[str, Statistics]:
        return statistics_by_style(self._corpus, [self._split])

    @functools.cache  # noqa: B019  as many entries as styles, for the whole run
    def _to_live(self, style: str) -> Match | None:
        """Carries a style's sharpness back to that of its domain's live faces; None where the split has none."""
        from difffas.matching import sharpness

        live = self._statistics.get(f"{self._domains[style]}-live")
        return None if live is None else sharpness(self._statistics[style], live)
