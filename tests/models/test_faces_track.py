"""Sightings become tracks: one person each, inside one shot."""

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.faces.detect import Face
from models.faces.moments import Moment, choose_moments
from models.faces.presence import measure
from models.faces.quality import Quality
from models.faces.sighting import Sighting
from models.faces.track import BEST_CROPS, Look, Track, follow, mean_vector, seen_together
from schemas.faces import PRESENCE

PEOPLE = np.eye(5, 128, dtype=np.float32)  # any two are 1.41 apart
WIDTH_PX, HEIGHT_PX = 640, 360


def seen(who: int | None, left_px: float, *, quality: float = 0.9, score: float = 0.9, off: float = 0.0) -> Sighting:
    """A face of 60 px; without `who` one that is seen too badly for a vector. `off` is how far from its usual look."""
    face = Face(left_px=left_px, top_px=100, width_px=60, height_px=60, score=score, landmarks_px=((0.0, 0.0),) * 5)
    vector = None if who is None else PEOPLE[who] + off * PEOPLE[-1]
    return Sighting(face, Quality(quality), vector)


def look(number: int, *sightings: Sighting, shot: int = 0) -> Look:
    return Look(Moment(number, 2.0 * number, 2.0 * number + 2, shot), WIDTH_PX, HEIGHT_PX, sightings)


def test_somebody_who_walks_through_the_picture_is_one_track() -> None:
    (track,) = follow([look(n, seen(0, 150.0 * n)) for n in range(4)])
    assert track.looks == (0, 1, 2, 3)


def test_a_cut_ends_a_track() -> None:
    tracks = follow([look(0, seen(0, 100)), look(1, seen(0, 100), shot=1)])
    assert [(track.shot, track.looks) for track in tracks] == [(0, (0,)), (1, (1,))]


def test_two_people_who_change_places_are_told_apart() -> None:
    tracks = follow([look(0, seen(0, 100), seen(1, 400)), look(1, seen(1, 100), seen(0, 400))])
    assert [[s.face.left_px for s in track.sightings] for track in tracks] == [[100, 400], [400, 100]]


def test_another_person_in_the_same_place_is_another_track() -> None:
    assert len(follow([look(0, seen(0, 100)), look(1, seen(1, 100))])) == 2


@pytest.mark.parametrize(("left_px", "tracks"), [(110, 1), (400, 2)])
def test_who_looks_a_little_different_is_the_same_only_in_the_same_place(left_px: float, tracks: int) -> None:
    assert len(follow([look(0, seen(0, 100)), look(1, seen(0, left_px, off=0.62))])) == tracks


def test_a_doubtful_find_prolongs_a_track_but_begins_none() -> None:
    (track,) = follow(
        [
            look(0, seen(None, 100, score=0.4)),
            look(1, seen(0, 300)),
            look(2, seen(None, 305, score=0.4), seen(None, 20, score=0.4)),
            look(3, seen(0, 310)),
        ]
    )
    assert track.looks == (1, 2, 3)
    assert [place for place, _ in track.known] == [1, 3]


def test_somebody_comes_back_in_the_same_shot() -> None:
    (track,) = follow([look(0, seen(0, 100)), look(1), look(2, seen(0, 500))])
    assert track.looks == (0, 2)


def test_twins_in_one_picture_are_two_tracks_who_cannot_be_one() -> None:
    tracks = follow([look(0, seen(0, 100), seen(0, 400)), look(1, seen(0, 110), seen(0, 390))])
    assert len(tracks) == 2
    assert seen_together(tracks) == [(1,), (0,)]


def test_who_never_meets_may_be_one() -> None:
    tracks = follow([look(0, seen(0, 100), seen(1, 400)), look(1, seen(2, 100))])
    assert seen_together(tracks) == [(1,), (0,), ()]


def test_tracks_are_numbered_by_time_and_then_from_the_left() -> None:
    tracks = follow([look(0, seen(1, 400), seen(0, 100)), look(1, seen(2, 50))])
    assert [int(np.argmax(track.vector)) for track in tracks] == [0, 1, 2]


def test_the_vector_is_made_from_the_best_sightings() -> None:
    worst = [seen(0, 100, quality=0.4, off=0.3)] * 3
    best = [seen(0, 100, quality=0.9)] * BEST_CROPS
    (track,) = follow([look(n, one) for n, one in enumerate([*worst, *best])])
    np.testing.assert_array_equal(track.vector, PEOPLE[0])
    assert track.known[0][0] == len(worst)


def test_a_better_sighting_weighs_more() -> None:
    mean = mean_vector([seen(0, 0, quality=0.9), seen(1, 0, quality=0.3), seen(None, 0)])
    np.testing.assert_allclose(mean[:2], [0.75, 0.25], rtol=1e-6)
    assert mean.dtype == np.float32


sightings = st.builds(
    seen,
    st.one_of(st.none(), st.integers(0, 3)),
    st.integers(0, 580).map(float),
    quality=st.sampled_from([0.3, 0.6, 0.9]),
    off=st.sampled_from([0.0, 0.2, 0.62]),
)
films = st.lists(st.tuples(st.lists(sightings, max_size=5), st.booleans()), max_size=7)


def _film(drawn: list[tuple[list[Sighting], bool]]) -> list[Look]:
    shots = np.cumsum([cut for _, cut in drawn])
    return [look(n, *found, shot=int(shots[n])) for n, (found, _) in enumerate(drawn)]


@given(films)
def test_no_track_has_two_faces_of_one_picture_or_crosses_a_cut(drawn: list[tuple[list[Sighting], bool]]) -> None:
    looks = _film(drawn)
    tracks = follow(looks)
    for track in tracks:
        assert list(track.looks) == sorted(set(track.looks))
        assert {looks[place].moment.shot for place in track.looks} == {track.shot}
        assert track.known


