"""Ids say what an event was made from; keys say where it lies; no id or ref can climb out."""

import subprocess
import sys
import uuid

import msgspec
import pytest
from examples import EXAMPLES, VIDEO_ID
from hypothesis import given
from hypothesis import strategies as st
from people_examples import KEYS as OF_PEOPLE

from schemas.deadletters import EventRedriven, EventRejected
from schemas.event import Event, Ref, Revision, Scope, VideoEvent, VideoId, derive_id
from schemas.faces import FacesCounted, FaceTracked
from schemas.features import FeatureExtracted, FeatureReextracted
from schemas.influence import AppearanceRecorded, InfluenceComputed
from schemas.labels import LabelGiven
from schemas.links import LinkSubmitted
from schemas.media import MediaDuplicated, MediaFetched
from schemas.outcomes import OutcomeObserved
from schemas.predictions import SegmentScored, VideoScored
from schemas.progress import StageProgressed
from schemas.promotions import RoleGiven, ShadowScored
from schemas.releases import FileName, ReleaseId, ReleasePublished, TargetName
from schemas.scoreboard import PredictionJudged, ScoreKept
from schemas.segments import SegmentCut, VideoSegmented
from schemas.summaries import Summarised
from schemas.targets import TargetDefined
from schemas.ticks import TimePassed

VIDEO_EVENTS = {kind: event for kind, event in EXAMPLES.items() if isinstance(event, VideoEvent)}

KEYS: dict[type[Event], str] = {
    LinkSubmitted: VIDEO_ID,
    MediaFetched: VIDEO_ID,
    MediaDuplicated: f"{VIDEO_ID}/duplicate/url:5d41402abc4b2a76b9719d911017c592",
    SegmentCut: f"{VIDEO_ID}/2",
    VideoSegmented: f"{VIDEO_ID}/count",
    FeatureExtracted: f"{VIDEO_ID}/2/text",
    FeatureReextracted: f"{VIDEO_ID}/2/text/1",
    FaceTracked: f"{VIDEO_ID}/2/1",
    FacesCounted: f"{VIDEO_ID}/3/count",
    OutcomeObserved: f"{VIDEO_ID}/24",
    LabelGiven: f"{VIDEO_ID}/2/scenes/family_moments/maria",
    TargetDefined: "month_hit/2",
    Summarised: f"{VIDEO_ID}/video",
    VideoScored: f"{VIDEO_ID}/virality",
    SegmentScored: f"{VIDEO_ID}/scenes/2",
    StageProgressed: f"{VIDEO_ID}/fetch",
    ReleasePublished: "virality/starter-1",
    PredictionJudged: f"{VIDEO_ID}/judged/virality/starter-1/2026-W41",
    ScoreKept: "virality/starter-1/2026-W41/7",
    RoleGiven: "virality/starter-1/role",
    ShadowScored: f"{VIDEO_ID}/virality/starter-1",
    TimePassed: "assemble/6",
    EventRejected: "text/segments/6/1042",
    EventRedriven: "text/segments/6/1042/redriven",
    AppearanceRecorded: f"{VIDEO_ID}/appearance/channel:5c0de1f2a3b49687",
    InfluenceComputed: f"{VIDEO_ID}/influence/channel:5c0de1f2a3b49687",
    **OF_PEOPLE,
}


def accepts(kind: object, value: object) -> bool:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return False
    return True


def test_an_id_is_the_same_for_ever() -> None:
    assert derive_id("text", "1", "a") == "5f27a789-1d55-5ef0-bf57-df865b1e691c"
    assert uuid.UUID(derive_id("text", "1", "a")).version == 5


def test_an_id_does_not_depend_on_the_process() -> None:
    script = "from schemas.event import derive_id; print(derive_id('text', '1', 'a', 7))"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:] = {sys.path!r}; {script}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == derive_id("text", "1", "a", 7)


