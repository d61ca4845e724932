"""The small database beside the library that keeps what must survive a restart: sessions, and answers to repeat."""

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from threading import Lock
from typing import Any  # a row of SQLite holds anything

BUSY_LIMIT_S = 5.0


class Database:
    """One SQLite file; safe to call from several threads.

    Parameters
    ----------
    schema : str
        Statements that create what is missing.
    """

    def __init__(self, path: Path, schema: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        self._lock = Lock()
        self._connection = sqlite3.connect(path, timeout=BUSY_LIMIT_S, check_same_thread=False, isolation_level=None)
        self._connection.executescript(f"pragma journal_mode=wal; pragma synchronous=normal; {schema}")

    def all(self, statement: str, values: Iterable[object] = ()) -> list[tuple[Any, ...]]:
        """Run a statement; its rows."""
        with self._lock:
            return self._connection.execute(statement, tuple(values)).fetchall()

    def one(self, statement: str, values: Iterable[object] = ()) -> tuple[Any, ...] | None:
        """Run a statement; its first row."""
        return next(iter(self.all(statement, values)), None)

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._connection.close()


def open_database(home: Path) -> Database:
    """Open the dashboard's own database of a home."""
    from dashboard.access.repeats import SCHEMA as ANSWERS
    from dashboard.access.sessions import SCHEMA as SESSIONS

    return Database(home / "dashboard" / "access.sqlite", SESSIONS + ANSWERS)
