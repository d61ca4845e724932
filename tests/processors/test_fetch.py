"""Fetch against a real web server, a real store and real children; nothing is imitated but the world's clock."""

import itertools
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest
from source_server import SourceServer, serving
from tiny_video import write_video

from processors.fetch import FetchProcessor
from processors.fetch_media import missing_subtitles
from processors.ports import Downloader, MediaStore, Options, Sandbox
from schemas.codec import encode
from schemas.errors import FetchFailed, MediaUnreadable, SourceUnavailable, StorageUnavailable, Unreadable
from schemas.event import Event
from schemas.links import LinkSubmitted, UploadedSubtitles
from schemas.media import MediaDuplicated, MediaFetched, SubtitleTrack
from schemas.progress import StageProgressed
from streams.sandbox import ChildSandbox
from streams.settings import Settings
from streams.sources.downloader import LinkDownloader
from streams.sources.urls import clean
from streams.storage.media import FolderMediaStore

NO_WORDS = "no subtitles in en; words will be missing unless speech recognition is on"


@dataclass
class Workplace:
    """A `World` in a folder; `reported` is what was reported live."""

    folder: Path
    options: Options = field(default_factory=Options)
    reported: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.settings = Settings(home=self.folder, fetch_networks=("127.0.0.0/8",))
        self.media: MediaStore = FolderMediaStore(self.folder / "media")
        self.downloader: Downloader = LinkDownloader(self.settings)
        self.sandbox: Sandbox = ChildSandbox(memory_bytes=1500 * 10**6, timeout_s=60)
        self.scratch = self.folder / "scratch"
        self.report: Callable[[Event], None] = self.reported.append

    def weights(self, name: str) -> Path:
        return self.folder / name

    def release(self, target: str, release_id: str) -> Path:
        return self.folder / target / release_id


@pytest.fixture
def world(tmp_path: Path) -> Workplace:
    return Workplace(tmp_path)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_video(tmp_path_factory.mktemp("video") / "v.mp4").read_bytes()


@pytest.fixture
def server(video: bytes) -> Iterator[SourceServer]:
    with serving(video) as running:
        yield running


numbers = itertools.count()


def link(url: str, **fields: object) -> LinkSubmitted:
    number = next(numbers)
    return LinkSubmitted(
        event_id=f"event-{number}",
        video_id=clean(url).video_id,
        submission_id=f"submission-{number}",
        submitted_at_s=0.0,
        url=url,
        **fields,  # type: ignore[arg-type]  # any field of the event
    )


def upload(ref: str, **fields: object) -> LinkSubmitted:
    return LinkSubmitted(
        event_id="upload", video_id="file:0123", submission_id="s", submitted_at_s=0.0, upload_ref=ref, **fields
    )  # type: ignore[arg-type]  # any field of the event


def fetch(world: Workplace, *events: Event) -> list[list[Event]]:
    return FetchProcessor.build(world).transform(events)


def states(outputs: list[Event]) -> list[str]:
    return [event.state for event in outputs if isinstance(event, StageProgressed)]


def media(outputs: list[Event]) -> MediaFetched:
    return next(event for event in outputs if isinstance(event, MediaFetched))


def test_a_link_becomes_media_in_the_store(world: Workplace, server: SourceServer, video: bytes) -> None:
    event = link(server.url("ok/a.mp4"), targets=("virality",))
    (outputs,) = fetch(world, event)
    fetched = media(outputs)
    assert states(outputs) == ["done"]
    assert fetched.media_ref == f"videos/{event.video_id.replace(':', '/')}/media.mp4"
    assert world.media.get(fetched.media_ref) == video
    assert (fetched.size_bytes, fetched.width_px, fetched.height_px, fetched.fps) == (len(video), 64, 48, 10.0)
    assert (fetched.has_video, fetched.has_audio, fetched.targets) == (True, True, ("virality",))
    assert fetched.duration_s == pytest.approx(2.0, abs=0.2)
    assert (fetched.revision, fetched.url) == (fetched.sha256[:16], event.url)


def test_nothing_is_left_in_scratch(world: Workplace, server: SourceServer) -> None:
    fetch(world, link(server.url("ok/a.mp4")))
    assert [path for path in world.scratch.rglob("*") if path.is_file()] == []


def test_missing_subtitles_are_said_at_once(world: Workplace, server: SourceServer) -> None:
    (outputs,) = fetch(world, link(server.url("ok/a.mp4")))
    assert [event.warnings for event in outputs] == [(NO_WORDS,), (NO_WORDS,)]


