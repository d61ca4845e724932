"""What is known about each video now, folded from events: pure, for terminals and programs."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from schemas.event import Event
from schemas.media import MediaFetched
from schemas.predictions import SegmentScored, VideoScored
from schemas.progress import StageProgressed
from streams.topology import STAGES

ENDS_BADLY = {"failed", "refused"}


@dataclass
class Seen:
    """A stage's last word on a video, and when its first and last words were written (s since the epoch)."""

    last: StageProgressed
    first_at_s: float
    last_at_s: float


@dataclass
class VideoView:
    """Everything a person wants to see about one video."""

    video_id: str
    media: MediaFetched | None = None
    stages: dict[str, Seen] = field(default_factory=dict)
    predictions: dict[str, VideoScored] = field(default_factory=dict)
    segments: dict[str, SegmentScored] = field(default_factory=dict)
    """What is said of segments, by record key."""

    @property
    def title(self) -> str:
        return self.media.metadata.title if self.media else ""

    @property
    def warnings(self) -> tuple[str, ...]:
        """All warnings, each once, in the order of the stages."""
        spoken = [w for s in STAGES if s.name in self.stages for w in self.stages[s.name].last.warnings]
        return tuple(dict.fromkeys([*(self.media.warnings if self.media else ()), *spoken]))

    @property
    def problem(self) -> str:
        """Why there will be no prediction, or nothing."""
        bad = [seen.last for seen in self.stages.values() if seen.last.state in ENDS_BADLY]
        return f"{bad[0].stage} {bad[0].state}: {bad[0].message}" if bad else ""

    @property
    def is_finished(self) -> bool:
        """Whether nothing more will come by itself."""
        finals = any(p.stage == "final" for p in self.predictions.values())
        scored = "score" in self.stages and self.stages["score"].last.state == "done"
        return finals or scored or bool(self.problem)

    def timings_s(self) -> dict[str, float]:
        """How long after the stage before it each stage was done, in seconds."""
        timings, before_s = {}, None
        for stage in STAGES:
            seen = self.stages.get(stage.name)
            if seen is None:
                continue
            start_s = seen.first_at_s if before_s is None else before_s
            timings[stage.name] = round(max(0.0, seen.last_at_s - start_s), 3)
            before_s = max(seen.last_at_s, start_s)
        return timings


class Board:
    """Folds media, progress and predictions into views; hears each event once or more often.

    Parameters
    ----------
    only : iterable of str or None
        Video ids to follow; None for all.
    """

    def __init__(self, only: Iterable[str] | None = None) -> None:
        self._only = None if only is None else set(only)
        self.videos: dict[str, VideoView] = {}

    def hear(self, event: Event, at_s: float) -> VideoView | None:
        """Take in one event written at `at_s`; the view it changed, or None."""
        if not isinstance(event, MediaFetched | StageProgressed | VideoScored | SegmentScored):
            return None
        if self._only is not None and event.video_id not in self._only:
            return None
        view = self.videos.setdefault(event.video_id, VideoView(event.video_id))
        if isinstance(event, MediaFetched):
            if view.media is None or view.media.is_described or not event.is_described:
                view.media = event
        elif isinstance(event, VideoScored):
            view.predictions[event.target] = event
        elif isinstance(event, SegmentScored):
            view.segments[event.record_key] = event
        else:
            first_at_s = view.stages[event.stage].first_at_s if event.stage in view.stages else at_s
            view.stages[event.stage] = Seen(event, first_at_s, at_s)
        return view

    def all_finished(self) -> bool:
        """Whether every video that is followed by name is finished."""
        return self._only is not None and all(v in self.videos and self.videos[v].is_finished for v in self._only)
