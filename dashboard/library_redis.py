"""The library on a Redis server: each batch is one MULTI with the offsets in it, guarded by WATCH.

Several dashboards may follow the topics into one Redis: whoever is slower finds the offsets moved and writes nothing.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from dashboard import library_redis_lists as lists
from dashboard.library_core import Core
from dashboard.library_lines import lines_of
from dashboard.library_redis_keys import CORES, ROWS, THINGS, Keys, as_place
from dashboard.library_redis_writing import look_before, write
from dashboard.library_store import MADE, Listed, Replaced, Thing, View, Writes
from dashboard.rows import Facets, VideoQuery, VideoRow
from schemas.errors import StorageUnavailable
from streams.kafka.admin import Place

if TYPE_CHECKING:
    from redis import Redis

Client: TypeAlias = "Redis"

Answer: TypeAlias = Any
"""redis-py says of every command that it may be awaited; these are not."""

_ASKED_AT_ONCE = 1000


class RedisLibrary:
    """A store under one prefix of a Redis.

    Parameters
    ----------
    pointer : str
        The key that names the current library; a library without one is written to by nobody else.
    """

    def __init__(self, client: Client, keys: Keys, pointer: str = "") -> None:
        self._client: Answer = client
        self._pointer = pointer
        self.keys = keys

    @property
    def name(self) -> str:
        """The part of the prefix that tells it from others."""
        return self.keys.name

    def commit(self, fold: Callable[[View], Writes]) -> Writes:
        """Run a fold and write what it says in one transaction; again when another dashboard was faster.

        Raises
        ------
        Replaced
            Another library has taken this one's place; nothing was written.
        StorageUnavailable
            Redis does not answer.
        """
        from redis import WatchError

        with speaking():
            while True:
                with self._client.pipeline(transaction=True) as pipe:
                    try:
                        return self._commit(pipe, fold)
                    except WatchError:
                        continue

    def _commit(self, pipe: Answer, fold: Callable[[View], Writes]) -> Writes:
        pipe.watch(self.keys.offsets, self._pointer or self.keys.meta)
        if not self._is_there(pipe):
            raise Replaced(self.name)
        inside = _Inside(pipe, self.keys)
        before = inside.offsets()
        writes = fold(inside)
        if writes.offsets != before:
            known = look_before(pipe, self.keys, writes)
            pipe.multi()
            write(pipe, self.keys, (writes, known))
            pipe.execute()
        return writes

    def _is_there(self, pipe: Answer) -> bool:
        """Whether this library is the current one or, while it is built, was not taken away."""
        if self._pointer:
            return bool((pipe.get(self._pointer) or b"").decode() == self.name)
        return pipe.hget(self.keys.meta, MADE) is not None

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Errors of Redis are told as ours; each question is answered as of its own moment."""
        with speaking():
            yield

    def meta(self, name: str) -> str:
        """A note; empty when there is none."""
        with speaking():
            return (self._client.hget(self.keys.meta, name) or b"").decode()

    def note(self, values: Mapping[str, str]) -> None:
        """Write notes down."""
        with speaking():
            self._client.hset(self.keys.meta, mapping=dict(values))

    def offsets(self) -> dict[Place, int]:
        """The next offset wanted of each place."""
        with speaking():
            return _Inside(self._client, self.keys).offsets()

    def cores(self, video_ids: Collection[str]) -> dict[str, Core]:
        """Those that are known."""
        with speaking():
            return _Inside(self._client, self.keys).cores(video_ids)

    def things(self, kind: str, keys: Collection[str]) -> dict[str, Thing]:
        """Those that are known."""
        with speaking():
            return _Inside(self._client, self.keys).things(kind, keys)

    def parts(self, video_id: str, prefix: str = "") -> list[tuple[str, bytes]]:
        """Parts of a video by name."""
        with speaking():
            return lists.parts(self._client, self.keys, video_id, prefix)

    def rows(self, video_ids: Collection[str]) -> dict[str, VideoRow]:
        """Rows of those that are listed."""
        with speaking():
            found = _Inside(self._client, self.keys).asked(self.keys.rows, video_ids)
            return {video_id: ROWS.decode(row) for video_id, row in found}

    def things_by_age(
        self, kind: str, *, group: str = "", before: tuple[float, str] | None = None, limit: int
    ) -> list[tuple[str, Thing]]:
        """Some things of a kind and a group, the greatest `at` first."""
        with speaking():
            names = lists.by_age(self._client, self.keys.age(kind, group), before, limit)
            found = self.things(kind, names)
        return [(name, found[name]) for name in names if name in found]

    def count(self, kind: str, group: str = "") -> int:
        """How many things there are of a kind and a group."""
        with speaking():
            return int(self._client.zcard(self.keys.age(kind, group)))

    def named(self, kind: str, text: str, prefix: str) -> list[tuple[float, str]]:
        """Those of a kind whose group holds a text or whose key begins with a prefix."""
        with speaking():
            return lists.named(self._client, self.keys, kind, (text, prefix))

    def tagged(self, kind: str, value: str, *, limit: int) -> list[str]:
        """Videos with a tag, those that changed last first."""
        return self.tagged_each(kind, [value], limit=limit)[value]

    def tagged_each(self, kind: str, values: Collection[str], *, limit: int) -> dict[str, list[str]]:
        """Videos with each of several tags, in any order; of more than `limit` those that changed last."""
        with speaking():
            found = lists.tagged_each(self._client, (self.keys.tag(kind, value) for value in values), limit)
        return dict(zip(values, found, strict=True))

    def listed(self, query: VideoQuery, after: tuple[str | float, str] | None) -> Listed:
        """One more video than the query wants, after a place in the list."""
        with speaking():
            return lists.listed(self._client, self.keys, query, after)

    def facets(self) -> Facets:
        """Counted tags; people without names."""
        with speaking():
            return lists.facets(self._client, self.keys)

    def video_ids(self, after: str, limit: int) -> list[str]:
        """Some videos by id, those without a row included."""
        least = f"({after}" if after else "-"
        with speaking():
            return [v.decode() for v in self._client.zrangebylex(self.keys.ids, least, "+", start=0, num=limit)]

    def dump(self) -> Iterator[str]:
        """Everything that is kept, a line each."""
        with speaking():
            return lines_of(lists.everything(self._client, self.keys))

    def close(self) -> None:
        """Nothing: connections belong to the server's client."""


