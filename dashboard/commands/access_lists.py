"""What the commands for users and for tokens share: the choice of a role, and the list of who has which."""

from collections.abc import Mapping
from typing import Annotated

import msgspec
import typer

from dashboard.access.accounts import Token, User
from dashboard.access.role_names import Role

WhichRole = Annotated[
    Role, typer.Option("--role", help="viewer reads; editor also submits and labels; admin may everything.")
]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]


def print_list(known: Mapping[str, User | Token], *, as_json: bool, nobody: str) -> None:
    """Print names with their roles; `nobody` is said of none."""
    rows = [{"name": name, "role": one.role, "created_at_s": one.created_at_s} for name, one in sorted(known.items())]
    if as_json:
        typer.echo(msgspec.json.encode(rows))
        return
    for row in rows:
        typer.echo(f"{row['name']:32} {row['role']}")
    if not rows:
        typer.echo(nobody, err=True)
