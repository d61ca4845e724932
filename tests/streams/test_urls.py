import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import Refused
from schemas.event import VideoId
from streams.sources.urls import CleanedLink, clean, upload_video_id

YOUTUBE = "https://www.youtube.com/watch?v=dQw4w9WgXcQ"
TIKTOK = "https://www.tiktok.com/@nasa.gov/video/7106594312292453675"
REEL = "https://www.instagram.com/reel/CtjoC2BNsB2/"

SPELLINGS = [
    (YOUTUBE, YOUTUBE),
    ("http://youtube.com/watch?v=dQw4w9WgXcQ", YOUTUBE),
    ("https://m.youtube.com/watch?v=dQw4w9WgXcQ&feature=share", YOUTUBE),
    ("https://music.youtube.com/watch?v=dQw4w9WgXcQ&si=AbC", YOUTUBE),
    ("HTTPS://WWW.YouTube.COM/watch?v=dQw4w9WgXcQ", YOUTUBE),
    ("https://www.youtube.com./watch?v=dQw4w9WgXcQ", YOUTUBE),
    ("https://www.youtube.com:443/watch?v=dQw4w9WgXcQ", YOUTUBE),
    ("  https://www.youtube.com/watch?v=dQw4w9WgXcQ\n", YOUTUBE),
    ("https://www.youtube.com//watch?v=dQw4w9WgXcQ", YOUTUBE),
    ("https://www.youtube.com/watch?v=dQw4w9WgXcQ&list=PL634F2B56B8C346A2&index=3", YOUTUBE),
    ("https://www.youtube.com/watch?list=PL634F2B56B8C346A2&v=dQw4w9WgXcQ", YOUTUBE),
    ("https://www.youtube.com/watch?v=dQw4w9WgXcQ#t=42", YOUTUBE),
    ("https://www.youtube.com/watch?v=dQw4w9WgXcQ?si=glued", YOUTUBE),
    ("https://www.youtube.com/watch?app=desktop&v=dQw4w9WgXcQ&t=10s", YOUTUBE),
    ("https://www.youtube.com/watch/dQw4w9WgXcQ", YOUTUBE),
    ("https://www.youtube.com/watch_popup?v=dQw4w9WgXcQ", YOUTUBE),
    ("https://www.youtube.com/?v=dQw4w9WgXcQ", YOUTUBE),
    ("https://youtu.be/dQw4w9WgXcQ", YOUTUBE),
    ("https://youtu.be/dQw4w9WgXcQ?si=0YBcZgOOxI1W&t=43", YOUTUBE),
    ("https://youtu.be/dQw4w9WgXcQ&t=5", YOUTUBE),
    ("http://www.youtu.be/dQw4w9WgXcQ/", YOUTUBE),
    ("https://youtu.be/watch?v=dQw4w9WgXcQ", YOUTUBE),
    ("https://www.youtube.com/shorts/dQw4w9WgXcQ?feature=share", YOUTUBE),
    ("https://www.youtube.com/live/dQw4w9WgXcQ?si=x", YOUTUBE),
    ("https://www.youtube.com/embed/dQw4w9WgXcQ?autoplay=1", YOUTUBE),
    ("https://www.youtube-nocookie.com/embed/dQw4w9WgXcQ", YOUTUBE),
    ("https://www.youtube.com/v/dQw4w9WgXcQ?version=3", YOUTUBE),
    ("https://www.youtube.com/attribution_link?a=8g8&u=%2Fwatch%3Fv%3DdQw4w9WgXcQ%26feature%3Dshare", YOUTUBE),
    ("https://www.youtube.com/clip/UgkxAbC-1?x=1", "https://www.youtube.com/clip/UgkxAbC-1"),
    ("https://vimeo.com/22439234", "https://vimeo.com/22439234"),
    ("http://www.vimeo.com/22439234?share=copy#t=3s", "https://vimeo.com/22439234"),
    ("https://player.vimeo.com/video/22439234?autoplay=1", "https://vimeo.com/22439234"),
    ("https://player.vimeo.com/video/22439234?h=9f3c0a1b2c", "https://vimeo.com/22439234/9f3c0a1b2c"),
    ("https://vimeo.com/22439234/9f3c0a1b2c?fl=pl", "https://vimeo.com/22439234/9f3c0a1b2c"),
    ("https://vimeo.com/channels/staffpicks/22439234", "https://vimeo.com/22439234"),
    ("https://vimeo.com/groups/shortfilms/videos/22439234", "https://vimeo.com/22439234"),
    ("https://vimeo.com/showcase/7008490/video/22439234", "https://vimeo.com/22439234"),
    (TIKTOK, TIKTOK),
    ("https://m.tiktok.com/@nasa.gov/video/7106594312292453675?_r=1&_t=8Xy", TIKTOK),
    ("https://m.tiktok.com/v/7106594312292453675.html", "https://www.tiktok.com/@_/video/7106594312292453675"),
    ("https://www.tiktok.com/embed/v2/7106594312292453675", "https://www.tiktok.com/@_/video/7106594312292453675"),
    ("https://vm.tiktok.com/ZMabc123/", "https://vm.tiktok.com/ZMabc123"),
    ("https://www.tiktok.com/t/ZMabc123/?k=1", "https://vm.tiktok.com/ZMabc123"),
    ("https://www.instagram.com/p/CtjoC2BNsB2/?igshid=abc", REEL),
    ("https://instagram.com/reel/CtjoC2BNsB2", REEL),
    ("https://m.instagram.com/reels/CtjoC2BNsB2/?utm_source=ig_web", REEL),
    ("https://www.instagram.com/tv/CtjoC2BNsB2/", REEL),
    ("https://www.instagram.com/nasa/reel/CtjoC2BNsB2/", REEL),
    ("https://www.instagr.am/p/CtjoC2BNsB2/", REEL),
    ("https://www.instagram.com/share/reel/BAabc123", "https://www.instagram.com/share/BAabc123"),
    ("https://example.org/a/film.mp4", "https://example.org/a/film.mp4"),
    ("https://Example.ORG:443/a/film.mp4#x", "https://example.org/a/film.mp4"),
    ("http://example.org:80", "http://example.org/"),
    ("http://example.org:8080/f.webm", "http://example.org:8080/f.webm"),
    ("https://example.org/f.mp4?utm_source=mail&token=1&fbclid=2", "https://example.org/f.mp4?token=1"),
    ("https://example.org/f.mp4?UTM_Campaign=x", "https://example.org/f.mp4"),
    ("https://example.org/a/./b/../f.mp4", "https://example.org/a/f.mp4"),
    ("https://example.org/a/%2e%2e/%66.mp4", "https://example.org/f.mp4"),
    ("https://example.org/my film.mp4", "https://example.org/my%20film.mp4"),
    ("https://example.org/gr%c3%bc%C3%9Fe.mov", "https://example.org/gr%C3%BC%C3%9Fe.mov"),
    ("https://example.org/grüße.mov", "https://example.org/gr%C3%BC%C3%9Fe.mov"),
    ("https://bücher.example/f.mov", "https://xn--bcher-kva.example/f.mov"),
    ("https://example.org/100%.mp4", "https://example.org/100%25.mp4"),
    ("http://[2001:DB8::1]:8080/f.mp4", "http://[2001:db8::1]:8080/f.mp4"),
    ("https://notyoutube.com/watch?v=dQw4w9WgXcQ", "https://notyoutube.com/watch?v=dQw4w9WgXcQ"),
    ("https://youtube.com.example.org/x.mp4", "https://youtube.com.example.org/x.mp4"),
]

