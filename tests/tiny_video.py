"""Makes a real, tiny media file: a moving square and a tone."""

from pathlib import Path

import av
import numpy as np

RATE_HZ = 10
SOUND_HZ = 16_000


def write_video(path: Path, *, seconds: int = 2, sound: bool = True, picture: bool = True, shade: int = 0) -> Path:
    """Write H.264 and AAC in the container of the suffix; `shade` makes other bytes of the same length."""
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=RATE_HZ) if picture else None
        audio = out.add_stream("aac", rate=SOUND_HZ, layout="mono") if sound else None
        if video is not None:
            video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
            for index in range(seconds * RATE_HZ):
                pixels = np.full((48, 64, 3), shade, np.uint8)
                pixels[10:20, index : index + 10] = 255
                out.mux(video.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
            out.mux(video.encode(None))
        if audio is not None:
            at = np.arange(seconds * SOUND_HZ) / SOUND_HZ
            tone = (np.sin(2 * np.pi * 440 * at) * 8000).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(tone[None], format="s16", layout="mono")
            frame.rate = SOUND_HZ
            out.mux(audio.encode(frame))
            out.mux(audio.encode(None))
    return path
