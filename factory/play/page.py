"""The playground's page, built with Gradio."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from difffas.errors import UserError

if TYPE_CHECKING:
    import numpy as np

    from factory.play.playground import Facts, Playground

BUTTONS = ["fullscreen", "download"]  # without the button that shares publicly
# Faces as large as their column, also those of 64 pixels, whose pixels stay squares.
CSS = """.face img { width: 100% !important; height: 100% !important; object-fit: contain !important; }
.face img { image-rendering: pixelated; }
.say { font-size: 1.05rem; min-height: 1.6rem; }
/* A phone shows the spoof first, then face and guide side by side. */
@media (max-width: 640px) { .result { order: -1; flex-basis: 100% !important; }
.face { height: auto !important; aspect-ratio: 1; } }"""
HEIGHT = 380  # pixels of a picture
FORGOTTEN = (600, 3600)  # seconds: how often to look for files older than the second number


def page(playground: Playground) -> gr.Blocks:
    """The page of one playground; a user's mistake is shown with its error message."""

    def make(
        live: str | None,
        guide: str | None,
        style: str | None,
        t0: float,
        cfg_scale: float,
        seed: float,
        preset: Any,
        domain: str | None,
    ) -> tuple[Any, ...]:
        """The spoof and its facts; a mistake is a sentence, and what is shown stays."""
        try:
            if live is None:
                raise UserError("upload a live face first, or click one of the examples")
            if t0 is None or cfg_scale is None or seed is None:
                raise UserError("T₀, w and the seed are numbers: give all three")
            shown = None if guide is None else Path(guide).read_bytes()
            spoof, used, facts = playground.spoof(
                Path(live).read_bytes(), shown, style, int(t0), float(cfg_scale), int(seed), preset, domain
            )
        except UserError as error:
            return *[gr.skip()] * 4, sentence(str(error))
        return spoof, used, facts["scores"], facts["recipe"], told(facts)

    def again(live: str | None, *settings: Any) -> Any:
        """Call `make` if there is a face: a user may move a setting before uploading one."""
        return gr.skip() if live is None else make(live, *settings)

    with gr.Blocks(title="DiffFAS playground", analytics_enabled=False, delete_cache=FORGOTTEN) as built:
        gr.Markdown(
            "## Live face + guide → spoof\nFace crops, taken from the middle of what you upload. Uploads are deleted "
            "after an hour, and when the playground ends; nothing else is kept."
        )
        first = playground.lives[0] if playground.lives else None
        with gr.Row():
            with gr.Column(min_width=150):
                live = _uploaded("Live face", playground.face)
                lives = _examples("Live faces to try", [one.pixels for one in playground.lives])
            with gr.Column(min_width=150):
                guide = _uploaded(
                    "Guide: a spoof whose style to take",
                    playground.examples[0].pixels if playground.examples else None,
                )
                guides = _examples("Guides to try", [one.pixels for one in playground.examples])
            with gr.Column(min_width=150, elem_classes="result"):
                spoof = gr.Image(
                    label="Spoof",
                    interactive=False,
                    height=HEIGHT,
                    format="png",
                    buttons=BUTTONS,
                    elem_classes="face",
                )
                button = gr.Button("Make the spoof", variant="primary")
                say = gr.Markdown(elem_classes="say")
        with gr.Row():
            style = gr.Dropdown(
                playground.styles,
                value=playground.examples[0].style if playground.examples else None,
                label="Style of the guide" if playground.domains else "Style, where no guide is uploaded",
                visible=bool(playground.styles),
            )
            domain = gr.Dropdown(
                playground.domains,
                value=first.domain if first else None,
                label="Domain of the live face",
                visible=bool(playground.domains),
            )
            start = playground.settings(next(iter(playground.styles), None))
            t0 = gr.Slider(5, playground.trained, value=start[0], step=1, label="T₀: strength")
            cfg_scale = gr.Slider(0, 8, value=start[1], step=0.1, label="w: guidance")
            seed = gr.Number(0, precision=0, minimum=0, label="Seed")
            preset = gr.Radio(list(playground.presets), value=playground.presets[0], label="Preset")
        with gr.Row():
            scores, recipe = gr.JSON(label="Scores"), gr.JSON(label="Recipe")
            used = gr.Image(label="Guide as used", interactive=False, height=260, buttons=BUTTONS, elem_classes="face")
        given, shown = [live, guide, style, t0, cfg_scale, seed, preset, domain], [spoof, used, scores, recipe, say]
        # An example is named with what it shows, so that the two agree.
        lives.click(
            lambda place: (playground.lives[place].pixels, playground.lives[place].domain),
            lives,
            [live, domain],
            api_visibility="private",
        ).then(again, given, shown, api_visibility="private")
        guides.click(
            lambda place: (playground.examples[place].pixels, playground.examples[place].style),
            guides,
            [guide, style],
            api_visibility="private",
        ).then(again, given, shown, api_visibility="private")
        style.change(playground.settings, style, [t0, cfg_scale], api_visibility="private")
        button.click(make, given, shown, api_name="spoof")
        gr.on(
            [t0.release, cfg_scale.release], again, given, shown, trigger_mode="always_last", api_visibility="private"
        )
    return built


def _uploaded(label: str, shown: object) -> gr.Image:
    """A picture that the user uploads; `shown` stands there at first."""
    return gr.Image(
        shown, label=label, type="filepath", format="png", sources=["upload"], height=HEIGHT, elem_classes="face"
    )


def _examples(label: str, pictures: Sequence[np.ndarray]) -> gr.Dataset:
    """Pictures to click; invisible without any. A click gives the number."""
    image = gr.Image(visible=False, type="numpy", format="png")
    return gr.Dataset(
        components=[image],
        samples=[[one] for one in pictures],
        label=label,
        type="index",
        visible=bool(pictures),
        layout="gallery",
    )


def sentence(message: str) -> str:
    """A message as a sentence, as text and never as markup."""
    text = message[:1].upper() + message[1:]
    return _plain(text if text.endswith((".", "!", "?")) else f"{text}.")


def told(facts: Facts) -> str:
    """What came of it, in a sentence."""
    seen = facts["scores"]["styles seen by the encoder"]
    style, share = next(iter(seen.items()))
    change = facts["scores"]["structure changed (1 - SSIM)"]
    changed = "" if change is None else f", and {100 * change:.0f} % of the structure changed"
    return _plain(f"The encoder sees {style} with {100 * share:.0f} %{changed}.")


def _plain(text: str) -> str:
    """Text that Markdown shows as it is."""
    return re.sub(r"([\\`*_{}\[\]<>()#+|~$])", r"\\\1", text)
