"""What a file is by its first bytes: strangers' files are never called what they call themselves.

Source: WHATWG MIME Sniffing Standard, section 6, for the signatures.
"""

HEAD_BYTES = 64
UNKNOWN = "application/octet-stream"

_STARTS = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"OggS", "application/ogg"),
    (b"fLaC", "audio/flac"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"\x00\x00\x01\xba", "video/mpeg"),
)
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}

TYPES = tuple(dict.fromkeys((*(kind for _, kind in _STARTS), *_RIFF.values(), "video/mp4", "video/webm", UNKNOWN)))


def media_type_of(head: bytes) -> str:
    """Tell pictures, videos and sounds by their first bytes; anything else is just bytes.

    >>> media_type_of(b"<!doctype html><script>")
    'application/octet-stream'
    """
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12], UNKNOWN)
    if head[4:8] == b"ftyp":  # also QuickTime, which browsers play when it is called MP4
        return "audio/mp4" if head[8:11] == b"M4A" else "video/mp4"
    if head[:4] == b"\x1aE\xdf\xa3":
        return "video/webm" if b"webm" in head else "video/x-matroska"
    return next((kind for start, kind in _STARTS if head.startswith(start)), UNKNOWN)
