"""A fetched video becomes segments, once."""

import msgspec
import pytest
from clips import Clip, write_clip, write_subtitled
from worlds import SameProcess, SmallWorld

from processors.ports import Options
from processors.scratch import work_folder
from processors.segment import SegmentProcessor
from schemas.codec import encode
from schemas.errors import MediaUnreadable, StorageUnavailable, Unreadable
from schemas.links import LinkSubmitted
from schemas.media import MediaDuplicated, MediaFetched, Metadata, SubtitleTrack
from schemas.progress import StageProgressed
from schemas.segments import SegmentCut, VideoSegmented
from streams.sandbox import ChildSandbox

VIDEO_ID = "youtube:-abc_DEF123"
FOLDER = "videos/youtube/-abc_DEF123"
REVISION = "0123456789abcdef"
SRT = b"1\n00:00:00,500 --> 00:00:02,500\nOur rocket is ready\n\n2\n00:00:03,200 --> 00:00:05,000\nand the cat too\n"


class Counting(SameProcess):
    """Counts its calls."""

    def __init__(self):
        self.calls = 0

    def run(self, function, *args, report=None):
        self.calls += 1
        return super().run(function, *args, report=report)


@pytest.fixture(scope="module")
def two_scenes(tmp_path_factory):
    return write_clip(tmp_path_factory.mktemp("clips") / "clip.mp4", Clip(scenes_s=(3.0, 3.0), size_px=(64, 48)))


@pytest.fixture
def world(tmp_path, two_scenes):
    world = SmallWorld(tmp_path)
    world.sandbox = Counting()
    world.media.put_file(f"{FOLDER}/media.mp4", two_scenes)
    world.media.put(f"{FOLDER}/subtitles-0.srt", SRT)
    return world


def fetched(**changes) -> MediaFetched:
    event = MediaFetched(
        event_id="5b1f7a2e-0000-5000-8000-000000000001",
        video_id=VIDEO_ID,
        submission_id="s1",
        revision=REVISION,
        sha256=REVISION * 4,
        media_ref=f"{FOLDER}/media.mp4",
        subtitles=(SubtitleTrack(language="en-US", kind="automatic", ref=f"{FOLDER}/subtitles-0.srt"),),
        metadata=Metadata(title="Rocket", views=10),
    )
    return msgspec.structs.replace(event, **changes)


def answer(world, event):
    (outputs,) = SegmentProcessor.build(world).transform([event])
    return outputs


def test_a_video_becomes_segments_then_their_number_then_progress(world):
    first, second, counted, progress = answer(world, fetched())
    assert [type(e) for e in (first, second, counted, progress)] == [
        SegmentCut,
        SegmentCut,
        VideoSegmented,
        StageProgressed,
    ]
    assert (first.index, second.index, first.count, counted.count) == (0, 1, 2, 2)
    assert (first.start_s, first.end_s, second.start_s, second.end_s) == (0.0, 3.0, 3.0, 6.0)
    assert (counted.duration_s, counted.sampling, counted.shot_count) == (6.0, "regular", 2)
    assert (progress.stage, progress.state, progress.done, progress.total) == ("segment", "done", 6.0, 6.0)


def test_pictures_and_sound_lie_in_the_store(world):
    first, *_ = answer(world, fetched())
    assert first.frames_ref == f"{FOLDER}/{REVISION}/segments/000000.frames.zip"
    assert first.audio_ref == f"{FOLDER}/{REVISION}/segments/000000.wav"
    assert world.media.get(first.frames_ref).startswith(b"PK")
    assert world.media.get(first.audio_ref).startswith(b"RIFF")


def test_words_say_where_they_come_from(world):
    first, second, *_ = answer(world, fetched())
    assert (first.text, first.text_source, first.text_language) == ("Our rocket is ready", "automatic", "en-US")
    assert second.text == "and the cat too"


def test_a_silent_segment_of_a_video_with_subtitles_keeps_their_source(world):
    world.media.put(f"{FOLDER}/subtitles-0.srt", b"1\n00:00:00,500 --> 00:00:02,500\nhello\n")
    _, second, *_ = answer(world, fetched())
    assert (second.text, second.text_source) == ("", "automatic")


def test_subtitles_without_words_are_said(world):
    world.media.put(f"{FOLDER}/subtitles-0.srt", b"nothing")
    *_, counted, progress = answer(world, fetched())
    assert counted.warnings == progress.warnings == ("the subtitles (en-US) hold no words that can be read",)


def test_tracks_in_unwanted_languages_are_left_alone(world):
    track = SubtitleTrack(language="de", kind="manual", ref=f"{FOLDER}/subtitles-0.srt")
    first, *_, counted, _ = answer(world, fetched(subtitles=(track,)))
    assert (first.text, counted.warnings) == ("", ())


def test_subtitles_inside_the_file_serve(tmp_path):
    world = SmallWorld(tmp_path)
    path = write_subtitled(tmp_path / "clip.mkv", [("eng", [(500, 2000, "from inside")])], "subrip")
    world.media.put_file(f"{FOLDER}/media.mkv", path)
    track = SubtitleTrack(language="eng", kind="embedded", stream_index=1)
    first, *_ = answer(world, fetched(media_ref=f"{FOLDER}/media.mkv", subtitles=(track,)))
    assert (first.text, first.text_source, first.text_language) == ("from inside", "embedded", "eng")


def test_a_redelivered_video_is_answered_alike_without_decoding(world):
    once = [encode(event) for event in answer(world, fetched())]
    assert [encode(event) for event in answer(world, fetched())] == once
    assert world.sandbox.calls == 1