@given(*[st.tuples(*[st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)] * 4)] * 2)
def test_two_ids_are_equal_only_if_everything_they_were_made_from_is(
    one: tuple[str, ...], two: tuple[str, ...]
) -> None:
    assert (derive_id(*one) == derive_id(*two)) == (one == two)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("text", "1", "a"), ("text", "2", "a")),
        (("text", "1", "a"), ("tex", "t1", "a")),
        (("text", "1", "a", 1), ("text", "1", "a", 0)),
        (("text", "1", "a1", 2), ("text", "1", "a", 12)),
    ],
)
def test_the_parts_of_an_id_do_not_run_into_each_other(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    assert derive_id(*one) != derive_id(*other)


def test_what_was_fetched_counts_more_than_a_row_of_a_table() -> None:
    fetched = EXAMPLES[MediaFetched]
    assert isinstance(fetched, MediaFetched)
    row = msgspec.structs.replace(fetched, media_ref=None)
    assert MediaFetched.that_counts([row, fetched]) is MediaFetched.that_counts([fetched, row]) is fetched
    assert MediaFetched.that_counts([row]) is row
    assert MediaFetched.that_counts([]) is None


@pytest.mark.parametrize("kind", EXAMPLES, ids=lambda t: t.__name__)
def test_every_event_lies_under_the_key_its_topic_promises(kind: type[Event]) -> None:
    assert EXAMPLES[kind].record_key == KEYS[kind]


@pytest.mark.parametrize("kind", VIDEO_EVENTS, ids=lambda t: t.__name__)
def test_all_events_of_a_video_meet_in_its_partition(kind: type[Event]) -> None:
    event = VIDEO_EVENTS[kind]
    assert event.partition_key == VIDEO_ID
    assert event.record_key.split("/")[0] == VIDEO_ID


def test_all_appearances_of_a_creator_meet_and_lie_under_the_videos_key_for_erasure() -> None:
    appearance = EXAMPLES[AppearanceRecorded]
    assert appearance.partition_key == appearance.creator
    assert appearance.record_key.split("/")[0] == VIDEO_ID


def test_a_dead_letter_and_its_redrive_meet_in_one_partition() -> None:
    assert EXAMPLES[EventRejected].partition_key == EXAMPLES[EventRedriven].partition_key


def test_releases_of_one_target_keep_their_order() -> None:
    assert EXAMPLES[ReleasePublished].partition_key == "virality"
    assert EXAMPLES[RoleGiven].partition_key == "virality"


HOSTILE = {
    "empty": "",
    "climbs": "../etc/passwd",
    "climbs in the middle": "a/../../etc/passwd",
    "only dots": "..",
    "one dot": ".",
    "absolute": "/etc/passwd",
    "a drive": "C:/windows",
    "a share": "\\\\server\\share",
    "backslashes": "a\\..\\b",
    "a null byte": "a\x00b",
    "a line break inside": "a\nb",
    "a last line break": "a\n",
    "a last carriage return": "a\r\n",
    "a tab": "a\tb",
    "a space": "a b",
    "percent signs": "%2e%2e/etc",
    "a scheme": "file:///etc/passwd",
    "a host": "//evil.example/a",
    "a home": "~/secrets",
    "a variable": "$HOME/a",
    "a command": "a;reboot",
    "a query": "a?b",
    "a wildcard": "a*",
    "full-width dots": "\uff0e\uff0e/etc",
    "a division slash": "a\u2215b",
    "a full-width slash": "a\uff0fb",
    "a two-dot leader": "\u2025/etc",
    "another alphabet": "\u0430",
    "full-width digits": "\uff11\uff12",
    "text from right to left": "a\u202etxt",
    "an invisible space": "a\u200bb",
    "a half surrogate": "a\ud800",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("shape", ["{}", "youtube:{}", "file:{}", "url:{}"])
def test_a_hostile_video_id_is_refused(text: str, shape: str) -> None:
    assert not accepts(VideoId, shape.format(text))


@pytest.mark.parametrize(
    "video_id",
    ["abc", ":abc", "youtube:", "YouTube:abc", "you tube:abc", "youtube:a:b", "youtube:a/b", "youtube:" + "a" * 65],
)
def test_a_video_id_without_a_platform_and_a_short_plain_id_is_refused(video_id: str) -> None:
    assert not accepts(VideoId, video_id)


@pytest.mark.parametrize("video_id", [VIDEO_ID, "youtube:-_aB3", "url:5d41402a", "file:9f2c", "tiktok:7301234567890"])
def test_a_plain_video_id_is_accepted(video_id: str) -> None:
    assert accepts(VideoId, video_id)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("shape", ["{}", "videos/{}", "{}/frame.jpg"])
def test_a_hostile_ref_is_refused(text: str, shape: str) -> None:
    assert not accepts(Ref, shape.format(text))


@pytest.mark.parametrize("ref", ["a//b", "a/", "a/./b", ".hidden", "a/.hidden", "a..b", "a/b/.."])
def test_a_ref_with_an_odd_part_is_refused(ref: str) -> None:
    assert not accepts(Ref, ref)


@pytest.mark.parametrize("ref", ["a", "videos/9f2c/media.mp4", "videos/9f/segments/000002.zip", "uploads/A-1_b.en.vtt"])
def test_a_plain_relative_path_is_a_ref(ref: str) -> None:
    assert accepts(Ref, ref)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize(
    "kind", [Scope, Revision, TargetName, ReleaseId, FileName], ids=["scope", "revision", "target", "release", "file"]
)
def test_other_names_that_become_keys_or_paths_are_as_strict(kind: object, text: str) -> None:
    assert not accepts(kind, text)


@pytest.mark.parametrize("scope", ["video", "0", "17", "999999"])
def test_a_scope_is_the_video_or_a_segment(scope: str) -> None:
    assert accepts(Scope, scope)
    assert not accepts(Scope, scope + "/")
    assert not accepts(Scope, "-" + scope)


@given(st.text(max_size=30))
def test_whatever_is_accepted_as_a_ref_stays_inside_its_folder(text: str) -> None:
    if accepts(Ref, text):
        parts = text.split("/")
        assert ".." not in parts
        assert "" not in parts
        assert text.isascii()
        assert text.isprintable()
