"""What pages and the API ask of the library; SQLite and Redis both answer it."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from dashboard.rows import (
    Change,
    CommandRow,
    DeadLetterPage,
    Facets,
    PersonDetail,
    PersonPage,
    ReleaseRow,
    VideoDetail,
    VideoPage,
    VideoQuery,
    VideoRow,
)
from schemas.deadletters import EventRejected
from schemas.labels import LabelGiven
from schemas.outcomes import OutcomeObserved
from schemas.predictions import VideoScored
from schemas.scoreboard import ScoreKept
from schemas.targets import TargetDefined
from streams.kafka.admin import Place
from streams.kafka.bulk import Record


class Library(Protocol):
    """A read model of the topics. Safe to call from several threads; every list is bounded."""

    def take(self, records: Sequence[Record]) -> list[Change]:
        """Take records in, offsets in the same transaction; what changed, each thing once. Old records change nothing."""

    def offsets(self) -> dict[Place, int]:
        """The next offset wanted of each place that was read."""

    def videos(self, query: VideoQuery) -> VideoPage:
        """List videos. UsageError: the cursor is not one of ours."""

    def rows(self, video_ids: Iterable[str]) -> list[VideoRow]:
        """Look up rows, at most `MOST_ROWS` of them; those that are unknown are left out."""

    def video(self, video_id: str) -> VideoDetail | None:
        """Everything about one video."""

    def facets(self) -> Facets:
        """What to filter by."""

    def people(self, *, text: str = "", cursor: str = "", limit: int = 50) -> PersonPage:
        """List people by name or beginning of the id, most seen first."""

    def person(self, identity_id: str) -> PersonDetail | None:
        """Everything about somebody; somebody merged into another is answered as that one."""

    def commands(self, *, limit: int = 50) -> list[CommandRow]:
        """The last commands to the gallery, newest first."""

    def targets(self) -> list[TargetDefined]:
        """The newest definition of every target, those that ship included."""

    def releases(self) -> list[ReleaseRow]:
        """Every release with its part, by target, newest first."""

    def dead_letters(self, *, stage: str = "", cursor: str = "", limit: int = 50) -> DeadLetterPage:
        """Dead letters that were not redriven, newest first."""

    def dead_letter(self, record_key: str) -> EventRejected | None:
        """One of them, by its record key."""

    def labels(self, target: str) -> list[LabelGiven]:
        """All labels of a target that stand, by record key."""

    def outcomes(self, video_id: str) -> list[OutcomeObserved]:
        """A video's outcomes, by age."""

    def scores(self) -> list[ScoreKept]:
        """The parts of the scoreboard, see `streams.scoreboard`."""

    def predictions(self, wanted: VideoQuery | None = None, *, since_s: float | None = None) -> Iterator[VideoScored]:
        """All predictions that stand, without holding them in memory: by video and target, or in the order wanted."""

    def close(self) -> None:
        """Let go of files and connections."""
