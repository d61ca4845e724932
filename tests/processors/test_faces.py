"""Every segment says who is in it: tracks with their vectors, their count, and one feature."""

from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest
from examples import CUT, VIDEO_ID
from frame_zips import read_photo, zip_of
from networks import face_sight
from portraits import NOBODY, crowd, drawing, head, on_wall, portrait, scaled
from worlds import DictStore, SmallWorld

from models.faces.compare import SAME_BELOW, distance
from models.faces.photo import faces_of
from models.faces.quality import LEAST_QUALITY
from models.faces.sighting import FaceSight
from models.media.cut import CutOptions, cut
from models.vectors import from_vector
from processors.faces import NO_FACES, NO_PICTURE, NOT_GOOD_ENOUGH, FacesProcessor
from processors.ports import Options
from schemas.codec import encode
from schemas.errors import UsageError
from schemas.event import Event
from schemas.faces import PRESENCE, FacesCounted, FaceTracked
from schemas.features import FeatureExtracted
from schemas.progress import StageProgressed
from schemas.segments import SegmentCut
from streams.demo_video import STORY, make_demo_video, timed
from streams.storage.weights import WeightsCache

START_MS = 12_012


@pytest.fixture(scope="module")
def sight(cache: Path) -> FaceSight:
    return face_sight(cache)


@pytest.fixture
def store(tmp_path: Path) -> DictStore:
    both, one = on_wall(head("astronaut"), NOBODY[:, :240], head("pioneer")), on_wall(head("astronaut"))
    store = DictStore(tmp_path)
    store.put(str(CUT.frames_ref), zip_of({START_MS: both, START_MS + 2000: one, START_MS + 4000: one}))
    store.put("frames/none.zip", zip_of({}))
    return store


@pytest.fixture
def processor(sight: FaceSight, store: DictStore) -> FacesProcessor:
    return FacesProcessor(sight, store)


def _cut(**changes) -> SegmentCut:
    return msgspec.structs.replace(CUT, **changes)


def _watch(processor: FacesProcessor, event: Event) -> tuple[list[FaceTracked], FacesCounted, FeatureExtracted]:
    (answers,) = processor.transform([event])
    *tracks, counted, feature, progress = answers
    assert all(isinstance(track, FaceTracked) for track in tracks)
    assert isinstance(counted, FacesCounted)
    assert isinstance(feature, FeatureExtracted)
    assert isinstance(progress, StageProgressed)
    assert len({answer.event_id for answer in answers}) == len(answers)
    assert counted.count == len(tracks)
    assert (counted.absent_reason is None) == bool(tracks)
    return tracks, counted, feature


def _of_pictures(sight: FaceSight, folder: Path, *pictures: np.ndarray, **changes):
    """What the stage says of pictures that are two seconds apart, in one shot."""
    store = DictStore(folder)
    store.put("frames/made.zip", zip_of({START_MS + 2000 * n: picture for n, picture in enumerate(pictures)}))
    given = {"frames_ref": "frames/made.zip", "shot_starts_s": (CUT.start_s,), "end_s": CUT.start_s + 2 * len(pictures)}
    return _watch(FacesProcessor(sight, store), _cut(**(given | changes)))


def test_a_person_is_followed_and_kept_with_a_picture(processor: FacesProcessor, store: DictStore) -> None:
    (astronaut, pioneer, later), counted, _ = _watch(processor, CUT)
    assert astronaut.record_key == f"{VIDEO_ID}/2/0"
    assert (astronaut.start_s, astronaut.end_s, astronaut.seen) == (12.012, 15.215, 2)
    assert (pioneer.start_s, pioneer.end_s, pioneer.seen) == (12.012, 14.012, 1)
    assert (later.start_s, later.end_s) == (16.012, 18.585)  # another shot
    assert astronaut.quality > LEAST_QUALITY
    assert 0 < astronaut.box.left < astronaut.box.left + astronaut.box.width < 0.4
    assert astronaut.crop_ref == f"videos/youtube/Xq3kT9mZ2aE/{CUT.revision}/faces/2-0.jpg"
    crop = cv2.imdecode(np.frombuffer(store.get(astronaut.crop_ref), np.uint8), cv2.IMREAD_COLOR)
    assert 60 < min(crop.shape[:2]) <= max(crop.shape[:2]) <= 256
    assert counted.record_key == f"{VIDEO_ID}/2/count"
    assert (counted.segments, counted.start_s, counted.end_s) == (5, 12.012, 18.585)


def test_who_shares_a_picture_cannot_be_one_person(processor: FacesProcessor) -> None:
    (astronaut, pioneer, later), _, _ = _watch(processor, CUT)
    assert astronaut.cannot_link == (pioneer.record_key,)
    assert pioneer.cannot_link == (astronaut.record_key,)
    assert later.cannot_link == ()


