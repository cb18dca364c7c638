"""`lambdarun replay`: recorded events through time, and what became of them."""

from __future__ import annotations

from typing import Any

import click

from lambdarun.cli import output
from lambdarun.project.run_settings import DURATIONS, SPEEDS


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--function", metavar="F", help="Give everything to this function; else the project's routes hold."
)
@click.option("--project", is_flag=True, help="Route by the project file (the default where one is found).")
@click.option("--speed", type=click.Choice(SPEEDS), help="max is virtual time.  [default: max]")
@click.option("--rate", metavar="10x", help="So many times the recording's events in the same time.")
@click.option(
    "--through",
    metavar="queues.NAME",
    help="Send each event's payload as a message to this queue, for its mapping to read.",
)
@click.option("--target", metavar="SPAN", help="Tell when a queue's oldest message is older (60s).")
@click.option("--seed", type=int, metavar="N", help="All chance of the run.  [default: 0]")
@click.option("--start-at", metavar="TIME", help="Shift the recording so that it begins then (ISO 8601).")
@click.option(
    "--durations",
    type=click.Choice(DURATIONS),
    help="How long invocations take in virtual time.  [default: declared]",
)
@click.option(
    "--workers", type=click.IntRange(1), metavar="N", help="Handlers that really run at once (virtual time)."
)
@click.option("--out", metavar="FILE.jsonl", help="Write the event log there.")
@click.option("--metrics", metavar="FILE.jsonl", help="Write CloudWatch's metrics there, by minute.")
@click.option("--logs", metavar="FOLDER", help="Write a file a log stream there, in place of a former run's.")
@click.option(
    "--report", metavar="FILE.html", help="Write a page with plots there: one file that needs no network."
)
@click.option(
    "--fail-on",
    type=click.Choice(["error", "dlq", "alarm", "never"]),
    default="error",
    show_default=True,
    help="What makes the exit code 1: anything that ended without success; a dead letter; an alarm; nothing.",
)
@click.option(
    "--allow-short-visibility", is_flag=True, help="Run although a queue's visibility timeout is too short."
)
@click.option("--watch", is_flag=True, help="Changed code is in the next invocation, in a new environment.")
@output.ISOLATION
@output.FORM
@click.pass_context
def replay(context: click.Context, /, **given: Any) -> None:
    """Deliver the recorded events in FILE... the way AWS would, and sum up what became of them.

    FILE is a JSON event, a JSON array, JSON Lines, a log, or a folder of these; - is standard input.
    """
    from lambdarun.cli.replaying import Replay, run  # loads the runtime: --help must not pay for it

    request = Replay(
        files=given["files"],
        function=given["function"],
        by_project=given["project"],
        start_at=given["start_at"],
        rate=given["rate"],
        through=given["through"],
        target=given["target"],
        workers=given["workers"],
        out=given["out"],
        metrics=given["metrics"],
        logs=given["logs"],
        report=given["report"],
        fail_on=given["fail_on"],
        allow_short_visibility=given["allow_short_visibility"],
        watch=given["watch"],
        as_json=given["form"] == "json",
        chosen={
            name: given[name]
            for name in ("speed", "seed", "durations", "isolation")
            if given[name] is not None
        },
    )
    raise SystemExit(run(output.settings_of(context), request))
