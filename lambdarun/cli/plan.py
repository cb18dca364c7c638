"""`lambdarun plan`: what keeps a queue's oldest message young, from a recording or from figures alone."""

from __future__ import annotations

from typing import Any, Final

import click

from lambdarun.aws import limits
from lambdarun.cli import output, spans
from lambdarun.errors import UsageError
from lambdarun.project.run_settings import DURATIONS

FIGURES: Final = (
    "backlog", "environments", "duration", "latency", "groups", "timeout", "window", "max_receive_count", "check",
)  # fmt: skip
"""What is given instead of a recording."""
TRIALS: Final = (
    "target", "function", "project", "queue", "through", "visibility_timeout", "per_message", "seed", "durations",
    "isolation", "workers",
)  # fmt: skip
"""What says how a recording is tried."""


_COUNT: Final = click.IntRange(1, spans.COUNT_MOST)


def _within(setting: limits.Setting) -> click.IntRange:
    return click.IntRange(setting.low, setting.high)


@click.command()
@click.argument("files", nargs=-1, metavar="[FILE...]")
@click.option("--target", metavar="SPAN", help="The age that no message should pass.  [default: 60s]")
@click.option("--function", metavar="F", help="Give everything to this function; else the project's routes.")
@click.option("--project", is_flag=True, help="Route by the project file (the default where one is found).")
@click.option("--queue", metavar="NAME", help="The queue to plan for, where messages go to several.")
@click.option(
    "--through", metavar="queues.NAME", help="Send each event's payload as a message to this queue."
)
@click.option("--rate", metavar="R", help="10x the recording's rate; of figures 20/s, messages a second.")
@click.option(
    "--batch-size",
    type=_within(limits.SQS_BATCH_SIZE),
    multiple=True,
    metavar="N",
    help="Try this one (may be given again); of figures the average that is reached.",
)
@click.option(
    "--visibility-timeout",
    type=_within(limits.VISIBILITY_TIMEOUT),
    multiple=True,
    metavar="S",
    help="Try this one (may be given again), in seconds.",
)
@click.option(
    "--per-message", metavar="SPAN", help="What each message of a batch adds to the declared duration."
)
@click.option("--seed", type=int, metavar="N", help="All chance of the trials.  [default: 0]")
@click.option(
    "--durations", type=click.Choice(DURATIONS), help="How long invocations take.  [default: declared]"
)
@click.option(
    "--workers", type=click.IntRange(1), metavar="N", help="Trials at once.  [default: as many as cores]"
)
@click.option("--backlog", type=_COUNT, metavar="N", help="Figures: messages that wait.")
@click.option("--environments", type=_COUNT, metavar="N", help="Figures: environments that run.")
@click.option("--duration", metavar="SPAN", help="Figures: how long an invocation takes (100ms).")
@click.option(
    "--latency", metavar="SPAN", help="Figures: in which time the last message is to be done (10s)."
)
@click.option("--groups", type=_COUNT, metavar="N", help="Figures: a FIFO queue's active groups.")
@click.option(
    "--timeout", type=_within(limits.FUNCTION_TIMEOUT), metavar="S", help="Figures: the function's timeout."
)
@click.option(
    "--window", type=_within(limits.BATCHING_WINDOW), metavar="S", help="Figures: the batching window."
)
@click.option(
    "--max-receive-count",
    type=_within(limits.MAX_RECEIVE_COUNT),
    metavar="N",
    help="Figures: of the redrive policy.",
)
@click.option("--check", is_flag=True, help="Figures: drain the backlog in virtual time too.")
@click.option(
    "--isolation",
    type=click.Choice(("namespace", "process", "inline")),
    help="Let handlers run, there.  [default: none run, each invocation succeeds]",
)
@output.FORM
@click.pass_context
def plan(context: click.Context, /, **given: Any) -> None:
    """Find the settings that keep a queue's oldest message under a target age.

    With FILE... (as replay takes them): reserved concurrency, batch size and visibility timeout, by trials in virtual
    time. Without: backlog per environment and what follows, from the figures that are given.
    """
    other, why = (
        (FIGURES, "is for figures") if given["files"] else (TRIALS, "is for a recording: name its FILE")
    )
    for name in other:
        if given[name] not in (None, False, ()):
            flag = f"--{name.replace('_', '-')}"
            raise UsageError(f"{flag}: {why}. Leave it out.")
    settings = output.settings_of(context)
    if given["files"]:
        from lambdarun.cli import planning  # loads the runtime: --help must not pay for it

        raise SystemExit(planning.plan(settings, {**given, "target": given["target"] or "60s"}))
    from lambdarun.cli import figuring

    raise SystemExit(figuring.figure(settings, given))