def test_vectors_tell_people_apart_and_know_them_again(processor: FacesProcessor) -> None:
    tracks, _, _ = _watch(processor, CUT)
    astronaut, pioneer, later = (from_vector(track.vector) for track in tracks)
    assert distance(astronaut, later) < SAME_BELOW < distance(astronaut, pioneer)


def test_the_segment_says_how_faces_are_shown(processor: FacesProcessor) -> None:
    tracks, _, feature = _watch(processor, CUT)
    assert feature.record_key == f"{VIDEO_ID}/2/faces"
    assert feature.labels == ()
    assert feature.numbers.keys() == {*PRESENCE, "faces_max", "face_tracks", "first_face_s", "first_face_after_s"}
    assert (feature.numbers["faces_max"], feature.numbers["face_tracks"]) == (2, 3)
    assert (feature.numbers["first_face_s"], feature.numbers["first_face_after_s"]) == (12.012, 0)
    assert feature.numbers["face_share"] == 1
    assert feature.numbers["several_faces_share"] == pytest.approx(2 / (3.203 + 2.573), abs=1e-4)
    assert 0.01 < feature.numbers["face_area_share"] < feature.numbers["largest_face_share"] * 2 < 0.1
    assert feature.model_version == tracks[0].model_version


def test_nothing_by_which_a_face_can_be_known_again_leaves_its_track(processor: FacesProcessor) -> None:
    tracks, _, feature = _watch(processor, CUT)
    assert {track.vector.dim for track in tracks} == {128}
    assert feature.vector is not None
    assert from_vector(feature.vector).tolist() == pytest.approx([feature.numbers[name] for name in PRESENCE])


@pytest.mark.parametrize("frames_ref", [None, "frames/none.zip"])
def test_a_segment_without_a_picture_says_so(processor: FacesProcessor, frames_ref: str | None) -> None:
    tracks, _, feature = _watch(processor, _cut(frames_ref=frames_ref))
    assert (tracks, feature.absent_reason, feature.numbers) == ([], NO_PICTURE, {})


@pytest.mark.parametrize("picture", [NOBODY, drawing(detailed=False), drawing(detailed=True)], ids=["wall", "a", "b"])
def test_nobody_is_counted_as_nobody(sight: FaceSight, tmp_path: Path, picture: np.ndarray) -> None:
    tracks, _, feature = _of_pictures(sight, tmp_path, picture)
    assert (tracks, feature.vector, feature.absent_reason) == ([], None, NO_FACES)
    assert feature.numbers == dict.fromkeys(["faces_max", *PRESENCE, "face_tracks"], 0)


@pytest.mark.parametrize("name", ["cat", "coffee", "rocket"])
def test_things_and_animals_are_nobody(sight: FaceSight, tmp_path: Path, name: str) -> None:
    assert _of_pictures(sight, tmp_path, portrait(name))[2].absent_reason == NO_FACES


def test_faces_that_are_seen_badly_count_but_are_not_known_again(sight: FaceSight, tmp_path: Path) -> None:
    blurred = cv2.GaussianBlur(portrait("astronaut"), (0, 0), 8)
    tracks, counted, feature = _of_pictures(sight, tmp_path, blurred)
    assert (tracks, counted.absent_reason) == ([], NOT_GOOD_ENOUGH)
    assert (feature.numbers["faces_max"], feature.absent_reason) == (1, None)


@pytest.mark.parametrize("face_px", [8, 14, 17])
def test_tiny_faces_stay_out(sight: FaceSight, tmp_path: Path, face_px: float) -> None:
    wall = on_wall(*[scaled(head("astronaut"), face_px / 90)] * 5)
    tracks, counted, _ = _of_pictures(sight, tmp_path, wall)
    assert tracks == []
    assert counted.absent_reason in (NO_FACES, NOT_GOOD_ENOUGH)


def test_forty_people_are_forty_tracks_none_of_whom_is_another(sight: FaceSight, tmp_path: Path) -> None:
    tracks, _, feature = _of_pictures(sight, tmp_path, crowd(), crowd())
    assert len(tracks) == feature.numbers["faces_max"] == 40
    assert all(len(track.cannot_link) == 39 and track.seen == 2 for track in tracks)
    assert all(track.record_key not in track.cannot_link for track in tracks)
    assert len({track.crop_ref for track in tracks}) == 40


def test_no_track_is_worse_than_the_least_quality(sight: FaceSight, tmp_path: Path) -> None:
    sizes = [scaled(head(name), scale) for scale in (0.2, 0.25, 0.35, 0.6) for name in ("astronaut", "pioneer")]
    walls = [on_wall(*sizes), on_wall(*sizes[::-1])]
    for least in (LEAST_QUALITY, 0.7):
        tracks, _, _ = _of_pictures(sight._replace(least_quality=least), tmp_path, *walls)
        assert tracks
        assert min(track.quality for track in tracks) >= least


