"""Downloads with yt-dlp: the one place that knows it. Runs inside the guarded child only.

Programs are never started (the guard forbids it), so YouTube formats that need a JavaScript runtime,
streams that need ffmpeg and sites that only talk to a browser's TLS (curl_cffi) are left out; what remains
is a single file on most sites, or picture and sound as two files, which are joined here.
"""

import contextlib
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from processors.ports import Downloaded
from schemas.errors import FetchFailed, GroundswellError, Refused, SourceUnavailable, StorageUnavailable
from schemas.media import SubtitleTrack
from streams.sources.failures import http_failure, os_failure
from streams.sources.info import Info, Track, duration_s, metadata, tracks
from streams.sources.wanted import Wanted

Report = Callable[[float, float | None], None]
Dict = dict[str, Any]  # Any: yt-dlp's info dict promises no types

LARGEST_THUMBNAIL_BYTES = 10 * 2**20
LARGEST_SUBTITLES_BYTES = 20 * 2**20

PICTURES = {b"\xff\xd8\xff": "jpg", b"\x89PNG": "png", b"RIFF": "webp"}
"""First bytes of the pictures we keep, and their suffixes."""


def fetch(url: str, folder: Path, wanted: Wanted, report: Report) -> Downloaded:
    """Download one video with its subtitles, thumbnail and metadata.

    Raises
    ------
    Refused
        A list, a live stream, too long, too large.
    FetchFailed
        The site does not have it, does not give it, or is not known.
    SourceUnavailable
        It may work later; partial files are kept.
    """
    with _downloader(folder, wanted, _Progress(wanted, report)) as ydl:
        with _in_our_errors():
            info = one_video(ydl.extract_info(url, download=False) or {})
        check(info, wanted)
        chosen = tracks(info, wanted.languages)
        # Subtitles are fetched below: yt-dlp would keep one of a manual and an automatic track.
        with _in_our_errors():
            done = ydl.process_ie_result({**info, "subtitles": {}, "automatic_captions": {}}, download=True)
        subtitles, warnings = _subtitles(ydl, chosen, folder)
        return Downloaded(
            path=_media(done, folder),
            url=str(info.get("webpage_url") or url),
            metadata=metadata(info),
            subtitles=subtitles,
            thumbnail=_thumbnail(ydl, info, folder),
            warnings=warnings,
        )


def one_video(info: Info) -> Dict:
    """Open lists of one.

    Raises
    ------
    Refused
        There are several.
    FetchFailed
        There is none.
    """
    while "entries" in info:
        entries = [entry for entry in info["entries"] if entry]
        if len(entries) > 1 or (info.get("playlist_count") or 0) > 1:
            raise Refused("the link is a list of videos; submit the link of one of them")
        if not entries:
            raise FetchFailed("there is no video at this link")
        info = entries[0]
    if not info.get("formats") and not info.get("url"):
        raise FetchFailed("there is no video at this link")
    return dict(info)


def check(info: Info, wanted: Wanted) -> None:
    """Apply the limits that can be known before the download.

    Raises
    ------
    Refused
        Live, not yet out, or longer than allowed.
    """
    if info.get("is_live") or info.get("live_status") in ("is_live", "is_upcoming", "post_live"):
        raise Refused("the link is a live stream or a premiere; submit it when it is over")
    wanted.check_duration(duration_s(info))


def options(folder: Path, wanted: Wanted) -> Dict:
    """List every yt-dlp option we rely on, harmless defaults included.

    Source: yt-dlp, docstring of ``YoutubeDL``.
    """
    single = "[protocol!*=rtmp][protocol!*=rtsp][protocol!*=mms]"
    return {
        # One file with picture and sound; else both apart; whatever is nearest below the height, H.264 if equal.
        "format": f"b{single}/(bv{single},ba{single})/bv{single}/ba{single}",
        "format_sort": [f"res:{wanted.height_px}", "vcodec:h264", "ext:mp4:m4a"],
        "outtmpl": {"default": "media.%(format_id)s.%(ext)s"},
        "paths": {"home": str(folder)},
        "restrictfilenames": True,
        "windowsfilenames": True,
        "trim_file_name": 80,
        "continuedl": True,
        "overwrites": True,
        "updatetime": False,
        "noplaylist": True,
        "playlist_items": "1:2",
        "socket_timeout": wanted.silence_s,
        "retries": 3,
        "extractor_retries": 1,
        "fragment_retries": 3,
        "skip_unavailable_fragments": False,
        "hls_prefer_native": True,
        "external_downloader": {"default": "native"},
        "ffmpeg_location": str(folder / "no-ffmpeg"),
        "fixup": "never",
        "postprocessors": [],
        "js_runtimes": {},
        "remote_components": [],
        "enable_file_urls": False,
        "allow_playlist_files": False,
        "cachedir": False,
        "usenetrc": False,
        "cookiefile": None,
        "cookiesfrombrowser": None,
        "geo_bypass": False,
        "proxy": "",
        "ignoreerrors": False,
        "quiet": True,
        "no_warnings": True,
        "noprogress": True,
        "color": {"stdout": "no_color", "stderr": "no_color"},
        "logger": _Silence(),
    }


class _Silence:
    """What yt-dlp prints for people is in its exceptions as well."""

    def debug(self, message: str) -> None: ...

    def warning(self, message: str) -> None: ...

    def error(self, message: str) -> None: ...


