"""Hears what changed, reads it once, and wakes everybody who listens."""

import asyncio
import logging
import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice

import msgspec

from dashboard.live.frames import Frame, Ring
from dashboard.live.snapshots import Rows, Snapshots
from dashboard.problems import Problem
from dashboard.rows import Change

log = logging.getLogger(__name__)

MOST_A_TICK = 200
MOST_HEARD = 10_000
LINGER_S = 60.0
"""So long after the last reader has left, one that comes back can still go on from where it was."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How often, and how much.

    Attributes
    ----------
    tick_s : float
        Changes are collected so long, then sent together.
    beat_s : float
        So often a sign of life is sent, and each reader's session looked at.
    stuck_s : float
        A reader that takes nothing for so long is let go.
    rest_s : float
        After the library could not be read.
    streams_per_caller, streams : int
        How many streams one caller, and all of them, may have open.
    """

    tick_s: float = 0.2
    beat_s: float = 15.0
    stuck_s: float = 10.0
    rest_s: float = 2.0
    streams_per_caller: int = 64
    streams: int = 4000


class Gone(msgspec.Struct, frozen=True):
    """A video that is not here any more: it was erased."""

    video_id: str


@dataclass(eq=False)
class Listener:
    """One open stream, as the hub knows it.

    Attributes
    ----------
    sending_since_s : float or None
        When the piece was handed over that was not taken yet, on the loop's clock.
    leash : asyncio.Timeout or None
        By which the stream is ended from outside.
    """

    caller: str
    sending_since_s: float | None = None
    leash: asyncio.Timeout | None = None

    def let_go(self) -> None:
        """End the stream as soon as the loop comes to it."""
        if self.leash is not None and not self.leash.expired():
            self.leash.reschedule(asyncio.get_running_loop().time())


class Hub:
    """Pushes changes to every open stream: they read from one ring, each from its own place.

    Belongs to the event loop of the first stream; `hear` and `stop` may be called from any thread.

    Parameters
    ----------
    library : Rows
        Read in a thread, once a tick, however many listen.
    """

    def __init__(self, library: Rows, *, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.ring = Ring(secrets.token_hex(4))
        self.snapshots = Snapshots(library, self.ring)
        self.beats = 0
        self.stopped = False
        self._library = library
        self._lock = threading.Lock()
        self._heard: dict[Change, None] = {}
        self._missed = False
        self._woken, self._turn = asyncio.Event(), asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: tuple[asyncio.Task[None], ...] = ()
        self._listeners: set[Listener] = set()
        self._left_at_s = 0.0

    @property
    def listeners(self) -> int:
        """How many streams are open."""
        return len(self._listeners)

    @property
    def turn(self) -> asyncio.Event:
        """Set when there is news, a sign of life is due, or all ends. Take it before looking for news."""
        return self._turn

    def hear(self, changes: Sequence[Change]) -> None:
        """Take note of what changed in the library; from any thread. Returns at once."""
        with self._lock:
            self._heard |= dict.fromkeys(changes)
            if len(self._heard) > MOST_HEARD:  # a library that catches up: nobody could follow
                self._heard.clear()
                self._missed = True
        self._on_loop(self._woken.set)

    def stop(self) -> None:
        """End every stream in good order, before the server closes; from any thread."""
        self.stopped = True
        self._on_loop(self._end)

    def admit(self, caller: str) -> None:
        """See whether a caller may have one more stream.

        Raises
        ------
        Problem
            429: this caller, or everybody together, has too many.
        """
        mine = sum(listener.caller == caller for listener in self._listeners)
        if mine >= self.limits.streams_per_caller:
            raise _too_many(f"{caller} has {mine} open; close one, or let one stream serve several readers")
        if self.listeners >= self.limits.streams:
            raise _too_many(f"{self.listeners} are open, which is all that this server takes; come again later")

    @contextmanager
    def listening(self, caller: str) -> Iterator[Listener]:
        """Count a stream in while it is open."""
        self._start()
        listener = Listener(caller)
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)
            self._left_at_s = _now_s()

    def _start(self) -> None:
        if self._loop is not None:
            return
        self._loop = asyncio.get_running_loop()
        with self._lock:
            self._heard.clear()  # the first reader is given a snapshot, which has it all
        self._tasks = (asyncio.create_task(self._push()), asyncio.create_task(self._beat()))

    def _on_loop(self, do: Callable[[], None]) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended, and with it everybody who listened
                self._loop.call_soon_threadsafe(do)

    def _end(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._announce()

    def _announce(self) -> None:
        turn, self._turn = self._turn, asyncio.Event()
        turn.set()

    async def _push(self) -> None:
        while True:
            await self._woken.wait()
            self._woken.clear()
            await self._tick()
            await asyncio.sleep(self.limits.tick_s)

    async def _tick(self) -> None:
        changes = self._taken()
        try:
            frames = await asyncio.to_thread(self._frames, changes)
        except Exception:  # whatever a database may say: these changes are tried again, and nobody is cut off
            log.exception("the library could not be read; trying again in %g s", self.limits.rest_s)
            self._put_back(changes)
            await asyncio.sleep(self.limits.rest_s)
            self._woken.set()
            return
        self.ring.add(frames)
        self._announce()

    def _taken(self) -> list[Change]:
        with self._lock:
            if self._missed or (not self._listeners and _now_s() > self._left_at_s + LINGER_S):
                self._heard.clear()
                self._missed = False
                self.ring.lose()
            changes = list(islice(self._heard, MOST_A_TICK))
            for change in changes:
                del self._heard[change]
            if self._heard:
                self._woken.set()
        return changes

    def _put_back(self, changes: Sequence[Change]) -> None:
        with self._lock:
            self._heard = dict.fromkeys([*changes, *self._heard])

    def _frames(self, changes: Sequence[Change]) -> list[Frame]:
        wanted = [change.id for change in changes if change.kind == "video"]
        rows = {row.video_id: row for row in self._library.rows(wanted)} if wanted else {}
        return [_frame(change, rows.get(change.id)) for change in changes]

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self.limits.beat_s)
            self.beats += 1
            self._let_go_of_stuck()
            self._announce()

    def _let_go_of_stuck(self) -> None:
        latest_s = _now_s() - self.limits.stuck_s
        for listener in list(self._listeners):
            if listener.sending_since_s is not None and listener.sending_since_s < latest_s:
                listener.let_go()


def _frame(change: Change, row: object) -> Frame:
    key = (change.kind, change.id)
    if change.kind != "video":
        return Frame("change", key, msgspec.json.encode(change))
    if row is None:
        return Frame("gone", key, msgspec.json.encode(Gone(change.id)))
    return Frame("video", key, msgspec.json.encode(row))


def _too_many(detail: str) -> Problem:
    return Problem(429, "too-many-streams", "Too many event streams", detail=detail, headers={"Retry-After": "5"})


def _now_s() -> float:
    return asyncio.get_running_loop().time()
