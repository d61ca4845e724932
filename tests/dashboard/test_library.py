"""The library: what it answers after some events, whichever store it lies in."""

from dataclasses import replace
from itertools import product
from pathlib import Path

import msgspec
import pytest
from examples import (
    CUT,
    EXAMPLES,
    EXTRACTED,
    FETCHED,
    LABEL,
    LINK,
    OUTCOME,
    PROGRESSED,
    REDRIVEN,
    REJECTED,
    SCORED,
    SUMMARISED,
    VIDEO_ID,
)
from libraries import STORY, Tape, fetched, ids, scored, who
from people_examples import ADA, NAMED, OTHER

from dashboard.library import open_library
from dashboard.library_answers import StoredLibrary
from dashboard.library_fold import TOPICS
from dashboard.rows import Change, VideoQuery
from schemas.codec import encode
from schemas.commands import CommandAnswered, CommandUndone
from schemas.erased import VideoErased
from schemas.identities import IdentityRecorded
from schemas.progress import StageProgressed
from schemas.promotions import RoleGiven
from schemas.releases import ReleasePublished
from streams.erasure_proof import POKE_KEY
from streams.kafka.bulk import Record
from streams.settings import Settings

DAY_MS = 86_400_000


def test_a_video_is_listed_with_what_is_known_of_it(library: StoredLibrary) -> None:
    library.take(Tape().write(*STORY))
    page = library.videos(VideoQuery())
    row = page.items[0]
    assert (page.total, page.next_cursor) == (1, "")
    assert (row.title, row.channel, row.state, row.share) == ("Rolling out the Moon rocket", "Orbit Diary", "done", 1.0)
    assert [(p.target, p.value, p.low, p.high) for p in row.predictions] == [("virality", 4.1, 2.9, 5.3)]
    assert row.warnings == FETCHED.warnings


def test_a_video_that_was_only_submitted_runs_under_its_link(library: StoredLibrary) -> None:
    library.take(Tape().write(LINK))
    row = library.rows([VIDEO_ID])[0]
    assert (row.state, row.url, row.share, row.targets) == ("running", LINK.url, 0.0, ("virality",))


def test_a_refused_video_says_why(library: StoredLibrary) -> None:
    refused = msgspec.structs.replace(PROGRESSED, state="refused", message="the address is private")
    library.take(Tape().write(LINK, refused))
    row = library.rows([VIDEO_ID])[0]
    assert (row.state, row.problem) == ("failed", "fetch refused: the address is private")


def test_a_row_of_a_table_is_described_until_it_is_fetched(library: StoredLibrary) -> None:
    described = msgspec.structs.replace(FETCHED, media_ref=None)
    tape = Tape()
    library.take(tape.write(described, SCORED))
    assert library.rows([VIDEO_ID])[0].state == "described"
    library.take(tape.write(LINK, FETCHED))
    assert library.rows([VIDEO_ID])[0].state == "done"


def test_the_page_of_a_video_has_everything_but_vectors(library: StoredLibrary) -> None:
    library.take(Tape().write(*STORY, who("2", ADA)))
    detail = library.video(VIDEO_ID)
    assert detail is not None
    assert detail.media == FETCHED
    assert detail.segments == (CUT,)
    assert detail.answers == (who("2", ADA), msgspec.structs.replace(EXTRACTED, vector=None))
    assert [(face.track, face.identity_id) for face in detail.faces] == [(1, ADA)]
    assert detail.summary == msgspec.structs.replace(SUMMARISED, pooled={})
    assert (detail.predictions, detail.outcomes, detail.labels) == ((SCORED,), (OUTCOME,), (LABEL,))


def test_what_was_said_of_other_content_is_not_shown(library: StoredLibrary) -> None:
    tape = Tape()
    again = msgspec.structs.replace(FETCHED, revision="0" * 16)
    library.take(tape.write(*STORY, again))
    detail = library.video(VIDEO_ID)
    assert detail is not None
    assert (detail.segments, detail.answers, detail.faces) == ((), (), ())


def test_the_story_of_a_prediction_has_a_moment_for_each_change(library: StoredLibrary) -> None:
    partial = msgspec.structs.replace(SCORED, stage="partial", value=3.0)
    tape = Tape()
    for event in (partial, partial, SCORED, SCORED, msgspec.structs.replace(SCORED, release_id="next")):
        library.take(tape.write(event))
    detail = library.video(VIDEO_ID)
    assert detail is not None
    assert [(m.value, m.stage, m.release_id) for m in detail.history] == [
        (3.0, "partial", "starter-1"),
        (4.1, "final", "starter-1"),
        (4.1, "final", "next"),
    ]


