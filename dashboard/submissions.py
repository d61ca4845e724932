"""Links in: what can be taken is sent, and each one is answered at once with its id or the reason against it."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from dashboard.desk import Desk
from dashboard.problems import Problem
from dashboard.rows import MOST_ROWS, VideoRow, VideoState
from schemas.event import VideoId
from schemas.links import LinkSubmitted
from streams.sources.egress import Network, networks, refusal_of_host
from streams.submitting import BadEntry, Entry, Wishes, submission

EVENTS_A_SENDING = 1000

_NO_SCHEME = re.compile(r"[a-z0-9][a-z0-9.\-]*\.[a-z]{2,}(:\d+)?/\S*", re.IGNORECASE)
"""``youtu.be/dQw4w9WgXcQ``, as browsers show links."""


class Submitted(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one link.

    Attributes
    ----------
    source : str
        The link as it came; `where` is its line in a table.
    state : str
        ``submitted``: it is on its way. ``refused``: it is not; `problem` says why.
    known : str or None
        How far the video is, if it was known before.
    warnings : tuple of str
        What to expect of it.
    """

    source: str
    state: Literal["submitted", "refused"]
    where: str = ""
    video_id: VideoId | None = None
    submission_id: str | None = None
    known: VideoState | None = None
    warnings: tuple[str, ...] = ()
    problem: str = ""


class SubmittedAll(msgspec.Struct, frozen=True, kw_only=True):
    """What became of several links, in their order; `warnings` are about all of them."""

    items: tuple[Submitted, ...]
    submitted: int
    refused: int
    warnings: tuple[str, ...] = ()


def submit(desk: Desk, entries: Sequence[Entry], wishes: Wishes) -> SubmittedAll:
    """Send what can be sent, and say of every entry what became of it.

    Raises
    ------
    Problem
        Nothing could be taken: none of the links, or none of the targets exists.
    BrokerUnavailable
        Kafka does not answer; nothing is promised.
    """
    warnings = about_targets(desk, wishes.targets)
    allowed = networks(desk.settings.fetch_networks)
    made = [_event_of(entry, wishes, desk, allowed=allowed) for entry in entries]
    events = _once_each(made)
    rows = _rows_of(desk, (event.video_id for event in events))
    _send(desk, events)
    items = tuple(_answers(entries, made, rows, again=wishes.again))
    refused = sum(item.state == "refused" for item in items)
    if refused == len(items):
        raise _nothing_taken(items)
    return SubmittedAll(items=items, submitted=len(items) - refused, refused=refused, warnings=warnings)


def about_targets(desk: Desk, targets: Sequence[str]) -> tuple[str, ...]:
    """Say what is to be expected of targets that somebody asks for.

    Raises
    ------
    Problem
        None of them exists.
    """
    if not targets:
        return ()
    known = {target.name for target in desk.library.targets()}
    missing = [name for name in targets if name not in known]
    names = ", ".join(sorted(known)) or "none"
    if len(missing) == len(targets):
        detail = f"no target is called {', '.join(missing)}; there are: {names}. Leave targets out to have all of them"
        raise Problem(422, "no-such-target", "None of these targets exists", detail=detail)
    serving = {row.release.target for row in desk.library.releases() if row.role == "serving"}
    idle = [name for name in targets if name in known - serving]
    return (
        *(f"no target is called {name}, so it is left out; there are: {names}" for name in missing),
        *(f"{name} has no release that serves yet, so nothing will be predicted of it" for name in idle),
    )


def _event_of(entry: Entry, wishes: Wishes, desk: Desk, *, allowed: Sequence[Network]) -> LinkSubmitted | BadEntry:
    source = entry.source.strip()
    source = f"https://{source}" if _NO_SCHEME.fullmatch(source) else source
    if "://" not in source:  # `submission` would take it for a file on this machine
        return BadEntry(where=entry.where, source=entry.source, reason="this is not a link; expected https://...")
    made = submission(replace(entry, source=source), wishes, desk.store, desk.settings)
    if isinstance(made, BadEntry):
        return made
    refusal = refusal_of_host(urlsplit(made.url or "").hostname or "", allowed)
    return made if refusal is None else BadEntry(where=entry.where, source=entry.source, reason=refusal)


def _once_each(made: Iterable[LinkSubmitted | BadEntry]) -> list[LinkSubmitted]:
    """Of several links to one video, the first."""
    return list({event.video_id: event for event in reversed([*made]) if isinstance(event, LinkSubmitted)}.values())[
        ::-1
    ]


def _rows_of(desk: Desk, video_ids: Iterable[VideoId]) -> dict[VideoId, VideoRow]:
    ids = list(video_ids)
    parts = (ids[start : start + MOST_ROWS] for start in range(0, len(ids), MOST_ROWS))
    return {row.video_id: row for part in parts for row in desk.library.rows(part)}


def _send(desk: Desk, events: Sequence[LinkSubmitted]) -> None:
    for start in range(0, len(events), EVENTS_A_SENDING):
        desk.topics.send(events[start : start + EVENTS_A_SENDING])


def _answers(
    entries: Sequence[Entry], made: Sequence[LinkSubmitted | BadEntry], rows: dict[VideoId, VideoRow], *, again: bool
) -> Iterator[Submitted]:
    first: dict[VideoId, LinkSubmitted] = {}
    for entry, event in zip(entries, made, strict=True):
        if isinstance(event, BadEntry):
            yield Submitted(source=entry.source, where=entry.where, state="refused", problem=event.reason)
            continue
        row = rows.get(event.video_id)
        repeats = ("named twice here; submitted once",) if event.video_id in first else ()
        sent = first.setdefault(event.video_id, event)
        yield Submitted(
            source=entry.source,
            where=entry.where,
            state="submitted",
            video_id=event.video_id,
            submission_id=sent.submission_id,
            known=row.state if row else None,
            warnings=(*repeats, *(about_known(row, again=again) if row else ())),
        )


def about_known(row: VideoRow, *, again: bool) -> Iterator[str]:
    """Say what to expect of a video that is known already."""
    if row.state == "described":
        yield "known by words from a table so far; it is fetched now"
    elif again:
        yield f"already known ({row.state}); it is fetched anew"
    elif row.state == "failed":
        yield f"already known, and failed: {row.problem or 'no reason given'}; try again with again=true"
    else:
        yield f"already known ({row.state}); its predictions stand. again=true fetches it anew"
    yield from row.warnings


def _nothing_taken(items: Sequence[Submitted]) -> Problem:
    detail = items[0].problem if len(items) == 1 else f"none of {len(items)} links; the first: {items[0].problem}"
    shown = [msgspec.to_builtins(item) for item in items[:20]]
    return Problem(422, "refused", "Nothing here can be taken", detail=detail, items=shown)
