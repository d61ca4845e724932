"""A dashboard without Kafka: topics that are a list, a real library, a folder for media, and a client of the app."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from starlette.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send

from dashboard.access.role_names import Role
from dashboard.access.roles import Caller
from dashboard.app import create_app
from dashboard.desk import Desk
from dashboard.live.hub import Hub
from dashboard.reading import Library
from schemas.codec import encode
from schemas.commands import Command, CommandAnswered
from schemas.event import Event, derive_id
from streams.kafka.bulk import Record
from streams.kafka.partitioning import partition_of
from streams.settings import Settings
from streams.storage.media import FolderMediaStore
from streams.topology import topic_of

PARTITIONS = 4
NOON_MS = 1_763_812_800_000


def records_of(events: Iterable[Event], *, start: int = 0, at_ms: int = NOON_MS) -> list[Record]:
    """Lay events on their topics: one a second, offsets counted through all partitions."""
    return [
        _record(event, encode(event), offset=start + place, at_ms=at_ms + 1000 * place)
        for place, event in enumerate(events)
    ]


def tombstones_of(events: Iterable[Event], *, start: int) -> list[Record]:
    """Take events back."""
    return [_record(event, None, offset=start + place, at_ms=NOON_MS) for place, event in enumerate(events)]


def _record(event: Event, value: bytes | None, *, offset: int, at_ms: int) -> Record:
    topic = topic_of(event)
    return Record(
        topic=topic.name,
        partition=partition_of(event.partition_key, topic.partitions or PARTITIONS),
        offset=offset,
        key=event.record_key.encode(),
        value=value,
        headers=(),
        timestamp_ms=at_ms,
    )


@dataclass
class ListTopics:
    """`dashboard.desk.Topics` as a list; what is sent reaches the library at once.

    `asked` are the commands to the gallery, each answered with ``done``.
    """

    library: Library
    sent: list[Event] = field(default_factory=list)
    taken_back: list[Event] = field(default_factory=list)
    asked: list[Command] = field(default_factory=list)
    offsets: "count[int]" = field(default_factory=lambda: count(1_000_000))

    def send(self, events: Sequence[Event]) -> None:
        """Publish."""
        self.sent.extend(events)
        self.library.take([_record(e, encode(e), offset=next(self.offsets), at_ms=NOON_MS) for e in events])

    def take_back(self, events: Sequence[Event]) -> None:
        """Write tombstones."""
        self.taken_back.extend(events)
        self.library.take([_record(e, None, offset=next(self.offsets), at_ms=NOON_MS) for e in events])

    def ask(self, command: Command) -> CommandAnswered:
        """Do as told."""
        self.asked.append(command)
        event_id = derive_id("identity", "1", command.event_id)
        return CommandAnswered(event_id=event_id, command_id=command.event_id, state="done", message="done")


def topics_of(desk: Desk) -> ListTopics:
    """The list behind a desk."""
    assert isinstance(desk.topics, ListTopics)
    return desk.topics


def a_desk(
    folder: Path, events: Iterable[Event] = (), *,
    library: Library | None = None, settings: Settings | None = None, hub: Hub | None = None,
) -> Desk:  # fmt: skip
    """Put a desk together whose library has heard `events`; the home is `folder`."""
    settings = settings or Settings(home=folder)
    library = library or _sqlite(settings)
    library.take(records_of(events))
    store = FolderMediaStore(folder / "media")
    topics = ListTopics(library=library)
    return Desk(settings=settings, bootstrap="127.0.0.1:1", library=library, topics=topics, store=store, hub=hub)


def _sqlite(settings: Settings) -> Library:
    from dashboard.library import open_library

    return open_library(settings)


class As:
    """An app as a caller of some role meets it, past the access middleware: that finds the caller out."""

    def __init__(self, app: ASGIApp, role: Role = "admin", *, name: str = "maria") -> None:
        self._app, self._caller = app, Caller(name=name, role=role, way="token")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its caller."""
        await self._app({**scope, "groundswell.caller": self._caller}, receive, send)


def a_client(desk: Desk, role: Role = "admin") -> TestClient:
    """A client of the app, without the access middleware, as a caller of some role."""
    return TestClient(As(create_app(desk), role), base_url="http://groundswell.test", raise_server_exceptions=True)
