"""Videos that benchmarks need and nobody ships: long, large and crowded ones, made from the files that are given.

They are made once and kept in a folder for temporary files. They contain what the given files contain, and
have their licences: they never become part of this project.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.container import OutputContainer
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from models.media.container import heard_audio, open_media, seen_video
from streams.demo_video import find_photo

SOUND_RATE_HZ = 44_100
MILLISECONDS = Fraction(1, 1000)

X264 = {"preset": "veryfast", "crf": "23", "g": "150"}
"""A keyframe every five or six seconds at least, as the large platforms have them."""

CROWD_ROWS, CROWD_COLUMNS = 5, 8
CROWD_RATE_HZ = 10

PAUSE_S = 0.5
"""Between two turns of joined files: decoding times begin before the first picture."""

Picture = NDArray[np.uint8]
Shown = tuple[float, VideoFrame]


def joined(files: Sequence[Path], folder: Path, *, size_px: tuple[int, int], least_s: float) -> Path:
    """Join files one after the other, each enlarged until it fills the picture, again and again.

    Parameters
    ----------
    size_px : tuple of int
        Width and height.
    least_s : float
        The files follow one another until this length is reached.

    Returns
    -------
    Path
        An MP4 of H.264 and AAC in `folder`, made unless it is there.
    """
    once = _made(folder, f"once-{size_px[1]}p-{_digest(files)}", lambda path: _join(path, files, size_px))
    return _made(
        folder, f"joined-{size_px[1]}p-{least_s:.0f}s-{_digest(files)}", lambda path: _repeat(path, once, least_s)
    )


def large(file: Path, folder: Path, *, size_px: tuple[int, int], length_s: float) -> Path:
    """The beginning of a file, enlarged: pictures of many megabytes."""
    name = f"large-{size_px[1]}p-{_digest([file])}"
    return _made(folder, name, lambda path: _join(path, [file], size_px, length_s))


def crowded(folder: Path, *, size_px: tuple[int, int], length_s: float) -> Path:
    """Forty faces that never leave the picture, from the two free portraits of the demo.

    Raises
    ------
    UsageError
        The portraits are not installed: they come with the extra ``demo``.
    """
    return _made(folder, f"crowd-{size_px[1]}p", lambda path: _film(path, _crowd_frames(size_px, length_s), size_px))


def renamed(path: Path, folder: Path, number: int) -> Path:
    """Copy a video so that it is another one to the pipeline: the same but for some bytes that players skip."""
    copy = folder / f"{number}-{path.name}"
    box = number.to_bytes(8, "big")
    copy.write_bytes(path.read_bytes() + (8 + len(box)).to_bytes(4, "big") + b"free" + box)
    return copy


def _made(folder: Path, name: str, make: Callable[[Path], None]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.mp4"
    if not path.exists():
        half = path.with_suffix(".part.mp4")
        make(half)
        half.rename(path)
    return path


def _digest(files: Iterable[Path]) -> str:
    return hashlib.sha256(b"".join(hashlib.sha256(file.read_bytes()).digest() for file in files)).hexdigest()[:12]


def _join(path: Path, files: Sequence[Path], size_px: tuple[int, int], most_s: float = float("inf")) -> None:
    offset_s, shown, heard = 0.0, list[tuple[float, Path]](), list[NDArray[np.float32]]()
    for file in files:
        length_s = min(_length_s(file), most_s)
        shown.append((offset_s, file))
        heard.append(_sound(file, round(length_s * SOUND_RATE_HZ)))
        offset_s += length_s
    frames = (
        (offset_s + at_s, frame) for offset_s, file in shown for at_s, frame in _frames(file, size_px) if at_s < most_s
    )
    _film(path, frames, size_px, np.concatenate(heard))


def _length_s(file: Path) -> float:
    """Until its last picture is gone."""
    with open_media(file) as container:
        video = seen_video(container)
        return max(
            float((p.pts + (p.duration or 0)) * p.time_base) for p in container.demux(video) if p.pts is not None
        )


def _frames(file: Path, size_px: tuple[int, int]) -> Iterator[Shown]:
    with open_media(file) as container:
        last_s = -1.0
        for frame in container.decode(seen_video(container)):
            if isinstance(frame, VideoFrame) and frame.time is not None and frame.time > last_s:
                last_s, pixels = frame.time, np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
                yield last_s, VideoFrame.from_ndarray(_filled(pixels, size_px), "rgb24")


def _filled(picture: Picture, size_px: tuple[int, int]) -> Picture:
    """Enlarge a picture until it fills the size; what is over is cut off on both sides."""
    height_px, width_px = picture.shape[:2]
    scale = max(size_px[0] / width_px, size_px[1] / height_px)
    kept_px = [min(side, round(wanted / scale)) for side, wanted in ((width_px, size_px[0]), (height_px, size_px[1]))]
    left_px, top_px = (width_px - kept_px[0]) // 2, (height_px - kept_px[1]) // 2
    kept = picture[top_px : top_px + kept_px[1], left_px : left_px + kept_px[0]]
    return np.asarray(cv2.resize(kept, size_px, interpolation=cv2.INTER_CUBIC), np.uint8)


def _sound(file: Path, count: int) -> NDArray[np.float32]:
    """So many samples of a file's sound, silence after its end."""
    with open_media(file) as container:
        audio = heard_audio(container)
        resampler = AudioResampler(format="flt", layout="mono", rate=SOUND_RATE_HZ)
        frames = container.decode(audio) if audio is not None else ()
        parts = [part.to_ndarray()[0] for frame in frames for part in resampler.resample(frame)]
    samples = np.concatenate([*parts, np.zeros(count, np.float32)])[:count]
    return samples.astype(np.float32)


