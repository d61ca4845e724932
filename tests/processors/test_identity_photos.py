"""Two actors in a real film, named by one photo each: from pictures to the gallery, without Kafka."""

from pathlib import Path

import msgspec
import pytest
import runs
from networks import face_sight
from people import Machine, command
from worlds import DictStore

from models.faces.photo import faces_of, read_photo
from models.faces.sighting import FaceSight
from models.media.cut import CutOptions, cut
from models.vectors import to_vector
from processors.faces import FacesProcessor
from schemas.commands import CommandTaken, IdentityEnrolled, Photo
from schemas.faces import FaceTracked

VIDEO_ID = "url:hamilton"
ACTORS = {"Alex Lacamoire": "alex-lacamoire.png", "Lin-Manuel Miranda": "lin-manuel-miranda.png"}
PEOPLE_SHOTS = 7
"""Counted by eye: both on the stage, Alex from the side, Lin-Manuel alone, and three faces in the audience."""


def enrolment(sight: FaceSight, name: str, path: Path) -> CommandTaken:
    (face,) = faces_of(sight, read_photo(path))
    photo = Photo(sha256="0" * 64, quality=face.sighting.quality.value, vector=to_vector(face.vector))
    given = command(IdentityEnrolled, len(name), name=name, photos=(photo,))
    return CommandTaken(event_id=f"taken-{name}", command=given)


@pytest.mark.parametrize("photos_first", [True, False], ids=["photos first", "film first"])
def test_two_actors_are_named_by_one_photo_each(
    cache: Path, data_folder: Path, tmp_path: Path, photos_first: bool
) -> None:
    folder = data_folder / "face_recognition"
    if not (folder / "short_hamilton_clip.mp4").is_file():
        pytest.skip(f"no clip to watch in {folder}")
    sight, store = face_sight(cache), DictStore(tmp_path)
    done = cut(folder / "short_hamilton_clip.mp4", tmp_path, CutOptions())
    cuts = []
    for index, piece in enumerate(done.segments):
        store.put_file(str(piece.frames), tmp_path / str(piece.frames))
        times = {"start_s": piece.start_s, "end_s": piece.end_s, "shot_starts_s": piece.shot_starts_s}
        plain = runs.cut(VIDEO_ID, index, count=len(done.segments))
        cuts.append(msgspec.structs.replace(plain, frames_ref=piece.frames, **times))
    film = [event for answers in FacesProcessor(sight, store).transform(cuts) for event in answers]
    tracks = [event for event in film if isinstance(event, FaceTracked)]
    photos = [enrolment(sight, name, folder / file) for name, file in ACTORS.items()]
    machine = Machine()
    machine.feed(*(photos + film if photos_first else film + photos))
    names = {person.name: person for person in machine.identities.values()}
    assert ACTORS.keys() <= names.keys()
    assert {machine.identities[machine.owner(track.record_key)].name for track in tracks} == set(ACTORS)
    assert names["Lin-Manuel Miranda"].screen_s > 4 > names["Alex Lacamoire"].screen_s
    assert len(tracks) < 3 * PEOPLE_SHOTS
    assert all(track.quality > machine.rules.min_quality for track in tracks)