def test_settings_say_how_small_and_how_bad_a_face_may_be(cache: Path, tmp_path: Path) -> None:
    weights = WeightsCache(cache)
    networks = {name: weights.fetch(name) for name in ("centerface", "dlib-face")}
    options = Options(face_min_px=120, face_size_px=320)
    world = SmallWorld(tmp_path, networks=networks, options=options)
    world.media.put("frames/made.zip", zip_of({0: on_wall(head("astronaut"), head("pioneer"))}))
    processor = FacesProcessor.build(world)
    tracks, _, feature = _watch(processor, _cut(frames_ref="frames/made.zip"))
    assert tracks == []
    assert feature.model_version.endswith("-320px")
    plain = FacesProcessor.build(SmallWorld(tmp_path / "plain", networks=networks))
    assert plain.version != processor.version  # other answers have other ids


def _watch_film(sight: FaceSight, path: Path, folder: Path) -> list[tuple[SegmentCut, list[Event]]]:
    """What the stage says of every segment of a film, cut as the segment stage cuts it."""
    done = cut(path, folder, CutOptions())
    store, cuts = DictStore(folder), []
    for index, piece in enumerate(done.segments):
        store.put_file(str(piece.frames), folder / str(piece.frames))
        changes = {"start_s": piece.start_s, "end_s": piece.end_s, "shot_starts_s": piece.shot_starts_s}
        ids = {"event_id": f"{index:036d}", "index": index, "count": len(done.segments)}
        cuts.append(_cut(frames_ref=piece.frames, **ids, **changes))
    processor = FacesProcessor(sight, store)
    answers = processor.transform(cuts)
    assert [encode(e) for one in cuts for e in processor.transform([one])[0]] == [encode(e) for a in answers for e in a]
    return list(zip(cuts, answers, strict=True))


def _tracks(film: list[tuple[SegmentCut, list[Event]]]) -> list[FaceTracked]:
    return [event for _, answers in film for event in answers if isinstance(event, FaceTracked)]


@pytest.fixture(scope="module")
def demo(
    sight: FaceSight, cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> list[tuple[SegmentCut, list[Event]]]:
    try:
        return _watch_film(sight, make_demo_video(cache / "demo").path, tmp_path_factory.mktemp("demo"))
    except UsageError as error:
        pytest.skip(str(error))


def test_the_demo_shows_two_people_when_they_are_to_be_seen(demo: list[tuple[SegmentCut, list[Event]]]) -> None:
    astronaut, pioneer = _tracks(demo)
    for track, photo in ((astronaut, "astronaut"), (pioneer, "pioneer")):
        start_s, shot = next((start_s, shot) for start_s, shot in timed(STORY) if shot.photo == photo)
        assert start_s <= track.start_s <= start_s + 1.1  # pictures are a second apart
        assert track.end_s == pytest.approx(start_s + shot.duration_s, abs=0.1)
        assert track.quality > 0.9
    assert distance(from_vector(astronaut.vector), from_vector(pioneer.vector)) > SAME_BELOW


@pytest.mark.parametrize("photo", ["astronaut", "pioneer"])
def test_the_people_of_the_demo_are_those_of_the_photos(
    sight: FaceSight, demo: list[tuple[SegmentCut, list[Event]]], photo: str
) -> None:
    (known,) = faces_of(sight, portrait(photo))
    apart = [distance(from_vector(track.vector), known.vector) for track in _tracks(demo)]
    assert [d < SAME_BELOW for d in apart] == [photo == "astronaut", photo == "pioneer"]


def test_nobody_is_in_the_other_shots_of_the_demo(demo: list[tuple[SegmentCut, list[Event]]]) -> None:
    counts = [event.count for _, answers in demo for event in answers if isinstance(event, FacesCounted)]
    assert counts == [0, 1, 0, 1, 0, 0, 0]  # in the third shot half a face passes by, at the edge


def test_two_actors_are_found_and_told_apart_by_one_photo_each(
    sight: FaceSight, data_folder: Path, tmp_path: Path
) -> None:
    folder = data_folder / "face_recognition"
    if not (folder / "short_hamilton_clip.mp4").is_file():
        pytest.skip(f"no clip to watch in {folder}")
    film = _watch_film(sight, folder / "short_hamilton_clip.mp4", tmp_path)
    tracks = _tracks(film)
    names = ("alex-lacamoire", "lin-manuel-miranda")
    photos = [faces_of(sight, read_photo(folder / f"{name}.png"))[0].vector for name in names]
    apart = np.array([[distance(from_vector(track.vector), photo) for photo in photos] for track in tracks])
    assert {int(np.argmin(row)) for row in apart if min(row) < SAME_BELOW} == {0, 1}
    assert all(max(row) > SAME_BELOW for row in apart)
    assert len(tracks) < 12  # three times the four shots that show people