def test_newer_metadata_of_the_same_bytes_cut_nothing_again(world):
    once = answer(world, fetched())
    later = fetched(event_id="5b1f7a2e-0000-5000-8000-000000000002", metadata=Metadata(title="Rocket", views=99))
    assert answer(world, later) == once
    assert world.sandbox.calls == 1


def test_a_redelivery_needs_no_media_any_more(world):
    once = answer(world, fetched())
    del world.media.files[f"{FOLDER}/media.mp4"]
    assert answer(world, fetched()) == once


def test_decoding_again_gives_the_same_events_and_bytes(world):
    once = answer(world, fetched())
    pictures = world.media.get(once[0].frames_ref)
    del world.media.files[f"{FOLDER}/{REVISION}/segmented.json"]
    assert answer(world, fetched()) == once
    assert world.media.get(once[0].frames_ref) == pictures
    assert world.sandbox.calls == 2


@pytest.mark.parametrize(
    "options", [Options(frame_rate_hz=2.0), Options(subtitle_languages=("fr",))], ids=["rate", "languages"]
)
def test_other_settings_cut_again_under_other_ids(world, options):
    once = answer(world, fetched())
    world.options = options
    again = answer(world, fetched())
    assert world.sandbox.calls == 2
    assert {e.event_id for e in again}.isdisjoint(e.event_id for e in once)
    assert [e.record_key for e in again] == [e.record_key for e in once]


def test_other_bytes_lie_in_another_folder(world):
    once = answer(world, fetched())
    again = answer(world, fetched(revision="f" * 16))
    assert {e.event_id for e in again}.isdisjoint(e.event_id for e in once)
    assert again[0].frames_ref != once[0].frames_ref


def test_a_damaged_record_is_made_anew(world):
    once = answer(world, fetched())
    world.media.put(f"{FOLDER}/{REVISION}/segmented.json", b"{}")
    assert answer(world, fetched()) == once


def test_a_batch_is_answered_in_its_order(world):
    events = [fetched(), fetched(video_id="youtube:other", media_ref=None), fetched(duplicate_of="youtube:first")]
    outputs = SegmentProcessor.build(world).transform(events)
    assert [len(answers) for answers in outputs] == [4, 2, 0]
    assert SegmentProcessor.build(world).transform([]) == []


def test_duplicates_have_no_answer(world):
    duplicated = MediaDuplicated(event_id="x", video_id="youtube:first", duplicate_id=VIDEO_ID, revision=REVISION)
    assert answer(world, duplicated) == []
    assert answer(world, fetched(duplicate_of="youtube:first")) == []
    assert world.sandbox.calls == 0


def test_a_row_without_media_has_no_segments(world):
    counted, progress = answer(world, fetched(media_ref=None))
    assert (counted.count, counted.sampling, progress.state) == (0, "none", "done")
    assert world.sandbox.calls == 0


def test_the_words_of_a_row_become_segments_without_pictures_or_sound(world):
    row = fetched(media_ref=None, duration_s=60.0, transcript="one two three four five " * 12)
    *cuts, counted, progress = answer(world, row)
    assert [(cut.start_s, cut.end_s, len(cut.text.split())) for cut in cuts] == [
        (0, 20, 20),
        (20, 40, 20),
        (40, 60, 20),
    ]
    assert {(cut.count, cut.frames_ref, cut.audio_ref, cut.text_source) for cut in cuts} == {
        (3, None, None, "uploaded")
    }
    assert (counted.count, counted.sampling, progress.state) == (3, "none", "done")
    assert world.sandbox.calls == 0


def test_progress_is_reported_while_it_runs(world):
    answer(world, fetched())
    assert {(e.stage, e.state, e.video_id) for e in world.reported} == {("segment", "running", VIDEO_ID)}
    assert all(0 <= e.done <= e.total == pytest.approx(6.0, abs=0.1) for e in world.reported)


def test_a_file_that_is_no_video_fails_and_leaves_nothing(world):
    world.media.put(f"{FOLDER}/media.mp4", b"no video")
    with pytest.raises(MediaUnreadable):
        answer(world, fetched())
    assert not world.media.exists(f"{FOLDER}/{REVISION}/segmented.json")
    assert list(world.scratch.iterdir()) == []


def test_lost_media_may_come_back(world):
    del world.media.files[f"{FOLDER}/media.mp4"]
    with pytest.raises(StorageUnavailable) as error:
        answer(world, fetched())
    assert error.value.retryable


def test_a_foreign_event_is_refused(world):
    link = LinkSubmitted(
        event_id="x", video_id=VIDEO_ID, submission_id="s1", submitted_at_s=1.0, url="https://a.example"
    )
    with pytest.raises(Unreadable):
        answer(world, link)


def test_people_hear_when_a_video_was_given_up(world):
    processor = SegmentProcessor.build(world)
    (progress,) = processor.give_up(fetched(), "nothing can be decoded")
    assert (progress.state, progress.message) == ("failed", "nothing can be decoded")
    assert processor.give_up(fetched(duplicate_of="youtube:first"), "x") == []


def test_a_video_is_cut_in_a_real_child_process(world):
    here = answer(world, fetched())
    del world.media.files[f"{FOLDER}/{REVISION}/segmented.json"]
    world.sandbox = ChildSandbox(memory_bytes=1500 * 2**20, timeout_s=60)
    world.reported.clear()
    assert answer(world, fetched()) == here
    assert world.reported


def test_folders_of_dead_workers_are_removed_and_those_of_living_ones_kept(tmp_path):
    left = tmp_path / "segment-left"
    left.mkdir()
    with work_folder(tmp_path, "segment") as living:
        assert not left.exists()
        with work_folder(tmp_path, "segment") as other:
            assert living.exists()
            assert other != living
    assert list(tmp_path.iterdir()) == []
