"""``groundswell users``: who may log in to the dashboard, with which role."""

import sys
import time
from collections.abc import Callable
from typing import Annotated

import msgspec
import typer

from dashboard.access.accounts import Accounts, AccountsFile, User, checked_name
from dashboard.access.role_names import Role
from dashboard.access.trail_of_commands import note
from dashboard.commands.access_lists import AsJson, WhichRole, print_list
from schemas.errors import UsageError
from streams import settings as settings_module

app = typer.Typer(help="Who may log in to the dashboard. Changes count at once, for those who are logged in too.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="Letters a-z, digits and . _ @ -")]


@app.command("add")
def add(name: Name, role: WhichRole = "viewer") -> None:
    """Add somebody. The password is asked for, or read from standard input.

    groundswell users add maria --role editor
    """
    from dashboard.access.passwords import hashed

    file = _file()
    tidy = checked_name(name, file.read())
    user = User(role=role, password=hashed(asked_password()), created_at_s=time.time())
    file.change(lambda known: _with(known, checked_name(name, known), user))
    _done(f"users add {tidy} --role {role}", f"{tidy} may log in as {role}")


@app.command("list")
def list_users(as_json: AsJson = False) -> None:
    """List everybody with their role.

    groundswell users list
    """
    nobody = "nobody yet; `groundswell users add NAME --role admin` adds somebody"
    print_list(_file().read().users, as_json=as_json, nobody=nobody)


@app.command("remove")
def remove(name: Name) -> None:
    """Remove somebody; what they have open ends.

    groundswell users remove maria
    """
    tidy = _change(name, lambda user: None)
    _done(f"users remove {tidy}", f"{tidy} may not log in any more")


@app.command("password")
def password(name: Name) -> None:
    """Give somebody another password; they have to log in again.

    groundswell users password maria
    """
    from dashboard.access.passwords import hashed

    _known(_file().read(), name)
    new = hashed(asked_password())
    tidy = _change(name, lambda user: msgspec.structs.replace(user, password=new))
    _done(f"users password {tidy}", f"{tidy} has a new password")


@app.command("role")
def role(name: Name, role: Annotated[Role, typer.Argument(metavar="ROLE", help="viewer, editor or admin")]) -> None:
    """Give somebody another role.

    groundswell users role maria admin
    """
    tidy = _change(name, lambda user: msgspec.structs.replace(user, role=role))
    _done(f"users role {tidy} {role}", f"{tidy} is {role} now")


def asked_password() -> str:
    """Ask for a password twice, or read a line of standard input where nobody can be asked.

    Raises
    ------
    UsageError
        Nothing came.
    """
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    line = sys.stdin.readline().rstrip("\r\n")
    if not line:
        raise UsageError("no password came: type it when asked, or send it as a line on standard input")
    return line


def _file() -> AccountsFile:
    return AccountsFile(settings_module.load().home)


def _change(name: str, how: Callable[[User], User | None]) -> str:
    def changed(known: Accounts) -> Accounts:
        tidy, user = _known(known, name)
        return _with(known, tidy, how(user))

    file = _file()
    tidy, _ = _known(file.read(), name)
    file.change(changed)
    return tidy


def _known(known: Accounts, name: str) -> tuple[str, User]:
    tidy = name.strip().casefold()
    if tidy not in known.users:
        raise UsageError(f"nobody is called {name!r}; `groundswell users list` shows who there is")
    return tidy, known.users[tidy]


def _with(known: Accounts, name: str, user: User | None) -> Accounts:
    others = {n: u for n, u in known.users.items() if n != name}
    return msgspec.structs.replace(known, users=others | ({name: user} if user else {}))


def _done(command: str, words: str) -> None:
    note(settings_module.load().home, command)
    typer.echo(words, err=True)
