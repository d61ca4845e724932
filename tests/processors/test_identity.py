"""The gallery's fold: faces find their people, commands take effect in order, and nothing is lost by a restart."""

import msgspec
import people
import pytest
from people import ONE, TWO, Machine, command, count, face, photo, track, video

from schemas.codec import encode
from schemas.commands import (
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
)
from schemas.errors import GroundswellError
from schemas.event import Event
from schemas.features import FeatureExtracted
from schemas.progress import StageProgressed


def machine_with(*videos: list[Event], **options) -> Machine:
    machine = Machine(**options)
    for events in videos:
        machine.feed(*events)
    return machine


def answer_to(machine: Machine, asked) -> CommandAnswered:
    answers = [e for e in machine.said if isinstance(e, CommandAnswered) and e.command_id == asked.event_id]
    return answers[-1]


def ask(machine: Machine, kind, number: int = 1, **fields) -> CommandAnswered:
    asked = command(kind, number, **fields)
    machine.feed(asked)
    return answer_to(machine, asked)


def test_a_face_seen_again_is_the_same_person():
    machine = machine_with(video(ONE, ["anna"]), video(TWO, ["anna"], ["bert"]))
    assert machine.owner(f"{ONE}/0/0") == machine.owner(f"{TWO}/0/0") != machine.owner(f"{TWO}/1/0")
    anna = machine.identities[machine.owner(f"{ONE}/0/0")]
    assert (anna.tracks, anna.videos, anna.screen_s) == (2, 2, 4.0)


def test_two_faces_in_one_frame_are_two_people_however_alike():
    machine = machine_with(video(ONE, ["twin", "twin"]))
    assert machine.owner(f"{ONE}/0/0") != machine.owner(f"{ONE}/0/1")


def test_a_link_named_only_by_the_earlier_track_counts_as_well():
    first = track(ONE, 0, 0, "twin", cannot_link=(f"{ONE}/0/1",))
    machine = machine_with([first, track(ONE, 0, 1, "twin"), count(ONE, 0, 2)])
    assert machine.owner(f"{ONE}/0/0") != machine.owner(f"{ONE}/0/1")


def test_nothing_below_the_least_quality_enters_the_gallery():
    machine = machine_with(video(ONE, ["anna"], quality=0.1))
    assert (len(machine.fold.gallery), machine.identities) == (0, {})
    feature = next(e for e in machine.said if isinstance(e, FeatureExtracted))
    assert feature.absent_reason == "no face that is good enough"


def test_a_face_between_two_people_begins_a_third():
    machine = machine_with(video(ONE, ["anna"], ["bert"]), threshold_l2=1.5)
    machine.feed(track(TWO, 0, 0, "middle", vector=people.between("anna", "bert", 0.5)), count(TWO, 0, 1))
    assert machine.owner(f"{TWO}/0/0") not in {machine.owner(f"{ONE}/0/0"), machine.owner(f"{ONE}/1/0")}


def test_a_face_clearly_nearer_to_one_of_two_is_that_one():
    machine = machine_with(video(ONE, ["anna"], ["bert"]), threshold_l2=1.5)
    machine.feed(track(TWO, 0, 0, "nearly", vector=people.between("anna", "bert", 0.3)), count(TWO, 0, 1))
    assert machine.owner(f"{TWO}/0/0") == machine.owner(f"{ONE}/0/0")


def test_every_segment_gets_an_answer_with_shares_or_a_reason():
    machine = machine_with(video(ONE, ["anna", "bert"], [], ["anna"]))
    anna, bert = machine.owner(f"{ONE}/0/0"), machine.owner(f"{ONE}/0/1")
    assert machine.people_in(ONE, 0) == {anna: 0.5, bert: 0.5}
    assert machine.people_in(ONE, 2) == {anna: 0.5}
    assert machine.people_in(ONE) == {anna: pytest.approx(4 / 12, abs=1e-6), bert: pytest.approx(2 / 12, abs=1e-6)}
    reasons = {e.scope: e.absent_reason for e in machine.said if isinstance(e, FeatureExtracted)}
    assert reasons == {"0": None, "1": "no faces", "2": None, "video": None}
    done = [e for e in machine.said if isinstance(e, StageProgressed)][-1]
    assert (done.state, done.done, done.total) == ("done", 3.0, 3.0)


