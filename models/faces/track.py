"""Faces followed through the pictures of a shot: which sightings are one person's.

Source: Zhang et al., ByteTrack (2022), for following sure finds first and doubtful ones after; matched by
appearance first, since a face has moved far between pictures that are seconds apart.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.faces.compare import distance
from models.faces.detect import boxes_of, overlap
from models.faces.likeness import DLIB, Likeness
from models.faces.moments import Moment
from models.faces.sighting import Sighting

NEAR_OVERLAP = 0.3
"""Two boxes that share so much (intersection over union) may be one face that has hardly moved."""

BEST_CROPS = 3
"""The vector of a track is made from so many of its best sightings."""


class Look(NamedTuple):
    """What was seen in one picture, and which time the picture stands for."""

    moment: Moment
    width_px: int
    height_px: int
    sightings: tuple[Sighting, ...]


class Track(NamedTuple):
    """One person through one shot: places in time and sightings, at most one in each picture."""

    shot: int
    looks: tuple[int, ...]
    """Positions of the pictures among all that were looked at."""
    sightings: tuple[Sighting, ...]

    @property
    def known(self) -> list[tuple[int, Sighting]]:
        """The sightings with a vector, the best first."""
        pairs = [pair for pair in zip(self.looks, self.sightings, strict=True) if pair[1].vector is not None]
        return sorted(pairs, key=lambda pair: (-pair[1].quality.value, pair[0]))

    @property
    def vector(self) -> NDArray[np.float32]:
        """The mean of the best sightings' vectors, by quality; shape (128,)."""
        return mean_vector([sighting for _, sighting in self.known[:BEST_CROPS]])

    def with_sighting(self, look: int, sighting: Sighting) -> "Track":
        return self._replace(looks=(*self.looks, look), sightings=(*self.sightings, sighting))


def follow(looks: Sequence[Look], likeness: Likeness = DLIB) -> list[Track]:
    """Join sightings to tracks, in the order in which the tracks begin.

    Two faces of one picture are never in one track, and no track crosses a cut. Every track has a sighting
    with a vector. A face in the same place may look a little less alike than one elsewhere.

    Parameters
    ----------
    likeness : Likeness
        That of the encoder which made the vectors.
    """
    tracks: list[Track] = []
    for number, look in enumerate(looks):
        tracks = _after(tracks, number, look, likeness=likeness)
    return tracks


def seen_together(tracks: Sequence[Track]) -> list[tuple[int, ...]]:
    """For each track the positions of those that share a picture with it: they are other people."""
    pictures = [set(track.looks) for track in tracks]
    return [
        tuple(j for j, theirs in enumerate(pictures) if j != i and mine & theirs) for i, mine in enumerate(pictures)
    ]


def mean_vector(sightings: Iterable[Sighting]) -> NDArray[np.float32]:
    """The mean of vectors, each weighing as much as its sighting is good; shape (128,)."""
    pairs = [(s.quality.value, s.vector) for s in sightings if s.vector is not None]
    weights = np.array([weight for weight, _ in pairs], np.float64)
    vectors = np.array([vector for _, vector in pairs], np.float64)
    return np.asarray((weights[:, None] * vectors).sum(axis=0) / weights.sum(), np.float32)


def _after(tracks: list[Track], number: int, look: Look, *, likeness: Likeness) -> list[Track]:
    """Prolong tracks by what one picture shows, and begin those of whom nobody was seen before."""
    known = [sighting for sighting in look.sightings if sighting.vector is not None]
    vague = [sighting for sighting in look.sightings if sighting.vector is None]
    open_tracks = {i: track for i, track in enumerate(tracks) if track.shot == look.moment.shot}
    surely = _match(_by_appearance(open_tracks, known, likeness))
    unseen = {i: track for i, track in open_tracks.items() if i not in surely}
    perhaps = _match(_by_place(unseen, vague))
    seen = {i: known[which] for i, which in surely.items()} | {i: vague[which] for i, which in perhaps.items()}
    begun = [sighting for which, sighting in enumerate(known) if which not in surely.values()]
    return [
        *(track.with_sighting(number, seen[i]) if i in seen else track for i, track in enumerate(tracks)),
        *(Track(look.moment.shot, (number,), (sighting,)) for sighting in _left_to_right(begun)),
    ]


def _match(costs: Iterable[tuple[float, int, int]]) -> dict[int, int]:
    """Pair up one to one, the cheapest first."""
    matches: dict[int, int] = {}
    for _, place, which in sorted(costs):
        if place not in matches and which not in matches.values():
            matches[place] = which
    return matches


def _by_appearance(
    tracks: Mapping[int, Track], known: Sequence[Sighting], likeness: Likeness
) -> Iterator[tuple[float, int, int]]:
    boxes = boxes_of([sighting.face for sighting in known])
    for place, track in tracks.items():
        shared = overlap(boxes_of([track.sightings[-1].face])[0], boxes)
        limits = np.where(shared >= NEAR_OVERLAP, likeness.near_same_below, likeness.same_below)
        for which, sighting in enumerate(known):
            apart = float("inf") if sighting.vector is None else distance(track.vector, sighting.vector)
            if apart < limits[which]:
                yield apart, place, which


def _by_place(tracks: Mapping[int, Track], vague: Sequence[Sighting]) -> Iterator[tuple[float, int, int]]:
    boxes = boxes_of([sighting.face for sighting in vague])
    for place, track in tracks.items():
        shared = overlap(boxes_of([track.sightings[-1].face])[0], boxes)
        yield from ((-float(share), place, which) for which, share in enumerate(shared) if share >= NEAR_OVERLAP)


def _left_to_right(sightings: Iterable[Sighting]) -> list[Sighting]:
    return sorted(sightings, key=lambda sighting: (sighting.face.left_px, sighting.face.top_px))
