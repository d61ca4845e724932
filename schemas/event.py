"""What all events have in common: identity, key and partition."""

import hashlib
import uuid
from typing import Annotated

import msgspec

NAMESPACE = uuid.UUID("6f1d1c52-9f0e-5a55-8f55-5a3f0b0c7d10")
"""Namespace of every event id; changing it changes all ids."""

# Every pattern ends in `$(?!\n)`: in Python `$` alone also matches before a last line break.
VideoId = Annotated[str, msgspec.Meta(pattern=r"^[a-z]+:[A-Za-z0-9_\-]{1,64}$(?!\n)")]
"""``platform:id``, ``url:<hash>`` or ``file:<hash>``; safe as a path and as a record key."""

Ref = Annotated[
    str, msgspec.Meta(pattern=r"^(?!.*\.\.)[A-Za-z0-9_\-][A-Za-z0-9_.\-]*(/[A-Za-z0-9_\-][A-Za-z0-9_.\-]*)*$(?!\n)")
]
"""A place in the media store: a relative path that cannot climb out of it."""

Scope = Annotated[str, msgspec.Meta(pattern=r"^(video|[0-9]{1,6})$(?!\n)")]
"""``video``, or a segment's index as decimal digits."""

Revision = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{16}$(?!\n)")]
"""First 16 hex digits of the content's sha256: features of other bytes never meet."""

WHOLE_VIDEO = "video"


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag=True):
    """One immutable fact on a topic, told apart by its ``type`` tag.

    New fields must be optional, so that every older byte string still decodes.

    Attributes
    ----------
    event_id : str
        UUID; the same input always yields the same id (see `derive_id`).
    """

    event_id: str

    @property
    def record_key(self) -> str:
        """The Kafka record key: log compaction keeps the last event of each key."""
        return self.event_id

    @property
    def partition_key(self) -> str:
        """What murmur2 is computed over; events that meet in a fold share it."""
        return self.record_key


class VideoEvent(Event, frozen=True, kw_only=True, omit_defaults=True):
    """An event about one video; all of a video's events share one partition number."""

    video_id: VideoId

    @property
    def record_key(self) -> str:
        return self.video_id

    @property
    def partition_key(self) -> str:
        return self.video_id


def derive_id(stage: str, version: str, input_id: str, ordinal: int | str = 0) -> str:
    """Name an output by what it was made from, so that a redelivery writes the same record again.

    Parameters
    ----------
    stage, version : str
        Who made it. A new version makes new ids.
    input_id : str
        The input's event id, or for a fold a digest of everything that went in.
    ordinal : int or str
        Which of the outputs of this input.

    Source: RFC 9562, UUID version 5.

    >>> derive_id("text", "1", "a") == derive_id("text", "1", "a")
    True
    """
    name = f"{stage}\x1f{version}\x1f{input_id}\x1f{ordinal}"
    # As uuid.uuid5, in a third of the time: every event that is made or replayed has an id.
    digest = bytearray(hashlib.sha1(NAMESPACE.bytes + name.encode(), usedforsecurity=False).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50  # version 5
    digest[8] = digest[8] & 0x3F | 0x80  # variant of RFC 9562
    text = digest.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
