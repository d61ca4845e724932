"""``groundswell tokens``: how programs come in."""

import time
from typing import Annotated

import msgspec
import typer

from dashboard.access.accounts import AccountsFile, Token, checked_name, hash_of, new_secret
from dashboard.access.trail_of_commands import note
from dashboard.commands.access_lists import AsJson, WhichRole, print_list
from schemas.errors import UsageError
from streams import settings as settings_module

app = typer.Typer(help="Tokens for programs: Authorization: Bearer TOKEN. Changes count at once.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="What it is for, such as prometheus.")]


@app.command("add")
def add(name: Name, role: WhichRole = "viewer") -> None:
    """Make a token and print it; it is shown this once, and only a hash of it is kept.

    groundswell tokens add nightly-import --role editor
    """
    home, secret = settings_module.load().home, new_secret()
    token = Token(role=role, sha256=hash_of(secret), created_at_s=time.time())
    AccountsFile(home).change(
        lambda known: msgspec.structs.replace(known, tokens={**known.tokens, checked_name(name, known): token})
    )
    note(home, f"tokens add {name} --role {role}")
    typer.echo(secret)


@app.command("list")
def list_tokens(as_json: AsJson = False) -> None:
    """List tokens by name, with their role.

    groundswell tokens list
    """
    nobody = "no tokens yet; `groundswell tokens add NAME --role viewer` makes one"
    print_list(AccountsFile(settings_module.load().home).read().tokens, as_json=as_json, nobody=nobody)


@app.command("revoke")
def revoke(name: Name) -> None:
    """Make a token worthless, and end what was begun with it.

    groundswell tokens revoke nightly-import
    """
    home, tidy = settings_module.load().home, name.strip().casefold()
    file = AccountsFile(home)
    if tidy not in file.read().tokens:
        raise UsageError(f"no token is called {name!r}; `groundswell tokens list` shows which there are")
    file.change(
        lambda known: msgspec.structs.replace(known, tokens={n: t for n, t in known.tokens.items() if n != tidy})
    )
    note(home, f"tokens revoke {tidy}")
    typer.echo(f"the token {tidy} is worth nothing any more", err=True)