@pytest.mark.parametrize(
    ("available", "missing"),
    [([], 2), (["en"], 1), (["en-US", "deu"], 0), (["und"], 0), (["fr"], 2)],
)
def test_only_wanted_languages_without_a_track_are_missed(available: list[str], missing: int) -> None:
    assert len(missing_subtitles(available, ["en", "de"])) == missing


def test_progress_is_reported_live(world: Workplace, server: SourceServer, video: bytes) -> None:
    server.body = video + b"\0" * 3_000_000
    fetch(world, link(server.url("ok/a.mp4")))
    done = [event.done for event in world.reported]
    assert 2 <= len(done) <= 6
    assert done == sorted(done)
    assert {(event.state, event.total) for event in world.reported} == {("running", float(len(server.body)))}
    assert len({event.event_id for event in world.reported}) == len(done)


def test_a_redelivered_link_gives_the_same_bytes_without_a_download(world: Workplace, server: SourceServer) -> None:
    event = link(server.url("ok/a.mp4"))
    first, again = fetch(world, event), fetch(world, event)
    assert [encode(e) for e in first[0]] == [encode(e) for e in again[0]]
    assert len(server.hits) == 1


def test_a_lost_record_gives_the_same_bytes_after_a_second_download(world: Workplace, server: SourceServer) -> None:
    event = link(server.url("ok/a.mp4"))
    first = fetch(world, event)
    shutil.rmtree(world.folder / "media" / "videos")
    assert [encode(e) for e in fetch(world, event)[0]] == [encode(e) for e in first[0]]


def test_a_known_video_is_not_fetched_for_another_submission(world: Workplace, server: SourceServer) -> None:
    url = server.url("ok/a.mp4")
    outputs = fetch(world, link(url), link(url))
    assert [states(events) for events in outputs] == [["done"], ["known"]]
    assert len(outputs[1]) == 1
    assert len(server.hits) == 1


def test_again_fetches_again(world: Workplace, server: SourceServer, video: bytes, tmp_path: Path) -> None:
    url = server.url("ok/a.mp4")
    (before,) = fetch(world, link(url))
    server.body = write_video(tmp_path / "new.mp4", shade=90).read_bytes()
    (after,) = fetch(world, link(url, again=True))
    assert media(before).sha256 != media(after).sha256
    assert world.media.get(media(after).media_ref or "") == server.body


def test_the_same_bytes_under_another_link_point_at_the_first(world: Workplace, server: SourceServer) -> None:
    first, copy = link(server.url("ok/a.mp4")), link(server.url("plain/b.mp4"))
    fetch(world, first)
    (outputs,) = fetch(world, copy)
    fetched, duplicated, progress = outputs
    assert isinstance(fetched, MediaFetched)
    assert (fetched.video_id, fetched.duplicate_of, fetched.media_ref) == (copy.video_id, first.video_id, None)
    assert isinstance(duplicated, MediaDuplicated)
    assert (duplicated.video_id, duplicated.duplicate_id) == (first.video_id, copy.video_id)
    assert duplicated.revision == fetched.revision
    assert states([progress]) == ["duplicate"]
    stored = [path for path in (world.folder / "media").rglob("media.*") if path.is_file()]
    assert len(stored) == 1
    assert [encode(e) for e in fetch(world, copy)[0]] == [encode(e) for e in outputs]


def test_of_two_copies_in_one_batch_one_is_the_first(world: Workplace, server: SourceServer) -> None:
    outputs = fetch(world, link(server.url("ok/a.mp4")), link(server.url("plain/b.mp4")))
    assert sorted(states(events)[0] for events in outputs) == ["done", "duplicate"]


def test_bytes_that_the_first_no_longer_has_belong_to_the_next(
    world: Workplace, server: SourceServer, video: bytes, tmp_path: Path
) -> None:
    fetch(world, link(server.url("ok/a.mp4")))
    server.body = write_video(tmp_path / "new.mp4", shade=90).read_bytes()
    fetch(world, link(server.url("ok/a.mp4"), again=True))
    server.body = video
    (outputs,) = fetch(world, link(server.url("plain/b.mp4")))
    assert states(outputs) == ["done"]


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://10.0.0.1/a.mp4", "not a public address"),
        ("http://169.254.169.254/latest/a.mp4", "not a public address"),
    ],
)
def test_a_refused_link_is_progress_and_no_error(world: Workplace, url: str, reason: str) -> None:
    (outputs,) = fetch(world, link(url))
    assert states(outputs) == ["refused"]
    assert reason in outputs[0].message


