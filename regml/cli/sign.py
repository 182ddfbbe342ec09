"""``regml waive``: putting one's name under a decision."""

import datetime as dt

import click

from regml.cli import project_root


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
    from regml.project import open_project
    from regml.records.waivers import waive as sign
    from regml.trace.rules import look
    from regml.trace.waivers import waivable

    root = project_root(ctx.obj)
    graph = open_project(root).graph
    [outcome] = look(graph, [rule])
    subjects, messages = waivable(graph, outcome, ids)
    made = sign(
        root, rule, subjects, messages, until=until.date(), because=because, role=role
    )
    click.echo(made.path)
    click.echo(
        f"regml: waived {rule} for {', '.join(subjects)} until {until.date()}.",
        err=True,
    )
