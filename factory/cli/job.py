"""The verbs on jobs of a cluster: submit a job, show its status, print its log, stop it."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from difffas.errors import UserError
from factory.cli.folder import local
from factory.cli.options import Overrides
from factory.cli.panels import Commands
from factory.cli.printed import print_summary, printing
from factory.core import interrupts

DASHBOARD = "http://127.0.0.1:8265"

Address = Annotated[
    str,
    typer.Option(envvar="RAY_API_SERVER_ADDRESS", help="The cluster's dashboard.", show_default=DASHBOARD),
]
Name = Annotated[str, typer.Argument(metavar="ID", help="Name of the job, printed by `submit`.")]

job_app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Jobs of a cluster. Example: difffas job status generate-0123456789abcdef",
)


def submit(
    verb: Annotated[str, typer.Argument(metavar="VERB", help="Station to run, such as generate or pipeline.")],
    config: Annotated[str | None, typer.Option("--config", help="YAML file; see jobs/*.yaml.")] = None,
    address: Address = DASHBOARD,
    wheel: Annotated[
        str | None, typer.Option(callback=local, help="Wheel whose code to upload instead of the code here.")
    ] = None,
    installed: Annotated[bool, typer.Option("--installed", help="Upload no code: the cluster has it.")] = False,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Follow the log and exit with the job's status.")
    ] = True,
    again: Annotated[bool, typer.Option("--again", help="Submit even if the run has succeeded there.")] = False,
    overrides: Overrides = None,
) -> None:
    """Run a station on a cluster (docs/cluster.md). Example: difffas submit generate --config jobs/generate.yaml"""
    from factory.cli import submission

    if wheel and installed:
        raise UserError("--wheel uploads code and --installed uploads none: give one of them")
    loaded = submission.load_config(verb, config, overrides or [])
    submitted = submission.submit(verb, loaded, address, wheel, installed, again)
    out = getattr(loaded, "out", None)
    if not submitted.new:
        where = f": see {out}" if out else ""
        typer.echo(f"{submitted.name} has succeeded already, nothing to do{where} (--again submits it once more)")
        return
    typer.echo(f"{submitted.name} is submitted; see it by `difffas job logs {submitted.name} --follow`")
    if wait:
        _follow(submitted.name, address)


@job_app.command()
@printing
def status(
    name: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="Name of the job; without it, all jobs are listed.")
    ] = None,
    address: Address = DASHBOARD,
) -> None:
    """Show a job's status. Example: difffas job status generate-0123456789abcdef --address http://127.0.0.1:8265"""
    from factory.cluster import jobs

    print_summary(jobs.status(name, address))


@job_app.command()
def logs(
    name: Name,
    follow: Annotated[
        bool, typer.Option("--follow", help="Follow the log to the end of the job and exit with its status.")
    ] = False,
    address: Address = DASHBOARD,
) -> None:
    """Print a job's log. Example: difffas job logs generate-0123456789abcdef --follow"""
    from factory.cluster import jobs

    if follow:
        _follow(name, address)
    else:
        jobs.logs(name, address, follow=False, write=_write)


@job_app.command()
@printing
def stop(name: Name, address: Address = DASHBOARD) -> None:
    """Stop a job; finished work stays. Example: difffas job stop generate-0123456789abcdef"""
    from factory.cluster import jobs

    print_summary(jobs.stop(name, address))


def _follow(name: str, address: str) -> None:
    from factory.cluster import jobs

    try:
        code = jobs.logs(name, address, follow=True, write=_write)
    except KeyboardInterrupt:
        interrupts.explain(f"{name} goes on: difffas job logs {name} --follow, or difffas job stop {name}")
        raise
    if code:
        raise SystemExit(code)


def _write(text: str) -> None:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, such as `| head`, has closed the pipe
        raise SystemExit(0) from None
