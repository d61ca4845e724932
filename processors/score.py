"""Predictions from summaries, by the newest release of each target."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from models.release import AnyRelease, load, verified
from processors.ports import World
from processors.predict import STAGE, VERSION, for_duplicate, predict
from schemas.errors import ReleaseInvalid
from schemas.event import WHOLE_VIDEO, Event, VideoEvent, derive_id
from schemas.predictions import VideoScored
from schemas.progress import StageProgressed, State
from schemas.releases import ReleasePublished
from schemas.summaries import Summarised


@dataclass(frozen=True)
class _Heard:
    """A release in use, and what decides whether another one is newer."""

    age: tuple[float, str]
    release: AnyRelease


class ScoreProcessor:
    """A transform that hears of releases and predicts every target that a summary asks for."""

    version = VERSION

    def __init__(self, find: Callable[[str, str], Path]) -> None:
        self._find = find
        self._heard: dict[str, _Heard] = {}

    @classmethod
    def build(cls, world: World) -> Self:
        """Make the stage; it needs the shelf of releases only."""
        return cls(world.release)

    def hear(self, event: Event) -> None:
        """Load a release that is newer than the one in use for its target; the order of hearing does not matter.

        Raises
        ------
        ReleaseInvalid
            Its files are not on the shelf, or not what was published.
        """
        if not isinstance(event, ReleasePublished):
            return
        age, known = (event.trained_at_s, event.release_id), self._heard.get(event.target)
        if known is None or age > known.age:
            self._heard[event.target] = _Heard(age, self._load(event))

    @property
    def targets(self) -> tuple[str, ...]:
        """The targets that have a release, sorted."""
        return tuple(sorted(self._heard))

    def transform(self, events: Sequence[Event]) -> list[list[Event]]:
        """Predict for every summary of a whole video.

        Raises
        ------
        ReleaseInvalid, Unreadable
            See `predict`.
        """
        videos = [e for e in events if isinstance(e, Summarised) and e.scope == WHOLE_VIDEO]
        by_target = {target: self._predict(target, videos) for target in self.targets}
        return [self._answer(event, by_target) for event in events]

    def give_up(self, event: Event, reason: str) -> list[Event]:
        """Say that a video gets no prediction, and why."""
        if not isinstance(event, VideoEvent):
            return []
        return [_progress(event, "failed", message=reason)]

    def _load(self, event: ReleasePublished) -> AnyRelease:
        folder = self._find(event.target, event.release_id)
        for file in event.files:
            verified(file, folder)
        release = load(folder)
        named = (release.manifest.target, release.manifest.release_id)
        if named != (event.target, event.release_id):
            raise ReleaseInvalid(f"expected release {event.record_key}, the folder holds {'/'.join(named)}")
        return release

    def _predict(self, target: str, summaries: list[Summarised]) -> dict[str, VideoScored]:
        asked = [s for s in summaries if not s.targets or target in s.targets]
        predictions = predict(asked, self._heard[target].release)
        return {summary.event_id: scored for summary, scored in zip(asked, predictions, strict=True)}

    def _answer(self, event: Event, by_target: dict[str, dict[str, VideoScored]]) -> list[Event]:
        if not isinstance(event, Summarised) or event.scope != WHOLE_VIDEO:
            return []
        scored = [found[event.event_id] for found in by_target.values() if event.event_id in found]
        copies = [for_duplicate(one, copy) for one in scored for copy in event.duplicates]
        return [*scored, *copies, *self._progress(event)]

    def _progress(self, summary: Summarised) -> Iterator[Event]:
        silent = sorted(set(summary.targets or self.targets) - set(self.targets))
        if silent or not self._heard:
            names = ", ".join(silent) or "any target"
            yield _progress(summary, "waiting", message=f"no release for {names} yet; train one, then replay")
        elif summary.final:
            yield _progress(summary, "done")


def _progress(event: VideoEvent, state: State, *, message: str = "") -> StageProgressed:
    return StageProgressed(
        event_id=derive_id(STAGE, VERSION, event.event_id, f"progress/{state}"),
        video_id=event.video_id,
        stage=STAGE,
        state=state,
        done=1.0 if state == "done" else 0.0,
        total=1.0,
        message=message,
    )
