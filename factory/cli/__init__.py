"""The `difffas` command: one verb per station, each with a configuration and a function `run`.

Heavy modules are imported only after a verb is chosen, so that `--help` answers at once.
"""

from __future__ import annotations

import importlib
import sys
from typing import Annotated

import typer

from difffas.errors import UserError
from factory.cli.data import COMMANDS as DATA
from factory.cli.folder import COMMANDS, local
from factory.cli.job import job_app, submit
from factory.cli.options import ConfigFile, Overrides, settings
from factory.cli.panels import Commands
from factory.cli.printed import print_summary, printing
from factory.cli.stations import CONFIG_ONLY_VERBS
from factory.core.credentials import refuse_arguments
from factory.core.exits import one_line_exits
from factory.core.masking import masked_output

app = typer.Typer(
    name="difffas",
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Turn live faces into labelled spoof faces and train classifiers on them. Run a command again to resume it.",
    epilog="Example: difffas generate --config jobs/generate.yaml inputs.live=corpora/faces out=corpora/spoofs",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"difffas {version('difffas-factory')}")
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Options of the command itself; the help is that of `app`."""


Live = Annotated[str | None, typer.Option(help="Corpus of live faces.")]
Guides = Annotated[str | None, typer.Option(help="Corpus of the guides; may be that of the live faces.")]
Generator = Annotated[str | None, typer.Option(help="Model folder, portrait-64, people-64, or dummy for tests.")]
Spoofs = Annotated[str | None, typer.Option(help="Folder of the spoofs, local or s3://.")]
# Example settings for stations that run on one machine and therefore have no file in jobs/.
NO_FILES = {"probe": "generator=models/generator size=256", "play": "generator=models/generator guides=faces size=256"}


def _add_verb(verb: str) -> None:
    module, model, summary = CONFIG_ONLY_VERBS[verb]

    def command(config: ConfigFile = None, overrides: Overrides = None) -> None:
        from factory.core.config import load

        station = importlib.import_module(module)
        print_summary(station.run(load(getattr(station, model), config, overrides or [])))

    given = NO_FILES.get(verb, f"--config jobs/{verb.replace('-', '_')}.yaml")
    app.command(verb, help=f"{summary} Example: difffas {verb} {given}")(printing(command))


for _verb in CONFIG_ONLY_VERBS:
    _add_verb(_verb)


@app.command()
@printing
def generate(
    config: ConfigFile = None,
    live: Live = None,
    guides: Guides = None,
    generator: Generator = None,
    out: Spoofs = None,
    overrides: Overrides = None,
) -> None:
    """Generate the planned spoofs (Ray Data). Example: difffas generate --config jobs/generate.yaml --out spoofs"""
    from factory.core.config import load
    from factory.generate import GenerateConfig, run

    print_summary(run(load(GenerateConfig, config, _inputs(live, guides, generator, out) + (overrides or []))))


@app.command()
@printing
def evaluate(
    config: ConfigFile = None,
    classifier: Annotated[str | None, typer.Option(help="Folder that fit-classifier wrote.")] = None,
    corpus: Annotated[str | None, typer.Option(help="Corpus to score.")] = None,
    scores: Annotated[str | None, typer.Option(help="CSV of scores, instead of --classifier and --corpus.")] = None,
    dev_scores: Annotated[
        str | None, typer.Option(help="CSV of scores of the development set, if it is a separate file.")
    ] = None,
    out: Annotated[str | None, typer.Option(help="Folder to write; with --scores it may be left out.")] = None,
    overrides: Overrides = None,
) -> None:
    """Write metrics, scores.csv, ROC and DET (docs/evaluating.md). Example: difffas evaluate --scores scores.csv"""
    from factory.core.config import load
    from factory.evaluate import EvaluateConfig, run

    given = {"classifier": classifier, "corpus": corpus, "scores": scores, "dev_scores": dev_scores, "out": out}
    print_summary(run(load(EvaluateConfig, config, settings(given) + (overrides or []))))


@app.command()
@printing
def ablate(
    table: Annotated[
        str | None, typer.Argument(help="Table, such as losses, or FILE.yaml; without it, the tables are listed.")
    ] = None,
    config: ConfigFile = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the runs, and which are finished.")] = False,
    overrides: Overrides = None,
) -> None:
    """Fill an ablation table (docs/ablating.md). Example: difffas ablate losses --config jobs/ablate.yaml"""
    from factory.ablate import command

    print_summary(command(table, config, overrides or [], dry_run))


@app.command()
@printing
def benchmark(
    config: ConfigFile = None,
    out: Annotated[str | None, typer.Option(help="Folder to write, local or s3://.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the runs, and which are finished.")] = False,
    overrides: Overrides = None,
) -> None:
    """Compare methods on rendered people. Example: difffas benchmark --config jobs/benchmark.yaml --out benchmark"""
    from factory.benchmark import command

    print_summary(command(config, [*settings({"out": out}), *(overrides or [])], dry_run))


@app.command()
@printing
def plan(
    config: ConfigFile = None,
    live: Live = None,
    guides: Guides = None,
    generator: Generator = None,
    out: Spoofs = None,
    images_per_second: Annotated[
        float | None, typer.Option(help="Speed of one generator; a finished run's summary has it.")
    ] = None,
    price: Annotated[float | None, typer.Option(help="Price of one generator for one hour, in any currency.")] = None,
    device: Annotated[str | None, typer.Option(help="Device in docs/cost.md whose measured speed to use.")] = None,
    overrides: Overrides = None,
) -> None:
    """Forecast a generation's output and cost; writes nothing. Example: difffas plan --config jobs/generate.yaml"""
    from factory.core.config import load
    from factory.generate import GenerateConfig
    from factory.generate.forecast import forecast

    asked = load(GenerateConfig, config, _inputs(live, guides, generator, out) + (overrides or []))
    print_summary(forecast(asked, images_per_second, price, device))


