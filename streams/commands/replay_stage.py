"""``groundswell replay --stage NAME``: let another version of a model look at the past."""

from typing import TYPE_CHECKING

import msgspec
import typer

from streams import settings as settings_module

if TYPE_CHECKING:
    from streams.replay_stage import Reextracted, StageWishes

NAMES_SHOWN = 20


def replay_stage(wishes: "StageWishes", *, as_json: bool) -> None:
    """Run a stage again over segments whose media are kept, and say what became of it."""
    from rich.console import Console
    from rich.progress import Progress

    from streams.kafka.connection import bootstrap_of
    from streams.release_features import taught_on_others
    from streams.replay_stage import processor_of, run_again
    from streams.world import open_media

    settings = settings_module.load()
    processor = processor_of(wishes.stage, settings, promote=wishes.promote)
    source = (settings, bootstrap_of(settings))
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(wishes.stage)
        done = run_again(
            source, wishes, processor, media=open_media(settings),
            on_video=lambda number, of: progress.update(task, completed=number, total=of),
        )  # fmt: skip
    typer.echo(msgspec.json.encode(done) if as_json else _words(done, wishes))
    for warning in taught_on_others(*source, done.stage, done.version) if wishes.promote else ():
        typer.echo(f"warning: {warning}", err=True)


def _words(done: "Reextracted", wishes: "StageWishes") -> str:
    lines = [f"{done.stage} {done.version}: {done.videos} videos"]
    if wishes.promote:
        lines.append(f"{done.promoted} promoted; `assemble` and `score` renew their summaries and predictions now")
        lines += _listed("not promoted, segments without an answer or new events meanwhile", done.unfinished)
    else:
        lines.append(f"{done.segments} segments answered now, {done.already} before; --promote lets them stand")
        lines += _listed("media are gone", done.gone)
        lines += _listed("submitted again", done.refetched)
    return "\n".join([*lines, *(f"skipped: {line}" for line in done.skipped[:NAMES_SHOWN])])


def _listed(what: str, names: list[str]) -> list[str]:
    more = ["..."] if len(names) > NAMES_SHOWN else []
    return [f"{what} ({len(names)}): {', '.join([*names[:NAMES_SHOWN], *more])}"] if names else []
