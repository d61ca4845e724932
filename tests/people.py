"""Made-up people, as the faces stage would see them: points in 128 dimensions, near each other or far apart."""

import hashlib
from collections.abc import Sequence

import numpy as np

from models.gallery import FaceGallery
from models.vectors import to_vector
from processors.folding import FoldInMemory
from processors.identity import GalleryFold
from processors.identity_tracks import Rules
from schemas.commands import Photo
from schemas.event import Event, derive_id
from schemas.faces import Box, FacesCounted, FaceTracked
from schemas.features import FeatureExtracted, Vector
from schemas.identities import IdentityRecorded

DIM = 128
SIZE = 1.4
"""Length of a face vector; two random ones are 2 apart."""

NEAR = 0.15
"""Noise within one person; two such faces are about 0.2 apart."""

REVISION = "0123456789abcdef"
SEGMENT_S = 4.0


def seeded(*parts: object) -> np.random.Generator:
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "little"))


def unit(*parts: object) -> np.ndarray:
    numbers = seeded(*parts).normal(size=DIM)
    return numbers / np.linalg.norm(numbers)


def face(person: object, *look: object, noise: float = NEAR) -> Vector:
    """One look of a person."""
    return to_vector(SIZE * unit("person", person) + noise * unit("look", person, *look))


def between(left: object, right: object, share: float) -> Vector:
    """A face on the way from one person to another."""
    return to_vector(SIZE * ((1 - share) * unit("person", left) + share * unit("person", right)))


def track(video_id: str, segment: int, number: int, person: object, **changes) -> FaceTracked:
    seed = (video_id, segment, number)
    start_s = SEGMENT_S * segment
    given = {
        "revision": REVISION,
        "vector": face(person, *seed),
        "start_s": start_s,
        "end_s": start_s + 2.0,
        "at_s": start_s + 1.0,
        "quality": 0.9,
        "model": "test",
        "model_version": "1",
        "crop_ref": f"videos/{video_id.replace(':', '-')}/faces/{segment}-{number}.jpg",
    }
    return FaceTracked(
        event_id=derive_id("tests", "1", "track", "/".join(map(str, (*seed, person)))),
        video_id=video_id,
        segment=segment,
        track=number,
        box=Box(left=0.1, top=0.2, width=0.3, height=0.4),
        **(given | changes),
    )


def count(video_id: str, segment: int, tracks: int, *, segments: int = 1, **changes) -> FacesCounted:
    given = {"revision": REVISION, "absent_reason": None if tracks else "no faces"} | changes
    return FacesCounted(
        event_id=derive_id("tests", "1", "count", f"{video_id}/{segment}/{tracks}"),
        video_id=video_id,
        segment=segment,
        count=tracks,
        segments=segments,
        start_s=SEGMENT_S * segment,
        end_s=SEGMENT_S * (segment + 1),
        **given,
    )


def video(video_id: str, *segments: Sequence[object], **changes) -> list[Event]:
    """Everything the faces stage says about a video; each segment is given by who is in it.

    Whoever is in one segment together is seen in one frame.
    """
    events: list[Event] = []
    for index, people in enumerate(segments):
        for number, person in enumerate(people):
            others = tuple(f"{video_id}/{index}/{other}" for other in range(len(people)) if other != number)
            events.append(track(video_id, index, number, person, cannot_link=others, **changes))
        events.append(count(video_id, index, len(people), segments=len(segments)))
    return events


class Machine:
    """A gallery in memory, and everything it said."""

    def __init__(self, *, flat_limit: int = 50_000, **rules: float) -> None:
        self.rules = Rules(**rules)
        self.flat_limit = flat_limit
        self.fold = self.new_fold()
        self.memory = FoldInMemory(self.fold)
        self.said: list[Event] = []

    def new_fold(self) -> GalleryFold:
        return GalleryFold(FaceGallery(flat_limit=self.flat_limit, cells_searched=8), self.rules)

    def feed(self, *events: Event) -> list[Event]:
        said = list(self.memory.feed(events))
        self.said += said
        return said

    def restart(self) -> None:
        """Lose the process; the states are all that is left."""
        states = self.memory.states
        self.fold = self.new_fold()
        self.fold.restore(iter(states.items()))
        self.memory = FoldInMemory(self.fold)
        self.memory.states = states

    @property
    def identities(self) -> dict[str, IdentityRecorded]:
        """Everyone who speaks for somebody, as compaction would keep them."""
        last = {e.identity_id: e for e in self.said if isinstance(e, IdentityRecorded)}
        return {k: e for k, e in last.items() if not e.merged_into and (e.name or e.tracks or e.photos)}

    def people_in(self, video_id: str, scope: object = "video") -> dict[str, float]:
        """Who is in a video or in a segment, with shares, by the last answer."""
        answers = [
            e for e in self.said if isinstance(e, FeatureExtracted) and (e.video_id, e.scope) == (video_id, str(scope))
        ]
        return {label.name: label.score for label in answers[-1].labels} if answers else {}

    def owner(self, key: str) -> str:
        """Whose a track is, by the table."""
        found = self.memory.states[f"track/{key}"].track.identity_id
        person = self.memory.states[f"person/{found}"].person if found else None
        return (person.merged_into or found) if person else ""


ONE, TWO, THREE = "url:one", "url:two", "url:three"


def command(kind, number: int = 1, **fields):
    return kind(event_id=f"{kind.__name__}-{number}", given_at_s=1.0, **fields)


def photo(person: object, *look: object, quality: float = 0.9) -> Photo:
    return Photo(sha256="0" * 64, quality=quality, vector=face(person, *look))
