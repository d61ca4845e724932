"""Examples of the gallery's events: somebody is seen, named, merged, mistaken and forgotten."""

import math
import struct

from schemas.commands import (
    Command,
    CommandAnswered,
    CommandTaken,
    CommandUndone,
    EraseRequested,
    IdentitiesMerged,
    IdentityEnrolled,
    IdentityForgotten,
    IdentityNamed,
    IdentityNot,
    IdentitySplit,
    Photo,
)
from schemas.erased import VideoErased
from schemas.event import Event, derive_id
from schemas.features import Vector
from schemas.identities import IdentityRecorded

NOON_S = 1_763_812_800.0
VIDEO_ID = "youtube:Xq3kT9mZ2aE"
ADA, OTHER = "person:3fa94c0d51b2e786", "person:77c1e05a9d3f4b28"
TRACK = f"{VIDEO_ID}/6/0"
FACE_DIM = 128


def _face() -> Vector:
    entries = (1.4 * math.cos(1 + i * 0.9) / math.sqrt(FACE_DIM / 2) for i in range(FACE_DIM))
    return Vector(dim=FACE_DIM, dtype="float32", data=struct.pack(f"<{FACE_DIM}f", *entries))


def _given(number: int) -> dict[str, object]:
    return {"event_id": derive_id("people", "1", str(number)), "given_at_s": NOON_S + 60.0 * number, "by": "maria"}


NAMED = IdentityNamed(**_given(1), identity_id=ADA, name="Ada Lovelace")
FORGOTTEN = IdentityForgotten(**_given(6), identity_id=OTHER)

EXAMPLES: tuple[Event, ...] = (
    VideoErased(event_id=derive_id("erase", "1", VIDEO_ID), video_id=VIDEO_ID, erased_at_s=NOON_S + 480.0),
    IdentityRecorded(
        event_id=derive_id("identity", "1", "ada"),
        identity_id=ADA,
        name="Ada Lovelace",
        centroid=_face(),
        tracks=14,
        photos=2,
        videos=3,
        screen_s=41.5,
        cannot_link=(OTHER,),
        cover_ref="videos/youtube-Xq3kT9mZ2aE/9f2c61d0b7a84e35/faces/6-0.jpg",
    ),
    NAMED,
    IdentityEnrolled(
        **_given(2),
        name="Ada Lovelace",
        photos=(Photo(sha256="5e" * 32, quality=0.82, vector=_face()),),
        identity_id=ADA,
    ),
    IdentitiesMerged(**_given(3), into_id=ADA, from_id=OTHER),
    IdentitySplit(**_given(4), identity_id=ADA, tracks=(TRACK,)),
    IdentityNot(**_given(5), identity_id=OTHER, track=TRACK),
    FORGOTTEN,
    EraseRequested(**_given(7), video_id=VIDEO_ID),
    CommandUndone(**_given(8), command_id=NAMED.event_id),
    CommandTaken(event_id=derive_id("identity", "1", NAMED.event_id, "taken"), command=NAMED),
    CommandAnswered(
        event_id=derive_id("identity", "1", FORGOTTEN.event_id, "answer"),
        command_id=FORGOTTEN.event_id,
        state="done",
        message=f"forgot {OTHER}",
        identity_id=OTHER,
        erased=(TRACK, OTHER),
        erased_refs=("videos/youtube-Xq3kT9mZ2aE/9f2c61d0b7a84e35/faces/6-0.jpg",),
    ),
)

KEYS: dict[type[Event], str] = {
    IdentityRecorded: ADA,
    VideoErased: f"{VIDEO_ID}/erased",
    **{type(event): event.event_id for event in EXAMPLES if isinstance(event, Command)},
    CommandTaken: f"command/{NAMED.event_id}",
    CommandAnswered: f"answer/{FORGOTTEN.event_id}",
}
"""Their record keys; a command's is its id, so that compaction keeps each of them until it is erased."""
