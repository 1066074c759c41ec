"""The playground: one spoof at a time in a browser, for a feeling of what T₀ and w do. No upload stays behind."""

from __future__ import annotations

import os
import signal
import tempfile
from typing import Any

from difffas.errors import UserError
from factory.core import interrupts
from factory.core.config import Config as Config
from factory.core.config import PathOrUrl as PathOrUrl
from factory.corpus import Corpus as Corpus
from factory.corpus.row import SPOOF as SPOOF
from factory.images import decode as decode
from factory.images import resize as resize
from factory.models.generators import Request as Request
from factory.models.load import check_t0 as check_t0
from factory.models.load import load_generator as load_generator
from factory.models.load import load_style_encoder as load_style_encoder
from factory.models.load import model_digest as model_digest
from factory.models.load import unet_config as unet_config
from factory.models.settings import SamplerConfig as SamplerConfig
from factory.models.tensors import to_tensor as to_tensor
from factory.play.playground import PlayConfig as PlayConfig
from factory.play.playground import Playground
from factory.storage import Storage as Storage

LARGEST = "20mb"  # of an uploaded file


def run(config: PlayConfig) -> dict[str, Any]:
    """Serve the page until it is interrupted; what was uploaded goes then.

    Raises:
        ValueError: if Gradio is not installed, or the inputs are not what they should be.
    """
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # it would ask the internet for its own version
    if not interrupts.installed():
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the folder below goes then, too
    interrupts.explain("the page is closed, what was uploaded is deleted")
    with tempfile.TemporaryDirectory(prefix="difffas-play-") as uploads:
        os.environ["GRADIO_TEMP_DIR"] = uploads  # by default it leaves every face in a folder that all may look into
        return _serve(config)


def _serve(config: PlayConfig) -> dict[str, Any]:
    try:
        from factory.play.page import page
    except ModuleNotFoundError as error:
        if error.name != "gradio":
            raise
        raise UserError("the playground needs Gradio: pip install 'difffas-factory[play]'") from None
    built = page(Playground(config))
    launch(built, config.host, config.port, config.hosts)
    print(f"playground: {built.local_url} (Ctrl+C ends it)", flush=True)
    built.block_thread()
    return {"url": built.local_url}


def launch(built: Any, host: str, port: int, hosts: tuple[str, ...]) -> None:
    """Serve a page of Gradio's, guarded; port 0 is any that is free."""
    from starlette.middleware import Middleware

    from factory.play.guard import Guard

    # Gradio puts its CORS before what it is given, so the guard is put before that too as soon as there is an app.
    guard = Middleware(Guard, listens=host, hosts=hosts)
    built.launch(
        app_kwargs={"middleware": [guard]},
        server_name=host,
        server_port=port or None,
        share=False,
        quiet=True,
        max_file_size=LARGEST,
        prevent_thread_lock=True,
        enable_monitoring=False,
    )
    built.app.middleware_stack = Guard(built.app.middleware_stack, host, hosts)
