"""Cleans links: whatever spelling people paste, the same video gets the same address and the same id."""

import hashlib
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qs, quote, unquote, urlsplit, urlunsplit

from schemas.errors import Refused
from schemas.event import VideoId

LONGEST_URL_CHARACTERS = 2000
"""What browsers and servers agree to take; the longest real link seen has a few hundred."""

TRACKING = re.compile(
    r"utm_\w+|fbclid|gclid|gclsrc|dclid|gbraid|wbraid|msclkid|yclid|twclid|ttclid|igshid|igsh|li_fat_id"
    r"|mc_cid|mc_eid|_ga|_gl|_hsenc|_hsmi|mkt_tok|vero_id|wickedid|oly_anon_id|oly_enc_id|rb_clickid|s_cid",
    re.IGNORECASE,
)
"""Query parameters that say who shared a link, never which video it is."""

# What may stand unescaped, besides letters, digits and "_.-~". Source: RFC 3986, pchar and query.
_IN_PATH = "/!$&'()*+,;=:@"
_IN_QUERY = _IN_PATH + "?"

_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.\-]*[a-z0-9_])?")
_UNRESERVED = re.compile(r"[A-Za-z0-9_.\-~]")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, kw_only=True)
class CleanedLink:
    """A link in its one spelling. `platform` is the part of `video_id` before the colon."""

    url: str
    video_id: VideoId
    platform: str


@dataclass(frozen=True, kw_only=True)
class _Address:
    """The parts of a link that the platforms look at; `path` without slashes around it."""

    host: str
    path: str
    query: dict[str, list[str]]

    def parameter(self, name: str) -> str:
        return self.query.get(name, [""])[0]


def clean(url: str) -> CleanedLink:
    """Bring a link into its one spelling and name its video.

    Parameters
    ----------
    url : str
        As somebody pasted it.

    Raises
    ------
    Refused
        Not http or https, no host, a name and password inside, control characters, too long, or
        a playlist, channel or other page of a known platform that is not one video.

    >>> clean("https://m.youtube.com/shorts/dQw4w9WgXcQ?si=x").video_id
    'youtube:dQw4w9WgXcQ'
    """
    parts = _split(url)
    host = _host(parts)
    platform = _platform(host)
    if platform is not None:
        path = re.sub("/+", "/", unquote(parts.path)).strip("/")
        return platform(_Address(host=host, path=path, query=parse_qs(parts.query)))
    return _named_by_address(_canonical(parts, host))


def page_of(video_id: VideoId) -> str:
    """Where people watch a video; empty where its id does not say.

    >>> page_of("youtube:dQw4w9WgXcQ")
    'https://www.youtube.com/watch?v=dQw4w9WgXcQ'
    """
    platform, _, own_id = video_id.partition(":")
    return _PAGES[platform].format(own_id) if platform in _PAGES and _OWN_ID.fullmatch(own_id) else ""


def upload_video_id(sha256: str) -> VideoId:
    """Name an uploaded file by its content (`sha256` as 64 hex digits)."""
    return f"file:{sha256[:32]}"


def _split(url: str) -> SplitResult:
    url = url.strip()
    if len(url) > LONGEST_URL_CHARACTERS:
        raise Refused(f"the link has {len(url)} characters; at most {LONGEST_URL_CHARACTERS} are taken")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in url) or "\\" in url:
        raise Refused("the link has control characters or backslashes in it; paste it again from the address bar")
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise Refused(f"this is not a link: {error}") from error
    if parts.scheme not in _DEFAULT_PORTS:
        raise Refused(f"expected a link that begins with http:// or https://, got {parts.scheme or 'no scheme'!r}")
    if "@" in parts.netloc:
        raise Refused("the link has a user name or password in it; only public links are taken")
    return parts


