"""``groundswell demo``: a real video through real Kafka to a real prediction, on one machine."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from schemas.errors import GroundswellError
from streams import settings as settings_module

if TYPE_CHECKING:
    from streams.board import VideoView
    from streams.settings import Settings
    from streams.system import System


class DemoFailed(GroundswellError):
    """The demo did not come to a prediction; the message says where it stopped."""


def demo(
    as_json: Annotated[bool, typer.Option("--json", help="The result as one JSON object on the last line.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the demo's Kafka data and media afterwards.")] = False,
) -> None:
    """Make a short video, run the whole system on it, and print the prediction.

    Everything lies in a folder of its own and is removed afterwards; downloads are kept:

        groundswell demo
    """
    from rich.console import Console

    settings = settings_module.load()
    console = Console(stderr=as_json)
    home = settings.home / "demo"
    video_folder = settings.cache_folder / "demo"
    settings = settings.model_copy(update={"home": home, "cache": settings.cache_folder, "kafka": None, "media": None})
    try:
        view = _run(settings, video_folder, console.print)
    finally:
        if not keep:
            shutil.rmtree(home, ignore_errors=True)
    if as_json:
        print(json.dumps(_result(view)), flush=True)


def _run(settings: "Settings", video_folder: Path, say: Callable[..., None]) -> "VideoView":
    from streams.demo_video import make_demo_video
    from streams.system import System

    say("making the demo video")
    video = make_demo_video(video_folder)
    with System(settings, copies={}, log_folder=settings.home / "logs", say=say) as system:
        return _submit_and_watch(system, video.path, title=video.title, description=video.description)


def _submit_and_watch(system: "System", path: Path, *, title: str, description: str) -> "VideoView":
    from rich.console import Console

    from schemas.links import LinkSubmitted
    from streams import showing
    from streams.board import Board
    from streams.following import IDLE_S, TOPICS, show_live
    from streams.kafka.bulk import BulkProducer, follow
    from streams.submitting import Entry, Wishes, submission
    from streams.world import open_media

    settings, console = system.settings, Console(stderr=True)
    entry = Entry(source=str(path), where=path.name, title=title, description=description)
    event = submission(entry, Wishes(submitted_by="demo"), open_media(settings), settings)
    if not isinstance(event, LinkSubmitted):
        raise DemoFailed(f"the demo video was not taken: {event.reason}")
    records = follow(settings, system.bootstrap, TOPICS, idle_s=IDLE_S)
    with BulkProducer(settings, system.bootstrap) as producer:
        producer.send(event)
    board = show_live(records, Board([event.video_id]), console, on_idle=system.tend_once)
    view = board.videos[event.video_id]
    console.print(showing.panel(view))
    if view.problem or not view.predictions:
        raise DemoFailed(view.problem or "no prediction came; `groundswell demo --keep` keeps the logs")
    return view


def _result(view: "VideoView") -> dict[str, object]:
    return {
        "video_id": view.video_id,
        "predictions": [msgspec.to_builtins(p) for p in view.predictions.values()],
        "timings_s": view.timings_s(),
        "warnings": view.warnings,
    }