def test_the_story_keeps_the_last_two_hundred_moments(library: StoredLibrary) -> None:
    library.take(Tape().write(*(scored(1, float(value)) for value in range(250))))
    detail = library.video("url:v001")
    assert detail is not None
    assert [moment.value for moment in detail.history] == [float(value) for value in range(50, 250)]


def test_facets_count_what_there_is(library: StoredLibrary) -> None:
    person = EXAMPLES[IdentityRecorded]
    channels = [fetched(n, channel="Big" if n else "Small") for n in range(4)]
    library.take(Tape().write(*channels, scored(1, 2.0), who("video", ADA, video_id="url:v001"), person))
    facets = library.facets()
    assert [(f.value, f.videos) for f in facets.states] == [("running", 3), ("done", 1)]
    assert [(f.value, f.videos) for f in facets.channels] == [("Big", 3), ("Small", 1)]
    assert [(f.value, f.videos, f.name) for f in facets.people] == [(ADA, 1, "Ada Lovelace")]
    assert [(f.value, f.videos) for f in facets.targets] == [("virality", 1)]


def test_people_are_found_by_name_and_by_the_beginning_of_their_id(library: StoredLibrary) -> None:
    ada = EXAMPLES[IdentityRecorded]
    assert isinstance(ada, IdentityRecorded)
    other = IdentityRecorded(event_id="", identity_id=OTHER, tracks=1, screen_s=100.0)
    nobody = IdentityRecorded(event_id="", identity_id="person:" + "0" * 16)
    library.take(Tape().write(ada, other, nobody))
    assert [row.identity_id for row in library.people().items] == [OTHER, ADA]
    assert [row.name for row in library.people(text="LOVE").items] == ["Ada Lovelace"]
    assert [row.identity_id for row in library.people(text="77c1").items] == [OTHER]
    assert library.people(text="*").total == 0
    first = library.people(limit=1)
    assert [row.identity_id for row in library.people(limit=1, cursor=first.next_cursor).items] == [ADA]


def test_somebody_has_videos_faces_and_an_average_outcome(library: StoredLibrary) -> None:
    library.take(Tape().write(*STORY, EXAMPLES[IdentityRecorded], who("2", ADA), who("video", ADA)))
    found = library.person(ADA)
    assert found is not None
    assert [video.video_id for video in found.videos] == [VIDEO_ID]
    assert [(one.video_id, one.face.track) for one in found.faces] == [(VIDEO_ID, 1)]
    assert (found.row.observed, found.row.views) == (1, 9120.0)


def test_somebody_merged_into_another_is_answered_as_that_one_and_forgotten_ones_are_not(
    library: StoredLibrary,
) -> None:
    ada = EXAMPLES[IdentityRecorded]
    merged = IdentityRecorded(event_id="", identity_id=OTHER, merged_into=ADA)
    tape = Tape()
    library.take(tape.write(ada, merged))
    found = library.person(OTHER)
    assert found is not None
    assert found.row.identity_id == ADA
    library.take(tape.take_back(ada, merged))
    assert library.person(ADA) is None
    assert library.people().total == 0


def test_commands_come_with_their_answers_and_whether_they_were_undone(library: StoredLibrary) -> None:
    undo = CommandUndone(event_id="11111111-1111-5111-8111-111111111111", given_at_s=0.0, command_id=NAMED.event_id)
    answers = [
        CommandAnswered(event_id=f"a{n}", command_id=c.event_id, state="done") for n, c in enumerate((NAMED, undo))
    ]
    library.take(Tape().write(NAMED, answers[0], undo, answers[1]))
    rows = library.commands()
    assert [(row.command, row.answer, row.undone) for row in rows] == [
        (undo, answers[1], False),
        (NAMED, answers[0], True),
    ]


def test_a_dead_letter_waits_until_it_is_redriven(library: StoredLibrary) -> None:
    tape = Tape()
    late = msgspec.structs.replace(REJECTED, source_offset=9, rejected_at_s=REJECTED.rejected_at_s + 9, stage="visual")
    library.take(tape.write(REJECTED, late))
    assert library.dead_letters().items == (late, REJECTED)
    assert library.dead_letters(stage="text").items == (REJECTED,)
    first = library.dead_letters(limit=1)
    assert (first.total, library.dead_letters(limit=1, cursor=first.next_cursor).items) == (2, (REJECTED,))
    library.take(tape.write(REDRIVEN))
    assert library.dead_letter(REJECTED.record_key) is None
    assert library.dead_letters().items == (late,)


