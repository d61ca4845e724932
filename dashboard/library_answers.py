"""Answers what pages ask, from whichever store the library lies in."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Literal, TypeVar, cast

import msgspec

from dashboard.library_core import Core, sort_key
from dashboard.library_cursor import Place as Cursor
from dashboard.library_cursor import as_cursor, place_of
from dashboard.library_detail import detail_of, faces_of, row_of_person
from dashboard.library_fold import fold
from dashboard.library_observed import KIND as OBSERVED
from dashboard.library_observed import outcomes_in
from dashboard.library_store import Store, Stores, Thing
from dashboard.rows import (
    MOST_ROWS,
    Change,
    CommandRow,
    DeadLetterPage,
    FaceOf,
    Facet,
    Facets,
    PersonBrief,
    PersonDetail,
    PersonPage,
    PersonRow,
    ReleaseRow,
    VideoDetail,
    VideoPage,
    VideoQuery,
    VideoRow,
)
from processors.active_releases import Roster
from schemas.codec import decode
from schemas.commands import CommandAnswered
from schemas.deadletters import EventRejected
from schemas.errors import UsageError
from schemas.event import Event
from schemas.identities import IdentityRecorded
from schemas.labels import LabelGiven
from schemas.outcomes import OutcomeObserved
from schemas.predictions import VideoScored
from schemas.promotions import RoleGiven
from schemas.releases import ReleasePublished
from schemas.scoreboard import ScoreKept
from schemas.targets import TargetDefined
from streams.kafka.admin import Place
from streams.kafka.bulk import Record
from streams.scoreboard import parts_of
from streams.target_shelf import Shelf
from streams.topology import topic

MOST_FACES = 100
MOST_THINGS = 100_000
"""Labels of a target, parts of the scoreboard, releases: no page shows more."""

_VIDEOS_LOOKED_AT = 50
"""Somebody's best faces are looked for in so many of their newest videos."""

_CHUNK = 500

_AT_REST: dict[str, Literal["shadow", "candidate", "retired"]] = {"shadow": "shadow", "retired": "retired"}

AnEvent = TypeVar("AnEvent", bound=Event)


