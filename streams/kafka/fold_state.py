"""The states of a fold in Faust tables: RocksDB on disk, a changelog topic behind it.

Faust would send a changelog record in the background and take its loss for success. Here a new
state is a record like any other: confirmed by the broker first, then applied to the table exactly as
a recovery would apply it, so that disk and changelog cannot tell different stories.
"""

import logging
from collections import defaultdict
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple  # Faust is untyped

import msgspec

from processors.stage import WideFold
from schemas.erased import VideoErased
from schemas.errors import GroundswellError
from schemas.event import Event, derive_id
from schemas.ticks import TimePassed
from streams.kafka.admin import FOLD_TABLES, LARGEST_CHANGELOG_RECORD_BYTES
from streams.kafka.faust_app import make_table, place
from streams.kafka.outbox import Record
from streams.kafka.partitioning import partition_of

TICK_S = 1.0
"""How often a waiting state hears the time."""

LARGEST_STATE_BYTES = LARGEST_CHANGELOG_RECORD_BYTES - 2**16
"""Leaves room for the key and Kafka's own bytes."""

log = logging.getLogger(__name__)


class StateTooLarge(GroundswellError):
    """A state has outgrown its changelog; the event that did it goes to dead-letters."""


class Change(NamedTuple):
    """What a step did to one state; `value` None: nothing, unless it `deletes`."""

    key: str
    value: bytes | None
    waits: bool
    deletes: bool = False


