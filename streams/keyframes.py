"""Single pictures of a video as files that a person can open."""

import shutil
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from models.frame_files import FrameFile, list_frames
from processors.ports import MediaStore
from schemas.errors import MediaUnreadable, StorageUnavailable
from schemas.event import VideoId
from schemas.segments import SegmentCut

FOLDER = "keyframes"
"""In the home."""

Keyframe: TypeAlias = Callable[[SegmentCut, float], Path | None]
"""Gives the picture of a segment that is nearest to a time in seconds; None where there is none."""


class Keyframes:
    """Takes pictures out of the media store and keeps them under ``HOME/keyframes``, one folder a video.

    Parameters
    ----------
    folder : Path
        Made when first needed.
    """

    def __init__(self, media: MediaStore, folder: Path) -> None:
        self._media = media
        self._folder = folder
        self._opened: dict[str, list[FrameFile]] = {}

    def forget(self, video_id: VideoId) -> int:
        """Delete the pictures of a video; how many there were.

        Raises
        ------
        StorageUnavailable
            They cannot be deleted.
        """
        folder = self._folder / _folder_name(video_id)
        count = sum(1 for path in folder.rglob("*") if path.is_file())
        try:
            if folder.exists():
                shutil.rmtree(folder)
        except OSError as error:
            raise StorageUnavailable(f"cannot delete the keyframes in {folder}: {error}") from error
        return count

    def __call__(self, cut: SegmentCut, at_s: float) -> Path | None:
        """Write the picture nearest to `at_s` unless it is there; None when the segment's pictures are gone.

        Raises
        ------
        StorageUnavailable
            The folder cannot be written.
        """
        frames = self._frames(cut)
        if not frames:
            return None
        frame = min(frames, key=lambda frame: abs(frame.time_s - at_s))
        path = self._folder / _folder_name(cut.video_id) / cut.revision / f"{frame.at_ms:09d}.jpg"
        if not path.is_file():
            _write(path, frame.jpeg)
        return path

    def _frames(self, cut: SegmentCut) -> list[FrameFile]:
        ref = cut.frames_ref
        if ref is None:
            return []
        if ref not in self._opened:
            try:
                self._opened[ref] = list_frames(self._media.get(ref))
            except (MediaUnreadable, StorageUnavailable):  # cleaned up, or damaged: the labels are still worth showing
                self._opened[ref] = []
        return self._opened[ref]


def _folder_name(video_id: VideoId) -> str:
    return video_id.replace(":", "-")


def _write(path: Path, jpeg: bytes) -> None:
    temporary = path.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(jpeg)
        temporary.replace(path)
    except OSError as error:
        raise StorageUnavailable(f"cannot write the keyframe {path}: {error}") from error