class StoredLibrary:
    """The library of `dashboard.reading.Library`, over whichever store is current."""

    def __init__(self, stores: Stores) -> None:
        self.stores = stores

    @property
    def store(self) -> Store:
        """The store that is read and written now."""
        return self.stores.current()

    def take(self, records: Sequence[Record]) -> list[Change]:
        """Take records in, offsets in the same transaction; what changed, each thing once. Old records change nothing."""
        return self.take_into(self.store, records)

    def take_into(self, store: Store, records: Sequence[Record]) -> list[Change]:
        """Take records in, if this store is still current: who reads on from its offsets must not write to another.

        Raises
        ------
        Replaced
            It is not; begin again at the offsets of the one that is.
        """
        return list(store.commit(partial(fold, records)).changes)

    def offsets(self) -> dict[Place, int]:
        """The next offset wanted of each place that was read."""
        return self.store.offsets()

    def videos(self, query: VideoQuery) -> VideoPage:
        """List videos.

        Raises
        ------
        UsageError
            The cursor is not one of ours, or values are to be sorted of no target.
        """
        if query.sort == "value" and not query.target:
            raise UsageError("say which target's values to sort by: target=NAME")
        limit = min(query.limit, MOST_ROWS)
        with self.store.reading():
            after = place_of(query.cursor, sort=query.sort)
            found = self.store.listed(msgspec.structs.replace(query, limit=limit), after)
            rows = self._rows([video_id for _, video_id in found.keys[:limit]])
        is_last = len(found.keys) <= limit
        cursor = "" if is_last else as_cursor(query.sort, found.keys[limit - 1])
        return VideoPage(items=tuple(rows), next_cursor=cursor, total=found.total)

    def rows(self, video_ids: Iterable[str]) -> list[VideoRow]:
        """Look up rows, at most `MOST_ROWS` of them; those that are unknown are left out."""
        return self._rows(list(islice(video_ids, MOST_ROWS)))

    def _rows(self, video_ids: Sequence[str]) -> list[VideoRow]:
        found = self.store.rows(video_ids)
        return [found[video_id] for video_id in video_ids if video_id in found]

    def video(self, video_id: str) -> VideoDetail | None:
        """Everything about one video."""
        with self.store.reading():
            row = self.store.rows([video_id]).get(video_id)
            if row is None:
                return None
            return detail_of(row, self.store.parts(video_id), self._briefs(row.people))

    def facets(self) -> Facets:
        """What to filter by."""
        with self.store.reading():
            found = self.store.facets()
            names = {brief.identity_id: brief.name for brief in self._briefs([f.value for f in found.people])}
        people = tuple(Facet(value=f.value, videos=f.videos, name=names.get(f.value, "")) for f in found.people)
        return msgspec.structs.replace(found, people=people)

    def people(self, *, text: str = "", cursor: str = "", limit: int = 50) -> PersonPage:
        """List people by name or beginning of the id, most seen first.

        Raises
        ------
        UsageError
            The cursor is not one of ours.
        """
        limit = max(1, min(limit, MOST_ROWS))
        after = _number(place_of(cursor, sort="people"))
        with self.store.reading():
            if text:
                keys, total = self._named(text, after)
            else:
                things = self.store.things_by_age("people", before=after, limit=limit + 1)
                keys, total = [(thing.at, key) for key, thing in things], self.store.count("people")
            rows = self._people([key for _, key in keys[:limit]])
        is_last = len(keys) <= limit
        next_cursor = "" if is_last else as_cursor("people", keys[limit - 1])
        return PersonPage(items=tuple(rows), next_cursor=next_cursor, total=total)

    def _named(self, text: str, after: tuple[float, str] | None) -> tuple[list[tuple[float, str]], int]:
        said = sort_key(text)
        prefix = text if text.startswith("person:") else f"person:{text}"
        found = sorted(self.store.named("people", said, prefix), reverse=True)
        return [key for key in found if after is None or key < after], len(found)

    def _people(self, ids: Sequence[str]) -> list[PersonRow]:
        things = self.store.things("people", ids)
        videos = self.store.tagged_each("person", [i for i in ids if i in things], limit=MOST_ROWS)
        known = sorted({video_id for some in videos.values() for video_id in some})
        found = self.store.things(OBSERVED, known)
        outcomes = {video_id: outcomes_in(video_id, thing) for video_id, thing in found.items()}
        return [row_of_person(_event(things[i], "identities", IdentityRecorded), videos[i], outcomes) for i in videos]

    def person(self, identity_id: str) -> PersonDetail | None:
        """Everything about somebody; somebody merged into another is answered as that one."""
        with self.store.reading():
            identity_id = self._speaks_for(identity_id)
            rows = self._people([identity_id])
            if not rows:
                return None
            videos = self.store.tagged("person", identity_id, limit=MOST_ROWS)
            return PersonDetail(
                row=rows[0],
                faces=tuple(self._best_faces(identity_id, videos)),
                videos=tuple(self._rows(videos)),
            )

    def _speaks_for(self, identity_id: str) -> str:
        for _ in range(10):  # a merged identity names the one that speaks; more steps than two were never seen
            merged = self.store.things("merged", [identity_id]).get(identity_id)
            if merged is None:
                break
            identity_id = merged.value.decode()
        return identity_id

    def _best_faces(self, identity_id: str, videos: Sequence[str]) -> list[FaceOf]:
        found = [
            FaceOf(video_id=video_id, face=face)
            for video_id in videos[:_VIDEOS_LOOKED_AT]
            for face in faces_of(
                [*self.store.parts(video_id, "faces/"), *self.store.parts(video_id, "features/identity/")]
            )
            if face.identity_id == identity_id
        ]
        return sorted(found, key=lambda one: -one.face.quality)[:MOST_FACES]

    def _briefs(self, ids: Sequence[str]) -> list[PersonBrief]:
        found = self.store.things("people", ids)
        known = {i: _event(found[i], "identities", IdentityRecorded) for i in ids if i in found}
        return [
            PersonBrief(identity_id=i, name=known[i].name, cover_ref=known[i].cover_ref)
            if i in known
            else PersonBrief(identity_id=i)
            for i in ids
        ]

    def commands(self, *, limit: int = 50) -> list[CommandRow]:
        """The last commands to the gallery, newest first."""
        with self.store.reading():
            found = self.store.things_by_age("commands", limit=max(1, min(limit, MOST_ROWS)))
            ids = [key for key, _ in found]
            undoings = {i: thing.value.decode() for i, thing in self.store.things("undoings", ids).items()}
            answers = {
                key: _event(thing, "commands", CommandAnswered)
                for key, thing in self.store.things("answers", [*ids, *undoings.values()]).items()
            }
        undone = {i for i, by in undoings.items() if by in answers and answers[by].state == "done"}
        return [
            CommandRow(
                command=_event(thing, "commands", Event),  # type: ignore[arg-type]  # the kind holds commands only
                at_s=thing.at_ms / 1000,
                answer=answers.get(key),
                undone=key in undone,
            )
            for key, thing in found
        ]

    def targets(self) -> list[TargetDefined]:
        """The newest definition of every target, those that ship included."""
        return Shelf(self._all("targets", "targets", TargetDefined)).newest()

    def releases(self) -> list[ReleaseRow]:
        """Every release with its part, by target, newest first."""
        with self.store.reading():
            published = self._all("releases", "releases", ReleasePublished)
            roster = Roster.of([*published, *self._all("roles", "releases", RoleGiven)])
        newest = sorted(published, key=lambda release: -release.trained_at_s)
        return [_release_row(release, roster) for release in sorted(newest, key=lambda release: release.target)]

    def dead_letters(self, *, stage: str = "", cursor: str = "", limit: int = 50) -> DeadLetterPage:
        """Dead letters that were not redriven, newest first.

        Raises
        ------
        UsageError
            The cursor is not one of ours.
        """
        limit = max(1, min(limit, MOST_ROWS))
        before = _number(place_of(cursor, sort="dead-letters"))
        with self.store.reading():
            found = self.store.things_by_age("letters", group=stage, before=before, limit=limit + 1)
            total = self.store.count("letters", stage)
        items = tuple(_event(thing, "dead-letters", EventRejected) for _, thing in found[:limit])
        last = [(thing.at, key) for key, thing in found[:limit]][-1:]
        return DeadLetterPage(
            items=items, next_cursor=as_cursor("dead-letters", last[0]) if len(found) > limit else "", total=total
        )

    def dead_letter(self, record_key: str) -> EventRejected | None:
        """One of them, by its record key."""
        found = self.store.things("letters", [record_key]).get(record_key)
        return _event(found, "dead-letters", EventRejected) if found else None

    def labels(self, target: str) -> list[LabelGiven]:
        """All labels of a target that stand, by record key."""
        return sorted(self._all("labels", "labels", LabelGiven, group=target), key=lambda label: label.record_key)

    def outcomes(self, video_id: str) -> list[OutcomeObserved]:
        """A video's outcomes, by age."""
        return _outcomes([value for _, value in self.store.parts(video_id, "outcomes/")])

    def scores(self) -> list[ScoreKept]:
        """The parts of the scoreboard, see `streams.scoreboard`."""
        return parts_of(self._all("scores", "scoreboard", ScoreKept))

    def predictions(self, wanted: VideoQuery | None = None, *, since_s: float | None = None) -> Iterator[VideoScored]:
        """All predictions that stand, without holding them in memory: by video and target, or in the order wanted."""
        target = wanted.target if wanted else ""
        for ids in self._all_ids() if wanted is None else self._walked(wanted):
            cores = self.store.cores(ids)
            for video_id in ids:
                if video_id in cores and _has_prediction(cores[video_id], target, since_s):
                    yield from self._predictions_of(cores[video_id], target, since_s)

    def _all_ids(self) -> Iterator[list[str]]:
        after = ""
        while ids := self.store.video_ids(after, _CHUNK):
            yield ids
            after = ids[-1]

    def _walked(self, wanted: VideoQuery) -> Iterator[list[str]]:
        """A list to its end. What changes meanwhile would jump to the beginning of it, behind who reads: so not by that."""
        sort = "submitted" if wanted.sort == "changed" else wanted.sort
        query, after = msgspec.structs.replace(wanted, sort=sort, limit=_CHUNK), None
        while True:
            with self.store.reading():
                found = self.store.listed(query, after)
            yield [video_id for _, video_id in found.keys[:_CHUNK]]
            if len(found.keys) <= _CHUNK:
                return
            after = found.keys[_CHUNK - 1]

    def _predictions_of(self, core: Core, target: str, since_s: float | None) -> Iterator[VideoScored]:
        wanted = {name for name, item in core.items.items() if _is_wanted(name, item.at_ms, target, since_s)}
        for name, value in self.store.parts(core.video_id, "predictions/"):
            if name in wanted:  # what is said of segments has no item
                yield cast(VideoScored, decode(value, (VideoScored,)))

    def _all(self, kind: str, topic_name: str, wanted: type[AnEvent], group: str = "") -> list[AnEvent]:
        found = self.store.things_by_age(kind, group=group, limit=MOST_THINGS)
        return [_event(thing, topic_name, wanted) for _, thing in found]

    def dump(self) -> Iterator[str]:
        """Everything that is kept, as lines: two libraries of the same topics give the same."""
        return self.store.dump()

    def close(self) -> None:
        """Let go of files and connections."""
        self.stores.close()


