"""Stands in for the library until `h/library` is merged; goes then."""

from typing import Any  # Any: a stand-in

from dashboard.rows import DeadLetterPage, Facets, PersonPage, VideoPage


class EmptyLibrary:
    """Knows nothing."""

    def videos(self, _query: object) -> VideoPage:
        return VideoPage(items=(), next_cursor="", total=0)

    def people(self, **_: object) -> PersonPage:
        return PersonPage(items=(), next_cursor="", total=0)

    def dead_letters(self, **_: object) -> DeadLetterPage:
        return DeadLetterPage(items=(), next_cursor="", total=0)

    def facets(self) -> Facets:
        return Facets()

    def offsets(self) -> dict[tuple[str, int], int]:
        return {}

    def video(self, _video_id: str) -> None:
        return None

    person = dead_letter = video

    def rows(self, *_: Any, **__: Any) -> list[Any]:
        return []

    commands = targets = releases = labels = outcomes = scores = take = rows

    def predictions(self, **_: object) -> Any:
        return iter(())

    def close(self) -> None:
        """Nothing to let go of."""
