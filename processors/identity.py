"""Who is who: every face finds its identity, in the order of one log."""

from collections.abc import Iterable, Mapping
from typing import Self, TypeAlias, cast

from msgspec.structs import replace

from models import index_set
from models.gallery import FaceGallery, Float32, centroid
from models.vectors import from_vector
from processors.identity_commands import Desk, Outcome, carry_out
from processors.identity_draft import Draft
from processors.identity_erase import drop_beyond, drop_video
from processors.identity_events import STAGE, VERSION, events_of, progress
from processors.identity_maker import admit
from processors.identity_people import vectors_of
from processors.identity_tracks import Rules, decide, lift
from processors.ports import World
from processors.stage import Changes, Read
from schemas.commands import AnyCommand, Command, CommandAnswered, CommandTaken
from schemas.errors import Refused, Unreadable
from schemas.event import Event, derive_id
from schemas.faces import FacesCounted, FaceTracked
from schemas.gallery import Counted, Done, GalleryState, Placed, Track, Video

Stepped: TypeAlias = tuple[Changes[GalleryState], list[Event]]
RESTORED_AT_ONCE = 4096


class GalleryFold:
    """The one gallery: reads faces and commands, writes identities and who is in each segment.

    A command does not take effect when it comes in on its own topic. It is put on ``faces`` first, and
    takes effect when it comes by there: so one log holds everything in the order in which it happened.
    """

    version = VERSION
    state_type = GalleryState

    def __init__(self, gallery: FaceGallery, rules: Rules) -> None:
        self._gallery, self._rules = gallery, rules

    @classmethod
    def build(cls, world: World) -> Self:
        """Make the stage with an empty gallery; it needs the settings only."""
        options = world.options
        gallery = FaceGallery(
            flat_limit=options.gallery_flat_limit,
            cells_searched=options.gallery_cells_searched,
            device=options.device,
        )
        rules = Rules(
            threshold_l2=options.face_threshold_l2,
            margin_l2=options.face_margin_l2,
            min_quality=options.face_min_quality,
        )
        return cls(gallery, rules)

    @property
    def gallery(self) -> FaceGallery:
        """The index as it stands: derived from the states, and nothing else."""
        return self._gallery

    def restore(self, states: Iterable[tuple[str, GalleryState]]) -> None:
        """Make the gallery again from everything that is stored."""
        self._gallery.clear()
        waiting: dict[str, Float32] = {}
        for _, state in states:
            self._use_cells(state)
            waiting |= _points([state])
            if len(waiting) >= RESTORED_AT_ONCE:
                self._gallery.put(waiting)
                waiting = {}
        self._gallery.put(waiting)

    def step_wide(self, read: Read[GalleryState], event: Event) -> Stepped:
        """Take in a face, a count, or a command; anything else is not for this stage.

        Raises
        ------
        Unreadable
            A face whose vector is none, or has another number of dimensions.
        Refused
            A face whose vector another model made than those that are here.
        """
        match event:
            case FaceTracked():
                return self._take_track(Draft(read), event)
            case FacesCounted():
                return _take_count(Draft(read), event)
            case CommandTaken():
                return self._take_command(read, event.command)
            case Command():
                return {}, _put_in_line(Draft(read), event)
        return {}, []

    def applied(self, changes: Mapping[str, GalleryState | None]) -> None:
        """Bring the index up to what is stored."""
        points = _points(state for state in changes.values() if state is not None)
        for key, state in changes.items():
            identity_id = key.removeprefix("person/")
            if identity_id != key and identity_id not in points:
                self._gallery.remove(identity_id)
            if state is not None:
                self._use_cells(state)
        self._gallery.put(points)

    def _use_cells(self, state: GalleryState) -> None:
        if state.cells is not None:
            self._gallery.use_cells(state.cells)

    def _take_track(self, draft: Draft, event: FaceTracked) -> Stepped:
        key, known = event.record_key, draft.track(event.record_key)
        if draft.is_gone(event.event_id) or (known is not None and known.event_id == event.event_id):
            return {}, []
        self._check(event)
        admit(draft, event, is_empty=not len(self._gallery))
        _enter(draft, event)
        if draft.track(key) is not None:
            lift(draft, key)
        draft.put_track(key, _track(event, refused=known.refused if known else ()))
        _seat(draft, event)
        decide(draft, self._gallery, key, rules=self._rules, cause_id=event.event_id, before=known)
        if self._gallery.wants_cells:
            draft.put_cells(self._gallery.draw_cells())
        return _finish(draft, event)

    def _take_command(self, read: Read[GalleryState], command: AnyCommand) -> Stepped:
        draft = Draft(read)
        if draft.done(command.event_id) is not None:
            return {}, []
        try:
            outcome = carry_out(Desk(draft=draft, gallery=self._gallery, rules=self._rules), command)
        except Refused as error:
            refused = Draft(read)
            refused.put_done(command.event_id, Done(refused=True))
            return refused.changes, [_answer(command, Outcome(message=str(error)), is_done=False)]
        draft.put_done(command.event_id, outcome.done or Done())
        if outcome.undoes:
            draft.put_done(*outcome.undoes)
        return draft.changes, [*events_of(draft), _answer(command, outcome, is_done=True)]

    def _check(self, event: FaceTracked) -> None:
        size = from_vector(event.vector).size
        if size != self._gallery.dim:
            raise Unreadable(f"a face has {self._gallery.dim} numbers, but {size} came with {event.record_key}")


