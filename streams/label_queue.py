"""The queue of one person who labels: what to show next, their answers, and the way back."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.classification import ClassDefinition, match_meaning
from models.label_queue import ROUND, Asked, Judged, Pool, Why, next_round, side_by_side
from models.target_values import label_truth
from schemas.event import Scope, VideoId
from schemas.features import Label
from schemas.labels import Judgement, LabelGiven
from schemas.targets import TargetDefined
from streams.label_candidates import Candidate
from streams.labelling import LabelTopic, Place, counts_of, label_of

TEXT = "segments/text"
AGREED = 0.5
"""More of those who judged say yes: it is of the class. Exactly so many: it teaches nothing."""

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Encode = Callable[[Sequence[str]], NDArray[np.float32]]


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to judge, as ``groundswell label next --json`` prints it.

    Attributes
    ----------
    why : str
        What chose it: ``words`` of the class's definition, ``unlike`` them, the classifier is ``unsure`` or finds it
        ``likely``, or it is ``new``: like nothing judged so far.
    chance : float or None
        What the classifier says, in [0, 1]; None before it can.
    seen : tuple of Label
        What was seen and heard.
    keyframe : str or None
        Path of a picture.
    """

    target: str
    label: str
    definition: str
    video_id: VideoId
    scope: Scope
    title: str
    start_s: float
    end_s: float
    words: str
    seen: tuple[Label, ...]
    why: Why
    chance: float | None
    keyframe: str | None = None

    @property
    def place(self) -> Place:
        """What a label of it is about."""
        return Place(self.video_id, self.scope)


