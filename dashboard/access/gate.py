"""Who comes in: by token, by password, by a session that either began."""

import hashlib
import secrets
from dataclasses import dataclass

from starlette.requests import HTTPConnection

from dashboard.access import passwords
from dashboard.access.accounts import OWNER, AccountsFile, hash_of, owner_token
from dashboard.access.database import Database
from dashboard.access.roles import Caller
from dashboard.access.sessions import IDLE_LIMIT_S, Session, Sessions
from dashboard.access.throttle import Throttle
from dashboard.listening import is_encrypted, is_private
from dashboard.problems import Problem
from streams.settings import Settings

FREE_OF_NAME_HERE = 5
FREE_OF_NAME = 30
FREE_OF_ADDRESS = 30
"""Failures that cost nothing: of a name from one address, of a name from anywhere, of an address."""


@dataclass(frozen=True)
class _Credential:
    """What somebody logged in with, as it is now: their caller, and a fingerprint that changes with it."""

    caller: Caller
    fingerprint: str


class Gate:
    """Decides who a request comes from.

    Parameters
    ----------
    database : Database
        Keeps sessions; `dashboard.access.database.open_database`.
    """

    def __init__(
        self, settings: Settings, database: Database, *, sessions: Sessions | None = None, throttle: Throttle | None = None
    ) -> None:  # fmt: skip
        self._accounts = AccountsFile(settings.home)
        self._owner = owner_token(settings.home) if is_private(settings) else ""
        self.sessions = sessions or Sessions(database)
        self._throttle = throttle or Throttle()
        self.is_secure = is_encrypted(settings)
        home = hashlib.sha256(str(settings.home.absolute()).encode()).hexdigest()[:8]
        # Ports do not keep cookies apart: two dashboards of one machine would log each other out.
        self.cookie = "__Host-groundswell" if self.is_secure else f"groundswell_{home}"

    def of_token(self, secret: str) -> Caller | None:
        """Whose token it is."""
        found = self._of_token(secret)
        return found.caller if found else None

    def of_session(self, secret: str) -> Caller | None:
        """Whose session it is, with the role they have now; None once it ended or what began it was changed."""
        session = self.sessions.find(secret)
        now = self._now(session) if session else None
        if session is None or now is None or now.fingerprint != session.credential:
            return None
        return Caller(name=now.caller.name, role=now.caller.role, way="session")

    def log_in(self, name: str, password: str, *, address: str) -> str:
        """Begin a session by name and password; its id.

        Raises
        ------
        Problem
            They do not fit, or too many tries did not.
        """
        name = name.strip().casefold()
        keys = (f"{address} {name}", f"name {name}", f"address {address}")
        self._count(tuple(zip(keys, (FREE_OF_NAME_HERE, FREE_OF_NAME, FREE_OF_ADDRESS), strict=True)))
        user = self._accounts.read().users.get(name)
        if not passwords.fits(password, user.password if user else None) or user is None:
            raise _refused("name and password do not fit together")
        self._throttle.forgive(keys, forget=keys[0])
        return self.sessions.begin(Session(kind="user", name=name, credential=hash_of(user.password)))

    def log_in_by_token(self, secret: str, *, address: str) -> str:
        """Begin a session by a token; its id.

        Raises
        ------
        Problem
            It is nobody's, or too many tries were not.
        """
        key = f"address {address}"
        self._count(((key, FREE_OF_ADDRESS),))
        found = self._of_token(secret)
        if found is None:
            raise _refused(
                "this token is not known, or not any more; `groundswell dashboard --link` prints a link that works"
            )
        self._throttle.forgive((key,))
        kind = "owner" if found.caller.name == OWNER else "token"
        return self.sessions.begin(Session(kind=kind, name=found.caller.name, credential=found.fingerprint))

    def log_out(self, secret: str) -> None:
        """End a session."""
        self.sessions.end(secret)

    def set_cookie(self, secret: str) -> str:
        """The header that gives a browser its session; with an empty one, that takes it away."""
        flags = "; Secure" if self.is_secure else ""
        age_s = round(IDLE_LIMIT_S * 14) if secret else 0
        return f"{self.cookie}={secret}; Path=/; HttpOnly; SameSite=Strict; Max-Age={age_s}{flags}"

    def _of_token(self, secret: str) -> _Credential | None:
        if self._owner and secrets.compare_digest(hash_of(self._owner), hash_of(secret)):
            return _Credential(Caller(name=OWNER, role="admin", way="token"), hash_of(secret))
        found = self._accounts.read().token_of(secret)
        return _Credential(Caller(name=found[0], role=found[1].role, way="token"), found[1].sha256) if found else None

    def _now(self, session: Session) -> _Credential | None:
        if session.kind == "owner":
            return self._of_token(self._owner) if self._owner else None
        known = self._accounts.read()
        if session.kind == "user" and (user := known.users.get(session.name)):
            return _Credential(Caller(name=session.name, role=user.role, way="session"), hash_of(user.password))
        if session.kind == "token" and (token := known.tokens.get(session.name)):
            return _Credential(Caller(name=session.name, role=token.role, way="session"), token.sha256)
        return None

    def _count(self, keys: tuple[tuple[str, int], ...]) -> None:
        if wait_s := self._throttle.begin(keys):
            raise Problem(
                429, "too-many-tries", "Too many tries to log in", detail=f"the next is heard in {wait_s:.0f} s",
                headers={"Retry-After": f"{wait_s + 0.5:.0f}"},
            )  # fmt: skip


def gate_of(connection: HTTPConnection) -> Gate:
    """The gate of the app that answers."""
    found = connection.app.state.gate
    if not isinstance(found, Gate):
        raise TypeError("the app has no gate; see dashboard.guard.guarded")
    return found


def _refused(detail: str) -> Problem:
    return Problem(401, "not-you", "That did not let you in", detail=detail)
