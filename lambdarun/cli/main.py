"""The command group: lazy subcommands, errors to exit codes."""

from __future__ import annotations

import gc
import sys
from importlib import import_module
from typing import Final

import click

from lambdarun.errors import LambdarunError, ProjectErrors

_OBJECTS_BETWEEN_COLLECTIONS: Final = 50_000
# Name -> where its command lives and what `--help` says of it: nothing is imported for the list.
COMMANDS: Final = {
    "invoke": ("lambdarun.cli.invoke:invoke", "Run a function once and print its result."),
    "replay": ("lambdarun.cli.replay:replay", "Deliver recorded events the way AWS would."),
    "plan": ("lambdarun.cli.plan:plan", "Say what a queue needs to keep a target age."),
    "report": ("lambdarun.cli.report:report", "Write a run's page from its event log."),
    "list": ("lambdarun.cli.project:list_", "Show what the project declares."),
    "validate": ("lambdarun.cli.project:validate", "Check the project file."),
    "filter": ("lambdarun.cli.filter:filter_", "Try filter patterns on events."),
    "doctor": ("lambdarun.cli.doctor:doctor", "Show what this machine allows."),
    "config": ("lambdarun.cli.project:config", "Show settings and where they come from."),
}


class LazyGroup(click.Group):
    """Imports a command when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, from the table."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


def _version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        from importlib.metadata import version  # 20 ms, for this option only

        click.echo(f"lambdarun {version('lambdarun')}")
        ctx.exit()


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, callback=_version, expose_value=False, is_eager=True, help="Show the version."
)
@click.option(
    "-v", "--verbose", count=True, help="Say what goes wrong as it happens; -vv everything, -vvv output too."
)
@click.option("-q", "--quiet", is_flag=True, help="No logs, no progress: the result alone.")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@click.option(
    "--color", type=click.Choice(["auto", "always", "never"]), default="auto", help="Colour of texts."
)
@click.option(
    "--log-format",
    type=click.Choice(["console", "json"]),
    default="console",
    help="How the log and notices are written on standard error.",
)
@click.option("--config", metavar="FILE", help="The project file; else lambdarun.toml here or above.")
def group(**_: object) -> None:
    """Run AWS Lambda functions as AWS would: on your machine, in virtual time."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; never returns."""
    given = sys.argv[1:] if arguments is None else arguments
    # A start makes many objects and no garbage, and the end needs no look for any: 18 ms of a short command.
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    try:
        _run(given)
    finally:
        gc.freeze()


def _run(given: list[str]) -> None:
    try:
        code = group.main(args=given, prog_name="lambdarun", standalone_mode=False)
        raise SystemExit(code if isinstance(code, int) else 0)
    except click.ClickException as fault:
        if isinstance(fault, click.NoSuchOption) and any(fault.option_name in p.opts for p in group.params):
            where = f"{fault.option_name} stands before the command: lambdarun {fault.option_name} ..."
            fault = click.UsageError(where, fault.ctx)
        fault.show()
        raise SystemExit(fault.exit_code) from None
    except (KeyboardInterrupt, click.Abort):
        sys.stderr.write("lambdarun: interrupted\n")
        raise SystemExit(130) from None
    except BrokenPipeError:
        # Whoever read our output has gone; there is nobody left to tell.
        sys.stdout = open("/dev/null", "w")  # noqa: SIM115 - must stay open until the interpreter's last flush
        raise SystemExit(0) from None
    except LambdarunError as fault:
        if "--debug" in given:
            import traceback  # for this option only

            traceback.print_exc()
        texts = fault.findings if isinstance(fault, ProjectErrors) else [fault]
        for text in texts:
            sys.stderr.write(f"lambdarun: error: {text}\n")
        raise SystemExit(fault.exit_code) from None


if __name__ == "__main__":
    main()
