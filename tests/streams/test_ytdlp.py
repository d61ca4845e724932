"""Downloads over real HTTP from a server on this machine, in the guarded child as in production."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import guarded_calls
import pytest
from source_server import SourceServer, serving
from tiny_video import write_video

from models.media.probe import probe
from schemas.errors import FetchFailed, GroundswellError, MediaUnreadable, Refused, SourceUnavailable
from schemas.media import Metadata
from streams.sandbox import ChildSandbox
from streams.settings import Settings
from streams.sources import info as reading
from streams.sources import pytube, ytdlp
from streams.sources.downloader import LinkDownloader
from streams.sources.remux import join
from streams.sources.wanted import Wanted

MB = 10**6


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_video(tmp_path_factory.mktemp("video") / "v.mp4").read_bytes()


@pytest.fixture
def server(video: bytes) -> Iterator[SourceServer]:
    with serving(video) as running:
        yield running


def downloader(home: Path, **settings: object) -> LinkDownloader:
    return LinkDownloader(Settings(home=home, fetch_networks=("127.0.0.0/8",), **settings))


def nobody(*_: object) -> None:
    """Hear no reports."""


# A name with a suffix is taken by the direct downloader, one without by yt-dlp.
BOTH = pytest.mark.parametrize("name", ["a.mp4", "watch"])


@BOTH
def test_a_file_arrives_whole(name: str, server: SourceServer, tmp_path: Path, video: bytes) -> None:
    reports: list[tuple[float, float | None]] = []
    downloaded = downloader(tmp_path).fetch(
        server.url(f"ok/{name}"), tmp_path / "f", lambda done, total: reports.append((done, total))
    )
    assert downloaded.path.read_bytes() == video
    assert reports[-1] == (len(video), len(video))


@BOTH
def test_redirects_are_followed(name: str, server: SourceServer, tmp_path: Path, video: bytes) -> None:
    link = server.url(f"to/http/127.0.0.1:{server.port}/ok/{name}")
    assert downloader(tmp_path).fetch(link, tmp_path, nobody).path.read_bytes() == video


@BOTH
def test_a_server_without_a_length_is_read_to_its_end(name: str, server: SourceServer, tmp_path: Path) -> None:
    assert downloader(tmp_path).fetch(server.url(f"plain/{name}"), tmp_path, nobody).path.stat().st_size > 0


@BOTH
@pytest.mark.parametrize(
    ("path", "error", "message"),
    [
        ("404", FetchFailed, "404"),
        ("403", FetchFailed, "403"),
        ("410", FetchFailed, "410"),
        ("429", SourceUnavailable, "429"),
        ("500", SourceUnavailable, "500"),
        ("503", SourceUnavailable, "503"),
        ("page", FetchFailed, "Unsupported URL"),
        ("round", FetchFailed, "30"),
        ("boastful", Refused, "more than 2 MB"),
        ("endless", Refused, "more than 2 MB"),
        ("endless-chunks", Refused, "more than 2 MB"),
    ],
)
def test_a_bad_answer_has_its_own_error(
    name: str, path: str, error: type[GroundswellError], message: str, server: SourceServer, tmp_path: Path
) -> None:
    with pytest.raises(FetchFailed if error is SourceUnavailable else error, match=message) as caught:
        downloader(tmp_path, fetch_max_bytes=2 * MB).fetch(server.url(f"{path}/{name}"), tmp_path / "f", nobody)
    assert type(caught.value) is error
    assert sum(file.stat().st_size for file in (tmp_path / "f").iterdir()) <= 2.1 * MB


def test_a_server_that_hardly_sends_is_stopped_by_the_clock(server: SourceServer, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="took longer than 1 s"):
        downloader(tmp_path, fetch_timeout_s=1).fetch(server.url("slow/a.mp4"), tmp_path, nobody)


@pytest.mark.parametrize("path", ["silent", "stuck", "nonsense"])
def test_a_server_that_sends_nothing_more_is_tried_again_later(path: str, video: bytes, tmp_path: Path) -> None:
    from streams.sources import direct

    with serving(video) as server, pytest.raises(SourceUnavailable):
        direct.fetch(server.url(f"{path}/a.mp4"), tmp_path, Wanted(silence_s=0.5), nobody)


def test_no_server_at_all_is_tried_again_later(server: SourceServer, tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match="does not answer"):
        downloader(tmp_path).fetch("http://127.0.0.1:1/a.mp4", tmp_path, nobody)


def test_a_name_that_does_not_exist_is_not(tmp_path: Path) -> None:
    with pytest.raises(FetchFailed, match=r"no server of this name|does not answer"):
        downloader(tmp_path).fetch("http://nowhere.invalid/a.mp4", tmp_path, nobody)


def test_a_truncated_download_is_resumed_where_it_stopped(tmp_path: Path) -> None:
    body = bytes(range(256)) * 12_000
    with serving(body) as server:
        for _ in range(20):
            try:
                downloaded = downloader(tmp_path).fetch(server.url("truncated/a.mp4"), tmp_path / "f", nobody)
                break
            except SourceUnavailable:
                assert (tmp_path / "f" / "media.part").stat().st_size > 0
        starts = [int(asked[6:-1]) for asked in server.ranges if asked]
    assert downloaded.path.read_bytes() == body
    assert len(starts) > 2
    assert starts == sorted(set(starts))


def test_a_partial_file_is_continued_by_the_next_call(server: SourceServer, tmp_path: Path, video: bytes) -> None:
    half = len(video) // 2
    server.body = video[:half]
    link = server.url("ok/a.mp4")
    downloader(tmp_path).fetch(link, tmp_path, nobody).path.rename(tmp_path / "media.part")
    note = json.loads((tmp_path / "media.json").read_bytes()) | {"total_bytes": len(video)}
    (tmp_path / "media.json").write_text(json.dumps(note))
    server.body = video
    assert downloader(tmp_path).fetch(link, tmp_path, nobody).path.read_bytes() == video
    assert server.ranges[-1] == f"bytes={half}-"


def test_a_partial_file_of_another_version_is_thrown_away(server: SourceServer, tmp_path: Path, video: bytes) -> None:
    link = server.url("ok/a.mp4")
    server.body = b"old" * 100
    downloader(tmp_path).fetch(link, tmp_path, nobody).path.rename(tmp_path / "media.part")
    server.body, server.etag = video, '"two"'
    assert downloader(tmp_path).fetch(link, tmp_path, nobody).path.read_bytes() == video


def test_a_server_that_announces_too_little_gives_a_file_that_cannot_be_read(
    server: SourceServer, tmp_path: Path, video: bytes
) -> None:
    path = downloader(tmp_path).fetch(server.url("modest/a.mp4"), tmp_path, nobody).path
    assert path.stat().st_size == len(video) // 2
    with pytest.raises(MediaUnreadable):
        probe(path)


def test_two_workers_on_one_folder_do_not_write_into_each_other_s_file(
    server: SourceServer, tmp_path: Path, video: bytes
) -> None:
    import fcntl

    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        path = downloader(tmp_path).fetch(server.url("ok/a.mp4"), tmp_path, nobody).path
    assert path.parent != tmp_path
    assert path.read_bytes() == video


@pytest.mark.parametrize("url", ["file:///etc/passwd", "http://a:b@127.0.0.1/a.mp4", "concat:a.mp4", "/etc/passwd"])
def test_a_link_is_checked_again_whoever_wrote_the_event(url: str, tmp_path: Path) -> None:
    with pytest.raises(Refused):
        downloader(tmp_path).fetch(url, tmp_path, nobody)


def test_cancelling_stops_a_download_and_keeps_what_came(server: SourceServer, tmp_path: Path) -> None:
    started = downloader(tmp_path)
    with pytest.raises(GroundswellError, match="shutting down") as caught:
        started.fetch(server.url("slow/a.mp4"), tmp_path, lambda *_: started.cancel_all())
    assert caught.value.retryable
    assert (tmp_path / "media.part").exists()


PAGE = b"""<html><head><title>Launch day</title></head><body>
<video poster="/file/poster.jpg"><source src="/ok/v.mp4" type="video/mp4">
<track kind="subtitles" srclang="en" src="/file/en.vtt"><track kind="subtitles" srclang="de" src="/file/de.vtt">
<track kind="subtitles" srclang="en-GB" src="/404/gb.vtt"></video></body></html>"""

WORDS = b"WEBVTT\n\n00:00.000 --> 00:01.000\nLift-off\n"


def test_a_page_gives_its_video_with_subtitles_and_thumbnail(
    server: SourceServer, tmp_path: Path, video: bytes
) -> None:
    server.files["watch"] = ("text/html", PAGE)
    server.files["en.vtt"] = ("text/vtt", WORDS)
    server.files["poster.jpg"] = ("image/jpeg", b"\xff\xd8\xff\xe0 a picture")
    downloaded = downloader(tmp_path).fetch(server.url("file/watch"), tmp_path, nobody)
    assert downloaded.path.read_bytes() == video
    assert [(track.language, track.kind, path.read_bytes()) for track, path in downloaded.subtitles] == [
        ("en", "manual", WORDS)
    ]
    assert downloaded.thumbnail is not None
    assert downloaded.thumbnail.read_bytes().startswith(b"\xff\xd8")
    assert len(downloaded.warnings) == 1
    assert "subtitles in en-GB (manual) could not be fetched" in downloaded.warnings[0]
    assert downloaded.metadata.title == "Launch day"


DASH = """<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT2S"><Period>
<AdaptationSet mimeType="video/mp4"><Representation id="v" codecs="avc1.42" width="64" height="48" bandwidth="9000">
<BaseURL>/file/p.mp4</BaseURL></Representation></AdaptationSet>
<AdaptationSet mimeType="audio/mp4"><Representation id="a" codecs="mp4a.40.2" bandwidth="9000">
<BaseURL>/file/s.m4a</BaseURL></Representation></AdaptationSet></Period></MPD>"""


def test_picture_and_sound_that_come_apart_are_joined(server: SourceServer, tmp_path: Path) -> None:
    server.files["film"] = ("application/dash+xml", DASH.encode())
    server.files["p.mp4"] = ("video/mp4", write_video(tmp_path / "p.mp4", sound=False).read_bytes())
    server.files["s.m4a"] = ("audio/mp4", write_video(tmp_path / "s.m4a", picture=False).read_bytes())
    found = probe(downloader(tmp_path).fetch(server.url("file/film"), tmp_path / "f", nobody).path)
    assert (found.has_video, found.has_audio) == (True, True)


def test_a_page_that_points_at_this_machine_s_files_gets_nothing(server: SourceServer, tmp_path: Path) -> None:
    page = PAGE.replace(b"/ok/v.mp4", b"file:///etc/passwd")
    server.files["watch"] = ("text/html", page)
    with pytest.raises(FetchFailed):
        downloader(tmp_path).fetch(server.url("file/watch"), tmp_path / "f", nobody)


PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"


def test_a_playlist_with_local_paths_gets_nothing(server: SourceServer, tmp_path: Path) -> None:
    server.files["list.m3u8"] = ("application/vnd.apple.mpegurl", PLAYLIST)
    with pytest.raises(GroundswellError):
        downloader(tmp_path).fetch(server.url("file/list.m3u8"), tmp_path / "f", nobody)
    assert not any(b"root:" in path.read_bytes() for path in (tmp_path / "f").rglob("*") if path.is_file())


INFO = {
    "id": "dQw4w9WgXcQ",
    "title": "Launch day #Artemis",
    "description": "Up we go! #NASA #artemis https://example.org/#no",
    "channel": "NASA",
    "uploader": "nasa",
    "channel_id": "UCLA",
    "categories": ["Science & Technology", "Other"],
    "language": "en",
    "timestamp": 1_700_000_000,
    "view_count": 12345,
    "like_count": 678,
    "comment_count": 0,
    "channel_follower_count": 11_700_000,
    "tags": ["moon", 7, "rocket"],
    "duration": 61,
    "url": "https://example.org/v",
}


def test_what_the_source_says_is_mapped_field_by_field() -> None:
    assert reading.metadata(INFO) == Metadata(
        title="Launch day #Artemis",
        description="Up we go! #NASA #artemis https://example.org/#no",
        channel="NASA",
        channel_id="UCLA",
        category="Science & Technology",
        language="en",
        uploaded_at_s=1_700_000_000.0,
        views=12345,
        likes=678,
        comments=0,
        subscribers=11_700_000,
        hashtags=("Artemis", "NASA"),
        tags=("moon", "rocket"),
    )


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        ({}, Metadata()),
        ({"uploader": "someone", "uploader_id": "u1"}, Metadata(channel="someone", channel_id="u1")),
        ({"upload_date": "20240229"}, Metadata(uploaded_at_s=1_709_164_800.0)),
        ({"upload_date": "yesterday", "view_count": float("nan"), "like_count": -1}, Metadata()),
        ({"title": None, "tags": None, "categories": [], "view_count": "many", "like_count": True}, Metadata()),
        ({"title": "broken \ud83d"}, Metadata(title="broken ?")),
    ],
)
def test_what_the_source_does_not_say_stays_unknown(info: dict[str, object], expected: Metadata) -> None:
    assert reading.metadata(info) == expected


def entry(ext: str = "vtt") -> dict[str, str]:
    return {"ext": ext, "url": f"https://example.org/s.{ext}"}


def test_all_manual_tracks_and_one_automatic_track_of_a_wanted_language_are_chosen() -> None:
    info = {
        "subtitles": {
            "en": [entry("json3"), entry()],
            "en-GB": [entry("srt")],
            "de": [entry()],
            "live_chat": [entry("json")],
        },
        "automatic_captions": {"en": [entry()], "en-orig": [entry()], "fr": [entry()], "en-de": [entry()]},
    }
    chosen = [(track.language, track.kind, track.entry["ext"]) for track in reading.tracks(info, ["en"])]
    assert chosen == [("en", "manual", "vtt"), ("en-GB", "manual", "srt"), ("en-orig", "automatic", "vtt")]


def test_tracks_that_cannot_be_read_are_not_chosen() -> None:
    assert reading.tracks({"subtitles": {"en": [entry("json3")]}, "automatic_captions": None}, ["en"]) == []


@pytest.mark.parametrize("live", [{"is_live": True}, {"live_status": "is_upcoming"}, {"duration": 7201}])
def test_live_and_long_videos_are_refused_before_the_download(live: dict[str, object]) -> None:
    with pytest.raises(Refused, match=r"live|long"):
        ytdlp.check({**INFO, **live}, Wanted())


def test_a_list_of_one_is_that_one_and_a_longer_list_is_refused() -> None:
    assert ytdlp.one_video({"entries": [None, {"entries": iter([INFO])}]}) == INFO
    with pytest.raises(Refused, match="list of videos"):
        ytdlp.one_video({"entries": [INFO, INFO]})
    with pytest.raises(FetchFailed, match="no video"):
        ytdlp.one_video({"entries": []})
    with pytest.raises(FetchFailed, match="no video"):
        ytdlp.one_video({})


def test_yt_dlp_runs_no_programs_reads_no_cookies_and_loads_no_plugins(tmp_path: Path) -> None:
    options = ytdlp.options(tmp_path, Wanted())
    forbidden = ["cookiefile", "cookiesfrombrowser", "usenetrc", "enable_file_urls", "js_runtimes", "postprocessors"]
    assert not any(options[name] for name in forbidden)
    plugins, handlers = ChildSandbox(memory_bytes=None, timeout_s=20).run(guarded_calls.parts_of_ytdlp, tmp_path)
    assert (plugins, handlers) == ([], ["urllib"])


def test_picture_and_sound_in_two_files_become_one(tmp_path: Path) -> None:
    picture = write_video(tmp_path / "p.mp4", sound=False)
    sound = write_video(tmp_path / "s.m4a", picture=False)
    joined = probe(join(picture, sound, tmp_path / "media.mkv"))
    assert (joined.has_video, joined.has_audio, joined.width_px) == (True, True, 64)
    assert joined.duration_s == pytest.approx(2.0, abs=0.2)


def test_two_files_without_a_sound_cannot_be_joined(tmp_path: Path) -> None:
    picture = write_video(tmp_path / "p.mp4", sound=False)
    with pytest.raises(MediaUnreadable, match="one of them is empty"):
        join(picture, picture, tmp_path / "media.mkv")


def test_pytube_says_that_it_knows_youtube_only(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="YouTube only"):
        pytube.fetch("https://vimeo.com/1", tmp_path, Wanted(), nobody)


@pytest.mark.parametrize(("limit_px", "chosen"), [(720, "720p"), (480, "360p"), (144, "360p"), (4320, "1080p")])
def test_pytube_takes_the_tallest_single_file_up_to_the_height(limit_px: int, chosen: str) -> None:
    offered = [SimpleNamespace(resolution=height) for height in ("360p", "1080p", "720p")]
    assert pytube.best(offered, limit_px).resolution == chosen


def test_pytube_without_a_single_file_points_at_yt_dlp() -> None:
    with pytest.raises(FetchFailed, match="yt-dlp"):
        pytube.best([], 720)