@given(films)
def test_every_face_that_is_seen_well_is_in_exactly_one_track(drawn: list[tuple[list[Sighting], bool]]) -> None:
    looks = _film(drawn)
    tracks = follow(looks)
    for place, one in enumerate(looks):
        mine = [s for track in tracks for at, s in zip(track.looks, track.sightings, strict=True) if at == place]
        assert sum(s.vector is not None for s in mine) == sum(s.vector is not None for s in one.sightings)
        assert sum(place in track.looks for track in tracks) == len(mine)


@given(films)
def test_who_shares_a_picture_cannot_be_linked(drawn: list[tuple[list[Sighting], bool]]) -> None:
    tracks = follow(_film(drawn))
    for mine, others in enumerate(seen_together(tracks)):
        meets = [j for j, t in enumerate(tracks) if j != mine and set(t.looks) & set(tracks[mine].looks)]
        assert list(others) == meets


@pytest.mark.parametrize(
    ("times_s", "shots_s", "places", "ends_s"),
    [
        ([], [0.0], [], []),
        ([0.0], [0.0], [0], [5.0]),
        ([0.0, 1.0, 2.0, 3.0, 4.0], [0.0], [0, 2, 4], [2.0, 4.0, 5.0]),
        ([0.04, 1.0, 2.0, 3.04, 4.0], [0.0], [0, 2, 4], [2.0, 4.0, 5.0]),
        ([0.0, 1.0, 2.0], [0.0, 0.5, 1.5], [0, 1, 2], [0.5, 1.5, 5.0]),
        ([0.5, 1.5], [1.5], [0, 1], [1.5, 5.0]),
        ([4.0], [4.5], [0], [4.5]),
        ([7.0], [], [0], [7.0]),
    ],
    ids=["none", "one", "two seconds", "uneven", "each shot", "at the cut", "before a cut", "beyond the end"],
)
def test_pictures_are_looked_at_every_two_seconds_and_in_each_shot(
    times_s: list[float], shots_s: list[float], places: list[int], ends_s: list[float]
) -> None:
    moments = choose_moments(times_s, shots_s, 5.0)
    assert [moment.place for moment in moments] == places
    assert [moment.end_s for moment in moments] == ends_s
    assert [moment.start_s for moment in moments] == [times_s[place] for place in places]


def test_presence_is_weighed_by_time() -> None:
    looks = [look(0), look(1, seen(0, 0), seen(None, 300)), look(2, seen(None, 0, score=0.4))]
    numbers = measure(looks, start_s=-1.0, least_px=20)
    one = 60 * 60 / (WIDTH_PX * HEIGHT_PX)
    assert numbers == {
        "faces_max": 2,
        "face_share": pytest.approx(1 / 3),
        "several_faces_share": pytest.approx(1 / 3),
        "close_up_share": 0,
        "facing_share": 0,
        "face_area_share": pytest.approx(2 * one / 3),
        "largest_face_share": pytest.approx(one),
        "first_face_s": 2.0,
        "first_face_after_s": 3.0,
    }


def test_nobody_is_measured_as_nobody() -> None:
    assert measure([look(0)], start_s=0.0, least_px=20) == {"faces_max": 0} | dict.fromkeys(PRESENCE, 0)


def test_a_face_beyond_the_edge_counts_as_far_as_it_is_seen() -> None:
    numbers = measure([look(0, seen(0, -30))], start_s=0.0, least_px=20)
    assert numbers["face_area_share"] == pytest.approx(30 * 60 / (WIDTH_PX * HEIGHT_PX))


def test_a_moment_without_length_still_counts() -> None:
    still = Look(Moment(0, 7.0, 7.0, 0), WIDTH_PX, HEIGHT_PX, (seen(0, 0),))
    assert measure([still], start_s=7.0, least_px=20)["face_share"] == 1


@pytest.mark.parametrize(("height_px", "share"), [(119, 0), (120, 0.5), (400, 0.5)])
def test_a_face_of_a_third_of_the_height_is_a_close_up(height_px: float, share: float) -> None:
    near = seen(0, 0)
    near = near._replace(face=msgspec.structs.replace(near.face, height_px=height_px))
    assert measure([look(0), look(1, near)], start_s=0.0, least_px=20)["close_up_share"] == share


@pytest.mark.parametrize(("nose_px", "share"), [(50, 1), (54, 1), (56, 0), (63, 0)])
def test_who_turns_away_does_not_look_into_the_camera(nose_px: float, share: float) -> None:
    eyes_nose_mouth = ((40.0, 120.0), (60.0, 120.0), (nose_px, 135.0), (42.0, 150.0), (58.0, 150.0))
    turned = seen(0, 30)
    turned = turned._replace(face=msgspec.structs.replace(turned.face, landmarks_px=eyes_nose_mouth))
    assert measure([look(0, turned)], start_s=0.0, least_px=20)["facing_share"] == share


def test_any_number_of_faces_keeps_every_share_between_nothing_and_all() -> None:
    crowd = [seen(0, 30.0 * number) for number in range(80)]
    numbers = measure([look(0, *crowd), look(1)], start_s=0.0, least_px=20)
    assert numbers["faces_max"] == 80
    assert all(0 <= numbers[name] <= 1 for name in PRESENCE)


def test_a_track_knows_its_best_sighting_first() -> None:
    track = Track(0, (0, 1, 2), (seen(0, 0, quality=0.5), seen(None, 0), seen(0, 9, quality=0.8)))
    assert [place for place, _ in track.known] == [2, 0]