def test_the_newest_promoted_release_serves_and_the_one_before_waits(library: StoredLibrary) -> None:
    published = EXAMPLES[ReleasePublished]
    assert isinstance(published, ReleasePublished)
    newer = msgspec.structs.replace(published, release_id="newer", trained_at_s=published.trained_at_s + 5)
    shadow = msgspec.structs.replace(published, release_id="shadow", trained_at_s=published.trained_at_s - 5)
    told = EXAMPLES[RoleGiven]
    library.take(Tape().write(published, newer, shadow, msgspec.structs.replace(told, release_id="shadow")))
    assert [(row.release.release_id, row.role) for row in library.releases()] == [
        ("newer", "serving"),
        ("starter-1", "candidate"),
        ("shadow", "shadow"),
    ]


def test_labels_that_were_taken_back_are_gone(library: StoredLibrary) -> None:
    tape = Tape()
    other = msgspec.structs.replace(LABEL, by="jo")
    library.take(tape.write(LABEL, other))
    assert library.labels("scenes") == [other, LABEL]
    library.take(tape.take_back(other))
    assert library.labels("scenes") == [LABEL]


def test_targets_that_ship_are_there_without_a_topic(library: StoredLibrary) -> None:
    assert {"virality", "engagement"} <= {target.name for target in library.targets()}


def test_predictions_are_handed_out_by_video_and_target(library: StoredLibrary) -> None:
    tape = Tape()
    library.take(tape.write(scored(2, 1.0), scored(1, 2.0), scored(1, 3.0, target="engagement")))
    since_s = tape.records[-1].timestamp_ms / 1000
    assert [(p.video_id, p.target) for p in library.predictions()] == [
        ("url:v001", "engagement"),
        ("url:v001", "virality"),
        ("url:v002", "virality"),
    ]
    assert [p.video_id for p in library.predictions(VideoQuery(target="virality", sort="title", descending=False))] == [
        "url:v001",
        "url:v002",
    ]
    assert [p.target for p in library.predictions(since_s=since_s)] == ["engagement"]


def test_an_erased_video_leaves_nothing(library: StoredLibrary) -> None:
    tape = Tape()
    library.take(tape.write(*STORY, who("2", ADA), who("video", ADA), msgspec.structs.replace(SCORED, value=1.0)))
    library.take(tape.write(EXAMPLES[VideoErased]))
    assert library.video(VIDEO_ID) is None
    assert library.videos(VideoQuery()).total == 0
    library.take(tape.take_back(*STORY, who("2", ADA), who("video", ADA)))
    assert {line.split(",")[0] for line in library.dump()} == {'["offsets"', '["things"'}
    assert not any("Moon" in line or "person:" in line for line in library.dump())


def test_what_was_removed_stands_nowhere_in_the_files_of_an_open_library(tmp_path: Path) -> None:
    library, tape = open_library(Settings(home=tmp_path)), Tape()
    person = msgspec.structs.replace(EXAMPLES[IdentityRecorded], name="Zebedee Quux")
    titled = msgspec.structs.replace(FETCHED.metadata, title="Xylophones over Zanzibar")
    library.take(tape.write(*STORY, msgspec.structs.replace(FETCHED, metadata=titled), person))
    assert _found(tmp_path, b"zebedee quux")
    assert _found(tmp_path, b"xylophones")
    library.take([*tape.take_back(person), *tape.write(EXAMPLES[VideoErased])])
    assert library.video(VIDEO_ID) is None
    assert not _found(tmp_path, b"zebedee quux")
    assert not _found(tmp_path, b"xylophones")
    library.close()


def _found(folder: Path, text: bytes) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file() and text in path.read_bytes().lower()]


def test_tombstones_alone_leave_nothing_either(library: StoredLibrary) -> None:
    tape = Tape()
    library.take(tape.write(*STORY))
    library.take(tape.take_back(*STORY))
    assert {line.split(",")[0] for line in library.dump()} == {'["offsets"'}


