"""`lambdarun plan`: what keeps a queue's oldest message young, from figures or from a recording."""

from __future__ import annotations

from typing import Any

import click

from lambdarun.cli import output


@click.command()
@click.option("--backlog", type=click.IntRange(1), metavar="N", help="Messages that wait.")
@click.option("--environments", type=click.IntRange(1), metavar="N", help="Environments that run.")
@click.option("--duration", metavar="SPAN", help="How long an invocation takes (100ms).")
@click.option("--latency", metavar="SPAN", help="In which time the last message is to be done (10s).")
@click.option("--rate", metavar="R", help="Messages a second (20/s).")
@click.option(
    "--batch-size",
    type=click.IntRange(1, 10_000),
    multiple=True,
    metavar="N",
    help="Messages of a batch, as it is on the average reached.  [default: 1]",
)
@click.option(
    "--groups", type=click.IntRange(1), metavar="N", help="FIFO: message groups that have messages."
)
@click.option(
    "--timeout", type=click.IntRange(1, 900), metavar="S", help="The function's timeout, in seconds."
)
@click.option("--window", type=click.IntRange(0, 300), metavar="S", help="The batching window, in seconds.")
@click.option(
    "--max-receive-count", type=click.IntRange(1, 1_000), metavar="N", help="Of the redrive policy."
)
@output.FORM
@click.pass_context
def plan(context: click.Context, /, **given: Any) -> None:
    """Say how many environments a queue's backlog needs, from figures alone.

    Backlog per environment against the acceptable one, the concurrency that keeps up with a rate, the time to drain.
    """
    from lambdarun.cli.figuring import figure  # loads attrs and the model: --help must not pay for it

    raise SystemExit(figure(output.settings_of(context), given))
