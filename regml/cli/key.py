"""``regml key``: making one's signing key, and showing its public half."""

from pathlib import Path

import click

from regml.errors import SigningKeyError
from regml.records.keys import KEY_TYPES


@click.group()
def key() -> None:
    """Make your signing key, or show its public half."""


@key.command()
@click.option(
    "--type",
    "kind",
    type=click.Choice(KEY_TYPES),
    default=KEY_TYPES[0],
    show_default=True,
    help="ECDSA P-256 or Ed25519.",
)
@click.option(
    "--passphrase",
    "guarded",
    is_flag=True,
    help="Protect the file with a passphrase: asked for, or REGML_KEY_PASSPHRASE.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Another place than that of your personal key.",
)
def new(kind: str, out: Path | None, *, guarded: bool) -> None:
    """Make a signing key; one that is there is never overwritten.

    To change your key, move the old file away, make a new one, and let regml.toml name
    both: the old one with 'revoked' and 'revoked_because'.
    """
    from regml.records.keys import create_key, key_path, new_passphrase

    path = out or key_path()
    if path.exists():
        raise SigningKeyError(
            f"{path}: there is a key already, and nothing was done. Move it away "
            "first; it stays in regml.toml for the records it signed."
        )
    create_key(path, kind=kind, passphrase=new_passphrase(path) if guarded else None)
    click.echo(str(path))


@key.command()
@click.option("--pem", is_flag=True, help="Only the public key.")
@click.pass_context
def show(ctx: click.Context, *, pem: bool) -> None:
    """Print the public half of your key as the block that regml.toml needs."""
    from regml.files.author import person
    from regml.records.keys import key_path, public_pem, read_key, signer_block

    path = key_path()
    mine = read_key(path)
    if pem:
        click.echo(public_pem(mine), nl=False)
        return
    who = person(ctx.obj)
    protected = "with a passphrase" if mine.protected else "without a passphrase"
    click.echo(f"# {path}, {protected}, id {mine.id}")
    roles = ("developer",)
    click.echo(signer_block(mine, who.name, who.email, roles), nl=False)