def _crowd_frames(size_px: tuple[int, int], length_s: float) -> Iterator[Shown]:
    wall = _crowd(size_px)
    for number in range(round(length_s * CROWD_RATE_HZ)):
        # A step to the side each frame: something moves, and nobody leaves.
        yield number / CROWD_RATE_HZ, VideoFrame.from_ndarray(np.roll(wall, number % 16, axis=1), "rgb24")


def _crowd(size_px: tuple[int, int]) -> Picture:
    tile_px = (size_px[0] // CROWD_COLUMNS, size_px[1] // CROWD_ROWS)
    heads = []
    for name, (top, left, side) in {"astronaut": (10, 110, 220), "pioneer": (40, 80, 400)}.items():
        photo = np.asarray(cv2.imread(str(find_photo(name))), np.uint8)[:, :, ::-1]
        heads.append(cv2.resize(photo[top : top + side, left : left + side], tile_px, interpolation=cv2.INTER_AREA))
    rows = [np.hstack([heads[(row + column) % 2] for column in range(CROWD_COLUMNS)]) for row in range(CROWD_ROWS)]
    return np.asarray(cv2.resize(np.vstack(rows), size_px), np.uint8)


def _film(
    path: Path, frames: Iterable[Shown], size_px: tuple[int, int], samples: NDArray[np.float32] | None = None
) -> None:
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", options=X264)
        video.width, video.height, video.pix_fmt = *size_px, "yuv420p"
        video.codec_context.time_base = MILLISECONDS
        audio = out.add_stream("aac", rate=SOUND_RATE_HZ, layout="mono") if samples is not None else None
        written = 0
        for at_s, frame in frames:
            frame.pts, frame.time_base = round(at_s * 1000), MILLISECONDS
            out.mux(video.encode(frame))
            if audio is not None and samples is not None:
                until = min(round(at_s * SOUND_RATE_HZ), len(samples))
                if until > written:
                    out.mux(audio.encode(_heard(samples, written, until)))
                    written = until
        if audio is not None and samples is not None:
            if written < len(samples):
                out.mux(audio.encode(_heard(samples, written, len(samples))))
            out.mux(audio.encode())
        out.mux(video.encode())


def _heard(samples: NDArray[np.float32], first: int, end: int) -> AudioFrame:
    frame = AudioFrame.from_ndarray(samples[None, first:end], format="flt", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = SOUND_RATE_HZ, first, Fraction(1, SOUND_RATE_HZ)
    return frame


def _repeat(path: Path, once: Path, least_s: float) -> None:
    """Write the packets of a file again and again, later each time; nothing is encoded."""
    length_s = _length_s(once) + PAUSE_S
    with av.open(str(path), "w") as out:
        for turn in range(-int(-least_s // length_s)):
            _append(out, once, turn * length_s)


def _append(out: OutputContainer, once: Path, offset_s: float) -> None:
    with av.open(str(once)) as source:
        for stream in source.streams if not out.streams else ():
            out.add_stream_from_template(stream)
        for packet in source.demux():
            if packet.dts is None or packet.pts is None:
                continue
            shift = round(offset_s / packet.time_base)
            packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
            packet.stream = out.streams[packet.stream.index]
            out.mux(packet)