def _take_count(draft: Draft, event: FacesCounted) -> Stepped:
    counted = Counted(
        event_id=event.event_id,
        count=event.count,
        start_ms=_ms(event.start_s),
        end_ms=_ms(event.end_s),
        absent_reason=event.absent_reason or "",
    )
    video = draft.video(event.video_id)
    known = draft.segment(event.video_id, event.segment).counted
    is_known = known == counted and video is not None and video.revision == event.revision
    if is_known or draft.is_gone(event.event_id):
        return {}, []
    _enter(draft, event)
    _reopen(draft, event)
    drop_beyond(draft, event.video_id, index=event.segment, count=event.count)
    segment = draft.segment(event.video_id, event.segment)
    draft.put_segment(event.video_id, event.segment, replace(segment, counted=counted))
    entered = draft.video(event.video_id) or Video(revision=event.revision)
    draft.put_video(event.video_id, replace(entered, segments=event.segments))
    return _finish(draft, event)


def _enter(draft: Draft, event: FaceTracked | FacesCounted) -> None:
    """Make room for a segment; other content under the same id takes the place of the earlier one."""
    video = draft.video(event.video_id)
    if video is not None and video.revision != event.revision:
        drop_video(draft, event.video_id, for_ever=False)
        video = None
    entered = video or Video(revision=event.revision)
    draft.put_video(event.video_id, replace(entered, known=index_set.insert(entered.known, event.segment)))


def _seat(draft: Draft, event: FaceTracked) -> None:
    """Give a track its place in the segment, as nobody's yet."""
    segment = draft.segment(event.video_id, event.segment)
    placed = Placed(start_ms=_ms(event.start_s), end_ms=_ms(event.end_s))
    tracks = dict(sorted({**segment.tracks, str(event.track): placed}.items()))
    draft.put_segment(event.video_id, event.segment, replace(segment, tracks=tracks))


def _reopen(draft: Draft, event: FacesCounted) -> None:
    """A segment that is counted anew has to become complete anew."""
    video, counted = draft.video(event.video_id), draft.segment(event.video_id, event.segment).counted
    if video is None or counted is None or not index_set.contains(video.complete, event.segment):
        return
    complete = index_set.remove(video.complete, event.segment)
    time_ms = video.time_ms - (counted.end_ms - counted.start_ms)
    draft.put_video(event.video_id, replace(video, complete=complete, time_ms=time_ms))


def _finish(draft: Draft, event: FaceTracked | FacesCounted) -> Stepped:
    """Say what has changed, and that the segment is answered when its last track is in."""
    video, segment = draft.video(event.video_id), draft.segment(event.video_id, event.segment)
    counted = segment.counted
    is_news = counted is not None and len(segment.tracks) >= counted.count
    if video is None or counted is None or not is_news or index_set.contains(video.complete, event.segment):
        return draft.changes, events_of(draft)
    complete = index_set.insert(video.complete, event.segment)
    finished = replace(video, complete=complete, time_ms=video.time_ms + counted.end_ms - counted.start_ms)
    draft.put_video(event.video_id, finished)
    return draft.changes, [*events_of(draft), progress(event.video_id, finished, event.event_id)]


def _track(event: FaceTracked, *, refused: tuple[str, ...]) -> Track:
    return Track(
        event_id=event.event_id,
        vector=event.vector,
        quality=event.quality,
        start_ms=_ms(event.start_s),
        end_ms=_ms(event.end_s),
        crop_ref=event.crop_ref,
        cannot_link=event.cannot_link,
        refused=refused,
    )


def _put_in_line(draft: Draft, command: Command) -> list[Event]:
    if draft.done(command.event_id) is not None:
        return []
    taken_id = derive_id(STAGE, VERSION, command.event_id, "taken")
    return [CommandTaken(event_id=taken_id, command=cast(AnyCommand, command))]


def _answer(command: AnyCommand, outcome: Outcome, *, is_done: bool) -> CommandAnswered:
    return CommandAnswered(
        event_id=derive_id(STAGE, VERSION, command.event_id, "answer"),
        command_id=command.event_id,
        state="done" if is_done else "refused",
        message=outcome.message,
        identity_id=outcome.identity_id,
        erased=outcome.erased,
        erased_refs=outcome.erased_refs,
    )


def _points(states: Iterable[GalleryState]) -> dict[str, Float32]:
    """Where the identities among these states are."""
    people = (state.person for state in states if state.person is not None)
    found = ((person.identity_id, vectors_of(person)) for person in people)
    return {identity_id: centroid(vectors) for identity_id, vectors in found if vectors is not None}


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
