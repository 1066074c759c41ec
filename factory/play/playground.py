"""Make one spoof at a time from a live face and a guide, with its scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypedDict

import numpy as np
from pydantic import Field, model_validator

from difffas.errors import UnreadableError, UserError
from difffas.presets import PRESETS, PresetName
from difffas.routes import Matching, Route
from factory.core.config import Config, PathOrUrl, build
from factory.corpus import Corpus
from factory.corpus.row import LIVE_ATTACK, SPOOF
from factory.images import decode, resize
from factory.models.generators import Request
from factory.models.load import (
    check_sampler,
    load_generator,
    load_style_encoder,
    model_digest,
    unet_config,
)
from factory.models.settings import GeneratorFolder, SamplerConfig
from factory.models.taught import taught_of
from factory.models.tensors import to_tensor
from factory.play.examples import beginning, drawn
from factory.storage import Storage
from factory.storage.embedded import GENERATOR, PEOPLE, PORTRAIT

if TYPE_CHECKING:
    from difffas.matching import Statistics

LIVE_STYLE = f"-{LIVE_ATTACK}"


OFFERED: tuple[PresetName, ...] = ("student", "student-2", "balanced", "exact")  # the fastest first


class PlayConfig(Config):
    """The playground's models, and the address of its page."""

    generator: GeneratorFolder = Field(GENERATOR, description="model folder, local or s3://")
    guides: PathOrUrl | None = Field(
        None,
        description=f"corpus whose spoofs may be guides by style; None: {PEOPLE} if the generator knows its styles",
    )
    size: int = Field(64, ge=32, multiple_of=32, description="image side that the generator was trained on")
    sampler: SamplerConfig = Field(
        SamplerConfig(),
        description="as for `generate`: matching, and the T₀ and w to begin with, by style",
    )
    threads: int = Field(2, ge=1, description="PyTorch threads on a CPU")
    host: str = Field("127.0.0.1", description="address to listen on; other machines need no password")
    hosts: tuple[str, ...] = Field((), description="further host names that browsers may use, such as a proxy's")
    port: int = Field(7860, ge=0, le=65535, description="0: any free port")

    @model_validator(mode="after")
    def _check(self) -> PlayConfig:
        if self.sampler.preset not in OFFERED:
            raise UserError(
                f"sampler.preset {self.sampler.preset}: the page offers {', '.join(OFFERED)}; set one of these"
            )
        return self


# Their keys are what the page shows.
Scores = TypedDict(
    "Scores",
    {
        "brisque of the live face": float | None,
        "brisque of the spoof": float | None,
        "structure changed (1 - SSIM)": float | None,
        "styles seen by the encoder": dict[str, float],  # probabilities of the likeliest three
    },
)


class Recipe(TypedDict):
    """What the spoof was made of."""

    generator: str
    t0: int
    cfg_scale: float
    seed: int
    preset: PresetName
    match: Matching
    guide: str  # key of its row, or `uploaded`
    device: str


class Facts(TypedDict):
    """What the page tells of a spoof."""

    scores: Scores
    recipe: Recipe