REFUSED = [
    ("", "http"),
    ("film.mp4", "http"),
    ("www.youtube.com/watch?v=dQw4w9WgXcQ", "http"),
    ("//example.org/f.mp4", "http"),
    ("ftp://example.org/f.mp4", "ftp"),
    ("file:///etc/passwd", "file"),
    ("data:video/mp4;base64,AAAA", "data"),
    ("javascript:alert(1)", "javascript"),
    ("https://", "host"),
    ("https:///f.mp4", "host"),
    ("https://?x", "host"),
    ("https://user:secret@example.org/f.mp4", "password"),
    ("https://user@example.org/f.mp4", "user name"),
    ("https://example.org\\@evil.example/", "backslash"),
    ("https://exa\tmple.org/f.mp4", "control"),
    ("https://example.org/f\r\nHost: x.mp4", "control"),
    ("https://example.org/\x00", "control"),
    ("https://example.org/\ud800", "control"),
    ("https://example.org:99999/f.mp4", "link"),
    ("https://example.org:port/f.mp4", "link"),
    ("https://[::1/f.mp4", "link"),
    ("https://exam ple.org/f.mp4", "host"),
    ("https://a..b/f.mp4", "host"),
    ("https://ex%61mple.org/f.mp4", "host"),
    ("https://" + "a" * 64 + ".org/", "host"),
    ("https://example.org/" + "a" * 2000, "2000"),
    ("https://example.org/" + "ü" * 1000, "escaped"),
    ("https://www.youtube.com/", "not one video"),
    ("https://www.youtube.com/playlist?list=PL634F2B56B8C346A2", "playlist"),
    ("https://www.youtube.com/embed/videoseries?list=PL634F2B56B8C346A2", "playlist"),
    ("https://www.youtube.com/@nasa", "channel"),
    ("https://www.youtube.com/channel/UCLA_DiR1FfKNvjuUpBHmylQ", "channel"),
    ("https://www.youtube.com/embed/live_stream?channel=UCLA_DiR1FfKNvjuUpBHmylQ", "channel"),
    ("https://www.youtube.com/watch?v=tooshort", "not one video"),
    ("https://www.youtube.com/watch?v=dQw4w9WgXcQtoolong", "not one video"),
    ("https://vimeo.com/staffpicks", "Vimeo"),
    ("https://vimeo.com/channels/staffpicks", "Vimeo"),
    ("https://www.tiktok.com/@nasa", "TikTok"),
    ("https://www.tiktok.com/@nasa/photo/7106594312292453675", "TikTok"),
    ("https://www.instagram.com/nasa/", "Instagram"),
    ("https://www.instagram.com/reels/audio/12345678/", "Instagram"),
]