class _Inside:
    """What a fold sees of the transaction it runs in."""

    def __init__(self, client: Answer, keys: Keys) -> None:
        self._client, self._keys = client, keys

    def offsets(self) -> dict[Place, int]:
        found = self._client.hgetall(self._keys.offsets)
        return {as_place(name.decode()): int(offset) for name, offset in found.items()}

    def cores(self, video_ids: Collection[str]) -> dict[str, Core]:
        return {name: CORES.decode(core) for name, core in self.asked(self._keys.cores, video_ids)}

    def things(self, kind: str, keys: Collection[str]) -> dict[str, Thing]:
        return {name: THINGS.decode(thing) for name, thing in self.asked(self._keys.things(kind), keys)}

    def asked(self, table: str, names: Collection[str]) -> Iterator[tuple[str, bytes]]:
        wanted = list(names)
        for begin in range(0, len(wanted), _ASKED_AT_ONCE):
            some = wanted[begin : begin + _ASKED_AT_ONCE]
            found = self._client.hmget(table, some)
            yield from ((name, value) for name, value in zip(some, found, strict=True) if value is not None)


@contextmanager
def speaking() -> Iterator[None]:
    """Tell errors of Redis as ours.

    Raises
    ------
    StorageUnavailable
        Redis does not answer, or not as it should.
    """
    from redis import RedisError, WatchError

    try:
        yield
    except WatchError:
        raise
    except (RedisError, msgspec.DecodeError) as error:
        raise StorageUnavailable(f"the library's Redis does not answer as it should: {error}") from error
