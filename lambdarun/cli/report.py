"""`lambdarun report`: the page of a run that is over, from its event log."""

from __future__ import annotations

import click

from lambdarun.cli import output


@click.command()
@click.argument("log", metavar="LOG.jsonl")
@click.option("-o", "--output", "page", metavar="FILE.html", required=True, help="Write the page there.")
@click.pass_context
def report(context: click.Context, /, log: str, page: str) -> None:
    """Write the page of a run from its event log, as replay --out wrote it.

    The project says how logs read and which alarms there are; without one the page has neither.
    """
    from lambdarun.cli.reporting import write_page  # loads the views: --help must not pay for it

    write_page(output.settings_of(context), log, page)
