"""Asks Redis for lists: a page of videos is found inside the server, by one script."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from dashboard.library_core import Entry, facets_of, tags_wanted, words_of
from dashboard.library_lines import Everything
from dashboard.library_redis_keys import CORES, NUMBERS, PARTS, TEXTS, THINGS, Keys, as_place
from dashboard.library_store import MOST_COUNTED, MOST_FACETS, Listed
from dashboard.rows import Facet, Facets, VideoQuery

Client: TypeAlias = Any
"""A client of redis-py, which leaves the types of its answers open."""

NARROW, NARROW_OF_TEXTS = 30_000, 10_000
"""A filter that leaves fewer videos is looked at whole; sorting them by texts takes the script longer. Measured by
benchmarks/library.py."""

TINY, WALK = 1000, 2000
"""A smaller filter is looked at whole in any case; with a larger one the order is walked for so many videos, in case the
page is full by then."""

_CHUNK = 200


class _Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What the script is told."""

    prefix: str
    sort: str
    target: str
    descending: bool
    limit: int
    tiny: int
    walk: int
    narrow: int
    most: int
    after: tuple[str, str] | None
    since: float | None
    until: float | None
    tags: list[str]
    words: list[str]


@cache
def _script() -> str:
    return Path(__file__).with_name("library_list.lua").read_text("utf-8")


def listed(client: Client, keys: Keys, query: VideoQuery, after: tuple[str | float, str] | None) -> Listed:
    """One more video than the query wants, after a place in the list."""
    words = words_of(query.text)
    if query.text.strip() and not words:
        return Listed(keys=[], total=0)
    asked = _Asked(
        prefix=keys.prefix,
        sort=query.sort,
        target=query.target,
        descending=query.descending,
        limit=query.limit + 1,
        tiny=TINY,
        walk=WALK,
        narrow=NARROW_OF_TEXTS if query.sort in TEXTS else NARROW,
        most=MOST_COUNTED,
        after=None if after is None else (str(after[0]), after[1]),
        since=query.since_s,
        until=query.until_s,
        tags=[keys.tag(kind, value) for kind, value in tags_wanted(query)],
        words=words,
    )
    script = client.register_script(_script())
    total, *found = script(args=[msgspec.json.encode(asked)])
    places = [value.decode() for value in found]
    by = places[::2] if query.sort in TEXTS else [float(number) for number in places[::2]]
    return Listed(keys=list(zip(by, places[1::2], strict=True)), total=int(total))


def parts(client: Client, keys: Keys, video_id: str, prefix: str) -> list[tuple[str, bytes]]:
    """Parts of a video by name; of a prefix the names are looked at first, so that no others travel."""
    key = keys.parts(video_id)
    if not prefix:
        return sorted((name.decode(), PARTS.decode(part).value) for name, part in client.hgetall(key).items())
    names = sorted(name for name in client.hkeys(key) if name.startswith(prefix.encode()))
    found = client.hmget(key, names) if names else []
    return [(name.decode(), PARTS.decode(part).value) for name, part in zip(names, found, strict=True) if part]


def tagged_each(client: Client, tags: Iterable[str], limit: int) -> list[list[str]]:
    """The videos of each tag, those that changed last first."""
    with client.pipeline(transaction=False) as pipe:
        for tag in tags:
            pipe.zrevrange(tag, 0, limit - 1)
        return [[video_id.decode() for video_id in found] for found in pipe.execute()]


def by_age(client: Client, key: str, before: tuple[float, str] | None, limit: int) -> list[str]:
    """Keys of things, the greatest first; those that stand beside the place come by key, so some are passed over."""
    if before is None:
        return [name.decode() for name in client.zrevrange(key, 0, limit - 1)]
    names: list[str] = []
    start = 0
    while len(names) < limit:
        found = client.zrevrangebyscore(key, before[0], "-inf", start=start, num=_CHUNK, withscores=True)
        if not found:
            break
        names += [name.decode() for name, at in found if (at, name.decode()) < before]
        start += len(found)
    return names[:limit]