def test_an_answer_waits_for_the_last_track_of_its_segment():
    machine = Machine()
    assert not machine.feed(count(ONE, 0, 1))
    assert any(isinstance(e, FeatureExtracted) for e in machine.feed(track(ONE, 0, 0, "anna")))


def test_other_content_under_the_same_id_takes_the_place_of_the_earlier_one():
    machine = machine_with(video(ONE, ["anna", "bert"]), video(ONE, ["carl"], revision="f" * 16)[:1])
    machine.feed(count(ONE, 0, 1, revision="f" * 16))
    assert list(machine.people_in(ONE)) == [machine.owner(f"{ONE}/0/0")]
    assert len(machine.identities) == 1


def test_a_track_that_is_extracted_anew_replaces_itself():
    machine = machine_with(video(ONE, ["anna"]))
    machine.feed(track(ONE, 0, 0, "bert"))
    assert [p.tracks for p in machine.identities.values()] == [1]
    assert machine.people_in(ONE, 0) == {machine.owner(f"{ONE}/0/0"): 0.5}


def seen_anew(person: str, look: str) -> Event:
    """The first track of a video, by other rules of looking."""
    again = track(ONE, 0, 0, person, vector=people.face(person, look))
    return msgspec.structs.replace(again, event_id=look)


def test_who_has_no_other_face_keeps_the_name_when_it_is_looked_at_anew():
    machine = machine_with(video(ONE, ["anna"]))
    anna = machine.owner(f"{ONE}/0/0")
    ask(machine, IdentityNamed, identity_id=anna, name="Anna")
    machine.feed(seen_anew("anna", "seen better"))
    assert machine.owner(f"{ONE}/0/0") == anna
    assert [(p.name, p.tracks, p.videos) for p in machine.identities.values()] == [("Anna", 1, 1)]
    machine.feed(seen_anew("bert", "another face there"))
    assert machine.owner(f"{ONE}/0/0") != anna


def test_a_face_that_somebody_said_is_not_theirs_does_not_come_back_when_it_is_looked_at_anew():
    machine = machine_with(video(ONE, ["anna"]))
    anna = machine.owner(f"{ONE}/0/0")
    assert ask(machine, IdentityNot, track=f"{ONE}/0/0", identity_id=anna).state == "done"
    machine.feed(seen_anew("anna", "seen better"))
    assert machine.owner(f"{ONE}/0/0") not in ("", anna)


def test_a_name_is_written_in_identities_and_nowhere_else():
    machine = machine_with(video(ONE, ["anna"]))
    anna = machine.owner(f"{ONE}/0/0")
    assert ask(machine, IdentityNamed, identity_id=anna, name="Anna Zed").state == "done"
    assert machine.identities[anna].name == "Anna Zed"
    where = {type(e).__name__ for e in machine.said if b"Anna Zed" in encode(e)}
    assert where == {"IdentityRecorded", "CommandTaken"}


def test_naming_is_taken_back():
    machine = machine_with(video(ONE, ["anna"]))
    anna = machine.owner(f"{ONE}/0/0")
    ask(machine, IdentityNamed, identity_id=anna, name="A")
    ask(machine, IdentityNamed, 2, identity_id=anna, name="B")
    assert ask(machine, CommandUndone, command_id="IdentityNamed-2").state == "done"
    assert machine.identities[anna].name == "A"
    assert ask(machine, CommandUndone, 2, command_id="IdentityNamed-2").state == "refused"


def test_merged_people_speak_with_one_voice_and_part_again_by_undo():
    machine = machine_with(video(ONE, ["anna"]), video(TWO, ["old anna"], ["anna"]))
    anna, old = machine.owner(f"{ONE}/0/0"), machine.owner(f"{TWO}/0/0")
    before = dict(machine.identities)
    ask(machine, IdentitiesMerged, into_id=anna, from_id=old)
    assert (machine.identities[anna].tracks, machine.identities[anna].videos) == (3, 2)
    assert machine.people_in(TWO) == {anna: 0.5}
    assert machine.people_in(TWO, 0) == {anna: 0.5}
    ask(machine, CommandUndone, command_id="IdentitiesMerged-1")
    assert machine.identities == before
    assert machine.people_in(TWO) == {anna: 0.25, old: 0.25}