for _name, _command in {**DATA, **COMMANDS, "submit": submit}.items():
    app.command(_name)(printing(_command))
app.add_typer(job_app, name="job")


@app.command(
    "publish",
    hidden=True,
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def publish() -> None:
    """The old name of `release`."""
    raise UserError("publish sends nothing and is now called release: difffas release ...")


@app.command()
def env() -> None:
    """Print what to export on every machine of a cluster. Example: difffas env > difffas.env"""
    from factory.cluster.variables import exports

    typer.echo(exports(), nl=False)


@app.command("config")
def config_of(
    verb: Annotated[str, typer.Argument(metavar="VERB", help="Verb whose configuration to print.")] = "",
) -> None:
    """Print every key of a verb as a YAML file to fill in. Example: difffas config generate > generate.yaml"""
    from factory.cli.template import template

    typer.echo(template(verb), nl=False)


@app.command("export-classifier")
@printing
def export_classifier(
    folder: Annotated[str, typer.Argument(help="Folder that fit-classifier wrote.")],
    out: Annotated[str, typer.Option(help="Folder to write: safetensors, timm backbone, ONNX.")],
    size: Annotated[int | None, typer.Option(help="Side of the images, if the folder does not record it.")] = None,
) -> None:
    """Export a classifier: timm, ONNX. Example: difffas export-classifier models/classifier --out export"""
    from factory.convert.export_classifier import ExportConfig, run
    from factory.core.config import build

    print_summary(run(build(ExportConfig, {"folder": folder, "out": out, "size": size})))


@app.command("import-official")
@printing
def import_official(
    checkpoint: Annotated[str, typer.Argument(help="The release's U-Net checkpoint, or its style encoder alone.")],
    out: Annotated[str, typer.Option(help="Model folder to write.")],
    encoder: Annotated[
        str | None, typer.Option(help="The release's style encoder file; without it OUT holds one network.")
    ] = None,
    entry: Annotated[str, typer.Option(help="Which weights of the checkpoint: model or ema.")] = "model",
    mean_patch: Annotated[int, typer.Option(help="Patch side of the means.")] = 5,
    variance_patch: Annotated[int, typer.Option(help="Patch side of the variances.")] = 3,
) -> None:
    """Convert a released checkpoint. Example: difffas import-official net.pt --out models/net --encoder enc.pth"""
    from factory.convert.import_official import ImportConfig, run
    from factory.core.config import build

    patches = {"mean_patch": mean_patch, "variance_patch": variance_patch}
    given = {"checkpoint": checkpoint, "encoder": encoder, "out": out, "entry": entry, **patches}
    print_summary(run(build(ImportConfig, given)))


@app.command()
@printing
def demo(
    out: Annotated[str, typer.Option(callback=local, help="Folder for everything the demo makes.")] = "out/demo",
) -> None:
    """Run every station once on embedded faces. Example: difffas demo --out out/demo"""
    from factory.demo import run

    print_summary(run(out))


def _inputs(live: str | None, guides: str | None, generator: str | None, out: str | None) -> list[str]:
    """The options of `generate` and `plan` as overrides."""
    return settings({"inputs.live": live, "inputs.guides": guides, "inputs.generator": generator, "out": out})


def main(arguments: list[str] | None = None) -> None:
    """Run the command; errors end it with one line and an exit status."""
    with masked_output(), one_line_exits():
        refuse_arguments(sys.argv[1:] if arguments is None else arguments)
        app(args=arguments)