class _Progress:
    """Adds up the files of one video and stops what grows too large, whatever the server announced."""

    def __init__(self, wanted: Wanted, report: Report) -> None:
        self._wanted = wanted
        self._report = report
        self._done_bytes: dict[str, float] = {}

    def __call__(self, status: Dict) -> None:
        self._done_bytes[str(status.get("filename"))] = status.get("downloaded_bytes") or 0
        done_bytes = sum(self._done_bytes.values())
        self._wanted.check_bytes(done_bytes)
        self._wanted.check_bytes(status.get("total_bytes"))
        total = status.get("total_bytes") or status.get("total_bytes_estimate")
        self._report(done_bytes, None if total is None else max(total, done_bytes))


@contextlib.contextmanager
def _downloader(folder: Path, wanted: Wanted, progress: _Progress) -> Iterator[Any]:  # Any: yt_dlp.YoutubeDL
    # A missing module is how yt-dlp is told to do without. curl brings a resolver of its own; the
    # others only make what happens depend on what else is installed.
    for name in ("curl_cffi", "requests", "websockets"):
        sys.modules[name] = None  # type: ignore[assignment]  # None is what makes an import fail
    import yt_dlp
    from yt_dlp.globals import plugin_dirs

    plugin_dirs.value = []
    with yt_dlp.YoutubeDL(options(folder, wanted)) as ydl:
        ydl.add_progress_hook(progress)
        yield ydl


def _media(done: Info, folder: Path) -> Path:
    files = [Path(item["filepath"]) for item in done.get("requested_downloads") or () if item.get("filepath")]
    files = [file for file in files if file.is_file() and file.stat().st_size]
    if not files:
        raise SourceUnavailable("the site announced a video but sent nothing")
    if len(files) == 1:
        return files[0]
    from streams.sources.remux import join

    return join(files[0], files[1], folder / "media.mkv")


def _subtitles(
    ydl: Any,
    chosen: list[Track],
    folder: Path,  # Any: yt_dlp.YoutubeDL
) -> tuple[tuple[tuple[SubtitleTrack, Path], ...], tuple[str, ...]]:
    found: list[tuple[SubtitleTrack, Path]] = []
    warnings: list[str] = []
    for track in chosen:
        name = re.sub(r"[^A-Za-z0-9\-]", "_", track.language)[:20]
        path = folder / f"subtitles.{name}.{track.kind}.{track.entry['ext']}"
        try:
            with _in_our_errors():
                _save_subtitles(ydl, track.entry, path)
        except (FetchFailed, Refused) as error:
            warnings.append(f"subtitles in {track.language} ({track.kind}) could not be fetched: {error}")
        else:
            found.append((SubtitleTrack(language=track.language, kind=track.kind), path))
    return tuple(found), tuple(warnings)


def _save_subtitles(ydl: Any, entry: Dict, path: Path) -> None:  # Any: yt_dlp.YoutubeDL
    if entry.get("data") is not None:
        path.write_text(entry["data"], encoding="utf-8")
    else:
        ydl.dl(str(path), dict(entry), subtitle=True)
    if not path.is_file() or not path.stat().st_size:
        raise FetchFailed("nothing came")
    if path.stat().st_size > LARGEST_SUBTITLES_BYTES:
        path.unlink()
        raise FetchFailed("the file is too large for subtitles")


def _thumbnail(ydl: Any, info: Info, folder: Path) -> Path | None:  # Any: yt_dlp.YoutubeDL
    """Fetch the thumbnail if there is one; a video without is a video all the same."""
    url = info.get("thumbnail")
    if not isinstance(url, str):
        return None
    try:
        with _in_our_errors():
            data: bytes = ydl.urlopen(url).read(LARGEST_THUMBNAIL_BYTES + 1)
    except FetchFailed:
        return None
    suffix = next((suffix for start, suffix in PICTURES.items() if data.startswith(start)), None)
    if suffix is None or len(data) > LARGEST_THUMBNAIL_BYTES:
        return None
    path = folder / f"thumbnail.{suffix}"
    path.write_bytes(data)
    return path


@contextlib.contextmanager
def _in_our_errors() -> Iterator[None]:
    from yt_dlp.utils import YoutubeDLError

    try:
        yield
    except YoutubeDLError as error:
        raise failure(error) from error
    except OSError as error:
        raise os_failure(error) from error


def failure(error: BaseException) -> GroundswellError:
    """Say in our errors what a yt-dlp exception means."""
    from yt_dlp.networking.exceptions import CertificateVerifyError, HTTPError, TransportError

    for cause in _causes(error):
        if isinstance(cause, HTTPError):
            return http_failure(cause.status, str(cause.reason or ""))
        if isinstance(cause, CertificateVerifyError):
            return FetchFailed(f"the server's certificate is not valid: {_plain(cause)}")
        if isinstance(cause, OSError):
            return os_failure(cause)
    if any(isinstance(cause, TransportError) for cause in _causes(error)):
        return SourceUnavailable(f"the server does not answer: {_plain(error)}")
    if "No space left" in str(error):
        return StorageUnavailable("the disk for downloads is full; free some space, the download will be resumed")
    return FetchFailed(_plain(error))


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        current = waiting.pop(0)
        if isinstance(current, BaseException) and id(current) not in seen:
            seen.add(id(current))
            yield current
            info = getattr(current, "exc_info", None) or (None, None, None)
            waiting += [info[1], getattr(current, "cause", None), current.__cause__, current.__context__]


def _plain(error: BaseException) -> str:
    """The first line of a message, without yt-dlp's colours and its request for a bug report."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).removeprefix("ERROR: ")
    return text.split("; please report this issue")[0].split("\n")[0].strip()[:500]
