"""Fetch: a submitted link or upload becomes a media file in the store, once."""

import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

import msgspec

from processors.fetch_media import Brought, bring, describe, store
from processors.fetch_record import FetchRecord, Output, folder_of, read_record, write_record
from processors.ports import World
from schemas.errors import GroundswellError, Refused, Unreadable
from schemas.event import Event, VideoId, derive_id
from schemas.links import LinkSubmitted
from schemas.media import MediaDuplicated
from schemas.progress import StageProgressed, State

STAGE = "fetch"
VERSION = "1"

REPORT_EVERY_BYTES = 2**20
REPORTS_PER_VIDEO = 100


class FetchProcessor:
    """Downloads links, checks uploads, and finds videos that are already known.

    A record in the media store beside each video says what was emitted for it and for which event: a
    redelivery repeats the same bytes without a download, another submission is told that it is known.
    """

    version = VERSION

    def __init__(self, world: World) -> None:
        self._world = world
        self._media = world.media

    @classmethod
    def build(cls, world: World) -> Self:
        """Make the stage; what `world` gives must stand being used from several threads."""
        return cls(world)

    def transform(self, events: Sequence[Event]) -> list[list[Event]]:
        """Fetch each link of a batch, several at once; links of one video one after the other.

        Raises
        ------
        GroundswellError
            The first error, after all others of the batch are done (and remembered).
        """
        outputs: dict[int, list[Event]] = {}
        errors: dict[int, GroundswellError] = {}

        def work(places: list[int]) -> None:
            for place in places:
                try:
                    outputs[place] = self._answer(events[place])
                except GroundswellError as error:
                    errors[place] = error

        with ThreadPoolExecutor(max_workers=self._world.options.fetch_at_once) as pool:
            list(pool.map(work, _places_by_video(events)))
        if errors:
            raise errors[min(errors)]
        return [outputs[place] for place in range(len(events))]

    def give_up(self, event: Event, reason: str) -> list[Event]:
        """Tell people that their link failed, and remove what was downloaded of it."""
        if not isinstance(event, LinkSubmitted):
            return []
        self._forget_partial(event)
        return [_progress(event, "failed", message=reason)]

    def _answer(self, event: Event) -> list[Event]:
        link = _checked(event)
        record = read_record(self._media, link.video_id)
        if record is not None and record.input_id == link.event_id:
            return list(record.outputs)
        if record is not None and not link.again:
            return [_progress(link, "known", message="fetched before; the predictions are for this submission too")]
        try:
            return self._fetch(link)
        except Refused as error:
            self._forget_partial(link)
            return [_progress(link, "refused", message=str(error))]

    def _fetch(self, link: LinkSubmitted) -> list[Event]:
        brought = bring(self._world, link, self._scratch(link), _Live(link, self._world.report).report)
        first = self._first_with(brought.sha256, link.video_id)
        outputs = self._store(link, brought) if first == link.video_id else _point_at(first, link, brought)
        write_record(self._media, link.video_id, FetchRecord(input_id=link.event_id, outputs=outputs))
        self._forget_partial(link)
        return list(outputs)

    def _store(self, link: LinkSubmitted, brought: Brought) -> tuple[Output, ...]:
        fetched = store(self._media, link, brought, describe(link, brought, _id(link, "media")))
        size = float(brought.size_bytes)
        return fetched, _progress(link, "done", done=size, total=size, warnings=brought.warnings)

    def _first_with(self, sha256: str, video_id: VideoId) -> VideoId:
        """Name the video that brought these bytes first: this one, if it is the first."""
        ref = f"content/{sha256}"
        first = self._media.claim(ref, video_id.encode()).decode()
        record = read_record(self._media, first)
        if first != video_id and record is not None and record.media.sha256 != sha256:
            # The first has other bytes since it was fetched again.
            self._media.put(ref, video_id.encode())
            return video_id
        return first

    def _scratch(self, link: LinkSubmitted) -> Path:
        return self._world.scratch / folder_of(link.video_id)

    def _forget_partial(self, link: LinkSubmitted) -> None:
        shutil.rmtree(self._scratch(link), ignore_errors=True)


class _Live:
    """Passes progress on, about every hundredth of the file."""

    def __init__(self, link: LinkSubmitted, send: Callable[[Event], None]) -> None:
        self._link = link
        self._send = send
        self._sent_bytes = 0.0
        self._count = 0

    def report(self, done_bytes: float, total_bytes: float | None) -> None:
        step_bytes = max(REPORT_EVERY_BYTES, (total_bytes or 0) / REPORTS_PER_VIDEO)
        if self._count and done_bytes - self._sent_bytes < step_bytes:
            return
        self._sent_bytes = done_bytes
        self._count += 1
        running = _progress(self._link, "running", done=done_bytes, total=total_bytes)
        self._send(msgspec.structs.replace(running, event_id=_id(self._link, f"running/{self._count}")))


def _point_at(first: VideoId, link: LinkSubmitted, brought: Brought) -> tuple[Output, ...]:
    """Have a copy get the predictions of the first video with its bytes."""
    fetched = msgspec.structs.replace(describe(link, brought, _id(link, "media")), duplicate_of=first)
    duplicated = MediaDuplicated(
        event_id=_id(link, "duplicate"), video_id=first, duplicate_id=link.video_id, revision=fetched.revision
    )
    return fetched, duplicated, _progress(link, "duplicate", message=f"the same file as {first}")


def _progress(
    link: LinkSubmitted,
    state: State,
    *,
    message: str = "",
    done: float = 0.0,
    total: float | None = None,
    warnings: tuple[str, ...] = (),
) -> StageProgressed:
    return StageProgressed(
        event_id=_id(link, state),
        video_id=link.video_id,
        submission_id=link.submission_id,
        stage=STAGE,
        state=state,
        done=done,
        total=total,
        message=message,
        warnings=warnings,
    )


def _id(link: LinkSubmitted, ordinal: str) -> str:
    return derive_id(STAGE, VERSION, link.event_id, ordinal)


def _checked(event: Event) -> LinkSubmitted:
    if not isinstance(event, LinkSubmitted):
        raise Unreadable(f"fetch expects LinkSubmitted, got {type(event).__name__}")
    if (event.url is None) == (event.upload_ref is None):
        raise Unreadable(f"submission {event.submission_id}: expected exactly one of url and upload_ref")
    return event


def _places_by_video(events: Sequence[Event]) -> list[list[int]]:
    places: dict[str, list[int]] = {}
    for place, event in enumerate(events):
        places.setdefault(event.partition_key, []).append(place)
    return list(places.values())
