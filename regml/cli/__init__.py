"""The command line: arguments in, one library call, text out."""

import atexit
import gc
import os
import sys
from importlib import import_module
from pathlib import Path

import click

from regml.errors import ConfigError, RegmlError
from regml.plugins import leave_out_plugins

LAZY = {
    "approve": "regml.cli.sign:approve",
    "check": "regml.cli.trace:check",
    "dhf": "regml.cli.dhf:dhf",
    "diff": "regml.cli.change:diff",
    "doctor": "regml.cli.start:doctor",
    "export": "regml.cli.exchange:export",
    "gaps": "regml.cli.gaps:gaps",
    "impact": "regml.cli.change:impact",
    "import": "regml.cli.exchange:import_",
    "init": "regml.cli.start:init",
    "key": "regml.cli.key:key",
    "lineage": "regml.cli.trace:lineage",
    "list": "regml.cli.trace:list_",
    "matrix": "regml.cli.trace:matrix",
    "new": "regml.cli.start:new",
    "record": "regml.cli.record:record",
    "release": "regml.cli.release:release",
    "schema": "regml.cli.start:schema",
    "show": "regml.cli.trace:show",
    "soup": "regml.cli.soup:soup",
    "summary": "regml.cli.trace:summary",
    "test": "regml.cli.testing:test",
    "trace": "regml.cli.trace:trace",
    "verify": "regml.cli.record:verify",
    "waive": "regml.cli.sign:waive",
}
"""Where each command lives; it is imported when it is typed."""

READERS = frozenset(
    {"check", "gaps", "lineage", "list", "matrix", "show", "summary", "trace"}
)
"""Commands that open a project, print to standard output and write nothing."""

HELP = {
    "approve": "Sign the content of items as reviewed or approved.",
    "check": "Look for gaps in the evidence.",
    "dhf": "Build the Design History File.",
    "diff": "Say what changed in meaning between two revisions.",
    "doctor": "Say what of the set-up works, and what to do about the rest.",
    "export": "Write items or the graph for another tool.",
    "gaps": "Show clause by clause what is covered.",
    "impact": "Tell what a change touches, and why.",
    "import": "Make items of another tool's files.",
    "init": "Start a project.",
    "key": "Make your signing key, or show its public half.",
    "lineage": "Tell where a model or dataset comes from.",
    "list": "List items, runs, datasets, models or results.",
    "matrix": "Print a traceability matrix.",
    "new": "Write a new item with the next free id.",
    "record": "Run a DVC stage and leave a signed record.",
    "release": "Hand a version over: gate, signed record, archive.",
    "schema": "Print the JSON Schema of an item or a configuration file.",
    "show": "Show one item with all its links.",
    "soup": "Compare, list and look up the packages in the device.",
    "summary": "Say what was trained on what, and what is still missing.",
    "test": "Run tests, import results of others, carry out protocols.",
    "trace": "Follow the links of one item in both directions.",
    "verify": "Compare every record, signature and byte.",
    "waive": "Sign that findings of one check are lived with until a day.",
}


class LazyGroup(click.Group):
    """A group that imports a command only when it is typed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, sorted."""
        return sorted(LAZY)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in LAZY:
            return None
        module, name = LAZY[cmd_name].split(":")
        command = getattr(import_module(module), name)
        assert isinstance(command, click.Command)  # noqa: S101 - LAZY names commands
        return command

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, HELP[name]) for name in self.list_commands(ctx)])


@click.group(cls=LazyGroup)
@click.version_option(package_name="regml", prog_name="regml")
@click.option(
    "-C",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    help="Work in this directory, as in git.",
)
@click.pass_context
def cli(ctx: click.Context, directory: Path | None) -> None:
    """Evidence for medical devices that learn: records, traceability, DHF."""
    ctx.obj = directory or Path()


def project_root(start: Path) -> Path:
    """Return the nearest folder at or above ``start`` with a ``regml.toml``.

    Raises:
        ConfigError: There is none.
    """
    here = start.resolve()
    for folder in (here, *here.parents):
        if (folder / "regml.toml").is_file():
            return folder
    raise ConfigError(
        f"{here}: no regml.toml here or above. "
        "Go to a project, name one with -C, or start one with 'regml init'."
    )


def main() -> int:
    """Run the command line; return 0 clean, 1 findings, 2 cannot work."""
    gc.set_threshold(200_000)  # nearly all a command makes is kept until it ends
    atexit.register(gc.freeze)  # the end frees it without looking for garbage first
    leave_out_plugins()
    try:
        return _answer(sys.argv[1:])
    except click.exceptions.Exit as leave:
        return leave.exit_code
    except click.ClickException as problem:
        problem.show()
        return 2
    except click.Abort:
        click.echo("Aborted.", err=True)
        return 2
    except RegmlError as problem:
        click.echo(f"regml: {problem}", err=True)
        return 2
    except BrokenPipeError:  # who reads has seen enough; Python flushes once more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _answer(arguments: list[str]) -> int:
    """Run a command, or give the answer again that it gave when all was the same."""
    place, words = Path(), arguments
    if words[:1] == ["-C"] and len(words) > 1:
        place, words = Path(words[1]), words[2:]
    if words and words[0] in READERS and "--help" not in words:
        from regml.cli.remembered import remembered

        return remembered(project_root(place), arguments, _run)
    return _run()


def _run() -> int:
    result = cli.main(standalone_mode=False)
    return result if isinstance(result, int) else 0


if __name__ == "__main__":
    sys.exit(main())
