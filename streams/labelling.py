"""Labels as people give them, take them back and disagree about them: what stands on the topic, and how it changes."""

import getpass
import re
import time
from collections import defaultdict
from collections.abc import Iterable
from types import TracebackType
from typing import Protocol, Self

import msgspec

from models.agreement import agreement
from schemas.errors import UsageError
from schemas.event import WHOLE_VIDEO, Scope, VideoId, derive_id
from schemas.labels import GivenBy, Judgement, LabelGiven
from schemas.targets import TargetDefined
from streams.kafka.admin import partition_counts
from streams.kafka.bulk import BulkProducer, event_of, latest_per_key, read_to_end
from streams.kafka.partitioning import partition_of
from streams.settings import Settings

TOPIC = "labels"
STAGE = "label"
VERSION = "1"

_NOT_IN_A_NAME = re.compile(r"[/\x00-\x1f\x7f]")
_LONGEST_NAME_CHARACTERS = 100


class Place(msgspec.Struct, frozen=True):
    """A video, or one segment of it."""

    video_id: VideoId
    scope: Scope

    def __str__(self) -> str:
        return f"{self.video_id}/{self.scope}"


class LabelTopic(Protocol):
    """Where labels are written; what it takes is there when it returns."""

    def give(self, label: LabelGiven) -> None:
        """Write a label over what its giver said before."""

    def take_back(self, label: LabelGiven) -> None:
        """Write a tombstone over a label."""


class KafkaLabels:
    """The topic itself; a context manager.

    Raises
    ------
    BrokerUnavailable
        On entering: nothing answers. Later: a label was not written.
    """

    def __init__(self, settings: Settings, bootstrap: str) -> None:
        self._producer = BulkProducer(settings, bootstrap)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._producer.__exit__(kind, error, trace)

    def give(self, label: LabelGiven) -> None:
        """Write a label, confirmed by the broker."""
        self._producer.send(label)
        self._producer.flush()

    def take_back(self, label: LabelGiven) -> None:
        """Write a tombstone, confirmed by the broker."""
        self._producer.send_tombstone(label)
        self._producer.flush()


def read_labels(settings: Settings, bootstrap: str, target: str) -> list[LabelGiven]:
    """Read the labels of a target that stand, in order of their keys.

    Raises
    ------
    BrokerUnavailable
        Kafka does not answer.
    UsageError
        There is no such topic yet.
    """
    events = map(event_of, latest_per_key(read_to_end(settings, bootstrap, [TOPIC])).values())
    mine = (event for event in events if isinstance(event, LabelGiven) and event.target == target)
    return sorted(mine, key=lambda label: label.record_key)


def label_of(place: Place, target: str, *, label: str, value: Judgement, by: str) -> LabelGiven:
    """Make the event of one judgement, as of now."""
    made = LabelGiven(
        event_id="",
        video_id=place.video_id,
        scope=place.scope,
        target=target,
        label=label,
        value=value,
        by=by,
        given_at_s=round(time.time(), 3),
    )
    return msgspec.structs.replace(made, event_id=derive_id(STAGE, VERSION, msgspec.json.encode(made).decode()))


def place_of(text: str) -> Place:
    """Read ``VIDEO/SEGMENT``, or ``VIDEO`` for a video as a whole.

    Raises
    ------
    UsageError
        It is neither.

    >>> str(place_of("youtube:abc/3")), str(place_of("youtube:abc"))
    ('youtube:abc/3', 'youtube:abc/video')
    """
    video_id, _, scope = text.partition("/")
    try:
        return msgspec.convert({"video_id": video_id, "scope": scope or WHOLE_VIDEO}, Place)
    except msgspec.ValidationError as error:
        raise UsageError(f"expected VIDEO/SEGMENT as `groundswell label next` prints it, got {text[:100]!r}") from error


def check_known(settings: Settings, bootstrap: str, place: Place) -> None:
    """See that there is such a video or segment: a mistyped id would be a label of nothing.

    Raises
    ------
    UsageError
        There is none.
    """
    topic, key = ("media", place.video_id) if place.scope == WHOLE_VIDEO else ("segments", str(place))
    partition = partition_of(place.video_id, partition_counts(settings, bootstrap)[topic])
    records = latest_per_key(read_to_end(settings, bootstrap, [topic], partitions=[partition]))
    if (topic, key.encode()) not in records:
        raise UsageError(f"{place} is not there; `groundswell label next` and `groundswell show VIDEO` list segments")


def labeller(given: str) -> GivenBy:
    """Name who labels: as said, else who is logged in.

    Raises
    ------
    UsageError
        Too long a name, or one with signs that a record key cannot hold; or nobody is logged in.
    """
    try:
        name = given or getpass.getuser()
    except (KeyError, OSError) as error:
        raise UsageError("nobody is logged in by a name; say who labels: --by NAME") from error
    if _NOT_IN_A_NAME.search(name) or len(name) > _LONGEST_NAME_CHARACTERS:
        raise UsageError(
            f"expected a name of at most {_LONGEST_NAME_CHARACTERS} characters without slashes, got {name[:120]!r}"
        )
    return name


def last_by(labels: Iterable[LabelGiven], by: str) -> LabelGiven:
    """The label somebody gave last, of those that stand.

    Raises
    ------
    UsageError
        None of theirs stands.
    """
    mine = [label for label in labels if label.by == by]
    if not mine:
        raise UsageError(f"no label by {by!r} stands; `groundswell label list` says who gave which")
    return max(mine, key=lambda label: (label.given_at_s or 0.0, label.record_key))


def counts_of(target: TargetDefined, labels: Iterable[LabelGiven]) -> dict[str, dict[str, int]]:
    """For each class how many judgements of each kind stand, whoever gave them."""
    counts = {one.name: {"yes": 0, "no": 0, "skip": 0} for one in target.classes}
    for label in labels:
        if label.label in counts:
            counts[label.label][label.value] += 1
    return counts


class ClassAgreement(msgspec.Struct, frozen=True, kw_only=True):
    """How far people agree about one class; see `models.agreement.Agreement`.

    Attributes
    ----------
    disputed : tuple of str
        ``VIDEO/SEGMENT`` where somebody says yes and somebody no.
    """

    label: str
    people: tuple[str, ...]
    shared: int
    same: float | None
    kappa: float | None
    alpha: float | None
    disputed: tuple[str, ...]


def agreements_of(target: TargetDefined, labels: Iterable[LabelGiven]) -> list[ClassAgreement]:
    """Compare people class by class; who skipped has not judged."""
    said: dict[str, dict[str, dict[str, str]]] = {one.name: defaultdict(dict) for one in target.classes}
    for label in labels:
        if label.label in said and label.value != "skip":
            said[label.label][f"{label.video_id}/{label.scope}"][label.by] = label.value
    return [_agreement(name, places) for name, places in said.items()]


def _agreement(name: str, places: dict[str, dict[str, str]]) -> ClassAgreement:
    found = agreement(list(places.values()))
    return ClassAgreement(
        label=name,
        people=found.people,
        shared=found.shared,
        same=found.same,
        kappa=found.kappa,
        alpha=found.alpha,
        disputed=tuple(sorted(place for place, values in places.items() if len(set(values.values())) > 1)),
    )
