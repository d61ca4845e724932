"""Which library on a Redis is the current one: one key names it, and a new one takes its place in one step."""

import logging
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dashboard.library_redis import RedisLibrary, speaking
from dashboard.library_redis_keys import Keys
from dashboard.library_store import BUSY, MADE, SCHEMA, Store
from schemas.errors import SettingsInvalid, UsageError

if TYPE_CHECKING:
    from redis import Redis

log = logging.getLogger(__name__)

ROOT = "groundswell:library:"
_POINTER = f"{ROOT}current"
_REBUILDING = f"{ROOT}rebuilding"
_LONGEST_SILENCE_MS = 60_000
_TIMEOUT_S = 10.0
_REMOVED_AT_ONCE = 500


class LibraryServer:
    """All libraries on one Redis, of which one is current.

    Raises
    ------
    StorageUnavailable
        Nothing answers at the address, or it is no address.
    """

    def __init__(self, url: str) -> None:
        self._client: Any = _connected(url)  # redis-py says of every answer that it may be awaited; these are not
        with speaking():
            self.current()

    @property
    def where(self) -> str:
        """The server and the prefix, for people; without the password."""
        given = self._client.connection_pool.connection_kwargs
        return f"redis {given.get('host', given.get('path', ''))}:{given.get('port', '')} {ROOT}{self._name()}"

    def current(self) -> RedisLibrary:
        """The library that is read and written; a new one where there is none."""
        name = self._name()
        if not name.startswith(_begin()):
            name = self._begin(instead_of=name)
        return RedisLibrary(self._client, Keys(ROOT, name), _POINTER)

    def fresh(self) -> RedisLibrary:
        """An empty library beside the current one, under a name that was never used."""
        made = RedisLibrary(self._client, Keys(ROOT, f"{_begin()}{secrets.token_hex(6)}"))
        made.note({MADE: "yes"})
        return made

    @contextmanager
    def rebuilding(self) -> Iterator[Callable[[], None]]:
        """Keep others from building a library as well; a sign that is not renewed for a minute is void.

        Raises
        ------
        UsageError
            Somebody else does.
        """
        mine = secrets.token_hex(8)
        with speaking():
            if not self._client.set(_REBUILDING, mine, nx=True, px=_LONGEST_SILENCE_MS):
                raise UsageError(BUSY)
        try:
            yield lambda: self._renew(mine)
        finally:
            with speaking():
                if self._client.get(_REBUILDING) == mine.encode():
                    self._client.delete(_REBUILDING)

    def _renew(self, mine: str) -> None:
        with speaking():
            self._client.set(_REBUILDING, mine, px=_LONGEST_SILENCE_MS)

    def switch(self, new: Store) -> bool:
        """Put a new library in the place of the current one, if it has taken in all that this one has."""
        from redis import WatchError

        old = self.current()
        with speaking(), self._client.pipeline(transaction=True) as pipe:
            pipe.watch(old.keys.offsets, _POINTER)
            offsets = new.offsets()
            if any(offset > offsets.get(place, 0) for place, offset in old.offsets().items()):
                return False
            pipe.multi()
            pipe.set(_POINTER, new.name)
            try:
                pipe.execute()
            except WatchError:
                return False
        self._remove_others(new.name)
        return True

    def begin_anew(self) -> None:
        """Put an empty library in the place of the current one: nothing in it is true any more."""
        self._begin(instead_of=self._name())

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def _name(self) -> str:
        with speaking():
            return (self._client.get(_POINTER) or b"").decode()

    def _begin(self, *, instead_of: str) -> str:
        """Begin an empty library unless somebody else has done so in this moment; its name."""
        from redis import WatchError

        if instead_of:
            log.warning("the library %s is built anew from the topics", instead_of)
        name = self.fresh().name
        with speaking(), self._client.pipeline(transaction=True) as pipe:
            pipe.watch(_POINTER)
            if (pipe.get(_POINTER) or b"").decode() == instead_of:
                pipe.multi()
                pipe.set(_POINTER, name)
                try:
                    pipe.execute()
                except WatchError:
                    log.info("another dashboard began a library first")
        now = self._name()
        self._remove_others(now)
        return now

    def _remove_others(self, name: str) -> None:
        """Delete what belongs to libraries that are not read any more."""
        with speaking():
            doomed: list[bytes] = []
            for key in self._client.scan_iter(match=f"{ROOT}library-*", count=1000):
                if not key.startswith(f"{ROOT}{name}:".encode()):
                    doomed.append(key)
                if len(doomed) >= _REMOVED_AT_ONCE:
                    self._client.unlink(*doomed)
                    doomed.clear()
            if doomed:
                self._client.unlink(*doomed)


def _begin() -> str:
    return f"library-{SCHEMA}-"


def _connected(url: str) -> "Redis":
    """Connect without tries of the client's own: after a break the follower must look at the offsets again.

    A server that came back may have lost the last second, and what is then written must not leave a gap.
    """
    from redis import Redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    try:
        return Redis.from_url(
            url, socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S, retry=Retry(NoBackoff(), 0)
        )
    except ValueError as error:
        raise SettingsInvalid(f"redis is no address such as redis://host:6379/0: {error}") from error
