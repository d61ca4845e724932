"""Sessions of browsers: on the server, by the hash of an id that only the browser has."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from dashboard.access.accounts import hash_of
from dashboard.access.database import Database

IDLE_LIMIT_S = 24 * 3600.0
LIFE_LIMIT_S = 14 * 24 * 3600.0
NOTED_EVERY_S = 60.0
MOST_SESSIONS = 10_000

SCHEMA = """
create table if not exists sessions (
    id text primary key, kind text not null, name text not null, credential text not null,
    created_at_s real not null, seen_at_s real not null
) without rowid;
"""


@dataclass(frozen=True, kw_only=True)
class Session:
    """Who logged in, and the fingerprint of what they logged in with: when that changes, the session is over."""

    kind: str
    name: str
    credential: str


class Sessions:
    """All sessions of one dashboard.

    Parameters
    ----------
    now_s : callable
        Seconds since the epoch.
    """

    def __init__(self, database: Database, *, now_s: Callable[[], float] = time.time) -> None:
        self._database, self._now_s = database, now_s

    def begin(self, session: Session) -> str:
        """Begin a session; its id, for the browser only."""
        secret, now_s = secrets.token_urlsafe(32), self._now_s()
        self._forget_old(now_s)
        self._database.all(
            "insert into sessions values (?, ?, ?, ?, ?, ?)",
            (hash_of(secret), session.kind, session.name, session.credential, now_s, now_s),
        )
        return secret

    def find(self, secret: str) -> Session | None:
        """Whose session it is; None when it has ended."""
        now_s, key = self._now_s(), hash_of(secret)
        row = self._database.one(
            "select kind, name, credential, created_at_s, seen_at_s from sessions where id = ?", (key,)
        )
        if row is None or now_s - row[3] > LIFE_LIMIT_S or now_s - row[4] > IDLE_LIMIT_S:
            return None
        if now_s - row[4] > NOTED_EVERY_S:
            self._database.all("update sessions set seen_at_s = ? where id = ?", (now_s, key))
        return Session(kind=row[0], name=row[1], credential=row[2])

    def end(self, secret: str) -> None:
        """End a session, if there is one."""
        self._database.all("delete from sessions where id = ?", (hash_of(secret),))

    def _forget_old(self, now_s: float) -> None:
        self._database.all(
            "delete from sessions where created_at_s < ? or seen_at_s < ?", (now_s - LIFE_LIMIT_S, now_s - IDLE_LIMIT_S)
        )
        self._database.all(
            "delete from sessions where id in (select id from sessions order by seen_at_s desc limit -1 offset ?)",
            (MOST_SESSIONS - 1,),
        )