class Playground:
    """Makes a spoof from two images and reports its facts.

    Attributes:
        styles: style names that may be given instead of a guide, or that a guide may show; empty without a corpus,
            unless `sampler.match` needs the style of a guide.
        presets: what the page offers, the fastest first; those of a student only if there is one and it was taught
            with this matching.
        domains: what the live face's domain may be; empty unless `sampler.match` needs it.
        face: a live face to begin with, uint8 (H, W, 3); None unless the guides are the embedded people, or drawn.
        lives, examples: faces and guides to click; empty unless the generator is the one that ships.

    The generator that ships begins, where neither guides nor a sampler are set, with drawn people, its student and
    settings that give a visible spoof.

    Raises:
        UserError: if the model is incomplete, or `sampler.match` needs statistics that it does not have.
    """

    def __init__(self, config: PlayConfig) -> None:
        taught = taught_of(config.generator) if _is_untouched(config) else None
        if taught is not None:
            config = config.model_copy(update={"sampler": beginning(taught)})
        self._config = config
        storage = Storage(config.generator)
        self._digest = model_digest(storage)
        self.trained = int(unet_config(storage)["timesteps"])
        check_sampler(config.generator, config.sampler)
        self._encoder = load_style_encoder(config.generator)
        self._guides = Corpus(config.guides) if config.guides else _people_known_to(self._encoder.styles)
        self.lives, self.examples = drawn(self._encoder.styles, config.size) if taught is not None else ([], [])
        self.face = _stranger(self._guides) if self._guides and self._guides.storage.url == PEOPLE else None
        if self.lives:
            self.face = self.lives[0].pixels
        self._shown = sorted(set(self._guides.column("style")[self._spoofs()])) if self._guides else []
        self._statistics = _statistics(config, self._guides)
        self.presets = _presets(config)
        self._generators = {
            preset: load_generator(
                config.generator, _sampler(config, preset), config.threads, False, self._digest, self._statistics
            )
            for preset in self.presets
        }
        self.domains = sorted(style.removesuffix(LIVE_STYLE) for style in self._statistics if _is_live(style))
        self.styles = sorted({*self._shown, *(style for style in self._statistics if not _is_live(style))})

    def _spoofs(self) -> np.ndarray:
        assert self._guides is not None
        return np.flatnonzero(self._guides.column("label") == SPOOF)

    def settings(self, style: str | None) -> tuple[int, float]:
        """T₀ and w to begin with for a style: the middle of its ranges."""
        (low, high), (least, most) = self._config.sampler.ranges(style or "")
        return min((low + high) // 2, self.trained), (least + most) / 2

    def spoof(
        self,
        live: bytes,
        guide: bytes | None,
        style: str | None,
        t0: int,
        cfg_scale: float,
        seed: int,
        preset: PresetName = "balanced",
        domain: str | None = None,
    ) -> tuple[np.ndarray, np.ndarray, Facts]:
        """The spoof and the guide, uint8 (H, W, 3), and the facts: scores and the recipe.

        `style` chooses a guide, or names the style of the one given; `domain` is the live face's. An uploaded guide
        needs its style, and the face its domain, only if `sampler.match` does.

        Raises:
            UserError: for an image that cannot be read, a missing guide, style or domain, or a T₀ beyond the
                generator's training.
        """
        face = self._square("live face", live)
        if guide is not None:
            shown, source = self._square("guide", guide), "uploaded"
        elif style:
            shown, source = self._guide_of(style, seed)
        else:
            raise UserError("no guide: upload one or choose a style")
        of_preset = _sampler(self._config, preset)
        asked = {"t0": (t0, t0), "cfg_scale": (cfg_scale, cfg_scale), "by_style": {}}
        shows = [style] if style else []  # unknown for most uploaded guides
        check_sampler(self._config.generator, build(SamplerConfig, {**dict(of_preset), **asked}), shows)
        routes = self._routes(domain, style)
        request = Request(
            live=face[None],
            guides=shown[None],
            guide_of=np.zeros(1, dtype=np.int64),
            t0=np.array([t0]),
            cfg_scale=np.array([cfg_scale]),
            seed=np.array([seed]),
            routes=routes,
        )
        made = self._generators[preset](request).pixels[0]
        recipe: Recipe = {
            "generator": self._digest,
            "t0": t0,
            "cfg_scale": cfg_scale,
            "seed": seed,
            "preset": preset,
            "match": self._config.sampler.match,
            "guide": source,
            "device": self._generators[preset].device,
        }
        return made, shown, {"scores": self._scores(face, made), "recipe": recipe}

    def _routes(self, domain: str | None, style: str | None) -> list[Route]:
        """The route of the one face; empty if its matching needs none."""
        if not self._statistics:
            return []
        how = self._config.sampler.match
        if domain not in self.domains:
            raise UserError(f"sampler.match {how}: choose the live face's domain among {', '.join(self.domains)}")
        if style not in self._statistics:
            known = ", ".join(each for each in self.styles if each in self._statistics)
            raise UserError(f"sampler.match {how}: choose the style that the guide shows among {known}")
        of_style = max((each for each in self.domains if style.startswith(f"{each}-")), key=len, default=None)
        if of_style is None:
            raise UserError(f"sampler.match {how}: no statistics of live faces of the domain of {style!r}")
        return [Route(f"{domain}{LIVE_STYLE}", f"{of_style}{LIVE_STYLE}", style)]

    def _square(self, name: str, data: bytes) -> np.ndarray:
        """The middle square of an image, at the generator's size."""
        try:
            pixels = decode(data)
        except UnreadableError as error:
            raise UserError(f"{name}: {error}") from None
        return _middle(pixels, self._config.size)

    def _guide_of(self, style: str, seed: int) -> tuple[np.ndarray, str]:
        """A spoof of the style; the seed chooses which one."""
        if (example := next((one for one in self.examples if one.style == style), None)) is not None:
            return example.pixels, f"drawn {style}"
        if self._guides is None or style not in self._shown:
            raise UserError(f"style {style!r} is not among the guides: {', '.join(self._shown) or 'there are none'}")
        places = [place for place in self._spoofs() if self._guides.column("style")[place] == style]
        row = self._guides.rows([int(places[seed % len(places)])])[0]
        return _middle(decode(row.image), self._config.size), row.key

    def _scores(self, live: np.ndarray, made: np.ndarray) -> Scores:
        import torch

        from difffas.brisque import brisque
        from factory.models.measures import structure_change

        with torch.no_grad():
            _, logits = self._encoder(to_tensor(made[None]))
        shares = logits.softmax(1)[0].tolist()
        best = sorted(zip(self._encoder.styles, shares, strict=True), key=lambda pair: -pair[1])[:3]
        quality, _ = brisque(np.stack([live, made]))
        return {
            "brisque of the live face": _rounded(quality[0]),
            "brisque of the spoof": _rounded(quality[1]),
            "structure changed (1 - SSIM)": _rounded(structure_change(live[None], made[None])[0]),
            "styles seen by the encoder": {name: round(share, 3) for name, share in best},
        }


def _is_untouched(config: PlayConfig) -> bool:
    """Whether this is the generator that ships, with nothing set that decides the spoofs."""
    same = PlayConfig()
    decided = (config.guides, config.size, config.sampler) != (None, same.size, same.sampler)
    return config.generator in (GENERATOR, PORTRAIT) and not decided  # one model by two names


def _presets(config: PlayConfig) -> tuple[PresetName, ...]:
    """What the page offers; a student's calls only as far as they were taught."""
    taught = taught_of(config.generator)
    calls = taught.calls if taught is not None and taught.match == config.sampler.match else 0
    return tuple(name for name in OFFERED if not PRESETS[name].of_student or (PRESETS[name].steps or 0) <= calls)


def _people_known_to(styles: Sequence[str]) -> Corpus | None:
    """The embedded people, for a generator that knows all of their styles: any other would draw what it knows."""
    people = Corpus(PEOPLE)
    return people if set(people.column("style")) <= set(styles) else None


def _stranger(people: Corpus) -> np.ndarray:
    """A live face of split `test`, on which nothing that ships was fitted."""
    pixels: np.ndarray = people.pixels(people.where(split="test", attack=LIVE_ATTACK)[:1])[0]
    return pixels


def _is_live(style: str) -> bool:
    return style.endswith(LIVE_STYLE)


def _sampler(config: PlayConfig, preset: PresetName) -> SamplerConfig:
    """The configured sampler if it is of this preset, else the preset's own; one image at a time."""
    matching = {"match": config.sampler.match, "match_unseen": config.sampler.match_unseen, "batch_size": 1}
    if config.sampler.preset == preset:
        return config.sampler.model_copy(update=matching)
    return build(SamplerConfig, {"preset": preset, **matching})


def _statistics(config: PlayConfig, guides: Corpus | None) -> dict[str, Statistics]:
    """The statistics that matching may need: of the model, and of other styles if they may be estimated."""
    if config.sampler.match not in ("domain", "style"):
        return {}
    from difffas.style_statistics import read_statistics
    from factory.corpus.style_statistics import statistics_by_style

    found = read_statistics(Storage(config.generator))
    if config.sampler.match_unseen == "estimate" and guides is not None:
        found = statistics_by_style(guides, sorted(set(guides.column("split")))) | found
    fitting = {style: each for style, each in found.items() if each.size == (config.size, config.size)}
    if not any(map(_is_live, fitting)):
        raise UserError(
            f"sampler.match {config.sampler.match}: generator {config.generator} has no statistics of live faces of "
            f"{config.size}²: set size, or sampler.match=guide or none"
        )
    return fitting


def _rounded(value: float) -> float | None:
    return round(float(value), 3) if np.isfinite(value) else None


def _middle(pixels: np.ndarray, size: int) -> np.ndarray:
    """The middle square of an image, size × size."""
    side = min(pixels.shape[:2])
    top, left = ((length - side) // 2 for length in pixels.shape[:2])
    return resize(np.ascontiguousarray(pixels[top : top + side, left : left + side]), size)
