"""Predictions from summaries, by the release of each target that serves, and by its shadows."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from models.release import AnyRelease, ClassRelease, load, verified
from processors.active_releases import Name, Roster
from processors.ports import World
from processors.predict import STAGE, VERSION, for_duplicate, predict
from processors.predict_classes import predict_classes, predict_segments
from schemas.errors import ReleaseInvalid, Unreadable
from schemas.event import WHOLE_VIDEO, Event, VideoEvent, derive_id
from schemas.predictions import VideoScored
from schemas.progress import StageProgressed, State
from schemas.promotions import ShadowScored
from schemas.releases import ReleasePublished
from schemas.summaries import Summarised


class ScoreProcessor:
    """A transform that hears of releases and predicts every target that a summary asks for."""

    version = VERSION

    def __init__(self, find: Callable[[str, str], Path]) -> None:
        self._find = find
        self._roster = Roster()
        self._loaded: dict[Name, AnyRelease] = {}

    @classmethod
    def build(cls, world: World) -> Self:
        """Make the stage; it needs the shelf of releases only."""
        return cls(world.release)

    def hear(self, event: Event) -> None:
        """Take in what was published or promoted, and load what serves now; the order of hearing does not matter.

        Raises
        ------
        ReleaseInvalid
            The files of a release that should be used are not on the shelf, or not what was published; the one
            before it goes on serving.
        """
        self._roster = self._roster.heard(event)
        failed: list[ReleaseInvalid] = []
        while missing := self._missing():
            try:
                self._loaded[missing.target, missing.release_id] = self._load(missing)
            except ReleaseInvalid as error:
                self._roster = self._roster.without((missing.target, missing.release_id))
                failed.append(error)
        active = {(e.target, e.release_id) for target in self._roster.targets for e in self._roster.active(target)}
        self._loaded = {name: release for name, release in self._loaded.items() if name in active}
        if failed:
            raise failed[0]

    @property
    def targets(self) -> tuple[str, ...]:
        """The targets that have a release that serves, sorted."""
        return tuple(target for target in self._roster.targets if self._roster.serving(target))

    @property
    def targets_of_segments(self) -> tuple[str, ...]:
        """Those whose release speaks of segments too, sorted."""
        return tuple(release.manifest.target for release in self._speaking_of_segments())

    def transform(self, events: Sequence[Event]) -> list[list[Event]]:
        """Predict for every summary of a whole video; of a segment, how likely each class of a multilabel target is.

        Raises
        ------
        ReleaseInvalid, Unreadable
            See `predict`.
        """
        videos = [e for e in events if isinstance(e, Summarised) and e.scope == WHOLE_VIDEO]
        live = [self._predict(one, videos) for t in self.targets if (one := self._roster.serving(t))]
        beside = [self._predict_beside(one, videos) for t in self._roster.targets for one in self._roster.shadows(t)]
        segments = self._segments([e for e in events if isinstance(e, Summarised) and e.scope != WHOLE_VIDEO])
        return [segments.get(event.event_id, []) or self._answer(event, live, beside) for event in events]

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

    def _missing(self) -> ReleasePublished | None:
        """A release that should be used and is not loaded."""
        active = (e for target in self._roster.targets for e in self._roster.active(target))
        return next((e for e in active if (e.target, e.release_id) not in self._loaded), None)

    def _predict(self, release: ReleasePublished, summaries: list[Summarised]) -> dict[str, VideoScored]:
        asked = [s for s in summaries if not s.targets or release.target in s.targets]
        loaded = self._loaded[release.target, release.release_id]
        predictions = predict_classes(asked, loaded) if isinstance(loaded, ClassRelease) else predict(asked, loaded)
        return {summary.event_id: scored for summary, scored in zip(asked, predictions, strict=True)}

    def _segments(self, summaries: list[Summarised]) -> dict[str, list[Event]]:
        """By summary what each target that speaks of segments says; a shadow says nothing of them."""
        found: dict[str, list[Event]] = {}
        for release in self._speaking_of_segments() if summaries else ():
            for scored in predict_segments(summaries, release):
                found.setdefault(scored.summary_id, []).append(scored)
        return found

    def _speaking_of_segments(self) -> Iterator[ClassRelease]:
        serving = (one for target in self.targets if (one := self._roster.serving(target)))
        for one in serving:
            loaded = self._loaded[one.target, one.release_id]
            if isinstance(loaded, ClassRelease) and loaded.manifest.scope != "video":
                yield loaded

    def _predict_beside(self, release: ReleasePublished, summaries: list[Summarised]) -> dict[str, VideoScored]:
        """As `_predict`, without what the release cannot read: a shadow must not keep the live prediction back."""
        found: dict[str, VideoScored] = {}
        for summary in summaries:
            with suppress(ReleaseInvalid, Unreadable):
                found |= self._predict(release, [summary])
        return found

    def _answer(
        self, event: Event, live: Sequence[dict[str, VideoScored]], beside: Sequence[dict[str, VideoScored]]
    ) -> list[Event]:
        if not isinstance(event, Summarised) or event.scope != WHOLE_VIDEO:
            return []
        scored = [found[event.event_id] for found in live if event.event_id in found]
        copies = [for_duplicate(one, copy) for one in scored for copy in event.duplicates]
        shadows = [_shadow(found[event.event_id]) for found in beside if event.event_id in found]
        return [*scored, *copies, *shadows, *self._progress(event)]

    def _progress(self, summary: Summarised) -> Iterator[Event]:
        silent = sorted(set(summary.targets or self.targets) - set(self.targets))
        if silent or not self.targets:
            names = ", ".join(silent) or "any target"
            yield _progress(summary, "waiting", message=f"no release for {names} yet; {self._advice(silent)}")
        elif summary.final:
            yield _progress(summary, "done")

    def _advice(self, silent: Sequence[str]) -> str:
        """What a person can do: there may be releases that were retired, or that only score in the shadow."""
        idle = set(silent or self._roster.targets).intersection(self._roster.targets)
        return "promote one (`groundswell releases list`), then replay" if idle else "train one, then replay"


def _shadow(scored: VideoScored) -> ShadowScored:
    event_id = derive_id(STAGE, VERSION, scored.event_id, "shadow")
    return ShadowScored(event_id=event_id, video_id=scored.video_id, prediction=scored)


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
