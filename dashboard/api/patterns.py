"""What ids and names look like in a request: the patterns of the schemas' types, as pydantic and OpenAPI write them."""

from typing import get_args

from schemas.commands import PersonId, TrackKey
from schemas.event import Scope, VideoId
from schemas.labels import ClassName
from schemas.releases import ReleaseId, TargetName

_NO_LINE_FEED = r"(?!\n)"
"""Python's ``$`` also matches before a last line feed. That of Rust and JavaScript does not, and Rust has no lookahead."""


def pattern_of(kind: object) -> str:
    """Take the pattern from a type that msgspec checks."""
    pattern: str = get_args(kind)[1].pattern
    return pattern.removesuffix(_NO_LINE_FEED)


VIDEO = pattern_of(VideoId)
SCOPE = pattern_of(Scope)
PERSON = pattern_of(PersonId)
TRACK = pattern_of(TrackKey)
TARGET = pattern_of(TargetName)
CLASS = pattern_of(ClassName)
RELEASE = pattern_of(ReleaseId)
RELEASE_OF_TARGET = f"{TARGET.removesuffix('$')}/{RELEASE.removeprefix('^')}"
