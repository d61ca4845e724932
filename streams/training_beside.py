"""Learning from features that lie beside those that stand: the past as `assemble` would sum it up had they been first."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from tempfile import TemporaryFile
from typing import IO

import msgspec

from processors.ports import Options
from schemas.codec import encode
from schemas.errors import Unreadable, UsageError
from schemas.event import WHOLE_VIDEO, Event, VideoEvent, VideoId
from schemas.features import FeatureExtracted, FeatureReextracted
from schemas.summaries import Summarised
from streams.kafka.admin import partition_counts
from streams.kafka.bulk import event_of, latest_per_key, read_to_end
from streams.reextraction import AnsweredBefore, PastVideo, check_repeatable, past_videos, promotable
from streams.release_features import Past, read_past
from streams.rescoring import SOURCES, summed_up_again
from streams.settings import Settings
from streams.training_source import Change, Source, on_topics

TOPICS = (*SOURCES["features"], "feature-versions")

_SUMMARIES = msgspec.json.Decoder(Summarised)

Versions = Mapping[str, str]
"""By stage the version of its model whose answers are wanted."""


@dataclass
class _Kept:
    """Summaries in a file that is gone when nobody has it open any more, a line each; they are read several times."""

    file: IO[bytes] = field(default_factory=TemporaryFile)
    written_s: list[float] = field(default_factory=list)

    def add(self, summary: Summarised, written_s: float) -> None:
        self.file.write(encode(summary) + b"\n")
        self.written_s.append(written_s)

    def read(self) -> Iterator[tuple[Summarised, float]]:
        self.file.seek(0)
        for line, written_s in zip(self.file, self.written_s, strict=True):
            yield _SUMMARIES.decode(line), written_s


def versions_in(wishes: Iterable[str]) -> dict[str, str]:
    """Read what was typed: ``visual=11ad3fa6-p1-f32``.

    Raises
    ------
    UsageError
        Not a stage that can be run again, and a version.
    """
    found = {}
    for wish in wishes:
        stage, _, version = wish.partition("=")
        if not version:
            raise UsageError(f"--features expects STAGE=VERSION such as visual=11ad3fa6-p1-f32, got {wish!r}")
        check_repeatable(stage)
        found[stage] = version
    return found


def on_features(
    settings: Settings,
    bootstrap: str,
    versions: Versions,
    *,
    words: str,
    on_read: Callable[[int, int | None], None] = lambda done, total: None,
) -> Source:
    """What lies on the topics, summed up with other versions of some stages; nothing that is live changes.

    A video of which a version has not answered all is left out.

    Raises
    ------
    BrokerUnavailable
        Kafka does not answer.
    UsageError
        Of a version nothing lies there.
    """
    past = read_past(settings, bootstrap)
    _check_there(versions, past)
    kept, left_out = _Kept(), 0
    count = partition_counts(settings, bootstrap).get("features", 0)
    for partition in range(count):
        left_out += _sum_up((settings, bootstrap, partition), versions, past=past, into=kept)
        on_read(partition + 1, count)
    wanted = " and ".join(f"{stage} by {version}" for stage, version in versions.items())
    short = f"; {left_out} left out, which it has not answered" if left_out else ""
    return replace(
        on_topics(settings, bootstrap, f"{words} ({wanted}{short})"),
        changes=lambda: (Change(s.video_id, s, at_s) for s, at_s in kept.read() if s.scope == WHOLE_VIDEO),
        segments=lambda: (summary for summary, _ in kept.read()),
    )


def _check_there(versions: Versions, past: Past) -> None:
    for stage, version in versions.items():
        known = {found for _, name, found in past.beside if name == stage}
        known |= {
            one
            for made in past.standing.values()
            for place in made
            if place.endswith(f"/{stage}")
            for one in made[place]
        }
        if version not in known:
            others = f"there are {', '.join(sorted(known))}" if known else "there are none of this stage"
            raise UsageError(
                f"no features of {stage} by {version}; {others}. `groundswell replay --stage {stage}` makes those of "
                "the settings of today, and names their version"
            )


def _sum_up(place: tuple[Settings, str, int], versions: Versions, *, past: Past, into: _Kept) -> int:
    """Assemble one partition again; how many videos had to be left out."""
    settings, bootstrap, partition = place
    written: dict[VideoId, float] = {}
    events: list[Event] = []
    for record in latest_per_key(read_to_end(settings, bootstrap, TOPICS, partitions=[partition])).values():
        try:
            event = event_of(record)
        except Unreadable:  # it went to the dead letters live
            continue
        events.append(event)
        video_id = getattr(event, "video_id", "")
        written[video_id] = max(written.get(video_id, 0.0), record.timestamp_ms / 1000)
    chosen, left_out = with_versions(events, versions)
    for summary in assembled(chosen, settings.options()):
        if summary.video_id in past.standing and summary.final:
            into.add(summary, written.get(summary.video_id, 0.0))
    return len(left_out)


def with_versions(events: list[Event], versions: Versions) -> tuple[list[Event], set[VideoId]]:
    """Put answers of these versions in the place of those that stand; also which videos have not got them all."""
    left_out: set[VideoId] = set()
    for stage, version in versions.items():
        instead: dict[VideoId, list[FeatureExtracted]] = {}
        for video in past_videos(events, stage):
            answers = promotable(video, AnsweredBefore(stage, version))
            if answers:
                instead[video.video_id] = answers
            elif _is_by_another(video, version):
                left_out.add(video.video_id)
        events = [event for event in events if not _is_replaced(event, stage, instead)]
        events += [answer for answers in instead.values() for answer in answers]
    kept = (e for e in events if not (isinstance(e, VideoEvent) and e.video_id in left_out))
    return [e for e in kept if not isinstance(e, FeatureReextracted)], left_out


def assembled(events: Iterable[Event], options: Options) -> list[Summarised]:
    """Run the live fold; the last summary of each segment and of each video, in the order of their keys."""
    last = {event.record_key: event for event in summed_up_again(events, options) if isinstance(event, Summarised)}
    return [last[key] for key in sorted(last)]


def _is_by_another(video: PastVideo, version: str) -> bool:
    return any(answer.vector and answer.model_version != version for answer in video.standing.values())


def _is_replaced(event: Event, stage: str, instead: Mapping[VideoId, object]) -> bool:
    return isinstance(event, FeatureExtracted) and event.modality == stage and event.video_id in instead
