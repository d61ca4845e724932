"""The whole topology without Kafka: every stage in turn reads from one list of events, and adds to it."""

import importlib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import runs
from worlds import SmallWorld

from processors.folding import FoldInMemory
from processors.ports import Options
from schemas.event import WHOLE_VIDEO, Event
from schemas.media import MediaFetched, Metadata, SubtitleTrack
from schemas.summaries import Summarised
from streams.demo_video import make_demo_video
from streams.storage.weights import WeightsCache
from streams.topology import STAGES, Stage, modalities, topic_of

METADATA = Metadata(
    title="A seat in the science club?",
    description="How a small school keeps its science club alive. https://example.org",
    channel="School",
    category="Education",
    tags=("science", "space"),
    hashtags=("charity",),
    uploaded_at_s=1.6e9,
)


def run_topology(world: SmallWorld, events: Iterable[Event]) -> list[Event]:
    """Send events through all stages behind `fetch`, in the order of the topology; give everything there is then."""
    known = list(events)
    for stage in STAGES:
        if stage.name != "fetch":
            read = [event for event in known if topic_of(event).name in stage.reads]
            known += _outputs(stage, world, read)
    return known


def _outputs(stage: Stage, world: SmallWorld, events: list[Event]) -> Iterator[Event]:
    module, name = stage.processor.split(":")
    processor = getattr(importlib.import_module(module), name).build(world)
    if stage.is_fold:
        yield from FoldInMemory(processor).feed(events)
    else:
        for event in events:
            yield from processor.transform([event])[0]


@cache
def seen_and_heard(weights: Path) -> tuple[Event, ...]:
    """Everything that is said about the demo video: it has words, pictures, music and two people."""
    networks = {name: WeightsCache(weights).fetch(name) for stage in STAGES for name in stage.weights}
    with TemporaryDirectory() as name:
        options = Options(modalities=modalities(), speech="off")
        world = SmallWorld(Path(name), networks=networks, options=options)
        video = make_demo_video(Path(name))
        world.media.put_file("videos/url/demo/media.mp4", video.path)
        world.media.put_file("videos/url/demo/subtitles.srt", video.subtitles)
        subtitles = SubtitleTrack(language="en", kind="manual", ref="videos/url/demo/subtitles.srt")
        fetched = MediaFetched(
            event_id=runs.event_id("fetched", "demo"),
            video_id="url:demo",
            submission_id="demo",
            revision="0123456789abcdef",
            sha256="0123456789abcdef" * 4,
            media_ref="videos/url/demo/media.mp4",
            subtitles=(subtitles,),
            metadata=METADATA,
        )
        return tuple(run_topology(world, [fetched]))


def summary_of_everything(weights: Path, **changes: object) -> Summarised:
    """The demo video's last summary: every modality is in it."""
    summaries = [e for e in seen_and_heard(weights) if isinstance(e, Summarised) and e.scope == WHOLE_VIDEO]
    return msgspec.structs.replace(summaries[-1], **changes)