def _host(parts: SplitResult) -> str:
    host = (parts.hostname or "").rstrip(".")
    if ":" in host:
        return f"[{host}]"
    try:
        host = host.encode("idna").decode().lower()
    except UnicodeError as error:
        raise Refused(f"{host[:80]!r} cannot be a host name") from error
    if not _HOST.fullmatch(host):
        raise Refused(f"expected a host name after ://, got {host[:80]!r}")
    return host


def _canonical(parts: SplitResult, host: str) -> str:
    port = "" if parts.port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{parts.port}"
    path = _without_dots(_escaped(parts.path, _IN_PATH)) or "/"
    kept = [field for field in parts.query.split("&") if field and not TRACKING.fullmatch(field.split("=")[0])]
    url = urlunsplit((parts.scheme, host + port, path, _escaped("&".join(kept), _IN_QUERY), ""))
    if len(url) > LONGEST_URL_CHARACTERS:
        raise Refused(f"the link has {len(url)} characters when escaped; at most {LONGEST_URL_CHARACTERS} are taken")
    return url


def _escaped(text: str, safe: str) -> str:
    """Escape the same characters whatever was escaped before. Source: RFC 3986, 6.2.2."""
    text = re.sub(r"%(?![0-9A-Fa-f]{2})", "%25", text)
    text = _ESCAPE.sub(lambda found: _plain_if_unreserved(found[1]), text)
    return quote(text, safe=safe + "%~")


def _plain_if_unreserved(digits: str) -> str:
    character = chr(int(digits, 16))
    return character if _UNRESERVED.fullmatch(character) else f"%{digits.upper()}"


def _without_dots(path: str) -> str:
    """Resolve ``.`` and ``..``. Source: RFC 3986, 5.2.4."""
    kept: list[str] = []
    parts = path.split("/")[1:]
    for part in parts:
        if part == "..":
            kept = kept[:-1]
        elif part != ".":
            kept.append(part)
    if parts and parts[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)


def _named_by_address(url: str) -> CleanedLink:
    digest = hashlib.sha256(url.encode()).hexdigest()[:32]
    return CleanedLink(url=url, video_id=f"url:{digest}", platform="url")


def _platform(host: str) -> Callable[[_Address], CleanedLink] | None:
    for domain, platform in _PLATFORMS.items():
        if host == domain or host.endswith("." + domain):
            return platform
    return None


def _youtube(address: _Address) -> CleanedLink:
    if address.path.startswith("attribution_link") and (target := address.parameter("u")).startswith("/watch"):
        return clean("https://www.youtube.com" + target)
    if clip := re.fullmatch(r"clip/([A-Za-z0-9_\-]{1,64})", address.path):
        return _named_by_address(f"https://www.youtube.com/clip/{clip[1]}")
    short = "youtu.be/" if address.host.endswith("youtu.be") else ""
    found = _found(_YOUTUBE, f"{short}{address.path}?v={address.parameter('v')}")
    if found is None:
        raise Refused(_not_one_video("YouTube", "https://www.youtube.com/watch?v=..."))
    url = f"https://www.youtube.com/watch?v={found['id']}"
    return CleanedLink(url=url, video_id=f"youtube:{found['id']}", platform="youtube")


def _vimeo(address: _Address) -> CleanedLink:
    found = _found(_VIMEO, address.path)
    if found is None:
        raise Refused(_not_one_video("Vimeo", "https://vimeo.com/12345678"))
    key = found.groupdict().get("key") or address.parameter("h")
    suffix = f"/{key}" if re.fullmatch(r"[0-9a-f]{6,40}", key) else ""
    return CleanedLink(
        url=f"https://vimeo.com/{found['id']}{suffix}", video_id=f"vimeo:{found['id']}", platform="vimeo"
    )


