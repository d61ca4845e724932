"""All that a request may need, put together once at the start and handed to every route."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Protocol

from fastapi import Depends, Request

from dashboard.live.hub import Hub
from dashboard.reading import Library
from processors.ports import MediaStore
from schemas.commands import Command, CommandAnswered
from schemas.event import Event
from streams.settings import Settings


class Topics(Protocol):
    """Where events are published; on Kafka, or a list in tests. Blocks: call it from a thread (plain ``def`` routes)."""

    def send(self, events: Sequence[Event]) -> None:
        """Publish events; they lie on their topics when this returns. BrokerUnavailable: they do not."""

    def take_back(self, events: Sequence[Event]) -> None:
        """Write a tombstone over each event's key; as `send`."""

    def ask(self, command: Command) -> CommandAnswered:
        """Send a command to the gallery and wait for its answer. UsageError: it refuses."""


@dataclass(frozen=True, kw_only=True)
class Desk:
    """The world as a route sees it.

    Attributes
    ----------
    bootstrap : str
        Of Kafka, for what reads or writes topics by itself (erasing, redriving, roles of releases).
    hub : Hub or None
        Pushes what changes to everybody who listens; None: this process pushes nothing.
    """

    settings: Settings
    bootstrap: str
    library: Library
    topics: Topics
    store: MediaStore
    hub: Hub | None = None


def desk_of(request: Request) -> Desk:
    """The desk of the app that answers this request."""
    found = request.app.state.desk
    if not isinstance(found, Desk):
        raise TypeError("the app was made without a desk; see dashboard.app.create_app")
    return found


TheDesk = Annotated[Desk, Depends(desk_of)]
"""Annotation of a route's parameter."""
