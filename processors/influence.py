"""How the earlier videos of a channel, or with a person, did: one state for each of them."""

from collections.abc import Iterator
from typing import Self

from msgspec.structs import replace

from models.influence import Appearance, influence, numbers_of
from processors.content_id import with_content_id
from processors.ports import World
from schemas.errors import Unreadable
from schemas.event import Event, VideoId
from schemas.influence import AppearanceRecorded, Appeared, CreatorState, InfluenceComputed

STAGE = "influence"
VERSION = "1"


class InfluenceFold:
    """Hears of every appearance of a creator, and tells each video what was known when it was published.

    Only videos published earlier count, by what was observed earlier: an outcome that comes later
    changes what is said of later videos only. What is said follows from the set of appearances, so
    that the order of arrival cannot show.
    """

    version = VERSION
    state_type = CreatorState

    @classmethod
    def build(cls, world: World) -> Self:
        """Make the stage; it needs nothing."""
        return cls()

    def key(self, event: Event) -> str | None:
        """Name the creator's state; None for what this stage says itself."""
        return event.creator if isinstance(event, AppearanceRecorded) else None

    def start(self, key: str) -> CreatorState:
        """Make the state of a creator of whom no video is known."""
        return CreatorState(creator=key)

    def step(self, state: CreatorState, event: Event) -> tuple[CreatorState, list[Event]]:
        """Take in an appearance, or take it back.

        Raises
        ------
        Unreadable
            A share outside [0, 1].
        """
        if not isinstance(event, AppearanceRecorded):
            raise TypeError(f"a creator has no use for {type(event).__name__}")
        if not 0 <= event.share <= 1:
            raise Unreadable(f"expected a share of the time from 0 to 1, got {event.share} in {event.record_key}")
        before, now = state.videos.get(event.video_id), _appeared(event)
        if now == (replace(before, said={}) if before else None):
            return state, []
        others = {video_id: seen for video_id, seen in state.videos.items() if video_id != event.video_id}
        entered = others if now is None else others | {event.video_id: replace(now, said=before.said if before else {})}
        first_s = min(seen.published_at_s for seen in (before, now) if seen)
        grown = replace(state, videos=dict(sorted(entered.items())))
        return _told(
            grown, [v for v, seen in grown.videos.items() if v == event.video_id or seen.published_at_s > first_s]
        )

    def waits(self, _state: CreatorState) -> bool:
        """Time changes nothing here."""
        return False


def _appeared(event: AppearanceRecorded) -> Appeared | None:
    if event.share == 0:
        return None
    return Appeared(
        revision=event.revision, share=event.share, published_at_s=event.published_at_s, outcomes=event.outcomes
    )


def _told(state: CreatorState, affected: list[VideoId]) -> tuple[CreatorState, list[Event]]:
    """Say what has changed for these videos."""
    new = {video_id: numbers for video_id in affected if (numbers := _known(state, video_id)) is not None}
    videos = {v: replace(seen, said=new[v]) if v in new else seen for v, seen in state.videos.items()}
    told = replace(state, videos=videos)
    return told, list(_events(told, new))


def _known(state: CreatorState, video_id: VideoId) -> dict[str, float] | None:
    """What was known of the creator when a video was published; None when that is what was said before."""
    mine = state.videos[video_id]
    earlier = {v: seen for v, seen in state.videos.items() if seen.published_at_s < mine.published_at_s}
    known = influence(
        [Appearance(v, seen.share) for v, seen in earlier.items()],
        {v: seen.outcomes for v, seen in earlier.items()},
        before_s=mine.published_at_s,
        except_for=video_id,
    )
    numbers = numbers_of(known) if earlier else {}
    return None if numbers == mine.said else numbers


def _events(state: CreatorState, new: dict[VideoId, dict[str, float]]) -> Iterator[Event]:
    for video_id, numbers in new.items():
        computed = InfluenceComputed(
            event_id="",
            video_id=video_id,
            revision=state.videos[video_id].revision,
            creator=state.creator,
            numbers=numbers,
        )
        yield with_content_id(computed, STAGE, VERSION)
