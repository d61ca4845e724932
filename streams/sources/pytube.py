"""Downloads from YouTube with pytubefix, the maintained fork of pytube (extra ``pytube``).

What it cannot do today: any site but YouTube; resume a broken download; count likes, comments or
subscribers; tell automatic captions' origin; read videos that ask for a sign-in. YouTube changes
often, and it needs longer than yt-dlp to follow: use it when yt-dlp fails and this does not.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

from models.hashtags import hashtags
from models.languages import speaks
from processors.ports import Downloaded
from schemas.errors import FetchFailed, GroundswellError, Refused
from schemas.media import Metadata, SubtitleKind, SubtitleTrack
from streams.sources.failures import http_failure, os_failure
from streams.sources.urls import clean
from streams.sources.wanted import Wanted

Report = Callable[[float, float | None], None]
YouTube = Any  # Any: pytubefix has no type information


def fetch(url: str, folder: Path, wanted: Wanted, report: Report) -> Downloaded:
    """Download one YouTube video with its captions.

    Raises
    ------
    Refused
        Not a YouTube link, a live stream, too long, too large.
    FetchFailed
        YouTube does not give it, or the extra is not installed.
    SourceUnavailable
        It may work later.
    """
    if clean(url).platform != "youtube":
        raise Refused("the pytube backend knows YouTube only; set GROUNDSWELL_FETCH_BACKEND=yt-dlp for this link")
    video = _open(url)
    try:
        check(video, wanted)
        return _download(video, folder, wanted, report)
    except GroundswellError:
        raise
    except Exception as error:  # pytubefix raises whatever YouTube's pages make it trip over
        raise failure(error) from error


def check(video: YouTube, wanted: Wanted) -> None:
    """Apply the limits that can be known before the download.

    Raises
    ------
    Refused
        Live, or longer than allowed.
    """
    if (video.vid_info.get("videoDetails") or {}).get("isLive"):
        raise Refused("the link is a live stream; submit it when it is over")
    wanted.check_duration(video.length)


def metadata(video: YouTube) -> Metadata:
    """Map what pytubefix knows to our schema."""
    title, description = video.title or "", video.description or ""
    return Metadata(
        title=title,
        description=description,
        channel=video.author or "",
        channel_id=video.channel_id or "",
        uploaded_at_s=video.publish_date.timestamp() if video.publish_date else None,
        views=video.views,
        hashtags=hashtags(f"{title}\n{description}"),
        tags=tuple(video.keywords or ()),
    )


def failure(error: Exception) -> GroundswellError:
    """Say in our errors what went wrong in pytubefix."""
    if isinstance(error, HTTPError):
        return http_failure(error.code, str(error.reason))
    if isinstance(error, OSError):
        return os_failure(error)
    return FetchFailed(f"pytube cannot read this video ({type(error).__name__}: {error}); yt-dlp may")


def _open(url: str) -> YouTube:
    try:
        from pytubefix import YouTube as PytubeVideo
    except ImportError as error:
        raise FetchFailed("the pytube backend is not installed; run: pip install 'groundswell[pytube]'") from error
    return PytubeVideo(url)


def _download(video: YouTube, folder: Path, wanted: Wanted, report: Report) -> Downloaded:
    stream = best(video.streams.filter(progressive=True), wanted.height_px)
    wanted.check_bytes(stream.filesize)

    def arrived(_stream: object, _chunk: bytes, left_bytes: int) -> None:
        report(stream.filesize - left_bytes, stream.filesize)

    video.register_on_progress_callback(arrived)
    path = Path(stream.download(output_path=str(folder), filename=f"media.{stream.subtype}", skip_existing=False))
    return Downloaded(
        path=path, url=video.watch_url, metadata=metadata(video), subtitles=_captions(video, folder, wanted)
    )


def best(streams: Any, height_px: int) -> Any:  # Any: as YouTube
    """Choose the tallest single file up to a height, or the smallest there is.

    Raises
    ------
    FetchFailed
        There is no single file with picture and sound.
    """
    by_height = sorted(streams, key=lambda stream: int((stream.resolution or "0p").removesuffix("p")))
    if not by_height:
        raise FetchFailed("YouTube offers no single file for this video; yt-dlp can join picture and sound")
    low = [stream for stream in by_height if int((stream.resolution or "0p").removesuffix("p")) <= height_px]
    return low[-1] if low else by_height[0]


def _captions(video: YouTube, folder: Path, wanted: Wanted) -> tuple[tuple[SubtitleTrack, Path], ...]:
    found: list[tuple[SubtitleTrack, Path]] = []
    for caption in video.captions:
        language = caption.code.removeprefix("a.")
        if any(speaks(language, other) for other in wanted.languages):
            kind: SubtitleKind = "automatic" if caption.code.startswith("a.") else "manual"
            path = folder / f"subtitles.{len(found)}.srt"
            path.write_text(caption.generate_srt_captions(), encoding="utf-8")
            found.append((SubtitleTrack(language=language, kind=kind), path))
    return tuple(found)
