"""Writes what a batch does into Redis: few commands, each for many videos."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from dashboard.library_core import Entry, entry_of, is_listed, row_of
from dashboard.library_forgetting import EPHEMERAL, forgetful, forgotten_before_ms
from dashboard.library_redis_keys import ENCODER, ENTRIES, NUMBERS, PARTS, TEXTS, THINGS, Keys
from dashboard.library_store import Thing, Writes

Pipe: TypeAlias = Any
"""A pipeline of redis-py, which leaves the types of its answers open."""


@dataclass
class Known:
    """What must be read before a transaction can be written."""

    entries: dict[str, Entry] = field(default_factory=dict)
    things: dict[tuple[str, str], Thing] = field(default_factory=dict)
    erased_parts: list[tuple[str, str]] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)
    too_old: list[tuple[str, str]] = field(default_factory=list)
    newest_ms: int = 0


def look_before(pipe: Pipe, keys: Keys, writes: Writes) -> Known:
    """Read what stands where the batch will write."""
    known = Known(notes={k.decode(): v.decode() for k, v in pipe.hgetall(keys.meta).items()})
    known.newest_ms = max(writes.newest_ms, int(known.notes.get("newest_ms", "0")))
    videos = list(writes.cores)
    for video_id, entry in zip(videos, pipe.hmget(keys.entries, videos) if videos else [], strict=True):
        if entry is not None:
            known.entries[video_id] = ENTRIES.decode(entry)
    for video_id, erased_ms in writes.erased.items():
        for name, part in pipe.hgetall(keys.parts(video_id)).items():
            if PARTS.decode(part).at_ms <= erased_ms:
                known.erased_parts.append((video_id, name.decode()))
    for kind in forgetful(writes, int(known.notes.get("newest_ms", "0")), known.newest_ms):
        before_ms = forgotten_before_ms(kind, known.newest_ms)
        old = pipe.zrangebyscore(keys.written(kind), "-inf", f"({before_ms}")
        known.too_old += [(kind, key.decode()) for key in old]
    _look_at_things(pipe, keys, (writes, known))
    return known


def _look_at_things(pipe: Pipe, keys: Keys, batch: tuple[Writes, Known]) -> None:
    writes, known = batch
    wanted: dict[str, list[str]] = defaultdict(list)
    for kind, key in {**writes.things, **dict.fromkeys(known.too_old)}:
        wanted[kind].append(key)
    for kind, names in wanted.items():
        for name, thing in zip(names, pipe.hmget(keys.things(kind), names), strict=True):
            if thing is not None:
                known.things[kind, name] = THINGS.decode(thing)


def write(pipe: Pipe, keys: Keys, batch: tuple[Writes, Known]) -> None:
    """Queue everything for the transaction."""
    writes, known = batch
    _write_parts(pipe, keys, batch)
    _write_cores(pipe, keys, batch)
    for name, thing in writes.things.items():
        is_old = thing is not None and _is_too_old(name[0], thing, known.newest_ms)
        _write_thing(pipe, keys, (name, known.things.get(name), None if is_old else thing))
    for name in known.too_old:
        if name not in writes.things:
            _write_thing(pipe, keys, (name, known.things.get(name), None))
    pipe.hset(keys.offsets, mapping={f"{topic}/{p}": offset for (topic, p), offset in writes.offsets.items()})
    unreadable = writes.unreadable + int(known.notes.get("unreadable", "0"))
    pipe.hset(keys.meta, mapping={"newest_ms": known.newest_ms, "unreadable": unreadable})


def _is_too_old(kind: str, thing: Thing, newest_ms: int) -> bool:
    return kind in EPHEMERAL and thing.at_ms < forgotten_before_ms(kind, newest_ms)


def _write_parts(pipe: Pipe, keys: Keys, batch: tuple[Writes, Known]) -> None:
    writes, known = batch
    gone: dict[str, list[str]] = defaultdict(list)
    kept: dict[str, dict[str, bytes]] = defaultdict(dict)
    for video_id, name in known.erased_parts:
        gone[video_id].append(name)
    for (video_id, name), part in writes.parts.items():
        if part is None:
            gone[video_id].append(name)
        else:
            kept[video_id][name] = ENCODER.encode(part)
    for video_id, names in gone.items():
        pipe.hdel(keys.parts(video_id), *names)
    for video_id, parts in kept.items():
        pipe.hset(keys.parts(video_id), mapping=parts)


def _write_thing(pipe: Pipe, keys: Keys, change: tuple[tuple[str, str], Thing | None, Thing | None]) -> None:
    (kind, key), old, new = change
    if old is not None and (new is None or old.group != new.group):
        pipe.hdel(keys.groups(kind), key)
        if old.group:
            pipe.zrem(keys.age(kind, old.group), key)
    if new is None:
        if old is not None:
            pipe.hdel(keys.things(kind), key)
            pipe.zrem(keys.age(kind), key)
            pipe.zrem(keys.written(kind), key)
        return
    pipe.hset(keys.things(kind), key, ENCODER.encode(new))
    pipe.zadd(keys.age(kind), {key: new.at})
    if new.group:
        pipe.hset(keys.groups(kind), key, new.group)
        pipe.zadd(keys.age(kind, new.group), {key: new.at})
    if kind in EPHEMERAL:
        pipe.zadd(keys.written(kind), {key: new.at_ms})


@dataclass
class _Moves:
    """All that changes in sets and hashes, so that each of them is named in one command."""

    zadd: dict[str, dict[str, float]] = field(default_factory=lambda: defaultdict(dict))
    zrem: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    sadd: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    srem: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    hset: dict[str, dict[str, str | bytes]] = field(default_factory=lambda: defaultdict(dict))
    hdel: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def send(self, pipe: Pipe, keys: Keys) -> None:
        """What goes before what comes: a set may be named in both."""
        for removed, command in ((self.zrem, pipe.zrem), (self.srem, pipe.srem), (self.hdel, pipe.hdel)):
            for key, members in removed.items():
                command(key, *members)
        for key, scores in self.zadd.items():
            pipe.zadd(key, scores)
        for key, members in self.sadd.items():
            pipe.sadd(key, *members)
        for key, values in self.hset.items():
            pipe.hset(key, mapping=values)
        for (kind, value), by in self.counts.items():
            if by:
                pipe.zincrby(keys.counts(kind), -by, value)
        for kind in {kind for kind, _ in self.counts}:
            pipe.zremrangebyscore(keys.counts(kind), 0, "+inf")


def _write_cores(pipe: Pipe, keys: Keys, batch: tuple[Writes, Known]) -> None:
    writes, known = batch
    moves = _Moves()
    for video_id, core in writes.cores.items():
        if core.items:
            moves.hset[keys.cores][video_id] = ENCODER.encode(core)
            moves.zadd[keys.ids][video_id] = 0.0
        else:
            moves.hdel[keys.cores].append(video_id)
            moves.zrem[keys.ids].append(video_id)
        row = row_of(core) if is_listed(core) else None
        if row is not None:
            moves.hset[keys.rows][video_id] = ENCODER.encode(row)
        else:
            moves.hdel[keys.rows].append(video_id)
        old, new = known.entries.get(video_id), entry_of(row) if row else None
        if old != new:
            _move(moves, keys, (video_id, old, new))
    moves.send(pipe, keys)


def _move(moves: _Moves, keys: Keys, change: tuple[str, Entry | None, Entry | None]) -> None:
    video_id, _, new = change
    if new is None:
        moves.hdel[keys.entries].append(video_id)
    else:
        moves.hset[keys.entries][video_id] = ENCODER.encode(new)
    _move_numbers(moves, keys, change)
    _move_texts(moves, keys, change)
    _move_tags(moves, keys, change)


def _move_tags(moves: _Moves, keys: Keys, change: tuple[str, Entry | None, Entry | None]) -> None:
    video_id, old, new = change
    tags, before = set(new.tags if new else ()), set(old.tags if old else ())
    for tag in before - tags:
        moves.zrem[keys.tag(*tag)].append(video_id)
        moves.counts[tag] -= 1
    for tag in tags - before:
        moves.counts[tag] += 1
    if new is not None:
        for tag in tags if old is None or old.changed != new.changed else tags - before:
            moves.zadd[keys.tag(*tag)][video_id] = new.changed


def _move_numbers(moves: _Moves, keys: Keys, change: tuple[str, Entry | None, Entry | None]) -> None:
    video_id, old, new = change
    for sort in NUMBERS:
        if new is None:
            moves.zrem[keys.by(sort)].append(video_id)
        elif old is None or getattr(old, sort) != getattr(new, sort):
            moves.zadd[keys.by(sort)][video_id] = getattr(new, sort)
    values, before = new.values if new else {}, old.values if old else {}
    for target in before.keys() - values.keys():
        moves.zrem[keys.value(target)].append(video_id)
    for target, value in values.items():
        if before.get(target) != value:
            moves.zadd[keys.value(target)][video_id] = value


def _move_texts(moves: _Moves, keys: Keys, change: tuple[str, Entry | None, Entry | None]) -> None:
    video_id, old, new = change
    for sort in TEXTS:
        text, before = getattr(new, sort, None), getattr(old, sort, None)
        if text != before and before is not None:
            moves.zrem[keys.by(sort)].append(f"{before}\0{video_id}")
        if text != before and text is not None:
            moves.zadd[keys.by(sort)][f"{text}\0{video_id}"] = 0.0
            moves.hset[keys.of(sort)][video_id] = text
        if text is None:
            moves.hdel[keys.of(sort)].append(video_id)
    _move_words(moves, keys, (video_id, old.words if old else (), new.words if new else ()))


def _move_words(moves: _Moves, keys: Keys, change: tuple[str, Iterable[str], Iterable[str]]) -> None:
    video_id, old, new = change
    before, words = set(old), set(new)
    if words == before:
        return
    for word in before - words:
        moves.srem[keys.word(word)].append(video_id)
    for word in words - before:
        moves.sadd[keys.word(word)].append(video_id)
        moves.zadd[keys.words][word] = 0.0
    if words:
        moves.hset[keys.said][video_id] = " ".join(sorted(words))
    else:
        moves.hdel[keys.said].append(video_id)
