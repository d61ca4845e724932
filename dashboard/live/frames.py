"""What is pushed: frames of server-sent events, encoded once, and the ring of those that were sent last."""

from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

MOST_BATCH_BYTES = 32 * 1024
"""A reader that reads nothing holds one batch, beside what the server's own write buffer takes (64 KiB)."""

MOST_FRAMES = 4096
MOST_RING_BYTES = 16 * 2**20

Key = tuple[str, str]
"""Kind of thing and its id."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One event before it has a number: its type, the thing it is about, and one line of JSON."""

    event: str
    key: Key
    data: bytes


@dataclass(frozen=True, slots=True)
class Wish:
    """What a reader wants to hear: some kinds, some videos; None is all of them.

    A reader of some videos who names no kinds hears of videos only.
    """

    kinds: frozenset[str] | None = None
    videos: frozenset[str] | None = None

    @property
    def is_all(self) -> bool:
        """Nothing is left out."""
        return self.kinds is None and self.videos is None

    def has(self, key: Key) -> bool:
        """Tell whether a thing is wanted."""
        kind, name = key
        if self.kinds is not None and kind not in self.kinds:
            return False
        if self.videos is None:
            return True
        return name in self.videos if kind == "video" else self.kinds is not None


ALL = Wish()


@dataclass(frozen=True, slots=True)
class Batch:
    """Frames as they go over the wire, one after the other; `ends` says where each ends. Numbers run from `first`."""

    first: int
    keys: tuple[Key, ...]
    ends: tuple[int, ...]
    data: bytes

    @property
    def last(self) -> int:
        """Number of the last frame."""
        return self.first + len(self.keys) - 1

    def picked(self, numbers: Collection[int]) -> bytes:
        """Cut some frames out, given their places in this batch."""
        if len(numbers) == len(self.keys):
            return self.data
        spans = list(pairwise((0, *self.ends)))
        return b"".join(self.data[start:end] for start, end in (spans[number] for number in numbers))


class Forgotten(LookupError):
    """A place lies before everything that is kept."""


class Ring:
    """The last frames, numbered. Bounded in frames and bytes: the oldest are forgotten."""

    def __init__(self, epoch: str, *, most_frames: int = MOST_FRAMES, most_bytes: int = MOST_RING_BYTES) -> None:
        self.epoch = epoch
        self.last = 0
        self.floor = 0
        self._most_frames, self._most_bytes = most_frames, most_bytes
        self._batches: deque[Batch] = deque()
        self._newest: dict[Key, int] = {}
        self._size_bytes, self._frames = 0, 0

    def __len__(self) -> int:
        return self._frames

    @property
    def size_bytes(self) -> int:
        """What the frames take."""
        return self._size_bytes

    def add(self, frames: Sequence[Frame]) -> None:
        """Number frames and keep them; the oldest make room."""
        keys: list[Key] = []
        parts: list[bytes] = []
        for frame in frames:
            number = self.last + len(keys) + 1
            keys.append(frame.key)
            parts.append(written(frame, f"{self.epoch}-{number}"))
            if sum(map(len, parts)) >= MOST_BATCH_BYTES:
                self._keep(keys, parts)
                keys, parts = [], []
        if keys:
            self._keep(keys, parts)
        self._make_room()

    def _keep(self, keys: Sequence[Key], parts: Sequence[bytes]) -> None:
        ends = [0]
        for part in parts:
            ends.append(ends[-1] + len(part))
        batch = Batch(first=self.last + 1, keys=tuple(keys), ends=tuple(ends[1:]), data=b"".join(parts))
        self._batches.append(batch)
        self._newest |= {key: batch.first + place for place, key in enumerate(keys)}
        self._size_bytes += len(batch.data)
        self._frames += len(keys)
        self.last = batch.last

    def _make_room(self) -> None:
        while self._batches and (self._size_bytes > self._most_bytes or self._frames > self._most_frames):
            self._forget(self._batches.popleft())

    def _forget(self, batch: Batch) -> None:
        self._size_bytes -= len(batch.data)
        self._frames -= len(batch.keys)
        self.floor = batch.last
        for key in batch.keys:
            if self._newest.get(key, 0) <= batch.last:
                self._newest.pop(key, None)

    def lose(self) -> None:
        """Forget everything, and that something was missed: no reader can go on from what it has."""
        self._batches.clear()
        self._newest.clear()
        self._size_bytes, self._frames = 0, 0
        self.last += 1
        self.floor = self.last

    def place(self, event_id: str) -> int | None:
        """Read an id that was given out; None when what came after it is not here any more, or never was."""
        epoch, _, number = event_id.rpartition("-")
        if epoch != self.epoch or not number.isdecimal() or not number.isascii() or len(number) > 18:
            return None
        return int(number) if self.floor <= int(number) <= self.last else None

    def following(self, place: int, wish: Wish) -> tuple[bytes, int] | None:
        """Give the next piece of what is new since a place, and the place it leads to; None when nothing is new.

        Of several frames about one thing only the newest counts: who is behind catches up with less. A piece may
        be empty. It is given one at a time, so that a slow reader holds one and not all that it has before it.

        Raises
        ------
        Forgotten
            What came after this place is not here any more.
        """
        if place < self.floor:
            raise Forgotten(f"frame {place} is older than {self.floor}")
        batch = self._after(place)
        return None if batch is None else (batch.picked(self._wanted(batch, place, wish)), batch.last)

    def _after(self, place: int) -> Batch | None:
        found = None
        for batch in reversed(self._batches):
            if batch.last <= place:
                break
            found = batch
        return found

    def _wanted(self, batch: Batch, place: int, wish: Wish) -> list[int]:
        return [
            at
            for at, key in enumerate(batch.keys)
            if batch.first + at > place and self._newest.get(key) == batch.first + at and wish.has(key)
        ]


def written(frame: Frame, event_id: str) -> bytes:
    """Write a frame as server-sent events are written; its data has no line breaks, being JSON.

    Source: HTML Living Standard, section "Server-sent events".

    >>> written(Frame("gone", ("video", "yt:a"), b"{}"), "e-7")
    b'id: e-7\\nevent: gone\\ndata: {}\\n\\n'
    """
    return f"id: {event_id}\nevent: {frame.event}\ndata: ".encode() + frame.data + b"\n\n"