def _tiktok(address: _Address) -> CleanedLink:
    short_host = address.host in ("vm.tiktok.com", "vt.tiktok.com")
    if short := re.fullmatch(r"([A-Za-z0-9]{5,20})" if short_host else r"t/([A-Za-z0-9]{5,20})", address.path):
        return _named_by_address(f"https://vm.tiktok.com/{short[1]}")
    found = _found(_TIKTOK, address.path)
    if found is None:
        raise Refused(_not_one_video("TikTok", "https://www.tiktok.com/@name/video/12345678"))
    user = found.groupdict().get("user") or "_"
    url = f"https://www.tiktok.com/@{user}/video/{found['id']}"
    return CleanedLink(url=url, video_id=f"tiktok:{found['id']}", platform="tiktok")


def _instagram(address: _Address) -> CleanedLink:
    if share := re.fullmatch(r"share/(?:reel/|p/)?([A-Za-z0-9_\-]{5,64})", address.path):
        return _named_by_address(f"https://www.instagram.com/share/{share[1]}")
    found = _found(_INSTAGRAM, address.path)
    if found is None:
        raise Refused(_not_one_video("Instagram", "https://www.instagram.com/reel/..."))
    url = f"https://www.instagram.com/reel/{found['id']}/"
    return CleanedLink(url=url, video_id=f"instagram:{found['id']}", platform="instagram")


def _found(patterns: tuple[str, ...], path: str) -> re.Match[str] | None:
    # The id may have anything glued to it (``ID?si=...``, ``ID&t=5``), but not more of its own letters.
    matches = (re.match(rf"{pattern}(?![A-Za-z0-9_\-])", path) for pattern in patterns)
    return next((match for match in matches if match), None)


def _not_one_video(site: str, example: str) -> str:
    return f"this page of {site} is not one video (a playlist, channel or profile?); expected {example}"


_YOUTUBE_ID = r"(?P<id>(?!videoseries|live_stream)[A-Za-z0-9_\-]{11})"
"""What it leaves out are players of whole lists and channels, and happen to have 11 letters."""

_YOUTUBE = (
    rf"youtu\.be/{_YOUTUBE_ID}",
    rf"(?:youtu\.be/)?(?:watch|watch_popup|embed|v|e)?\?v={_YOUTUBE_ID}",
    rf"(?:youtu\.be/)?(?:watch|shorts|embed|live|v|e|vi)/{_YOUTUBE_ID}",
)
_VIMEO = (
    r"(?P<id>[0-9]{1,20})(?:/(?P<key>[0-9a-f]{6,40}))?",
    r"video/(?P<id>[0-9]{1,20})",
    r"(?:channels|ondemand)/[^/]+/(?P<id>[0-9]{1,20})",
    r"groups/[^/]+/videos/(?P<id>[0-9]{1,20})",
    r"(?:album|showcase)/[0-9]+/video/(?P<id>[0-9]{1,20})",
)
_TIKTOK = (
    r"@(?P<user>[A-Za-z0-9_.\-]{0,64})/video/(?P<id>[0-9]{5,25})",
    r"(?:embed|embed/v2|embed/v3|player/v1|v|share/video)/(?P<id>[0-9]{5,25})",
)
_INSTAGRAM = (r"(?:[A-Za-z0-9_.]{1,64}/)?(?:p|reel|reels|tv)/(?P<id>(?!audio/)[A-Za-z0-9_\-]{5,64})",)

_PLATFORMS: dict[str, Callable[[_Address], CleanedLink]] = {
    "youtube.com": _youtube,
    "youtu.be": _youtube,
    "youtube-nocookie.com": _youtube,
    "vimeo.com": _vimeo,
    "tiktok.com": _tiktok,
    "instagram.com": _instagram,
    "instagr.am": _instagram,
}

_OWN_ID = re.compile(r"[A-Za-z0-9_\-]{1,64}")
_PAGES: Mapping[str, str] = {
    "youtube": "https://www.youtube.com/watch?v={}",
    "vimeo": "https://vimeo.com/{}",
    "tiktok": "https://www.tiktok.com/@_/video/{}",
    "instagram": "https://www.instagram.com/reel/{}/",
}