class LabelQueue:
    """Chooses what somebody should judge next. The same summaries and labels give the same queue.

    Parameters
    ----------
    labels : iterable of LabelGiven
        That stand now; `give` and `take_back` keep them up to date.
    encode : callable
        Texts to unit vectors; only called for a class without judgements of both kinds.
    by : str
        Who is asked. Nobody is asked twice.
    shares : bool
        Ask only what somebody else has judged, so that agreement can be measured; else only what nobody has.
    """

    def __init__(
        self,
        target: TargetDefined,
        candidates: Sequence[Candidate],
        *,
        labels: Iterable[LabelGiven],
        encode: Encode,
        by: str,
        shares: bool = False,
    ) -> None:
        self.target = target
        self.candidates = {candidate.place: candidate for candidate in candidates}
        self._given = {label.record_key: label for label in labels}
        self._pool = Pool([str(c.place) for c in candidates], side_by_side([c.spaces for c in candidates]))
        self._places = {candidate.place: row for row, candidate in enumerate(candidates)}
        self._encode, self._by, self._shares = encode, by, shares
        self._matches: dict[str, Floats] = {}

    def know(self, labels: Iterable[LabelGiven]) -> None:
        """Take these for all that stand now."""
        self._given = {label.record_key: label for label in labels}

    def give(self, label: LabelGiven) -> None:
        """Take note of a judgement."""
        self._given[label.record_key] = label

    def take_back(self, label: LabelGiven) -> None:
        """Forget a judgement."""
        self._given.pop(label.record_key, None)

    def by_need(self) -> list[str]:
        """The classes, those with the fewest judgements first; of equals the first in the definition."""
        counts = counts_of(self.target, self._given.values())
        return sorted(counts, key=lambda name: counts[name]["yes"] + counts[name]["no"])

    def next(self, name: str, count: int) -> list[Question]:
        """Choose what to ask about a class, the most useful first; fewer when fewer are left."""
        judged, closed = self._judged(name), self._closed(name)
        match = None if judged.teaches else self._match(name)
        asked: list[Asked] = []
        while len(asked) < count:
            shown = [one.place for one in asked]
            more = next_round(self._pool, judged, closed=closed, match=match, shown=shown)
            if not more:
                break
            closed[[one.place for one in more]] = True
            asked += more
        everything = list(self.candidates.values())
        return [self._question(name, everything[one.place], one) for one in asked[:count]]

    def _judged(self, name: str) -> Judged:
        column = [one.name for one in self.target.classes].index(name)
        shares = label_truth(self.target, self._given.values())
        said = {self._places.get(Place(*key)): float(row[column]) for key, row in shares.items()}
        known = sorted((row, share) for row, share in said.items() if row is not None and not np.isnan(share))
        teaching = [(row, share > AGREED) for row, share in known if share != AGREED]
        return Judged(
            np.array([row for row, _ in teaching], np.int64), np.array([yes for _, yes in teaching], np.bool_)
        )

    def _closed(self, name: str) -> Bools:
        """What is not to be asked: seen by this person already, and what others' judgements rule out."""
        mine, theirs = np.zeros((2, len(self.candidates)), np.bool_)
        for label in self._given.values():
            row = self._places.get(Place(label.video_id, label.scope))
            if row is None or label.label != name:
                continue
            mine[row] |= label.by == self._by
            theirs[row] |= label.by != self._by and label.value != "skip"
        closed: Bools = mine | (~theirs if self._shares else theirs)
        return closed

    def _match(self, name: str) -> Floats:
        """How well each fits the words of a class: by what is said in it, or by what is seen and heard."""
        if name not in self._matches:
            one = next(c for c in self.target.classes if c.name == name)
            meant = ClassDefinition(one.name.replace("_", " "), one.definition)
            wanted = self._encode([f"{meant.name}: {meant.definition}"])[0].astype(np.float64)
            self._matches[name] = np.maximum(self._by_speech(wanted), self._by_sight(wanted))
        return self._matches[name]

    def _by_speech(self, wanted: Floats) -> Floats:
        spoken = [candidate.spaces.get(TEXT) for candidate in self.candidates.values()]
        return np.array([0.0 if v is None or len(v) != len(wanted) else max(float(v @ wanted), 0.0) for v in spoken])

    def _by_sight(self, wanted: Floats) -> Floats:
        tags = [{label.name: label.score for label in c.seen} for c in self.candidates.values()]
        names = sorted({tag for own in tags for tag in own})
        if not names:
            return np.zeros(len(tags))
        vectors = dict(zip(names, self._encode(names).astype(np.float64), strict=True))
        return match_meaning(tags, vectors, wanted)

    def _question(self, name: str, candidate: Candidate, asked: Asked) -> Question:
        return Question(
            target=self.target.name,
            label=name,
            definition=next(one.definition for one in self.target.classes if one.name == name),
            video_id=candidate.place.video_id,
            scope=candidate.place.scope,
            title=candidate.title,
            start_s=candidate.start_s,
            end_s=candidate.end_s,
            words=candidate.words,
            seen=candidate.seen,
            why=asked.why,
            chance=asked.chance,
        )


class Sitting:
    """Somebody sits down to label: questions come one by one, and every answer lies on the topic at once.

    Parameters
    ----------
    name : str
        A class; empty for whichever has the fewest judgements at each round.
    """

    def __init__(self, queue: LabelQueue, topic: LabelTopic, *, by: str, name: str = "") -> None:
        self._queue, self._topic, self._by, self._name = queue, topic, by, name
        self._waiting: deque[Question] = deque()
        self._given: list[tuple[Question, LabelGiven]] = []

    @property
    def answered(self) -> int:
        """Answers given and not taken back."""
        return len(self._given)

    def question(self) -> Question | None:
        """What is asked now; None when nothing is left to ask."""
        for name in [self._name] if self._name else self._queue.by_need():
            if self._waiting:
                break
            self._waiting.extend(self._queue.next(name, len(ROUND)))
        return self._waiting[0] if self._waiting else None

    def answer(self, value: Judgement) -> LabelGiven:
        """Give the answer to what is asked now; later questions take it into account."""
        question = self._waiting[0]
        label = label_of(question.place, question.target, label=question.label, value=value, by=self._by)
        self._topic.give(label)
        self._queue.give(label)
        self._given.append((self._waiting.popleft(), label))
        return label

    def undo(self) -> LabelGiven | None:
        """Take the last answer back and ask again; None when there is none."""
        if not self._given:
            return None
        question, label = self._given[-1]
        self._topic.take_back(label)
        self._queue.take_back(label)
        self._given.pop()
        self._waiting.appendleft(question)
        return label
