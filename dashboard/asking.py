"""Questions for people who label: candidates of a target are read once, in the background, and kept for a while."""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from fastapi import Depends, Request

from dashboard.desk import Desk
from schemas.errors import GroundswellError
from schemas.labels import LabelGiven
from schemas.targets import TargetDefined
from streams.label_queue import LabelQueue, Question

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from models.text import TextEncoder
    from streams.label_candidates import Candidate

MOST_CANDIDATES = 5000
"""Of each target, the newest: about 20 kB each with all their vectors."""

MOST_TARGETS = 3
MOST_QUEUES = 8
MOST_FRESH = 1000
REFRESH_AFTER_S = 300.0
_BUT_SOON_S = REFRESH_AFTER_S - 5
"""So old is called what was read in vain: it is read again in five seconds."""

log = logging.getLogger(__name__)

State = Literal["preparing", "ready", "failed"]
Read = Callable[[TargetDefined], "list[Candidate]"]
Encode = Callable[[Sequence[str]], "NDArray[np.float32]"]


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What to judge next.

    Attributes
    ----------
    state : str
        ``preparing``: candidates are being read, ask again in a moment. ``failed``: `problem` says why.
    candidates : int
        How many there are to choose from.
    """

    state: State
    questions: list[Question] = msgspec.field(default_factory=list)
    candidates: int = 0
    problem: str = ""


@dataclass
class _Room:
    """What is known of one target; `queues` are by who is asked, and whether they share."""

    target: TargetDefined
    candidates: "list[Candidate] | None" = None
    problem: str = ""
    read_at_s: float = float("-inf")
    reader: threading.Thread | None = None
    queues: OrderedDict[tuple[str, bool], LabelQueue] = field(default_factory=OrderedDict)


class Asking:
    """Chooses what people are asked. Safe to use from several threads; one of them chooses at a time.

    Parameters
    ----------
    read : callable, optional
        Reads a target's candidates; from Kafka by default.
    encode : callable, optional
        Texts to unit vectors; by the text network by default.
    """

    def __init__(self, desk: Desk, *, read: Read | None = None, encode: Encode | None = None) -> None:
        self._desk = desk
        self._read, self._encode = read or self._from_kafka, encode or _Encoder(desk)
        self._rooms: OrderedDict[tuple[str, int], _Room] = OrderedDict()
        self._fresh: OrderedDict[str, LabelGiven | None] = OrderedDict()
        self._lock = threading.Lock()
        # Held while a judgement is written: one that is taken back a moment later must be found then.
        self.in_turn = threading.Lock()

    def next(self, target: TargetDefined, name: str, *, by: str, count: int = 5, shares: bool = False) -> Asked:
        """Choose what somebody should judge of a class; an empty name takes the class with the fewest judgements."""
        with self._lock:
            room = self._room(target)
            if room.candidates is None:
                return Asked(state="failed" if room.problem else "preparing", problem=room.problem)
            queue = self._queue(room, by, shares=shares)
            queue.know(self.standing(target.name))
            questions = queue.next(name or queue.by_need()[0], count) if room.candidates else []
            return Asked(state="ready", questions=questions, candidates=len(room.candidates))

    def standing(self, target: str) -> list[LabelGiven]:
        """The labels of a target that stand, with what was given or taken back a moment ago."""
        known = {label.record_key: label for label in self._desk.library.labels(target)}
        for key, label in list(self._fresh.items()):
            if label is None:
                known.pop(key, None)
            elif label.target == target:
                known[key] = label
        return sorted(known.values(), key=lambda label: label.record_key)

    def given(self, label: LabelGiven) -> None:
        """Take note of a label before it comes back from its topic."""
        self._note(label.record_key, label)

    def taken_back(self, label: LabelGiven) -> None:
        """Take note that a label stands no more."""
        self._note(label.record_key, None)

    def _note(self, key: str, label: LabelGiven | None) -> None:
        self._fresh.pop(key, None)
        self._fresh[key] = label
        while len(self._fresh) > MOST_FRESH:
            self._fresh.popitem(last=False)

    def _room(self, target: TargetDefined) -> _Room:
        key = (target.name, target.version)
        room = self._rooms.setdefault(key, _Room(target))
        self._rooms.move_to_end(key)
        while len(self._rooms) > MOST_TARGETS:
            self._rooms.popitem(last=False)
        is_old = time.monotonic() - room.read_at_s > REFRESH_AFTER_S
        if is_old and (room.reader is None or not room.reader.is_alive()):
            room.reader = threading.Thread(target=self._fill, args=(room,), name=f"label {target.name}", daemon=True)
            room.reader.start()
        return room

    def _fill(self, room: _Room) -> None:
        try:
            found = self._read(room.target)
        except Exception as error:  # whatever it is: who waits for questions must hear of it
            if not isinstance(error, GroundswellError):
                log.exception("candidates of %s cannot be read", room.target.name)
            room.problem, room.read_at_s = str(error) or type(error).__name__, time.monotonic() - _BUT_SOON_S
            return
        with self._lock:
            room.candidates, room.problem = found, ""
            room.read_at_s = time.monotonic() if found else time.monotonic() - _BUT_SOON_S
            room.queues.clear()

    def _queue(self, room: _Room, by: str, *, shares: bool) -> LabelQueue:
        if (by, shares) not in room.queues:
            room.queues[by, shares] = LabelQueue(
                room.target, room.candidates or [], labels=(), encode=self._encode, by=by, shares=shares
            )
        room.queues.move_to_end((by, shares))
        while len(room.queues) > MOST_QUEUES:
            room.queues.popitem(last=False)
        return room.queues[by, shares]

    def _from_kafka(self, target: TargetDefined) -> "list[Candidate]":
        from streams.label_candidates import read_candidates

        return read_candidates(self._desk.settings, self._desk.bootstrap, target, most=MOST_CANDIDATES)


class _Encoder:
    """The text network, loaded when it is first asked."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._network: TextEncoder | None = None

    def __call__(self, texts: Iterable[str]) -> "NDArray[np.float32]":
        from models.text import TextEncoder
        from streams.storage.weights import WeightsCache

        if self._network is None:
            folder = WeightsCache(self._desk.settings.cache_folder).folder("minilm")
            self._network = TextEncoder.load(folder, self._desk.settings.options().inference)
        return self._network.encode(list(texts))


def asking_of(request: Request) -> Asking:
    """What chooses questions in the app that answers this request."""
    found = request.app.state.asking
    if not isinstance(found, Asking):
        raise TypeError("the app was made without questions; see dashboard.app.create_app")
    return found


TheAsking = Annotated[Asking, Depends(asking_of)]
"""Annotation of a route's parameter."""