def _number(place: Cursor | None) -> tuple[float, str] | None:
    return None if place is None else (float(place[0]), place[1])


def _event(thing: Thing, topic_name: str, wanted: type[AnEvent]) -> AnEvent:
    event = decode(thing.value, topic(topic_name).events)
    assert isinstance(event, wanted)  # noqa: S101  # the fold puts nothing else under this kind
    return event


def _outcomes(values: Iterable[bytes]) -> list[OutcomeObserved]:
    found = (decode(value, (OutcomeObserved,)) for value in values)
    return sorted((o for o in found if isinstance(o, OutcomeObserved)), key=lambda outcome: outcome.moment)


def _release_row(release: ReleasePublished, roster: Roster) -> ReleaseRow:
    name = (release.target, release.release_id)
    role, serving = roster.role(name), roster.serving(release.target)
    said = roster.roles.get(name)
    return ReleaseRow(
        release=release,
        role="serving"
        if serving is not None and serving.release_id == release.release_id
        else _AT_REST.get(role, "candidate"),
        changed_at_s=said.given_at_s if said else None,
    )


def _is_wanted(name: str, at_ms: int, target: str, since_s: float | None) -> bool:
    topic_name, _, predicted = name.partition("/")
    is_new = since_s is None or at_ms >= since_s * 1000
    return topic_name == "predictions" and is_new and target in ("", predicted)


def _has_prediction(core: Core, target: str, since_s: float | None) -> bool:
    return any(_is_wanted(name, item.at_ms, target, since_s) for name, item in core.items.items())
