"""``groundswell topics``: the pipeline on one screen."""

import json
from typing import Annotated

import typer

from streams import settings as settings_module
from streams.topology import DAY_S, STAGES, TOPICS, Topic, readers, writers


def topics(
    create: Annotated[bool, typer.Option("--create", help="Create what is missing on Kafka.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Print every topic and stage; with --create prepare a Kafka of your own.

    That makes the missing topics, reports differences (an existing topic is never changed), and
    publishes the targets and releases that ship with Groundswell:

        groundswell topics --create
    """
    if create:
        _create()
    elif as_json:
        typer.echo(json.dumps({"topics": [_topic(t) for t in TOPICS], "stages": [_stage(s.name) for s in STAGES]}))
    else:
        _print()


def _create() -> None:
    from streams.kafka import admin
    from streams.kafka.connection import bootstrap_of
    from streams.storage.releases import publish_starters
    from streams.target_shelf import publish_shipped

    settings = settings_module.load()
    bootstrap = bootstrap_of(settings)
    made = admin.create_missing(settings, bootstrap)
    typer.echo(f"created {', '.join(made)}" if made else "nothing was missing")
    for difference in admin.differences(settings, bootstrap):
        typer.echo(f"as it is, not as planned: {difference}")
    for target in publish_shipped(settings, bootstrap):
        typer.echo(f"target {target.record_key} is defined")
    for release in publish_starters(settings, bootstrap):
        typer.echo(f"release {release.record_key} is on the shelf")


def _print() -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    topic_table = Table("topic", "key", "carries", "cleanup", "written by", "read by", box=None, pad_edge=False)
    for t in TOPICS:
        row = _topic(t)
        topic_table.add_row(t.name, t.key, *(str(row[c]) for c in ("carries", "cleanup", "written_by", "read_by")))
    console.print(topic_table)
    console.print()
    stage_table = Table("stage", "reads", "writes", "hears", box=None, pad_edge=False)
    for s in STAGES:
        stage_table.add_row(s.name, ", ".join(s.reads), ", ".join(s.writes), ", ".join(s.hears))
    console.print(stage_table)


def _topic(t: Topic) -> dict[str, str]:
    keep = f", {t.retention_s / DAY_S:.3g} d" if t.retention_s else ""
    return {
        "name": t.name,
        "key": t.key,
        "carries": ", ".join(e.__name__ for e in t.events),
        "cleanup": t.cleanup + keep,
        "written_by": ", ".join(writers(t.name)) or "people",
        "read_by": ", ".join(readers(t.name)) or "people",
    }


def _stage(name: str) -> dict[str, object]:
    stage = next(s for s in STAGES if s.name == name)
    return {"name": name, "reads": stage.reads, "writes": stage.writes, "hears": stage.hears}