def test_a_face_like_the_merged_one_finds_the_one_who_speaks():
    machine = machine_with(video(ONE, ["anna"], ["old anna"]))
    anna, old = machine.owner(f"{ONE}/0/0"), machine.owner(f"{ONE}/1/0")
    ask(machine, IdentitiesMerged, into_id=anna, from_id=old)
    middle = people.between("anna", "old anna", 0.5)
    machine.feed(track(TWO, 0, 0, "both", vector=middle), count(TWO, 0, 1))
    assert machine.owner(f"{TWO}/0/0") == anna


def test_merging_in_a_row_and_undoing_the_first_leaves_the_second():
    machine = machine_with(video(ONE, ["a"], ["b"], ["c"]))
    a, b, c = (machine.owner(f"{ONE}/{n}/0") for n in range(3))
    ask(machine, IdentitiesMerged, 1, into_id=b, from_id=c)
    ask(machine, IdentitiesMerged, 2, into_id=a, from_id=b)
    assert set(machine.identities) == {a}
    ask(machine, CommandUndone, command_id="IdentitiesMerged-1")
    assert set(machine.identities) == {a, c}
    assert machine.owner(f"{ONE}/1/0") == a


def test_two_people_of_one_frame_are_not_merged():
    machine = machine_with(video(ONE, ["anna", "bert"]))
    a, b = machine.owner(f"{ONE}/0/0"), machine.owner(f"{ONE}/0/1")
    answer = ask(machine, IdentitiesMerged, into_id=a, from_id=b)
    assert (answer.state, "one frame" in answer.message) == ("refused", True)
    assert set(machine.identities) == {a, b}


def test_a_split_decides_the_other_tracks_again_and_is_taken_back():
    machine = Machine(threshold_l2=3.0)  # far too generous: everybody is one
    machine.feed(*video(ONE, ["anna"], ["bert"]), *video(TWO, ["anna"], ["bert"]))
    everyone = machine.owner(f"{ONE}/0/0")
    assert set(machine.identities) == {everyone}
    before = machine.identities[everyone]
    answer = ask(machine, IdentitySplit, identity_id=everyone, tracks=(f"{ONE}/1/0",))
    assert machine.owner(f"{TWO}/1/0") == machine.owner(f"{ONE}/1/0") == answer.identity_id != everyone
    assert machine.owner(f"{TWO}/0/0") == machine.owner(f"{ONE}/0/0") == everyone
    assert machine.identities[everyone].cannot_link == (answer.identity_id,)
    assert set(machine.people_in(TWO, 1)) == {answer.identity_id}
    ask(machine, CommandUndone, command_id="IdentitySplit-1")
    assert machine.identities == {everyone: before}


def test_not_this_person_is_never_made_again():
    machine = machine_with(video(ONE, ["anna"]), video(TWO, ["anna"]))
    anna, key = machine.owner(f"{ONE}/0/0"), f"{TWO}/0/0"
    ask(machine, IdentityNot, identity_id=anna, track=key)
    other = machine.owner(key)
    assert other not in ("", anna)
    machine.feed(track(TWO, 0, 0, "anna", vector=face("anna", "closer", noise=0.01)))
    assert machine.owner(key) != anna
    ask(machine, IdentitiesMerged, into_id=anna, from_id=machine.owner(key))
    assert machine.owner(key) != anna


def test_not_this_person_is_taken_back():
    machine = machine_with(video(ONE, ["anna"]), video(TWO, ["anna"]))
    anna = machine.owner(f"{ONE}/0/0")
    before = machine.identities[anna]
    ask(machine, IdentityNot, identity_id=anna, track=f"{TWO}/0/0")
    ask(machine, CommandUndone, command_id="IdentityNot-1")
    assert machine.identities == {anna: before}


def test_photos_name_whoever_they_show():
    machine = machine_with(video(ONE, ["anna"], ["bert"]))
    answer = ask(machine, IdentityEnrolled, name="Anna", photos=(photo("anna", 1), photo("anna", 2)))
    assert answer.identity_id == machine.owner(f"{ONE}/0/0")
    assert (machine.identities[answer.identity_id].name, machine.identities[answer.identity_id].photos) == ("Anna", 2)


