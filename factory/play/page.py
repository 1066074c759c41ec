"""The playground's page, built with Gradio."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from difffas.errors import UserError

if TYPE_CHECKING:
    import numpy as np

    from factory.play.playground import Playground, Recipe, Scores

BUTTONS = ["fullscreen", "download"]  # without the button that shares publicly
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
    ) -> tuple[np.ndarray, np.ndarray, Scores, Recipe]:
        if live is None:
            raise gr.Error("upload a live face first", print_exception=False)
        shown = None if guide is None else Path(guide).read_bytes()
        try:
            spoof, used, facts = playground.spoof(
                Path(live).read_bytes(), shown, style, int(t0), float(cfg_scale), int(seed), preset, domain
            )
        except UserError as error:
            raise gr.Error(str(error), print_exception=False) from None
        return spoof, used, facts["scores"], facts["recipe"]

    def again(live: str | None, *settings: Any) -> Any:
        """Call `make` if there is a face: a user may move a setting before uploading one."""
        return gr.skip() if live is None else make(live, *settings)

    with gr.Blocks(title="DiffFAS playground", analytics_enabled=False, delete_cache=FORGOTTEN) as built:
        gr.Markdown(
            "## Live face + guide → spoof\nFace crops, taken from the middle of what you upload. Uploads are deleted "
            "after an hour, and when the playground ends; nothing else is kept."
        )
        with gr.Row():
            live = gr.Image(
                playground.face, label="Live face", type="filepath", format="png", sources=["upload"], height=260
            )
            guide = gr.Image(
                label="Guide: a spoof whose style to take", type="filepath", sources=["upload"], height=260
            )
            used = gr.Image(label="Guide as used", interactive=False, height=260, buttons=BUTTONS)
            spoof = gr.Image(label="Spoof", interactive=False, height=260, format="png", buttons=BUTTONS)
        with gr.Row():
            style = gr.Dropdown(
                playground.styles,
                label="Style of the guide" if playground.domains else "Style, where no guide is uploaded",
                visible=bool(playground.styles),
            )
            domain = gr.Dropdown(playground.domains, label="Domain of the live face", visible=bool(playground.domains))
            start = playground.settings(next(iter(playground.styles), None))
            t0 = gr.Slider(5, playground.trained, value=start[0], step=1, label="T₀: strength")
            cfg_scale = gr.Slider(0, 8, value=start[1], step=0.1, label="w: guidance")
            seed = gr.Number(0, precision=0, minimum=0, label="Seed")
            preset = gr.Radio(list(playground.presets), value="balanced", label="Preset")
        button = gr.Button("Make the spoof", variant="primary")
        with gr.Row():
            scores, recipe = gr.JSON(label="Scores"), gr.JSON(label="Recipe")
        given, shown = [live, guide, style, t0, cfg_scale, seed, preset, domain], [spoof, used, scores, recipe]
        style.change(playground.settings, style, [t0, cfg_scale], api_visibility="private")
        button.click(make, given, shown, api_name="spoof")
        gr.on(
            [t0.release, cfg_scale.release], again, given, shown, trigger_mode="always_last", api_visibility="private"
        )
    return built
