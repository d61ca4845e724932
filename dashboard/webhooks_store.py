"""Which addresses are told of what, and every delivery until it has arrived: one SQLite file beside the library.

What is to be told and how far the topics were read are written in one transaction: nothing is lost over a restart.
"""

import secrets
import sqlite3
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any, Literal  # Any: a row of SQLite holds anything

import msgspec

from dashboard.problems import not_found
from schemas.errors import UsageError
from schemas.event import NAMESPACE, VideoId
from streams.kafka.admin import Place

FILE = Path("dashboard", "webhooks.sqlite")
"""In the home."""

MOST_HOOKS = 32
MOST_WAITING = 20_000
"""Of one hook; who falls farther behind is switched off."""

LOGGED = 500
"""Deliveries of a hook that are kept when they are over, without what they said."""

OLD_SECRET_S = 24 * 3600.0
"""After a rotation both secrets sign for so long."""

Happening = Literal["prediction.final", "video.failed"]
HAPPENINGS: tuple[Happening, ...] = ("prediction.final", "video.failed")
PING = "ping"

# Deleted bodies are overwritten, and nothing stays in a log beside the file: a video that is erased is gone.
_SCHEMA = """
pragma journal_mode=delete; pragma secure_delete=on; pragma foreign_keys=on;
create table if not exists hooks(
    id text primary key, url text, events text, secret text, old_secret text, old_until_s real, state text,
    reason text, by text, created_at_s real, failures integer default 0, rest_until_s real default 0,
    succeeded_at_s real default 0);
create table if not exists deliveries(
    id text primary key, hook text references hooks(id) on delete cascade, event text, video_id text, body blob,
    state text, attempts integer default 0, created_at_s real, first_at_s real, next_at_s real, last_at_s real,
    last_status integer, last_problem text default '');
create index if not exists due on deliveries(hook, state, next_at_s);
create index if not exists of_video on deliveries(video_id);
create table if not exists offsets(topic text, partition integer, next integer, primary key(topic, partition));
"""


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """Something to tell; `body` is what is sent."""

    event: str
    event_id: str
    video_id: VideoId
    at_s: float
    body: bytes


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """An address that is told.

    Attributes
    ----------
    state : str
        ``off``: nothing is sent; `reason` says why.
    waiting : int
        Deliveries that have not arrived yet.
    """

    webhook_id: str
    url: str
    events: tuple[str, ...]
    state: Literal["on", "off"]
    by: str
    created_at_s: float
    reason: str = ""
    waiting: int = 0


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One message to one address.

    Attributes
    ----------
    state : str
        ``failed``: given up.
    last_status : int or None
        What the address answered last; None: it did not.
    last_problem : str
        Why the last attempt failed; empty when it did not.
    """

    delivery_id: str
    event: str
    video_id: str
    state: Literal["waiting", "delivered", "failed"]
    attempts: int
    created_at_s: float
    next_at_s: float | None = None
    last_at_s: float | None = None
    last_status: int | None = None
    last_problem: str = ""


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery whose time has come."""

    delivery_id: str
    webhook_id: str
    url: str
    event: str
    body: bytes
    secrets: tuple[str, ...]
    attempts: int
    first_at_s: float


