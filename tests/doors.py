"""The whole app behind its layers, with people who may come in: what `groundswell dashboard` serves, without a socket."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import msgspec
from desks import a_desk
from fastapi import FastAPI
from starlette.testclient import TestClient
from starlette.types import ASGIApp

from dashboard.access.accounts import Accounts, AccountsFile, Token, User, hash_of, owner_token
from dashboard.access.audit import Trail
from dashboard.access.database import open_database
from dashboard.access.gate import Gate
from dashboard.access.passwords import hashed
from dashboard.access.role_names import Role
from dashboard.app import create_app
from dashboard.desk import Desk
from dashboard.guard import guarded
from streams.settings import Settings

ADDRESS = "http://127.0.0.1:8484"
PASSWORD = "correct horse battery"
OUR_PAGE = {"Sec-Fetch-Site": "same-origin", "Origin": ADDRESS}


@dataclass
class Doors:
    """An app and the files behind its doors."""

    app: FastAPI
    guarded: ASGIApp
    desk: Desk

    @property
    def accounts(self) -> AccountsFile:
        return AccountsFile(self.desk.settings.home)

    @property
    def trail(self) -> Trail:
        return Trail(self.desk.settings.home)

    @property
    def gate(self) -> Gate:
        gate = self.app.state.gate
        assert isinstance(gate, Gate)
        return gate

    def client(self, token: str = "", *, address: str = ADDRESS, client: str = "192.0.2.1") -> TestClient:
        """A program or browser that has been nowhere yet; redirects are answers."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return TestClient(self.guarded, address, headers=headers, client=(client, 50000), follow_redirects=False)

    def owner(self) -> TestClient:
        """A program with the token that is made at start."""
        return self.client(owner_token(self.desk.settings.home))

    def program(self, role: Role, *, name: str = "") -> TestClient:
        """A program with a token of some role."""
        return self.client(self.token(role, name=name))

    def token(self, role: Role, *, name: str = "") -> str:
        """Let a program in."""
        secret = f"gsw_{role}_{name}_of_a_test"
        token = Token(role=role, sha256=hash_of(secret), created_at_s=0.0)
        self._change(lambda known: msgspec.structs.replace(known, tokens=known.tokens | {name or f"a-{role}": token}))
        return secret

    @staticmethod
    @cache
    def _hash(password: str) -> str:
        """Hashing is made to be slow."""
        return hashed(password)

    def user(self, name: str, role: Role, *, password: str = PASSWORD) -> None:
        """Let somebody in."""
        user = User(role=role, password=self._hash(password), created_at_s=0.0)
        self._change(lambda known: msgspec.structs.replace(known, users=known.users | {name: user}))

    def browser(self, name: str, *, password: str = PASSWORD) -> TestClient:
        """A browser in which somebody has logged in."""
        client = self.client()
        answer = client.post("/login", json={"name": name, "password": password}, headers=OUR_PAGE)
        assert answer.status_code == 200, answer.text
        return client

    def _change(self, how: Callable[[Accounts], Accounts]) -> None:
        self.accounts.change(how)


@contextmanager
def doors_of(
    folder: Path, *, settings: Settings | None = None, add: Callable[[FastAPI], None] = lambda app: None
) -> Iterator[Doors]:
    """Open a home; `add` gives the app further routes."""
    desk = a_desk(folder, settings=settings or Settings(home=folder))
    app = create_app(desk)
    add(app)
    database = open_database(desk.settings.home)
    try:
        yield Doors(app, guarded(app, desk.settings, database), desk)
    finally:
        database.close()
        desk.library.close()
