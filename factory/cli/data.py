"""The verbs that make a corpus and look at it: photographs, rendered people, columns of one's own, protocols."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from factory.cli.folder import located
from factory.cli.options import ConfigFile, Overrides, names
from factory.cli.options import settings as settings_of
from factory.cli.printed import print_summary


def prepare(
    source: Annotated[str | None, typer.Argument(help="Folder, file or glob: images, Parquet or WebDataset.")] = None,
    out: Annotated[str | None, typer.Option(help="Corpus folder to write, local or s3://.")] = None,
    config: ConfigFile = None,
    dataset: Annotated[str | None, typer.Option(help="Data set whose tree SOURCE is; see docs/datasets.md.")] = None,
    pattern: Annotated[str | None, typer.Option(help="Layout of paths below SOURCE; see docs/prepare.md.")] = None,
    domain: Annotated[str | None, typer.Option(help="Domain of images whose path does not name one.")] = None,
    attack: Annotated[str | None, typer.Option(help="Attack of images whose path does not name one.")] = None,
    license: Annotated[str | None, typer.Option(help="What the photographs may be used for; required.")] = None,
    size: Annotated[int | None, typer.Option(help="Side of the stored images, a multiple of 32.")] = None,
    crop: Annotated[
        str | None, typer.Option(help="retinaface, table, dataset or none; the next three options imply it.")
    ] = None,
    no_crop: Annotated[bool, typer.Option("--no-crop", help="The images are face crops already.")] = False,
    weights: Annotated[str | None, typer.Option(help="RetinaFace weights file.")] = None,
    boxes: Annotated[str | None, typer.Option(help="CSV or Parquet of face boxes or landmarks.")] = None,
    min_face: Annotated[int | None, typer.Option(help="Reject faces with fewer pixels on the shorter side.")] = None,
    subjects_unknown: Annotated[
        bool, typer.Option("--subjects-unknown", help="Draw splits although some names do not say who is shown.")
    ] = False,
    reject_several: Annotated[bool, typer.Option("--reject-several", help="Reject images of several faces.")] = False,
    upright: Annotated[bool, typer.Option("--upright", help="Turn the image until the eyes are level.")] = False,
    align: Annotated[bool, typer.Option("--align", help="Bring eyes, nose and mouth to a template.")] = False,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Any other setting; repeatable.")
    ] = None,
    overrides: Overrides = None,
) -> None:
    """Turn photographs into a corpus. Example: difffas prepare photos --out faces --license CC0-1.0 --no-crop"""
    from factory.core.config import load
    from factory.prepare import PrepareConfig, run

    if source and "=" in source and source.partition("=")[0].partition(".")[0] in PrepareConfig.model_fields:
        overrides, source = [source, *(overrides or [])], None  # a setting, where the source is in the file
    crop = crop or ("none" if no_crop else "table" if boxes else "retinaface" if weights else None)
    given = {
        "source": source,
        "out": out,
        "dataset": dataset,
        "pattern": pattern,
        "defaults.domain": domain,
        "defaults.attack": attack,
        "license": license,
        "size": size,
        "crop": crop,
        "weights": weights,
        "boxes": boxes,
        "min_face": min_face,
        "subjects_unknown": subjects_unknown or None,
        "reject_several": reject_several or None,
        "upright": upright or None,
        "align": align or None,
    }
    print_summary(run(load(PrepareConfig, config, settings_of(given) + (settings or []) + (overrides or []))))


def world(
    out: Annotated[str | None, typer.Option(help="Corpus folder to write, local or s3://.")] = None,
    config: ConfigFile = None,
    people: Annotated[int | None, typer.Option(help="Number of people.")] = None,
    domains: Annotated[str | None, typer.Option(help="Cameras, separated by commas; all by default.")] = None,
    attacks: Annotated[str | None, typer.Option(help="Attacks, separated by commas; all by default.")] = None,
    captures: Annotated[int | None, typer.Option(help="Captures of each person in each domain.")] = None,
    size: Annotated[int | None, typer.Option(help="Side of the pictures, a multiple of 32.")] = None,
    samples: Annotated[int | None, typer.Option(help="Light paths a pixel.")] = None,
    seed: Annotated[int | None, typer.Option(help="Another seed: other people.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Any other setting; repeatable.")
    ] = None,
    overrides: Overrides = None,
) -> None:
    """Render people and attacks on them as a corpus (docs/world.md). Example: difffas world --out faces --people 20"""
    from factory.core.config import load
    from factory.world import WorldConfig, run

    given = {
        "out": out,
        "people": people,
        "domains": None if domains is None else names(domains),
        "attacks": None if attacks is None else names(attacks),
        "captures": captures,
        "size": size,
        "samples": samples,
        "seed": seed,
    }
    print_summary(run(load(WorldConfig, config, settings_of(given) + (settings or []) + (overrides or []))))


def annotate(
    corpus: Annotated[str | None, typer.Argument(help="Finished corpus, local or s3://.")] = None,
    function: Annotated[
        str | None, typer.Option("--with", metavar="MODULE:NAME", help="Function, or class, of the new columns.")
    ] = None,
    out: Annotated[str | None, typer.Option(help="Folder of the side table, local or s3://.")] = None,
    config: ConfigFile = None,
    overrides: Overrides = None,
) -> None:
    """Add columns of your own by key (Ray Data). Example: difffas annotate faces --with blur:blur --out faces-blur"""
    from factory.annotate import AnnotateConfig, run
    from factory.core.config import load

    given = {"corpus": corpus, "function": function, "out": out}
    print_summary(run(load(AnnotateConfig, config, settings_of(given) + (overrides or []))))


def protocols(
    name: Annotated[
        str | None,
        typer.Argument(callback=located, help="Protocol or FILE.yaml; without it, the protocols are listed."),
    ] = None,
    corpus: Annotated[
        list[str] | None, typer.Option(callback=located, help="Corpus to count under the protocol; repeatable.")
    ] = None,
) -> None:
    """List protocols, or count a corpus under one. Example: difffas protocols oci-m --corpus corpora/faces"""
    from factory.protocols.counts import describe
    from factory.protocols.families import titles

    print_summary({"protocols": titles()} if name is None else describe(name, corpus or []))


COMMANDS: dict[str, Callable[..., None]] = {
    "prepare": prepare,
    "world": world,
    "annotate": annotate,
    "protocols": protocols,
}
