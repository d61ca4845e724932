"""Joins and pools: one summary per segment, and one per video while it grows and when it is done."""

import math
from typing import Self

from msgspec.structs import replace

from processors import assemble_segment as one_segment
from processors import assemble_video as whole_video
from processors.assemble_people import PEOPLE
from processors.ports import Options, World
from schemas.assembly import AssemblyState, SegmentState, VideoState
from schemas.event import WHOLE_VIDEO, Event
from schemas.features import FeatureExtracted
from schemas.influence import InfluenceComputed
from schemas.media import MediaDuplicated, MediaFetched
from schemas.outcomes import OutcomeObserved
from schemas.segments import SegmentCut, VideoSegmented
from schemas.summaries import Summarised
from schemas.ticks import TimePassed


class AssembleProcessor:
    """A fold with two kinds of state: ``video_id/revision/index`` for a segment and ``video_id`` for a video.

    A segment's summary goes out on the topic and comes back as input for its video, so that each state
    stays small and every sum is made from events that can be replayed.
    """

    version = one_segment.VERSION
    state_type = AssemblyState

    def __init__(self, options: Options) -> None:
        self._options = options

    @classmethod
    def build(cls, world: World) -> Self:
        """Make the stage; it needs the settings only."""
        return cls(world.options)

    def key(self, event: Event) -> str | None:
        """Name the state an event belongs to; None for what changes no summary.

        A fetched duplicate, a summary of a whole video (our own output) and modalities that nobody
        waits for have no state; time is for every state that waits. Who is in a video comes unawaited.
        """
        match event:
            case SegmentCut():
                return f"{event.video_id}/{event.revision}/{event.index}"
            case FeatureExtracted():
                return self._key_of_feature(event)
            case Summarised():
                return None if event.scope == WHOLE_VIDEO else event.video_id
            case MediaFetched():
                return None if event.duplicate_of else event.video_id
            case MediaDuplicated() | VideoSegmented() | OutcomeObserved() | InfluenceComputed():
                return event.video_id
        return None

    def start(self, key: str) -> AssemblyState:
        """Make the empty state of a segment or of a video."""
        video_id, *rest = key.split("/")
        if not rest:
            return AssemblyState(video=VideoState(video_id=video_id))
        revision, index = rest
        return AssemblyState(segment=SegmentState(video_id=video_id, revision=revision, index=int(index)))

    def step(self, state: AssemblyState, event: Event) -> tuple[AssemblyState, list[Event]]:
        """Take in one event.

        Raises
        ------
        Unreadable
            A feature with neither vector nor reason, or bytes that are no vector.
        PoolingOverflow
            A vector or number that cannot be added exactly.
        """
        if state.segment is not None:
            segment, events = self._step_segment(state.segment, event)
            return (state if segment is state.segment else replace(state, segment=segment)), events
        if state.video is None:
            raise TypeError("expected a state made by AssembleProcessor.start")
        video, events = self._step_video(state.video, event)
        return (state if video is state.video else replace(state, video=video)), events

    def waits(self, state: AssemblyState) -> bool:
        """Whether this state wants to hear `TimePassed`."""
        if state.segment is not None:
            return one_segment.waits(state.segment, self._options)
        return state.video is not None and whole_video.waits(state.video, self._options)

    def wakes_at_s(self, state: AssemblyState) -> float:
        """Say from when on time means something to a state that waits: it begins to wait, has something to say, or gives up."""
        if state.segment is not None:
            return one_segment.wakes_at_s(state.segment, self._options)
        return -math.inf if state.video is None else whole_video.wakes_at_s(state.video, self._options)

    def _key_of_feature(self, event: FeatureExtracted) -> str | None:
        if event.modality == PEOPLE:
            return event.video_id if event.scope == WHOLE_VIDEO else None
        if event.modality not in self._options.modalities:
            return None
        if event.scope == WHOLE_VIDEO:
            return event.video_id
        return f"{event.video_id}/{event.revision}/{int(event.scope)}"

    def _step_segment(self, state: SegmentState, event: Event) -> one_segment.Stepped:
        match event:
            case SegmentCut():
                return one_segment.take_cut(state, event, options=self._options)
            case FeatureExtracted():
                return one_segment.take_answer(state, event, options=self._options)
            case TimePassed():
                return one_segment.take_time(state, event, options=self._options)
        raise TypeError(f"a segment has no use for {type(event).__name__}")

    def _step_video(self, state: VideoState, event: Event) -> whole_video.Stepped:
        match event:
            case MediaFetched():
                return whole_video.take_media(state, event, options=self._options)
            case OutcomeObserved():
                return whole_video.take_outcome(state, event, options=self._options)
            case TimePassed():
                return whole_video.take_time(state, event, options=self._options)
        return whole_video.take_part(state, event, options=self._options)