@pytest.mark.parametrize(("pasted", "expected"), SPELLINGS)
def test_every_spelling_becomes_the_one_address(pasted: str, expected: str) -> None:
    assert clean(pasted).url == expected


@pytest.mark.parametrize(
    ("url", "video_id"),
    [
        ("https://youtu.be/dQw4w9WgXcQ", "youtube:dQw4w9WgXcQ"),
        ("https://vimeo.com/22439234/9f3c0a1b2c", "vimeo:22439234"),
        (TIKTOK, "tiktok:7106594312292453675"),
        ("https://www.tiktok.com/embed/v2/7106594312292453675", "tiktok:7106594312292453675"),
        (REEL, "instagram:CtjoC2BNsB2"),
        ("https://example.org/f.mp4", "url:bfdbc3e28d097b15ab241cf1031e56af"),
    ],
)
def test_the_video_is_named_by_its_platform_or_its_address(url: str, video_id: str) -> None:
    link = clean(url)
    assert (link.video_id, link.platform) == (video_id, video_id.split(":")[0])


@pytest.mark.parametrize(("pasted", "reason"), REFUSED)
def test_what_is_not_one_public_video_is_refused_with_a_reason(pasted: str, reason: str) -> None:
    with pytest.raises(Refused, match=re.escape(reason)):
        clean(pasted)


def test_an_upload_is_named_by_its_content() -> None:
    assert upload_video_id("ab" * 32) == "file:" + "ab" * 16


HOSTS = st.sampled_from([e.split("/")[2] for _, e in SPELLINGS]) | st.text(max_size=20)
LINKS = st.builds(
    "{}{}/{}?{}#{}".format,
    st.sampled_from(["http://", "https://", "HTTPS://", "file://", "", "//"]),
    HOSTS,
    st.text(max_size=40)
    | st.from_regex(r"(watch|embed|video|p|@a/video|\.\.|%2e|%zz|/)*[a-z0-9]{0,12}", fullmatch=True),
    st.text(max_size=40) | st.from_regex(r"(v=[A-Za-z0-9_-]{11}|utm_a=b|h=[0-9a-f]{8}|&|%26)*", fullmatch=True),
    st.text(max_size=5),
)


@given(LINKS | st.text() | st.sampled_from([pasted for pasted, _ in SPELLINGS + REFUSED]))
def test_any_text_is_cleaned_for_good_or_refused(text: str) -> None:
    try:
        link = clean(text)
    except Refused:
        return
    assert clean(link.url) == CleanedLink(url=link.url, video_id=link.video_id, platform=link.platform)
    assert link.url.isascii()
    msgspec.convert(link.video_id, VideoId)
