"""``regml approve``, ``waive``: putting one's name under something."""

import datetime as dt
import sys
from typing import TYPE_CHECKING

import click

from regml.cli import project_root
from regml.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from regml.trace.model import TraceGraph


@click.command()
@click.argument("ids", nargs=-1, metavar="ID...")
@click.option(
    "--meaning",
    type=click.Choice(["review", "approval", "responsibility", "authorship"]),
    required=True,
)
@click.option("--role", help="In which of your roles you sign.")
@click.option("--comment", default="", help="What you want to add.")
@click.option(
    "--all",
    "kinds",
    multiple=True,
    metavar="KIND",
    help="Also every item of a kind that is in force, e.g. srs; prints them and asks.",
)
@click.option("--yes", is_flag=True, help="Do not ask after printing them.")
@click.pass_context
def approve(
    ctx: click.Context,
    ids: tuple[str, ...],
    *,
    meaning: str,
    role: str | None,
    comment: str,
    kinds: tuple[str, ...],
    yes: bool,
) -> None:
    """Sign the content of items or documents as reviewed or approved.

    A document is named like doc:05-software-requirements. [approvals] in regml.toml
    says which roles have to approve what.
    """
    from regml.project import open_project
    from regml.records.approvals import approve as sign
    from regml.trace.signatures import required_roles, to_sign

    root = project_root(ctx.obj)
    graph = open_project(root).graph
    names = to_sign(graph, ids, kinds)
    signed = graph.signable(names)
    if kinds and not yes:
        _ask(graph, names, meaning)
    made = sign(
        root,
        *signed,
        meaning=meaning,
        role=role,
        comment=comment,
        required=required_roles(graph, names, meaning),
    )
    click.echo(made.path)
    click.echo(f"regml: signed {_items(signed[0])} ({meaning}).", err=True)


def _ask(graph: "TraceGraph", names: "Sequence[str]", meaning: str) -> None:
    """Print what is to be signed and have it confirmed.

    Raises:
        ConfigError: Nobody is there to answer.
    """
    from regml.trace.signatures import news_about

    for name in names:
        click.echo(f"{name}  {graph.node(name).title}", err=True)
        for line in news_about(graph, name):
            click.echo(f"    {line}", err=True)
    if not sys.stdin.isatty():
        raise ConfigError(
            f"{len(names)} items are to be signed and nobody is here to confirm it. "
            "Read them as printed above and add --yes."
        )
    these = "this item" if len(names) == 1 else f"these {_items(names)}"
    click.confirm(f"Sign {these} ({meaning})?", abort=True, err=True)


@click.command()
@click.argument("rule")
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@click.option(
    "--until",
    type=click.DateTime(["%Y-%m-%d"]),
    required=True,
    help="Last day on which the waiver holds, as in 2026-12-31.",
)
@click.option("--because", required=True, help="Why the finding can be lived with.")
@click.option("--role", help="In which of your roles you sign; quality may waive.")
@click.pass_context
def waive(
    ctx: click.Context,
    rule: str,
    ids: tuple[str, ...],
    *,
    until: dt.datetime,
    because: str,
    role: str | None,
) -> None:
    """Sign that findings of one check are lived with until a day.

    The findings are printed all the same, marked; they do not count. A waiver ends
    with its day, when the item changes, and when the check finds something else.
    """
    from regml.items.recorded import Person
    from regml.project import open_project
    from regml.records.approvals import signer_of
    from regml.records.keys import personal_key
    from regml.records.waivers import waive as sign
    from regml.trace.rules import look
    from regml.trace.waivers import refuse_own, waivable

    root = project_root(ctx.obj)
    graph = open_project(root).graph
    [outcome] = look(graph, [rule])
    subjects, messages = waivable(graph, outcome, ids)
    signer = signer_of(personal_key(), graph.evidence.config.signers)
    refuse_own(graph, rule, subjects, Person(signer.name, signer.email))
    made = sign(
        root, rule, subjects, messages, until=until.date(), because=because, role=role
    )
    click.echo(made.path)
    click.echo(
        f"regml: waived {rule} for {', '.join(subjects)} until {until.date()}.",
        err=True,
    )


def _items(names: "Collection[str]") -> str:
    return f"{len(names)} item{'s' * (len(names) != 1)}"
