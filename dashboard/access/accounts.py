"""Users and tokens that may come in: one file, for this machine's owner only to read."""

import hashlib
import re
import secrets
from collections.abc import Callable
from pathlib import Path

import msgspec

from dashboard.access.role_names import Role
from schemas.errors import SettingsInvalid, UsageError
from streams.locks import locked
from streams.whole_files import write_secret

OWNER = "owner"
"""Who holds the token that is made at start; only while nobody can come from elsewhere."""

TOKEN_PREFIX = "gsw_"  # noqa: S105  so that people and scanners see what it is
TOKEN_BYTES = 32
NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")


class User(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody with a password, which is kept as an argon2id hash."""

    role: Role
    password: str
    created_at_s: float


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A program's way in, kept as a SHA-256: it is random, so nothing is to be guessed."""

    role: Role
    sha256: str
    created_at_s: float


class Accounts(msgspec.Struct, frozen=True, kw_only=True):
    """Everybody, by name; no name is both a user's and a token's."""

    users: dict[str, User] = {}
    tokens: dict[str, Token] = {}

    def token_of(self, secret: str) -> tuple[str, Token] | None:
        """Find whose token this is."""
        wanted = hash_of(secret)
        found = [(name, token) for name, token in self.tokens.items() if secrets.compare_digest(token.sha256, wanted)]
        return found[0] if found else None


class AccountsFile:
    """The file, read anew when it has changed; written whole or not at all."""

    def __init__(self, home: Path) -> None:
        self.path = home / "dashboard" / "access.json"
        self._seen: tuple[int, int, int] | None = None
        self._accounts = Accounts()

    def read(self) -> Accounts:
        """Give what the file says now.

        Raises
        ------
        SettingsInvalid
            It is not a file of accounts.
        """
        try:
            state = self.path.stat()
        except FileNotFoundError:
            return Accounts()
        now = (state.st_ino, state.st_mtime_ns, state.st_size)
        if now != self._seen:
            self._accounts, self._seen = self._decoded(), now
        return self._accounts

    def change(self, how: Callable[[Accounts], Accounts]) -> None:
        """Replace the accounts by what `how` makes of them; others who change them wait."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.parent.chmod(0o700)
        with locked(self.path.with_suffix(".lock")):
            write_secret(self.path, msgspec.json.format(msgspec.json.encode(how(self.read()))))

    def _decoded(self) -> Accounts:
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=Accounts)
        except msgspec.DecodeError as error:
            raise SettingsInvalid(
                f"{self.path} is no file of users and tokens: {error}; restore or remove it"
            ) from error


def checked_name(name: str, accounts: Accounts) -> str:
    """Tidy the name of a new user or token.

    Raises
    ------
    UsageError
        It has other characters than allowed, or is taken.
    """
    tidy = name.strip().casefold()
    if not NAME.fullmatch(tidy):
        raise UsageError(
            f"a name has 1 to 64 letters a-z, digits and . _ @ -, the first a letter or digit; came {name!r}"
        )
    if tidy == OWNER or tidy in accounts.users or tidy in accounts.tokens:
        raise UsageError(f"the name {tidy} is taken; choose another, or remove that one first")
    return tidy


def new_secret() -> str:
    """Make a token that nobody can guess."""
    return TOKEN_PREFIX + secrets.token_urlsafe(TOKEN_BYTES)


def hash_of(secret: str) -> str:
    """What is kept of a token or a session's id."""
    return hashlib.sha256(secret.encode()).hexdigest()


def owner_token(home: Path) -> str:
    """Read the owner's token, made at the first call; removing its file makes another."""
    path = home / "dashboard" / "token"
    try:
        found = path.read_text("ascii").strip()
    except (FileNotFoundError, UnicodeDecodeError):
        found = ""
    if len(found) < TOKEN_BYTES:
        found = new_secret()
        path.parent.mkdir(parents=True, exist_ok=True)
        write_secret(path, f"{found}\n".encode())
    return found
