"""Puts a picture and a sound that came as two files into one, without touching either."""

import heapq
from collections.abc import Iterator
from pathlib import Path

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream

from models.media.container import heard_audio, open_media, seen_video
from schemas.errors import MediaUnreadable


def join(video: Path, audio: Path, target: Path) -> Path:
    """Copy the picture of one file and the sound of another into one Matroska file, packet by packet.

    Matroska because it takes every codec that sources pair up (H.264, VP9, AV1; AAC, Opus).

    Raises
    ------
    MediaUnreadable
        One of them cannot be read, or has no picture or no sound.

    Source: PyAV cookbook, "Remuxing".
    """
    with open_media(video) as seen, open_media(audio) as heard:
        picture, sound = seen_video(seen), heard_audio(heard)
        if picture is None or sound is None:
            raise MediaUnreadable("the source gives picture and sound as two files, and one of them is empty")
        with av.open(str(target), "w", format="matroska") as out:
            new = {id(stream): out.add_stream_from_template(stream) for stream in (picture, sound)}
            # In order of time, so that the muxer need not hold one file back for the other.
            for packet in heapq.merge(_packets(seen, picture), _packets(heard, sound), key=_at_s):
                packet.stream = new[id(packet.stream)]
                out.mux(packet)
    return target


def _packets(container: InputContainer, stream: Stream) -> Iterator["Packet[Stream]"]:
    # The last, empty packet only flushes decoders.
    return (packet for packet in container.demux(stream) if packet.dts is not None)


def _at_s(packet: "Packet[Stream]") -> float:
    return float((packet.dts or 0) * packet.time_base)
