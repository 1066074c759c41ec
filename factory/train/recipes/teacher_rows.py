"""A teacher's spoofs as training samples of its student: every row says of what the teacher made its picture."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from difffas.errors import UserError
from difffas.presets import STUDENT
from difffas.routes import Route, needed
from factory.core.config import build
from factory.corpus import Corpus
from factory.corpus.references import places_of
from factory.corpus.row import whole_domain
from factory.corpus.style_statistics import route_of
from factory.models.settings import Ranges, SamplerConfig
from factory.protocols import open_corpus
from factory.run import CLAIM, Claim, read_claim
from factory.storage import Storage

if TYPE_CHECKING:
    import torch

    from difffas.matching import Statistics

ROLES = ("spoof", "live", "guide")


@dataclasses.dataclass(frozen=True)
class Given:
    """What the teacher was given for B rows, as `difffas.SpoofPipeline` takes it; images (B, 3, H, W) in [-1, 1]."""

    live: torch.Tensor  # the condition
    x: torch.Tensor  # the start, noised to `timestep` with the row's own noise
    timestep: torch.Tensor  # B, long
    cfg_scale: torch.Tensor  # B, float64

    def to(self, device: torch.device) -> Given:
        """The same on another device."""
        return Given(*(getattr(self, field.name).to(device) for field in dataclasses.fields(self)))


class TeacherRows:
    """The rows of one split of a teacher's corpus.

    Args:
        generated: a corpus that `difffas generate` wrote with preset exact. live, guides: the corpora it was made of.
        split: split of the rows. teacher: digest of the teacher's model folder.

    Attributes:
        positions: places of the rows in `generated`, ascending.

    Raises:
        UserError: if `generated` was not written by `difffas generate`; if the split has no row; if the rows are of
            another generator, of another preset or of a sampler that draws noise at every step; if their live faces or
            guides are not in the corpora.
    """

    def __init__(self, generated: Corpus, live: Corpus, guides: Corpus, split: str, teacher: str) -> None:
        self.corpora = (generated, live, guides)
        _claim_of(generated)
        self.positions = generated.where(split=split)
        if not len(self.positions):
            known = ", ".join(sorted(set(generated.column("split").tolist())))
            raise UserError(f"{generated.storage.url}: split {split!r} has no row: choose among {known}")
        self._table = table = generated.index.take(pa.array(self.positions))
        _check_maker(generated, table, teacher)
        self._live, self._guide = places_of(table, "live_key", live), places_of(table, "guide_key", guides)
        self._t0, self._scale, self._seed = (table[name].to_numpy() for name in ("t0", "cfg_scale", "seed"))
        self.styles = sorted(set(table["style"].to_pylist()))

    def __len__(self) -> int:
        return len(self.positions)

    def numbers(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """By role: the numbers of these rows' images, counted through `corpora`."""
        generated, live, _ = map(len, self.corpora)
        return dict(
            zip(
                ROLES,
                (self.positions[rows], generated + self._live[rows], generated + live + self._guide[rows]),
                strict=True,
            )
        )

    def pixels(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """By role: uint8 (N, H, W, 3)."""
        places = (self.positions[rows], self._live[rows], self._guide[rows])
        return {
            role: corpus.pixels(of_role) for role, corpus, of_role in zip(ROLES, self.corpora, places, strict=True)
        }

    def people(self) -> set[tuple[str, str]]:
        """Domain and subject of the live faces."""
        lines = self._table.select(["live_domain", "subject"]).to_pylist()
        return {(whole_domain(line["live_domain"]), line["subject"]) for line in lines}

    def ranges(self, sampler: SamplerConfig) -> dict[str, list[float]]:
        """[lowest, highest] T₀ and w from which those of the rows were drawn."""
        return _joined([sampler.ranges(style) for style in self.styles])

    def ranges_by_style(self, sampler: SamplerConfig) -> dict[str, list[list[float]]]:
        """The same for each of `styles`, as `SpoofStudent` takes them; empty lists if all styles share the ranges."""
        of = [_joined([sampler.ranges(style)]) for style in self.styles]
        differ = any(each != of[0] for each in of)
        return {f"{name}_by_style": [each[name] for each in of] if differ else [] for name in Ranges._fields}

    def routes(self, rows: np.ndarray) -> list[Route]:
        """From which style to which each of these rows went."""
        lines = self._table.select(["live_domain", "domain", "style"]).take(pa.array(rows)).to_pylist()
        return [route_of(line["live_domain"], line["domain"], line["style"]) for line in lines]

    def given(
        self,
        rows: np.ndarray,
        live: torch.Tensor,
        guide: torch.Tensor,
        sampler: SamplerConfig,
        statistics: dict[str, Statistics],
    ) -> Given:
        """Make again, bit for bit, what the teacher saw at its first step; images (B, 3, H, W), on the CPU."""
        import torch

        from difffas.samplers import PerSampleNoise
        from difffas.schedule import q_sample, start_timesteps
        from difffas.style_statistics import routed

        condition, start = routed(live, self.routes(rows), statistics, sampler.match, guide)
        timestep = start_timesteps(self._t0[rows].tolist(), 1, sampler.offset)
        shape = (int(live.shape[1]), int(live.shape[2]), int(live.shape[3]))
        noise = PerSampleNoise(self._seed[rows].tolist(), shape, torch.device("cpu"))()
        x = q_sample(condition if start is None else start, timestep, noise)
        return Given(condition, x, timestep, torch.from_numpy(self._scale[rows]))


def sampler_of(generated: Corpus) -> SamplerConfig:
    """The sampler with which a corpus was generated, from its run's claim.

    Raises:
        UserError: if the corpus is not one of `difffas generate`, or its offset is not the student's.
    """
    storage = generated.storage
    given = _claim_of(generated)["config"].get("sampler")
    if not isinstance(given, dict):
        raise UserError(f"{storage.path(CLAIM)} names no sampler: bring it back from a copy")
    sampler = build(SamplerConfig, given)
    if sampler.offset != "trailing":
        raise UserError(f"{storage.url} was made with sampler.offset official: a student learns from trailing only")
    return sampler


def check_made_of(generated: Corpus, live: Corpus, guides: Corpus) -> None:
    """Refuse corpora with other content than those that `generated` was made of: equal keys may show other pixels.

    Raises:
        UserError: naming the corpus; if the run had a protocol that cannot be read here.
    """
    claim = _claim_of(generated)
    protocol = claim["config"].get("protocol")
    for name, corpus in (("live", live), ("guides", guides)):
        digest = open_corpus(corpus.storage.url, str(protocol)).digest if protocol else corpus.digest
        if claim["identity"].get(name) != digest:
            raise UserError(
                f"{name} {corpus.storage.url} is not the corpus that {generated.storage.url} was made of, or was "
                "written again with other content: give that corpus, or generate from this one"
            )


def statistics_for(teacher: Storage, rows: TeacherRows, sampler: SamplerConfig) -> dict[str, Statistics]:
    """The teacher's statistics of the styles that matching needed.

    Raises:
        UserError: naming a style that the teacher has no statistics of, as they were estimated from the run's inputs.
    """
    from difffas.style_statistics import read_statistics

    wanted = needed(set(rows.routes(np.arange(len(rows)))), sampler.match)
    known = read_statistics(teacher)
    if missing := sorted(wanted - set(known)):
        raise UserError(
            f"{teacher.url} has no statistics of style {missing[0]}, which were estimated for these rows: generate "
            "them with sampler.match_unseen refuse"
        )
    return {style: known[style] for style in sorted(wanted)}


def _joined(ranges: Sequence[Ranges]) -> dict[str, list[float]]:
    lows_and_highs = {name: [getattr(each, name) for each in ranges] for name in Ranges._fields}
    return {name: [min(low for low, _ in of), max(high for _, high in of)] for name, of in lows_and_highs.items()}


def _claim_of(generated: Corpus) -> Claim:
    claim = read_claim(generated.storage)
    if claim["job"] != "generate":
        raise UserError(
            f"{generated.storage.url} was written by `difffas {claim['job']}`, not by `difffas generate`: give the "
            "corpus that the teacher made"
        )
    return claim


def _check_maker(generated: Corpus, table: pa.Table, teacher: str) -> None:
    url = generated.storage.url
    makers = set(table["generator"].to_pylist())
    if makers != {teacher}:
        found = ", ".join(sorted(str(maker)[:12] for maker in makers - {teacher}))
        raise UserError(f"{url} holds rows of generator {found}, not of the teacher {teacher[:12]}: give its corpus")
    presets, samplers = (set(table[name].to_pylist()) for name in ("preset", "sampler"))
    if presets != {"exact"}:
        raise UserError(f"{url} was made with preset {', '.join(sorted(presets))}: teach from preset exact")
    if strange := samplers & {"ddpm", STUDENT}:
        raise UserError(f"{url} was made with sampler {min(strange)}: teach from ddim or dpm_solver_pp_2m")
