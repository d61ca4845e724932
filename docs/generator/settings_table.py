"""The table of settings in ``docs/operations.md``, between two markers."""

from pathlib import Path
from typing import Any, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from generator.events_page import table
from streams.settings import Settings

BEGIN = "<!-- settings: written by docs/generate.py from streams/settings.py -->\n"
END = "<!-- end of settings -->\n"

PREFIX = Settings.model_config.get("env_prefix", "")


def fill_in(page: str) -> str:
    """The page with the table between its markers up to date.

    Raises
    ------
    ValueError
        A marker is missing.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"docs/operations.md lacks the marker {END.strip() if begin else BEGIN.strip()}")
    return before + BEGIN + "\n" + render() + "\n" + END + after


def render() -> str:
    """One row per setting."""
    rows = [
        [f"`{PREFIX}{name.upper()}`", _default(field), _allowed(field), field.description or ""]
        for name, field in Settings.model_fields.items()
    ]
    return table(["variable", "default", "allowed", "meaning"], rows)


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "depends on the machine"
    value = field.default
    if isinstance(value, tuple):
        return f"`{','.join(value)}`" if value else ""
    return "" if value is None or str(value) == "" else f"`{_plain(value)}`"


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _allowed(field: FieldInfo) -> str:
    bounds = [_bound(limit) for limit in field.metadata if isinstance(limit, Ge | Gt | Le | Lt)]
    return ", ".join([_kind(field.annotation), *bounds])


def _bound(limit: Ge | Gt | Le | Lt) -> str:
    match limit:
        case Ge(ge=value):
            return f"at least {value}"
        case Gt(gt=value):
            return f"over {value}"
        case Le(le=value):
            return f"at most {value}"
    return f"under {limit.lt}"


def _kind(annotation: Any) -> str:  # Any: a type expression
    names = {int: "whole number", float: "number", bool: "true or false", str: "text", Path: "path"}
    choices = get_args(annotation)
    if all(isinstance(choice, str) for choice in choices) and choices:
        return ", ".join(f"`{choice}`" for choice in choices)
    if get_origin(annotation) is tuple:
        return "texts with commas between"
    inner = [choice for choice in choices if choice is not type(None)]
    return _kind(inner[0]) if inner else names.get(annotation, "secret text")
