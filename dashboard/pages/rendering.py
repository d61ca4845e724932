"""Pages out of templates: who calls, where we are, what time it is, and how numbers are written."""

import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import quote, urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context

from dashboard.access.role_names import ROLES, Role
from dashboard.access.roles import Caller, caller_of
from dashboard.pages import release_views, saying, statics, wording

TEMPLATES = Path(__file__).parents[1] / "templates"


@dataclass(frozen=True)
class Place:
    """A page of the navigation; `icon` is a symbol of ``static/icons.svg``."""

    path: str
    name: str
    icon: str


NAV = (
    Place("/", "Submit", "submit"),
    Place("/progress", "Progress", "progress"),
    Place("/videos", "Library", "library"),
    Place("/people", "People", "people"),
    Place("/label", "Label", "label"),
    Place("/models", "Models", "models"),
    Place("/operations", "Operations", "operations"),
)


def render(request: Request, name: str, **context: object) -> HTMLResponse:
    """Fill in a template.

    Parameters
    ----------
    name : str
        Below ``dashboard/templates``.
    context : object
        What the template needs; ``caller``, ``can``, ``here``, ``nav`` and ``now_s`` are there anyway.

    Raises
    ------
    jinja2.UndefinedError
        The template needs something it was not given.
    """
    caller = caller_of(request)
    given = {
        "caller": caller, "can": _can(caller), "here": request.url.path, "nav": NAV, "now_s": time.time(),
        "is_part": is_fragment(request),
    }  # fmt: skip
    headers = {"Cache-Control": "private, no-cache", "Vary": "Cookie, HX-Request"}
    return HTMLResponse(environment().get_template(name).render({**given, **context}), headers=headers)


def is_fragment(request: Request) -> bool:
    """Whether htmx asks for a part of a page to put into the one that is open."""
    return request.headers.get("HX-Request") == "true" and request.headers.get("HX-History-Restore-Request") != "true"


@cache
def environment() -> Environment:
    """The templates, with everything escaped and nothing missing silently."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    made.filters.update(
        duration=wording.duration, ago=_ago, day=wording.day, moment=wording.moment, stamp=wording.stamp,
        number=wording.number, figure=wording.figure, signed=wording.signed, percent=wording.percent,
        size=wording.size, words=wording.words, plain=wording.plain, segment=_segment, stage=saying.stage,
        told=saying.told, language=saying.language, lasting=saying.lasting, part=saying.part,
        sentence=saying.sentence, warning=saying.warning, amount=saying.amount, moved=saying.moved,
        measured=saying.measured,
    )  # fmt: skip
    made.globals.update(
        static=statics.static,
        media=media,
        frame=frame,
        link=link,
        build=statics.build,
        about_target=saying.target,
        figure_name=release_views.name_of,
    )
    return made


def prepare() -> None:
    """Compile every template, so that nobody who opens a page first waits for it: up to 0.2 s a page on one core."""
    made = environment()
    for name in made.list_templates():
        made.get_template(name)


def media(ref: str) -> str:
    """Name the address of a file in the media store."""
    return "/v1/media/" + quote(ref)


def frame(video_id: str, at_s: float | None) -> str:
    """Name the address of the keyframe at a time; None leaves ``{ms}`` for a script to fill in."""
    when = "{ms}" if at_s is None else str(round(at_s * 1000))
    return f"/v1/videos/{_segment(video_id)}/frames/{when}.jpg"


def link(path: str, **query: object) -> str:
    """Name an address with a query; what is empty or None stays away.

    >>> link("/videos", text="a b", channel="", limit=None)
    '/videos?text=a+b'
    """
    kept = [(name, value) for name, value in query.items() if value not in (None, "")]
    return f"{path}?{urlencode(kept, doseq=True)}" if kept else path


def _can(caller: Caller | None) -> set[Role]:
    """The roles that the caller has, the lower ones included."""
    return set(ROLES[: ROLES.index(caller.role) + 1]) if caller else set()


def _segment(text: str) -> str:
    """Make a text a single segment of a path."""
    return quote(text, safe=":")


@pass_context
def _ago(context: Context, at_s: float | None) -> str:
    return wording.ago(at_s, context["now_s"])
