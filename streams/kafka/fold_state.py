"""The states of a fold in Faust tables: RocksDB on disk, a changelog topic behind it.

Faust would send a changelog record in the background and take its loss for success. Here a new
state is a record like any other: confirmed by the broker first, then applied to the table exactly as
a recovery would apply it, so that disk and changelog cannot tell different stories.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any  # Faust is untyped

import msgspec

from processors.stage import WideFold
from schemas.event import Event, derive_id
from schemas.ticks import TimePassed
from streams.kafka.admin import FOLD_TABLES
from streams.kafka.faust_app import make_table, place, stored_in
from streams.kafka.fold_draft import ANY_TIME_S, LARGEST_STATE_BYTES, Change, Draft, StateTooLarge, is_of
from streams.kafka.outbox import Record
from streams.kafka.partitioning import partition_of

TICK_S = 1.0
"""How often a waiting state hears the time, where it means something to it."""

_NOBODY: Mapping[str, float] = {}


class FoldState:
    """Reads and writes the states of one fold's partitions.

    Two tables: the states, and the keys of those that wait for time to pass, so that a tick
    need not look at all that were ever made. When each of them next wants to hear the time is known only here, from
    its last step that was stored; after a rebalance it is not known, and the next tick is for all.

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
        self._waiting: dict[int, dict[str, float]] = defaultdict(dict)
        self._encoder = msgspec.json.Encoder(order="deterministic")
        self._decoder = msgspec.json.Decoder(fold.state_type)
        self._ticked_s = 0.0
        self._wide = fold if isinstance(fold, WideFold) else None
        self._is_restored = False

    def step_all(
        self, events: Sequence[Event], *, partitions: Sequence[int], changes: list[Change]
    ) -> list[list[Event]]:
        """Step every state the events concern; what changed goes to `changes`, to be written later.

        Parameters
        ----------
        partitions : sequence of int
            Where each event was read; those of a wide fold have one partition.

        Raises
        ------
        GroundswellError
            From the fold, or a state is too large to be kept; `changes` is empty then.
        """
        changes.clear()
        if self._wide:
            outputs, made = self._step_together(self._wide, events, partitions[0])
        else:
            draft = Draft(self._fold, self, stage=self._stage)
            outputs = [draft.step(event, place) for event, place in zip(events, partitions, strict=True)]
            made = draft.changes()
        changes.extend(made)
        return outputs

    def value(self, partition: int, key: str) -> bytes | None:
        """Read a state as it was encoded."""
        return stored_in(self._states, partition, key.encode())

    def keys_of(self, video_id: str) -> Iterator[str]:
        """Name every state of a video: its key, or what begins with it."""
        return (key for key in (name.decode() for name in self._states) if is_of(video_id, key))

    def waiting(self, partition: int) -> Mapping[str, float]:
        """Name the states of a partition that wait for time to pass, and the first time that each wants to hear."""
        return self._waiting.get(partition, _NOBODY)  # asked in the thread of the steps: it must not grow

    def records(self, changes: Sequence[Change]) -> list[Record]:
        """Say what the changelogs must hold before the changes count."""
        states = [self._record(self._states, c, c.value) for c in changes if c.value is not None or c.deletes]
        waiting = [
            self._record(self._waiting_keys, c, b"1" if c.waits else None)
            for c in changes
            if c.waits != (c.key in self._waiting[c.partition])
        ]
        return states + waiting

    def apply(self, changes: Sequence[Change], records: Sequence[Record], offsets: Sequence[int]) -> None:
        """Bring the tables up to what the broker has confirmed: the records of some changes, and where they lie."""
        for table in (self._states, self._waiting_keys):
            name = table.changelog_topic_name
            batch = [_as_recovered(r, at) for r, at in zip(records, offsets, strict=True) if r.topic == name]
            if batch:
                table.apply_changelog_batch(batch)
        for change in changes:
            if change.wakes_at_s is None:
                self._waiting[change.partition].pop(change.key, None)
            else:
                self._waiting[change.partition][change.key] = change.wakes_at_s
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
        waiting: dict[int, dict[str, float]] = defaultdict(dict)
        for name in self._waiting_keys:
            key = name.decode()
            waiting[partition_of(key.split("/", 1)[0], self._count)][key] = ANY_TIME_S
        self._waiting = waiting

    def due_ticks(self, now_s: float) -> list[TimePassed]:
        """Say the time to each partition in which it means something to a state, at most once a second."""
        if now_s - self._ticked_s < TICK_S:
            return []
        self._ticked_s = now_s
        return [
            TimePassed(
                event_id=derive_id(self._stage, "tick", str(now_s), p), stage=self._stage, partition=p, at_s=now_s
            )
            for p, keys in self._waiting.items()
            if any(wakes_at_s <= now_s for wakes_at_s in keys.values())
        ]

    def _step_together(
        self, fold: "WideFold[Any]", events: Sequence[Event], partition: int
    ) -> tuple[list[list[Event]], list[Change]]:
        """Step one event after the other, each on what the ones before it changed."""
        self.restore()
        stepped: dict[str, Any] = {}  # states of the fold's own type

        def read(key: str) -> Any:
            return stepped[key] if key in stepped else self._read(partition, key)

        outputs = []
        for event in events:
            changes, said = fold.step_wide(read, event)
            self._is_restored = False  # until `apply`: if that never comes, the fold knows too much
            fold.applied(changes)
            stepped |= changes
            outputs.append(list(said))
        return outputs, [self._change(partition, key, state) for key, state in stepped.items()]

    def _change(self, partition: int, key: str, state: Any) -> Change:
        value = None if state is None else self._encoder.encode(state)
        if value is not None and len(value) > LARGEST_STATE_BYTES:
            raise StateTooLarge(f"state {key} would have {len(value)} bytes; at most {LARGEST_STATE_BYTES} are kept")
        return Change(partition, key, value, wakes_at_s=None, deletes=value is None)

    def _read(self, partition: int, key: str) -> Any:
        stored = self.value(partition, key)
        return None if stored is None else self._decoder.decode(stored)

    @staticmethod
    def _record(table: Any, change: Change, value: bytes | None) -> Record:
        return Record(
            topic=table.changelog_topic_name, partition=change.partition, key=change.key.encode(), value=value
        )


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