def named(client: Client, keys: Keys, kind: str, wanted: tuple[str, str]) -> list[tuple[float, str]]:
    """Things whose group holds a text or whose key begins with a prefix, with what they are sorted by."""
    text, prefix = wanted
    names = {key for key, group in client.hgetall(keys.groups(kind)).items() if text and text.encode() in group}
    names |= {name for name, _ in client.hscan_iter(keys.things(kind), match=f"{_literal(prefix)}*", count=1000)}
    found = sorted(names)
    scores = client.zmscore(keys.age(kind), found) if found else []
    return [(at, name.decode()) for name, at in zip(found, scores, strict=True) if at is not None]


def facets(client: Client, keys: Keys) -> Facets:
    """Counted tags; people without names."""

    def counted(kind: str) -> tuple[Facet, ...]:
        found = client.zrange(keys.counts(kind), 0, MOST_FACETS - 1, withscores=True)
        return tuple(Facet(value=value.decode(), videos=int(-videos)) for value, videos in found)

    return facets_of(counted)


def everything(client: Client, keys: Keys) -> Everything:
    """All that is kept."""
    offsets = {as_place(name.decode()): int(offset) for name, offset in client.hgetall(keys.offsets).items()}
    cores = {name.decode(): CORES.decode(core) for name, core in client.hgetall(keys.cores).items()}
    found_parts = {
        (video_id, name.decode()): PARTS.decode(part)
        for video_id in _after(client, keys.parts(""))
        for name, part in client.hgetall(keys.parts(video_id)).items()
    }
    things = {
        (kind, name.decode()): THINGS.decode(thing)
        for kind in _after(client, keys.things(""))
        for name, thing in client.hgetall(keys.things(kind)).items()
    }
    counts = {
        (kind, value.decode()): int(-videos)
        for kind in _after(client, keys.counts(""))
        for value, videos in client.zrange(keys.counts(kind), 0, -1, withscores=True)
    }
    return Everything(
        offsets=sorted(offsets.items()),
        cores=sorted(cores.items()),
        entries=sorted(_entries(client, keys)),
        parts=sorted(found_parts.items()),
        things=sorted(things.items()),
        counts=sorted(counts.items()),
    )


def _entries(client: Client, keys: Keys) -> Iterator[tuple[str, Entry]]:
    """What each video is found by, from the lists themselves and not from what was to be written there."""
    numbers = {sort: dict(client.zrange(keys.by(sort), 0, -1, withscores=True)) for sort in NUMBERS}
    texts = {sort: dict(_turned(client.zrange(keys.by(sort), 0, -1))) for sort in TEXTS}
    tags, values, words = (
        defaultdict[bytes, list[tuple[str, str]]](list),
        defaultdict[bytes, dict[str, float]](dict),
        {},
    )
    for tag in _after(client, f"{keys.prefix}tag:"):
        kind, _, value = tag.partition(":")
        for video_id in client.zrange(keys.tag(kind, value), 0, -1):
            tags[video_id].append((kind, value))
    for target in _after(client, keys.value("")):
        for video_id, value in client.zrange(keys.value(target), 0, -1, withscores=True):
            values[video_id][target] = value
    words = {video_id: tuple(said.decode().split()) for video_id, said in client.hgetall(keys.said).items()}
    for video_id in numbers["changed"]:
        yield (
            video_id.decode(),
            Entry(
                changed=numbers["changed"][video_id],
                submitted=numbers["submitted"][video_id],
                uploaded=numbers["uploaded"][video_id],
                duration=numbers["duration"][video_id],
                title=texts["title"][video_id],
                channel=texts["channel"][video_id],
                tags=tuple(sorted(tags[video_id])),
                values=values[video_id],
                words=words.get(video_id, ()),
            ),
        )


def _turned(members: Iterable[bytes]) -> Iterator[tuple[bytes, str]]:
    """From ``text NUL video`` to video and text."""
    for member in members:
        text, _, video_id = member.partition(b"\0")
        yield video_id, text.decode()


def _after(client: Client, beginning: str) -> Sequence[str]:
    """How keys go on that begin so."""
    found = client.scan_iter(match=f"{_literal(beginning)}*", count=1000)
    return sorted({key.decode().removeprefix(beginning) for key in found})


def _literal(text: str) -> str:
    """Write a text so that no sign in it is taken for a pattern."""
    return "".join(f"\\{sign}" if sign in "*?[]\\" else sign for sign in text)