class WebhookStore:
    """All webhooks of one home. Safe to use from several threads, and by several at once."""

    def __init__(self, home: Path) -> None:
        path = home / FILE
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        self._lock = Lock()
        self._database = sqlite3.connect(path, timeout=10.0, check_same_thread=False, isolation_level=None)
        self._database.row_factory = sqlite3.Row
        self._database.executescript(_SCHEMA)

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._database.close()

    def add(self, url: str, events: Sequence[str], *, by: str) -> tuple[Webhook, str]:
        """Tell an address from now on; the hook and its secret, which is not shown again.

        Raises
        ------
        UsageError
            There are too many.
        """
        if len(self.all()) >= MOST_HOOKS:
            raise UsageError(f"there are {MOST_HOOKS} webhooks already; delete one that nobody needs")
        hook_id, secret = secrets.token_hex(8), new_secret()
        with self._changing() as database:
            database.execute(
                "insert into hooks(id, url, events, secret, state, reason, by, created_at_s) values(?,?,?,?,'on','',?,?)",
                (hook_id, url, ",".join(events), secret, by, round(time.time(), 3)),
            )
        return self.one(hook_id), secret

    def all(self) -> list[Webhook]:
        """Every hook, the oldest first."""
        return [_hook(row) for row in self._rows(f"{_HOOKS} order by created_at_s, id")]

    def one(self, webhook_id: str) -> Webhook:
        """Look a hook up; Problem when there is none."""
        return _hook(self._found(webhook_id))

    def remove(self, webhook_id: str) -> None:
        """Tell an address no more, and forget what it was told."""
        self._found(webhook_id)
        with self._changing() as database:
            database.execute("delete from hooks where id=?", (webhook_id,))

    def rotate(self, webhook_id: str) -> str:
        """Give a hook a new secret; the old one signs beside it for a day."""
        old, secret = self._found(webhook_id)["secret"], new_secret()
        with self._changing() as database:
            database.execute(
                "update hooks set secret=?, old_secret=?, old_until_s=? where id=?",
                (secret, old, time.time() + OLD_SECRET_S, webhook_id),
            )
        return secret

    def switch_on(self, webhook_id: str) -> Webhook:
        """Go on telling an address that was given up; what waits is tried at once."""
        self._found(webhook_id)
        with self._changing() as database:
            database.execute(
                "update hooks set state='on', reason='', failures=0, rest_until_s=0 where id=?", (webhook_id,)
            )
            database.execute(
                "update deliveries set next_at_s=0, first_at_s=null where hook=? and state='waiting'", (webhook_id,)
            )
        return self.one(webhook_id)

    def switch_off(self, webhook_id: str, reason: str) -> None:
        """Tell an address nothing more until somebody says so; what waits is kept."""
        with self._changing() as database:
            database.execute("update hooks set state='off', reason=? where id=?", (reason, webhook_id))

    def ping(self, webhook_id: str) -> Delivery:
        """Queue a message without meaning, so that an address can be tried out."""
        self._found(webhook_id)
        now_s, body = time.time(), msgspec.json.encode({"type": PING, "at_s": round(time.time(), 3)})
        notice = Notice(event=PING, event_id=secrets.token_hex(16), video_id="", at_s=now_s, body=body)
        with self._changing() as database:
            _insert(database, webhook_id, notice)
        return self.log(webhook_id, limit=1)[0]

    def log(self, webhook_id: str, *, limit: int) -> list[Delivery]:
        """Deliveries of a hook, the newest first."""
        self._found(webhook_id)
        rows = self._rows(
            "select * from deliveries where hook=? order by created_at_s desc, rowid desc limit ?", (webhook_id, limit)
        )
        return [_delivery(row) for row in rows]

    def hear(self, notices: Iterable[Notice], offsets: Mapping[Place, int], erased: Iterable[VideoId] = ()) -> None:
        """Queue what hooks want to be told, and note how far the topics were read; both or neither."""
        with self._changing() as database:
            hooks = database.execute("select id, events, created_at_s from hooks where state='on'").fetchall()
            for notice in notices:
                for hook in hooks:
                    if notice.event in hook["events"].split(",") and notice.at_s >= hook["created_at_s"]:
                        _insert(database, hook["id"], notice)
            database.executemany("delete from deliveries where video_id=?", [(one,) for one in erased])
            database.executemany(
                "insert into offsets values(?,?,?) on conflict do update set next=excluded.next",
                [(*place, offset) for place, offset in offsets.items()],
            )
            _drop_those_behind(database)

    def offsets(self) -> dict[Place, int]:
        """The next offset wanted of each place that was read."""
        return {(row["topic"], row["partition"]): row["next"] for row in self._rows("select * from offsets")}

    def due(self, now_s: float, *, most_each: int) -> list[Due]:
        """What is to be sent now, at most so many of each hook."""
        hooks = self._rows("select * from hooks where state='on' and rest_until_s<=?", (now_s,))
        return [due for hook in hooks for due in self._due_of(hook, now_s, most_each)]

    def _due_of(self, hook: sqlite3.Row, now_s: float, most: int) -> Iterator[Due]:
        rows = self._rows(
            "select * from deliveries where hook=? and state='waiting' and next_at_s<=? order by next_at_s limit ?",
            (hook["id"], now_s, most),
        )
        for row in rows:
            yield Due(
                delivery_id=row["id"],
                webhook_id=hook["id"],
                url=hook["url"],
                event=row["event"],
                body=row["body"],
                secrets=_valid_secrets(hook, now_s),
                attempts=row["attempts"],
                first_at_s=now_s if row["first_at_s"] is None else row["first_at_s"],
            )

    def arrived(self, due: Due, status: int, *, now_s: float) -> None:
        """Note that a delivery has arrived; what it said is forgotten."""
        with self._changing() as database:
            _attempted(database, due, now_s, state="delivered", status=status)
            database.execute(
                "update hooks set failures=0, rest_until_s=0, succeeded_at_s=? where id=?", (now_s, due.webhook_id)
            )
            database.execute(_PRUNE, {"hook": due.webhook_id, "kept": LOGGED})

    def missed(self, due: Due, status: int | None, problem: str, *, now_s: float, again_at_s: float | None) -> bool:
        """Note that an attempt failed; None gives up. Whether anything has arrived since the first attempt."""
        with self._changing() as database:
            state = "failed" if again_at_s is None else "waiting"
            _attempted(database, due, now_s, state=state, status=status, problem=problem, again_at_s=again_at_s)
            database.execute("update hooks set failures=failures+1 where id=?", (due.webhook_id,))
            row = database.execute("select succeeded_at_s from hooks where id=?", (due.webhook_id,)).fetchone()
        return row is not None and row["succeeded_at_s"] >= due.first_at_s

    def rest(self, webhook_id: str, pauses_s: Sequence[float], *, now_s: float) -> None:
        """Leave an address alone after several failures in a row; `pauses_s` by how many there were."""
        with self._changing() as database:
            row = database.execute("select failures from hooks where id=?", (webhook_id,)).fetchone()
            pause_s = pauses_s[min(row["failures"], len(pauses_s) - 1)] if row else 0.0
            database.execute("update hooks set rest_until_s=? where id=?", (now_s + pause_s, webhook_id))

    def _found(self, webhook_id: str) -> sqlite3.Row:
        rows = self._rows(f"{_HOOKS} where id=?", (webhook_id,))
        if not rows:
            raise not_found("webhook", webhook_id[:60])
        return rows[0]

    def _rows(self, statement: str, values: Iterable[object] = ()) -> list[sqlite3.Row]:
        with self._lock:
            return self._database.execute(statement, tuple(values)).fetchall()

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._database.execute("begin immediate")
            try:
                yield self._database
                self._database.execute("commit")
            except BaseException:
                self._database.execute("rollback")
                raise