class FoldState:
    """Reads and writes the states of one fold's partitions.

    Two tables: the states, and the keys of those that wait for time to pass, so that a tick
    need not look at all that were ever made.

    Parameters
    ----------
    stage : str
        The fold's name; ticks of other stages are not for it.
    partitions : int
        Partition count of the topics the fold reads.
    """

    def __init__(self, app: Any, fold: Any, *, stage: str, partitions: int) -> None:  # fold: a Fold of any state
        self._fold, self._stage, self._count = fold, stage, partitions
        self._states, self._waiting_keys = (make_table(app, name) for name in FOLD_TABLES)
        self._waiting: dict[int, set[str]] = defaultdict(set)
        self._encoder = msgspec.json.Encoder(order="deterministic")
        self._decoder = msgspec.json.Decoder(fold.state_type)
        self._ticked_s = 0.0
        self._wide = fold if isinstance(fold, WideFold) else None
        self._is_restored = False

    def step_all(self, events: Sequence[Event], *, changes: list[Change]) -> list[list[Event]]:
        """Step every state the events concern; what changed goes to `changes`, to be written later.

        Raises
        ------
        GroundswellError
            From the fold, or a state is too large to be kept; `changes` is empty then.
        """
        changes.clear()
        made: list[Change] = []
        if self._wide:
            outputs = self._step_together(self._wide, events, made)
        else:
            outputs = [self._step(event, made) for event in events]
        changes.extend(made)
        return outputs

    def records(self, changes: Sequence[Change], partition: int) -> list[Record]:
        """Say what the changelogs must hold before the changes count."""
        states = [
            self._record(self._states, partition, c.key, c.value) for c in changes if c.value is not None or c.deletes
        ]
        waiting = [
            self._record(self._waiting_keys, partition, c.key, b"1" if c.waits else None)
            for c in changes
            if c.waits != (c.key in self._waiting[partition])
        ]
        return states + waiting

    def apply(self, records: Sequence[Record], offsets: Sequence[int]) -> None:
        """Bring the tables up to what the broker has confirmed."""
        for table in (self._states, self._waiting_keys):
            name = table.changelog_topic_name
            batch = [_as_recovered(r, at) for r, at in zip(records, offsets, strict=True) if r.topic == name]
            if batch:
                table.apply_changelog_batch(batch)
        for record in records:
            if record.topic == self._waiting_keys.changelog_topic_name:
                keys = self._waiting[record.partition]
                (keys.add if record.value else keys.discard)(record.key.decode())
        self._is_restored = True  # what a wide fold was told ahead is stored now

    def restore(self) -> None:
        """Give a wide fold all stored states, after a rebalance or a step that was not stored."""
        if self._wide and not self._is_restored:
            states = ((key.decode(), self._decoder.decode(value)) for key, value in self._states.items())
            self._wide.restore(states)
            self._is_restored = True

    def rebuild_waiting(self) -> None:
        """Learn again which states wait, after a rebalance; what a wide fold knows is out of date then, too."""
        self._is_restored = False
        waiting: dict[int, set[str]] = defaultdict(set)
        for name in self._waiting_keys:
            key = name.decode()
            waiting[partition_of(key.split("/", 1)[0], self._count)].add(key)
        self._waiting = waiting

    def due_ticks(self, now_s: float) -> list[TimePassed]:
        """Say the time to each partition in which a state waits, once a second."""
        if now_s - self._ticked_s < TICK_S:
            return []
        self._ticked_s = now_s
        return [
            TimePassed(
                event_id=derive_id(self._stage, "tick", str(now_s), p), stage=self._stage, partition=p, at_s=now_s
            )
            for p, keys in self._waiting.items()
            if keys
        ]

    def _step(self, event: Event, made: list[Change]) -> list[Event]:
        if isinstance(event, TimePassed):
            return self._tick(event, made) if event.stage == self._stage else []
        if isinstance(event, VideoErased):
            made.extend(self._without(event.video_id))
            return []
        key = self._fold.key(event)
        return [] if key is None else self._step_one(key, event, made)

    def _without(self, video_id: str) -> list[Change]:
        """Delete every state of a video; its key, or what begins with it."""
        keys = (name.decode() for name in self._states)
        mine = [key for key in keys if key == video_id or key.startswith(f"{video_id}/")]
        return [Change(key, None, waits=False, deletes=True) for key in mine]

    def _tick(self, tick: TimePassed, made: list[Change]) -> list[Event]:
        """One state that cannot take the time must not stop the clock of the others."""
        outputs: list[Event] = []
        for key in sorted(self._waiting[tick.partition]):
            try:
                outputs.extend(self._step_one(key, tick, made))
            except Exception:
                log.exception("state %s could not take a tick; it waits for its next event", key)
                made.append(Change(key, None, waits=False))
        return outputs

    def _step_one(self, key: str, event: Event, made: list[Change]) -> list[Event]:
        stored = self._states.get(key.encode())
        before = self._fold.start(key) if stored is None else self._decoder.decode(stored)
        state, outputs = self._fold.step(before, event)
        value = self._encoder.encode(state)
        if len(value) > LARGEST_STATE_BYTES:
            raise StateTooLarge(f"state {key} would have {len(value)} bytes; at most {LARGEST_STATE_BYTES} are kept")
        made.append(Change(key, None if value == stored else value, self._fold.waits(state)))
        return list(outputs)

    def _step_together(self, fold: "WideFold[Any]", events: Sequence[Event], made: list[Change]) -> list[list[Event]]:
        """Step one event after the other, each on what the ones before it changed."""
        self.restore()
        stepped: dict[str, Any] = {}  # states of the fold's own type

        def read(key: str) -> Any:
            return stepped[key] if key in stepped else self._read(key)

        outputs = []
        for event in events:
            changes, said = fold.step_wide(read, event)
            self._is_restored = False  # until `apply`: if that never comes, the fold knows too much
            fold.applied(changes)
            stepped |= changes
            outputs.append(list(said))
        made.extend(self._change(key, state) for key, state in stepped.items())
        return outputs

    def _change(self, key: str, state: Any) -> Change:
        value = None if state is None else self._encoder.encode(state)
        if value is not None and len(value) > LARGEST_STATE_BYTES:
            raise StateTooLarge(f"state {key} would have {len(value)} bytes; at most {LARGEST_STATE_BYTES} are kept")
        return Change(key, value, waits=False, deletes=value is None)

    def _read(self, key: str) -> Any:
        stored = self._states.get(key.encode())
        return None if stored is None else self._decoder.decode(stored)

    @staticmethod
    def _record(table: Any, partition: int, key: str, value: bytes | None) -> Record:
        return Record(topic=table.changelog_topic_name, partition=partition, key=key.encode(), value=value)


def _as_recovered(record: Record, offset: int) -> Any:
    """Give a record the shape in which Faust's recovery hands records to a table."""
    return SimpleNamespace(
        message=SimpleNamespace(
            tp=place(record.topic, record.partition),
            partition=record.partition,
            offset=offset,
            key=record.key,
            value=record.value,
        )
    )
