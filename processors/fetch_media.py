"""Brings one video to local disk, says what it is, and puts it into the media store."""

import hashlib
import re
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import msgspec

from models.hashtags import hashtags
from models.languages import speaks
from models.levers import NO_SUBTITLES
from processors.fetch_record import folder_of
from processors.ports import Downloaded, MediaStore, World
from schemas.errors import Refused
from schemas.links import LinkSubmitted
from schemas.media import MediaFetched, Metadata, SubtitleTrack

if TYPE_CHECKING:
    from models.media.probe import Probe

Report = Callable[[float, float | None], None]


class Brought(msgspec.Struct, frozen=True, kw_only=True):
    """A video on local disk. `subtitles` are all its tracks; those with a file have no `ref` yet."""

    path: Path
    sha256: str
    size_bytes: int
    probe: "Probe"
    metadata: Metadata
    files: tuple[tuple[SubtitleTrack, Path], ...]
    tracks: tuple[SubtitleTrack, ...]
    thumbnail: Path | None
    warnings: tuple[str, ...]


def bring(world: World, link: LinkSubmitted, folder: Path, report: Report) -> Brought:
    """Download a link or find an upload, and check it against the limits.

    Parameters
    ----------
    folder : Path
        For partial files of the download; they are resumed.
    report : callable
        Gets `done_bytes, total_bytes` while it runs.

    Raises
    ------
    Refused
        Policy forbids it: address, size, length, a live stream.
    FetchFailed
        The source does not give it; a `SourceUnavailable` may later.
    MediaUnreadable
        What came is no video or sound.
    """
    # PyAV takes 0.2 s to import; nothing before the first link needs it.
    from models.media.probe import probe

    downloaded = _downloaded(world, link, folder, report)
    size_bytes = downloaded.path.stat().st_size
    if size_bytes > world.options.max_bytes:
        raise Refused(
            f"the file has {size_bytes / 10**6:,.0f} MB; at most {world.options.max_bytes / 10**6:,.0f} are taken"
        )
    probed = world.sandbox.run(probe, downloaded.path)
    if probed.duration_s > world.options.max_duration_s:
        raise Refused(
            f"the video is {probed.duration_s:,.0f} s long; at most {world.options.max_duration_s:,.0f} s are taken"
        )
    tracks = (*_embedded(probed), *_uploaded(link))
    available = [track.language for track, _ in downloaded.subtitles] + [track.language for track in tracks]
    with downloaded.path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return Brought(
        path=downloaded.path,
        sha256=sha256,
        size_bytes=size_bytes,
        probe=probed,
        metadata=_metadata(link, downloaded.metadata),
        files=downloaded.subtitles,
        tracks=tracks,
        thumbnail=downloaded.thumbnail,
        warnings=(*downloaded.warnings, *missing_subtitles(available, world.options.subtitle_languages)),
    )


def missing_subtitles(available: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """Warn of wanted languages without a track. A track of unknown language may be any of them.

    >>> missing_subtitles(["de"], ["en"])
    ['no subtitles in en; words will be missing unless speech recognition is on']
    """
    missing = [language for language in wanted if not any(tag == "und" or speaks(tag, language) for tag in available)]
    return [f"{NO_SUBTITLES} {language}; words will be missing unless speech recognition is on" for language in missing]


def describe(link: LinkSubmitted, brought: Brought, event_id: str) -> MediaFetched:
    """Say what a video is, without saying where."""
    return MediaFetched(
        event_id=event_id,
        video_id=link.video_id,
        submission_id=link.submission_id,
        revision=brought.sha256[:16],
        sha256=brought.sha256,
        size_bytes=brought.size_bytes,
        duration_s=brought.probe.duration_s,
        width_px=brought.probe.width_px,
        height_px=brought.probe.height_px,
        fps=brought.probe.fps,
        has_video=brought.probe.has_video,
        has_audio=brought.probe.has_audio,
        url=link.url,
        metadata=brought.metadata,
        targets=link.targets,
        warnings=brought.warnings,
    )


def store(media: MediaStore, link: LinkSubmitted, brought: Brought, fetched: MediaFetched) -> MediaFetched:
    """Put a video, its subtitles and its thumbnail into the store; answer with where they are.

    Raises
    ------
    StorageUnavailable
        The disk is full or the store is away.
    """
    folder = folder_of(link.video_id)
    return msgspec.structs.replace(
        fetched,
        media_ref=_put_media(media, link, brought.path),
        subtitles=(*_put_subtitles(media, folder, brought.files), *brought.tracks),
        thumbnail_ref=_put(media, f"{folder}/thumbnail", brought.thumbnail) if brought.thumbnail else None,
    )


def _downloaded(world: World, link: LinkSubmitted, folder: Path, report: Report) -> Downloaded:
    if link.upload_ref is not None:
        return Downloaded(path=world.media.local(link.upload_ref), url="", metadata=Metadata())
    folder.mkdir(parents=True, exist_ok=True)
    return world.downloader.fetch(link.url or "", folder, report)


def _metadata(link: LinkSubmitted, found: Metadata) -> Metadata:
    """What the submitter says goes before what the source says."""
    title, description = link.title or found.title, link.description or found.description
    tags = hashtags(f"{title}\n{description}") if link.title or link.description else found.hashtags
    return msgspec.structs.replace(found, title=title, description=description, hashtags=tags)


def _embedded(probed: "Probe") -> tuple[SubtitleTrack, ...]:
    return tuple(
        SubtitleTrack(language=stream.language, kind="embedded", stream_index=stream.stream_index)
        for stream in probed.subtitles
    )


def _uploaded(link: LinkSubmitted) -> tuple[SubtitleTrack, ...]:
    return tuple(SubtitleTrack(language=file.language, kind="uploaded", ref=file.ref) for file in link.subtitles)


def _put_media(media: MediaStore, link: LinkSubmitted, path: Path) -> str:
    # An upload that already lies in its video's folder need not lie there twice.
    if link.upload_ref is not None and link.upload_ref.startswith(f"{folder_of(link.video_id)}/"):
        return link.upload_ref
    return _put(media, f"{folder_of(link.video_id)}/media", path, link.upload_name)


def _put_subtitles(
    media: MediaStore, folder: str, files: Sequence[tuple[SubtitleTrack, Path]]
) -> tuple[SubtitleTrack, ...]:
    return tuple(
        msgspec.structs.replace(track, ref=_put(media, f"{folder}/subtitles-{number}", path))
        for number, (track, path) in enumerate(files)
    )


def _put(media: MediaStore, stem: str, path: Path, name: str = "") -> str:
    suffix = PurePosixPath(name).suffix or path.suffix
    ref = stem + (suffix.lower() if re.fullmatch(r"\.[A-Za-z0-9]{1,5}", suffix) else ".bin")
    media.put_file(ref, path)
    return ref