@pytest.mark.parametrize("topic", TOPICS)
def test_whatever_lies_on_a_topic_under_whatever_key_is_taken_in(library: StoredLibrary, topic: str) -> None:
    keys = [None, b"", b"/", b"\xff", POKE_KEY, b"answer/", *(b"/".join([b"url:a"] * parts) for parts in range(1, 7))]
    values = [None, b"", b"{}", *(encode(event) for event in EXAMPLES.values())]
    records = [
        Record(topic=topic, partition=0, offset=number, key=key, value=value, headers=(), timestamp_ms=number)
        for number, (key, value) in enumerate(product(keys, values))
    ]
    for record in records:
        library.take([record])
    assert library.store.offsets()[topic, 0] == len(records)


def test_what_was_written_before_an_erasure_stays_away_when_it_is_read_later(library: StoredLibrary) -> None:
    tape = Tape()
    before = tape.write(*STORY)
    erased = tape.write(EXAMPLES[VideoErased])
    after = tape.write(msgspec.structs.replace(SCORED, value=9.0))
    library.take([*erased, *after])
    library.take([record for record in before if record.topic not in ("media", "predictions")])
    detail = library.video(VIDEO_ID)
    assert detail is not None
    assert (detail.row.predictions[0].value, detail.segments, detail.row.stages) == (9.0, (), ())


def test_commands_and_dead_letters_are_forgotten_when_kafka_forgets_them(library: StoredLibrary) -> None:
    tape = Tape()
    library.take(tape.write(NAMED, REJECTED))
    tape.skip_ms(29 * DAY_MS)
    library.take(tape.write(LINK))
    assert (len(library.commands()), library.dead_letters().total) == (1, 1)
    tape.skip_ms(2 * DAY_MS)
    library.take(tape.write(PROGRESSED))
    assert (library.commands(), library.dead_letters().total) == ([], 0)


def test_each_change_is_said_once(library: StoredLibrary) -> None:
    found = library.take(Tape().write(LINK, FETCHED, LABEL, OUTCOME, EXAMPLES[IdentityRecorded]))
    assert sorted((change.kind, change.id) for change in found) == [
        ("label", "scenes"),
        ("outcome", VIDEO_ID),
        ("person", ADA),
        ("video", VIDEO_ID),
    ]
    assert Change("video", VIDEO_ID) in found


def test_what_nobody_can_read_is_passed_over_and_counted(library: StoredLibrary) -> None:
    tape = Tape()
    good = tape.write(LINK, FETCHED)
    bad = [replace(r, offset=r.offset + 1, value=v) for r, v in zip(good, (b"\xff", b"{}"), strict=True)]
    strange = replace(good[0], offset=good[0].offset + 2, key=b"\xff\xfe")
    foreign = replace(good[0], offset=good[0].offset + 3, topic="ticks")
    library.take([*good, *bad, strange, foreign])
    assert library.videos(VideoQuery()).total == 1
    assert library.store.meta("unreadable") == "3"
    assert library.offsets()["links", good[0].partition] == good[0].offset + 3
    assert "ticks" not in {place[0] for place in library.offsets()}


def test_every_kind_of_event_can_be_taken_in(library: StoredLibrary) -> None:
    changes = library.take(Tape().write(*EXAMPLES.values()))
    assert {change.kind for change in changes} == {
        "video", "person", "command", "release", "target", "dead-letter", "label", "outcome", "scoreboard",
    }  # fmt: skip


def test_a_title_of_ten_thousand_strange_characters_is_listed_as_it_is(library: StoredLibrary) -> None:
    title = "<img src=x onerror=alert(1)>\u202e\0" * 300
    library.take(Tape().write(fetched(1, title=title), fetched(2)))
    assert library.rows(["url:v001"])[0].title == title
    assert len(ids(library, sort="title", limit=1)) == 1
    assert ids(library, text="onerror") == ["url:v001"]


def test_stages_are_told_in_their_order_with_their_times(library: StoredLibrary) -> None:
    later = StageProgressed(event_id="", video_id=VIDEO_ID, stage="text", state="running", done=1.0, total=4.0)
    tape = Tape()
    library.take(tape.write(later, PROGRESSED, msgspec.structs.replace(later, done=2.0)))
    stages = library.rows([VIDEO_ID])[0].stages
    assert [stage.stage for stage in stages] == ["fetch", "text"]
    assert (stages[1].done, stages[1].at_s - stages[1].first_at_s) == (2.0, 2.0)
    assert 0 < library.rows([VIDEO_ID])[0].share < 1