def new_secret() -> str:
    """A secret of 256 bits."""
    return f"whsec_{secrets.token_urlsafe(32)}"


_HOOKS = """select *, (select count(*) from deliveries where hook=hooks.id and state='waiting') as waiting from hooks"""

_PRUNE = """delete from deliveries where hook=:hook and state<>'waiting' and id not in (
    select id from deliveries where hook=:hook and state<>'waiting' order by last_at_s desc limit :kept)"""


def _insert(database: sqlite3.Connection, hook_id: str, notice: Notice) -> None:
    delivery_id = str(uuid.uuid5(NAMESPACE, f"{hook_id}/{notice.event_id}"))  # told again, it is the same delivery
    database.execute(
        "insert or ignore into deliveries(id, hook, event, video_id, body, state, created_at_s, next_at_s)"
        " values(?,?,?,?,?,'waiting',?,0)",
        (delivery_id, hook_id, notice.event, notice.video_id, notice.body, round(time.time(), 3)),
    )


def _drop_those_behind(database: sqlite3.Connection) -> None:
    counts = database.execute(
        "select hook, count(*) as waiting from deliveries where state='waiting' group by hook having waiting>?",
        (MOST_WAITING,),
    ).fetchall()
    for row in counts:
        reason = f"more than {MOST_WAITING} messages waited; they were dropped"
        database.execute("update hooks set state='off', reason=? where id=?", (reason, row["hook"]))
        database.execute("delete from deliveries where hook=? and state='waiting'", (row["hook"],))


def _attempted(
    database: sqlite3.Connection, due: Due, now_s: float, *, state: str, status: int | None, problem: str = "",
    again_at_s: float | None = None,
) -> None:  # fmt: skip
    database.execute(
        "update deliveries set state=?, attempts=attempts+1, first_at_s=?, next_at_s=?, last_at_s=?, last_status=?,"
        " last_problem=?, body=iif(?='waiting', body, null) where id=?",
        (state, due.first_at_s, again_at_s, now_s, status, problem, state, due.delivery_id),
    )


def _valid_secrets(hook: sqlite3.Row, now_s: float) -> tuple[str, ...]:
    is_old_valid = hook["old_secret"] is not None and now_s < hook["old_until_s"]
    return (hook["secret"], hook["old_secret"]) if is_old_valid else (hook["secret"],)


def _hook(row: sqlite3.Row) -> Webhook:
    return Webhook(
        webhook_id=row["id"],
        url=row["url"],
        events=tuple(row["events"].split(",")),
        state=row["state"],
        by=row["by"],
        created_at_s=row["created_at_s"],
        reason=row["reason"],
        waiting=row["waiting"],
    )


def _delivery(row: Any) -> Delivery:
    fields = {name: row[name] for name in Delivery.__struct_fields__ if name != "delivery_id"}
    fields["next_at_s"] = row["next_at_s"] if row["state"] == "waiting" else None
    return Delivery(delivery_id=row["id"], **fields)