@pytest.mark.parametrize(
    ("options", "reason"),
    [(Options(max_bytes=1000), "MB"), (Options(max_duration_s=1.5), "s long")],
)
def test_what_is_too_large_or_too_long_is_refused(
    world: Workplace, server: SourceServer, options: Options, reason: str
) -> None:
    world.options = options
    (outputs,) = fetch(world, link(server.url("ok/a.mp4")))
    assert states(outputs) == ["refused"]
    assert reason in outputs[0].message
    assert not world.scratch.exists() or not list(world.scratch.rglob("media*"))


@pytest.mark.parametrize(("path", "error"), [("404", FetchFailed), ("503", SourceUnavailable)])
def test_a_failed_fetch_is_the_runner_s_business(
    world: Workplace, server: SourceServer, path: str, error: type[Exception]
) -> None:
    event = link(server.url(f"{path}/a.mp4"))
    with pytest.raises(FetchFailed) as caught:
        fetch(world, event)
    assert type(caught.value) is error
    assert states(FetchProcessor.build(world).give_up(event, "it is gone")) == ["failed"]


def test_a_file_that_is_no_video_fails_clearly(world: Workplace, server: SourceServer) -> None:
    server.body = b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"
    with pytest.raises(MediaUnreadable):
        fetch(world, link(server.url("ok/a.mp4")))


def test_one_bad_link_does_not_undo_the_others_of_its_batch(world: Workplace, server: SourceServer) -> None:
    good, bad = link(server.url("ok/a.mp4")), link(server.url("404/b.mp4"))
    with pytest.raises(FetchFailed):
        fetch(world, bad, good)
    hits = len(server.hits)
    assert states(fetch(world, good)[0]) == ["done"]
    assert len(server.hits) == hits


def test_a_batch_is_fetched_at_once(world: Workplace, tmp_path: Path) -> None:
    bodies = [write_video(tmp_path / f"{shade}.mp4", shade=shade).read_bytes() for shade in (10, 60, 110)]
    servers = [serving(body) for body in bodies]
    running = [server.__enter__() for server in servers]
    outputs = fetch(world, *(link(server.url("ok/a.mp4")) for server in running))
    for server in servers:
        server.__exit__(None, None, None)
    assert [states(events) for events in outputs] == [["done"]] * 3
    assert [media(events).size_bytes for events in outputs] == [len(body) for body in bodies]


def test_an_empty_batch_is_fine(world: Workplace) -> None:
    assert fetch(world) == []


def test_an_upload_is_described_from_the_store(world: Workplace, video: bytes) -> None:
    world.media.put("uploads/one", video)
    subtitles = (UploadedSubtitles(ref="uploads/one.srt", language="en"),)
    (outputs,) = fetch(world, upload("uploads/one", upload_name="Film.MP4", title="A #film", subtitles=subtitles))
    fetched = media(outputs)
    assert fetched.media_ref == "videos/file/0123/media.mp4"
    assert world.media.get(fetched.media_ref) == video
    assert fetched.subtitles == (SubtitleTrack(language="en", kind="uploaded", ref="uploads/one.srt"),)
    assert (fetched.metadata.title, fetched.metadata.hashtags, fetched.warnings) == ("A #film", ("film",), ())


def test_an_upload_in_its_own_folder_is_not_stored_twice(world: Workplace, video: bytes) -> None:
    world.media.put("videos/file/0123/upload.mp4", video)
    (outputs,) = fetch(world, upload("videos/file/0123/upload.mp4"))
    assert media(outputs).media_ref == "videos/file/0123/upload.mp4"


def test_an_upload_that_is_not_there_may_come_later(world: Workplace) -> None:
    with pytest.raises(StorageUnavailable):
        fetch(world, upload("uploads/none"))


def test_subtitle_streams_inside_the_file_count(world: Workplace, data_folder: Path) -> None:
    world.media.put_file("uploads/nasa", data_folder / "videos" / "nasa_13013.mp4")
    (outputs,) = fetch(world, upload("uploads/nasa", upload_name="nasa.mp4"))
    fetched = media(outputs)
    assert [track.kind for track in fetched.subtitles] == ["embedded", "embedded"]
    assert all(track.stream_index is not None for track in fetched.subtitles)
    assert fetched.warnings == ()


def test_a_link_without_a_source_is_poison(world: Workplace, server: SourceServer) -> None:
    event = msgspec.structs.replace(link(server.url("ok/a.mp4")), url=None)
    with pytest.raises(Unreadable, match="exactly one of url and upload_ref"):
        fetch(world, event)
