"""``groundswell settings``: every setting, its value and what it is for."""

import json
from typing import Annotated

import typer

from streams import settings as settings_module


def settings(as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False) -> None:
    """Print all settings as they are now; secrets are masked.

    Change one by an environment variable or in groundswell.toml:

        GROUNDSWELL_PARTITIONS=16 groundswell settings
    """
    loaded = settings_module.load()
    values = loaded.model_dump(mode="json")
    if as_json:
        typer.echo(json.dumps(values, indent=2))
        return
    for name, field in type(loaded).model_fields.items():
        text = f"{name} = {json.dumps(values[name])}"
        typer.echo(f"{text:60}  # {field.description}" if field.description else text)