def test_somebody_enrolled_is_known_when_they_come():
    machine = Machine()
    anna = ask(machine, IdentityEnrolled, name="Anna", photos=(photo("anna", 1),)).identity_id
    machine.feed(*video(ONE, ["anna"]))
    assert list(machine.people_in(ONE)) == [anna]
    ask(machine, CommandUndone, command_id="IdentityEnrolled-1")
    assert (machine.identities[anna].name, machine.identities[anna].photos) == ("", 0)


def test_photos_of_somebody_else_by_name_are_refused():
    machine = machine_with(video(ONE, ["anna"]))
    ask(machine, IdentityEnrolled, name="Anna", photos=(photo("anna", 1),))
    assert ask(machine, IdentityEnrolled, 2, name="Bert", photos=(photo("anna", 2),)).state == "refused"
    assert ask(machine, IdentityEnrolled, 3, name="Anna", photos=(photo("anna", 2, quality=0.1),)).state == "refused"


def test_who_is_forgotten_leaves_no_vector_and_no_name():
    machine = machine_with(video(ONE, ["anna", "bert"]), video(TWO, ["anna"]))
    anna = machine.owner(f"{ONE}/0/0")
    ask(machine, IdentityNamed, identity_id=anna, name="Anna Zed")
    ask(machine, IdentityEnrolled, name="Anna Zed", photos=(photo("anna", 1),))
    answer = ask(machine, IdentityForgotten, identity_id=anna)
    assert {f"{ONE}/0/0", f"{TWO}/0/0", anna, "command/IdentityNamed-1"} <= set(answer.erased)
    assert len(answer.erased_refs) == 2
    stored = msgspec.json.encode(list(machine.memory.states.items()))
    assert b"Anna Zed" not in stored
    assert anna not in machine.fold.gallery
    assert (set(machine.people_in(ONE)), set(machine.people_in(TWO))) == ({machine.owner(f"{ONE}/0/1")}, set())
    for name in ("anna", "bert"):
        vectors = [face(name, v, s, t).data for v, s, t in ((ONE, 0, 0), (ONE, 0, 1), (TWO, 0, 0))]
        found = any(msgspec.json.encode(vector)[1:-1] in stored for vector in vectors)
        assert found == (name == "bert")


def test_an_erased_video_takes_its_faces_along():
    machine = machine_with(video(ONE, ["anna"], ["bert"]), video(TWO, ["anna"]))
    only_two = machine_with(video(TWO, ["anna"]))
    answer = ask(machine, EraseRequested, video_id=ONE)
    assert {f"{ONE}/0/0", f"{ONE}/0/count", f"{ONE}/1/0"} <= set(answer.erased)
    assert [(p.tracks, p.videos) for p in machine.identities.values()] == [(1, 1)]
    assert not [key for key in machine.memory.states if ONE in key]
    machine.feed(*video(ONE, ["anna"], ["bert"]))
    assert not [key for key in machine.memory.states if ONE in key]
    assert [p.centroid for p in machine.identities.values()] == [p.centroid for p in only_two.identities.values()]


def test_a_command_that_cannot_be_done_is_answered_and_changes_nothing():
    machine = machine_with(video(ONE, ["anna"]))
    states = dict(machine.memory.states)
    answer = ask(machine, IdentityNamed, identity_id="person:0123456789abcdef", name="Nobody")
    assert (answer.state, "people list" in answer.message) == ("refused", True)
    left = {key: state for key, state in machine.memory.states.items() if not key.startswith("done/")}
    assert left == states


def test_a_command_takes_effect_once_and_in_its_place_among_the_faces():
    machine = machine_with(video(ONE, ["anna"]))
    asked = command(IdentityNamed, identity_id=machine.owner(f"{ONE}/0/0"), name="Anna")
    taken = machine.fold.step_wide(machine.memory.states.get, asked)
    assert ([type(e) for e in taken[1]], taken[0]) == ([CommandTaken], {})
    machine.feed(asked)
    assert not machine.feed(asked, taken[1][0])


def test_what_is_no_face_is_refused():
    machine = Machine()
    with pytest.raises(GroundswellError, match="128"):
        machine.feed(track(ONE, 0, 0, "anna", vector=people.to_vector([1.0, 2.0])))
