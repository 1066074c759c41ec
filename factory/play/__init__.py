"""The playground: make one spoof at a time in a browser, to get a feel for T₀ and w. Uploads are not kept."""

from __future__ import annotations

import errno
import os
import signal
import socket
import tempfile
from typing import Any, TypedDict

from difffas.errors import UserError
from factory.core import interrupts
from factory.core.config import Config as Config
from factory.core.config import PathOrUrl as PathOrUrl
from factory.corpus import Corpus as Corpus
from factory.corpus.row import SPOOF as SPOOF
from factory.images import decode as decode
from factory.images import resize as resize
from factory.models.generators import Request as Request
from factory.models.load import check_sampler as check_sampler
from factory.models.load import load_generator as load_generator
from factory.models.load import load_style_encoder as load_style_encoder
from factory.models.load import model_digest as model_digest
from factory.models.load import unet_config as unet_config
from factory.models.settings import SamplerConfig as SamplerConfig
from factory.models.tensors import to_tensor as to_tensor
from factory.play.playground import PlayConfig as PlayConfig
from factory.play.playground import Playground
from factory.storage import Storage as Storage

LARGEST = "20mb"  # size limit of an uploaded file


class Served(TypedDict):
    """Where the page was."""

    url: str


def run(config: PlayConfig) -> Served:
    """Serve the page until interrupted, then delete all uploads.

    Raises:
        UserError: if Gradio is not installed, or the inputs are invalid.
    """
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # otherwise it checks for a new version online
    if not interrupts.installed():
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the folder below is deleted then too
    interrupts.explain("the page is closed, what was uploaded is deleted")
    with tempfile.TemporaryDirectory(prefix="difffas-play-") as uploads:
        os.environ["GRADIO_TEMP_DIR"] = uploads  # the default folder is readable by all users and keeps every face
        return _serve(config)


def _serve(config: PlayConfig) -> Served:
    try:
        from factory.play.page import page
    except ModuleNotFoundError as error:
        if error.name != "gradio":
            raise
        raise UserError("the playground needs Gradio: pip install 'difffas-factory[play]'") from None
    check_address(config.host, config.port)
    built = page(Playground(config))
    launch(built, config.host, config.port, config.hosts)
    print(f"playground: {built.local_url} (Ctrl+C ends it)", flush=True)
    built.block_thread()
    return {"url": built.local_url}


def check_address(host: str, port: int) -> None:
    """Raise UserError if nothing can listen there; port 0 means any free port."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind(address)
    except (OSError, UnicodeError) as error:
        why = f"host={host} is not an address of this machine: leave it out, or give one"
        if isinstance(error, PermissionError):
            why = f"port={port} may not be used by this user: give one above 1023, or port=0"
        elif isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            why = f"port={port} is in use: give another, or port=0 for any free one"
        raise UserError(f"{why} ({getattr(error, 'strerror', None) or error})") from None


def launch(built: Any, host: str, port: int, hosts: tuple[str, ...]) -> None:
    """Serve a Gradio page behind the guard; port 0 means any free port."""
    from starlette.middleware import Middleware

    from factory.play.guard import Guard
    from factory.play.page import CSS

    # Gradio puts its CORS middleware before ours, so the guard is also put before that once the app exists.
    guard = Middleware(Guard, listens=host, hosts=hosts)
    built.launch(
        app_kwargs={"middleware": [guard]},
        server_name=host,
        css=CSS,
        server_port=port or None,
        share=False,
        quiet=True,
        max_file_size=LARGEST,
        prevent_thread_lock=True,
        enable_monitoring=False,
    )
    built.app.middleware_stack = Guard(built.app.middleware_stack, host, hosts)
