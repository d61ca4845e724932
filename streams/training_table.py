"""A table as summaries: its rows go through the stages that read live videos, in memory and without Kafka."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from processors.assemble import AssembleProcessor
from processors.folding import FoldInMemory
from processors.ports import Options
from processors.segment import without_media
from processors.stage import Transform
from schemas.errors import TrainingImpossible
from schemas.event import Event, VideoEvent
from schemas.labels import LabelGiven
from schemas.media import MediaFetched
from schemas.segments import SegmentCut, VideoSegmented
from schemas.summaries import Summarised
from streams.imports.importing import Imported
from streams.imports.label_rows import Classes
from streams.imports.whole_tables import AS_GUESSED, Corrections, events_of

BATCH_VIDEOS = 32

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class TableRead:
    """What a table says.

    Attributes
    ----------
    summaries : tuple of Summarised
        The last summary of each video and segment, as `assemble` would publish it.
    labels : tuple of LabelGiven
    counts : Imported
        What became of the rows.
    """

    summaries: tuple[Summarised, ...]
    labels: tuple[LabelGiven, ...]
    counts: Imported


def read_table(
    path: Path,
    text: Transform,
    *,
    said: Corrections = AS_GUESSED,
    classes: Classes | None = None,
    on_video: Progress = lambda done, total: None,
) -> TableRead:
    """Read a table as an import would, and summarise its videos as the live stages do.

    Parameters
    ----------
    text : Transform
        The live text stage.
    on_video : callable
        Hears how many of the videos have been read so far.

    Raises
    ------
    UsageError
        The file or a correction cannot be used.
    TrainingImpossible
        Not one row says what a video is about.
    """
    events, counts = events_of(path, said, classes=classes)
    videos = _by_video(events)
    described = [own for own in videos if any(isinstance(event, MediaFetched) for event in own)]
    if not described:
        raise TrainingImpossible(
            f"{path.name} has {counts.rows} rows, {counts.taken} of which can be read, and none says what its video is "
            "about; a column for titles or transcripts is needed (--map title=COLUMN)"
        )
    summaries = tuple(_summaries(described, text, on_video))
    return TableRead(summaries, tuple(event for event in events if isinstance(event, LabelGiven)), counts)


def _by_video(events: Sequence[Event]) -> list[list[VideoEvent]]:
    own = sorted((e for e in events if isinstance(e, VideoEvent)), key=lambda event: event.video_id)
    return [list(group) for _, group in groupby(own, key=lambda event: event.video_id)]


def _summaries(videos: Sequence[list[VideoEvent]], text: Transform, on_video: Progress) -> Iterator[Summarised]:
    for first in range(0, len(videos), BATCH_VIDEOS):
        batch = [event for video in videos[first : first + BATCH_VIDEOS] for event in video]
        yield from summarise(batch, text)
        on_video(min(first + BATCH_VIDEOS, len(videos)), len(videos))


def summarise(events: Sequence[Event], text: Transform) -> list[Summarised]:
    """Send what an import says of videos through the live stages; the last summary of each video and segment.

    Parameters
    ----------
    events : sequence of Event
        Everything about these videos, in the order of the table.
    """
    cut = [piece for event in events if isinstance(event, MediaFetched) for piece in without_media(event)]
    described = [event for event in events if isinstance(event, MediaFetched)]
    heard = [*described, *(event for event in cut if isinstance(event, SegmentCut | VideoSegmented))]
    read = [answer for answers in text.transform(heard) for answer in answers]
    fold = FoldInMemory(AssembleProcessor(Options(modalities=("text",))))
    made = fold.feed([*events, *cut, *read])
    last = {event.record_key: event for event in made if isinstance(event, Summarised)}
    return [last[key] for key in sorted(last)]
