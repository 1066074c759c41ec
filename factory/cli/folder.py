"""The verbs on a folder: show a run's progress, verify it, inspect or regenerate samples; fetch one with weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from difffas.errors import UserError
from factory.cli.options import Overrides
from factory.cli.printed import print_summary

LEFTOVER_SECONDS = 86400.0  # older than any upload still in progress


def located(given: Any) -> Any:
    """Callback of every option and argument that is a path but not a setting: as `places.place`."""
    from factory.core.places import place

    if isinstance(given, str):
        return place(given)
    return given and [place(one) for one in given]


def local(given: str | None) -> str | None:
    """Callback of paths that must be on a local disk: refuses a URL, from which a folder would be made."""
    from factory.core.places import file_here

    return given and file_here(given)


Folder = Annotated[str, typer.Argument(callback=located, help="Folder that a run wrote, local or s3://.")]
Key = Annotated[str, typer.Argument(help="Key of a sample.")]
ImageFile = Annotated[str | None, typer.Option(callback=local, help="Write the image to this file.")]


def status(
    folder: Folder,
    watch: Annotated[bool, typer.Option("--watch", help="Show the status as text until the run ends.")] = False,
    every: Annotated[float, typer.Option(min=0.1, help="Seconds between two readings with --watch.")] = 5.0,
) -> None:
    """Show a run's progress; needs no cluster. Example: difffas status corpora/spoofs --watch"""
    if not watch:
        from factory.cli.standing import standing

        return print_summary(standing(folder))
    from factory.line import status as reader

    if reader.watch(folder, every)["state"] != "finished":
        raise SystemExit(1)


def verify(
    folder: Folder, sweep: Annotated[bool, typer.Option(help="Remove day-old leftovers of killed writers.")] = False
) -> None:
    """Check a corpus against its ledger; exit status 1 if anything is wrong. Example: difffas verify spoofs"""
    from factory.corpus.verify import verify as check
    from factory.storage import Storage

    found = check(folder)
    if sweep:
        found["swept"] = Storage(folder).sweep_uploads(LEFTOVER_SECONDS)
    print_summary(found)
    if found["problems"]:
        raise SystemExit(1)


def retry_failed(
    folder: Folder,
    reject: Annotated[
        bool, typer.Option("--reject", help="Do not try again: record the images as rejects and close the corpus.")
    ] = False,
    overrides: Overrides = None,
) -> None:
    """Try a run's quarantined shards again. Example: difffas retry-failed corpora/spoofs"""
    from factory.line.retry import retry_failed as retry

    print_summary(retry(folder, overrides or [], reject))


def show(folder: Folder, key: Key, image: ImageFile = None) -> None:
    """Show all facts of one sample. Example: difffas show corpora/spoofs 1a2b3c4d-train-0000000017 --image it.png"""
    from factory.generate.regenerate import show as find

    row, facts = find(folder, key)
    _write(image, row.image)
    print_summary(facts)


def regenerate(folder: Folder, key: Key, image: ImageFile = None, overrides: Overrides = None) -> None:
    """Make one sample again; exit status 1 if it differs. Example: difffas regenerate spoofs KEY"""
    from factory.generate.regenerate import regenerate as make

    data, verdict = make(folder, key, overrides or [])
    _write(image, data)
    print_summary(verdict)
    if not verdict["equal"]:
        raise SystemExit(1)


def release(
    folder: Annotated[str | None, typer.Argument(help="Folder that a run wrote, local or s3://.")] = None,
    to: Annotated[
        str | None,
        typer.Option(help="Destination in the commands shown: a URL such as s3://…, or the Hub's OWNER/NAME."),
    ] = None,
    config: Annotated[
        str | None, typer.Option("--config", help="YAML file with folder and destination; see jobs/release.yaml.")
    ] = None,
) -> None:
    """Check a corpus, list its shards, show how to send it; sends nothing. Example: difffas release corpora/spoofs"""
    from factory.core.config import load
    from factory.release import ReleaseConfig
    from factory.release import release as check

    if folder is None and config is None:
        raise UserError("which corpus? Give its folder, or --config FILE")
    given = {"folder": folder, "to": to}
    asked = load(ReleaseConfig, config, [f"{key}={json.dumps(value)}" for key, value in given.items() if value])
    found = check(asked.folder, asked.to)
    for problem in found["problems"]:
        typer.echo(f"difffas: {problem}", err=True)
    if found["problems"]:
        raise SystemExit(1)
    print_summary(found)
    typer.echo("difffas: nothing was sent; one of these commands would send the corpus", err=True)
    for command in found["commands"]:
        typer.echo(command, err=True)  # ready for a shell; JSON would escape its quotes


def fetch_backbone(
    name: Annotated[str, typer.Argument(help="Weights: timm's NAME.TAG, or hf-hub:OWNER/NAME; @REVISION may follow.")],
    out: Annotated[str, typer.Argument(help="Folder to write: safetensors and config.json.")],
) -> None:
    """Fetch trained weights for `backbone`. Example: difffas fetch-backbone resnet18.tv_in1k backbones/resnet18"""
    from factory.convert.fetch_backbone import FetchConfig, run
    from factory.core.config import build

    print_summary(run(build(FetchConfig, {"name": name, "out": out})))


COMMANDS: dict[str, Callable[..., None]] = {
    "status": status,
    "verify": verify,
    "release": release,
    "retry-failed": retry_failed,
    "fetch-backbone": fetch_backbone,
    "show": show,
    "regenerate": regenerate,
}


def _write(path: str | None, data: bytes) -> None:
    if path is None:
        return
    try:
        Path(path).write_bytes(data)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise UserError(f"--image {path}: {error.strerror}: give a file in a folder that exists") from None
