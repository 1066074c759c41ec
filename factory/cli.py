"""The `difffas` command: one verb per station, each a configuration and a function `run`.

Nothing heavy is imported before a verb is chosen, so that `--help` answers at once.
"""

from __future__ import annotations

import importlib
import json
import sys
from typing import Annotated, Any

import typer

# verb: (module with `run`, its configuration model, help). A new job is one module and one line.
JOBS = {
    "fit-style": ("factory.fit_style", "FitStyleConfig", "Fit the style encoder (Ray Train)."),
    "fit-generator": ("factory.fit_generator", "FitGeneratorConfig", "Fit the diffusion generator (Ray Train)."),
    "fit-classifier": ("factory.fit_classifier", "FitClassifierConfig", "Fit a spoof classifier (Ray Train)."),
    "evaluate": ("factory.evaluate", "EvaluateConfig", "Score a corpus with a classifier: metrics and scores.csv."),
    "tune": ("factory.tune", "TuneConfig", "Search RQ scales and sampler ranges (Ray Tune)."),
    "report": ("factory.report", "ReportConfig", "Write one self-contained HTML page about a run."),
}

app = typer.Typer(
    name="difffas",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Turn live faces into labelled spoof faces, and train what needs them. Re-running a command resumes it.",
    epilog="Example: difffas generate --config jobs/generate.yaml inputs.live=corpora/faces out=corpora/spoofs",
)

ConfigFile = Annotated[str | None, typer.Option("--config", help="YAML file; see jobs/*.yaml.")]
Overrides = Annotated[list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Settings over the file's.")]


def _add_job(verb: str) -> None:
    module, model, summary = JOBS[verb]

    @app.command(verb, help=f"{summary} Example: difffas {verb} --config jobs/{verb.replace('-', '_')}.yaml")
    def command(config: ConfigFile = None, overrides: Overrides = None) -> None:
        from factory.config import load

        job = importlib.import_module(module)
        _show(job.run(load(getattr(job, model), config, overrides or [])))


for _verb in JOBS:
    _add_job(_verb)


@app.command()
def generate(
    config: ConfigFile = None,
    live: Annotated[str | None, typer.Option(help="Corpus of live faces.")] = None,
    guides: Annotated[str | None, typer.Option(help="Corpus of the guides; may be the same.")] = None,
    generator: Annotated[str | None, typer.Option(help="Model folder, or dummy to test the plumbing.")] = None,
    out: Annotated[str | None, typer.Option(help="Folder of the spoofs, local or s3://.")] = None,
    overrides: Overrides = None,
) -> None:
    """Generate the planned spoofs (Ray Data). Example: difffas generate --config jobs/generate.yaml --out spoofs"""
    from factory.config import load
    from factory.generate import GenerateConfig, run

    given = {"inputs.live": live, "inputs.guides": guides, "inputs.generator": generator, "out": out}
    _show(run(load(GenerateConfig, config, _settings(given) + (overrides or []))))


@app.command()
def prepare(
    source: Annotated[str | None, typer.Argument(help="Folder of images.")] = None,
    out: Annotated[str | None, typer.Option(help="Corpus folder to write, local or s3://.")] = None,
    config: ConfigFile = None,
    pattern: Annotated[str | None, typer.Option(help="Layout below SOURCE, see docs/prepare.md.")] = None,
    domain: Annotated[str | None, typer.Option(help="Domain of rows whose path does not say it.")] = None,
    attack: Annotated[str | None, typer.Option(help="Attack of rows whose path does not say it.")] = None,
    size: Annotated[int | None, typer.Option(help="Side of the stored images, a multiple of 32.")] = None,
    no_crop: Annotated[bool, typer.Option("--no-crop", help="The images are face crops already.")] = False,
    weights: Annotated[str | None, typer.Option(help="RetinaFace weights file.")] = None,
    boxes: Annotated[str | None, typer.Option(help="CSV or Parquet of face boxes or landmarks.")] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Any other key.")] = None,
) -> None:
    """Turn image folders into a corpus. Example: difffas prepare photos --out corpora/faces --no-crop"""
    from factory.config import load
    from factory.prepare import PrepareConfig, run

    crop = "none" if no_crop else "table" if boxes else "retinaface" if weights else None
    given = {
        "source": source,
        "out": out,
        "pattern": pattern,
        "defaults.domain": domain,
        "defaults.attack": attack,
        "size": size,
        "crop": crop,
        "weights": weights,
        "boxes": boxes,
    }
    _show(run(load(PrepareConfig, config, _settings(given) + (settings or []))))


@app.command("import-official")
def import_official(
    checkpoint: Annotated[str, typer.Argument(help="The release's U-Net checkpoint.")],
    encoder: Annotated[str, typer.Option(help="The release's style encoder file.")],
    out: Annotated[str, typer.Option(help="Model folder to write.")],
    entry: Annotated[str, typer.Option(help="Which weights of the checkpoint: model or ema.")] = "model",
    mean_patch: Annotated[int, typer.Option(help="Patch side of the means.")] = 5,
    variance_patch: Annotated[int, typer.Option(help="Patch side of the variances.")] = 3,
) -> None:
    """Convert a released checkpoint. Example: difffas import-official net.pt --encoder enc.pth --out models/net"""
    from factory.config import build
    from factory.import_official import ImportConfig, run

    patches = {"mean_patch": mean_patch, "variance_patch": variance_patch}
    given = {"checkpoint": checkpoint, "encoder": encoder, "out": out, "entry": entry, **patches}
    _show(run(build(ImportConfig, given)))


@app.command()
def demo(
    out: Annotated[str, typer.Option(help="Folder for everything the demo makes.")] = "out/demo",
) -> None:
    """Run every station once on embedded faces. Example: difffas demo --out out/demo"""
    from factory.demo import run

    _show(run(out))


def _settings(given: dict[str, Any]) -> list[str]:
    """Options that were given, as overrides; JSON is YAML and quotes what must be quoted."""
    return [f"{key}={json.dumps(value)}" for key, value in given.items() if value is not None]


def _show(summary: dict[str, Any]) -> None:
    """The run's figures as JSON on stdout, curves left out."""
    brief = {name: value for name, value in summary.items() if name != "curve"}
    typer.echo(json.dumps(brief, indent=2))


def main(arguments: list[str] | None = None) -> None:
    """Run the command; a user's mistake is one line and exit status 2, never a traceback."""
    try:
        app(args=arguments)
    except ValueError as error:
        error = getattr(error, "cause", None) or error  # Ray wraps what a task raises, traceback and all
        print(f"difffas: error: {' '.join(str(error).split())}", file=sys.stderr)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
