"""``regml init``, ``new``, ``schema``, ``doctor``: beginning, and beginning well."""

import contextlib
import datetime as dt
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from regml.cli import project_root
from regml.cli.trace import form_option, print_table
from regml.errors import ConfigError, UnknownIdError

if TYPE_CHECKING:
    from regml.starter import Added


@click.command()
@click.argument(
    "directory", type=click.Path(file_okay=False, path_type=Path), default=Path()
)
@click.option(
    "--example",
    type=click.Choice(["hippovol"]),
    help="The worked example to start from.  [default: hippovol, in a new folder]",
)
@click.option(
    "--remote",
    metavar="URL",
    help="Where DVC keeps data and models; set to verify what is pulled.",
)
@click.pass_context
def init(
    ctx: click.Context, directory: Path, example: str | None, remote: str | None
) -> None:
    """Start a project in DIRECTORY, or add what regml needs to the one there.

    A new or empty folder becomes the worked example, in its own git repository,
    committed clean. A git repository with files keeps them all: it gets regml.toml, a
    risk policy, document templates and lines for git, and nothing is committed.
    """
    from regml.starter import add_to_project, holds_files, start_project

    place = ctx.obj / directory
    if holds_files(place) and not example:
        if remote:
            raise click.UsageError(
                "--remote is for a new project. In this one: dvc remote add --default "
                f"NAME {remote} && dvc remote modify NAME verify true",
                ctx,
            )
        added = add_to_project(place)
        click.echo(_added(added), err=True)
        click.echo(str(added.root))
        return
    started = start_project(place, remote=remote)
    click.echo(
        f"Started {started.root} from the example 'hippovol': "
        f"commit {started.commit[:12]}, signer {started.person.email}.",
        err=True,
    )
    click.echo(str(place))


def _added(added: "Added") -> str:
    """Say what is new, what stays, and what to do next."""
    tops = sorted({name.partition("/")[0] for name in added.written})
    kept = f" These were there and stay as they are: {', '.join(added.kept)}."
    return (
        f"Added to {added.root}: {', '.join(tops)}. Signer {added.person.email}."
        f"{kept if added.kept else ''}\n"
        "Nothing is committed. Next:\n"
        "  1. Fill in what says TBD in regml.toml and risk/policy.yaml, and read "
        "[sources] there.\n"
        "  2. Begin each cmd in dvc.yaml with 'regml record -- '; commit; dvc repro\n"
        "  3. regml doctor, which says what the set-up lacks; then regml check"
    )


@click.command()
@click.argument("kind", required=False)
@click.argument("title", required=False)
@click.option(
    "--field",
    "fields",
    multiple=True,
    metavar="NAME=VALUE",
    help="A field and its value in YAML, e.g. refines=UN-01; text is the body.",
)
@click.option("--list", "only_list", is_flag=True, help="List the kinds of item.")
@form_option("text", "markdown", "json")
@click.pass_context
def new(
    ctx: click.Context,
    kind: str | None,
    title: str | None,
    fields: tuple[str, ...],
    form: str,
    *,
    only_list: bool,
) -> None:
    """Write a new item of a KIND with the next free id, and print its path.

    The file holds every field that the kind needs; what is still to be written says
    TBD, which 'regml check' finds. Ids of removed items are not given again.
    """
    from regml.files.new_item import kind_named, kind_table, new_item
    from regml.trace.page import Table

    root = project_root(ctx.obj)
    if only_list:
        columns = ("kind", "what", "folder", "next id")
        print_table(Table(columns, kind_table(root)), form)
        return
    if not kind or not title:
        raise click.UsageError('Say what: regml new KIND "Title".', ctx)
    today = dt.datetime.now(dt.UTC).date()
    path = new_item(root, kind_named(kind), title, _pairs(fields), today=today)
    click.echo(os.path.relpath(root / path))


@click.command()
@click.argument("name", required=False)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write it, or without NAME all of them, into this folder.",
)
def schema(name: str | None, out: Path | None) -> None:
    """Print the JSON Schema of an item or a configuration file.

    NAME is a kind of item (un, srs, risk, ...), regml-toml or risk-policy; without it
    the names are listed.
    """
    from regml.files.editor import schema_files, schema_text
    from regml.items.schema import SCHEMAS

    if name is not None and name.lower() not in SCHEMAS:
        raise UnknownIdError(
            f"there is no schema {name!r}. Schemas: {', '.join(SCHEMAS)}."
        )
    if out is not None:
        named = f"{name.lower()}.schema.json" if name else ""
        out.mkdir(parents=True, exist_ok=True)
        for file_name, text in schema_files().items():
            if not named or file_name == named:
                (out / file_name).write_text(text, encoding="utf-8", newline="\n")
                click.echo(str(out / file_name))
    elif name is None:
        click.echo("\n".join(SCHEMAS))
    else:
        click.echo(schema_text(name.lower()), nl=False)


@click.command()
@form_option("text", "json")
@click.pass_context
def doctor(ctx: click.Context, form: str) -> int:
    """Say what of the set-up works, and what to do about the rest.

    Looks at tools, optional parts, identity, signing key, configuration, items,
    stages, remotes, git settings and records. Works in every broken state, also outside
    a project, and changes nothing. Exit status: 0 no problem, 1 problems.
    """
    from regml.doctor import State, as_json, as_text, examine

    root: Path | None = None
    with contextlib.suppress(ConfigError):
        root = project_root(ctx.obj)
    found = examine(root)
    click.echo(as_json(found) if form == "json" else as_text(found), nl=False)
    return int(any(row.state is State.PROBLEM for row in found))


def _pairs(fields: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for field in fields:
        name, sign, value = field.partition("=")
        if not sign or not name:
            raise click.BadParameter(f"{field!r} is not NAME=VALUE.")
        pairs[name] = value
    return pairs
